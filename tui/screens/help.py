"""All keys, from the table of actions, as they are bound now; and the commands."""

import textwrap
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.commands import COMMANDS
from tui.keymap import ACTIONS, PLACES, setting, shown
from tui.widgets.moving import Sheet

if TYPE_CHECKING:
    from tui.app import MemoryApp

_KEYS = 14
_WIDTH = 67
"""Cells that the words have; more would wrap at 80 columns."""


class HelpScreen(ModalScreen[None]):
    """The keys."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("escape,q,question_mark,enter", "dismiss", show=False),
    ]
    app: "MemoryApp"

    def compose(self) -> ComposeResult:
        """One column, by place."""
        with Sheet(classes="box wide"):
            yield Static(Content.assemble(*self._lines()))

    def _lines(self) -> list[tuple[str, str] | str]:
        parts: list[tuple[str, str] | str] = []
        for place, heading in PLACES.items():
            parts.append((f"{heading}\n", "bold $primary"))
            for action in (a for a in ACTIONS if a.place == place):
                keys = shown(self.app.rebinding.get(setting(action), action.keys))
                parts += [(f"  {keys:<{_KEYS}}", "bold"), f"{_wrapped(action.help, _KEYS + 2)}\n"]
            parts.append("\n")
        parts.append(("Commands\n", "bold $primary"))
        for command in COMMANDS.values():
            parts += [(f"  :{command.usage:<{_KEYS + 2}}", "bold"), f"{_wrapped(command.help, _KEYS + 5)}\n"]
        parts += ["\n", ("Tab goes from pane to pane, the mouse works, Esc goes back.", "$faint")]
        return parts


def _wrapped(text: str, indent: int) -> str:
    """*text* over several lines, the further ones below the first."""
    return f"\n{' ' * indent}".join(textwrap.wrap(text, _WIDTH - indent + 2))
