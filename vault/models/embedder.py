"""Text to vectors with a GGUF embedder.

Promises: order is kept, every vector has length 1, any text is legal (empty, a megabyte, lone
surrogates), a text longer than the model reads is cut, and an `Embedder` may be shared by threads.
numpy and llama_cpp are imported when an `Embedder` is made.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from vault.errors import Damaged
from vault.models.loaded import Loaded
from vault.models.runtime import metadata

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors: TypeAlias = npt.NDArray[np.float32]

TOKEN_LIMIT = 256
"""Tokens read of one text, CLS and SEP included: what all-MiniLM-L6-v2 was trained for."""

BATCH = 256
"""Tokens per call of llama.cpp; larger batches are slower, attention being quadratic in it."""

SEQUENCES = 64
"""Texts per call of llama.cpp."""


class Embedder(Loaded):
    """One loaded embedding model; close it (or use it as a context manager) to free its memory.

    Attributes:
        model_id: names the vector space; vectors of different ids must not be compared.
        dims: floats per vector.
    """

    def __init__(self, path: Path, *, model_id: str, token_limit: int = TOKEN_LIMIT) -> None:
        """Load the GGUF in *path*.

        Raises:
            ModelMissing: the extra that runs models, or the file, is not there.
            Damaged: the file is no usable embedder.
        """
        super().__init__(path, model_id)
        llama = self._llama
        self._limit = min(token_limit, BATCH, llama.llama_model_n_ctx_train(self._model))
        self.dims = int(llama.llama_model_n_embd(self._model))
        self._averages = _averages(llama, self._model)
        ready = self._begin(BATCH, SEQUENCES, llama.LLAMA_POOLING_TYPE_NONE if self._averages else None)
        if not ready or not (self._averages or llama.llama_pooling_type(self._context) in _poolings(llama)):
            self.close()
            raise Damaged(
                f"{model_id} is not an embedding model", remedy="choose another: memory model use NAME"
            )
        self._ends = {llama.llama_vocab_sep(self._vocab), llama.llama_vocab_eos(self._vocab)}

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """The vectors of *texts*, float32 of shape ``(len(texts), dims)``, each of Euclidean length 1.

        Texts are run sorted by length in small batches, which is where the speed comes from: pass many.
        """
        import numpy as np

        return self.embed_with_peaks(texts, np.zeros((0, self.dims), dtype=np.float32))[0]

    def embed_with_peaks(self, texts: Sequence[str], probes: "Vectors") -> "tuple[Vectors, Vectors]":
        """As `embed`, and how near any token of each text comes to each of *probes*, in the same run.

        Args:
            texts: any texts.
            probes: shape ``(probes, dims)``, each of length 1.

        Returns:
            The vectors, and the peaks: float32 of shape ``(len(texts), len(probes))``, the largest cosine of a
            token's state with the probe. A model that does not average over tokens has one state per text.
        """
        import numpy as np

        vectors = np.zeros((len(texts), self.dims), dtype=np.float32)
        peaks = np.zeros((len(texts), len(probes)), dtype=np.float32)
        tokens = [self._tokens(text) for text in texts]
        for group in _groups([len(each) for each in tokens]):
            states, starts = self._run([tokens[index] for index in group])
            sums = np.array([own.sum(axis=0) for own in np.split(states, starts[1:])])  # reduceat is slow here
            vectors[group] = _of_length_one(sums)  # the direction of the mean
            if len(probes):
                near = _of_length_one(states) @ probes.T
                peaks[group] = [own.max(axis=0) for own in np.split(near, starts[1:])]
        return vectors, peaks

    def embed_one(self, text: str) -> "Vectors":
        """The vector of *text*, float32 of shape ``(dims,)`` and length 1."""
        vector: Vectors = self.embed([text])[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """Tokens of the whole *text*, with the two special ones; not cut at the model's limit."""
        data = text.encode("utf-8", "replace")
        with self._opened() as llama:
            # without a buffer llama.cpp answers how large one would have to be, negated
            return -int(llama.llama_tokenize(self._vocab, data, len(data), None, 0, True, False))

    def _tokens(self, text: str) -> list[int]:
        tokens = self._tokenise(text)
        if len(tokens) <= self._limit:
            return tokens
        end = tokens[-1:] if tokens[-1] in self._ends else []
        return tokens[: self._limit - len(end)] + end

    def _run(self, group: list[list[int]]) -> "tuple[Vectors, list[int]]":
        """The states of one batch of token lists, one below the other, and where each list's begin."""
        import numpy as np

        with self._opened() as llama:
            self._compute(llama, group)
            if self._averages:
                starts = list(itertools.accumulate((len(each) for each in group), initial=0))
                pointer = llama.llama_get_embeddings(self._context)
                return np.ctypeslib.as_array(pointer, (starts[-1], self.dims)).copy(), starts[:-1]
            pointers = [llama.llama_get_embeddings_seq(self._context, each) for each in range(len(group))]
            rows = [np.ctypeslib.as_array(pointer, (self.dims,)) for pointer in pointers]
            return np.array(rows, dtype=np.float32), list(range(len(group)))


def _groups(lengths: list[int]) -> Iterator[list[int]]:
    """Indices of texts in runs that fit one batch, shortest texts first."""
    group: list[int] = []
    total = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (total + lengths[index] > BATCH or len(group) == SEQUENCES):
            yield group
            group, total = [], 0
        group.append(index)
        total += lengths[index]
    if group:
        yield group


def _of_length_one(rows: "Vectors") -> "Vectors":
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _averages(llama: Any, model: Any) -> bool:
    """Whether the model's vector is the mean of its tokens' states: then we ask for those and average here."""
    architecture = metadata(model, "general.architecture")
    return metadata(model, f"{architecture}.pooling_type") == str(llama.LLAMA_POOLING_TYPE_MEAN)


def _poolings(llama: Any) -> set[int]:
    return {llama.LLAMA_POOLING_TYPE_MEAN, llama.LLAMA_POOLING_TYPE_CLS, llama.LLAMA_POOLING_TYPE_LAST}
