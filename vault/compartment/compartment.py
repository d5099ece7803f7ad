"""One compartment: everything stored of a class on this device, and the verbs that may be asked of it.

This is the whole face of the room; arguments and results are plain data, because a compartment may be open in another
process. What the verbs do is in the modules beside this one, by what they concern; those that a plain search does not
need are loaded when they are first asked.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from vault.classification import Classification
from vault.compartment import candidates, entries, moves, passages, records, spelling, vectors, words
from vault.compartment.database import Database
from vault.compartment.filters import Filters
from vault.compartment.records import Incoming, Record, Skipped
from vault.entry import Entry, Revision

if TYPE_CHECKING:
    from vault.compartment.corrections import Choices, Experience, TagMeanings
    from vault.compartment.facets import Row
    from vault.compartment.passages import Spans
    from vault.compartment.vectors import Vector, Vectors

PAGE = 50
"""Entries read at once where all are wanted."""


class Compartment:
    """The open index of one classification."""

    def __init__(self, classification: Classification, path: Path, key: bytes, salt: bytes) -> None:
        """Open (or create) the database at *path*.

        Raises:
            Damaged: it must be rebuilt; VaultBusy, StorageFailed.
        """
        self.classification = classification
        self.db = Database(path, key, salt)
        self._tags: TagMeanings | None = None
        self._choices: Choices | None = None

    def close(self) -> None:
        """Close the database."""
        self.db.close()

    def rekey(self, key: bytes, salt: bytes) -> None:
        """Put the index under the key of a newer generation of its class."""
        self.db.rekey(key, salt)

    def integrity(self) -> list[str]:
        """What SQLCipher and SQLite find wrong with the file; empty when sound."""
        return self.db.integrity()

    # -- names and values -----------------------------------------------------------------------------

    def known(self, directories: Collection[str] | None = None) -> set[str]:
        """Every object name (in these directories) that is indexed, or was looked at and put aside for good."""
        return records.known(self.db, directories)

    def having(self, names: Iterable[str]) -> list[str]:
        """Those of *names* that are indexed."""
        return [name for name in sorted(names) if records.is_indexed(self.db, name)]

    def skipped(self) -> list[Skipped]:
        """Objects put aside, less those of other classes."""
        return records.skipped(self.db)

    def skip(self, found: Iterable[Skipped]) -> None:
        """Remember objects that are not to be indexed."""
        records.skip(self.db, found)

    def retry(self, kinds: Sequence[str], noting: Mapping[str, str] = MappingProxyType({})) -> None:
        """Forget what was put aside for these reasons, so that reconcile looks again, and `remember` *noting* too."""
        records.retry(self.db, kinds, noting)

    def meta(self, key: str) -> str | None:
        """A remembered value."""
        return records.meta(self.db, key)

    def remember(self, key: str, value: str) -> None:
        """Remember a value."""
        records.remember(self.db, key, value)

    def look_again_from(self, mark: str) -> None:
        """Remember how far a look at all entries has come; ``meta("recheck")`` tells."""
        self.remember("recheck", mark)

    # -- revisions ------------------------------------------------------------------------------------

    def apply(
        self, incoming: Sequence[Incoming], load: Callable[[str], Revision | None], skipped: Sequence[Skipped] = ()
    ) -> list[str]:
        """Index opened and checked revisions, the only way in; returns the ids of the entries that changed.

        *load* opens a revision by name again, for the rare case that an older one becomes the one shown.
        """
        from vault.compartment import standing

        return standing.apply(self.db, self.classification, incoming, load, skipped)

    def forget(self, names: Sequence[str], load: Callable[[str], Revision | None]) -> None:
        """Drop revisions (purged ones) from the index."""
        from vault.compartment import standing

        standing.forget(self.db, names, load)

    def history(self, entry: str) -> list[Record]:
        """All revisions of an entry, newest first."""
        return records.history(self.db, entry)

    def heads(self, entry: str) -> list[Record]:
        """The heads of an entry, newest first; ``moved`` tombstones never count."""
        return records.heads(self.db, entry)

    def clones(self) -> list[tuple[str, int]]:
        """(device, seq) pairs that carry two payloads: a device whose state was copied."""
        return records.clones(self.db)

    def arrivals(self) -> list[tuple[str, list[str]]]:
        """Entries that came from another class, with the classes not yet asked about them."""
        return moves.arrivals(self.db)

    def asked(self, entry: str, unasked: Sequence[str]) -> None:
        """Record which classes remain to be asked about an arrived entry."""
        moves.asked(self.db, entry, unasked)

    def went_away(self, source: str, source_id: str) -> bool:
        """Whether the entry imported from this source id went to another class."""
        return moves.went_away(self.db, source, source_id)

    # -- entries --------------------------------------------------------------------------------------

    def entry(self, entry_id: str) -> Entry | None:
        """The entry with exactly this id."""
        return entries.one(self.db, self.classification, entry_id)

    def ids(self, prefix: str, limit: int = 3) -> list[str]:
        """Ids that begin with *prefix*."""
        return entries.ids(self.db, prefix, limit)

    def rowid(self, entry_id: str) -> int | None:
        """The rowid of an entry."""
        return entries.rowid(self.db, entry_id)

    def entries(self, filters: Filters, limit: int, offset: int = 0) -> list[Entry]:
        """Entries newest first by creation."""
        return entries.newest(self.db, self.classification, filters, limit, offset)

    def each(self, filters: Filters) -> Iterator[Entry]:
        """All entries, oldest first, a page at a time so that memory stays flat."""
        last = 0
        while rows := self.page(filters, last, PAGE):
            last = rows[-1][0]
            yield from (entry for _, entry in rows)

    def page(self, filters: Filters, after: int, limit: int) -> list[tuple[int, Entry]]:
        """(rowid, entry) of the next *limit* entries in the order they were indexed, after rowid *after*."""
        return entries.page(self.db, self.classification, filters, after, limit)

    def fetch(self, rowids: Iterable[int]) -> dict[int, Entry]:
        """Entries by rowid."""
        return entries.fetch(self.db, self.classification, list(rowids))

    def count(self, filters: Filters) -> int:
        """How many entries pass."""
        return entries.count(self.db, filters)

    def by_source(self, source: str, source_id: str) -> Entry | None:
        """The entry imported from this stable source id, also from the trash (so that it stays there)."""
        return entries.by_source(self.db, self.classification, source, source_id)

    def tags(self, trash: bool = False) -> Mapping[str, int]:
        """Tag → number of entries."""
        return entries.tags(self.db, trash)

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
        self.db.limit_cache(mebibytes)

    def order(self, filters: Filters, limit: int) -> tuple[bytes, bytes]:
        """Rowids and creation times (µs) of the newest *limit* entries, as int64 arrays."""
        from vault.compartment import facets

        return facets.order(self.db, filters, limit)

    def rows(self, rowids: Sequence[int]) -> "dict[int, Row]":
        """What a list shows of these entries."""
        from vault.compartment import facets

        return facets.rows(self.db, rowids)

    def tally(self, filters: Filters, kinds: Sequence[str], limit: int) -> dict[str, list[tuple[str, int]]]:
        """(name, count) by each of *kinds* (tag, source, month, day), and the ``total``."""
        from vault.compartment import facets

        return facets.tally(self.db, filters, kinds, limit)

    def on_this_day(self, day: str, limit: int) -> list[int]:
        """Rowids of entries made on *day* (``MM-DD``) of any year."""
        from vault.compartment import facets

        return facets.on_this_day(self.db, day, limit)

    def unsure(self, below: float, limit: int) -> list[int]:
        """Rowids of entries whose class was decided with less certainty than *below*."""
        from vault.compartment import facets

        return facets.unsure(self.db, below, limit)

    def meaning(self, entry_id: str) -> tuple[str, bytes] | None:
        """The model and mean vector of an entry, or None."""
        from vault.compartment import facets

        return facets.meaning(self.db, entry_id)

    def mentions(self, targets: Sequence[tuple[str, str]], limit: int) -> list[int]:
        """Rowids of entries that link to one of *targets*: (MATCH expression, folded name)."""
        from vault.compartment import facets

        return facets.mentions(self.db, targets, limit)

    # -- what the person's own filing teaches ---------------------------------------------------------

    def consult(self, model_id: str, texts: Sequence[bytes]) -> "Experience | None":
        """What the person's own filing says of texts with these vectors; None where the vectors held are another's."""
        if not vectors.are_of(self.db, model_id, vectors.dims_of(texts[0])):
            return None
        from vault.compartment import corrections

        self._tags = corrections.tag_meanings(self.db, self._tags)
        self._choices = corrections.choices(self.db, self._choices)
        return corrections.consult(self.db, self._tags, self._choices, texts)

    def unchosen(self, after: int, limit: int) -> list[tuple[int, list[bytes]]]:
        """(rowid, vectors of its first passages) of the next entries after *after* whose class no person chose."""
        from vault.compartment import corrections

        return corrections.page(self.db, after, limit)

    # -- passages -------------------------------------------------------------------------------------

    def unembedded(self, limit: int) -> list[tuple[int, str, str]]:
        """(rowid, title, body) of entries that have no passages yet."""
        return passages.unembedded(self.db, limit)

    def pending_passages(self, limit: int) -> list[tuple[int, str, str]]:
        """(passage rowid, title, text) of passages that wait for their vector."""
        return passages.pending(self.db, limit)

    def waiting(self) -> int:
        """How many entries and passages still wait to be embedded."""
        return passages.waiting(self.db)

    def waiting_for(self, model_id: str, dims: int) -> int:
        """How many wait for vectors of this model: all, where those held are another's."""
        return passages.waiting_for(self.db, model_id, dims)

    def put_passages(self, rows: "Sequence[tuple[int, Spans, Vectors]]") -> None:
        """Give entries their passages: (rowid, spans, vectors of the first spans; the rest waits).

        An entry that lost its row or got passages from another process in the meantime is left alone.
        """
        passages.put(self.db, rows)

    def fill_passages(self, rowids: Sequence[int], vecs: "Vectors") -> None:
        """Give waiting passages their vectors."""
        passages.fill(self.db, rowids, vecs)

    def use_model(self, model_id: str, dims: int) -> bool:
        """Hold vectors of this model from now on; True if those of another were dropped."""
        return passages.use_model(self.db, model_id, dims)

    def carried(self, entry_id: str) -> tuple[str, list[tuple[int, int]], list[bytes]] | None:
        """(model and dimensions, spans, vectors of the first ones) of an entry's passages, to go with it."""
        return passages.carried(self.db, entry_id)

    def take(self, entry_id: str, carried: "tuple[str, Spans, Sequence[bytes]]") -> None:
        """Give an entry that came from another class the passages it had there, unless another model is in use."""
        passages.take(self.db, entry_id, carried)
