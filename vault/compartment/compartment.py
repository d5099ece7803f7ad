"""One compartment: the records of a class and the verbs over them.

`apply` is the only way in: it takes revisions that were opened and checked, works out the heads of every
entry they touch and brings entry, word index and passages in step, in one transaction.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from vault.classification import Classification
from vault.compartment import candidates, corrections, facets, spelling, vectors, words
from vault.compartment.database import Database
from vault.compartment.filters import Filters
from vault.entry import Entry, Revision, parse_stamp, stamp

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vault.compartment.vectors import Vector

    Vectors: TypeAlias = Sequence[Vector] | NDArray[np.float32]

FEW_DIRECTORIES = 256
"""Up to here it is cheaper to ask for the names of single directories than for all."""
PAGE = 50
"""Entries read at once where all are wanted."""
_COLUMNS = (
    "id, heads, title, body, tags, source, source_id, context, created, updated, confidence, reasoning, "
    "emotion, metadata, trust, deleted"
)


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


class Compartment:
    """The open index of one classification."""

    def __init__(self, classification: Classification, path: Path, key: bytes, salt: bytes) -> None:
        """Open (or create) the database at *path*.

        Raises:
            Damaged: it must be rebuilt; VaultBusy, StorageFailed.
        """
        self.classification = classification
        self.db = Database(path, key, salt)
        self._tags: corrections.TagMeanings | None = None

    def close(self) -> None:
        """Close the database."""
        self.db.close()

    def rekey(self, key: bytes, salt: bytes) -> None:
        """Put the index under the key of a newer generation of its class."""
        self.db.rekey(key, salt)

    # -- names ----------------------------------------------------------------------------------------

    def known(self, directories: Collection[str] | None = None) -> set[str]:
        """Every object name (in these directories) that is indexed, or was looked at and put aside for good.

        A file whose content did not fit its name may have been half-written, and is worth another look.
        """
        whole = directories is None or len(directories) > FEW_DIRECTORIES
        found: set[str] = set()
        for low, high in [("", "~")] if whole or directories is None else [(d, d + "~") for d in directories]:
            found |= {
                r[0]
                for r in self.db.rows(
                    "SELECT name FROM revision WHERE name >= ? AND name < ? UNION ALL "
                    "SELECT name FROM skipped WHERE name >= ? AND name < ? AND kind NOT IN ('name', 'bounds')",
                    [low, high, low, high],
                )
            }
        return found

    def having(self, names: Iterable[str]) -> list[str]:
        """Those of *names* that are indexed."""
        return [n for n in sorted(names) if self.db.value("SELECT 1 FROM revision WHERE name = ?", [n])]

    def skipped(self) -> list[Skipped]:
        """Objects put aside, less those of other classes."""
        rows = self.db.rows("SELECT name, kind, detail FROM skipped WHERE kind <> 'foreign' ORDER BY name")
        return [Skipped(*row) for row in rows]

    def skip(self, found: Iterable[Skipped]) -> None:
        """Remember objects that are not to be indexed."""
        self.db.executemany(
            "INSERT OR REPLACE INTO skipped VALUES (?, ?, ?)", [(s.name, s.kind, s.detail[:200]) for s in found]
        )

    def retry(self, kinds: Sequence[str]) -> None:
        """Forget what was put aside for these reasons, so that reconcile looks again."""
        self.db.executemany("DELETE FROM skipped WHERE kind = ?", [(k,) for k in kinds])

    def meta(self, key: str) -> str | None:
        """A remembered value."""
        value = self.db.value("SELECT value FROM meta WHERE key = ?", [key])
        return None if value is None else str(value)

    def remember(self, key: str, value: str) -> None:
        """Remember a value."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])

    # -- revisions in ---------------------------------------------------------------------------------

    def apply(
        self, incoming: Sequence[Incoming], load: Callable[[str], Revision | None], skipped: Sequence[Skipped] = ()
    ) -> list[str]:
        """Index opened revisions; returns the ids of the entries that changed.

        *load* opens a revision by name again, for the rare case that an older one becomes the one shown.
        """
        fresh = {i.name: i for i in incoming}
        with self.db.transaction():
            self.skip(skipped)
            self.db.executemany(
                "INSERT OR IGNORE INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
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
                ],
            )
            self.db.executemany("DELETE FROM skipped WHERE name = ?", [(name,) for name in fresh])
            self._note_arrivals(incoming)

            def content(name: str) -> Revision | None:
                return fresh[name].revision if name in fresh else load(name)

            changed = list(dict.fromkeys(i.revision.entry for i in incoming))
            self._refresh(changed, content)
        return changed

    def _note_arrivals(self, incoming: Sequence[Incoming]) -> None:
        """Remember what came from another class; an entry that comes a second time is asked about anew."""
        others = json.dumps([c.value for c in Classification if c is not self.classification])
        strangers = [
            i.revision.entry
            for i in incoming
            if i.revision.parents
            and not any(self.db.value("SELECT 1 FROM revision WHERE name = ?", [p]) for p in i.revision.parents)
        ]
        self.db.executemany("INSERT OR REPLACE INTO arrival VALUES (?, ?)", [(e, others) for e in strangers])

    def arrivals(self) -> list[tuple[str, list[str]]]:
        """Entries that came from another class, with the classes not yet asked about them."""
        return [(e, json.loads(u)) for e, u in self.db.rows("SELECT entry, unasked FROM arrival")]

    def asked(self, entry: str, unasked: Sequence[str]) -> None:
        """Record which classes remain to be asked about an arrived entry."""
        if unasked:
            self.db.execute("UPDATE arrival SET unasked = ? WHERE entry = ?", [json.dumps(unasked), entry])
        else:
            self.db.execute("DELETE FROM arrival WHERE entry = ?", [entry])

    def forget(self, names: Sequence[str], load: Callable[[str], Revision | None]) -> None:
        """Drop revisions (purged ones) from the index."""
        entries = [r[0] for n in names for r in self.db.rows("SELECT entry FROM revision WHERE name = ?", [n])]
        with self.db.transaction():
            self.db.executemany("DELETE FROM revision WHERE name = ?", [(n,) for n in names])
            self.db.executemany("DELETE FROM skipped WHERE name = ?", [(n,) for n in names])
            self._refresh(list(dict.fromkeys(entries)), load)

    def _refresh(self, entries: Sequence[str], content: Callable[[str], Revision | None]) -> None:
        """Work out the standing of each entry anew and bring the indexes in step."""
        to_index: list[int] = []
        for entry in entries:
            heads = self.heads(entry)
            old = self.db.rows("SELECT rowid, title, body, deleted FROM entry WHERE id = ?", [entry])
            rowid, *text, was_deleted = old[0] if old else (None, None, 0)
            live = [h for h in heads if not h.deleted]
            deleted = bool(heads) and not live
            show = self._first_readable(live, content) if live else self._last_living(heads, content)
            if live and show is None and rowid is not None:
                continue  # its file cannot be read at the moment: what was indexed stays, doctor reports the file
            if rowid is not None and not was_deleted:
                words.remove(self.db, [rowid])
            if rowid is not None and (
                deleted or not heads or show is None or text != [show[1].title, show[1].body]
            ):  # passages are of title and body; other changes leave them
                vectors.remove(self.db, [rowid])
                self.db.execute("UPDATE entry SET embedded = 0 WHERE rowid = ?", [rowid])
            if not heads:
                self._note_gone(entry, content)
            if not heads or (show is None and not deleted):
                self.db.execute("DELETE FROM tag WHERE entry = ?", [rowid])
                self.db.execute("DELETE FROM entry WHERE rowid = ?", [rowid])
                continue
            rowid = self._write(rowid, entry, [h.name for h in (live or heads)], show, deleted)
            if not deleted:
                to_index.append(rowid)
        words.add(self.db, to_index)

    def _note_gone(self, entry: str, content: Callable[[str], Revision | None]) -> None:
        """Remember what an entry that went to another class was imported from."""
        stones = [r for r in self.history(entry) if r.deleted == "moved"]
        last = self._last_living(stones, content)
        if last is not None and last[1].source_id:
            self.db.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", [last[1].source, last[1].source_id, entry])

    def went_away(self, source: str, source_id: str) -> bool:
        """Whether the entry imported from this source id went to another class."""
        rows = self.db.rows("SELECT 1 FROM gone WHERE source = ? AND source_id = ?", [source, source_id])
        return bool(rows)

    def _first_readable(
        self, heads: Sequence[Record], content: Callable[[str], Revision | None]
    ) -> tuple[str, Revision] | None:
        found = ((h.name, content(h.name)) for h in heads)
        return next(((name, revision) for name, revision in found if revision is not None), None)

    def _last_living(
        self, heads: Sequence[Record], content: Callable[[str], Revision | None]
    ) -> tuple[str, Revision] | None:
        """The newest revision with text behind tombstones: what the trash shows and restore brings back."""
        queue = [p for h in heads for p in h.parents]
        visited: set[str] = set()
        while queue:
            name = queue.pop(0)
            if name in visited:
                continue
            visited.add(name)
            revision = content(name)
            if revision is not None and not revision.deleted:
                return name, revision
            if revision is not None:
                queue += revision.parents
        return None

    def _write(
        self,
        rowid: int | None,
        entry: str,
        heads: Sequence[str],
        show: tuple[str, Revision] | None,
        deleted: bool,
    ) -> int:
        name, revision = show or ("", None)
        values: dict[str, Any] = {"id": entry, "heads": json.dumps(heads), "shown": name, "deleted": int(deleted)}
        for column in ("title", "source", "source_id", "context", "reasoning", "emotion", "trust"):
            values[column] = getattr(revision, column) if revision else ""
        values |= {
            "body": revision.body if revision else "",
            "tags": json.dumps(revision.tags if revision else (), ensure_ascii=False),
            "metadata": json.dumps(dict(revision.metadata) if revision else {}, ensure_ascii=False),
            "confidence": revision.confidence if revision else None,
            "created": stamp(revision.created) if revision else "",
            "updated": stamp(revision.updated) if revision else "",
        }
        values["place"] = self.db.value("SELECT min(seq) FROM revision WHERE entry = ?", [entry]) or 0
        if rowid is None:
            columns = ", ".join(values)
            marks = ", ".join("?" * len(values))
            cursor = self.db.execute(f"INSERT INTO entry ({columns}) VALUES ({marks})", list(values.values()))
            rowid = int(cursor.lastrowid)
        else:
            sets = ", ".join(f"{column} = ?" for column in values)
            self.db.execute(f"UPDATE entry SET {sets} WHERE rowid = ?", [*values.values(), rowid])
        self.db.execute("DELETE FROM tag WHERE entry = ?", [rowid])
        tags = revision.tags if revision else ()
        self.db.executemany("INSERT OR IGNORE INTO tag VALUES (?, ?)", [(t, rowid) for t in tags])
        return rowid

    # -- reading --------------------------------------------------------------------------------------

    def heads(self, entry: str) -> list[Record]:
        """The heads of an entry, newest first; ``moved`` tombstones never count."""
        records = self.history(entry)
        parents = {p for r in records for p in r.parents}
        heads = [r for r in records if r.name not in parents and r.deleted != "moved"]
        once = {r.digest: r for r in reversed(heads)}  # one payload sealed twice is one revision
        return [r for r in heads if once[r.digest].name == r.name]

    def history(self, entry: str) -> list[Record]:
        """All revisions of an entry, newest first."""
        rows = self.db.rows(
            "SELECT name, entry, parents, device, seq, digest, updated, deleted FROM revision WHERE entry = ? "
            "ORDER BY updated DESC, seq DESC, name",
            [entry],
        )
        return [
            Record(n, e, tuple(json.loads(p)), dev, seq, dig, parse_stamp(up), dele)
            for n, e, p, dev, seq, dig, up, dele in rows
        ]

    def entry(self, entry_id: str) -> Entry | None:
        """The entry with exactly this id."""
        rows = self.db.rows(f"SELECT {_COLUMNS} FROM entry WHERE id = ?", [entry_id])
        return self._entry(rows[0]) if rows else None

    def ids(self, prefix: str, limit: int = 3) -> list[str]:
        """Ids that begin with *prefix*."""
        return [
            r[0]
            for r in self.db.rows(
                "SELECT id FROM entry WHERE id >= ? AND id < ? ORDER BY id LIMIT ?", [prefix, prefix + "~", limit]
            )
        ]

    def entries(self, filters: Filters, limit: int, offset: int = 0) -> list[Entry]:
        """Entries newest first by creation."""
        where, values = filters.where()
        rows = self.db.rows(
            f"SELECT {_COLUMNS} FROM entry WHERE {where} ORDER BY created DESC, rowid DESC LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        return [self._entry(row) for row in rows]

    def each(self, filters: Filters) -> Iterator[Entry]:
        """All entries, oldest first, a page at a time so that memory stays flat."""
        last = 0
        while rows := self.page(filters, last, PAGE):
            last = rows[-1][0]
            yield from (entry for _, entry in rows)

    def page(self, filters: Filters, after: int, limit: int) -> list[tuple[int, Entry]]:
        """(rowid, entry) of the next *limit* entries in the order they were indexed, after rowid *after*."""
        where, values = filters.where()
        rows = self.db.rows(
            f"SELECT {_COLUMNS}, rowid FROM entry WHERE {where} AND rowid > ? ORDER BY rowid LIMIT ?",
            [*values, after, limit],
        )
        return [(int(row[-1]), self._entry(row[:-1])) for row in rows]

    def fetch(self, rowids: Iterable[int]) -> dict[int, Entry]:
        """Entries by rowid."""
        wanted = list(rowids)
        marks = ", ".join("?" * len(wanted))
        rows = self.db.rows(f"SELECT {_COLUMNS}, rowid FROM entry WHERE rowid IN ({marks})", wanted)
        return {int(row[-1]): self._entry(row[:-1]) for row in rows}

    def count(self, filters: Filters) -> int:
        """How many entries pass."""
        where, values = filters.where()
        return int(self.db.value(f"SELECT count(*) FROM entry WHERE {where}", values))

    def by_source(self, source: str, source_id: str) -> Entry | None:
        """The entry imported from this stable source id, also from the trash (so that it stays there)."""
        rows = self.db.rows(
            f"SELECT {_COLUMNS} FROM entry WHERE source = ? AND source_id = ? ORDER BY rowid LIMIT 1",
            [source, source_id],
        )
        return self._entry(rows[0]) if rows else None

    def tags(self, trash: bool = False) -> Mapping[str, int]:
        """Tag → number of entries."""
        rows = self.db.rows(
            "SELECT tag, count(*) FROM tag JOIN entry ON entry.rowid = tag.entry WHERE deleted = ? GROUP BY tag",
            [int(trash)],
        )
        return dict(rows)

    def clones(self) -> list[tuple[str, int]]:
        """(device, seq) pairs that carry two payloads: a device whose state was copied."""
        return self.db.rows(
            "SELECT device, seq FROM revision GROUP BY device, seq HAVING count(DISTINCT digest) > 1 LIMIT 100"
        )

    def integrity(self) -> list[str]:
        """What SQLCipher and SQLite find wrong with the file; empty when sound."""
        found = [str(r[0]) for r in self.db.rows("PRAGMA cipher_integrity_check")]
        found += [str(r[0]) for r in self.db.rows("PRAGMA quick_check(10)") if r[0] != "ok"]
        return found

    # -- search ---------------------------------------------------------------------------------------

    def statistics(self, terms: Sequence[str]) -> tuple[int, dict[str, int]]:
        """How many entries are searchable, and how many each MATCH expression of *terms* finds."""
        return words.size(self.db), words.counts(self.db, list(terms))

    def near_words(self, typed: Sequence[str]) -> dict[str, list[spelling.Near]]:
        """Word → the words of the index nearest to it: (word, slips, entries that hold it)."""
        return spelling.near(self.db, typed)

    def candidates(self, probe: candidates.Probe) -> tuple[list[candidates.Candidate], candidates.Links]:
        """What all legs of a search find, and the neighbours of turns of conversations, in one call."""
        return candidates.find(self.db, probe)

    def ranked(self, table: str, match: str, filters: Filters, limit: int) -> list[tuple[int, float]]:
        """(rowid, score) of the best entries by words (*table* ``words``) or trigrams (``trigrams``)."""
        return words.ranked(self.db, table, match, filters, limit)

    def nearest(
        self, model_id: str, vector: "Vector", filters: Filters, limit: int
    ) -> list[tuple[int, float, int, int]]:
        """(rowid, cosine, first, last character of the best passage) of the entries nearest in meaning."""
        return vectors.nearest(self.db, model_id, vector, filters, limit)

    # -- browsing -------------------------------------------------------------------------------------

    def limit_cache(self, mebibytes: int) -> None:
        """Hold no more pages in memory than this from now on."""
        facets.limit_cache(self.db, mebibytes)

    def order(self, filters: Filters, limit: int) -> tuple[bytes, bytes]:
        """Rowids and creation times (µs) of the newest *limit* entries, as int64 arrays."""
        return facets.order(self.db, filters, limit)

    def rows(self, rowids: Sequence[int]) -> dict[int, facets.Row]:
        """What a list shows of these entries."""
        return facets.rows(self.db, rowids)

    def tally(self, filters: Filters, kinds: Sequence[str], limit: int) -> dict[str, list[tuple[str, int]]]:
        """(name, count) by each of *kinds* (tag, source, month, day), and the ``total``."""
        return facets.tally(self.db, filters, kinds, limit)

    def on_this_day(self, day: str, limit: int) -> list[int]:
        """Rowids of entries made on *day* (``MM-DD``) of any year."""
        return facets.on_this_day(self.db, day, limit)

    def unsure(self, below: float, limit: int) -> list[int]:
        """Rowids of entries whose class was decided with less certainty than *below*."""
        return facets.unsure(self.db, below, limit)

    def meaning(self, entry_id: str) -> tuple[str, bytes] | None:
        """The model and mean vector of an entry, or None."""
        return facets.meaning(self.db, entry_id)

    def mentions(self, targets: Sequence[tuple[str, str]], limit: int) -> list[int]:
        """Rowids of entries that link to one of *targets*: (MATCH expression, folded name)."""
        return facets.mentions(self.db, targets, limit)

    # -- learning -------------------------------------------------------------------------------------

    def consult(self, model_id: str, texts: Sequence[bytes]) -> corrections.Experience | None:
        """What the person's own filing says of texts with these vectors; None where the vectors held are another's."""
        if vectors.model(self.db) != f"{model_id}/{vectors.dims_of(texts[0])}":
            return None
        entries = int(self.db.value("SELECT count(*) FROM entry"))
        if self._tags is None or corrections.is_stale(self._tags, entries):
            self._tags = corrections.tag_meanings(self.db, entries)
        return corrections.consult(self.db, self._tags, texts)

    def carried(self, entry_id: str) -> tuple[str, list[tuple[int, int]], list[bytes]] | None:
        """(model and dimensions, spans, vectors of the first ones) of an entry's passages, to go with it."""
        return corrections.carried(self.db, entry_id)

    def look_again_from(self, mark: str) -> None:
        """Remember how far a look at all entries has come; ``meta("recheck")`` tells."""
        self.remember("recheck", mark)

    def take(self, entry_id: str, carried: tuple[str, Sequence[tuple[int, int]], Sequence[bytes]]) -> None:
        """Give an entry that came from another class the passages it had there, unless another model is in use."""
        held, spans, found = carried
        model_id, _, dims = held.rpartition("/")
        rowid = self.rowid(entry_id)
        if rowid is not None and vectors.model(self.db) in {None, held}:
            self.use_model(model_id, int(dims))
            self.put_passages([(rowid, spans, found)])

    def unchosen(self, after: int, limit: int) -> list[tuple[int, list[bytes]]]:
        """(rowid, vectors of its first passages) of the next entries after *after* whose class no person chose."""
        return corrections.page(self.db, after, limit)

    # -- passages -------------------------------------------------------------------------------------

    def unembedded(self, limit: int) -> list[tuple[int, str, str]]:
        """(rowid, title, body) of entries that have no passages yet."""
        return self.db.rows("SELECT rowid, title, body FROM entry WHERE embedded = 0 AND deleted = 0 LIMIT ?", [limit])

    def pending_passages(self, limit: int) -> list[tuple[int, str, str]]:
        """(passage rowid, title, text) of passages that wait for their vector."""
        return self.db.rows(
            "SELECT passage.rowid, title, substr(body, first + 1, last - first) FROM passage "
            "JOIN entry ON entry.rowid = passage.entry WHERE vector IS NULL LIMIT ?",
            [limit],
        )

    def waiting(self) -> int:
        """How many entries and passages still wait to be embedded."""
        entries = self.db.value("SELECT count(*) FROM entry WHERE embedded = 0 AND deleted = 0")
        return int(entries) + int(self.db.value("SELECT count(*) FROM passage WHERE vector IS NULL"))

    def waiting_for(self, model_id: str, dims: int) -> int:
        """How many wait for vectors of this model: all, where those held are another's."""
        return self.waiting() if vectors.model(self.db) == f"{model_id}/{dims}" else words.size(self.db)

    def rowid(self, entry_id: str) -> int | None:
        """The rowid of an entry."""
        found = self.db.value("SELECT rowid FROM entry WHERE id = ?", [entry_id])
        return None if found is None else int(found)

    def put_passages(
        self,
        rows: Sequence[tuple[int, Sequence[tuple[int, int]], "Vectors"]],
    ) -> None:
        """Give entries their passages: (rowid, spans, vectors of the first spans; the rest waits).

        An entry that lost its row or got passages from another process in the meantime is left alone.
        """
        with self.db.transaction():
            rowids: list[int] = []
            found: list[Vector] = []
            for entry, spans, vecs in rows:
                cursor = self.db.execute("UPDATE entry SET embedded = 1 WHERE rowid = ? AND embedded = 0", [entry])
                if not cursor.rowcount:
                    continue
                for i, (first, last) in enumerate(spans):
                    row = self.db.execute(
                        "INSERT INTO passage (entry, first, last) VALUES (?, ?, ?)", [entry, first, last]
                    )
                    if i < len(vecs):
                        rowids.append(int(row.lastrowid))
                        found.append(vecs[i])
            vectors.store(self.db, rowids, found)

    def fill_passages(self, rowids: Sequence[int], vecs: "Vectors") -> None:
        """Give waiting passages their vectors."""
        with self.db.transaction():
            still = [
                (r, v)
                for r, v in zip(rowids, vecs, strict=True)
                if self.db.value("SELECT 1 FROM passage WHERE rowid = ? AND vector IS NULL", [r])
            ]
            vectors.store(self.db, [r for r, _ in still], [v for _, v in still])

    def use_model(self, model_id: str, dims: int) -> bool:
        """Hold vectors of this model from now on; True if those of another were dropped."""
        if vectors.model(self.db) == f"{model_id}/{dims}":
            return False
        with self.db.transaction():
            return vectors.use_model(self.db, model_id, dims)

    def _entry(self, row: Sequence[Any]) -> Entry:
        (eid, heads, title, body, tags, source, source_id, context, created, updated) = row[:10]
        (confidence, reasoning, emotion, metadata, trust, deleted) = row[10:]
        return Entry(
            id=eid,
            classification=self.classification,
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


_EPOCH = parse_stamp("1970-01-01T00:00:00.000000Z")
