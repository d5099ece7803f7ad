"""The two rows of an entry in a list, as segments that fill a width to the cell."""

from collections.abc import Callable

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from tui import clock
from tui.line import SHORT, Line, day

Styles = Callable[[str], Style]
"""The style of a component of the list, by its name."""
_DATE = 6
_BEFORE, _AFTER = 8, 16
"""Characters of a snippet that should be seen before and from its first match."""


def first(line: Line, width: int, base: Style, style: Styles) -> list[Segment]:
    """Title and date."""
    when = day(line.created, clock.now())
    room = max(4, width - _DATE - 4)
    title = _fit(("⚡ " if line.conflict else "") + line.title, room)
    return [
        Segment(f" {title} ", base + Style(bold=True)),
        Segment(f"{when:>{_DATE}} ", base + style("list--date")),
    ]


def second(line: Line, width: int, base: Style, style: Styles, *, explain: bool) -> list[Segment]:
    """Class, then snippet, or tags and what the text goes on with; or how each leg of the search ranked it."""
    faint = base + style("list--detail")
    head = [Segment(f" {SHORT[line.classification]} ", base + style(f"list--{line.classification}"))]
    room = max(4, width - 7)
    if explain and line.explained:
        return [*head, Segment(_fit(line.explained, room), faint)]
    if line.marked:
        return [*head, *_highlighted(line.detail, room, faint, base + style("list--match"))]
    tags = " ".join(f"#{tag}" for tag in line.tags)
    text = f"{tags}  {line.detail}" if tags else line.detail
    return [*head, Segment(_fit(text, room), faint)]


def _fit(text: str, width: int) -> str:
    """*text* in exactly *width* cells, with an ellipsis where it is cut."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(f"{set_cell_size(text, width - 1).rstrip()}…" if width > 1 else text, width)


def _highlighted(text: str, width: int, plain: Style, match: Style) -> list[Segment]:
    """*text* with what stands between ``**`` in the match style, cut to *width* cells."""
    segments: list[Segment] = []
    first = text.find("**")
    if first > _BEFORE and first + _AFTER > width:  # the match would be cut off: begin shortly before it
        text = f"…{text[first - _BEFORE :].lstrip()}"
    for place, part in enumerate(text.split("**")):
        if width <= 0 or not part:
            continue
        cut = part if cell_len(part) <= width else _fit(part, width)
        segments.append(Segment(cut, match if place % 2 else plain))
        width -= cell_len(cut)
    return segments
