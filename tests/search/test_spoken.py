"""Times that a question names in passing."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.search.query import parse
from vault.search.spoken import spoken, told

NOW = datetime(2026, 11, 18, 12, 0).astimezone()  # a Wednesday


def day(year: int, month: int, number: int = 1) -> datetime:
    """Midnight of a day."""
    return datetime(year, month, number).astimezone()


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("what did I plant last March", day(2026, 3), day(2026, 4)),
        ("last november's trip", day(2025, 11), day(2025, 12)),
        ("dinners this november", day(2026, 11), day(2026, 12)),
        ("the talk in May", day(2026, 5), day(2026, 6)),
        ("christmas in december", day(2025, 12), day(2026, 1)),
        ("trip in March 2024", day(2024, 3), day(2024, 4)),
        ("March 2024 trip", day(2024, 3), day(2024, 4)),
        ("fireworks on July 4, 2023", day(2023, 7, 4), day(2023, 7, 5)),
        ("fireworks on 4th of July 2023", day(2023, 7, 4), day(2023, 7, 5)),
        ("what happened on 3 June", day(2026, 6, 3), day(2026, 6, 4)),
        ("projects in 2024", day(2024, 1), day(2025, 1)),
        ("skiing last winter", day(2025, 12), day(2026, 3)),
        ("lake this summer", day(2026, 6), day(2026, 9)),
        ("who called yesterday", day(2026, 11, 17), day(2026, 11, 18)),
        ("who called last monday", day(2026, 11, 16), day(2026, 11, 17)),
        ("notes of last week", day(2026, 11, 9), day(2026, 11, 16)),
        ("storm three days ago", day(2026, 11, 15), day(2026, 11, 16)),
        ("storm 2 weeks ago", day(2026, 11, 1), day(2026, 11, 8)),
    ],
)
def test_times_are_found(text: str, start: datetime, end: datetime):
    """Months, days, years, seasons and spans back from now."""
    found = spoken(text, NOW)
    assert found is not None
    assert found[0] == (start, end)


@pytest.mark.parametrize(
    "text",
    ["I may go", "march of the penguins", "today I learned sqlite", "python 3.11 in docker", "last one", "30 february",
     "version 2024", "ago", "in the summer house", "sun and may", ""],
)  # fmt: skip
def test_what_is_no_time_is_not(text: str):
    """Words that only look like a time."""
    assert spoken(text, NOW) is None


def test_told_a_little_later():
    """A day is told of on the next too, a year at most a week after."""
    assert told((day(2026, 6, 3), day(2026, 6, 4)))[1] == day(2026, 6, 5)
    assert told((day(2025, 1), day(2026, 1)))[1] == day(2026, 1) + timedelta(days=7)


def test_in_a_query_it_is_a_hint_or_a_filter():
    """Beside something telling a hint, alone a filter, beside a date field nothing; each is said."""
    hint = parse("what did I plant last March", NOW)
    assert (hint.around, hint.after) == ((day(2026, 3), day(2026, 4, 8)), None)
    assert "plant" in hint.words
    assert hint.notes == ("memories made last march come first",)
    alone = parse("what did I do last March?", NOW)
    assert (alone.around, alone.after, alone.before, alone.has_text) == (None, day(2026, 3), day(2026, 4), False)
    assert alone.notes == ("memories made last march are shown",)
    fixed = parse("planted last march after:2025", NOW)
    assert (fixed.around, fixed.notes) == (None, ())


@given(st.text(alphabet="0123456789 lastmrchyeosdgin,th", max_size=60))
@settings(max_examples=80, deadline=None)
def test_nothing_raises(text: str):
    """Any text is a question."""
    spoken(text, NOW)


@given(st.text(max_size=60))
@settings(max_examples=40, deadline=None)
def test_nothing_raises_on_any_text(text: str):
    """Nor does text of any script."""
    spoken(text)
