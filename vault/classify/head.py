"""The head: five probabilities from a text, its vectors and their peaks, by weights trained on our own corpus.

A linear layer, with an own part for each register of text, and a softmax over the vector, the peaks, what ``cues``,
``surface`` and ``layout`` count, and what the detectors found. A *peak* is how near any one token of the text came to a
*probe*, a typical state of a token: the vector is a mean over tokens, in which four digits drown; a maximum keeps them.
Temperatures are calibrated by cross-validation (Guo et al., "On Calibration of Modern Neural Networks", 2017).
The weights are package data,
made by ``bench/head/train.py`` and reproducible from the committed inputs; they fit one embedder and name it.
numpy is imported at module scope, so import this module only where a vector is at hand.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vault.classification import Classification
from vault.classify.cues import cues
from vault.classify.detectors import Detection
from vault.classify.layout import REGISTERS, layout, registers
from vault.classify.surface import BUCKETS, counts, hashed
from vault.errors import Damaged

_MISFIT = "the classifier's weights are not in the form this version reads"
PEAKS = 2**0.5
"""Length to which peaks are brought, beside a vector of length 1; by cross-validation."""
KIND = 0.5
"""Worth of the kind of a detection, beside 1 for its floor."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Weights for one set of inputs."""

    dense: NDArray[np.float32]
    """Shape (inputs, classes): for every text."""
    registers: NDArray[np.float32]
    """Shape (``layout.REGISTERS``, inputs, classes): what to add for a text of each register."""
    hashed: NDArray[np.float32]
    """Shape (``surface.BUCKETS``, classes)."""
    bias: NDArray[np.float64]
    """Shape (classes,)."""
    temperature: float
    """Logits are divided by it; above 1 makes the probabilities milder."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A trained classifier over the vectors of one embedder."""

    peaked: Layer
    """For a text whose peaks are at hand."""
    plain: Layer
    """For a text of which only the vectors are, as where they come from an index."""
    probes: NDArray[np.float32]
    """Shape (probes, dims), each of length 1: what ``Embedder.embed_with_peaks`` compares tokens with."""
    centre: NDArray[np.float64]
    """Shape (2, probes): the peaks to expect of a passage, and how they grow with the logarithm of its length."""
    kinds: tuple[str, ...]
    """Kinds of detections it has weights for."""
    classes: tuple[Classification, ...]
    """What each column means."""
    model_id: str
    """The embedder whose vectors it was trained on; meaningless for any other."""
    corpus: str
    """SHA-256 of the corpus it was trained on, in hex."""

    def probabilities(
        self,
        text: str,
        vectors: NDArray[Any],
        peaks: NDArray[Any] | None = None,
        detections: Sequence[Detection] = (),
    ) -> dict[Classification, float]:
        """The probability of each class for *text*; they sum to 1.

        Args:
            text: as captured.
            vectors: its passages, shape (n, dims) with n ≥ 1, each of length 1.
            peaks: the same passages' peaks, shape (n, probes).
            detections: what ``detect`` found in *text*.
        """
        layer = self.plain if peaks is None else self.peaked
        parts = [pooled(vectors), noticed(text, detections, self.kinds)]
        if peaks is not None:
            parts.insert(1, stretched(peaks, np.full(len(peaks), len(text) / len(peaks)), self.centre).mean(axis=0))
        spelt = hashed(text)
        buckets, weights = list(spelt), np.fromiter(spelt.values(), dtype=np.float64, count=len(spelt))
        dense = layer.dense + layer.registers[list(registers(text))].sum(axis=0)
        logits = np.concatenate(parts) @ dense + weights @ layer.hashed[buckets] + layer.bias
        row = softmax(logits[None, :] / layer.temperature)[0]
        return dict(zip(self.classes, map(float, row), strict=True))


def noticed(text: str, detections: Sequence[Detection], kinds: Sequence[str]) -> NDArray[np.float64]:
    """What can be counted in *text* and was found in it: ``counts``, ``cues``, ``layout``, then kinds and floors."""
    floors = [float(any(d.floor.level == level for d in detections)) for level in (3, 4)]
    found = {d.kind for d in detections}
    return np.concatenate([counts(text), cues(text), layout(text), [KIND * (kind in found) for kind in kinds], floors])


def stretched(peaks: NDArray[Any], lengths: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """How peaks (n, probes) differ from what is to be expected of passages of *lengths* characters, at one length.

    A maximum over more tokens is higher: without this, what a long note differs in most from a short one is that.
    """
    away = np.asarray(peaks, dtype=np.float64) - sized(lengths) @ centre
    length = np.linalg.norm(away, axis=-1, keepdims=True)
    return np.asarray(away / np.where(length > 0, length, 1) * PEAKS)


def sized(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """What peaks are expected by: one, and the logarithm of the characters; shape (n, 2)."""
    return np.stack([np.ones(len(lengths)), np.log2(np.asarray(lengths) + 8)], axis=1)


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
                _layer(arrays, about, "peaked"),
                _layer(arrays, about, "plain"),
                arrays["probes"].astype(np.float32),
                arrays["centre"].astype(np.float64),
                tuple(about["kinds"]),
                tuple(Classification(name) for name in about["classes"]),
                str(about["model_id"]),
                str(about["corpus"]),
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise Damaged(_MISFIT, remedy="install memory again") from error
    fits = all(
        layer.hashed.shape == (BUCKETS, layer.bias.size) and layer.registers.shape == (REGISTERS, *layer.dense.shape)
        for layer in (head.peaked, head.plain)
    )
    if not fits or head.centre.shape != (2, len(head.probes)):
        raise Damaged(_MISFIT, remedy="install memory again")
    return head


def _layer(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any], name: str) -> Layer:
    return Layer(
        arrays[f"{name}.dense"].astype(np.float32),
        arrays[f"{name}.registers"].astype(np.float32),
        arrays[f"{name}.hashed"].astype(np.float32),
        arrays[f"{name}.bias"].astype(np.float64),
        float(about[f"{name}.temperature"]),
    )


@lru_cache(maxsize=1)
def shipped() -> Head:
    """The head that comes with the package."""
    return read(files("vault.classify").joinpath("head.npz").read_bytes())
