"""The first hits read again, each beside the query, where a cross-encoder is in use.

A cross-encoder reads query and passage together, which is dearer than any leg of a search and better at telling what
answers a question from what is merely about it. So it reads the first few hits only, and what it says is one voice:

* Hits are moved among the places of those that were read; no other hit comes in or falls out, and what a query demands
  (phrases in quotes, fields, exclusions) holds as before.
* A hit that holds what was typed word for word keeps its place.
* The others are put in order by `SHARE` of the model's score, from the worst read (0) to the best (1) because every
  model has its own scale, and the rest of the fused one, by the best fused.
* When `SECONDS` are over, those that were read by then are put in order; the others stay behind them as they were.

`SHARE` is an even split, not measured: no real cross-encoder was at hand. See `docs/models.md`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vault.errors import VaultError
from vault.search.query import Query, is_spaceless
from vault.search.snippet import best_place

SHARE = 0.5
"""The model's share of a score."""
SECONDS = 3.0
"""Time after which nothing more is read."""
PASSAGE = 1200
"""Characters of an entry that are read; the model cuts what is too long for it."""
BEFORE = 200
"""Characters of them before the best match by words."""
_LEAST = 1e-6  # between the best and the worst score: below, the model says nothing


class Ranks(Protocol):
    """What is needed of a reranker."""

    def scores(self, query: str, passages: Sequence[str], seconds: float) -> list[float]:
        """The score of each passage, higher is better; of the first ones, when the time is over."""
        ...


@dataclass(frozen=True)
class Again:
    """How hits are to be read again."""

    reranker: Ranks
    """Loaded."""
    first: int
    """So many hits are read."""
    note: Callable[[str], None]
    """Is told what a person should know."""

    def scores(self, query: Query, texts: Sequence[str]) -> list[float]:
        """The scores of *texts*, or of as many of the first of them as there was time for; none if it fails."""
        try:
            found = self.reranker.scores(query.text, texts, SECONDS)
        except VaultError as error:
            self.note(f"{error.message}: hits are in the order of the search ({error.remedy})")
            return []
        if len(found) < len(texts):
            read = f"only the first {len(found)} of {len(texts)} hits were read again"
            self.note(f"the reranker is slow: {read} (set search.rerank lower)")
        return found


def reordered(scores: Sequence[float], fused: Sequence[float], fixed: Sequence[bool]) -> list[int]:
    """Places of the hits that were read, in their new order.

    Args:
        scores: the model's.
        fused: those of the search, best first, all above 0.
        fixed: which hits keep their place.
    """
    low, spread = min(scores, default=0.0), max(scores, default=0.0) - min(scores, default=0.0)
    places = range(len(scores))
    if spread < _LEAST:
        return list(places)
    blended = [SHARE * (scores[at] - low) / spread + (1 - SHARE) * fused[at] / fused[0] for at in places]
    moved = iter(sorted((at for at in places if not fixed[at]), key=lambda at: -blended[at]))
    return [at if fixed[at] else next(moved) for at in places]


def passage(title: str, text: str, start: int | None, query: Query) -> str:
    """What is read of an entry: its title, and its best passage.

    Args:
        title: stands in front, unless the passage begins with it.
        text: of the entry.
        start: of the passage that the vectors found best; None: where the words match best.
        query: for its words.
    """
    at = max(0, best_place(text, query, PASSAGE - BEFORE) - BEFORE) if start is None else start
    best = text[at : at + PASSAGE].strip()
    return best if best.lstrip("# ").startswith(title) else f"{title}\n{best}"


def holds(title: str, text: str, query: Query) -> bool:
    """Whether an entry holds what was typed word for word: all of it, or a phrase that was an alternative."""
    typed = (query.text, *(word for word in query.words if " " in word))
    return any(_literal(one).search(part) for one in typed if re.search(r"\w", one) for part in (title, text))


def _literal(text: str) -> re.Pattern[str]:
    inner = r"[\W_]+".join(map(re.escape, re.findall(r"[^\W_]+", text)))
    return re.compile(inner if is_spaceless(text) else rf"(?<![^\W_]){inner}(?![^\W_])", re.IGNORECASE)
