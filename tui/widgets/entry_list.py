"""A list of entries that draws only the lines in sight, however many there are.

It holds a window of lines around what is visible and asks for others with `Wanted`; whoever owns it answers
with `fill`. A line that has not come yet is drawn as a placeholder, so scrolling never waits.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from tui.line import Line
from tui.widgets import rows
from tui.widgets.scrolled import Scrolled

KEPT = 600
"""Lines held around the visible ones; the rest is asked for again."""
AHEAD = 60
"""Lines read before and after those in sight."""


class EntryList(Scrolled, can_focus=True, inherit_bindings=False):
    """Entries, one or two rows each."""

    ALLOW_SELECT = False
    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("down", "step(1)", show=False),
        Binding("up", "step(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
    ]
    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's way)
        "list--cursor",
        "list--chosen",
        "list--detail",
        "list--match",
        "list--date",
        "list--general",
        "list--chronological",
        "list--confidential",
        "list--secret",
        "list--ultrasecret",
    }
    cursor: reactive[int] = reactive(0)
    tall: reactive[bool] = reactive(True)
    """Two rows an entry, or one."""
    explain: reactive[bool] = reactive(False)

    @dataclass
    class Wanted(Message):
        """Lines from *first* up to *end* are not here."""

        listed: "EntryList"
        first: int
        end: int

    @dataclass
    class Highlighted(Message):
        """The cursor stands on another entry, or on none."""

        listed: "EntryList"
        line: Line | None

    @dataclass
    class Activated(Message):
        """The entry was pressed or clicked again."""

        listed: "EntryList"
        line: Line

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 (Textual's name)
        empty: str = "nothing here",
        tall: bool = True,
        quiet: bool = False,
    ) -> None:
        """*empty* is what an empty list says; a *quiet* one shows its cursor only while it has the focus."""
        super().__init__(id=id)
        self.set_reactive(EntryList.tall, tall)
        self.empty = empty
        self.quiet = quiet
        self.total = 0
        self.chosen: set[str] = set()
        self._lines: dict[int, Line | None] = {}
        self._wanted = (0, 0)
        self._told: Line | None = None
        self._styles: dict[str, Style] = {}
        self._drawn: dict[Hashable, Strip] = {}

    # -- contents -------------------------------------------------------------------------------------

    def show(self, total: int, lines: Sequence[Line] = (), keep: str | None = None) -> None:
        """List *total* entries anew, beginning with *lines*; the cursor stays with entry *keep* if it is there."""
        self.total = total
        self._lines = dict(enumerate(lines))
        self._wanted = (0, 0)
        self._told = None
        place = next((i for i, line in enumerate(lines) if line.id == keep), None) if keep else None
        self.set_reactive(EntryList.cursor, min(place or 0, max(0, total - 1)))
        self._resize()
        self.scroll_to(y=0, animate=False)
        if place:
            self._into_view()
        self.refresh()
        self._want()
        self._tell()

    def grow(self, total: int) -> None:
        """The same listing turned out to have *total* lines."""
        self.total = total
        self.cursor = min(self.cursor, max(0, total - 1))
        self._resize()
        self._want()

    def fill(self, start: int, lines: Sequence[Line | None]) -> None:
        """Lines that were asked for."""
        self._lines.update(enumerate(lines, start))
        self._wanted = (0, 0)
        if len(self._lines) > 2 * KEPT:
            first = self._first
            self._lines = {i: line for i, line in self._lines.items() if abs(i - first) <= KEPT}
        self.refresh()
        self._tell()

    def clear(self, empty: str | None = None) -> None:
        """Hold nothing any more."""
        self.empty = self.empty if empty is None else empty
        self.chosen.clear()
        self._drawn.clear()
        self.show(0)

    def line(self, index: int | None = None) -> Line | None:
        """The line at *index*, or under the cursor, if it is here."""
        return self._lines.get(self.cursor if index is None else index)

    @property
    def lines(self) -> list[Line]:
        """The lines that are here."""
        return [line for line in self._lines.values() if line is not None]

    # -- moving ---------------------------------------------------------------------------------------

    def go(self, index: int) -> None:
        """Put the cursor on *index*, or as near as there is."""
        self.cursor = max(0, min(index, self.total - 1))

    def validate_cursor(self, cursor: int) -> int:
        """Within the list."""
        return max(0, min(cursor, self.total - 1))

    def watch_cursor(self) -> None:
        """Keep it in sight."""
        self._into_view()
        self.refresh()
        self._want()
        self._tell()

    def watch_tall(self) -> None:
        """As many rows as that makes."""
        self._resize()
        self._into_view()

    def watch_explain(self) -> None:
        """Draw the explanations, or no longer."""
        self.refresh()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Ask for what came into sight."""
        super().watch_scroll_y(old, new)
        self._want()

    def step(self, by: int) -> None:
        """The cursor by so many entries."""
        self.go(self.cursor + by)

    def go_first(self) -> None:
        """To the first entry."""
        self.go(0)

    def go_last(self) -> None:
        """To the last."""
        self.go(self.total - 1)

    def action_step(self, by: int) -> None:
        """One down or up."""
        self.step(by)

    def action_page(self, by: int) -> None:
        """A screenful down or up."""
        self.step(by * max(1, self._visible - 1))

    def action_first(self) -> None:
        """To the first."""
        self.go_first()

    def action_last(self) -> None:
        """To the last."""
        self.go_last()

    def on_click(self, event: events.Click) -> None:
        """The line that was clicked; clicked again, it is opened."""
        index = (event.y + self.scroll_offset.y) // self._height
        if index >= self.total:
            return
        again = index == self.cursor
        self.go(index)
        if (again or event.chain > 1) and (line := self.line()) is not None:
            self.post_message(self.Activated(self, line))

    @property
    def seen(self) -> int:
        """Lines that there is room for."""
        return self._visible + 1

    def on_resize(self) -> None:
        """Lines are as wide as the list."""
        self._resize()
        self._want()

    # -- drawing --------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width = self.size.width
        index, row = divmod(y + self.scroll_offset.y, self._height)
        if index >= self.total:
            return self._blank(y, width)
        line = self._lines.get(index)
        if line is None:
            return self._row(index, row, None, width)
        key = (row, width, index == self.cursor, self.has_focus, line.id in self.chosen, self.explain, line)
        if key not in self._drawn:  # drawn once, also for the next question: a strip remembers what filters made of it
            if len(self._drawn) > KEPT:
                self._drawn.clear()
            self._drawn[key] = self._row(index, row, line, width)
        return self._drawn[key]

    def _row(self, index: int, row: int, line: Line | None, width: int) -> Strip:
        here = index == self.cursor and (self.has_focus or not self.quiet)
        base = self._style("list--cursor") if here else self._base
        if line is None:
            return Strip([Segment("  ·", base)], 3).adjust_cell_length(width, base)
        chosen = line.id in self.chosen
        mark = self._style("list--chosen") if chosen else self._style(f"list--{line.classification}")
        if row == 0:
            segments = rows.first(line, width, base, self._style)
        else:
            segments = rows.second(line, width, base, self._style, explain=self.explain)
        bar = "▶" if index == self.cursor and self.has_focus and row == 0 else "▌"
        return Strip([Segment("✓" if chosen and row == 0 else bar, base + mark), *segments]).adjust_cell_length(
            width, base
        )

    def _blank(self, y: int, width: int) -> Strip:
        text = f"  {self.empty}" if self.total == 0 and y == 1 else ""
        return Strip([Segment(text, self._base + self._style("list--detail"))]).adjust_cell_length(width, self._base)

    @property
    def _base(self) -> Style:
        """The style of the widget itself; asked for in every row, so it is kept."""
        if "" not in self._styles:
            self._styles[""] = self.rich_style
        return self._styles[""]

    def _style(self, name: str) -> Style:
        """A component's style without its background, so that the cursor's shows through."""
        if name not in self._styles:
            style = self.get_component_rich_style(name, partial=name != "list--cursor")
            self._styles[name] = style
        return self._styles[name]

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._styles.clear()
        self._drawn.clear()

    # -- windows --------------------------------------------------------------------------------------

    @property
    def _height(self) -> int:
        return 2 if self.tall else 1

    @property
    def _first(self) -> int:
        return self.scroll_offset.y // self._height

    @property
    def _visible(self) -> int:
        return max(1, self.size.height // self._height)

    def _resize(self) -> None:
        self.virtual_size = Size(self.size.width, self.total * self._height)

    def _into_view(self) -> None:
        top = self.cursor * self._height
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False)
        elif top + self._height > self.scroll_offset.y + self.size.height:
            self.scroll_to(y=top + self._height - self.size.height, animate=False)

    def _want(self) -> None:
        """Ask for lines in sight, and around, that are not here and have not been asked for."""
        sight = range(self._first, min(self.total, self._first + self._visible + 2))
        missing = [i for i in (*sight, *([self.cursor] if self.cursor < self.total else [])) if i not in self._lines]
        if not missing or (self._wanted[0] <= missing[0] and missing[-1] < self._wanted[1]):
            return
        start, stop = max(0, missing[0] - AHEAD), min(self.total, missing[-1] + 1 + AHEAD)
        if missing[-1] - missing[0] > KEPT:  # the cursor has jumped far from what is in sight
            start, stop = max(0, self.cursor - AHEAD), min(self.total, self.cursor + AHEAD)
        self._wanted = (start, stop)
        self.post_message(self.Wanted(self, start, stop))

    def _tell(self) -> None:
        line = self.line() if self.total else None
        if line is not None or self.total == 0:
            told, self._told = self._told, line
            if line is None or told is None or told.id != line.id:
                self.post_message(self.Highlighted(self, line))
