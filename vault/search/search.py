"""Search the open compartments by words and by meaning, and merge what they find.

Each compartment is asked on its own, with every filter inside every leg, so that a locked class leaves no
trace: first how common the words are, then for its candidates, last for the entries that are shown. What words
are worth is worked out over all open compartments together, so that their scores can be compared.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from vault.classification import Classification
from vault.compartment.candidates import Candidate, Meaning, Probe, Term
from vault.compartment.compartment import Compartment
from vault.compartment.filters import Filters
from vault.compartment.words import idf
from vault.entry import Entry
from vault.errors import InvalidInput
from vault.search import query as language
from vault.search.fuse import IN_TIME, fuse, recency, spread
from vault.search.hit import Hit, Leg
from vault.search.query import Query
from vault.search.snippet import snippet
from vault.search.synonyms import synonyms
from vault.search.terms import Group, groups, prefix_match, word_match
from vault.text import tidy_tag

if TYPE_CHECKING:
    from vault.compartment.vectors import Vector
    from vault.search.rerank import Again

MODES = ("hybrid", "keyword", "semantic")
POOL = 60
"""Entries of a compartment that each leg brings, at least."""
MORE = 20
"""Entries beyond the limit that are looked at, because the last steps move near neighbours only."""
MIN_COSINE = 0.15
"""Below this two texts have nothing to do with each other."""
MISSPELT = 0.8
"""What a word one slip away is worth of one that was typed right; each further slip the same share of that."""
PART = 0.7
"""What a word is worth that occurs only inside another."""
_LEAST_PART = 3  # characters of a trigram
SAME = 2000
"""Characters that two entries of one title must share to be shown as one."""

Key = tuple[Classification, int]
Row = tuple[float, Entry, Key]
"""Score, entry, where it is."""


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


class Asked(Protocol):
    """What a search needs of an embedder."""

    model_id: str
    """Vectors of another model are left alone."""

    def embed_one(self, text: str) -> "Vector":
        """The vector of a text."""
        ...


def search(
    compartments: Sequence[Compartment],
    query: Query,
    embedder: "Asked | None",
    *,
    mode: str = "hybrid",
    limit: int = 10,
    again: "Again | None" = None,
) -> list[Hit]:
    """The best *limit* entries for *query*, best first.

    Args:
        compartments: the open ones.
        query: as parsed.
        embedder: gives the vector of a text; None where there is no model (``hybrid`` then means words).
        mode: one of `MODES`.
        limit: 1 to 10,000.
        again: reads the first hits again; None where nothing does.

    Raises:
        InvalidInput: unknown mode, a limit out of range, or a ``synonyms.toml`` that cannot be read.
    """
    if mode not in MODES:
        raise InvalidInput(f"no search mode {mode[:20]!r}", remedy=f"use one of {', '.join(MODES)}")
    if not 1 <= limit <= 10_000:  # noqa: PLR2004
        raise InvalidInput("the limit must be from 1 to 10,000", remedy="use -n with such a number")
    asked = [c for c in compartments if query.classes is None or c.classification in query.classes]
    filters = filters_of(query)
    if not query.has_text:
        return _newest(asked, filters, limit)
    wanted = Wanted.of(asked, query) if mode != "semantic" else Wanted()
    meaning = _meaning(query, embedder) if mode != "keyword" else None
    deep = max(limit, again.first) if again else limit
    probe = Probe(filters, max(POOL, 2 * deep), parts=(), meaning=meaning)
    return Found.by(asked, query, wanted, probe).hits(asked, wanted.shown(query), limit, again)


def _newest(asked: Sequence[Compartment], filters: Filters, limit: int) -> list[Hit]:
    entries = [e for c in asked for e in c.entries(filters, limit)]
    entries.sort(key=lambda e: e.created, reverse=True)
    return [Hit(e, 0.0, snippet(e.text, Query(), title=e.title)) for e in entries[:limit]]


def _meaning(query: Query, embedder: Asked | None) -> Meaning | None:
    if embedder is None or not query.text.strip():
        return None
    import numpy as np

    vector = np.asarray(embedder.embed_one(query.text), dtype="<f4")
    return Meaning(embedder.model_id, vector.tobytes())


@dataclass(frozen=True)
class Wanted:
    """What the words of a query are worth, over all open compartments together."""

    groups: tuple[Group, ...] = ()
    """The words, with what may stand for each."""
    parts: tuple[str, ...] = ()
    """Words that no entry holds, which may occur inside others."""
    corrections: tuple[str, ...] = ()
    """Beginnings of the words that misspelt ones were taken for."""
    sizes: tuple[int, ...] = ()
    """Entries of each compartment."""
    counts: tuple[Mapping[str, int], ...] = ()
    """For each compartment: FTS5 expression → entries that it finds."""

    @classmethod
    def of(cls, asked: Sequence[Compartment], query: Query) -> "Wanted":
        """Count the words of *query*, and look for those nearest to a word that nothing holds."""
        found = groups(query, synonyms())
        matches = list(dict.fromkeys(match for group in found for match in (group.match, *group.others)))
        told = [c.statistics(matches) for c in asked]
        wanted = cls(sizes=tuple(size for size, _ in told), counts=tuple(counts for _, counts in told))
        known = [part for group in found for part in ([group] if wanted.hits(group.match) else group.parts or [group])]
        wanted = replace(wanted, groups=tuple(known))
        # What has a known form or synonym is a word, however near it is to another; so is what begins one, half typed.
        begun = {prefix for prefix in query.prefixes if wanted.hits(prefix_match(prefix))}
        unknown = [g.word for g in known if g.word and not any(map(wanted.hits, (g.match, *g.others)))]
        unknown = [word for word in unknown if word not in begun]
        return wanted.corrected(asked, unknown) if unknown else wanted

    def corrected(self, asked: Sequence[Compartment], unknown: Sequence[str]) -> "Wanted":
        """With the words of the index that are nearest to the *unknown* ones."""
        near: dict[str, dict[str, int]] = {}
        for compartment in asked:
            for word, found in compartment.near_words(unknown).items():
                near.setdefault(word, {}).update((stem, slips) for stem, slips, _ in found)
        better = {}
        for word, stems in near.items():
            least = min(stems.values(), default=0)
            # The index holds stems, and what is typed is stemmed: a beginning finds the stem again.
            better[word] = {f"{word_match(stem)} *": slips for stem, slips in stems.items() if slips == least}
        matches = [match for found in better.values() for match in found]
        counts = [c.statistics(matches)[1] for c in asked] if matches else [{}] * len(asked)
        return replace(
            self,
            groups=tuple(_with(group, better.get(group.word, {})) for group in self.groups),
            parts=tuple(word for word in unknown if len(word) >= _LEAST_PART),
            corrections=tuple(match.strip('"* ') for match in matches),
            counts=tuple({**old, **new} for old, new in zip(self.counts, counts, strict=True)),
        )

    def hits(self, match: str) -> int:
        """Entries of all compartments that *match* finds."""
        return sum(counts.get(match, 0) for counts in self.counts)

    def weight(self, group: Group) -> float:
        """The idf of what was typed; of a misspelt word, that of the best it may have meant."""
        rows = sum(self.sizes)
        known = [match for match in (group.match, *group.others) if self.hits(match)]
        typed = group.match if self.hits(group.match) or not known else max(known, key=self.hits)
        return idf(rows, self.hits(typed))

    @property
    def full(self) -> float:
        """About the score of an entry of average length that holds every word once."""
        return sum(self.weight(group) for group in self.groups)

    def asks(self, place: int, probe: Probe) -> Probe:
        """*probe* with the words, for the compartment at *place*."""
        counts, rows = self.counts[place], sum(self.sizes)
        terms = []
        for group in self.groups:
            most = self.weight(group)
            shares = {group.match: 1.0, **group.others}
            terms.append(
                tuple(
                    Term(match, share * min(most, idf(rows, self.hits(match))), hits)
                    for match, share in shares.items()
                    if (hits := counts.get(match, 0))
                )
            )
        unit = PART * idf(rows, 0)
        parts = tuple(Term(_quoted(word), unit, 1) for word in self.parts)
        return replace(probe, size=self.sizes[place], groups=tuple(terms), parts=parts)

    def shown(self, query: Query) -> Query:
        """*query* with what misspelt words were taken for, for the marks in snippets."""
        return replace(query, prefixes=(*query.prefixes, *self.corrections))


def _with(group: Group, better: Mapping[str, int]) -> Group:
    for match, slips in better.items():
        group = group.corrected(match, MISSPELT**slips)
    return group


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


@dataclass(frozen=True)
class Found:
    """What all legs found in all compartments, by key."""

    words: Mapping[Key, float]
    trigrams: Mapping[Key, float]
    vectors: Mapping[Key, float]
    starts: Mapping[Key, int]
    scores: Mapping[Key, float]
    """Fused."""

    @classmethod
    def by(cls, asked: Sequence[Compartment], query: Query, wanted: Wanted, probe: Probe) -> "Found":
        """Ask every compartment; where the query names a time, once more for what was made in it."""
        probes = [probe]
        if query.around:
            start, end = query.around
            narrow = replace(
                probe.filters,
                after=max(probe.filters.after or start, start),
                before=min(probe.filters.before or end, end),
            )
            probes.append(replace(probe, filters=narrow))
        found: dict[Key, Candidate] = {}
        in_time: set[Key] = set()
        links: list[tuple[Key, Key, int]] = []
        for place, c in enumerate(asked):
            for each in probes:
                candidates, near = c.candidates(wanted.asks(place, each) if wanted.groups else each)
                keyed = {(c.classification, candidate.rowid): candidate for candidate in candidates}
                found |= keyed
                links += [((c.classification, one), (c.classification, other), steps) for one, other, steps in near]
                if each is not probe:
                    in_time |= keyed.keys()
        words = {key: c.words for key, c in found.items() if c.words}
        trigrams = {key: c.trigrams for key, c in found.items() if c.trigrams}
        vectors = {key: c.cosine for key, c in found.items() if c.cosine is not None and c.cosine >= MIN_COSINE}
        said = {key: words.get(key, 0.0) + trigrams.get(key, 0.0) for key in words.keys() | trigrams.keys()}
        scores = spread(fuse(said, vectors, wanted.full), links)
        best = max(scores.values(), default=0.0)
        scores |= {key: scores[key] + IN_TIME * best for key in in_time & scores.keys()}
        return cls(words, trigrams, vectors, {key: c.start for key, c in found.items()}, scores)

    def hits(
        self, asked: Sequence[Compartment], query: Query, limit: int, again: "Again | None" = None
    ) -> list[Hit]:
        """The best *limit*, with their snippets, the first of them read *again*."""
        rows = self._best(asked, max(limit, again.first) if again else limit)
        legs = {"words": self.words, "trigrams": self.trigrams, "vectors": self.vectors}
        if again and len(rows) > 1:
            rows, legs["rerank"] = self._reread(rows, query, again)
        shown = rows[:limit]
        told = _told(legs, [key for *_, key in shown])
        return [self._hit(query, score, entry, told[key], key) for score, entry, key in shown]

    def _best(self, asked: Sequence[Compartment], limit: int) -> list[Row]:
        """The best *limit*, newer ones before older of about the same score, repeats behind all others."""
        best = sorted(self.scores, key=lambda key: -self.scores[key])[: limit + MORE]
        least = self.scores[best[limit - 1]] / recency(0.0) if len(best) > limit else 0.0
        some = [key for key in best if self.scores[key] >= least]  # the rest is too far behind to be new enough
        fresh, repeats = _once(self._rows(asked, some))
        if len(fresh) < min(limit, len(best)) and len(some) < len(best):
            fresh, repeats = _once(self._rows(asked, best))
        return [*fresh, *repeats][:limit]

    def _rows(self, asked: Sequence[Compartment], keys: Sequence[Key]) -> list[Row]:
        now = datetime.now(UTC)
        found: list[Row] = []
        for c in asked:
            rowids = [rowid for classification, rowid in keys if classification is c.classification]
            for rowid, entry in (c.fetch(rowids) if rowids else {}).items():
                age = (now - entry.created).total_seconds() / 86400
                key = (c.classification, rowid)
                found.append((self.scores[key] * recency(age), entry, key))
        found.sort(key=lambda row: (-row[0], row[1].id))
        return found

    def _reread(self, rows: list[Row], query: Query, again: "Again") -> tuple[list[Row], dict[Key, float]]:
        """*rows* in the order of `vault.search.rerank`; the scores stay with the places, so that they fall."""
        from vault.search import rerank

        first = rows[: again.first]
        starts = [self.starts.get(key) if key in self.vectors else None for _, _, key in first]
        texts = [rerank.passage(e.title, e.text, start, query) for (_, e, _), start in zip(first, starts, strict=True)]
        scores = again.scores(query, texts)
        fixed = [rerank.holds(entry.title, entry.text, query) for _, entry, _ in first[: len(scores)]]
        fused = [score for score, _, _ in first]
        order = rerank.reordered(scores, fused, fixed)
        fresh, repeats = _once([*(first[at] for at in order), *rows[len(scores) :]])
        moved = [*fresh, *repeats]
        told = {key: score for (_, _, key), score in zip(first, scores, strict=False)}
        return [(score, entry, key) for (score, *_), (_, entry, key) in zip(rows, moved, strict=True)], told

    def _hit(self, query: Query, score: float, entry: Entry, legs: Mapping[str, Leg], key: Key) -> Hit:
        start = 0 if "words" in legs else self.starts.get(key, 0)
        shown = snippet(entry.text[start:], query, title=entry.title)
        return Hit(entry, score, shown or entry.title, legs)


def _told(legs: Mapping[str, Mapping[Key, float]], keys: Iterable[Key]) -> dict[Key, dict[str, Leg]]:
    """For each of *keys*, how every leg ranks it."""
    told: dict[Key, dict[str, Leg]] = {key: {} for key in keys}
    for name, scores in legs.items():
        for rank, key in enumerate(sorted(scores, key=scores.__getitem__, reverse=True), start=1):
            if key in told:
                told[key][name] = Leg(rank, scores[key])
    return told


def _once(found: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """*found* in two: what says the same as a better one goes behind all others, for repeats must not fill a page."""
    seen: set[tuple[str, str]] = set()
    fresh: list[Row] = []
    repeats: list[Row] = []
    for row in found:
        said = (row[1].title, " ".join(row[1].text[:SAME].split()))
        (repeats if said in seen else fresh).append(row)
        seen.add(said)
    return fresh, repeats
