"""Charts in text: bars, stacked months, a year of days. Pure functions from numbers to `Content`.

Characters fall back to plain ones nowhere: blocks and squares are in every terminal's font. Colours are names of
the theme, so that charts change with it; without colour, height and density still tell.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from textual.content import Content

from vault.classification import Classification
from vault.text import safe_text

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_PARTS = " ▏▎▍▌▋▊▉█"
_SHADES = ("·", "░", "▒", "▓", "█")
_WEEK = 7


def bars(rows: Sequence[tuple[str, int]], width: int, style: str = "$primary") -> Content:
    """Names with horizontal bars and counts, in *width* cells; the longest bar is the largest count."""
    if not rows:
        return Content.assemble(("none yet", "$faint"))
    most = max(n for _, n in rows)
    names = [safe_text(name, newlines=False) for name, _ in rows]
    label = min(max(map(len, names)), width // 2)
    digits = max(len(f"{n:,}") for _, n in rows)
    room = max(4, width - label - digits - 2)
    lines = []
    for name, (_, n) in zip(names, rows, strict=True):
        eighths = max(1, round(room * 8 * n / most)) if n else 0
        bar = "█" * (eighths // 8) + (_PARTS[eighths % 8] if eighths % 8 else "")
        shown = name if len(name) <= label else name[: label - 1] + "…"
        lines.append(Content.assemble(f"{shown:<{label}} ", (f"{bar:<{room}}", style), (f" {n:>{digits},}", "$faint")))
    return Content("\n").join(lines)


def months(by_month: Mapping[str, Mapping[Classification, int]], width: int, height: int) -> Content:
    """Stacked columns of the latest months that fit, a class a colour; *height* rows and one of years below."""
    if not by_month:
        return Content.assemble(("nothing yet", "$faint"))
    every = _latest_months(min(by_month), max(by_month), max(1, (width - 7) // 2))
    most = max((sum(by_month.get(m, {}).values()) for m in every), default=1) or 1
    lines = []
    for row in range(height, 0, -1):
        scale = f"{most:>5,} " if row == height else f"{0:>5} " if row == 1 else " " * 6
        cells = [_cell(by_month.get(month, {}), row, height, most) for month in every]
        lines.append(Content.assemble((scale, "$faint"), *(part for cell in cells for part in (cell, " "))))
    lines.append(Content.assemble((" " * 6 + _years(every), "$faint")))
    return Content("\n").join(lines)


def _cell(counts: Mapping[Classification, int], row: int, height: int, most: int) -> tuple[str, str]:
    """One character of a column: as full as the column is in this row, coloured by the class at its middle."""
    total = sum(counts.values())
    filled = total * height / most - (row - 1)
    if filled <= 0:
        return (" ", "")
    at, middle = 0.0, (row - 1 + min(1.0, filled) / 2) * most / height
    chosen = Classification.GENERAL
    for classification in Classification:
        at += counts.get(classification, 0)
        chosen = classification
        if middle <= at:
            break
    return (_EIGHTHS[max(1, min(8, round(filled * 8)))], f"$class-{chosen.value}")


def _latest_months(first: str, last: str, most: int) -> list[str]:
    """The names of at most *most* months up to *last*, none before *first*."""
    year, month = map(int, last.split("-"))
    found: list[str] = []
    while (name := f"{year:04}-{month:02}") >= first and len(found) < most:
        found.append(name)
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    return found[::-1]


def _years(every: Sequence[str]) -> str:
    line = [" "] * (2 * len(every) + 4)
    for place, month in enumerate(every):
        if month.endswith("-01") or (place == 0 and int(month[5:]) <= 9):  # noqa: PLR2004 (room for the next year)
            line[2 * place : 2 * place + 4] = month[:4]
    return "".join(line).rstrip()


def heat(days: Mapping[str, int], today: date, width: int) -> Content:
    """The latest weeks that fit as columns of seven days, Monday on top; denser is more."""
    weeks = max(4, min(53, (width - 5) // 2))
    last = today + timedelta(days=_WEEK - 1 - today.weekday())
    first = last - timedelta(days=_WEEK * weeks - 1)
    most = max((days.get(f"{first + timedelta(days=i)}", 0) for i in range(_WEEK * weeks)), default=0)
    lines = [Content.assemble(("    " + _month_names(first, weeks), "$faint"))]
    for weekday, name in enumerate(("Mon", "", "Wed", "", "Fri", "", "Sun")):
        parts: list[tuple[str, str] | str] = [(f"{name:<4}", "$faint")]
        for week in range(weeks):
            day = first + timedelta(days=_WEEK * week + weekday)
            parts += [_shade(days.get(f"{day}", 0), most) if day <= today else (" ", ""), " "]
        lines.append(Content.assemble(*parts))
    return Content("\n").join(lines)


def _shade(count: int, most: int) -> tuple[str, str]:
    if not count:
        return (_SHADES[0], "$rule")
    step = min(4, 1 + (4 * (count - 1)) // max(1, most))
    return (_SHADES[step], "$success" if step > 2 else "$success 80%")  # noqa: PLR2004


def _month_names(first: date, weeks: int) -> str:
    line = [" "] * (2 * weeks + 3)
    for week in range(weeks):
        day = first + timedelta(days=_WEEK * week)
        if day.day <= _WEEK and week < weeks - 1:
            line[2 * week : 2 * week + 3] = f"{day:%b}"
    return "".join(line).rstrip()
