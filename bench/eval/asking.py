"""A set through a real vault: every document captured, every question asked, each leg's ranking kept."""

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from evalset import EvalSet, Question
from numpy.typing import NDArray

import vault
from vault.classification import Classification
from vault.keys.stretching import KdfLimits
from vault.models.store import ModelStore
from vault.reading import Reader
from vault.search import search as searching
from vault.vault import Vault

LEGS = ("words", "trigrams", "vectors", "fused")
DEEP = 50
"""Hits asked for, the deepest that is told."""
WIDE = 400
"""Hits asked for to see the rankings of the legs: more than all of them bring."""
_CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)

Rankings = Mapping[str, Sequence[str]]
"""Leg → document ids, best first."""


class RememberedVectors:
    """An embedder that computes each text once and keeps the vector in a file, by a hash of the text."""

    def __init__(self, embedder: Any, path: Path) -> None:
        """Compute with *embedder*, keep in *path*."""
        self.model_id, self.dims = embedder.model_id, embedder.dims
        self.count_tokens = embedder.count_tokens
        self._embedder = embedder
        path.parent.mkdir(parents=True, exist_ok=True)
        self._kept = sqlite3.connect(path)
        self._kept.execute("CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `vault.models.embedder.Embedder.embed`."""
        keys = [hashlib.sha256(f"{self.model_id}\0{text}".encode(errors="replace")).digest() for text in texts]
        found = {key: self._recall(key) for key in keys}
        new = {key: text for key, text in zip(keys, texts, strict=True) if found[key] is None}
        if new:
            computed = self._embedder.embed(list(new.values()))
            self._kept.executemany(
                "INSERT OR IGNORE INTO kept VALUES (?, ?)",
                [(key, vector.tobytes()) for key, vector in zip(new, computed, strict=True)],
            )
            self._kept.commit()
            found |= dict(zip(new, computed, strict=True))
        return np.array([found[key] for key in keys], dtype=np.float32).reshape(len(texts), self.dims)

    def embed_with_peaks(
        self, texts: Sequence[str], probes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The vectors, and no peaks: they matter to the classifier alone, and here every class is given."""
        return self.embed(texts), np.zeros((len(texts), len(probes)), dtype=np.float32)

    def embed_one(self, text: str) -> NDArray[np.float32]:
        """As `vault.models.embedder.Embedder.embed_one`."""
        vector: NDArray[np.float32] = self.embed([text])[0]
        return vector

    def close(self) -> None:
        """Close file and model."""
        self._kept.close()
        self._embedder.close()

    def _recall(self, key: bytes) -> NDArray[np.float32] | None:
        row = self._kept.execute("SELECT vector FROM kept WHERE key = ?", [key]).fetchone()
        return np.frombuffer(row[0], dtype=np.float32) if row else None


class RememberingModels(ModelStore):
    """A model store whose embedder remembers, so that a second evaluation takes seconds."""

    def __init__(self, models: Path, kept: Path) -> None:
        """Models from the folder *models*, vectors kept in the file *kept*."""
        super().__init__(models)
        self._kept = kept

    def load_embedder(self) -> Any:
        """The embedder that remembers."""
        return RememberedVectors(super().load_embedder(), self._kept)


def ask(found: EvalSet, models: Path, kept: Path, *, spread: bool = False) -> Iterator[tuple[Question, Rankings]]:
    """Every question of *found* with the rankings it gets.

    Args:
        found: the set; its groups each get a vault of their own.
        models: folder of the local model; one that does not exist means words alone.
        kept: file for computed vectors.
        spread: file the documents over all five classes in turn instead of as ``general``.
    """
    classes = tuple(Classification) if spread else (Classification.GENERAL,)
    for part in found.parts:
        with tempfile.TemporaryDirectory(prefix="memory-eval-") as folder, _vault(Path(folder), models, kept) as opened:
            for _ in opened.capture_many(_items(part, classes)):
                pass
            for question in part.questions:
                yield question, rankings(opened, question.text)


def rankings(opened: Vault, query: str) -> dict[str, list[str]]:
    """What each leg and their fusion find."""
    with patch.object(searching, "snippet", lambda *_, **__: "-"):  # hundreds of snippets would take most of the time
        ranked = {"fused": [hit.entry.source_id for hit in opened.search(query, limit=DEEP)]}
        hits = opened.search(query, limit=WIDE)
    for leg in LEGS[:-1]:
        seen = sorted((hit.legs[leg].rank, hit.entry.source_id) for hit in hits if leg in hit.legs)
        ranked[leg] = [key for _, key in seen[:DEEP]]
    return ranked


def _vault(folder: Path, models: Path, kept: Path) -> Vault:
    opened = vault.create(folder / "v", passphrase=b"eval", state=folder / "s", models=models, limits=_CHEAP)
    if models.exists():
        opened.reader = Reader(RememberingModels(models, kept), opened.config)
    return opened


def _items(part: EvalSet, classes: Sequence[Classification]) -> Iterator[dict[str, Any]]:
    for number, document in enumerate(part.documents):
        yield {
            "text": document.text,
            "title": document.title,
            "created": document.created,
            "context": document.context,
            "source": "eval",
            "source_id": document.id,
            "tags": ("eval",),  # a tag given keeps the classifier from suggesting some
            "classification": classes[number % len(classes)],
        }
