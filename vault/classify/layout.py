"""How a text is laid out: its length and lines, and what it is made of; a dozen numbers from 0 to 1.

A table, a log or a listing is full of numbers and odd words, and each of them looks like a secret to a sum over words.
What tells them from a note is the page: lines alike, few words of grammar, many signs. And a lone number is no
sentence about one. `registers` says which kind of text it is, because the same sign weighs differently in a jotting,
a letter and a listing. Deterministic; a change here needs ``bench/head/train.py`` to run again.
"""

import re
from math import log2

from vault.classify.cues import GRAMMAR

READ = 1000
"""Characters read, as elsewhere; only the length is of the whole text."""
SIZE = 14
"""Length of what `layout` returns."""
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_OUTLINE = 12
"""Characters of a line, letters and numbers drawn together, by which lines are taken for alike."""
_ENGLISH = frozenset(
    "the a an and of to in is it for on with my i was at that this we he she not be are as but from have had you by "  # noqa: SIM905
    "her his they or if so up out no me all".split()
)
_ACCENTED = re.compile("[äöüßéèêàçñãõåøæłężśćńóòìùıışğ]")
_BEYOND = re.compile("[\u0370-\u1fff\u3040-\ud7ff]")
REGISTERS = 7
"""How many there are: a few words, a line or two, more, a page of lines; English, other Latin script, other scripts."""


def registers(text: str) -> tuple[int, int]:
    """Which of the ``REGISTERS`` *text* is in: by its size (0 to 3), by its language (4 to 6)."""
    read = text[:READ].lower()
    words = len(read.split())
    size = 3 if read.count("\n") >= 3 else int(words > 7) + int(words > 20)  # noqa: PLR2004 (by eye)
    if len(_BEYOND.findall(read)) > 3:  # noqa: PLR2004 (not just a unit)
        return size, 6
    found = _WORD.findall(read)
    english = sum(word in _ENGLISH for word in found)
    other = sum(word in GRAMMAR and word not in _ENGLISH for word in found)
    foreign = other > english or (english < 2 and _ACCENTED.search(read) is not None)  # noqa: PLR2004
    return size, 5 if foreign else 4


def layout(text: str) -> list[float]:
    """The features of *text*, ``SIZE`` of them."""
    read = text[:READ]
    size = max(len(read), 1)
    lines = [line for line in read.split("\n") if line.strip()]
    tokens = read.split()
    words = [word.lower() for word in _WORD.findall(read)]
    outlines = {_DIGITS.sub("0", _WORD.sub("a", line))[:_OUTLINE] for line in lines}
    letters, digits, spaces = (sum(map(kind, read)) / size for kind in (str.isalpha, str.isdigit, str.isspace))
    count = max(len(tokens), 1)
    return [
        min((log2(len(text) + 8) - 3) / 9, 1.0),
        min(len(lines), 20) / 20,
        min(len(tokens), 60) / 60,
        float(len(tokens) <= 2),  # noqa: PLR2004 (a number, a word)
        float(len(tokens) <= 5),  # noqa: PLR2004 (a jotting)
        digits,
        letters,
        max(1 - letters - digits - spaces, 0.0),
        sum(word in GRAMMAR for word in words) / max(len(words), 1),
        (len(lines) - len(outlines)) / max(len(lines), 1),
        min(sum(map(len, tokens)) / count, 20) / 20,
        float(any(map(str.isupper, read))),
        sum(token[0].isupper() for token in tokens) / count,
        float(len(lines) > 1 and "  " in read),
    ]
