"""Hybrid search in the library, warm: 10,000 and 100,000 entries in five classes, query embedding apart."""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from figures import Figure, progress, quantile, timed
from material import MODELS, QUERIES, Place, SyntheticEmbedder, fill_index

from vault.compartment import candidates
from vault.models.store import ModelStore
from vault.reading import Reader
from vault.search import search as searching
from vault.vault import Vault

LIMITS = {10_000: 15.0, 100_000: 50.0}
"""Entries → milliseconds that the median query may take."""
LEGS: dict[tuple[Any, str], str] = {
    (searching.Wanted, "of"): "how common the words are",
    (candidates, "_words"): "words",
    (candidates, "_parts"): "parts of words",
    (candidates, "_meant"): "vectors",
    (candidates, "_links"): "neighbours",
    (searching.Found, "hits"): "fetch and snippets",
}


class SyntheticModels(ModelStore):
    """A model store whose embedder answers at once, so that the search alone is timed."""

    def load_embedder(self) -> Any:
        """The embedder that answers at once."""
        return SyntheticEmbedder()


def measure(*, quick: bool) -> Iterator[Figure]:
    """Median and 95th percentile over `QUERIES`, and what each leg takes of it."""
    for size in LIMITS if not quick else [10_000]:
        with tempfile.TemporaryDirectory(prefix="memory-bench-") as temporary:
            place = Place(Path(temporary))
            place.make()
            with place.open() as opened:
                progress(f"filling {size:,} entries with vectors")
                seconds = timed(lambda: fill_index(opened, size, SyntheticEmbedder()))  # noqa: B023 (called at once)
                yield Figure(f"index {size:,} opened entries with vectors", size / seconds, "/s")
                yield from searched(opened, size, rounds=2 if quick else 5)
    if MODELS.exists():
        yield from _query_embedding()


def searched(opened: Vault, size: int, rounds: int) -> Iterator[Figure]:
    """The figures of one vault."""
    opened.reader = Reader(SyntheticModels(MODELS), opened.config)
    for mode in ("hybrid", "keyword"):
        progress(f"searching {size:,} entries, {mode}")
        taken = timings(opened, mode, rounds)
        per_query = [statistics.median(each) * 1e3 for each in taken.values()]
        goal = LIMITS.get(size) if mode == "hybrid" else None
        yield Figure(f"{mode} search, {size:,} entries, p50", statistics.median(per_query), "ms", limit=goal)
        yield Figure(f"{mode} search, {size:,} entries, p95", quantile(per_query, 0.95), "ms")
    for leg, milliseconds in per_leg(opened).items():
        yield Figure(f"— of hybrid at {size:,}: {leg}, mean", milliseconds, "ms")


def timings(opened: Vault, mode: str, rounds: int) -> dict[str, list[float]]:
    """Query → seconds of each round, after one to warm up; rounds go over all queries in turn."""
    taken: dict[str, list[float]] = {query: [] for query in QUERIES}
    for turn in range(rounds + 1):
        for query, each in taken.items():
            seconds = timed(lambda: opened.search(query, mode=mode))  # noqa: B023 (called at once)
            if turn:
                each.append(seconds)
    return taken


def per_leg(opened: Vault) -> dict[str, float]:
    """Mean milliseconds of a hybrid query that each leg takes."""
    spent: dict[str, float] = defaultdict(float)
    with _watched(spent):
        for query in QUERIES:
            opened.search(query)
    return {leg: 1e3 * spent[leg] / len(QUERIES) for leg in LEGS.values()}


@contextmanager
def _watched(spent: dict[str, float]) -> Iterator[None]:
    originals = {place: getattr(*place) for place in LEGS}

    def watch(place: tuple[Any, str], leg: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return leg(*arguments)
            finally:
                spent[LEGS[place]] += time.perf_counter() - start

        return run

    for place, leg in originals.items():
        setattr(*place, watch(place, leg))
    try:
        yield
    finally:
        for place, leg in originals.items():
            setattr(*place, leg)


def _query_embedding() -> Iterator[Figure]:
    with ModelStore(MODELS).load_embedder() as embedder:
        each = [timed(lambda: embedder.embed_one(query)) * 1e3 for query in (QUERIES[0], *QUERIES)][1:]  # noqa: B023
    yield Figure("embedding of a query, p50", statistics.median(each), "ms")
