"""Entries of the open classes, found without the model: by id, by filter, by how sure their class is; their tags."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vault.classification import Classification
from vault.entry import Entry
from vault.errors import InvalidInput, NotFound
from vault.names import CROCKFORD, ENTRY_ID_LENGTH, fold_crockford
from vault.opened import OpenClasses

if TYPE_CHECKING:
    from vault.search.query import Query

MIN_ID_PREFIX = 4
VOCABULARY = 1000
"""Tags that captures are told of, the most used ones."""


def by_id(opened: OpenClasses, entry_id: str, *, trash: bool = True) -> Entry:
    """The entry with this id or unique prefix.

    Raises:
        NotFound: none (or it is locked); InvalidInput: ambiguous or too short.
    """
    prefix = fold_crockford(entry_id)
    if len(prefix) < MIN_ID_PREFIX:
        raise InvalidInput(f"an id prefix has at least {MIN_ID_PREFIX} characters", remedy="give more of the id")
    legal = not set(prefix) - set(CROCKFORD)
    found = {i for c in opened.compartments for i in c.ids(prefix)} if legal else set()
    if len(found) > 1:
        raise InvalidInput(f"{prefix} is ambiguous", remedy="give more of the id")
    entries = [e for i in found for c in opened.compartments if (e := c.entry(i)) is not None]
    entries = [e for e in entries if trash or not e.deleted]
    if not entries:
        locked = ", ".join(c for c in Classification if c not in opened.classes)
        raise NotFound(
            f"no entry {prefix[:ENTRY_ID_LENGTH]}", remedy=f"it may be in a locked class ({locked})" if locked else ""
        )
    return min(entries, key=lambda e: (e.deleted, -e.level))


def newest(opened: OpenClasses, query: "Query", limit: int, offset: int, *, trash: bool) -> list[Entry]:
    """Entries newest first, filtered by the filters of *query*."""
    from vault.search.search import filters_of

    filters = filters_of(query, trash=trash)
    found = [
        entry
        for compartment in opened.compartments
        if query.classes is None or compartment.classification in query.classes
        for entry in compartment.entries(filters, limit + offset)
    ]
    found.sort(key=lambda e: (e.created, e.id), reverse=True)
    return found[offset : offset + limit]


def uncertain(opened: OpenClasses, below: Mapping[Classification, float], limit: int) -> list[Entry]:
    """Entries whose class no person chose and whose confidence is *below* that of their class, least certain first."""
    found = [
        entry
        for compartment in opened.compartments
        for entry in compartment.fetch(compartment.unsure(below[compartment.classification], limit)).values()
    ]
    return sorted(found, key=lambda e: (e.confidence or 0.0, e.id))[:limit]


def tags(opened: OpenClasses) -> dict[str, int]:
    """Tag → number of entries."""
    counts: dict[str, int] = {}
    for compartment in opened.compartments:
        for tag, count in compartment.tags().items():
            counts[tag] = counts.get(tag, 0) + count
    return counts


def vocabulary(opened: OpenClasses) -> list[str]:
    """The tags most used, most used first."""
    counts = tags(opened)
    return sorted(counts, key=lambda tag: (-counts[tag], tag))[:VOCABULARY]
