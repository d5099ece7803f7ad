"""Search the open compartments by words and by meaning, and merge what they find.

Each compartment is asked on its own, with every filter inside every leg, so that a locked class leaves no
trace. Scores of the word leg are made comparable across compartments before they are merged.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from vault.classification import Classification
from vault.compartment.compartment import Compartment
from vault.compartment.filters import Filters
from vault.entry import Entry
from vault.errors import InvalidInput
from vault.search import query as language
from vault.search.fuse import fuse, recency
from vault.search.hit import Hit, Leg
from vault.search.likeness import likeness
from vault.search.query import Query
from vault.search.snippet import snippet
from vault.text import tidy_tag

if TYPE_CHECKING:
    from vault.compartment.vectors import Vector

MODES = ("hybrid", "keyword", "semantic")
POOL = 100
"""Entries that each leg brings into the fusion, at least."""
TYPO_POOL = 20
"""Entries of a compartment looked at closely for a word that nothing knows."""
MIN_LIKENESS = 0.5
"""Dice coefficient of letter pairs from which two words may be one, misspelt."""
MIN_COSINE = 0.15
"""Below this two texts have nothing to do with each other."""
SMALL = 5000
"""Compartments below this size get their bm25 corrected to the statistics of all open ones."""

Key = tuple[Classification, int]
Ranking = list[tuple[Key, float]]


def filters_of(query: Query, *, trash: bool = False) -> Filters:
    """What *query* demands of an entry whatever leg finds it."""
    conditions = language.filters(query)
    found = (("words", conditions.words), ("trigrams", conditions.trigram))
    not_found = (("words", conditions.not_words), ("trigrams", conditions.not_trigram))
    return Filters(
        tags=tuple(map(tidy_tag, query.tags)),
        not_tags=tuple(map(tidy_tag, query.not_tags)),
        sources=query.sources,
        not_sources=query.not_sources,
        after=query.after,
        before=query.before,
        has=query.has,
        found=tuple((table, match) for table, match in found if match),
        not_found=tuple((table, match) for table, match in not_found if match),
        trash=trash,
    )


def search(
    compartments: Sequence[Compartment],
    query: Query,
    embedder: "Asked | None",
    *,
    mode: str = "hybrid",
    limit: int = 10,
) -> list[Hit]:
    """The best *limit* entries for *query*, best first.

    Args:
        compartments: the open ones.
        query: as parsed.
        embedder: gives the vector of a text; None where there is no model (``hybrid`` then means words).
        mode: one of `MODES`.
        limit: 1 to 10,000.

    Raises:
        InvalidInput: unknown mode or a limit out of range.
    """
    if mode not in MODES:
        raise InvalidInput(f"no search mode {mode[:20]!r}", remedy=f"use one of {', '.join(MODES)}")
    if not 1 <= limit <= 10_000:  # noqa: PLR2004
        raise InvalidInput("the limit must be from 1 to 10,000", remedy="use -n with such a number")
    asked = [c for c in compartments if query.classes is None or c.classification in query.classes]
    filters = filters_of(query)
    if not query.has_text:
        return _newest(asked, filters, limit)
    pool = max(POOL, 2 * limit)
    legs: dict[str, Ranking] = {}
    full: dict[str, float] = {}
    if mode != "semantic":
        statistics = Statistics.of(asked, query)
        legs["words"] = _word_leg(asked, query, filters, pool, statistics)
        legs["trigrams"] = _trigram_leg(asked, query, filters, pool, statistics)
        full["words"] = statistics.full_score
        full["trigrams"] = 1.0
    spans: dict[Key, int] = {}
    if mode != "keyword" and embedder is not None and query.text.strip():
        legs["vectors"], spans = _vector_leg(asked, embedder, query.text, filters, pool)
    if legs.get("vectors"):
        full["vectors"] = legs["vectors"][0][1]
    return _hits(asked, query, fuse(legs, full), spans, limit)


def _newest(asked: Sequence[Compartment], filters: Filters, limit: int) -> list[Hit]:
    entries = [e for c in asked for e in c.entries(filters, limit)]
    entries.sort(key=lambda e: e.created, reverse=True)
    return [Hit(e, 0.0, snippet(e.text, Query(), title=e.title)) for e in entries[:limit]]


def _hits(
    asked: Sequence[Compartment],
    query: Query,
    fused: dict[Key, tuple[float, dict[str, Leg]]],
    spans: dict[Key, int],
    limit: int,
) -> list[Hit]:
    # The recency prior moves near neighbours only, so a little more than the limit is looked at.
    best = sorted(fused, key=lambda key: -fused[key][0])[: limit + 20]
    by_class = {c.classification: c for c in asked}
    found: list[tuple[float, Entry, Key]] = []
    now = datetime.now(UTC)
    for classification, compartment in by_class.items():
        rowids = [rowid for c, rowid in best if c is classification]
        for rowid, entry in compartment.fetch(rowids).items():
            age = (now - entry.created).total_seconds() / 86400
            found.append((fused[classification, rowid][0] * recency(age), entry, (classification, rowid)))
    found.sort(key=lambda row: (-row[0], row[1].id))
    return [_hit(query, *row, fused[row[2]][1], spans) for row in found[:limit]]


def _hit(query: Query, score: float, entry: Entry, key: Key, seen: Mapping[str, Leg], spans: Mapping[Key, int]) -> Hit:
    start = 0 if "words" in seen else spans.get(key, 0)
    shown = snippet(entry.text[start:], query, title=entry.title)
    return Hit(entry, score, shown or entry.title, seen)


class Asked(Protocol):
    """What a search needs of an embedder."""

    model_id: str
    """Vectors of another model are left alone."""

    def embed_one(self, text: str) -> "Vector":
        """The vector of a text."""
        ...


@dataclass(frozen=True, slots=True)
class Statistics:
    """How common each term of a query is, over all open compartments together."""

    sizes: Mapping[Compartment, int]
    """Living entries of each compartment."""
    counts: Mapping[tuple[Compartment, str], int]
    """(compartment, MATCH expression of one term) → entries that hold it."""
    terms: tuple[str, ...]
    """The MATCH expressions."""

    @classmethod
    def of(cls, asked: Sequence[Compartment], query: Query) -> "Statistics":
        """Count them."""
        terms = tuple(m for term in _terms(query) if (m := language.fts_words(term)))
        found = {c: c.statistics(terms) for c in asked}
        sizes = {c: size for c, (size, _) in found.items()}
        return cls(sizes, {(c, m): n for c, (_, counts) in found.items() for m, n in counts.items()}, terms)

    def total(self, term: str) -> int:
        """Entries that hold *term*."""
        return sum(self.counts[c, term] for c in self.sizes)

    def idf(self, term: str) -> float:
        """Its weight, as if all compartments were one."""
        return _idf(sum(self.sizes.values()), self.total(term))

    def local_idf(self, compartment: Compartment, term: str) -> float:
        """Its weight within one compartment, as bm25 used it there."""
        return _idf(self.sizes[compartment], self.counts[compartment, term])

    @property
    def full_score(self) -> float:
        """About the bm25 of an entry of average length that holds every term once: the sum of the weights."""
        return sum(self.idf(term) for term in self.terms)


def _word_leg(
    asked: Sequence[Compartment], query: Query, filters: Filters, pool: int, statistics: Statistics
) -> Ranking:
    match = language.fts_words(query)
    if match is None:
        return []
    found = {c: c.ranked("words", match, filters, pool) for c in asked}
    for c in asked:
        # Compartments above `SMALL` set the statistics anyway and are left as they are.
        if found[c] and statistics.sizes[c] < min(SMALL, sum(statistics.sizes.values())):
            found[c] = _comparable(c, filters, found[c], statistics)
    merged = [((c.classification, rowid), score) for c, rows in found.items() for rowid, score in rows]
    return sorted(merged, key=lambda row: -row[1])[:pool]


def _comparable(
    compartment: Compartment, filters: Filters, rows: list[tuple[int, float]], statistics: Statistics
) -> list[tuple[int, float]]:
    """Scores of a small compartment as if all open ones were one.

    bm25 weighs a word by how rare it is *in its table*; in a table of three entries every word is common.
    bm25 = Σ idf(word) · tf(word), so each word's part is divided by the local idf and multiplied by that of
    the whole.
    """
    scores = dict.fromkeys((rowid for rowid, _ in rows), 0.0)
    for term in statistics.terms:
        weight = statistics.idf(term) / statistics.local_idf(compartment, term)
        for rowid, score in compartment.ranked("words", term, filters, SMALL):
            if rowid in scores:
                scores[rowid] += weight * score
    return list(scores.items())


def _terms(query: Query) -> list[Query]:
    return (
        [Query(words=(w,)) for w in query.words]
        + [Query(prefixes=(p,)) for p in query.prefixes]
        + [Query(required=(r,)) for r in query.required]
        + [Query(title=(t,)) for t in query.title]
    )


def _idf(rows: int, hits: int) -> float:
    """As SQLite's FTS5 computes it, floor included, so that dividing by it is exact."""
    idf = math.log((rows - hits + 0.5) / (hits + 0.5))
    return idf if idf > 0 else 1e-6


