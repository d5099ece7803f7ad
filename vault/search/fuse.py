"""Fusion of the search legs by their calibrated scores, and what then moves entries a little.

Source: Bruch, Gai & Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023: a convex combination of
normalised scores beats reciprocal rank fusion, which throws away how much better the best is. How each leg is
normalised matters:

* words by what an entry would score that holds everything asked for, so that being the best of those that hold one
  common word of five is no merit, and a question in plain words is not answered by its least telling one;
* vectors by the best cosine found, because a cosine has no natural full mark.

The constants were chosen with `bench/eval`; `docs/performance.md` has the figures and how far to trust them.
"""

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

WORDS = 0.45
"""Share of the words (and parts of words) in a score, the rest being meaning's."""
NEIGHBOUR = {1: 0.25, 2: 0.1}
"""Steps away in a conversation → share of a neighbour's score that a turn inherits."""
IN_TIME = 0.25
"""Share of the best score that an entry gains for being made in the time a question names."""
RECENCY = 0.01
"""Largest share that being new adds to a score."""
HALF_LIFE_DAYS = 180.0

Key = TypeVar("Key", bound=Hashable)


def fuse(words: Mapping[Key, float], vectors: Mapping[Key, float], full: float) -> dict[Key, float]:
    """Key → score from 0 to 1, of the keys of both legs.

    Args:
        words: what the words found are worth together, per entry.
        vectors: cosines; empty without a model.
        full: what `words` would be of an entry that holds all that was asked for.
    """
    best = max(words.values(), default=0.0)
    by_words = 1 / max(best, full) if best > 0 else 0.0
    nearest = max(vectors.values(), default=0.0)
    by_meaning = 1 / nearest if nearest > 0 else 0.0
    share = WORDS if vectors else 1.0
    return {
        key: share * by_words * words.get(key, 0.0) + (1 - share) * by_meaning * max(vectors.get(key, 0.0), 0.0)
        for key in words.keys() | vectors.keys()
    }


def spread(scores: Mapping[Key, float], links: Iterable[tuple[Key, Key, int]]) -> dict[Key, float]:
    """Let turns of a conversation inherit from their neighbours: an answer alone seldom says what it answers.

    Args:
        scores: as fused.
        links: (turn, neighbour, steps between them). Only what some leg found inherits: nobody wants an entry that
            neither says nor means what was asked for.
    """
    spread_scores = dict(scores)
    both = {(key, source): steps for one, other, steps in links for key, source in ((one, other), (other, one))}
    for (key, source), steps in both.items():
        if key in scores:
            spread_scores[key] += NEIGHBOUR[steps] * scores.get(source, 0.0)
    return spread_scores


def recency(age_days: float) -> float:
    """Factor for an entry created *age_days* ago: 1.01 now, 1.005 after half a year, towards 1."""
    return 1.0 + RECENCY * math.exp2(-max(age_days, 0.0) / HALF_LIFE_DAYS)
