"""The revisions of one entry, newest first, each with what it changed; any text can be brought back."""

import difflib
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import chop_cells
from rich.segment import Segment
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static
from textual.widgets.option_list import Option

from tui.keymap import bindings
from tui.line import SHORT, minute
from tui.messages import Answer, Changed, LocksChanged, Remembered
from tui.undo import Step
from tui.widgets.bars import KeyBar
from tui.widgets.moving import Choices
from tui.widgets.strip_view import StripView
from vault.text import one_line, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style

    from tui.app import MemoryApp
    from vault.changing import Version
    from vault.entry import Entry
    from vault.vault import Vault

MOST_LINES = 4000
"""Lines of each text that are compared."""


class Difference(StripView):
    """What one text has and another has not."""

    COMPONENT_CLASSES = {"diff--added", "diff--gone", "diff--same", "diff--place"}  # noqa: RUF012

    @dataclass
    class Drawn(Answer):
        """The lines of a comparison."""

        strips: list[Strip]

    _number = 0

    def compare(self, old: str, new: str) -> None:
        """Show what became of *old* in *new*."""
        self._number += 1
        self._compare(self._number, old, new, self.text_width)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _compare(self, number: int, old: str, new: str, width: int) -> None:
        styles = {
            mark: self.get_component_rich_style(f"diff--{name}", partial=True)
            for mark, name in (("+", "added"), ("-", "gone"), (" ", "same"), ("@", "place"))
        }
        before, after = (safe_text(t).expandtabs(4).split("\n")[:MOST_LINES] for t in (old, new))
        found = list(difflib.unified_diff(before, after, lineterm="", n=3))[3:]  # without its heading
        strips = [s for line in found for s in _lines(line, width, styles)]
        self.post_message(self.Drawn(number, strips or _lines(" the text is the same", width, styles)))

    def on_difference_drawn(self, message: "Difference.Drawn") -> None:
        """Draw it, unless another was asked for since."""
        if message.number == self._number:
            self.draw(message.strips, top=True)


def _lines(line: str, width: int, styles: "dict[str, Style]") -> list[Strip]:
    mark = line[:1] or " "
    style = styles.get(mark, styles[" "])
    if mark == "@":
        return [Strip([Segment("┄" * min(width, 24), style)])]
    words = textwrap.wrap(line[1:], width - 2, replace_whitespace=False, drop_whitespace=False)
    pieces = [piece for part in words for piece in chop_cells(part, width - 2)] or [""]
    return [Strip([Segment(f"{mark if i == 0 else ' '} {piece}", style)]) for i, piece in enumerate(pieces)]


class HistoryScreen(Screen[None]):
    """Revisions left, the difference right."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        *bindings("history"),
        Binding("escape,q,h", "dismiss", show=False),
    ]
    app: "MemoryApp"

    def __init__(self, entry: "Entry") -> None:
        """Of *entry*."""
        super().__init__(id="history")
        self.entry = entry
        self._versions: Sequence[Version] = ()

    def compose(self) -> ComposeResult:
        """Heading, two panes, keys."""
        title = safe_text(self.entry.title or one_line(self.entry.text), newlines=False)
        yield Static(Content(f" history · {title}"), id="heading")
        with Horizontal(classes="panes"):
            yield Choices(id="versions", compact=True)
            yield Difference(id="difference")
        yield KeyBar("history", leave="back")

    def on_mount(self) -> None:
        """Ask for the revisions."""
        self._ask()

    def _ask(self) -> None:
        self.app.ask(lambda v: Remembered(v.history(self.entry.id)), self)

    @on(Remembered)
    def _remembered(self, message: Remembered) -> None:
        self._versions = message.versions
        listed = self.query_one(Choices)
        listed.clear_options()
        listed.add_options([Option(_said(v)) for v in message.versions])
        listed.highlighted = 0
        listed.focus()

    @on(Choices.OptionHighlighted)
    def _highlighted(self, message: Choices.OptionHighlighted) -> None:
        version = self._versions[message.option_index]
        older = next((v for v in self._versions[message.option_index + 1 :] if v.kind == "text"), None)
        self.query_one(Difference).compare(older.entry.text if older else "", version.entry.text)

    def action_restore(self) -> None:
        """Bring the revision here back, as a new one."""
        place = self.query_one(Choices).highlighted
        if place is None or self._versions[place].kind != "text":
            return
        version = self._versions[place]
        entry_id, before = self.entry.id, next((v.name for v in self._versions if v.head), "")

        def restore(vault: "Vault") -> Changed:
            vault.restore(entry_id, version.name)
            back = (lambda v: v.restore(entry_id, before),) if before else ()
            return Changed("revision restored", Step("restore", back, (lambda v: v.restore(entry_id, version.name),)))

        self.app.change(restore)

    @on(Changed)
    def _changed(self) -> None:
        self._ask()

    @on(LocksChanged)
    def _locked(self) -> None:
        """What was open may be locked now."""
        if self.entry.classification not in self.app.locks.opened:
            self.dismiss()


def _said(version: "Version") -> Content:
    what = {"trash": "put in the trash", "moved": "moved away"}.get(version.kind, "")
    head = ("● ", "$success") if version.head else "  "
    name = version.entry.classification
    return Content.assemble(
        head, minute(version.updated), "  ", (SHORT[name], f"$class-{name.value}"), "\n  ",
        (what or f"{version.name[:8]} · device {version.device[:6]}", "$faint"),
    )  # fmt: skip