def _trigram_leg(
    asked: Sequence[Compartment], query: Query, filters: Filters, pool: int, statistics: Statistics
) -> Ranking:
    """For words that no open compartment knows: typos, substrings, scripts without spaces.

    The index proposes entries that share trigrams; what counts is how alike their likest word is, because a
    long text shares some trigrams with anything.
    """
    unknown = [
        w for w in query.words if (m := language.fts_words(Query(words=(w,)))) is None or not statistics.total(m)
    ]
    scores: dict[Key, float] = {}
    for word in unknown:
        match = language.fts_trigram(Query(words=(word,)))
        for c in asked if match is not None else ():
            near = [rowid for rowid, _ in c.ranked("trigrams", match, filters, TYPO_POOL)]  # type: ignore[arg-type]
            for rowid, entry in c.fetch(near).items():
                alike = likeness(word, f"{entry.title}\n{entry.text}")
                if alike >= MIN_LIKENESS:
                    key = (c.classification, rowid)
                    scores[key] = scores.get(key, 0.0) + alike / len(query.words)
    return sorted(scores.items(), key=lambda row: -row[1])[:pool]


def _vector_leg(
    asked: Sequence[Compartment], embedder: Asked, text: str, filters: Filters, pool: int
) -> tuple[Ranking, dict[Key, int]]:
    vector = embedder.embed_one(text)
    found = [
        ((c.classification, rowid), cosine, first)
        for c in asked
        for rowid, cosine, first, _ in c.nearest(embedder.model_id, vector, filters, pool)
        if cosine >= MIN_COSINE
    ]
    found.sort(key=lambda row: -row[1])
    best = found[:pool]
    return [(key, cosine) for key, cosine, _ in best], {key: first for key, _, first in best}
