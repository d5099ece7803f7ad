"""How what is found is spread over classes, tags, sources and months, put together from short answers."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vault.browsing import Facets

if TYPE_CHECKING:
    from vault.classification import Classification

KINDS = ("total", "source", "month", "tag")
"""Kinds of facets that are shown; the quickest first."""


class Spread:
    """Facets that come a kind in a class at a time, so that nothing waits long for the vault in between."""

    def __init__(self) -> None:
        self._classes: dict[Classification, int] = {}
        self._tags: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._months: Counter[str] = Counter()

    def add(self, kind: str, piece: Facets) -> None:
        """Count *piece*, which answers for *kind* in one class, in."""
        if kind == "total":
            self._classes |= dict(piece.classes)
        for sums, pairs in ((self._tags, piece.tags), (self._sources, piece.sources), (self._months, piece.months)):
            sums.update(dict(pairs))

    def facets(self) -> Facets:
        """All that was counted."""
        return Facets(
            sum(self._classes.values()),
            tuple(self._classes.items()),
            tags=_frequent(self._tags.items()),
            sources=_frequent(self._sources.items()),
            months=tuple(sorted(self._months.items(), reverse=True)),
        )


def _frequent(pairs: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
