"""Times that a question names in passing: *what did I plant last March*, *the storm two weeks ago*.

`spoken` finds the first of them. It is a hint and not a filter: a memory of a day is often written on the next, and
*march* may be what soldiers do. So a month alone counts only after a preposition or beside a year or a day.
"""

import re
from datetime import datetime, timedelta
from functools import cache

from vault.search.dates import Span, interval

LATER = timedelta(days=7)
"""How long after a time, at most, something may be told of it."""
_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()  # noqa: SIM905
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_YEAR = "(?:19|20)[0-9]{2}"


@cache
def _pattern() -> re.Pattern[str]:
    """Compiled at the first question that has a word of time in it."""
    month = "|".join(_MONTHS)
    day = r"([0-9]{1,2})(?:st|nd|rd|th)?"
    return re.compile(
        rf"\b(?:(?P<ago>[0-9]{{1,3}}|{'|'.join(_NUMBERS)}) (?P<unit>day|week|month|year)s? ago"
        rf"|(?P<which>last|this|past) (?P<period>week|month|year|{'|'.join(_DAYS)}|{month}|{'|'.join(_SEASONS)})"
        rf"|(?<=\w )(?P<near>yesterday|today)"
        rf"|{day.replace('(', '(?P<d1>', 1)} (?:of )?(?P<m1>{month})(?:,? (?P<y1>{_YEAR}))?"
        rf"|(?P<m2>{month}) {day.replace('(', '(?P<d2>', 1)}(?![0-9])(?:,? (?P<y2>{_YEAR}))?"
        rf"|(?:in |during |of )?(?P<m3>{month}),? (?P<y3>{_YEAR})"
        rf"|(?:in|during|of) (?:(?P<m4>{month})|(?P<y4>{_YEAR})))\b"
    )


_HINT = re.compile(r"\b(?:ago|last|this|past|yesterday|today|in|during|of)\b|[0-9]")


def spoken(text: str, now: datetime | None = None) -> tuple[Span, str] | None:
    """The time that *text* names and the words that name it, or None; nothing raises on content.

    A month or a day without a year is the latest that has begun; *last March* is the latest that is over.

    Args:
        text: a query as typed.
        now: the present; a naive one is local time.
    """
    lowered = text.lower()
    if not _HINT.search(lowered):
        return None
    present = (now or datetime.now().astimezone()).astimezone()
    for found in _pattern().finditer(lowered):
        span = _span(found, present)
        if span:
            return span, found[0]
    return None


def told(span: Span) -> Span:
    """*span* and as long after it, at most `LATER`: when something of that time may be written down."""
    start, end = span
    return start, end + min(end - start, LATER)


def _span(found: re.Match[str], now: datetime) -> Span | None:
    if found["ago"]:
        count = _NUMBERS.get(found["ago"]) or int(found["ago"])
        return _ago(count, found["unit"], now)
    if found["which"]:
        return _period("last" if found["which"] == "past" else found["which"], found["period"], now)
    if found["near"]:
        return interval(found["near"], now)
    if found["y4"]:
        return interval(found["y4"], now)
    for month, day, year in (("m1", "d1", "y1"), ("m2", "d2", "y2"), ("m3", "", "y3"), ("m4", "", "")):
        if found[month]:
            number = _MONTHS.index(found[month]) + 1
            date = f"-{number:02}" + (f"-{int(found[day]):02}" if day else "")
            return interval(found[year] + date, now) if year and found[year] else _latest(date, now)
    return None


def _latest(date: str, now: datetime, *, over: bool = False) -> Span | None:
    """The latest ``-MM`` or ``-MM-DD`` that has begun; with *over*, that has ended."""
    spans = (interval(f"{now.year - back}{date}", now) for back in (0, 1))
    return next((span for span in spans if span and (span[1] if over else span[0]) <= now), None)


def _period(which: str, name: str, now: datetime) -> Span | None:
    if name in _SEASONS:
        return _season(name, now, over=which == "last")
    if name in _MONTHS:
        return _latest(f"-{_MONTHS.index(name) + 1:02}", now, over=which == "last")
    return interval(f"last-{name}" if which == "last" else name if name in _DAYS else f"this-{name}", now)


def _season(name: str, now: datetime, *, over: bool) -> Span | None:
    """Three months from the first of March, June, September or December."""
    for back in (0, 1, 2):
        first = interval(f"{now.year - back}-{_SEASONS[name]:02}", now)
        last = interval(f"{now.year - back + (name == 'winter')}-{(_SEASONS[name] + 1) % 12 + 1:02}", now)
        if first and last and (last[1] if over else first[0]) <= now:
            return first[0], last[1]
    return None


def _ago(count: int, unit: str, now: datetime) -> Span | None:
    """A count of weeks, months or years is about: half a unit to either side."""
    day = interval(f"{count}{unit[0]}", now)
    if day is None or unit == "day":
        return day
    half = {"week": timedelta(days=3), "month": timedelta(days=15), "year": timedelta(days=90)}[unit]
    return day[0] - half, day[1] + half
