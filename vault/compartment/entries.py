"""The entries of a compartment as they are read: by id, by row, by filter, by what they were imported from."""

import json
from collections.abc import Sequence
from typing import Any

from vault.classification import Classification
from vault.compartment.database import Database
from vault.compartment.filters import Filters
from vault.entry import Entry, parse_stamp

_COLUMNS = (
    "id, heads, title, body, tags, source, source_id, context, created, updated, confidence, reasoning, "
    "emotion, metadata, trust, deleted"
)
_EPOCH = parse_stamp("1970-01-01T00:00:00.000000Z")


def one(db: Database, own: Classification, entry_id: str) -> Entry | None:
    """The entry with exactly this id; *own* is the class of the compartment."""
    rows = db.rows(f"SELECT {_COLUMNS} FROM entry WHERE id = ?", [entry_id])
    return _entry(own, rows[0]) if rows else None


def ids(db: Database, prefix: str, limit: int) -> list[str]:
    """Ids that begin with *prefix*."""
    sql = "SELECT id FROM entry WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
    return [row[0] for row in db.rows(sql, [prefix, prefix + "~", limit])]


def rowid(db: Database, entry_id: str) -> int | None:
    """The rowid of an entry."""
    found = db.value("SELECT rowid FROM entry WHERE id = ?", [entry_id])
    return None if found is None else int(found)


def newest(db: Database, own: Classification, filters: Filters, limit: int, offset: int) -> list[Entry]:
    """Entries newest first by creation."""
    where, values = filters.where()
    rows = db.rows(
        f"SELECT {_COLUMNS} FROM entry WHERE {where} ORDER BY created DESC, rowid DESC LIMIT ? OFFSET ?",
        [*values, limit, offset],
    )
    return [_entry(own, row) for row in rows]


def page(db: Database, own: Classification, filters: Filters, after: int, limit: int) -> list[tuple[int, Entry]]:
    """(rowid, entry) of the next *limit* entries in the order they were indexed, after rowid *after*."""
    where, values = filters.where()
    rows = db.rows(
        f"SELECT {_COLUMNS}, rowid FROM entry WHERE {where} AND rowid > ? ORDER BY rowid LIMIT ?",
        [*values, after, limit],
    )
    return [(int(row[-1]), _entry(own, row[:-1])) for row in rows]


def fetch(db: Database, own: Classification, rowids: Sequence[int]) -> dict[int, Entry]:
    """Entries by rowid; those that are gone are left out."""
    marks = ", ".join("?" * len(rowids))
    rows = db.rows(f"SELECT {_COLUMNS}, rowid FROM entry WHERE rowid IN ({marks})", rowids)
    return {int(row[-1]): _entry(own, row[:-1]) for row in rows}


def by_source(db: Database, own: Classification, source: str, source_id: str) -> Entry | None:
    """The entry imported from this stable source id, also from the trash."""
    rows = db.rows(
        f"SELECT {_COLUMNS} FROM entry WHERE source = ? AND source_id = ? ORDER BY rowid LIMIT 1", [source, source_id]
    )
    return _entry(own, rows[0]) if rows else None


def count(db: Database, filters: Filters) -> int:
    """How many entries pass."""
    where, values = filters.where()
    return int(db.value(f"SELECT count(*) FROM entry WHERE {where}", values))


def tags(db: Database, trash: bool) -> dict[str, int]:
    """Tag → number of entries."""
    sql = "SELECT tag, count(*) FROM tag JOIN entry ON entry.rowid = tag.entry WHERE deleted = ? GROUP BY tag"
    return dict(db.rows(sql, [int(trash)]))


def _entry(own: Classification, row: Sequence[Any]) -> Entry:
    (eid, heads, title, body, tags, source, source_id, context, created, updated) = row[:10]
    (confidence, reasoning, emotion, metadata, trust, deleted) = row[10:]
    return Entry(
        id=eid,
        classification=own,
        text=body,
        title=title,
        tags=tuple(json.loads(tags)),
        created=parse_stamp(created) if created else _EPOCH,
        updated=parse_stamp(updated) if updated else _EPOCH,
        source=source,
        source_id=source_id,
        context=context,
        confidence=confidence,
        reasoning=reasoning,
        emotion=emotion,
        metadata=json.loads(metadata),
        trust=trust,
        deleted=bool(deleted),
        revisions=tuple(json.loads(heads)),
    )
