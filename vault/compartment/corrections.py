"""What a compartment has learned from the person: entries they filed themselves, and how they use their tags.

Nothing is stored for it: an entry's reasoning says that a person chose its class, and its passages have their
vectors, so that a rebuilt index knows the same. Both stay in the class they concern.
numpy is imported inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from vault.compartment import vectors
from vault.compartment.database import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 1000
"""Choices that count: moves and confirmations before classes given at capture, the newest first."""
NEAR = 0.4
"""Cosine from which a choice is told of; how much it counts is for `vault.classify.personal` to say."""
PER_TEXT = 8
LEAD = 1000
"""Characters of a chosen entry that are told, as many as the classifier's head reads."""
DEEP = 6000
"""Passages that begin before this character stand for an entry's meaning."""
TAGS = 200
"""Tags whose meaning is known, the most used ones."""
KEPT = 60.0
"""Seconds after which the meaning of tags is looked up anew."""
FRESH = 20
"""… or when one entry in so many is new."""
PER_TAG = 8
"""Newest entries whose mean is the meaning of a tag."""
K = TypeVar("K", int, str)
_CHOSEN = """
    SELECT passage.entry, vector
    FROM (SELECT rowid AS row FROM entry WHERE chosen > 0 ORDER BY chosen DESC, updated DESC LIMIT ?) AS kept
    JOIN passage ON passage.entry = kept.row WHERE vector IS NOT NULL AND first < ?"""
_UNCHOSEN = """
    WITH kept AS (SELECT rowid AS row FROM entry WHERE rowid > ? AND deleted = 0 AND chosen = 0 ORDER BY 1 LIMIT ?)
    SELECT row, vector FROM kept LEFT JOIN passage ON passage.entry = row AND vector IS NOT NULL AND first < ?
    ORDER BY row, passage.rowid"""
_TAGGED = """
    WITH used AS (SELECT tag FROM tag GROUP BY tag HAVING count(*) > 1 ORDER BY count(*) DESC LIMIT ?),
    newest AS (
        SELECT tag, entry, row_number() OVER (PARTITION BY tag ORDER BY entry DESC) AS place
        FROM tag JOIN used USING (tag)
    )
    SELECT tag, vector FROM newest JOIN passage ON passage.entry = newest.entry
    WHERE place <= ? AND first = 0 AND vector IS NOT NULL"""
"""The trash has no passages, so what these find is living."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An entry whose class a person chose."""

    entry: str
    """Its id."""
    text: str
    """Title and beginning."""
    vector: bytes
    """Its meaning, float32, length 1."""


@dataclass(frozen=True, slots=True)
class Experience:
    """What a compartment knows of things near a list of texts."""

    chosen: tuple[Chosen, ...]
    """Entries that are near one of the texts or more."""
    near: tuple[tuple[tuple[int, float], ...], ...]
    """For each text: (place in ``chosen``, cosine), nearest first."""
    tags: tuple[tuple[tuple[str, float], ...], ...]
    """For each text: (tag, cosine with the mean of its entries), nearest first."""


@dataclass(slots=True)
class TagMeanings:
    """The mean vectors of tags, kept for a while because making them reads much."""

    entries: int
    """How many entries there were."""
    names: list[str]
    means: "NDArray[np.float32]"
    """Shape (tags, dims)."""
    made: float
    """When, by the monotonic clock."""
    model: str | None
    """Whose vectors they are of."""


@dataclass(slots=True)
class Choices:
    """The mean vectors of the entries that a person filed, kept while no entry changes."""

    state: tuple[int, int]
    """That of the database when they were read."""
    rowids: list[int]
    means: "NDArray[np.float32]"
    """Shape (entries, dims)."""


