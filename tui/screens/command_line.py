"""The ``:`` line at the bottom, with what fits under what is typed."""

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.commands import COMMANDS
from tui.screens.early import TypedEarly
from tui.widgets.fields import Field

if TYPE_CHECKING:
    from tui.app import MemoryApp


class CommandLine(TypedEarly, ModalScreen[str | None]):
    """One command."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("escape", "dismiss_none", show=False),
        Binding("tab", "complete", show=False, priority=True),
    ]
    app: "MemoryApp"

    def compose(self) -> ComposeResult:
        """What fits, and the field."""
        with Vertical(id="command-box"):
            yield Static("", id="command-hint")
            yield Field(id="command", placeholder="command", value=":")

    def on_mount(self) -> None:
        """Begin after the colon."""
        self.query_one("#command", Input).cursor_position = 1
        self._hint(":")

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        if not message.value.startswith(":"):
            self.dismiss(None)
        else:
            self._hint(message.value)

    def _hint(self, value: str) -> None:
        name = value[1:].split(" ", maxsplit=1)[0]
        fitting = [c for c in COMMANDS.values() if c.name.startswith(name)]
        if len(fitting) > 6:  # noqa: PLR2004 (six lines are enough)
            hint = Content("  ".join(c.name for c in fitting))
        else:
            hint = Content("\n").join([Content.assemble((f"{c.usage:<20}", "bold"), c.help) for c in fitting])
        self.query_one("#command-hint", Static).update(hint)

    def action_complete(self) -> None:
        """Fill the name in as far as it is certain."""
        field = self.query_one("#command", Input)
        name = field.value[1:]
        fitting = [c.name for c in COMMANDS.values() if c.name.startswith(name)]
        if len(fitting) == 1:
            field.value = f":{fitting[0]} "
            field.cursor_position = len(field.value)

    @on(Input.Submitted)
    def _said(self, message: Input.Submitted) -> None:
        self.dismiss(message.value)

    def action_dismiss_none(self) -> None:
        """No command."""
        self.dismiss(None)
