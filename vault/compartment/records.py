"""What a compartment knows of sealed files: the revisions it indexed, those it put aside, and a few values.

Everything here goes by the names of objects. What the revisions of an entry add up to is for
`vault.compartment.standing` to say.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vault.compartment.database import Database
from vault.entry import Revision, parse_stamp, stamp

FEW_DIRECTORIES = 256
"""Up to here it is cheaper to ask for the names of single directories than for all."""


@dataclass(frozen=True, slots=True)
class Record:
    """A revision as the index keeps it: everything history needs, nothing of its text."""

    name: str
    entry: str
    parents: tuple[str, ...]
    device: str
    seq: int
    digest: str
    """Hash name of the signed payload; two names with one digest are one revision sealed twice."""
    updated: datetime
    deleted: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """An opened revision on its way into the index."""

    name: str
    digest: str
    revision: Revision


@dataclass(frozen=True, slots=True)
class Skipped:
    """An object that is not indexed, and why."""

    name: str
    kind: str
    """``foreign``, ``pending`` or a fault of `docs/format.md` section 3.2."""
    detail: str = ""


def known(db: Database, directories: Collection[str] | None) -> set[str]:
    """Every object name (in these directories) that is indexed, or was looked at and put aside for good.

    A file whose content did not fit its name may have been half-written, and is worth another look.
    """
    whole = directories is None or len(directories) > FEW_DIRECTORIES
    found: set[str] = set()
    for low, high in [("", "~")] if whole or directories is None else [(d, d + "~") for d in directories]:
        found |= {
            r[0]
            for r in db.rows(
                "SELECT name FROM revision WHERE name >= ? AND name < ? UNION ALL "
                "SELECT name FROM skipped WHERE name >= ? AND name < ? AND kind NOT IN ('name', 'bounds')",
                [low, high, low, high],
            )
        }
    return found


def is_indexed(db: Database, name: str) -> bool:
    """Whether a revision of this name is."""
    return bool(db.value("SELECT 1 FROM revision WHERE name = ?", [name]))


def skipped(db: Database) -> list[Skipped]:
    """Objects put aside, less those of other classes."""
    rows = db.rows("SELECT name, kind, detail FROM skipped WHERE kind <> 'foreign' ORDER BY name")
    return [Skipped(*row) for row in rows]


def skip(db: Database, found: Iterable[Skipped]) -> None:
    """Remember objects that are not to be indexed."""
    db.executemany("INSERT OR REPLACE INTO skipped VALUES (?, ?, ?)", [(s.name, s.kind, s.detail[:200]) for s in found])


def retry(db: Database, kinds: Sequence[str], noting: Mapping[str, str]) -> None:
    """Forget what was put aside for these reasons, and remember the values *noting* with it."""
    with db.transaction():
        db.executemany("DELETE FROM skipped WHERE kind = ?", [(kind,) for kind in kinds])
        for key, value in noting.items():
            remember(db, key, value)


def meta(db: Database, key: str) -> str | None:
    """A remembered value."""
    value = db.value("SELECT value FROM meta WHERE key = ?", [key])
    return None if value is None else str(value)


def remember(db: Database, key: str, value: str) -> None:
    """Remember a value."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])


def add(db: Database, incoming: Sequence[Incoming]) -> None:
    """Record revisions; their names are no longer put aside."""
    rows = [
        (
            i.name,
            i.revision.entry,
            json.dumps(i.revision.parents),
            i.revision.device,
            i.revision.seq,
            i.digest,
            stamp(i.revision.updated),
            i.revision.deleted,
        )
        for i in incoming
    ]
    db.executemany("INSERT OR IGNORE INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    db.executemany("DELETE FROM skipped WHERE name = ?", [(i.name,) for i in incoming])


def remove(db: Database, names: Sequence[str]) -> list[str]:
    """Forget these names altogether; returns the entries whose revisions they were."""
    entries = [r[0] for n in names for r in db.rows("SELECT entry FROM revision WHERE name = ?", [n])]
    db.executemany("DELETE FROM revision WHERE name = ?", [(n,) for n in names])
    db.executemany("DELETE FROM skipped WHERE name = ?", [(n,) for n in names])
    return list(dict.fromkeys(entries))


def history(db: Database, entry: str) -> list[Record]:
    """All revisions of an entry, newest first."""
    rows = db.rows(
        "SELECT name, entry, parents, device, seq, digest, updated, deleted FROM revision WHERE entry = ? "
        "ORDER BY updated DESC, seq DESC, name",
        [entry],
    )
    return [
        Record(name, of, tuple(json.loads(parents)), device, seq, digest, parse_stamp(updated), deleted)
        for name, of, parents, device, seq, digest, updated, deleted in rows
    ]


def heads(db: Database, entry: str) -> list[Record]:
    """The heads of an entry, newest first; ``moved`` tombstones never count."""
    records = history(db, entry)
    parents = {p for r in records for p in r.parents}
    found = [r for r in records if r.name not in parents and r.deleted != "moved"]
    once = {r.digest: r for r in reversed(found)}  # one payload sealed twice is one revision
    return [r for r in found if once[r.digest].name == r.name]


def clones(db: Database) -> list[tuple[str, int]]:
    """(device, seq) pairs that carry two payloads: a device whose state was copied."""
    return db.rows("SELECT device, seq FROM revision GROUP BY device, seq HAVING count(DISTINCT digest) > 1 LIMIT 100")
