"""How alike a word is to the likest word of a text."""

import pytest

from vault.search.likeness import likeness
from vault.search.search import MIN_LIKENESS


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("postgrse", "tuning Postgres"),
        ("recieve", "we receive mail"),
        ("kubernets", "Kubernetes pods"),
        ("cafe", "Café"),
    ],
)
def test_a_misspelt_word_is_recognised(word: str, text: str) -> None:
    """One slip of the finger stays above the bound."""
    assert likeness(word, text) >= MIN_LIKENESS


@pytest.mark.parametrize(
    ("word", "text"), [("vegetables", "restic forget --keep-daily"), ("dementia", "Parents of M."), ("x", "y")]
)
def test_other_words_are_not(word: str, text: str) -> None:
    """Sharing a trigram or two is nothing."""
    assert likeness(word, text) < MIN_LIKENESS


def test_part_of_a_word_is_all_of_it() -> None:
    """Substrings and scripts without spaces count in full."""
    assert likeness("床漬", "ぬか床漬け") == 1
    assert likeness("timer", "nightly-backup.timer") == 1
