"""One compartment's answer to a search: every leg in one call, as plain data.

The words, the trigrams and the vectors each bring their best; whatever one leg brings is then judged by the others
too where that is cheap, because an entry that a leg merely did not bring is not one that it found unlike.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from vault.compartment import vectors, words
from vault.compartment.database import Database
from vault.compartment.filters import Filters

EXACT = 1500
"""Up to so many matches, all words together, each is weighed on its own; beyond, FTS5 ranks them in one go."""
WIDE = 4
"""Times the limit that FTS5 then brings, because what the vectors find should be judged by its words too."""
TURN = 600
"""Bytes up to which an untitled entry may be a turn of a conversation."""
APART = 3600
"""Seconds that neighbouring turns may lie apart."""
LINKED = 40
"""Best candidates of each leg whose neighbours are looked for."""


@dataclass(frozen=True, slots=True)
class Term:
    """An FTS5 expression and what it is worth."""

    match: str
    weight: float
    """How telling it is over all open compartments (its idf), less for an alternative."""
    hits: int
    """Entries of this compartment that it finds."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A query's vector, packed."""

    model: str
    """Id of the model; vectors of another are left alone."""
    vector: bytes
    """Little-endian float32."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What one compartment is asked."""

    filters: Filters
    limit: int
    """Entries that each leg brings."""
    size: int = 0
    """Entries of this compartment, as `Compartment.statistics` counted them."""
    groups: tuple[tuple[Term, ...], ...] = ()
    """For every word typed: itself and what may stand for it; the best in an entry counts."""
    parts: tuple[Term, ...] = ()
    """Parts of words, for the trigram table."""
    meaning: Meaning | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that some leg found."""

    rowid: int
    words: float = 0.0
    """Σ over the words typed of weight · share; 0 where none is in it (or it is far down)."""
    trigrams: float = 0.0
    """Sum of the weights of the parts it contains."""
    cosine: float | None = None
    """Of its best passage; None without vectors."""
    start: int = 0
    """Offset of that passage."""


Links = tuple[tuple[int, int, int], ...]
"""(rowid, rowid of a neighbour in its conversation, how many turns away)."""


def find(db: Database, probe: Probe) -> tuple[list[Candidate], Links]:
    """What every leg finds, and which turns of conversations are neighbours of it."""
    spoken = _words(db, probe)
    parts = _parts(db, probe)
    best = sorted(spoken, key=lambda rowid: -spoken[rowid])[: probe.limit]
    meant = _meant(db, probe, [*best, *parts])
    wanted = dict.fromkeys([*best, *parts, *meant])
    found = [
        Candidate(rowid, spoken.get(rowid, 0.0), parts.get(rowid, 0.0), *meant.get(rowid, (None, 0)))
        for rowid in wanted
    ]
    nearest = sorted(meant, key=lambda rowid: -meant[rowid][0])[:LINKED]
    return found, _links(db, dict.fromkeys([*best[:LINKED], *nearest]), wanted)


def _words(db: Database, probe: Probe) -> dict[int, float]:
    groups = [tuple(term for term in group if term.hits) for group in probe.groups]
    if sum(term.hits for group in groups for term in group) > EXACT:
        return _ranked_words(db, probe, groups)
    scores: dict[int, float] = {}
    for group in groups:
        for rowid, share in _best_of_group(db, probe, group).items():
            scores[rowid] = scores.get(rowid, 0.0) + share
    return scores


def _best_of_group(db: Database, probe: Probe, group: Iterable[Term]) -> dict[int, float]:
    """Rowid → what the word is worth there.

    bm25 = Σ idf(word) · tf(word). Dividing by the idf of this compartment leaves how much an entry is about the word,
    which is then weighed by how rare the word is in all compartments together.
    """
    best: dict[int, float] = {}
    for term in group:
        factor = term.weight / words.idf(probe.size, term.hits)
        for rowid, score in words.ranked(db, "words", term.match, probe.filters, EXACT):
            if factor * score > best.get(rowid, 0.0):
                best[rowid] = factor * score
    return best


def _ranked_words(db: Database, probe: Probe, groups: Sequence[tuple[Term, ...]]) -> dict[int, float]:
    """As `_words`, with the ranking left to FTS5: alternatives add to the typed word instead of competing."""
    scores: dict[int, float] = {}
    limit = WIDE * probe.limit
    typed = [group[0] for group in groups if group]
    for terms in (typed, *([other] for group in groups for other in group[1:])):
        if terms:
            local = sum(words.idf(probe.size, term.hits) for term in terms)
            factor = sum(term.weight for term in terms) / local
            match = " OR ".join(f"({term.match})" for term in terms)
            for rowid, score in words.ranked(db, "words", match, probe.filters, limit):
                scores[rowid] = scores.get(rowid, 0.0) + factor * score
    return scores


def _parts(db: Database, probe: Probe) -> dict[int, float]:
    scores: dict[int, float] = {}
    for term in probe.parts:
        for rowid, _ in words.ranked(db, "trigrams", term.match, probe.filters, probe.limit):
            scores[rowid] = scores.get(rowid, 0.0) + term.weight
    return scores


def _meant(db: Database, probe: Probe, others: Sequence[int]) -> Mapping[int, tuple[float, int]]:
    """Rowid → (cosine, start of the best passage): the nearest, and the *others*."""
    asked = probe.meaning
    if asked is None:
        return {}
    found = vectors.nearest(db, asked.model, asked.vector, probe.filters, probe.limit)
    best = {rowid: (cosine, first) for rowid, cosine, first, _ in found}
    return best | vectors.cosines(db, asked.model, asked.vector, [rowid for rowid in others if rowid not in best])


def _links(db: Database, rowids: Iterable[int], among: Collection[int]) -> Links:
    """Neighbours (*among* what was found) of those of *rowids* that are turns of a conversation.

    A turn is short and has no title; neighbours were captured one after the other, come from the same source and
    context, and were made within the hour.
    """
    turns = _turns(db, list(rowids))
    beside = {rowid: _beside(db, place) for rowid, (place, *_) in turns.items()}
    unread = dict.fromkeys(other for near in beside.values() for other, _ in near if other in among)
    known = turns | _turns(db, [other for other in unread if other not in turns])
    return tuple(
        (rowid, other, steps)
        for rowid, near in beside.items()
        for other, steps in near
        if other in known and _together(known[rowid], known[other])
    )


def _turns(db: Database, rowids: Sequence[int]) -> dict[int, tuple[int, str, str, int]]:
    """Rowid → (place, source, context, created) of those that may be turns."""
    rows = db.rows(  # the length is judged first, because what follows a long text in its row is slow to read
        "SELECT rowid, place, source, context, unixepoch(created) FROM entry "
        f"WHERE rowid IN ({','.join('?' * len(rowids))}) AND octet_length(body) <= {TURN} AND title = ''",
        rowids,
    )
    return {rowid: (place, source, context, created) for rowid, place, source, context, created in rows}


def _beside(db: Database, place: int) -> list[tuple[int, int]]:
    """(rowid, steps away) of the entries captured just before and just after."""
    before = db.rows("SELECT rowid FROM entry WHERE place < ? ORDER BY place DESC LIMIT 2", [place])
    after = db.rows("SELECT rowid FROM entry WHERE place > ? ORDER BY place LIMIT 2", [place])
    return [(row[0], steps) for rows in (before, after) for steps, row in enumerate(rows, start=1)]


def _together(one: tuple[int, str, str, int], other: tuple[int, str, str, int]) -> bool:
    return one[1:3] == other[1:3] and abs(one[3] - other[3]) <= APART
