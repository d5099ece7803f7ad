"""Answers from a GGUF instruct model, held to a JSON schema by a grammar.

Promises: what comes back is a dict the schema's grammar produced, or a typed error; the work is bounded by
the tokens asked for. While a model loads, file descriptors 1 and 2 point to the null device for a moment
(llama-cpp-python does that), so load it before drawing on the terminal. llama_cpp is imported inside.
"""

import json
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vault.errors import Damaged, InvalidInput, ModelMissing
from vault.models.runtime import INSTRUCT_REMEDY, load_llama, metadata, open_model
from vault.models.threads import cores

CONTEXT = 4096
"""Tokens of prompt and answer together; less if the model was trained for less."""


class Instruct:
    """One loaded instruct model; close it (or use it as a context manager) to free its memory.

    Attributes:
        model_id: which model it is.
    """

    def __init__(self, path: Path, *, model_id: str) -> None:
        """Load the GGUF in *path*.

        Raises:
            ModelMissing: the extra that runs models, or the file, is not there.
            Damaged: llama.cpp cannot load it.
        """
        llama = load_llama()
        self.model_id = model_id
        self._lock = threading.Lock()
        model = open_model(path)  # our own look first: its errors are typed
        try:
            self._chat = bool(metadata(model, "tokenizer.chat_template"))
            self._context = min(CONTEXT, int(llama.llama_model_n_ctx_train(model)))
        finally:
            llama.llama_model_free(model)
        try:
            self._model = llama.Llama(
                str(path), n_ctx=self._context, n_threads=cores(), n_threads_batch=cores(), verbose=False
            )
        except (ValueError, RuntimeError) as error:
            raise Damaged("the instruct model does not load", remedy=INSTRUCT_REMEDY) from error

    def generate_json(self, prompt: str, schema: dict[str, Any], *, max_tokens: int = 512) -> dict[str, Any]:
        """The model's answer to *prompt* as an object of *schema*; the same every time (temperature 0).

        The prompt goes through the model's own chat template if it has one.

        Args:
            prompt: what to answer; with *max_tokens* it must fit `CONTEXT`.
            schema: JSON schema of an object.
            max_tokens: where an answer that does not end is given up.

        Raises:
            InvalidInput: the schema cannot be made a grammar, or the prompt is too long.
            ModelMissing: the answer did not end, or is no object: this model is of no use here.
        """
        grammar = self._grammar(schema)
        encoded = prompt.encode("utf-8", "replace")
        if len(self._model.tokenize(encoded)) + max_tokens > self._context:
            raise InvalidInput(f"the prompt is longer than the model reads ({self._context} tokens)")
        options = {"grammar": grammar, "temperature": 0.0, "max_tokens": max_tokens}
        try:
            # the grammar lets raw control characters and escaped half surrogates into strings
            answer = json.loads(self._answer(encoded.decode(), options), strict=False)
            result = json.loads(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RuntimeError) as error:  # llama-cpp-python's, and JSON that was cut off
            raise ModelMissing("the instruct model gave no usable answer", remedy=INSTRUCT_REMEDY) from error
        if not isinstance(result, dict):
            raise ModelMissing("the instruct model gave no usable answer", remedy=INSTRUCT_REMEDY)
        return result

    def close(self) -> None:
        """Free the model's memory; a second call does nothing."""
        with self._lock:
            self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, prompt: str, options: dict[str, Any]) -> str:
        with self._lock:
            if not self._chat:
                return str(self._model.create_completion(prompt, **options)["choices"][0]["text"])
            messages = [{"role": "user", "content": prompt}]
            answer = self._model.create_chat_completion(messages, **options)["choices"][0]
            return str(answer["message"]["content"])

    @staticmethod
    def _grammar(schema: dict[str, Any]) -> Any:
        try:
            return load_llama().LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False)
        except Exception as error:  # the converter raises whatever the schema trips
            raise InvalidInput("the schema cannot be made a grammar") from error
