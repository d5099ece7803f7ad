"""Lines that are drawn already, to be scrolled through."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip

from tui.widgets.scrolled import Scrolled

if TYPE_CHECKING:
    from rich.style import Style


class StripView(Scrolled, can_focus=True):
    """Shows strips; *empty* where there are none."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"strips--empty"}  # noqa: RUF012 (Textual's way)

    def __init__(self, *, id: str, empty: str = "") -> None:  # noqa: A002
        """*empty* is what is shown when there is nothing to read."""
        super().__init__(id=id)
        self.empty = empty
        self._strips: Sequence[Strip] = ()
        self._base: Style | None = None
        self._drawn_lines: dict[tuple[int, int], Strip] = {}

    def draw(self, strips: Sequence[Strip], *, top: bool = False) -> None:
        """Show *strips*, from the *top* or where the view stands."""
        self._strips = strips
        self._drawn_lines.clear()
        self.virtual_size = Size(self.size.width, len(strips))
        if top:
            self.scroll_to(y=0, animate=False)
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._base = None
        self._drawn_lines.clear()

    @property
    def text_width(self) -> int:
        """Cells that a line has."""
        return max(20, self.size.width - 2)

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        place, width = y + self.scroll_offset.y, self.size.width
        base = self._base = self._base or self.rich_style
        if not self._strips:
            style = base + self.get_component_rich_style("strips--empty", partial=True)
            return Strip([Segment(f" {self.empty}" if y == 1 else "", style)]).adjust_cell_length(width, base)
        if place >= len(self._strips):
            return Strip.blank(width, base)
        if (place, width) not in self._drawn_lines:  # drawn once: a strip remembers what filters made of it
            line = Strip([Segment(" ", base), *self._strips[place]]).apply_style(base)
            self._drawn_lines[place, width] = line.crop(0, width).adjust_cell_length(width, base)
        return self._drawn_lines[place, width]
