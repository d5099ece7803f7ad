"""Passages cover the text, fit the model, end where a reader would, and cost linear work."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.models.embedder import TOKEN_LIMIT, Embedder
from vault.models.passages import LIMIT, Passage, split


def words(text: str) -> int:
    """A stand-in for a tokeniser: one token per started four characters of each word, and two more."""
    return 2 + sum((len(word) + 3) // 4 for word in text.split())


def _check(text: str, passages: list[Passage], limit: int) -> None:
    covered = 0
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
        assert passage.text.strip()
        assert words(passage.text) <= limit
        assert not text[covered : passage.start].strip(), "something was left out"
        assert passage.end > covered
        covered = passage.end
    assert not text[covered:].strip()
    starts = [passage.start for passage in passages]
    assert starts == sorted(set(starts))


@settings(max_examples=150, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=600),
        st.lists(st.sampled_from(["word ", "a. ", "\n", "\n\n", "# Head\n", "x" * 90, " " * 70, "。"])).map(
            "".join
        ),
    ),
    limit=st.integers(8, 60),
    overlap=st.integers(0, 30),
)
def test_passages_cover_the_text_and_fit(text: str, limit: int, overlap: int):
    """Whatever the text: in order, none blank, none too long, nothing left out."""
    _check(text, split(text, words, limit, overlap), limit)


def test_the_check_would_notice():
    """Positive control: a missing, a too long and a reordered passage each fail the check."""
    text = "One sentence here. " * 60
    passages = split(text, words, 40)
    whole = [Passage(0, len(text), text)]
    for broken in (passages[1:], passages[:-1], passages[:2] + passages[3:], whole, passages[::-1]):
        with pytest.raises(AssertionError):
            _check(text, broken, 40)


@pytest.mark.parametrize("text", ["", " ", "\n\n\t "])
def test_blank_texts_have_no_passages(text: str):
    """There is nothing to embed in them."""
    assert split(text, words) == []


def test_a_short_text_is_one_passage():
    """What fits is not cut, and begins at its first character."""
    text = "  A short note.\n\nWith a second paragraph.\n"
    assert [(passage.start, passage.end) for passage in split(text, words)] == [(0, len(text.rstrip()))]


@pytest.mark.parametrize(
    ("joint", "starts"),
    [("\n\n## Next\n", "## Next"), ("\n\n", "Second"), ("\n", "Second"), (". ", "Second"), (" ", "Second")],
)
def test_cuts_where_a_reader_would(joint: str, starts: str):
    """The best kind of break in the second half wins: heading, paragraph, line, sentence, then word."""
    first = "alpha beta gamma delta" + " eps" * 10
    text = first + joint + "Second" + "x" * 40 + "y" * 100
    passages = split(text, words, 30, overlap=0)
    assert passages[1].text.startswith(starts)


def test_passages_overlap_by_whole_words():
    """A passage repeats the end of the one before, from the start of a word."""
    text = " ".join(f"word{number}" for number in range(500))
    passages = split(text, words, 60, overlap=10)
    for before, after in itertools.pairwise(passages):
        assert before.start < after.start < before.end
        assert text[after.start - 1] == " "
    plain = split(text, words, 60, overlap=0)
    assert all(before.end <= after.start for before, after in itertools.pairwise(plain))


@pytest.mark.parametrize("unit", ["x", "日", "\n", " ", "a. ", "\n\n", "# \n", "🙂", "word "])
def test_work_is_linear(unit: str):
    """A megabyte of anything costs at most about twenty readings of it by the tokeniser."""
    text = (unit * (1024 * 1024 // len(unit)))[: 1024 * 1024] + "end"
    seen = 0

    def count(part: str) -> int:
        nonlocal seen
        seen += len(part)
        return 2 + len(part) // 4

    passages = split(text, count)
    assert passages[-1].text.endswith("end")
    assert seen <= 20 * len(text)


@pytest.mark.model
def test_real_passages_are_read_whole(embedder: Embedder):
    """With the real tokeniser every passage fits, so the embedder cuts none."""
    text = "\n\n".join(
        f"## Day {day}\nWe went to Łódź (again), paid €{day}.50 & slept. 日本語🙂" for day in range(200)
    )
    passages = split(text, embedder.count_tokens)
    assert len(passages) > 10
    assert all(embedder.count_tokens(passage.text) <= LIMIT < TOKEN_LIMIT for passage in passages)
    assert passages[0].start == 0
    assert passages[-1].end == len(text)
    assert all(passage.text.startswith("## Day") for passage in split(text, embedder.count_tokens, overlap=0))


@pytest.mark.model
@pytest.mark.parametrize("unit", ["x", "日", "word ", "0a9f"])
def test_a_real_megabyte_is_split(embedder: Embedder, unit: str):
    """A megabyte, with or without spaces, is split with the real tokeniser, and nothing is lost."""
    text = unit * (1024 * 1024 // len(unit))
    passages = split(text, embedder.count_tokens)
    assert passages[0].start == 0
    assert passages[-1].end == len(text.rstrip())
    assert all(after.start <= before.end for before, after in itertools.pairwise(passages))
