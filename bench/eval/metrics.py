"""What a ranking is worth: recall, reciprocal rank, discounted gain.

Recall at k (``R@k``) is the *share* of a question's relevant documents among the first k; ``hit@1`` counts a
question as answered when the first document is *any* relevant one. They differ where several are relevant.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

DEPTHS = (1, 5, 10, 50)


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one question, or their means over many; all from 0 to 1."""

    first: float
    """1 where the first document is relevant."""
    recall: tuple[float, ...]
    """For each of `DEPTHS`: which share of the relevant documents is among the first?"""
    reciprocal: float
    """1 / rank of the first relevant document; 0 where none is in the ranking."""
    gain: float
    """nDCG@10 with binary relevance. Source: Järvelin & Kekäläinen, 2002."""


def score(ranking: Sequence[str], relevant: frozenset[str]) -> Score:
    """How well *ranking* (best first, without repeats) does."""
    places = [rank for rank, key in enumerate(ranking, start=1) if key in relevant]
    within = [sum(rank <= depth for rank in places) for depth in DEPTHS]
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(relevant), 10) + 1))
    gain = sum(1 / math.log2(rank + 1) for rank in places if rank <= 10) / ideal
    return Score(
        float(1 in places),
        tuple(n / len(relevant) for n in within),
        1 / places[0] if places else 0.0,
        gain,
    )


def mean(scores: Sequence[Score]) -> Score:
    """The mean of each figure."""
    return Score(
        fmean(s.first for s in scores),
        tuple(fmean(column) for column in zip(*(s.recall for s in scores), strict=True)),
        fmean(s.reciprocal for s in scores),
        fmean(s.gain for s in scores),
    )
