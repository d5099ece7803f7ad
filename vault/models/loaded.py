"""A GGUF loaded to read texts with: the model, one context of llama.cpp over it, and its input.

`Loaded` is what the embedder and the reranker have in common. Promises: one thread computes at a time, what was freed
is not used again, and any text becomes tokens. numpy and llama_cpp are imported inside the functions.
"""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vault.errors import Damaged
from vault.models.runtime import load_llama, open_model
from vault.models.threads import Threads

_CHARACTERS = 32 * 1024
"""Of longer texts only this beginning is tokenised: far more tokens of prose than a model here reads."""

_ABORTED = 2
"""What llama.cpp returns of a batch that its abort callback ended."""


class Loaded:
    """One loaded model; close it (or use it as a context manager) to free its memory.

    Attributes:
        model_id: which model it is.
    """

    def __init__(self, path: Path, model_id: str) -> None:
        """Load the GGUF in *path*; a context to compute in comes with `_begin`.

        Raises:
            ModelMissing: the extra that runs models, or the file, is not there.
            Damaged: llama.cpp cannot load it.
        """
        self.model_id = model_id
        self._llama = load_llama()
        self._lock = threading.Lock()
        self._context: Any = None
        self._model = open_model(path)
        self._vocab = self._llama.llama_model_get_vocab(self._model)

    def _begin(self, size: int, sequences: int, pooling: int | None = None) -> bool:
        """Get ready to compute up to *size* tokens of *sequences* texts at a time; False if the model cannot.

        Args:
            size: tokens a call.
            sequences: texts a call.
            pooling: what becomes of the tokens' states, one of llama.cpp's pooling types; None: as the file says.
        """
        params = self._llama.llama_context_default_params()
        if pooling is not None:
            params.pooling_type = pooling
        params.n_ctx = params.n_batch = params.n_ubatch = size
        params.n_seq_max = sequences
        params.kv_unified = True
        params.embeddings = True
        params.flash_attn_type = self._llama.LLAMA_FLASH_ATTN_TYPE_AUTO  # on, unless the model has no kernel for it
        params.op_offload = params.offload_kqv = False
        params.no_perf = True
        self._context = self._llama.llama_init_from_model(self._model, params)
        if not self._context:
            return False
        self._memory = self._llama.llama_get_memory(self._context)
        self._batch = _Batch(self._llama, size)
        self._threads = Threads()
        return True

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

    def _tokenise(self, text: str, *, special: bool = True, parse: bool = False) -> list[int]:
        """The tokens of the beginning of *text*.

        Args:
            text: any text.
            special: add what the model wants around a text.
            parse: take the names of special tokens for them; never for what a person wrote.
        """
        data = text[:_CHARACTERS].encode("utf-8", "replace")
        room = len(data) + 8  # no vocabulary makes more tokens than bytes, plus the special ones
        buffer = (ctypes.c_int32 * room)()
        with self._opened() as llama:
            count = llama.llama_tokenize(self._vocab, data, len(data), buffer, room, special, parse)
        return buffer[: max(count, 0)]

    def _compute(self, llama: Any, group: list[list[int]]) -> bool:
        """Run one batch of token lists; call it inside `_opened`, and read the result there.

        Returns:
            False if what was set to abort it did: then there is no result.

        Raises:
            Damaged: llama.cpp fails at it.
        """
        self._batch.fill(group)
        if self._memory:  # causal models keep states of the tokens seen
            llama.llama_memory_clear(self._memory, True)
        compute = llama.llama_decode if self._memory else llama.llama_encode

        def work(threads: int) -> int:
            llama.llama_set_n_threads(self._context, threads, threads)
            return int(compute(self._context, self._batch.struct))

        code = self._threads.run(work)
        if code not in {0, _ABORTED}:
            raise Damaged(f"the model {self.model_id} cannot be computed", remedy="run: memory model verify")
        return code == 0

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """llama.cpp for one call; between the calls of a long list other threads get their turn."""
        with self._lock:
            if not self._model:
                raise ValueError("this model is closed")
            yield self._llama


class _Batch:
    """llama.cpp's input, over numpy arrays that are filled in place."""

    def __init__(self, llama: Any, size: int) -> None:
        import numpy as np

        self._token = np.zeros(size, dtype=np.int32)
        self._position = np.zeros(size, dtype=np.int32)
        self._sequence = np.zeros(size, dtype=np.int32)
        self._count = np.ones(size, dtype=np.int32)
        self._output = np.ones(size, dtype=np.int8)
        integers = ctypes.POINTER(ctypes.c_int32)
        base = self._sequence.ctypes.data
        self._pointers = (integers * size)(*(ctypes.cast(base + 4 * i, integers) for i in range(size)))
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
