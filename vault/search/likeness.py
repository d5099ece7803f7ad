"""How alike a word is to the likest word of a text: for typos and parts of words.

Source: the Sørensen–Dice coefficient of letter pairs; compare Angell, Freund & Willett, "Automatic spelling
correction using a trigram similarity measure", 1983.
"""

import re
import unicodedata

READ = 20_000
"""Characters of a text that are looked at."""
_WORD = re.compile(r"[^\W_]+")


def likeness(word: str, text: str) -> float:
    """0…1: 1 where *text* contains *word*, else the greatest Dice coefficient with one of its words."""
    wanted, read = _fold(word), _fold(text[:READ])
    if wanted in read:
        return 1.0
    pieces = _pairs(wanted)
    if not pieces:
        return 0.0
    near = (len(wanted) // 2, 2 * len(wanted))
    words = {w for w in _WORD.findall(read) if near[0] <= len(w) <= near[1]}
    return max((_dice(pieces, _pairs(w)) for w in words), default=0.0)


def _dice(one: set[str], other: set[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


def _pairs(word: str) -> set[str]:
    """Pairs of letters of a word with its ends marked, so that a first or last letter counts."""
    marked = f" {word} "
    return {marked[i : i + 2] for i in range(len(marked) - 1)}


def _fold(text: str) -> str:
    """Lower case without accents, as the index folds."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))
