"""The vector leg: a scan of bit vectors (sqlite-vec), rescored with int8 vectors.

A vector is L2-normalised, so cosine is the dot product. The scan keeps the sign of each dimension (48 bytes
at 384 dimensions) and the rescoring 8 bits of each, which loses less than the third digit of a cosine.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from vault.compartment.database import Database
from vault.compartment.filters import Filters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector: TypeAlias = bytes | Sequence[float] | NDArray[np.float32]
    """Numbers, or the bytes of float32 numbers: what a message between processes carries."""
    Vectors: TypeAlias = Sequence[Vector] | NDArray[np.float32]

MIN_NEAR = 128
"""Passages taken from the bit scan, at least. sqlite-vec picks its k best by k passes over the scan, so a k of
800 takes fifteen times as long as one of 128, and a hit that is shown is among the first 30."""
_MAX_K = 4096  # sqlite-vec's limit


def use_model(db: Database, model_id: str, dims: int) -> bool:
    """Make the vectors those of *model_id*; True if older ones of another model were dropped.

    Call it inside a transaction.
    """
    db.use_vectors()
    wanted = f"{model_id}/{dims}"
    current = model(db)
    if current == wanted:
        return False
    db.execute("DROP TABLE IF EXISTS bits")
    db.execute("DELETE FROM passage")
    db.execute("UPDATE entry SET embedded = 0 WHERE embedded <> 0")
    db.execute(f"CREATE VIRTUAL TABLE bits USING vec0 (vector bit[{int(dims)}])")
    db.execute("INSERT OR REPLACE INTO meta VALUES ('model', ?)", [wanted])
    return current is not None


def model(db: Database) -> str | None:
    """``<model id>/<dims>`` of the vectors held, or None."""
    found = db.value("SELECT value FROM meta WHERE key = 'model'")
    return None if found is None else str(found)


def are_of(db: Database, model_id: str, dims: int) -> bool:
    """Whether the vectors held are of this model."""
    return model(db) == f"{model_id}/{dims}"


def store(db: Database, rowids: Sequence[int], vectors: "Iterable[Vector]") -> None:
    """Give passages their vectors (each of the model's dimensions, normalised)."""
    db.use_vectors()
    kept = list(vectors)
    packed = [quantise(vector) for vector in kept]
    db.executemany("UPDATE passage SET vector = ? WHERE rowid = ?", zip(packed, rowids, strict=True))
    signs = [signs_of(vector) for vector in kept]
    db.executemany("INSERT INTO bits (rowid, vector) VALUES (?, vec_bit(?))", zip(rowids, signs, strict=True))


def remove(db: Database, entries: Sequence[int]) -> None:
    """Forget the passages of these entries."""
    if not entries or model(db) is None:
        return
    db.use_vectors()
    rows = [(e,) for e in entries]
    db.executemany("DELETE FROM bits WHERE rowid IN (SELECT rowid FROM passage WHERE entry = ?)", rows)
    db.executemany("DELETE FROM passage WHERE entry = ?", rows)


def nearest(
    db: Database, model_id: str, vector: "Vector", filters: Filters, limit: int
) -> list[tuple[int, float, int, int]]:
    """(entry rowid, cosine, first, last character of its best passage), best first, one row an entry."""
    if not are_of(db, model_id, dims_of(vector)):
        return []  # vectors of another model say nothing about this one's
    db.use_vectors()
    inside = ""
    values: list[object] = []
    if not filters.is_open:
        where, values = filters.where()
        inside = (
            f"AND rowid IN (SELECT passage.rowid FROM passage JOIN entry ON entry.rowid = passage.entry WHERE {where})"
        )
    k = min(_MAX_K, max(MIN_NEAR, limit))
    sql = f"""
        SELECT passage.entry, 1 - vec_distance_cosine(vec_int8(passage.vector), vec_int8(?)), first, last
        FROM (SELECT rowid FROM bits WHERE vector MATCH vec_bit(?) AND k = {k} {inside}) AS near
        JOIN passage ON passage.rowid = near.rowid ORDER BY 2 DESC"""
    best: dict[int, tuple[int, float, int, int]] = {}
    for entry, score, first, last in db.rows(sql, [quantise(vector), signs_of(vector), *values]):
        best.setdefault(int(entry), (int(entry), float(score), int(first), int(last)))
    return list(best.values())[:limit]


def cosines(db: Database, model_id: str, vector: "Vector", entries: Sequence[int]) -> dict[int, tuple[float, int]]:
    """Entry rowid → (cosine, first character of its best passage) of those of *entries* that have vectors."""
    if not entries or not are_of(db, model_id, dims_of(vector)):
        return {}
    db.use_vectors()
    rows = db.rows(
        "SELECT entry, max(1 - vec_distance_cosine(vec_int8(vector), vec_int8(?))), first FROM passage "
        f"WHERE entry IN ({','.join('?' * len(entries))}) AND vector IS NOT NULL GROUP BY entry",
        [quantise(vector), *entries],
    )
    return {int(entry): (float(cosine), int(first)) for entry, cosine, first in rows}


def quantise(vector: "Vector") -> bytes:
    """8 bits a dimension: round(127 x / max |x|); cosine does not mind the scale."""
    import numpy as np

    if isinstance(vector, bytes):
        return _packed(vector)[0]
    values = _numbers(vector)
    peak = float(np.abs(values).max()) or 1.0
    levels: bytes = np.rint(values * (127 / peak)).astype(np.int8).tobytes()
    return levels


def signs_of(vector: "Vector") -> bytes:
    """One bit a dimension: set where positive, lowest dimension in the lowest bit."""
    import numpy as np

    if isinstance(vector, bytes):
        return _packed(vector)[1]
    bits: bytes = np.packbits(_numbers(vector) > 0, bitorder="little").tobytes()
    return bits


@lru_cache(maxsize=4)
def _packed(vector: bytes) -> tuple[bytes, bytes]:
    """Levels and signs of a query's vector, which every compartment is asked with."""
    numbers = _numbers(vector)
    return quantise(numbers), signs_of(numbers)


def dims_of(vector: "Vector") -> int:
    """How many dimensions *vector* has."""
    return len(vector) // 4 if isinstance(vector, bytes) else len(vector)


def _numbers(vector: "Vector") -> "NDArray[np.float32]":
    import numpy as np

    if isinstance(vector, bytes):
        return np.frombuffer(vector, dtype="<f4")
    return np.asarray(vector, dtype=np.float32)
