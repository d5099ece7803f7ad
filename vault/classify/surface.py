"""What the letters of a text say beside its meaning: hashed words, letter groups and shapes, and a dozen counts.

A sentence vector blurs exactly what separates "the code is 4471" from talk about codes: here numbers and odd
words keep their shape and lose their value, so that ``0000#`` after "gate" is the same feature for every gate.
Deterministic on every platform: CRC-32, no ``hash()``. A change here, in ``cues`` or in a detector needs
``bench/head/train.py`` to run again; a test says so.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from math import sqrt

from vault.classify.detectors.restraint import is_chosen, is_hex, is_random

READ = 1000
"""Characters read; the vectors of passages speak for the rest."""
BUCKETS = 1 << 15
"""Hash buckets for everything that is hashed."""
_SIGNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!\d)\d{4,}(?!\d)",  # long numbers
        r"(?<!\w)\d(?:[- ]\d){2,}",  # digits told one by one
        r"\d{1,2}[:.h]\d{2}|\d ?[ap]m",  # clock times
        r"[`{}()$<>=\\|]{1,8}",  # code
        r"@",
        r"https?:",
        r"[\"„“«][^\"“”»]{3,40}[\"“”»]",  # something quoted
        r"[A-Z0-9]{4,}-[A-Z0-9]{4,}",  # grouped capitals
        r"[A-Za-z0-9+/=_-]{24,}",  # long runs
        r"[!@#$%&*]\w|\w[#$%&*]",  # signs inside words
    )
)
COUNTS = len(_SIGNS) + 3
"""Length of what ``counts`` returns."""
_WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_MOST = 3
_SHORT = 20
"""Words up to which a sign counts in full: in a line it says much, in a page of code nothing."""
_EDGES = "\"'.,;:()`"
_AROUND = "\"'.,;:()!?“”„«»"


def counts(text: str) -> list[float]:
    """Signs of a secret in *text* by their density, each 0 to 1."""
    read = text[:READ]
    tokens = [token.strip(_EDGES) for token in read.split()]
    words = [token for token in tokens if not is_hex(token)]
    found = [sum(map(is_chosen, words)), sum(map(is_random, words)), len(tokens) - len(words)]
    found += [len(sign.findall(read)) for sign in _SIGNS]
    weight = _SHORT / max(_SHORT, len(tokens))
    return [min(count, _MOST) / _MOST * weight for count in found]


def hashed(text: str) -> dict[int, float]:
    """Buckets (below ``BUCKETS``) → weights: six families of parts, each of length 1 before they are added.

    Words, pairs of words, groups of 3 and 4 letters; runs of up to three tokens with numbers by their length;
    words by their shape; and the words around whatever has digits or signs inside.
    """
    read = text[:READ]
    low = read.lower()
    words = _WORD.findall(low)
    shaped = [_number(token) for token in _TOKEN.findall(low)]
    families = (
        [f"={word}" for word in words],
        [f"+{first} {second}" for first, second in pairwise(words)],
        [group for word in words for group in _groups(f" {word[:40]} ")],
        ["~" + " ".join(shaped[i : i + n]) for n in (1, 2, 3) for i in range(len(shaped) - n + 1)],
        [f"^{_shape(token)}" for token in read.split()],
        list(_context(read.split())),
    )
    row: dict[int, float] = {}
    for family in families:
        parts = Counter(zlib.crc32(part.encode("utf-8", "replace")) % BUCKETS for part in family)
        length = sqrt(sum(parts.values()))
        for bucket, count in parts.items():
            row[bucket] = row.get(bucket, 0.0) + sqrt(count) / length
    return row


def _groups(framed: str) -> Iterator[str]:
    for size in (3, 4):
        for start in range(len(framed) - size + 1):
            yield framed[start : start + size]


def _number(token: str) -> str:
    return "0" * min(len(token), 8) if token.isdigit() else token


def _shape(token: str) -> str:
    """``A`` for capitals, ``a`` for small letters, ``0`` for digits, runs cut at three; hexadecimal by its length."""
    if is_hex(token):
        return f"x{min(len(token), 64)}"
    return re.sub(r"(.)\1{3,}", r"\1\1\1", "".join(map(_sort, token[:60])))


def _sort(character: str) -> str:
    return "0" if character.isdigit() else character if not character.isalpha() else "A" if character.isupper() else "a"


def _context(tokens: list[str]) -> Iterator[str]:
    """The three words before and two after each token that has digits, or signs between letters."""
    for place, token in enumerate(tokens):
        bare = token.strip(_AROUND)
        if not re.search(r"\d|\w[^\w\s'’]\w", bare):
            continue
        shape = _shape(bare)[:6]
        for away in (-3, -2, -1, 1, 2):
            if 0 <= place + away < len(tokens):
                word = tokens[place + away].lower().strip(_AROUND)[:12]
                yield f"@{shape}|{away if abs(away) < 2 else 'n'}|{word}"  # noqa: PLR2004 (neighbours keep their side)
                yield f"@|{'b' if away < 0 else 'a'}|{word}"
