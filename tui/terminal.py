"""What the app needs of the terminal beyond drawing on it; whoever builds the app brings one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from vault.errors import Aborted, VaultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.app import MemoryApp
    from vault.classification import Classification
    from vault.keys.keyslots import Secret


class Terminal(Protocol):
    """The person at the terminal device, for what must not go through a field of the app."""

    has_agent: bool
    """Whether classes are opened in another process; if not, the app asks for secrets and opens them itself."""

    def unlock(self, classes: "Sequence[Classification]") -> bool:
        """Have *classes* opened in the agent, asking at the terminal device; False if nothing came of it."""
        ...

    def ask_secrets(self, group: str) -> "Sequence[Secret]":
        """What opens a passphrase group (vault, secret, ultrasecret), asked for at the terminal device."""
        ...

    def edit(self, text: str) -> str:
        """What the person's editor makes of *text*, in a buffer that is no disk."""
        ...


class Aside:
    """Leaves the screen while the person at the terminal is asked something."""

    def __init__(self, app: "MemoryApp", terminal: Terminal) -> None:
        """The screen of *app*."""
        self._app, self._terminal = app, terminal
        self.has_agent = terminal.has_agent

    def __call__(self, ask: Callable[[Terminal], Any]) -> Any:
        """What *ask* was answered; None where the person does not answer."""
        try:
            with self._suspended():
                return ask(self._terminal)
        except Aborted:
            return None
        except VaultError as error:
            self._app.show_error(error.message, error.remedy)
            return None
        finally:
            self._app.locks.touch()
            self._app.refresh(layout=True)

    @contextmanager
    def _suspended(self) -> Iterator[None]:
        driver = self._app._driver  # noqa: SLF001 (Textual tells by nothing else whether it draws on a terminal)
        if driver is not None and driver.can_suspend:
            with self._app.suspend():
                yield
        else:
            yield  # no terminal of ours is in use, as in tests
