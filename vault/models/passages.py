"""Long texts in passages a model can read whole.

Promises: the passages are in order, none is blank, together they cover everything that is not blank, the
first one begins at the first character, and the work is proportional to the length of the text whatever
is in it (a megabyte without a space too).
"""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

LIMIT = 200
"""Tokens per passage; the model reads 256, which leaves room for a title in front."""
OVERLAP = 20
"""Tokens a passage repeats of the one before, so that what straddles a cut is whole in one of them."""

_CHARACTERS = 8
"""Most characters per token a passage may have: bounds what is tokenised for one passage."""
_GUESSES = 3  # by proportion, before the search halves
_BREAKS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\n(?=#{1,6} )",  # before a heading, which belongs to what follows
        r"\n[ \t]*\n",
        r"\n",
        r"(?<=[.!?…])[\"')\]”’]?\s|[。！？]",
        r"\s",
    )
)


@dataclass(frozen=True)
class Passage:
    """A stretch of a text."""

    start: int
    """Offset of its first character."""
    end: int
    """Offset after its last character."""
    text: str
    """The characters between."""


def split(
    text: str, count_tokens: Callable[[str], int], limit: int = LIMIT, overlap: int = OVERLAP
) -> list[Passage]:
    """Cut *text* into passages of at most *limit* tokens.

    Each ends at the best place in the second half of what would fit: before a heading, else after a
    paragraph, a line, a sentence, a word, else anywhere.

    Args:
        text: any text; a blank one has no passages.
        count_tokens: `Embedder.count_tokens`, or any count that grows with the text.
        limit: tokens per passage as *count_tokens* counts them; exceeded only by a single character that
            has more.
        overlap: tokens, about, that a passage shares with the one before; at most a quarter of *limit*.
    """
    passages: list[Passage] = []
    length = len(text.rstrip())
    overlap = min(overlap, limit // 4)
    start, done = 0, 0
    while done < length:
        end, tokens = _reach(text, start, length, count_tokens, limit)
        if end < length:
            end = _break(text, start + (end - start) // 2, end)
        end = max(end, done + 1)
        if text[start:end].strip():
            passages.append(Passage(start, end, text[start:end]))
        done = end
        back = (end - start) * overlap // max(tokens, 1)
        start = _word_start(text, max(end - back, start + 1), end) if end < length else end
    return passages


def _reach(
    text: str, start: int, length: int, count_tokens: Callable[[str], int], limit: int
) -> tuple[int, int]:
    """The furthest end whose passage has at most *limit* tokens (or nearly), and its tokens."""
    low, high = start + 1, min(length, start + limit * _CHARACTERS)
    best = (low, 1)
    end = min(high, start + limit * 4)
    for attempt in itertools.count():
        tokens = count_tokens(text[start:end])
        if tokens <= limit:
            best = (end, tokens)
            low = end + 1
        else:
            high = end - 1
        if low > high or limit * 0.9 <= tokens <= limit:
            break
        likely = start + (end - start) * limit * 19 // (tokens * 20)  # most texts are alike throughout
        end = min(max(likely, low), high) if attempt < _GUESSES else (low + high) // 2
    return best


def _break(text: str, first: int, last: int) -> int:
    """The best place to end a passage in ``text[first:last]``."""
    for pattern in _BREAKS:
        ends = [match.end() for match in pattern.finditer(text, first, last)]
        if ends:
            return ends[-1]
    return last


def _word_start(text: str, first: int, last: int) -> int:
    """The start of the first word that begins in ``text[first:last]``, else *last*."""
    for index in range(first, last):
        if text[index - 1].isspace() and not text[index].isspace():
            return index
    return last
