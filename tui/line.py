"""A line of a list: an entry as it is drawn, every string of it past `safe_text`.

This and `tui.rendering` are where text of entries becomes something to draw; widgets get nothing else.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from vault.browsing import Item, item_of
from vault.classification import Classification
from vault.text import one_line, safe_text

if TYPE_CHECKING:
    from vault.search.hit import Hit

SHORT = {
    Classification.GENERAL: "gen",
    Classification.CHRONOLOGICAL: "chr",
    Classification.CONFIDENTIAL: "con",
    Classification.SECRET: "sec",
    Classification.ULTRASECRET: "ult",
}
"""Three letters of each class, so that it can be told without colour."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a list shows of an entry; all of it safe to draw."""

    id: str
    classification: Classification
    title: str
    detail: str
    """Snippet of a hit with its matches in ``**``, else what the body goes on with."""
    tags: tuple[str, ...]
    created: datetime
    explained: str = ""
    """How each leg of the search ranked it."""
    conflict: bool = False
    marked: bool = False
    """Whether ``**`` in the detail are marks of matches."""


def of_item(item: Item) -> Line:
    """The line of a listed entry."""
    row = item.row
    title = _clean(item.headline, 200)
    return Line(
        row.id,
        item.classification,
        title or "(no words)",
        _after(_clean(row.lead, 400), title),
        tuple(_clean(tag, 64) for tag in row.tags[:8]),
        row.created,
        conflict=row.conflict,
    )


def of_hit(hit: "Hit") -> Line:
    """The line of a hit."""
    line = of_item(item_of(hit.entry))
    legs = "  ".join(f"{name} #{leg.rank} {leg.score:.2f}" for name, leg in hit.legs.items())
    return Line(
        line.id,
        line.classification,
        line.title,
        _clean(hit.snippet, 400),
        line.tags,
        line.created,
        explained=f"{hit.score:.4f}  {legs}" if legs else "",
        conflict=line.conflict,
        marked=True,
    )


def day(moment: datetime, now: datetime) -> str:
    """*moment* in at most six characters: the time today, the day this year, else the month and year."""
    local, today = moment.astimezone(), now.astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%d %b}" if local.year == today.year else f"{local:%b %y}"


def minute(moment: datetime) -> str:
    """Local date and time to the minute."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _clean(text: str, limit: int) -> str:
    return safe_text(text[:limit], newlines=False)


def _after(lead: str, title: str) -> str:
    """The beginning of the body without the heading or first line that the title already says."""
    bare = lead.lstrip("#>*-+ ")
    return (bare[len(title) :] if title and bare.startswith(title) else one_line(lead, 400)).lstrip(" .:#-–*")
