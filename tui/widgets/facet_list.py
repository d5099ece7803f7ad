"""Classes, tags, sources and months with their counts; each is a filter of the query that a press puts in or out."""

from dataclasses import dataclass

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from tui.widgets.scrolled import Scrolled
from vault.browsing import Facets
from vault.text import safe_text

_TAGS, _SOURCES, _MONTHS = 12, 6, 12
"""How many of each are worth the room."""


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    """Safe to draw."""
    count: int
    token: str
    """What it puts into the query; empty for a heading."""
    component: str = ""


class FacetList(Scrolled, can_focus=True, inherit_bindings=False):
    """The facets of what is listed."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's way)
        "facet--heading",
        "facet--count",
        "facet--cursor",
        "facet--active",
        "facet--general",
        "facet--chronological",
        "facet--confidential",
        "facet--secret",
        "facet--ultrasecret",
    }
    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("down", "step(1)", show=False),
        Binding("up", "step(-1)", show=False),
        Binding("enter,space", "press", show=False),
    ]
    cursor: reactive[int] = reactive(0)

    @dataclass
    class Pressed(Message):
        """A facet goes into the query, or out of it."""

        token: str

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: list[_Row] = []
        self._active: frozenset[str] = frozenset()

    def show(self, facets: Facets | None, active: frozenset[str] = frozenset()) -> None:
        """Show *facets*; the tokens in *active* are in the query now. None shows nothing."""
        here = self._token(self.cursor)
        self._rows = _rows(facets) if facets is not None else []
        self._active = active
        self.cursor = next((i for i, row in enumerate(self._rows) if here and row.token == here), self.cursor)
        self.virtual_size = Size(self.size.width, len(self._rows))
        if not self._token(self.cursor):
            self.step(1)
        self.refresh()

    def _token(self, index: int) -> str:
        return self._rows[index].token if 0 <= index < len(self._rows) else ""

    def step(self, by: int) -> None:
        """To the next facet in that direction."""
        place = self.cursor + by
        while 0 <= place < len(self._rows) and not self._token(place):
            place += by
        if self._token(place):
            self.cursor = place

    def go_first(self) -> None:
        """To the first facet."""
        self.cursor = 0
        self.step(1)

    def go_last(self) -> None:
        """To the last."""
        self.cursor = max(0, len(self._rows) - 1)

    def action_step(self, by: int) -> None:
        """One down or up."""
        self.step(by)

    def action_press(self) -> None:
        """Filter by the facet here, or no longer."""
        if token := self._token(self.cursor):
            self.post_message(self.Pressed(token))

    def on_click(self, event: events.Click) -> None:
        """As a press."""
        place = event.y + self.scroll_offset.y
        if self._token(place):
            self.cursor = place
            self.action_press()

    def watch_cursor(self) -> None:
        """Keep it in sight."""
        if self.cursor < self.scroll_offset.y or self.cursor >= self.scroll_offset.y + self.size.height:
            self.scroll_to(y=max(0, self.cursor - self.size.height // 2), animate=False)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row."""
        place, width, base = y + self.scroll_offset.y, self.size.width, self.rich_style
        if place >= len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[place]
        if not row.token:
            return self._strip([Segment(f" {row.label}", base + self._style("heading"))], width, base)
        if place == self.cursor and self.has_focus:
            base = self.get_component_rich_style("facet--cursor")
        active = row.token in self._active
        label = base + (self._style("active") if active else self._style(row.component) if row.component else Style())
        count = f"{row.count:,}"
        room = max(3, width - len(count) - 4)
        return self._strip(
            [
                Segment("✓ " if active else "  ", label),
                Segment(set_cell_size(row.label, room), label),
                Segment(f" {count}", base + self._style("count")),
            ],
            width,
            base,
        )

    def _strip(self, segments: list[Segment], width: int, base: Style) -> Strip:
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"facet--{name}", partial=True)


def _rows(facets: Facets) -> list[_Row]:
    rows = [_Row("CLASS", 0, ""), *(_Row(c.value, n, f"class:{c.value}", c.value) for c, n in facets.classes)]
    for heading, field, pairs in (
        ("TAGS", "tag", facets.tags[:_TAGS]),
        ("SOURCES", "source", tuple(p for p in facets.sources if p[0])[:_SOURCES]),
        ("MONTHS", "on", facets.months[:_MONTHS]),
    ):
        if pairs:
            rows += [_Row("", 0, ""), _Row(heading, 0, "")]
            rows += [_Row(safe_text(name, newlines=False), n, _filter(field, name)) for name, n in pairs]
    return rows


def _filter(field: str, name: str) -> str:
    """The query's token for a facet; a name with blanks is quoted."""
    clean = safe_text(name, newlines=False).replace('"', "")
    return f'{field}:"{clean}"' if " " in clean else f"{field}:{clean}"