def consult(db: Database, tags: TagMeanings, choices: Choices, texts: Sequence[bytes]) -> Experience:
    """What is near each of *texts* (float32 vectors of length 1, of the model in use)."""
    import numpy as np

    asked = np.stack([np.frombuffer(text, dtype="<f4") for text in texts])
    near = _nearest(asked, choices.means, PER_TEXT)
    wanted = sorted({place for row in near for place, _ in row})
    chosen = [_chosen(db, choices.rowids[place], choices.means[place].tobytes()) for place in wanted]
    places = {place: i for i, place in enumerate(wanted)}
    return Experience(
        tuple(chosen),
        tuple(tuple((places[place], cosine) for place, cosine in row) for row in near),
        tuple(tuple((tags.names[i], cosine) for i, cosine in row) for row in _nearest(asked, tags.means, PER_TEXT)),
    )


def choices(db: Database, kept: Choices | None) -> Choices:
    """The entries that a person filed: those *kept* from before where no entry has changed since."""
    state = db.state()
    if kept is not None and kept.state == state:
        return kept
    return Choices(state, *_meanings(db, _CHOSEN, int, [MOST, DEEP]))


def tag_meanings(db: Database, kept: TagMeanings | None) -> TagMeanings:
    """The mean vectors of the tags most used: those *kept* from before while they are fresh."""
    entries, model = int(db.value("SELECT count(*) FROM entry")), vectors.model(db)
    if kept is not None and kept.model == model and not _is_stale(kept, entries):
        return kept
    names, means = _meanings(db, _TAGGED, str, [TAGS, PER_TAG])
    return TagMeanings(entries, names, means, monotonic(), model)


def _is_stale(tags: TagMeanings, entries: int) -> bool:
    return monotonic() - tags.made > KEPT or abs(entries - tags.entries) * FRESH >= tags.entries


def page(db: Database, after: int, limit: int) -> list[tuple[int, list[bytes]]]:
    """(rowid, vectors of its first passages, float32 of length 1) of living entries whose class no person chose."""
    import numpy as np

    found: dict[int, list[bytes]] = {}
    for rowid, vector in db.rows(_UNCHOSEN, [after, limit, DEEP]):
        packed = found.setdefault(rowid, [])
        if vector is not None:
            packed.append(_unit(np.frombuffer(vector, np.int8)[None, :]).tobytes())
    return list(found.items())


def _chosen(db: Database, rowid: int, vector: bytes) -> Chosen:
    entry, title, lead = db.rows(f"SELECT id, title, substr(body, 1, {LEAD}) FROM entry WHERE rowid = ?", [rowid])[0]
    return Chosen(entry, f"{title}\n{lead}" if title else lead, vector)


def _meanings(db: Database, sql: str, keys: type[K], values: Sequence[int]) -> "tuple[list[K], NDArray[np.float32]]":
    """Keys and their mean vectors (length 1), from rows of (key, packed vector)."""
    import numpy as np

    rows = db.rows(sql, list(values))
    if not rows:
        return [], np.zeros((0, 0), np.float32)
    passages = _unit(np.frombuffer(b"".join([vector for _, vector in rows]), np.int8).reshape(len(rows), -1))
    of: dict[K, list[int]] = {}
    for row, (key, _) in enumerate(rows):
        of.setdefault(keys(key), []).append(row)
    sums = passages[[own[0] for own in of.values()]]
    for turn in range(1, max(map(len, of.values()))):  # a turn adds one passage to each entry that has so many
        places, more = zip(*((i, own[turn]) for i, own in enumerate(of.values()) if turn < len(own)), strict=True)
        sums[list(places)] += passages[list(more)]
    return list(of), _unit(sums)


def _unit(rows: "NDArray[np.generic]") -> "NDArray[np.float32]":
    import numpy as np

    numbers = rows.astype("<f4")
    lengths = np.sqrt(np.einsum("ij,ij->i", numbers, numbers))
    numbers /= np.where(lengths > 0, lengths, 1)[:, None]
    return numbers


def _nearest(asked: "NDArray[np.float32]", known: "NDArray[np.float32]", limit: int) -> list[list[tuple[int, float]]]:
    import numpy as np

    if not len(known):
        return [[] for _ in asked]
    cosines = asked @ known.T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :limit]
    return [[(int(i), float(row[i])) for i in best if row[i] >= NEAR] for row, best in zip(cosines, order, strict=True)]
