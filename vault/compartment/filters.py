"""Filters that every search leg and every listing applies inside its query, never after top-k."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vault.entry import stamp


@dataclass(frozen=True, slots=True)
class Filters:
    """What an entry must be to count; the default admits everything that is not in the trash."""

    tags: tuple[str, ...] = ()
    """All of these tags (a tag also matches its sub-tags, ``work`` matches ``work/ops``)."""
    not_tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Any of these sources."""
    not_sources: tuple[str, ...] = ()
    after: datetime | None = None
    """Created at or after."""
    before: datetime | None = None
    """Created before."""
    has: frozenset[str] = frozenset()
    """``attachment``, ``link``, ``tag``, ``conflict``."""
    found: tuple[tuple[str, str], ...] = ()
    """(table, MATCH expression) that must find the entry; tables ``words`` and ``trigrams``."""
    not_found: tuple[tuple[str, str], ...] = ()
    """(table, MATCH expression) that must not."""
    trash: bool = False
    """The trash instead of the living."""

    def where(self) -> tuple[str, list[Any]]:
        """A condition over table ``entry`` and its parameters."""
        parts = [f"entry.deleted = {int(self.trash)}"]
        values: list[Any] = []
        for wanted, tags in (("IN", self.tags), ("NOT IN", self.not_tags)):
            for tag in tags:
                low, high = f"{tag}/", f"{tag}0"  # '0' follows '/' in ASCII: the range of all sub-tags
                parts.append(f"entry.rowid {wanted} (SELECT entry FROM tag WHERE tag = ? OR (tag >= ? AND tag < ?))")
                values += [tag, low, high]
        for wanted, sources in (("IN", self.sources), ("NOT IN", self.not_sources)):
            if sources:
                parts.append(f"entry.source {wanted} ({','.join('?' * len(sources))})")
                values += sources
        if self.after:
            parts.append("entry.created >= ?")
            values.append(stamp(self.after))
        if self.before:
            parts.append("entry.created < ?")
            values.append(stamp(self.before))
        for wanted, conditions in (("IN", self.found), ("NOT IN", self.not_found)):
            for table, match in conditions:
                parts.append(f"entry.rowid {wanted} (SELECT rowid FROM {table} WHERE {table} MATCH ?)")
                values.append(match)
        parts += [_HAS[has] for has in sorted(self.has) if has in _HAS]
        return " AND ".join(parts), values

    @property
    def is_open(self) -> bool:
        """Whether nothing but the trash is filtered out."""
        return self == Filters()


_HAS = {
    "attachment": "json_extract(entry.metadata, '$.attachments') IS NOT NULL",
    "link": "instr(entry.body, '[[') > 0",
    "tag": "entry.tags <> '[]'",
    "conflict": "instr(entry.heads, ',') > 0",
}
