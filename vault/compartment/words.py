"""The word legs of a search: ranked FTS5 over stemmed words, and over trigrams.

Match strings come quoted from the query language; nothing a person typed reaches MATCH as it is.

Beside title, tags and body the word table has a column ``parts`` for what its tokenizer cannot see: pairs of
characters of scripts written without spaces, and the words inside ``camelCase`` names. It is worked out from title
and body alone, so that an entry can be taken out of the index again.
"""

import math
import re
from collections.abc import Iterator, Sequence
from functools import cache

from vault.compartment.database import Database
from vault.compartment.filters import Filters

WEIGHTS = (4.0, 3.0, 1.0, 1.0)
"""bm25 weights of title, tags, body and parts."""
DEADLINE = 5.0
MAX_PARTS = 200_000
"""Characters of a text that ``parts`` is worked out from."""
_NAME = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]{2,63}(?![A-Za-z0-9])")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word of a ``camelCase`` name ends and the next begins."""


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
    db.executemany(
        "INSERT INTO words (words, rowid, title, tags, body, parts) VALUES ('delete', ?, ?, ?, ?, ?)", rows
    )
    db.executemany(
        "INSERT INTO trigrams (trigrams, rowid, title, body) VALUES ('delete', ?, ?, ?)",
        [(r, title, body) for r, title, _, body, _ in rows],
    )


def _texts(db: Database, rowids: Sequence[int]) -> list[tuple[int, str, str, str, str]]:
    sql = "SELECT rowid, title, tags, body FROM entry WHERE rowid = ?"
    found = [row for rowid in rowids for row in db.rows(sql, [rowid])]
    return [(rowid, title, tags, body, parts(f"{title}\n{body}")) for rowid, title, tags, body in found]


def parts(text: str) -> str:
    """What the word index holds of *text* beside its words; empty for most texts.

    A run of a script without spaces becomes its pairs of characters and its last character, so that a word of
    two or more is a phrase and a single character a beginning. A ``camelCase`` name becomes its words.
    """
    text = text[:MAX_PARTS]
    names = dict.fromkeys(_NAME.findall(text))
    found = [" ".join(HUMP.split(name)) for name in names if HUMP.search(name)]
    if not text.isascii():
        found += [" ".join(pairs(run)) for run in spaceless(text)]
    return "\n".join(found)


def pairs(run: str) -> Iterator[str]:
    """The overlapping pairs of characters of *run*, then its last character."""
    yield from (run[at : at + 2] for at in range(len(run) - 1))
    yield run[-1]


def spaceless(text: str) -> list[str]:
    """The stretches of *text* in scripts that are written without spaces."""
    return _spaceless_pattern().findall(text)


@cache
def _spaceless_pattern() -> re.Pattern[str]:
    """Compiled only where a text can match: a large class takes a while."""
    return re.compile(
        "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
    )


def idf(rows: int, hits: int) -> float:
    """As SQLite's FTS5 computes it, floor included, so that dividing by it is exact."""
    weight = math.log((rows - hits + 0.5) / (hits + 0.5))
    return weight if weight > 0 else 1e-6
