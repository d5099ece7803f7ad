"""What the index holds beside words, how near two words are, and indexes of an earlier version."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.classification import Classification
from vault.compartment.parts import parts
from vault.compartment.spelling import distance
from vault.vault import Vault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, nothing else", ""),
        ("execCommand and HTTPServer", "exec Command\nHTTP Server"),
        ("ぬか床", "ぬか か床 床"),
        ("a 東京 b", "東京 京"),
        ("ABC abc 123", ""),
    ],
)
def test_parts(text: str, expected: str):
    """Words inside names, and pairs of characters where no spaces are written."""
    assert parts(text) == expected


@pytest.mark.parametrize("unit", ["a", "aB", "漢", "aB ", "x" * 70 + "Y "])
def test_parts_of_a_megabyte(unit: str):
    """The work is bounded whatever is in the text."""
    assert len(parts(unit * (1_000_000 // len(unit)))) < 1_000_000


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [("abcd", "abcd", 0), ("abcd", "abdc", 1), ("abcd", "abd", 1), ("abcd", "abxcd", 1), ("abcd", "axcd", 1), ("ab", "ba", 1),
     ("receiv", "reciev", 1), ("ca", "abc", 3), ("", "abc", 3)],
)  # fmt: skip
def test_distance(one: str, other: str, slips: int):
    """Wrong, missing, too many and swapped letters count one each; swapped ones are not edited again."""
    assert distance(one, other) == slips


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
@settings(max_examples=60, deadline=None)
def test_distance_goes_both_ways(one: str, other: str):
    """It is symmetric, 0 only for the same word, and never more than the longer word."""
    assert distance(one, other) == distance(other, one) <= max(len(one), len(other))
    assert (distance(one, other) == 0) == (one == other)


def test_an_index_of_the_first_version_is_brought_up_to_date(new_vault: Callable[..., Vault]):
    """Parts of words, corrections and the order of capture are there for entries that were indexed before."""
    v = new_vault()
    for text in ("Ada: which colour is the kayak", "Bo: red indeed", "昨日東京に行った"):
        v.capture(text, classification="general", tags=("t",), source="chat")
    gone = v.capture("京都に行った", classification="general", tags=("t",))
    v.delete(gone.id)
    before = [(hit.entry.id, hit.score) for hit in v.search("kayak red")]
    db = v.opened.classes[Classification.GENERAL].compartment.db
    for statement in (
        "DROP TABLE words",
        "DROP TABLE vocabulary",
        "CREATE VIRTUAL TABLE words USING fts5 (title, tags, body, content='entry', content_rowid='rowid')",
        "DROP INDEX entry_place",
        "ALTER TABLE entry DROP COLUMN place",
        "DELETE FROM _sqlite_migrations WHERE name IN ('0004_parts', '0005_places')",
        "PRAGMA user_version = 1",
    ):
        db.execute(statement)
    v.close()
    v = new_vault(reopen=True)
    assert not v.opened.rebuilt
    assert [(hit.entry.id, pytest.approx(hit.score, rel=1e-3)) for hit in v.search("kayak red")] == before
    assert [hit.entry.text for hit in v.search("東京")] == ["昨日東京に行った"]
    assert v.search("京都") == []
    assert v.search("kayka")
