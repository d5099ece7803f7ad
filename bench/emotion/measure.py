"""Mood against the public lexicon alone: ``python bench/emotion/measure.py``.

Three readings of `moods.txt`, apart for its two halves: the sum of the lexicon's words without any rules, VADER as
published (a mood from a compound score of 0.05 on), and what the product says.
"""

import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # noqa: E402

from vault.classify.emotion import emotion  # noqa: E402

NAMES = {"+": "positive", "0": "neutral", "-": "negative"}


def read(*, held_out: bool) -> list[tuple[str, str]]:
    """(text, mood) of every line of the first part, on which the word lists were settled, or of the second."""
    text = (Path(__file__).parent / "moods.txt").read_text(encoding="utf-8")
    lines = text.split("\n==")[held_out].splitlines()
    return [(line[2:], NAMES[line[0]]) for line in lines if line[:2] in {f"{sign} " for sign in NAMES}]


def named(score: float, edge: float) -> str:
    return "positive" if score >= edge else "negative" if score <= -edge else "neutral"


def figures(said: Callable[[str], str], rows: list[tuple[str, str]]) -> str:
    pairs = [(said(text), mood) for text, mood in rows]
    right = sum(a == b for a, b in pairs) / len(pairs)
    scores = []
    for mood in NAMES.values():
        hits = sum(a == b == mood for a, b in pairs)
        scores.append(2 * hits / max(1, sum(a == mood for a, _ in pairs) + sum(b == mood for _, b in pairs)))
    opposite = sum({a, b} == {"positive", "negative"} for a, b in pairs) / len(pairs)
    return f"accuracy {right:.3f}  macro-F1 {sum(scores) / 3:.3f}  opposite {opposite:.3f}"


def main() -> None:
    vader = SentimentIntensityAnalyzer()
    words = vader.lexicon
    for name, said in (
        ("lexicon words alone", lambda t: named(sum(words.get(w.strip(".,!?:;").lower(), 0) for w in t.split()), 0.05)),
        ("VADER as published", lambda t: named(vader.polarity_scores(t)["compound"], 0.05)),
        ("memory", emotion),
    ):
        for held_out in (False, True):
            print(f"{name:22} {'held out' if held_out else 'tuned on':9} {figures(said, read(held_out=held_out))}")


if __name__ == "__main__":
    main()
