"""What a GGUF that someone brings is: asked of llama.cpp, which checks it while loading.

Promises: a file that is not a loadable GGUF is `Damaged`; one that loads but neither embeds nor generates
is `InvalidInput`. llama_cpp is imported inside the functions.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vault.errors import Damaged, InvalidInput, NotFound
from vault.models.runtime import load_llama, metadata, open_model

_MAGIC = b"GGUF"
_SMALLEST = 24  # magic, version, two counts


@dataclass(frozen=True)
class Facts:
    """What the file says about itself."""

    kind: Literal["embedder", "instruct"]
    """What it is for."""
    name: str
    """``general.name``, or empty."""
    dims: int
    """Width of its vectors."""
    licence: str
    """``general.license``, or ``unknown``."""


def check_file(path: Path, limit: int) -> None:
    """Refuse what cannot be a GGUF before it is copied.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it has more than *limit* bytes.
        Damaged: it does not begin as a GGUF.
    """
    if not path.is_file():
        raise NotFound(f"no such file: {path}", remedy="give the path of a GGUF file")
    size = path.stat().st_size
    if size > limit:
        raise InvalidInput(f"{path.name} is over {limit // 1024**3} GiB", remedy="choose a smaller model")
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise NotFound(f"cannot read {path}", remedy="check the owner and the permissions") from error
    if magic != _MAGIC or size < _SMALLEST:
        raise Damaged(f"{path.name} is not a GGUF file", remedy="download it again, or convert it to GGUF")


def examine(path: Path) -> Facts:
    """Load the GGUF at *path* once and say what it is; an embedder must also embed.

    A pooling type makes an embedder (even with a chat template, as the Qwen3 embedders have one), a causal
    decoder without one generates.

    Raises:
        Damaged: llama.cpp cannot load it, or its vectors are not numbers.
        InvalidInput: it is a reranker, an encoder-decoder, or an encoder that does not say how it pools.
        ModelMissing: the extra that runs models is missing.
    """
    llama = load_llama()
    model = open_model(path)
    try:
        architecture = metadata(model, "general.architecture") or ""
        name = metadata(model, "general.name") or ""
        licence = metadata(model, "general.license") or "unknown"
        dims = int(llama.llama_model_n_embd(model))
        pooling = metadata(model, f"{architecture}.pooling_type") or "0"
        causal = metadata(model, f"{architecture}.attention.causal") != "false"
        encoder = bool(llama.llama_model_has_encoder(model))
    finally:
        llama.llama_model_free(model)
    if pooling in {"1", "2", "3"}:
        _try_embedding(path)
        return Facts("embedder", name, dims, licence)
    if pooling == "0" and causal and not encoder:
        return Facts("instruct", name, dims, licence)
    raise InvalidInput(
        f"a {architecture} model that neither embeds nor generates cannot be used",
        remedy="choose a sentence embedder or an instruct model",
    )


def _try_embedding(path: Path) -> None:
    from vault.models.embedder import Embedder

    with Embedder(path, model_id=path.name) as embedder:
        vector = embedder.embed_one("a first try")
    if not math.isclose(float(vector @ vector), 1, abs_tol=1e-3):
        raise Damaged(f"{path.name} does not compute vectors", remedy="download it again")
