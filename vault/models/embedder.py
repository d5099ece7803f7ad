"""Text to vectors with a GGUF embedder.

Promises: order is kept, every vector has length 1, any text is legal (empty, a megabyte, lone
surrogates), a text longer than the model reads is cut, and an `Embedder` may be shared by threads.
numpy and llama_cpp are imported when an `Embedder` is made.
"""

import ctypes
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from vault.errors import Damaged
from vault.models.runtime import load_llama, metadata, open_model
from vault.models.threads import Threads

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

_CHARACTERS = 32 * 1024
"""Of longer texts only this beginning is tokenised: far more than `TOKEN_LIMIT` tokens of prose."""


class Embedder:
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
        llama = load_llama()
        self.model_id = model_id
        self._llama = llama
        self._lock = threading.Lock()
        self._model = open_model(path)
        self._vocab = llama.llama_model_get_vocab(self._model)
        self._limit = min(token_limit, BATCH, llama.llama_model_n_ctx_train(self._model))
        self.dims = int(llama.llama_model_n_embd(self._model))
        self._averages = _averages(llama, self._model)
        self._context = llama.llama_init_from_model(self._model, _context_params(llama, self._averages))
        if not self._context or not (self._averages or llama.llama_pooling_type(self._context) in _poolings(llama)):
            self.close()
            raise Damaged(
                f"{model_id} is not an embedding model", remedy="choose another: memory model use NAME"
            )
        self._memory = llama.llama_get_memory(self._context)
        self._ends = {llama.llama_vocab_sep(self._vocab), llama.llama_vocab_eos(self._vocab)}
        self._batch = _Batch(llama)
        self._threads = Threads()

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
            sums = np.add.reduceat(states, starts, axis=0)
            vectors[group] = _of_length_one(sums)  # the direction of the mean
            if len(probes):
                peaks[group] = np.maximum.reduceat(_of_length_one(states) @ probes.T, starts, axis=0)
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

    def close(self) -> None:
        """Free the model's memory; a second call does nothing."""
        with self._lock:
            if self._context:
                self._llama.llama_free(self._context)
            if self._model:
                self._llama.llama_model_free(self._model)
            self._context = self._model = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tokens(self, text: str) -> list[int]:
        tokens = self._tokenise(text[:_CHARACTERS])
        if len(tokens) <= self._limit:
            return tokens
        end = tokens[-1:] if tokens[-1] in self._ends else []
        return tokens[: self._limit - len(end)] + end

    def _tokenise(self, text: str) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8  # no vocabulary makes more tokens than bytes, plus the special ones
        buffer = (ctypes.c_int32 * room)()
        with self._opened() as llama:
            count = llama.llama_tokenize(self._vocab, data, len(data), buffer, room, True, False)
        return buffer[: max(count, 0)]

    def _run(self, group: list[list[int]]) -> "tuple[Vectors, list[int]]":
        """The states of one batch of token lists, one below the other, and where each list's begin."""
        import numpy as np

        with self._opened() as llama:
            self._batch.fill(group)
            if self._memory:  # causal embedders keep states of the tokens seen
                llama.llama_memory_clear(self._memory, True)
            compute = llama.llama_decode if self._memory else llama.llama_encode

            def work(threads: int) -> int:
                llama.llama_set_n_threads(self._context, threads, threads)
                return int(compute(self._context, self._batch.struct))

            if self._threads.run(work):
                raise Damaged(f"the model {self.model_id} cannot embed", remedy="run: memory model verify")
            if self._averages:
                starts = list(itertools.accumulate((len(each) for each in group), initial=0))
                pointer = llama.llama_get_embeddings(self._context)
                return np.ctypeslib.as_array(pointer, (starts[-1], self.dims)).copy(), starts[:-1]
            pointers = [llama.llama_get_embeddings_seq(self._context, each) for each in range(len(group))]
            rows = [np.ctypeslib.as_array(pointer, (self.dims,)) for pointer in pointers]
            return np.array(rows, dtype=np.float32), list(range(len(group)))

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """llama.cpp for one call; between the calls of a long list other threads get their turn."""
        with self._lock:
            if not self._model:
                raise ValueError("this embedder is closed")
            yield self._llama


class _Batch:
    """llama.cpp's input, over numpy arrays that are filled in place."""

    def __init__(self, llama: Any) -> None:
        import numpy as np

        self._token = np.zeros(BATCH, dtype=np.int32)
        self._position = np.zeros(BATCH, dtype=np.int32)
        self._sequence = np.zeros(BATCH, dtype=np.int32)
        self._count = np.ones(BATCH, dtype=np.int32)
        self._output = np.ones(BATCH, dtype=np.int8)
        integers = ctypes.POINTER(ctypes.c_int32)
        base = self._sequence.ctypes.data
        self._pointers = (integers * BATCH)(*(ctypes.cast(base + 4 * i, integers) for i in range(BATCH)))
        self.struct = llama.llama_batch(
            n_tokens=0,
            token=self._token.ctypes.data_as(integers),
            embd=None,
            pos=self._position.ctypes.data_as(integers),
            n_seq_id=self._count.ctypes.data_as(integers),
            seq_id=self._pointers,
            logits=self._output.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )

    def fill(self, group: list[list[int]]) -> None:
        at = 0
        for sequence, tokens in enumerate(group):
            end = at + len(tokens)
            self._token[at:end] = tokens
            self._position[at:end] = range(len(tokens))
            self._sequence[at:end] = sequence
            at = end
        self.struct.n_tokens = at


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


def _context_params(llama: Any, averages: bool) -> Any:
    params = llama.llama_context_default_params()
    if averages:
        params.pooling_type = llama.LLAMA_POOLING_TYPE_NONE
    params.n_ctx = params.n_batch = params.n_ubatch = BATCH
    params.n_seq_max = SEQUENCES
    params.kv_unified = True
    params.embeddings = True
    params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_AUTO  # on, unless the model has no kernel for it
    params.op_offload = params.offload_kqv = False
    params.no_perf = True
    return params


def _poolings(llama: Any) -> set[int]:
    return {llama.LLAMA_POOLING_TYPE_MEAN, llama.LLAMA_POOLING_TYPE_CLS, llama.LLAMA_POOLING_TYPE_LAST}
