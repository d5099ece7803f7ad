"""The mood of a text, in one word, by VADER's lexicon (Hutto & Gilbert 2014).

The lexicon is English; text in other languages comes out neutral unless it borrows words or emoticons.
"""

from functools import lru_cache
from typing import Any

READ = 4000
"""Characters judged; the mood of a long text shows at its start, and VADER is slow."""
THRESHOLD = 0.3
"""Compound score from which a text has a mood. VADER's own 0.05 calls most how-tos positive."""


def emotion(text: str) -> str:
    """``positive``, ``neutral`` or ``negative``."""
    score = _analyzer().polarity_scores(text[:READ])["compound"]
    return "positive" if score >= THRESHOLD else "negative" if score <= -THRESHOLD else "neutral"


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
