"""What a browser of one compartment asks for: order, rows, tallies, neighbours in meaning, mentions.

Everything here is answered from indexes that are small beside the texts, so that it stays quick where a
compartment holds a hundred thousand entries. Results are plain data: numbers, strings, bytes and `Row`.
"""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vault.compartment import vectors
from vault.compartment.database import Database
from vault.compartment.filters import Filters
from vault.entry import parse_stamp

LEAD = 400
"""Characters of a body that a row carries."""
PASSAGES = 8
"""Passages of an entry that stand for its meaning."""
_LIVING = "EXISTS (SELECT 1 FROM words_docsize WHERE id = entry.rowid)"
"""Not in the trash, told by the word index (which holds the living) without reading the entry's row."""
_KINDS = {
    "total": "SELECT '', count(*) FROM wanted LIMIT ?",
    "tag": "SELECT tag, count(*) FROM tag JOIN wanted ON wanted.row = tag.entry "
    "GROUP BY tag ORDER BY 2 DESC, 1 LIMIT ?",
    "source": "SELECT source, count(*) FROM entry INDEXED BY entry_source JOIN wanted ON wanted.row = entry.rowid "
    "GROUP BY source ORDER BY 2 DESC, 1 LIMIT ?",
    # Local time matters at the edges of a month only: no offset is larger than a day.
    "month": "SELECT CASE WHEN substr(created, 9, 2) BETWEEN '02' AND '27' THEN substr(created, 1, 7) "
    "ELSE strftime('%Y-%m', created, 'localtime') END, count(*) FROM wanted GROUP BY 1 ORDER BY 1 DESC LIMIT ?",
    "day": "SELECT strftime('%Y-%m-%d', created, 'localtime'), count(*) FROM wanted GROUP BY 1 ORDER BY 1 DESC LIMIT ?",
}
KINDS = tuple(_KINDS)
"""What `tally` counts by, ``total`` being all of them; months and days are those of local time."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as a list shows it: what fits on two lines, not its text."""

    id: str
    title: str
    lead: str
    """The beginning of the body, at most `LEAD` characters."""
    tags: tuple[str, ...]
    created: datetime
    source: str
    confidence: float | None
    conflict: bool
    deleted: bool


def order(db: Database, filters: Filters, limit: int) -> tuple[bytes, bytes]:
    """The first *limit* entries newest first: their rowids and creation times (µs since 1970), as int64 arrays."""
    where, values = _where(filters)
    rowids, moments = array("q"), array("q")
    sql = (
        "SELECT rowid, unixepoch(created) * 1000000 + CAST(substr(created, 21, 6) AS INTEGER) FROM entry "
        f"INDEXED BY entry_created WHERE {where} ORDER BY created DESC, rowid DESC LIMIT ?"
    )
    for rowid, moment in db.rows(sql, [*values, limit]):
        rowids.append(rowid)
        moments.append(moment)
    return rowids.tobytes(), moments.tobytes()


def rows(db: Database, rowids: Sequence[int]) -> dict[int, Row]:
    """Rows by rowid; those that are gone are left out."""
    sql = (
        f"SELECT rowid, id, title, substr(body, 1, {LEAD}), tags, created, source, confidence, "
        f"instr(heads, ',') > 0, deleted FROM entry WHERE rowid IN ({','.join('?' * len(rowids))})"
    )
    return {
        r: Row(i, title, lead, tuple(json.loads(tags)), parse_stamp(created), src, sure, bool(conflict), bool(gone))
        for r, i, title, lead, tags, created, src, sure, conflict, gone in db.rows(sql, list(rowids))
        if created
    }


def tally(db: Database, filters: Filters, kinds: Sequence[str], limit: int) -> dict[str, list[tuple[str, int]]]:
    """How many entries there are by each of *kinds* (`KINDS`).

    Tags and sources come with the most frequent first, months and days with the latest first.
    """
    where, values = _where(filters)
    with db.deadline(10.0):
        wanted = f"WITH wanted AS MATERIALIZED (SELECT rowid AS row, created FROM entry WHERE {where}) "
        found = {kind: db.rows(wanted + _KINDS[kind], [*values, limit]) for kind in kinds}
    return {kind: [(str(name), int(n)) for name, n in many] for kind, many in found.items()}


def on_this_day(db: Database, day: str, limit: int) -> list[int]:
    """Rowids of the living entries made on *day* (``MM-DD``, local time) of any year, newest first."""
    sql = (
        f"SELECT rowid FROM entry INDEXED BY entry_created WHERE {_LIVING} "
        "AND strftime('%m-%d', created, 'localtime') = ? ORDER BY created DESC LIMIT ?"
    )
    return [int(r[0]) for r in db.rows(sql, [day, limit])]


def unsure(db: Database, below: float, limit: int) -> list[int]:
    """Rowids of living entries whose class no person chose and that was decided with less certainty than *below*.

    What fell back for want of certainty counts always.
    """
    sql = (
        "SELECT rowid FROM entry WHERE deleted = 0 AND reasoning NOT LIKE 'explicit%' "
        "AND (confidence < ? OR reasoning LIKE 'fallback%') ORDER BY confidence, created DESC LIMIT ?"
    )
    return [int(r[0]) for r in db.rows(sql, [below, limit])]


def meaning(db: Database, entry: str) -> tuple[str, bytes] | None:
    """The model's id and the mean vector (float32 bytes) of an entry's first passages; None where it has none."""
    held = vectors.model(db)
    sql = (
        "SELECT vector FROM passage JOIN entry ON entry.rowid = passage.entry "
        "WHERE entry.id = ? AND vector IS NOT NULL ORDER BY passage.rowid LIMIT ?"
    )
    packed = [r[0] for r in db.rows(sql, [entry, PASSAGES])]
    if held is None or not packed:
        return None
    import numpy as np

    passages = np.stack([np.frombuffer(p, dtype=np.int8).astype(np.float32) for p in packed])
    mean = (passages / np.linalg.norm(passages, axis=1, keepdims=True)).mean(axis=0)
    return held.rpartition("/")[0], mean.astype("<f4").tobytes()


def mentions(db: Database, targets: Sequence[tuple[str, str]], limit: int) -> list[int]:
    """Rowids of living entries that link to one of *targets*, newest first.

    Each target is (MATCH expression that the word index finds it by, what stands after ``[[``, folded).
    """
    found: dict[int, str] = {}
    for match, name in targets:
        sql = (
            "SELECT rowid, created FROM entry WHERE rowid IN (SELECT rowid FROM words WHERE words MATCH ?) "
            "AND (instr(lower(body), ?) OR instr(lower(body), ?) OR instr(lower(body), ?)) LIMIT ?"
        )
        values = [match, f"[[{name}]]", f"[[{name}|", f"[[{name}#", limit]
        with db.deadline(2.0):
            found |= dict(db.rows(sql, values))
    return sorted(found, key=lambda rowid: found[rowid], reverse=True)[:limit]


def _where(filters: Filters) -> tuple[str, list[object]]:
    """As `Filters.where`, but the living are told without reading their rows."""
    where, values = filters.where()
    return where if filters.trash else where.replace("entry.deleted = 0", _LIVING, 1), values
