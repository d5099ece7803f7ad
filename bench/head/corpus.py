"""The labelled corpus: read, hashed, and split into folds that keep texts which resemble each other together."""

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from vault.classification import ALL

FILES = tuple(sorted((Path(__file__).parent / "corpus").glob("*.jsonl")))
FOLDS = 5
ALIKE = 0.6
"""Share of common shingles from which two texts are nearly the same; such a pair must not be in the corpus."""
RELATED = 0.3
"""Share from which two texts must be in the same fold."""
_COMMON = 60
"""Texts a shingle may be in before it says nothing about likeness."""


@dataclass(frozen=True)
class Corpus:
    """The labelled texts, in order of id."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: np.ndarray
    """Index into ``vault.classification.ALL``."""
    sha: str
    """SHA-256 over id, label and text of every item."""


def read_corpus(files=FILES) -> Corpus:
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line]
    rows.sort(key=lambda row: row["id"])
    digest = hashlib.sha256(json.dumps([[r["id"], r["label"], r["text"]] for r in rows]).encode()).hexdigest()
    names = [c.value for c in ALL]
    labels = np.array([names.index(r["label"]) for r in rows])
    return Corpus(tuple(r["id"] for r in rows), tuple(r["text"] for r in rows), labels, digest)


def shingles(text: str) -> frozenset[str]:
    """Groups of 5 characters of the folded letters and digits."""
    folded = re.sub(r"\W+", " ", text.casefold()).strip()
    return frozenset(folded[i : i + 5] for i in range(max(1, len(folded) - 4)))


def alike(left, right, least: float = ALIKE) -> list[tuple[int, int]]:
    """Index pairs whose texts share at least *least* of their shingles (Jaccard); of one list, each pair once."""
    sets = [shingles(text) for text in right]
    mine = sets if left is right else [shingles(text) for text in left]
    index: dict[str, list[int]] = {}
    for place, group in enumerate(sets):
        for shingle in group:
            index.setdefault(shingle, []).append(place)
    pairs = []
    for i, group in enumerate(mine):
        rare = (index[s] for s in group if len(index.get(s, ())) in range(1, _COMMON))
        for j, n in Counter(chain.from_iterable(rare)).items():
            if (left is not right or i < j) and n * 4 >= least * min(len(group), len(sets[j])):
                common = len(group & sets[j])
                if common >= least * (len(group) + len(sets[j]) - common):
                    pairs.append((i, j))
    return pairs


def folds(corpus: Corpus) -> np.ndarray:
    """A fold per item, by the id of the first text it is related to, so that adding items moves few others."""
    first = list(range(len(corpus.ids)))

    def root(i: int) -> int:
        while first[i] != i:
            i = first[i]
        return i

    for i, j in alike(corpus.texts, corpus.texts, RELATED):
        low, high = sorted((root(i), root(j)))
        first[high] = low
    return np.array([hashlib.sha256(corpus.ids[root(i)].encode()).digest()[0] % FOLDS for i in range(len(first))])
