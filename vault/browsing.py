"""Browsing the open classes: order and windows of a listing, facets, neighbours, timeline, figures, doubts.

Plain data out, asked of each compartment through its methods and merged here; a locked class leaves no trace.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from vault.classification import Classification
from vault.compartment.facets import KINDS, LEAD, Row
from vault.compartment.filters import Filters
from vault.entry import Entry
from vault.search import query as language
from vault.search.query import Query
from vault.search.search import filters_of
from vault.text import one_line

if TYPE_CHECKING:
    from vault.compartment.compartment import Compartment
    from vault.compartment.records import Skipped

EVERYTHING = 2**62
_CLASSES = list(Classification)
_SHIFT = 8
"""Rowid and class share one number: the class is the remainder."""
NEAR = 0.35
"""Cosine from which two entries are worth showing side by side."""
UNSURE = 0.75
"""A class chosen with less certainty than this is worth a look."""


@dataclass(frozen=True, slots=True)
class Order:
    """The entries of a listing, newest first, as numbers: 8 bytes an entry, whatever its text."""

    keys: "array[int]" = field(default_factory=lambda: array("q"))
    """Rowid and class of each entry, packed."""
    whole: bool = True
    """Whether these are all; False for the quick beginning."""

    def __len__(self) -> int:
        """How many entries."""
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a listing: the class it is in and what the line shows."""

    classification: Classification
    row: Row

    @property
    def headline(self) -> str:
        """The title, or the first line that says something."""
        return self.row.title or one_line(self.row.lead)


@dataclass(frozen=True, slots=True)
class Facets:
    """How the entries that a query finds are spread; each list is (name, count)."""

    total: int
    classes: tuple[tuple[Classification, int], ...]
    tags: tuple[tuple[str, int], ...]
    """Most frequent first."""
    sources: tuple[tuple[str, int], ...]
    """Most frequent first; the empty name is that of entries without a source."""
    months: tuple[tuple[str, int], ...]
    """``YYYY-MM`` of local time, latest first."""
    days: tuple[tuple[str, int], ...] = ()
    """``YYYY-MM-DD`` of local time, latest first."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The vault in numbers, over the open classes."""

    facets: Facets
    by_month: dict[str, dict[Classification, int]]
    """``YYYY-MM`` → entries of each class, earliest month first."""


@dataclass(frozen=True, slots=True)
class Related:
    """What stands near an entry."""

    by_meaning: bool
    """Whether a model judged; False: they share words of the title."""
    near: tuple[Item, ...]
    """Nearest first."""
    backlinks: tuple[Item, ...]
    """Entries that link here with ``[[title]]`` or ``[[id]]``, newest first."""


