"""The schema of a compartment, as an ordered list of migrations.

sqlite-utils runs them (each in one transaction with its record); it is imported only when there is
something to migrate, because importing it takes longer than a search.
"""

from typing import Any

VERSION = 3
"""``PRAGMA user_version`` of a database that needs no migration."""


def migrate(connection: Any) -> None:
    """Bring the database up to `VERSION`."""
    import sqlite_utils
    from sqlite_utils.migrations import Migrations

    connection.isolation_level = ""
    try:
        database = sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)
        migrations = Migrations("compartment")
        migrations(name="0001_records")(_records)
        migrations(name="0002_words")(_words)
        migrations(name="0003_passages")(_passages)
        migrations(name="0004_parts")(_parts)
        migrations(name="0005_places")(_places)
        migrations(name="0006_chosen")(_chosen)
        migrations.apply(database)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.commit()
    finally:
        connection.isolation_level = None


def _records(db: Any) -> None:
    """Names, revisions and the entries they add up to."""
    for statement in (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
        """CREATE TABLE revision (
            name TEXT PRIMARY KEY, entry TEXT NOT NULL, parents TEXT NOT NULL, device TEXT NOT NULL,
            seq INTEGER NOT NULL, digest TEXT NOT NULL, updated TEXT NOT NULL, deleted TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX revision_entry ON revision (entry)",
        "CREATE INDEX revision_seq ON revision (device, seq)",
        # Names that this class's key did not open, or that did not pass: (foreign, pending, or a fault).
        "CREATE TABLE skipped (name TEXT PRIMARY KEY, kind TEXT NOT NULL, detail TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE entry (
            rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, heads TEXT NOT NULL, shown TEXT NOT NULL,
            title TEXT NOT NULL, body TEXT NOT NULL, tags TEXT NOT NULL, source TEXT NOT NULL,
            source_id TEXT NOT NULL, context TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL,
            confidence REAL, reasoning TEXT NOT NULL, emotion TEXT NOT NULL, metadata TEXT NOT NULL,
            trust TEXT NOT NULL, deleted INTEGER NOT NULL, embedded INTEGER NOT NULL DEFAULT 0
        )""",
        "CREATE INDEX entry_created ON entry (created)",
        "CREATE INDEX entry_source ON entry (source, source_id)",
        "CREATE INDEX entry_unembedded ON entry (embedded) WHERE embedded = 0",
        # Imported entries that went to another class: an import must not take them anew while that is locked.
        """CREATE TABLE gone (
            source TEXT NOT NULL, source_id TEXT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (source, source_id)
        ) WITHOUT ROWID""",
        # Entries that came from another class, and the classes not yet asked whether they still hold them.
        "CREATE TABLE arrival (entry TEXT PRIMARY KEY, unasked TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE tag (tag TEXT NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (tag, entry)) WITHOUT ROWID",
        "CREATE INDEX tag_entry ON tag (entry)",
    ):
        db.execute(statement)


def _words(db: Any) -> None:
    """Full-text indexes: stemmed words, and trigrams for typos, substrings and scripts without spaces."""
    for statement in (
        """CREATE VIRTUAL TABLE words USING fts5 (title, tags, body, content='entry', content_rowid='rowid',
            tokenize='porter unicode61 remove_diacritics 2')""",
        "INSERT INTO words (words, rank) VALUES ('secure-delete', 1)",
        """CREATE VIRTUAL TABLE trigrams USING fts5 (title, body, content='entry', content_rowid='rowid',
            tokenize='trigram remove_diacritics 1')""",
        "INSERT INTO trigrams (trigrams, rank) VALUES ('secure-delete', 1)",
    ):
        db.execute(statement)


def _passages(db: Any) -> None:
    """Passages of entries with their int8 vectors; the bit vectors for the scan are made per model."""
    for statement in (
        """CREATE TABLE passage (
            rowid INTEGER PRIMARY KEY, entry INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
            vector BLOB
        )""",
        "CREATE INDEX passage_entry ON passage (entry)",
        "CREATE INDEX passage_pending ON passage (rowid) WHERE vector IS NULL",
    ):
        db.execute(statement)


def _parts(db: Any) -> None:
    """The word index anew, with a column for what its tokenizer cannot see, and a view of its vocabulary."""
    from vault.compartment.parts import parts

    for statement in (
        "DROP TABLE words",
        """CREATE VIRTUAL TABLE words USING fts5 (title, tags, body, parts, content='entry', content_rowid='rowid',
            tokenize='porter unicode61 remove_diacritics 2')""",
        "INSERT INTO words (words, rank) VALUES ('secure-delete', 1)",
        "CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row)",
    ):
        db.execute(statement)
    for rowid, title, tags, body in db.execute("SELECT rowid, title, tags, body FROM entry WHERE deleted = 0"):
        db.execute(
            "INSERT INTO words (rowid, title, tags, body, parts) VALUES (?, ?, ?, ?, ?)",
            [rowid, title, tags, body, parts(f"{title}\n{body}")],
        )


def _places(db: Any) -> None:
    """Where each entry stands in the order of capture: the number of its first revision."""
    for statement in (
        "ALTER TABLE entry ADD COLUMN place INTEGER NOT NULL DEFAULT 0",
        "UPDATE entry SET place = coalesce((SELECT min(seq) FROM revision WHERE revision.entry = entry.id), 0)",
        "CREATE INDEX entry_place ON entry (place)",
    ):
        db.execute(statement)


def _chosen(db: Any) -> None:
    """Whether a person chose an entry's class: 2 by moving or confirming it, 1 at capture, 0 not at all."""
    for statement in (
        """ALTER TABLE entry ADD COLUMN chosen INTEGER GENERATED ALWAYS AS (CASE
            WHEN deleted THEN 0 WHEN reasoning GLOB 'explicit: the class was given*' THEN 1
            WHEN reasoning GLOB 'explicit*' THEN 2 ELSE 0 END) VIRTUAL""",
        "CREATE INDEX entry_chosen ON entry (chosen, updated) WHERE chosen > 0",
    ):
        db.execute(statement)
