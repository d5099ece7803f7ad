"""What a front end asks for, before it is read as a query: words as typed and filter options.

Reading a query loads the query language; a request is cheap to make and to send, and whoever answers it reads it.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vault.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from vault.classification import Classification
    from vault.search.query import Query


@dataclass(frozen=True, slots=True)
class Request:
    """A query of `docs/query.md` narrowed by options; options always hold."""

    text: str = ""
    classification: str | None = None
    """A class or its prefix, as typed."""
    tags: tuple[str, ...] = ()
    source: str | None = None
    since: str | None = None
    """A date in any form of the query language."""
    until: str | None = None

    @property
    def named(self) -> "frozenset[Classification]":
        """Classes asked for by name."""
        if self.classification is None and "class:" not in self.text.lower():
            return frozenset()
        return self.query().named

    def query(self) -> "Query":
        """The query this asks for.

        Raises:
            InvalidInput: an option's value is no class or no date.
        """
        from vault.classification import named
        from vault.search.query import parse

        query = parse(self.text)
        chosen = None if self.classification is None else named(self.classification)
        after, before = _start(self.since), _start(self.until)
        return replace(
            query,
            classes=query.classes if chosen is None else frozenset({chosen}) & (query.classes or {chosen}),
            named=query.named if chosen is None else frozenset({chosen}),
            tags=(*query.tags, *self.tags),
            sources=(self.source,) if self.source else query.sources,
            after=max(filter(None, [query.after, after]), default=None),
            before=min(filter(None, [query.before, before]), default=None),
        )


def as_query(value: "str | Query | Request") -> "Query":
    """*value* as a query, whatever form it comes in."""
    from vault.search.query import parse

    if isinstance(value, str):
        return parse(value)
    return value.query() if isinstance(value, Request) else value


def _start(value: str | None) -> "datetime | None":
    from vault.search.dates import interval

    if value is None:
        return None
    span = interval(value)
    if span is None:
        raise InvalidInput(f"{value[:40]!r} is no date", remedy="use e.g. 2026-03, 2026-03-02, yesterday or 2w")
    return span[0]
