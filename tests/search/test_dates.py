"""Dates in queries and in front of captured text."""

import time
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.search.dates import interval, split_date_prefix

NOW = datetime(2026, 11, 18, 12, 30).astimezone()  # a Wednesday


def at(*parts: int) -> datetime:
    """A moment of local time."""
    return datetime(*parts).astimezone()


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", at(2026, 1, 1), at(2027, 1, 1)),
        ("2026-12", at(2026, 12, 1), at(2027, 1, 1)),
        ("2026-1", at(2026, 1, 1), at(2026, 2, 1)),
        ("2026-01-05", at(2026, 1, 5), at(2026, 1, 6)),
        ("2026-01-05T10:00", at(2026, 1, 5, 10), at(2026, 1, 5, 10, 1)),
        ("2026-01-05 10:00:07", at(2026, 1, 5, 10, 0, 7), at(2026, 1, 5, 10, 0, 8)),
        ("Today", at(2026, 11, 18), at(2026, 11, 19)),
        ("yesterday", at(2026, 11, 17), at(2026, 11, 18)),
        ("tomorrow", at(2026, 11, 19), at(2026, 11, 20)),
        ("wednesday", at(2026, 11, 18), at(2026, 11, 19)),
        ("last-wednesday", at(2026, 11, 11), at(2026, 11, 12)),
        ("monday", at(2026, 11, 16), at(2026, 11, 17)),
        ("thursday", at(2026, 11, 12), at(2026, 11, 13)),
        ("last-week", at(2026, 11, 9), at(2026, 11, 16)),
        ("this week", at(2026, 11, 16), at(2026, 11, 23)),
        ("last_month", at(2026, 10, 1), at(2026, 11, 1)),
        ("this-month", at(2026, 11, 1), at(2026, 12, 1)),
        ("last-year", at(2025, 1, 1), at(2026, 1, 1)),
        ("3d", at(2026, 11, 15), at(2026, 11, 16)),
        ("2w", at(2026, 11, 4), at(2026, 11, 5)),
        ("6m", at(2026, 5, 18), at(2026, 5, 19)),
        ("9 months ago", at(2026, 2, 18), at(2026, 2, 19)),
        ("1-year-ago", at(2025, 11, 18), at(2025, 11, 19)),
    ],
)
def test_each_form_names_its_span(text, start, end):
    """Absolute and relative forms give the half-open span that a person means."""
    assert interval(text, NOW) == (start, end)


def test_an_offset_is_honoured_and_the_answer_is_local():
    """``Z`` and ``+02:00`` are the same moment wherever we are."""
    first, second = interval("2026-01-05T10:00Z", NOW), interval("2026-01-05T12:00+02:00", NOW)
    assert first
    assert first == second
    assert first[0].utcoffset() == at(2026, 1, 5, 10).utcoffset()


@pytest.mark.parametrize(
    "text",
    ["", "someday", "2026-13", "2026-02-30", "0000", "26-01-05", "9999", "2026-01-05T25:00", "last", "5", "3x", "٣d", "9999y", "t" * 9999],
)  # fmt: skip
def test_what_is_no_date_is_none(text):
    """A word, a day that does not exist and a year no clock holds are None, never an error."""
    assert interval(text, NOW) is None


def test_a_month_is_clamped_to_its_last_day():
    """One month before 31 March is the end of February."""
    assert interval("1m", at(2026, 3, 31)) == (at(2026, 2, 28), at(2026, 3, 1))


def test_a_day_is_as_long_as_the_clock_says(monkeypatch):
    """On the day that summer time ends, the local day has 25 hours."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        span = interval("2026-10-25", NOW)
        assert span
        assert span[1] - span[0] == timedelta(hours=25)
        naive = datetime(2026, 11, 18, 12, 30)  # noqa: DTZ001 (a naive present is the case)
        assert interval("today", naive) == (at(2026, 11, 18), at(2026, 11, 19))
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "moment", "rest"),
    [
        ("yesterday at 9am: met Ada", at(2026, 11, 17, 9), "met Ada"),
        ("Yesterday: met Ada", at(2026, 11, 17, 9), "met Ada"),
        ("today: now", NOW, "now"),
        ("today at 21:00: plan", at(2026, 11, 18, 21), "plan"),
        ("monday at 9:30: call", at(2026, 11, 16, 9, 30), "call"),
        ("monday at 12 am: call", at(2026, 11, 16, 0), "call"),
        ("wednesday at 8pm: later than now", at(2026, 11, 11, 20), "later than now"),
        ("2026-03-02: a: b\n", at(2026, 3, 2, 9), "a: b\n"),
        ("2026-03-02 21:00: x", at(2026, 3, 2, 21), "x"),
        ("2026-03-02T21:00: x", at(2026, 3, 2, 21), "x"),
        ("2026-03-02 at 9:05pm:\ttabbed", at(2026, 3, 2, 21, 5), "tabbed"),
    ],
)
def test_a_strict_date_prefix_is_taken_off(text, moment, rest):
    """As in jrnl: the moment and exactly the text behind the colon."""
    assert split_date_prefix(text, NOW) == (moment, rest)


@pytest.mark.parametrize(
    "text",
    [
        "meeting at 9: bring laptop", "http://x", "10:30: call", "yesterday at 9: no unit", "yesterday at 13pm: x",
        "yesterday at 25:00: x", "yesterday", "yesterday:", "yesterday: \n", "yesterday:x", "yesterday I met: Ada",
        " yesterday: x", "2026-02-30: x", "2026: year", "2026-03: month", "mon: x", "today's plan: x", "tomorrow: x", "",
    ],
)  # fmt: skip
def test_other_text_stays_verbatim(text):
    """What only resembles a date is None: nothing is taken from the text."""
    assert split_date_prefix(text, NOW) is None


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=30) | st.from_regex(r"\A(yesterday|2026-[0-9]{2}-[0-9]{2})( at [0-9:apm]{1,6})?: ?x?")
)
def test_no_text_raises(text):
    """Any text is a span, a prefix or None."""
    span = interval(text, NOW)
    assert span is None or span[0] < span[1]
    split = split_date_prefix(text, NOW)
    assert split is None or (text.endswith(split[1]) and split[1].strip())
