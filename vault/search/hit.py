"""What a search returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vault.entry import Entry


@dataclass(frozen=True, slots=True)
class Leg:
    """How one search leg saw an entry."""

    rank: int
    """1 for the best."""
    score: float
    """bm25 for the word legs, cosine for the vectors, the model's own scale for ``rerank``."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One entry found."""

    entry: Entry
    score: float
    """Fused score; comparable within one result list only."""
    snippet: str
    """One line around the best match, matches wrapped in ``**``; never empty."""
    legs: Mapping[str, Leg] = field(default_factory=dict)
    """Leg name (``words``, ``trigrams``, ``vectors``, ``rerank``) → how it ranked the entry."""
