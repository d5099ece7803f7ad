"""How well a passage answers a query, read side by side by a cross-encoder GGUF.

Promises: any texts are legal, what is too long for the model is cut (the query to a quarter of what it reads), the
scores come in the order of the passages, and what a person wrote is never taken for one of the model's special tokens.
numpy and llama_cpp are imported when a `Reranker` is made.

Query and passage are joined as llama.cpp's server does it: by the file's template for it
(``tokenizer.chat_template.rerank``), else ``BOS query EOS SEP passage EOS``, each where the vocabulary wants one (and
SEP at the end where it wants no EOS, as BERT was trained). llama.cpp gives every token of a BERT the type 0, also the
passage's: a model that was trained with two types loses something.
"""

import math
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from vault.errors import Damaged
from vault.models.loaded import Loaded
from vault.models.runtime import metadata

TOKEN_LIMIT = 512
"""Tokens read of a query and a passage together, special ones included; less if the model was trained for less."""
SEQUENCES = 16
"""Pairs per call of llama.cpp, as far as they fit `TOKEN_LIMIT`."""
HEADS = frozenset({"cls.weight", "cls.output.weight"})
"""Tensors that make a score of a state; a file without either ranks nothing."""
_TEMPLATE = "tokenizer.chat_template.rerank"
_PLACES = re.compile(r"(\{query\}|\{document\})")
_REMEDY = "choose another: memory model use NAME, or set search.rerank to 0"


class Reranker(Loaded):
    """One loaded cross-encoder; close it (or use it as a context manager) to free its memory.

    Attributes:
        model_id: which model it is.
    """

    def __init__(self, path: Path, *, model_id: str) -> None:
        """Load the GGUF in *path*, which must have a head (`HEADS`): llama.cpp would read past its states.

        Raises:
            ModelMissing: the extra that runs models, or the file, is not there.
            Damaged: llama.cpp cannot use it so, or it does not say how query and passage are joined.
        """
        super().__init__(path, model_id)
        self._limit = min(TOKEN_LIMIT, self._llama.llama_model_n_ctx_train(self._model))
        ready = self._begin(self._limit, SEQUENCES, self._llama.LLAMA_POOLING_TYPE_RANK)
        self._until = math.inf
        # llama.cpp asks it between the steps of a batch; it must live as long as the context
        self._late = self._llama.ggml_abort_callback(lambda _: time.monotonic() > self._until)
        if ready:
            self._llama.llama_set_abort_callback(self._context, self._late, None)
        template = metadata(self._model, _TEMPLATE)
        self._frame = self._templated(template) if template else self._joined()
        fixed = sum(len(piece) for piece in self._frame if isinstance(piece, list))
        self._most_query = (self._limit - fixed) // 4
        places = sorted(piece for piece in self._frame if isinstance(piece, str))
        if not ready or self._most_query < 1 or places != ["{document}", "{query}"]:
            self.close()
            raise Damaged(f"{model_id} cannot rank passages", remedy=_REMEDY)

    def scores(self, query: str, passages: Sequence[str], seconds: float = math.inf) -> list[float]:
        """The score of each of *passages*, higher is better; the scale is the model's own.

        Args:
            query: any text.
            passages: any texts.
            seconds: when they are over, the batch under way is given up; the scores of the passages before it come.

        Raises:
            Damaged: the model computes no number.
        """
        until = time.monotonic() + seconds
        found: list[float] = []
        for group in self._groups(query, passages):
            scores = self._run(group, until)
            found += scores
            if not scores:
                break
        return found

    def _groups(self, query: str, passages: Sequence[str]) -> Iterator[list[list[int]]]:
        """Pairs in runs that fit one batch, in their order."""
        asked = self._written(query)[: self._most_query]
        group: list[list[int]] = []
        for passage in passages:
            pair = self._pair(asked, self._written(passage))
            if group and (sum(map(len, group)) + len(pair) > self._limit or len(group) == SEQUENCES):
                yield group
                group = []
            group.append(pair)
        if group:
            yield group

    def _written(self, text: str) -> list[int]:
        return self._tokenise(self._before + text.strip(), special=False)

    def _pair(self, query: list[int], passage: list[int]) -> list[int]:
        fixed = sum(len(piece) for piece in self._frame if isinstance(piece, list))
        room = self._limit - fixed - len(query)
        filled = {"{query}": query, "{document}": passage[:room]}
        return [token for piece in self._frame for token in (filled[piece] if isinstance(piece, str) else piece)]

    def _run(self, group: list[list[int]], until: float) -> list[float]:
        """The scores of one batch; none if it is not done by *until*."""
        with self._opened() as llama:
            self._until = until
            if not self._compute(llama, group):
                return []
            scores = [float(llama.llama_get_embeddings_seq(self._context, each)[0]) for each in range(len(group))]
        if not all(map(math.isfinite, scores)):
            raise Damaged(f"{self.model_id} computes no scores", remedy=_REMEDY)
        return scores

    def _templated(self, template: str) -> list[list[int] | str]:
        """The template's pieces as tokens around the places of query and document.

        A blank before a place goes to what is put there: most vocabularies have words with the blank before them.
        """
        pieces = [piece for piece in _PLACES.split(template) if piece]
        self._before = " " if any(piece.endswith(" ") for piece in pieces) else ""
        return [
            piece if _PLACES.fullmatch(piece) else self._tokenise(piece.rstrip(" "), special=False, parse=True)
            for piece in pieces
        ]

    def _joined(self) -> list[list[int] | str]:
        llama, vocab = self._llama, self._vocab
        self._before = ""
        start = [llama.llama_vocab_bos(vocab)] if llama.llama_vocab_get_add_bos(vocab) else []
        eos = [llama.llama_vocab_eos(vocab)] if llama.llama_vocab_get_add_eos(vocab) else []
        sep = [llama.llama_vocab_sep(vocab)] if llama.llama_vocab_get_add_sep(vocab) else []
        pieces = (start, [*eos, *sep], eos or sep)
        known = [[token for token in piece if token >= 0] for piece in pieces]  # -1: the vocabulary has none
        if not known[1]:
            return []
        return [known[0], "{query}", known[1], "{document}", known[2]]
