"""Where an entry stands: what its revisions add up to, and the indexes brought in step with that.

`apply` and `forget` are the only ways in. Each works out the heads of every entry it touches and brings entry, word
index and passages in step, in one transaction.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from vault.classification import Classification
from vault.compartment import moves, records, vectors, words
from vault.compartment.database import Database
from vault.compartment.records import Incoming, Record, Skipped
from vault.entry import Revision, stamp

Load: TypeAlias = Callable[[str], Revision | None]
"""Opens a revision by name; None where it is missing or not trusted."""
Shown: TypeAlias = tuple[str, Revision]
"""The revision that an entry is shown by, after its name."""


def apply(
    db: Database, own: Classification, incoming: Sequence[Incoming], load: Load, skipped: Sequence[Skipped]
) -> list[str]:
    """Index opened revisions of the class *own*; returns the ids of the entries that changed."""
    fresh = {i.name: i.revision for i in incoming}
    changed = list(dict.fromkeys(i.revision.entry for i in incoming))
    with db.transaction(only_books=not incoming):
        records.skip(db, skipped)
        records.add(db, incoming)
        moves.note_arrivals(db, own, incoming)
        _bring_in_step(db, changed, lambda name: fresh[name] if name in fresh else load(name))
    return changed


def forget(db: Database, names: Sequence[str], load: Load) -> None:
    """Drop revisions from the index, and show their entries by what is left."""
    with db.transaction():
        _bring_in_step(db, records.remove(db, names), load)


def _bring_in_step(db: Database, entries: Sequence[str], load: Load) -> None:
    rowids = [_restate(db, entry, load) for entry in entries]
    words.add(db, [rowid for rowid in rowids if rowid is not None])


def _restate(db: Database, entry: str, load: Load) -> int | None:
    """Work out where *entry* stands, and write it; its rowid where it is to be found by words from now on."""
    heads = records.heads(db, entry)
    old = db.rows("SELECT rowid, title, body, deleted FROM entry WHERE id = ?", [entry])
    rowid, *text, was_deleted = old[0] if old else (None, None, 0)
    live = [h for h in heads if not h.deleted]
    deleted = bool(heads) and not live
    show = _first_readable(live, load) if live else _last_living(heads, load)
    if live and show is None and rowid is not None:
        return None  # its file cannot be read at the moment: what was indexed stays, doctor reports the file
    if rowid is not None:
        if not was_deleted:
            words.remove(db, [rowid])
        if deleted or not heads or show is None or text != [show[1].title, show[1].body]:
            _drop_passages(db, rowid)
    if not heads:
        _note_gone(db, entry, load)
    if not heads or (show is None and not deleted):
        db.execute("DELETE FROM tag WHERE entry = ?", [rowid])
        db.execute("DELETE FROM entry WHERE rowid = ?", [rowid])
        return None
    rowid = _write(db, rowid, entry, [h.name for h in (live or heads)], show, deleted)
    return None if deleted else rowid


def _drop_passages(db: Database, rowid: int) -> None:
    """Passages are of title and body, so that other changes leave them."""
    vectors.remove(db, [rowid])
    db.execute("UPDATE entry SET embedded = 0 WHERE rowid = ?", [rowid])


def _first_readable(heads: Sequence[Record], load: Load) -> Shown | None:
    found = ((h.name, load(h.name)) for h in heads)
    return next(((name, revision) for name, revision in found if revision is not None), None)


def _last_living(heads: Sequence[Record], load: Load) -> Shown | None:
    """The newest revision with text behind tombstones: what the trash shows and restore brings back."""
    queue = [p for h in heads for p in h.parents]
    visited: set[str] = set()
    while queue:
        name = queue.pop(0)
        if name in visited:
            continue
        visited.add(name)
        revision = load(name)
        if revision is not None and not revision.deleted:
            return name, revision
        if revision is not None:
            queue += revision.parents
    return None


def _note_gone(db: Database, entry: str, load: Load) -> None:
    stones = [r for r in records.history(db, entry) if r.deleted == "moved"]
    last = _last_living(stones, load)
    if last is not None and last[1].source_id:
        moves.note_gone(db, last[1].source, last[1].source_id, entry)


def _write(db: Database, rowid: int | None, entry: str, heads: Sequence[str], show: Shown | None, deleted: bool) -> int:
    values = _columns(entry, heads, show, deleted)
    values["place"] = db.value("SELECT min(seq) FROM revision WHERE entry = ?", [entry]) or 0
    if rowid is None:
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = db.execute(f"INSERT INTO entry ({columns}) VALUES ({marks})", list(values.values()))
        rowid = int(cursor.lastrowid)
    else:
        sets = ", ".join(f"{column} = ?" for column in values)
        db.execute(f"UPDATE entry SET {sets} WHERE rowid = ?", [*values.values(), rowid])
    db.execute("DELETE FROM tag WHERE entry = ?", [rowid])
    tags = show[1].tags if show else ()
    db.executemany("INSERT OR IGNORE INTO tag VALUES (?, ?)", [(t, rowid) for t in tags])
    return rowid


def _columns(entry: str, heads: Sequence[str], show: Shown | None, deleted: bool) -> dict[str, Any]:
    """The row of an entry; one of which nothing can be read any more has no text."""
    name, revision = show or ("", None)
    values: dict[str, Any] = {"id": entry, "heads": json.dumps(heads), "shown": name, "deleted": int(deleted)}
    for column in ("title", "body", "source", "source_id", "context", "reasoning", "emotion", "trust"):
        values[column] = getattr(revision, column) if revision else ""
    return values | {
        "tags": json.dumps(revision.tags if revision else (), ensure_ascii=False),
        "metadata": json.dumps(dict(revision.metadata) if revision else {}, ensure_ascii=False),
        "confidence": revision.confidence if revision else None,
        "created": stamp(revision.created) if revision else "",
        "updated": stamp(revision.updated) if revision else "",
    }
