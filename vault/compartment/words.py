"""The word legs of a search: ranked FTS5 over stemmed words, and over trigrams.

Match strings come quoted from the query language; nothing a person typed reaches MATCH as it is.

Beside title, tags and body the word table has a column for what its tokenizer cannot see, `vault.compartment.parts`. It
is worked out from title and body alone, so that an entry can be taken out of the index again.
"""

import math
from collections.abc import Sequence

from vault.compartment.database import Database
from vault.compartment.filters import Filters
from vault.compartment.parts import parts

WEIGHTS = (4.0, 3.0, 1.0, 1.0)
"""bm25 weights of title, tags, body and parts."""
DEADLINE = 5.0
"""Seconds after which a query is interrupted."""


def ranked(db: Database, table: str, match: str, filters: Filters, limit: int) -> list[tuple[int, float]]:
    """(entry rowid, score) of the best *limit* entries for an FTS5 *match* string; higher is better."""
    weights = ", ".join(map(str, WEIGHTS if table == "words" else (WEIGHTS[0], WEIGHTS[2])))
    if filters.is_open:
        # Entries in the trash are not in the word index, so no join is needed.
        sql = f"SELECT rowid, -bm25({table}, {weights}) FROM {table} WHERE {table} MATCH ? ORDER BY 2 DESC LIMIT ?"
        values: list[object] = [match, limit]
    else:
        where, parameters = filters.where()
        sql = (
            f"SELECT {table}.rowid, -bm25({table}, {weights}) FROM {table} JOIN entry ON entry.rowid = {table}.rowid "
            f"WHERE {table} MATCH ? AND {where} ORDER BY 2 DESC LIMIT ?"
        )
        values = [match, *parameters, limit]
    with db.deadline(DEADLINE):
        return [(int(rowid), float(score)) for rowid, score in db.rows(sql, values)]


def size(db: Database) -> int:
    """How many entries the word index holds: the living ones, counted without reading them."""
    return int(db.value("SELECT count(*) FROM words_docsize"))


def counts(db: Database, matches: Sequence[str]) -> dict[str, int]:
    """How many entries each FTS5 match string finds, in one statement."""
    if not matches:
        return {}
    each = ", ".join("(SELECT count(*) FROM words WHERE words MATCH ?)" for _ in matches)
    with db.deadline(DEADLINE):
        return dict(zip(matches, db.rows(f"SELECT {each}", matches)[0], strict=True))


def add(db: Database, rowids: Sequence[int]) -> None:
    """Index the text of these entries."""
    rows = _texts(db, rowids)
    db.executemany("INSERT INTO words (rowid, title, tags, body, parts) VALUES (?, ?, ?, ?, ?)", rows)
    db.executemany(
        "INSERT INTO trigrams (rowid, title, body) VALUES (?, ?, ?)",
        [(r, title, body) for r, title, _, body, _ in rows],
    )


def remove(db: Database, rowids: Sequence[int]) -> None:
    """Take these entries out of the index; call it while ``entry`` still holds the text indexed."""
    rows = _texts(db, rowids)
    db.executemany("INSERT INTO words (words, rowid, title, tags, body, parts) VALUES ('delete', ?, ?, ?, ?, ?)", rows)
    db.executemany(
        "INSERT INTO trigrams (trigrams, rowid, title, body) VALUES ('delete', ?, ?, ?)",
        [(r, title, body) for r, title, _, body, _ in rows],
    )


def _texts(db: Database, rowids: Sequence[int]) -> list[tuple[int, str, str, str, str]]:
    sql = "SELECT rowid, title, tags, body FROM entry WHERE rowid = ?"
    found = [row for rowid in rowids for row in db.rows(sql, [rowid])]
    return [(rowid, title, tags, body, parts(f"{title}\n{body}")) for rowid, title, tags, body in found]


def idf(rows: int, hits: int) -> float:
    """As SQLite's FTS5 computes it, floor included, so that dividing by it is exact."""
    weight = math.log((rows - hits + 0.5) / (hits + 0.5))
    return weight if weight > 0 else 1e-6
