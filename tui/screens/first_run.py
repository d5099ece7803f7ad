"""The first run: what a vault is, and the two choices to make before `memory init` asks for passphrases."""

from dataclasses import dataclass, replace
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.themes import THEMES

_ABOUT = """\
There is no vault here yet. A vault keeps what you write in five classes, each sealed under a key of its own:
"""
_CLASSES = (
    ("general", "notes, how-tos, what anybody may see"),
    ("chronological", "what happened when: a diary, a log"),
    ("confidential", "what is yours: people, money, health"),
    ("secret", "passwords, keys, what must not get out"),
    ("ultrasecret", "what even an open vault should not show"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the vault is to be made."""

    single: bool = False
    """One passphrase for all classes instead of three."""
    model: bool = True
    """Whether to install the local model now."""


class FirstRun(App[Wanted | None]):
    """Runs before there is a vault; returns what is wanted, or None."""

    TITLE = "memory"
    CSS_PATH = "../theme.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", show=False),
        Binding("escape,q", "leave", show=False),
        Binding("s", "single", show=False),
        Binding("m", "model", show=False),
    ]

    def __init__(self, theme: str = "dark") -> None:
        """In the look called *theme*."""
        super().__init__()
        for each in THEMES.values():
            self.register_theme(each)
        self.theme = theme
        self._wanted = Wanted()

    def compose(self) -> ComposeResult:
        """One box."""
        with Vertical(id="first-run"):
            yield Static(Content.assemble(("memory\n", "bold $primary"), "\n", _ABOUT), id="about")
            yield Static("", id="choices")

    def on_mount(self) -> None:
        """Draw the choices."""
        self._draw()

    def _draw(self) -> None:
        lines: list[tuple[str, str] | str] = []
        for name, what in _CLASSES:
            lines += [("  ● ", f"$class-{name}"), (f"{name:<15}", f"bold $class-{name}"), (f"{what}\n", "$faint")]
        single, model = self._wanted.single, self._wanted.model
        lines += [
            "\n",
            ("s", "bold"),
            f"  [{'x' if single else ' '}] one passphrase for everything ",
            ("(otherwise three, by class)\n", "$faint"),
            ("m", "bold"),
            f"  [{'x' if model else ' '}] install the local model now ",
            ("(finds by meaning; 90 MB, once)\n", "$faint"),
            "\n",
            ("Enter", "bold $primary"),
            " makes the vault: it asks for passphrases, then shows a recovery kit\n",
            ("Esc", "bold"),
            " leaves",
        ]
        self.query_one("#choices", Static).update(Content.assemble(*lines))

    def action_single(self) -> None:
        """One passphrase, or three."""
        self._wanted = replace(self._wanted, single=not self._wanted.single)
        self._draw()

    def action_model(self) -> None:
        """The model now, or later."""
        self._wanted = replace(self._wanted, model=not self._wanted.model)
        self._draw()

    def action_go_on(self) -> None:
        """Make it."""
        self.exit(self._wanted)

    def action_leave(self) -> None:
        """Not now."""
        self.exit(None)
