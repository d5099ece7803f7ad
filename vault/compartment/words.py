"""The word legs of a search: ranked FTS5 over stemmed words, and over trigrams.

Match strings come quoted from the query language; nothing a person typed reaches MATCH as it is.
"""

from collections.abc import Sequence

from vault.compartment.database import Database
from vault.compartment.filters import Filters

WEIGHTS = (4.0, 3.0, 1.0)
"""bm25 weights of title, tags and body."""
DEADLINE = 5.0


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


def count(db: Database, match: str) -> int:
    """How many entries an FTS5 *match* string finds."""
    with db.deadline(DEADLINE):
        return int(db.value("SELECT count(*) FROM words WHERE words MATCH ?", [match]))


def add(db: Database, rowids: Sequence[int]) -> None:
    """Index the text of these entries."""
    rows = [(r,) for r in rowids]
    db.executemany(
        "INSERT INTO words (rowid, title, tags, body) SELECT rowid, title, tags, body FROM entry WHERE rowid = ?", rows
    )
    db.executemany(
        "INSERT INTO trigrams (rowid, title, body) SELECT rowid, title, body FROM entry WHERE rowid = ?", rows
    )


def remove(db: Database, rowids: Sequence[int]) -> None:
    """Take these entries out of the index; call it while ``entry`` still holds the text indexed."""
    rows = [(r,) for r in rowids]
    db.executemany(
        "INSERT INTO words (words, rowid, title, tags, body) "
        "SELECT 'delete', rowid, title, tags, body FROM entry WHERE rowid = ?",
        rows,
    )
    db.executemany(
        "INSERT INTO trigrams (trigrams, rowid, title, body) "
        "SELECT 'delete', rowid, title, body FROM entry WHERE rowid = ?",
        rows,
    )
