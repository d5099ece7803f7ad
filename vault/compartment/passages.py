"""The passages of entries: which wait to be cut or embedded, and how they get their vectors.

An entry is cut into passages once (``embedded`` in its row); a passage without a vector waits for the model. Vectors
themselves are kept by `vault.compartment.vectors`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from vault.compartment import entries, vectors, words
from vault.compartment.database import Database

if TYPE_CHECKING:
    from vault.compartment.vectors import Vector, Vectors

Spans: TypeAlias = Sequence[tuple[int, int]]
"""(first character, end) of each passage of a body."""


def unembedded(db: Database, limit: int) -> list[tuple[int, str, str]]:
    """(rowid, title, body) of entries that have no passages yet."""
    return db.rows("SELECT rowid, title, body FROM entry WHERE embedded = 0 AND deleted = 0 LIMIT ?", [limit])


def pending(db: Database, limit: int) -> list[tuple[int, str, str]]:
    """(passage rowid, title, text) of passages that wait for their vector."""
    return db.rows(
        "SELECT passage.rowid, title, substr(body, first + 1, last - first) FROM passage "
        "JOIN entry ON entry.rowid = passage.entry WHERE vector IS NULL LIMIT ?",
        [limit],
    )


def waiting(db: Database) -> int:
    """How many entries and passages still wait to be embedded."""
    uncut = db.value("SELECT count(*) FROM entry WHERE embedded = 0 AND deleted = 0")
    return int(uncut) + int(db.value("SELECT count(*) FROM passage WHERE vector IS NULL"))


def waiting_for(db: Database, model_id: str, dims: int) -> int:
    """How many wait for vectors of this model: all, where those held are another's."""
    return waiting(db) if vectors.are_of(db, model_id, dims) else words.size(db)


def put(db: Database, rows: "Sequence[tuple[int, Spans, Vectors]]") -> None:
    """Give entries their passages: (rowid, spans, vectors of the first spans; the rest waits).

    An entry that lost its row or got passages from another process in the meantime is left alone.
    """
    with db.transaction():
        rowids: list[int] = []
        found: list[Vector] = []
        for entry, spans, vecs in rows:
            cursor = db.execute("UPDATE entry SET embedded = 1 WHERE rowid = ? AND embedded = 0", [entry])
            if not cursor.rowcount:
                continue
            for i, (first, last) in enumerate(spans):
                row = db.execute("INSERT INTO passage (entry, first, last) VALUES (?, ?, ?)", [entry, first, last])
                if i < len(vecs):
                    rowids.append(int(row.lastrowid))
                    found.append(vecs[i])
        vectors.store(db, rowids, found)


def fill(db: Database, rowids: Sequence[int], vecs: "Vectors") -> None:
    """Give waiting passages their vectors."""
    with db.transaction():
        still = [
            (r, v)
            for r, v in zip(rowids, vecs, strict=True)
            if db.value("SELECT 1 FROM passage WHERE rowid = ? AND vector IS NULL", [r])
        ]
        vectors.store(db, [r for r, _ in still], [v for _, v in still])


def use_model(db: Database, model_id: str, dims: int) -> bool:
    """Hold vectors of this model from now on; True if those of another were dropped."""
    if vectors.are_of(db, model_id, dims):
        return False
    with db.transaction():
        return vectors.use_model(db, model_id, dims)


def carried(db: Database, entry_id: str) -> tuple[str, list[tuple[int, int]], list[bytes]] | None:
    """(model, spans of the passages, vectors of the first ones as float32) of an entry; None where it has none."""
    held = vectors.model(db)
    rows = db.rows(
        "SELECT first, last, vector FROM passage JOIN entry ON entry.rowid = passage.entry "
        "WHERE entry.id = ? ORDER BY passage.rowid",
        [entry_id],
    )
    if held is None or not rows:
        return None
    import numpy as np

    first = next((i for i, row in enumerate(rows) if row[2] is None), len(rows))
    levels = [np.frombuffer(row[2], dtype=np.int8).astype("<f4").tobytes() for row in rows[:first]]
    return held, [(row[0], row[1]) for row in rows], levels


def take(db: Database, entry_id: str, carried: "tuple[str, Spans, Sequence[bytes]]") -> None:
    """Give an entry that came from another class the passages it had there, unless another model is in use."""
    held, spans, found = carried
    model_id, _, dims = held.rpartition("/")
    row = entries.rowid(db, entry_id)
    if row is not None and vectors.model(db) in {None, held}:
        use_model(db, model_id, int(dims))
        put(db, [(row, spans, found)])
