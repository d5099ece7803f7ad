"""Import against the raw embedder: the same passages in the same batches, in turns; and what each stage takes.

Measured twice: on one thread, which is steady, and with the choice of threads as shipped. On a busy machine that
choice tries two now and then, which costs more there than an import's whole overhead and hits one side or the
other by chance: take that figure from an idle machine.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np
from figures import Figure, progress, timed
from material import MODELS, Place, folder_of_notes, notes

from vault import capture as capturing
from vault.classify.classifier import Classifier
from vault.compartment.compartment import Compartment
from vault.models import threads
from vault.models.embedder import Embedder
from vault.objects import ObjectStore
from vault.opened import OpenClasses

STAGES = (
    (Embedder, "embed_with_peaks", "embed"),
    (Classifier, "classify", "classify"),
    (capturing, "seal", "seal"),
    (ObjectStore, "put", "put (fsync)"),
    (OpenClasses, "index", "index words"),
    (Compartment, "put_passages", "index vectors"),
)


def measure(*, quick: bool) -> Iterator[Figure]:
    """Passages a second of an import, over those of the embedder alone; nothing without the real model."""
    if not MODELS.exists():
        progress("no model in .build/models: import is not measured")
        return
    yield from _measure("one thread", one_thread(), quick=quick)
    yield from _measure("threads as shipped", nullcontext(), quick=quick)


def _measure(how: str, threading: AbstractContextManager[None], *, quick: bool) -> Iterator[Figure]:
    count, parts = (48, 2) if quick else (320, 5)
    count = min(count, len(notes()))
    with tempfile.TemporaryDirectory(prefix="memory-bench-") as temporary, threading:
        place = Place(Path(temporary) / "home")
        place.make()
        watch = Watch()
        with place.open(MODELS) as opened, watch:
            _import(opened, Path(temporary) / "warm", 8, 99)
            watch.reset()
            raw = total = raw_processor = processor = 0.0
            for part in range(parts):
                progress(f"importing part {part + 1} of {parts}")
                started = time.process_time()
                total += _import(opened, Path(temporary) / f"notes-{part}", count // parts, part)
                processor += time.process_time() - started
                batches, watch.batches = watch.batches, []
                with watch.original_embedder() as embed:
                    started = time.process_time()
                    raw += timed(lambda: [embed(batch) for batch in batches])  # noqa: B023 (called at once)
                    raw_processor += time.process_time() - started
        passages = watch.passages
    peer = "raw embedder"
    yield Figure(f"raw embedder, {how}", passages / raw, "passages/s")
    yield Figure(f"import of {count} notes, {how}", passages / total, "passages/s", raw / total, peer, 0.85, least=True)
    share = raw_processor / processor
    yield Figure("— in processor time, as if nothing overlapped", passages / processor, "passages/s", share, peer)
    for stage, seconds in watch.spent.items():
        yield Figure(f"— of its wall time: {stage}", 100 * seconds / total, "%")


@contextmanager
def one_thread() -> Iterator[None]:
    """Embedders made meanwhile compute on one thread."""
    most, threads.MOST = threads.MOST, 1
    try:
        yield
    finally:
        threads.MOST = most


def _import(opened: Any, folder: Path, count: int, seed: int) -> float:
    folder_of_notes(folder, count, seed)
    return timed(lambda: opened.import_from(folder))


class Watch:
    """Counts the time of each stage, and keeps the batches that the embedder was given.

    Embedding and classifying run beside the other stages, so the shares may add up to more than 100 %.
    """

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.batches: list[list[str]] = []
        self.passages = 0
        self._originals: list[tuple[Any, str, Callable[..., Any]]] = []
        self._embedder: Any = None

    def reset(self) -> None:
        """Start over, after a run to warm up."""
        self.spent.clear()
        self.batches.clear()
        self.passages = 0

    def original_embedder(self) -> Any:
        """The embedder in use, unwatched: a context that gives its ``embed``."""
        return _Unwatched(self)

    def __enter__(self) -> Self:
        for owner, name, stage in STAGES:
            original = getattr(owner, name)
            self._originals.append((owner, name, original))
            setattr(owner, name, self._watched(original, stage))
        return self

    def __exit__(self, *_: object) -> None:
        for owner, name, original in self._originals:
            setattr(owner, name, original)

    def _watched(self, original: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return original(*arguments, **named)
            finally:
                self.spent[stage] += time.perf_counter() - start
                if stage == "embed":
                    self._note(*arguments)

        return run

    def _note(self, embedder: Any, texts: Sequence[str], _probes: Any = None) -> None:
        self._embedder = embedder
        self.batches.append(list(texts))
        self.passages += len(texts)


class _Unwatched:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __enter__(self) -> Callable[[Sequence[str]], Any]:
        embedder = self._watch._embedder  # noqa: SLF001 (its other half)
        original = next(o for _, name, o in self._watch._originals if name == "embed_with_peaks")  # noqa: SLF001
        none = np.zeros((0, embedder.dims), dtype=np.float32)
        return lambda texts: original(embedder, texts, none)

    def __exit__(self, *_: object) -> None:
        return