@dataclass(frozen=True, slots=True)
class Browsing:
    """The open classes, as somebody looks through them."""

    compartments: Sequence["Compartment"]
    """Those that are open."""

    def order(self, query: str | Query = "", *, trash: bool = False, limit: int = EVERYTHING) -> Order:
        """The entries that the filters of *query* let through, newest first; its words do not count."""
        parsed = _parsed(query)
        filters = filters_of(parsed, trash=trash)
        found: list[tuple[int, int]] = []
        for compartment in self._asked(parsed):
            place = _CLASSES.index(compartment.classification)
            rowids, moments = (array("q", packed) for packed in compartment.order(filters, limit))
            found += zip(moments, (rowid * _SHIFT + place for rowid in rowids), strict=True)
        found.sort(reverse=True)  # runs that are sorted already: merging costs next to nothing
        return Order(array("q", [key for _, key in found[:limit]]), len(found) < limit)

    def window(self, listed: Order, start: int, stop: int) -> list[Item | None]:
        """Lines *start* to *stop* of a listing; None where an entry went in the meantime."""
        wanted = listed.keys[max(0, start) : stop]
        return self._items_of([(_CLASSES[key % _SHIFT], key // _SHIFT) for key in wanted])

    def facets(
        self, query: str | Query = "", kinds: Sequence[str] = ("total", "tag", "source", "month"), limit: int = 200
    ) -> Facets:
        """How the entries that *query* finds by its filters and its words are spread by *kinds* of `KINDS`.

        Without the kind ``total`` the counts of the classes are not worked out, and are 0.
        """
        parsed = _parsed(query)
        filters, match = filters_of(parsed), language.fts_words(parsed) if parsed.has_text else None
        if match:
            filters = replace(filters, found=(*filters.found, ("words", match)))
        found = {c.classification: c.tally(filters, kinds, limit) for c in self._asked(parsed)}
        return _merged(found, kinds, limit)

    def figures(self) -> Figures:
        """Entries per class and month, per day, tag and source."""
        found = {c.classification: c.tally(Filters(), KINDS, 100_000) for c in self.compartments}
        by_month: dict[str, dict[Classification, int]] = {}
        for classification, tallies in found.items():
            for month, count in tallies["month"]:
                by_month.setdefault(month, {})[classification] = count
        return Figures(_merged(found, KINDS, 100_000), dict(sorted(by_month.items())))

    def related(self, entry: Entry, limit: int = 5) -> Related:
        """What stands near *entry* in meaning (in words, where there is no model), and what links to it."""
        near = self._near(entry, limit)
        by_words = near is None
        return Related(not by_words, tuple(self._alike(entry, limit) if near is None else near), self._links(entry))

    def on_this_day(self, day: date, limit: int = 50) -> list[Item]:
        """Entries made on the same day of any year, those of *day* itself left out; newest first."""
        found = self._items([(c, rowid) for c in self.compartments for rowid in c.on_this_day(f"{day:%m-%d}", limit)])
        found.sort(key=lambda item: item.row.created, reverse=True)
        return [item for item in found if item.row.created.astimezone().date() != day][:limit]

    def unsure(self, limit: int = 200) -> list[Item]:
        """Entries whose class was decided by a stage that was not certain, least certain first."""
        found = self._items([(c, rowid) for c in self.compartments for rowid in c.unsure(UNSURE, limit)])
        return sorted(found, key=lambda item: item.row.confidence or 0.0)[:limit]

    def quarantined(self) -> list[tuple[Classification, "Skipped"]]:
        """Sealed files that were put aside: (class whose key they were tried with, name and reason)."""
        return [(c.classification, skipped) for c in self.compartments for skipped in c.skipped()]

    def _asked(self, query: Query) -> list["Compartment"]:
        return [c for c in self.compartments if query.classes is None or c.classification in query.classes]

    def _near(self, entry: Entry, limit: int) -> list[Item] | None:
        own = next((c for c in self.compartments if c.classification is entry.classification), None)
        meant = own.meaning(entry.id) if own else None
        if meant is None:
            return None
        model, vector = meant
        found = [
            (cosine, c, rowid)
            for c in self.compartments
            for rowid, cosine, _, _ in c.nearest(model, vector, Filters(), limit + 1)
            if cosine >= NEAR
        ]
        return self._best(found, entry, limit)

    def _alike(self, entry: Entry, limit: int) -> list[Item]:
        words = language.parse(entry.title or one_line(entry.text)).words
        match = language.fts_words(Query(words=words[:8]))
        if match is None:
            return []
        found = [
            (score, c, rowid)
            for c in self.compartments
            for rowid, score in c.ranked("words", match, Filters(), limit + 1)
        ]
        return self._best(found, entry, limit)

    def _best(self, found: list[tuple[float, "Compartment", int]], entry: Entry, limit: int) -> list[Item]:
        found.sort(key=lambda row: -row[0])
        return [i for i in self._items([(c, r) for _, c, r in found[: limit + 1]]) if i.row.id != entry.id][:limit]

    def _links(self, entry: Entry, limit: int = 20) -> tuple[Item, ...]:
        targets = []
        for name in dict.fromkeys([entry.title or one_line(entry.text, 200), entry.id]):
            match = language.fts_words(Query(required=(name,))) if any(ch.isalnum() for ch in name) else None
            if match is not None:
                targets.append((match, name.lower()))
        found = self._items([(c, rowid) for c in self.compartments for rowid in c.mentions(targets, limit)])
        found.sort(key=lambda item: item.row.created, reverse=True)
        return tuple(item for item in found if item.row.id != entry.id)[:limit]

    def _items(self, places: Sequence[tuple["Compartment", int]]) -> list[Item]:
        found = self._items_of([(c.classification, rowid) for c, rowid in places])
        return [item for item in found if item is not None]

    def _items_of(self, places: Sequence[tuple[Classification, int]]) -> list[Item | None]:
        """Lines of rowids, in their order; one call a compartment."""
        by_class: dict[Classification, list[int]] = {}
        for classification, rowid in places:
            by_class.setdefault(classification, []).append(rowid)
        rows = {c.classification: c.rows(r) for c in self.compartments if (r := by_class.get(c.classification))}
        return [Item(name, row) if (row := rows.get(name, {}).get(rowid)) else None for name, rowid in places]


def item_of(entry: Entry) -> Item:
    """The line of an entry that is at hand as a whole."""
    row = Row(
        id=entry.id,
        title=entry.title,
        lead=entry.text[:LEAD],
        tags=entry.tags,
        created=entry.created,
        source=entry.source,
        confidence=entry.confidence,
        conflict=entry.conflict,
        deleted=entry.deleted,
    )
    return Item(entry.classification, row)


def _parsed(query: str | Query) -> Query:
    return language.parse(query) if isinstance(query, str) else query


def _merged(found: dict[Classification, dict[str, list[tuple[str, int]]]], kinds: Iterable[str], limit: int) -> Facets:
    sums: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for tallies in found.values():
        for kind in kinds:
            sums[kind].update(dict(tallies[kind]))
    classes = tuple((c, tallies["total"][0][1] if "total" in tallies else 0) for c, tallies in found.items())

    def frequent(kind: str) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(sums[kind].items(), key=lambda row: (-row[1], row[0]))[:limit])

    def latest(kind: str) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(sums[kind].items(), reverse=True)[:limit])

    total = sum(n for _, n in classes)
    return Facets(total, classes, frequent("tag"), frequent("source"), latest("month"), latest("day"))
