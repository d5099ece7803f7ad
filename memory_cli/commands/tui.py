"""``memory`` alone: the app, with the terminal as it needs it and the settings that are the app's."""

import gc
import subprocess
import sys
from typing import TYPE_CHECKING

from memory_cli import prompt
from memory_cli.session import GROUP_OF
from vault.classification import Classification
from vault.errors import Aborted, NoVault

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

    from memory_cli.session import Session
    from vault.keys.keyslots import Secret
    from vault.vault import Vault


class DeviceTerminal:
    """The person at the terminal device; the app steps aside while they are asked."""

    def __init__(self, session: "Session", vault: "Vault") -> None:
        """For *session*, whose *vault* the app has."""
        from vault.agent.peer import supported

        self._session, self._vault = session, vault
        self.has_agent = supported()

    def unlock(self, classes: "Sequence[Classification]") -> bool:
        """Have *classes* opened in the agent by a process of its own, so that no key is ever in the app's."""
        arguments = ["-P", "-m", "memory_cli", *self._session.options(), "unlock", "-q", *(c.value for c in classes)]
        keep = () if self._session.passphrase_fd is None else (self._session.passphrase_fd,)
        return subprocess.run([sys.executable, *arguments], check=False, pass_fds=keep).returncode == 0

    def ask_secrets(self, group: str) -> "Sequence[Secret]":
        """Where there is no agent: a passphrase, typed without echo, and what its keyslots need beside it."""
        return self._session.ask(self._vault, group)

    def edit(self, text: str) -> str:
        """What the editor makes of *text*; from here on the app holds it until it is saved."""
        buffer = prompt.Buffer(text)
        changed = buffer.edit(self._session.config["capture.editor"])
        buffer.discard()
        return changed


def run(context: "typer.Context") -> None:
    """Open the vault and live in it until the person leaves; without a vault, lead them to one.

    Raises:
        InvalidInput: a setting of the app makes no sense; NoVault: they did not want one.
    """
    gc.disable()  # what is loaded now stays: looking through it again and again would be a tenth of the start
    from tui.app import build_app

    session: Session = context.obj
    try:
        session.need_vault()
    except NoVault:
        _first_run(context)
    with session.shut(agent=True) as vault:
        terminal = DeviceTerminal(session, vault)
        secrets = () if vault.open_classes else _open(session, vault, terminal)
        app = build_app(vault, terminal, secrets=secrets, settings=session.config.under("tui"))
        gc.freeze()
        gc.enable()
        app.run()
    if app.failure is not None:
        raise app.failure


def _open(session: "Session", vault: "Vault", terminal: DeviceTerminal) -> "Sequence[Secret]":
    """Open what is open every day, in the agent; without one, give the secrets for the app to do it."""
    if not terminal.has_agent:
        return session.secrets_at_hand() or _typed()
    session.report.note("memory: Enter alone begins locked")
    terminal.unlock([c for c in Classification if c not in GROUP_OF])
    vault.attach()
    return ()


def _typed() -> "Sequence[Secret]":
    from vault.keys.keyslots import passphrase

    try:
        typed = prompt.read_passphrase("vault passphrase (Enter to begin locked): ")
    except Aborted:
        return ()
    try:
        return [passphrase(typed)] if typed else ()
    finally:
        typed[:] = bytes(len(typed))


def _first_run(context: "typer.Context") -> None:
    """Say what a vault is, make one, and install the model if the person wants it.

    Raises:
        Aborted: they do not want a vault now.
    """
    from memory_cli.commands.init import init
    from tui.screens.first_run import FirstRun

    session: Session = context.obj
    wanted = FirstRun().run()
    if wanted is None:
        raise Aborted("no vault was made", remedy="run: memory init")
    init(context, single_passphrase=wanted.single, keyfile=None, second_factor=None, recovery_file=None, yes=False)
    if wanted.model:
        from vault import config
        from vault.models.store import ModelStore

        with session.report.progress() as progress:
            ModelStore(config.models_path()).install_default(progress=progress)
