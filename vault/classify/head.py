"""The head: five probabilities from a text and its vector, by weights trained on our own labelled corpus.

One linear layer over the vector and the surface of the text, and a softmax whose temperature was calibrated
by cross-validation (Guo et al., "On Calibration of Modern Neural Networks", 2017). The weights are package
data, made by ``bench/head/train.py`` and reproducible from the committed embeddings; they fit one embedder
only and name it.
numpy is imported at module scope, so import this module only where a vector is at hand.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vault.classification import Classification
from vault.classify.surface import surface
from vault.errors import Damaged

_MISFIT = "the classifier's weights are not in the form this version reads"


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A trained linear classifier over the vectors of one embedder."""

    weight: NDArray[np.float64]
    """Shape (dims + ``surface.SIZE``, classes)."""
    bias: NDArray[np.float64]
    """Shape (classes,)."""
    classes: tuple[Classification, ...]
    """What each column means."""
    temperature: float
    """Logits are divided by it; above 1 makes the probabilities milder."""
    model_id: str
    """The embedder whose vectors it was trained on; meaningless for any other."""
    corpus: str
    """SHA-256 of the corpus it was trained on, in hex."""

    def probabilities(self, vectors: NDArray[Any], texts: Sequence[str]) -> list[dict[Classification, float]]:
        """One mapping per row of *vectors* (n, dims; one L2-normalised row per text); each sums to 1."""
        logits = (features(vectors, texts) @ self.weight + self.bias) / self.temperature
        return [dict(zip(self.classes, map(float, row), strict=True)) for row in softmax(logits)]


def features(vectors: NDArray[Any], texts: Sequence[str]) -> NDArray[np.float64]:
    """What the head sees of each text: its vector, then its surface; shape (n, dims + ``surface.SIZE``)."""
    return np.hstack([np.asarray(vectors, dtype=np.float64), np.array([surface(text) for text in texts])])


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of *logits* (n, classes) as probabilities."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def pooled(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """The passages of one text (n, dims) as one vector (dims,): their mean, of length 1 again.

    The embedder itself averages over tokens, so the mean of passages is what it would say of a longer window.
    """
    mean = np.asarray(vectors, dtype=np.float64).reshape(-1, np.shape(vectors)[-1]).mean(axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length) if length else mean


def read(data: bytes) -> Head:
    """The head in the bytes of an ``.npz`` file.

    Raises:
        Damaged: the bytes are not weights of this form.
    """
    try:
        with np.load(BytesIO(data), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            head = Head(
                arrays["weight"].astype(np.float64),
                arrays["bias"].astype(np.float64),
                tuple(Classification(name) for name in about["classes"]),
                float(about["temperature"]),
                str(about["model_id"]),
                str(about["corpus"]),
            )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise Damaged(_MISFIT, remedy="install memory again") from error
    if head.weight.shape[1:] != head.bias.shape or len(head.classes) != head.bias.size:
        raise Damaged(_MISFIT, remedy="install memory again")
    return head


@lru_cache(maxsize=1)
def shipped() -> Head:
    """The head that comes with the package."""
    return read(files("vault.classify").joinpath("head.npz").read_bytes())
