"""Chronological entries by day, and what was on this day in other years."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual.widgets.option_list import Option

from tui.keymap import bindings
from tui.line import Line, of_item
from tui.messages import Changed, LocksChanged, Opened, Told
from tui.thread import AT_ONCE
from tui.widgets.bars import KeyBar
from tui.widgets.entry_list import EntryList
from tui.widgets.moving import Choices
from tui.widgets.reader import Reader
from tui.widgets.scrolled import Scrolled

if TYPE_CHECKING:
    from tui.app import MemoryApp
    from vault.vault import Vault

MOST = 1000
"""Entries of one day that are listed."""
CHRONOLOGICAL = "class:chronological"


@dataclass
class _Days(Told):
    days: list[tuple[str, int]]
    """``YYYY-MM-DD`` and how many entries, latest first."""


@dataclass
class _Day(Told):
    day: str
    lines: list[Line]
    other_years: list[Line]
    """What was on this day of them."""


class TimelineScreen(Screen[None]):
    """Days left, the day's entries in the middle, the entry right, other years below."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        *bindings("timeline"),
        Binding("escape,q,L", "dismiss", show=False),
        Binding("j", "step(1)", show=False),
        Binding("k", "step(-1)", show=False),
    ]
    app: "MemoryApp"

    def __init__(self) -> None:
        super().__init__(id="timeline")
        self._query = CHRONOLOGICAL
        self._days: list[tuple[str, int]] = []
        self._day = ""

    def compose(self) -> ComposeResult:
        """Heading, panes, keys."""
        yield Static("", id="heading")
        with Horizontal(classes="panes"):
            yield Choices(id="days", compact=True)
            with Vertical(id="of-day"):
                yield EntryList(id="day-list", empty="nothing on this day")
                yield Static(" ON THIS DAY IN OTHER YEARS", id="other-title")
                yield EntryList(id="other-list", empty="nothing in other years", quiet=True)
            yield Reader(id="day-reader")
        yield KeyBar("timeline", leave="back")

    def on_mount(self) -> None:
        """The days."""
        self._ask()

    def _ask(self) -> None:
        query = self._query
        what = "chronological entries" if query else "all entries"
        self.query_one("#heading", Static).update(Content(f" timeline · {what} by day"))
        if query and not any(c.value == "chronological" for c in self.app.locks.opened):
            self.post_message(_Days([]))
            return
        self.app.ask(lambda v: _Days(list(v.browsing.facets(query, ["day"], 50_000).days)), self)

    @on(_Days)
    def _got_days(self, message: _Days) -> None:
        self._days = message.days
        listed = self.query_one("#days", Choices)
        listed.clear_options()
        listed.add_options([Option(_said(day, n)) for day, n in message.days[:MOST]])
        if message.days:
            listed.highlighted = 0
            listed.focus()
        else:
            for each in self.query(EntryList):
                each.clear()
            self.query_one(Reader).clear("nothing by day here (c shows all classes)")

    @on(Choices.OptionHighlighted, "#days")
    def _highlighted(self, message: Choices.OptionHighlighted) -> None:
        self._day = self._days[message.option_index][0]
        self._ask_day(self._day)

    def _ask_day(self, day: str) -> None:
        query = f"{self._query} on:{day}"

        def of_day(vault: "Vault") -> _Day:
            order = vault.browsing.order(query, limit=MOST)
            items = [item for item in vault.browsing.window(order, 0, MOST) if item is not None]
            others = vault.browsing.on_this_day(date.fromisoformat(day))
            return _Day(day, [of_item(i) for i in reversed(items)], [of_item(i) for i in others])

        self.app.ask(of_day, self, urgency=AT_ONCE, group="day")

    @on(_Day)
    def _got_day(self, message: _Day) -> None:
        if message.day == self._day:
            self.query_one("#day-list", EntryList).show(len(message.lines), message.lines)
            self.query_one("#other-list", EntryList).show(len(message.other_years), message.other_years)

    @on(EntryList.Highlighted)
    def _line(self, message: EntryList.Highlighted) -> None:
        if message.listed.id == "other-list" and not message.listed.has_focus:
            return
        if message.line is None:
            self.query_one(Reader).clear()
        else:
            wanted = message.line.id
            self.app.ask(lambda v: Opened(v.get(wanted)), self, group="entry")

    @on(Opened)
    def _opened(self, message: Opened) -> None:
        self.query_one(Reader).show(message.entry)

    @on(Changed)
    @on(LocksChanged)
    def _again(self) -> None:
        self._ask()

    def action_step(self, by: int) -> None:
        """Up or down in the list or entry that has the focus."""
        if isinstance(self.focused, Scrolled):
            self.focused.step(by)

    def action_every_class(self) -> None:
        """All classes, or chronological alone."""
        self._query = "" if self._query else CHRONOLOGICAL
        self._ask()


def _said(day: str, count: int) -> Content:
    moment = datetime.fromisoformat(day)
    return Content.assemble((f" {moment:%a} ", "$faint"), f"{moment:%d %b %Y}", (f" {count:>4,}", "$faint"))
