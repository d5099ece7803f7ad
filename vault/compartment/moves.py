"""What a compartment remembers of entries that came from another class, or went to one.

Compartments never ask each other. Each keeps its half of a move: the new class, that it has to ask the older ones
whether they still hold the entry; the old class, what the entry was imported from, so that no import takes it anew.
"""

import json
from collections.abc import Sequence

from vault.classification import Classification
from vault.compartment import records
from vault.compartment.database import Database
from vault.compartment.records import Incoming


def note_arrivals(db: Database, own: Classification, incoming: Sequence[Incoming]) -> None:
    """Remember what came from another class; an entry that comes a second time is asked about anew."""
    others = json.dumps([c.value for c in Classification if c is not own])
    strangers = [
        i.revision.entry
        for i in incoming
        if i.revision.parents and not any(records.is_indexed(db, p) for p in i.revision.parents)
    ]
    db.executemany("INSERT OR REPLACE INTO arrival VALUES (?, ?)", [(e, others) for e in strangers])


def arrivals(db: Database) -> list[tuple[str, list[str]]]:
    """Entries that came from another class, with the classes not yet asked about them."""
    return [(e, json.loads(u)) for e, u in db.rows("SELECT entry, unasked FROM arrival")]


def asked(db: Database, entry: str, unasked: Sequence[str]) -> None:
    """Record which classes remain to be asked about an arrived entry."""
    if unasked:
        db.execute("UPDATE arrival SET unasked = ? WHERE entry = ?", [json.dumps(unasked), entry])
    else:
        db.execute("DELETE FROM arrival WHERE entry = ?", [entry])


def note_gone(db: Database, source: str, source_id: str, entry: str) -> None:
    """Remember what an entry that went to another class was imported from."""
    db.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", [source, source_id, entry])


def went_away(db: Database, source: str, source_id: str) -> bool:
    """Whether the entry imported from this source id went to another class."""
    return bool(db.rows("SELECT 1 FROM gone WHERE source = ? AND source_id = ?", [source, source_id]))
