"""Reciprocal rank fusion of the search legs, and a small prior for recent entries.

Source: Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion outperforms Condorcet…", SIGIR 2009. The
textbook constant k = 60 flattens the top ranks so far that fusion loses to words alone on short memories;
k = 10 with words weighted higher beats either leg.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from vault.search.hit import Leg

K = 10
WEIGHTS = {"words": 1.5, "trigrams": 0.75, "vectors": 1.0}
RECENCY = 0.01
"""Largest share that being new adds to a score."""
HALF_LIFE_DAYS = 180.0

Key = TypeVar("Key", bound=Hashable)


def fuse(
    legs: Mapping[str, Sequence[tuple[Key, float]]], full: Mapping[str, float] | None = None
) -> dict[Key, tuple[float, dict[str, Leg]]]:
    """Key → (fused score, how each leg ranked it); each leg is a list of (key, score), best first.

    *full* gives, per leg, the score of an entry that holds all that was asked for. An entry below it counts
    for as much less: being the best of those that hold one common word of five is no merit, and without
    this a question in plain words is answered by its least telling one.
    """
    full = full or {}
    fused: dict[Key, tuple[float, dict[str, Leg]]] = {}
    for name, ranking in legs.items():
        for rank, (key, score) in enumerate(ranking, start=1):
            total, seen = fused.get(key, (0.0, {}))
            share = min(1.0, score / full[name]) if full.get(name) else 1.0
            fused[key] = (total + WEIGHTS[name] * share / (K + rank), {**seen, name: Leg(rank, score)})
    return fused


def recency(age_days: float) -> float:
    """Factor for an entry created *age_days* ago: 1.01 now, 1.005 after half a year, towards 1."""
    return 1.0 + RECENCY * math.exp2(-max(age_days, 0.0) / HALF_LIFE_DAYS)
