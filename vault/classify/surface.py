"""What the letters of a text say beside its meaning: hashed words and letter groups, and a dozen counts.

A sentence vector blurs exactly what separates "the code is 4471" from talk about codes. These features are
appended to the vector before the head; by cross-validation they cut its held-out loss by a seventh
(``bench/head/evaluate.py``). Deterministic on every platform: CRC-32, no ``hash()``. A change
here, or to what it asks of ``restraint``, needs ``bench/head/train.py`` to run again; a test says so.
"""

import re
import zlib
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from vault.classify.detectors.restraint import is_chosen, is_random

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

READ = 1000
"""Characters read; the vector of passages speaks for the rest."""
BUCKETS = 4096
"""Hash buckets for words, pairs of words and groups of 3 and 4 letters."""
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
_WORD = re.compile(r"[^\W\d_]+")
_MOST = 3
_SHORT = 20
"""Words up to which a sign counts in full: in a line it says much, in a page of code nothing."""
_EDGES = "\"'.,;:()`"
SIZE = BUCKETS + len(_SIGNS) + 2
"""Length of what ``surface`` returns."""


def surface(text: str) -> "NDArray[np.float64]":
    """The features of *text*, shape ``(SIZE,)``: hashed parts of length 1, then counts scaled to 0…1."""
    import numpy as np

    read = text[:READ]
    features = np.zeros(SIZE)
    for part, weight in _parts(read.lower()).items():
        features[zlib.crc32(part.encode("utf-8", "replace")) % BUCKETS] += weight
    hashed = np.sqrt(features[:BUCKETS])
    features[:BUCKETS] = hashed / (float(np.linalg.norm(hashed)) or 1.0)
    tokens = [token.strip(_EDGES) for token in read.split()]
    counts = [sum(map(is_chosen, tokens)), sum(map(is_random, tokens))]
    counts += [len(sign.findall(read)) for sign in _SIGNS]
    features[BUCKETS:] = np.minimum(counts, _MOST) / _MOST * (_SHORT / max(_SHORT, len(tokens)))
    return features


def _parts(text: str) -> Counter[str]:
    """Words, neighbours and groups of letters with their weights; ``=`` and ``+`` keep the kinds apart."""
    words = _WORD.findall(text)
    parts: Counter[str] = Counter()
    for word, count in Counter(words).items():
        parts["=" + word] += count * 2
        framed = f" {word[:40]} "
        for size in (3, 4):
            for start in range(len(framed) - size + 1):
                parts[framed[start : start + size]] += count
    for first, second in pairwise(words):
        parts[f"+{first} {second}"] += 2
    return parts
