"""The mood of a text, in one word: VADER's lexicon and rules (Hutto & Gilbert 2014), fitted to notes.

Two changes to the published lexicon: words that are a matter of fact in notes (a killed process, a free font, the
war of 1701) carry no mood, and texts in German, French, Spanish, Italian, Dutch and Portuguese are judged by a list
of their own words (``moods.txt``) with their negations, because English words in them mislead.
`bench/emotion/measure.py` compares it with the published lexicon; the figures are in `docs/classification.md`.
"""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Any

READ = 4000
"""Characters judged; the mood of a long text shows at its start, and VADER is slow."""
THRESHOLD = 0.25
"""Compound score from which a text has a mood. VADER's own 0.05 calls most how-tos positive."""
FOREIGN = 1.5
"""How much more often than English ones another language's common words must come for a text to be in it."""
_FACTS = frozenset(
    "abort aborted aborts accept accepted alert alerts attack attacked attacks block blocked burn charge charged clear "  # noqa: SIM905
    "combat conflict conflicts critical crash crashed dead demand deny denied depression drop dropped error errors "
    "escape excel exploit fail fails failure fatal fire forced free gift grant granted gun help helper illegal "
    "important interest interests invalid isolated kill killed killing kills leave like matter natural ok panic "
    "popular promise "
    "promises protect protected rich safe safely secure security share shared shares shot solid solution special stop "
    "stopped strength suspend suspended toxic trust trusted useful valid value values victim war wars warning warnings "
    "weapon weapons winner".split()
)
_COMMON = {
    "en": "a an no the of and to is was were it my me with for on at from in as that this be are have had i you "
    "he she we they not again all so",
    "de": "der die das und ist ich nicht mit ein eine von zu den dem es war wir sie auf für am im so schon seit mir",
    "fr": "le la les des est et je ne pas un une du que qui avec pour nous il elle en au de mon ma ce sur très",
    "es": "el la los las es y que de un una con por para no me mi en del al se muy qué estoy este",
    "it": "il la che di è e un una con per non mi sono ho del al della lo gli si più",
    "nl": "de het een en van is ik niet met voor op dat te mijn we naar om bij was",
    "pt": "o a os as que de e um uma com para não me eu do da em no na é minha ontem",
}
_NEGATING = frozenset("nicht kein keine keinen nie pas jamais aucun no nunca non mai niet geen nooit não sin ohne sans".split())  # fmt: skip  # noqa: E501, SIM905
_WORD = re.compile(r"[^\W\d_]+")
_REACH = 3
"""Words over which a negation turns the one that follows."""


def emotion(text: str) -> str:
    """``positive``, ``neutral`` or ``negative``."""
    read = text[:READ]
    score = _foreign(read) if _is_foreign(read) else _analyzer().polarity_scores(read)["compound"]
    return "positive" if score >= THRESHOLD else "negative" if score <= -THRESHOLD else "neutral"


def _is_foreign(text: str) -> bool:
    """Whether another language's common words outnumber the English ones."""
    words = _WORD.findall(text.lower())
    counts = {name: sum(word in common for word in words) for name, common in _common().items()}
    return max(counts.values()) > FOREIGN * counts["en"] or (not counts["en"] and any(map(_valence, words)))


def _foreign(text: str) -> float:
    """-1, 0 or 1: which of a text's own words of mood outnumber the others."""
    total = 0
    words = _WORD.findall(text.lower())
    for place, word in enumerate(words):
        turned = any(before in _NEGATING for before in words[max(0, place - _REACH) : place])
        total += -_valence(word) if turned else _valence(word)
    return float((total > 0) - (total < 0))


def _valence(word: str) -> int:
    whole, begin = _moods()
    if word in whole:
        return whole[word]
    return next((begin[word[:k]] for k in range(len(word), 2, -1) if word[:k] in begin), 0)


@lru_cache(maxsize=1)
def _moods() -> tuple[dict[str, int], dict[str, int]]:
    """Whole words, and beginnings of words, with their sign."""
    whole: dict[str, int] = {}
    begin: dict[str, int] = {}
    for line in files("vault.classify").joinpath("moods.txt").read_text(encoding="utf-8").splitlines():
        sign, *words = line.split()
        for word in words if sign in {"+", "-"} else ():
            (begin if word.endswith("*") else whole)[word.rstrip("*")] = 1 if sign == "+" else -1
    return whole, begin


@lru_cache(maxsize=1)
def _common() -> dict[str, frozenset[str]]:
    return {name: frozenset(words.split()) for name, words in _COMMON.items()}


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    for word in _FACTS:
        analyzer.lexicon.pop(word, None)
    return analyzer
