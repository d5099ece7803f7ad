"""Dates as people type them: in a query, and before a captured text.

``interval`` turns one date word into a half-open span of local time; ``split_date_prefix`` recognises a
date in front of a captured text and, because taking it away changes what is stored, knows few and strict
forms. Nothing here raises on content: what is not a date is ``None``.

Days begin at midnight in the system's time zone. A week begins on Monday. A weekday is the latest such
day, today included. A moment given without zone is local time.
"""

import re
from calendar import monthrange
from datetime import datetime, timedelta

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS_FROM_TODAY = {"yesterday": -1, "today": 0, "tomorrow": 1}
_ABSOLUTE = re.compile(
    r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2})"
    r"(?:[t ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)
_AGO = re.compile(r"([0-9]{1,4}) ?(d|days?|w|weeks?|m|months?|y|years?)(?: ?ago)?")
_DAY_WORDS = "|".join((*_WEEKDAYS, "today", "yesterday"))
_CLOCK = r"([0-9]{1,2})(?::([0-9]{2}))? ?(am|pm)?"
_PREFIX = re.compile(
    rf"(?:({_DAY_WORDS}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?: at {_CLOCK})?"
    rf"|([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[ t]([0-9]{{2}}):([0-9]{{2}})):\s",
    re.IGNORECASE,
)
_DEFAULT_HOUR = 9  # jrnl's `default_hour`: a past day without a time
_NOON = 12
_DECEMBER = 12

Span = tuple[datetime, datetime]


def interval(text: str, now: datetime | None = None) -> Span | None:
    """The span ``[start, end)`` that *text* names, both aware and in local time, or None.

    Knows ``2026``, ``2026-01``, ``2026-01-05``, ``2026-01-05T10:00`` (one minute; with seconds, one
    second; an offset or ``Z`` is honoured); ``today``, ``yesterday``, ``tomorrow``; weekdays, ``last-monday``
    (before today); ``this-week``, ``last-month``, …; and ``3d``, ``2w``, ``6m``, ``1y``, ``3-days-ago``: that
    one day. ``_`` and ``-`` stand for spaces.

    Args:
        text: one date, any case.
        now: the present; a naive one is local time.
    """
    value = " ".join(text.lower().replace("_", " ").split())
    try:
        found = _absolute(value) or _relative(value.replace("-", " "), _local(now))
        return (found[0].astimezone(), found[1].astimezone()) if found else None
    except (ValueError, OverflowError, OSError):  # no such day, or a year the clock cannot hold
        return None


def split_date_prefix(text: str, now: datetime | None = None) -> tuple[datetime, str] | None:
    """Split ``yesterday at 9am: text`` into its moment (aware, local) and the text, or return None.

    The grammar is strict because the prefix is removed: ``today``, ``yesterday``, a full weekday name or an
    ISO date; optionally `` at 9am``, `` at 9:30``, `` at 21:00`` (after an ISO date also ``T21:00``); then a
    colon, white space and some text. A weekday is the latest one whose moment is not ahead. Without a
    time, ``today`` is now and another day is 09:00.
    """
    found = _PREFIX.match(text)
    rest = text[found.end() :] if found else ""
    if not found or not rest.strip():
        return None
    word, hour, minute, half, iso, iso_hour, iso_minute = found.groups()
    present = _local(now)
    try:
        day = _day_named((word or iso).lower(), present)
        if hour or iso_hour:
            clock = _clock(int(hour or iso_hour), int(minute or iso_minute or -1), (half or "").lower())
            moment = day.replace(hour=clock[0], minute=clock[1])
        else:
            moment = present if (word or "").lower() == "today" else day.replace(hour=_DEFAULT_HOUR)
        if word and word.lower() in _WEEKDAYS and moment > present:
            moment -= timedelta(days=7)
        return moment.astimezone(), rest
    except (ValueError, OverflowError, OSError):
        return None


def _local(now: datetime | None) -> datetime:
    """*now* as naive local time, in which days are counted."""
    return (now or datetime.now().astimezone()).astimezone().replace(tzinfo=None)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _months_later(day: datetime, months: int) -> datetime:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


def _absolute(value: str) -> Span | None:
    found = _ABSOLUTE.fullmatch(value)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups()[:6])
    start = datetime(year or 0, month or 1, day or 1)  # noqa: DTZ001 (naive means local here)
    if month is None:
        return start, start.replace(year=start.year + 1)
    if day is None:
        return start, _months_later(start, 1)
    if hour is None or minute is None:
        return start, start + timedelta(days=1)
    start = start.replace(hour=hour, minute=minute, second=second or 0)
    if zone := found[7]:
        start = start.replace(tzinfo=datetime.strptime(zone.upper(), "%z").tzinfo)
    return start, start + (timedelta(minutes=1) if second is None else timedelta(seconds=1))


def _relative(value: str, now: datetime) -> Span | None:
    today = _midnight(now)
    which, _, unit = value.partition(" ")
    if value in _DAYS_FROM_TODAY or value in _WEEKDAYS:
        start = _day_named(value, now)
    elif which == "last" and unit in _WEEKDAYS:
        start = _day_named(unit, today - timedelta(days=1))
    elif which in {"this", "last"} and unit in {"week", "month", "year"}:
        return _period(unit, -1 if which == "last" else 0, today)
    elif found := _AGO.fullmatch(value):
        start = _ago(int(found[1]), found[2][0], today)
    else:
        return None
    return start, start + timedelta(days=1)


def _period(unit: str, step: int, today: datetime) -> Span:
    if unit == "week":
        monday = today - timedelta(days=today.weekday() - 7 * step)
        return monday, monday + timedelta(days=7)
    first = today.replace(day=1) if unit == "month" else today.replace(month=1, day=1)
    months = 1 if unit == "month" else _DECEMBER
    return _months_later(first, step * months), _months_later(first, (step + 1) * months)


def _ago(count: int, unit: str, today: datetime) -> datetime:
    if unit in "dw":
        return today - timedelta(days=count * (7 if unit == "w" else 1))
    return _months_later(today, -count * (1 if unit == "m" else _DECEMBER))


def _day_named(word: str, now: datetime) -> datetime:
    """Midnight of the day called *word*; raises ValueError for an ISO date that does not exist."""
    today = _midnight(now)
    if word in _DAYS_FROM_TODAY:
        return today + timedelta(days=_DAYS_FROM_TODAY[word])
    if word in _WEEKDAYS:
        return today - timedelta(days=(today.weekday() - _WEEKDAYS.index(word)) % 7)
    return datetime.strptime(word, "%Y-%m-%d")  # noqa: DTZ007 (naive means local here)


def _clock(hour: int, minute: int, half: str) -> tuple[int, int]:
    """Hour and minute of a clock time; raises ValueError when it is none (``at 9``, ``13pm``)."""
    if half:
        if not 1 <= hour <= _NOON:
            raise ValueError(hour)
        return hour % _NOON + (_NOON if half == "pm" else 0), max(minute, 0)
    if minute < 0:
        raise ValueError(minute)
    return hour, minute
