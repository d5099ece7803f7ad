"""What a GGUF that someone brings is: asked of llama.cpp, which checks it while loading.

Promises: a file that is not a loadable GGUF is `Damaged`; one that loads but is of no use here, or not of the kind
asked for, is `InvalidInput`. llama_cpp and gguf are imported inside the functions.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from vault.errors import Damaged, InvalidInput, NotFound
from vault.models.runtime import load_llama, metadata, open_model

Kind: TypeAlias = Literal["embedder", "instruct", "reranker"]
"""What a model is for: text to vectors, a prompt to text, or a query and a passage to a score."""
_MAGIC = b"GGUF"
_SMALLEST = 24  # magic, version, two counts


@dataclass(frozen=True)
class Facts:
    """What the file says about itself."""

    kind: Kind
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


def examine(path: Path, wanted: Kind | None = None) -> Facts:
    """Load the GGUF at *path* once and say what it is; an embedder must also embed, a reranker rank.

    A pooling type makes an embedder (even with a chat template, as the Qwen3 embedders have one), a causal
    decoder without one generates, and a classification head makes a reranker where the pooling type says so or
    nothing. Many rerankers say nothing, or keep the pooling type of what they were made from: *wanted* then decides.

    Raises:
        Damaged: llama.cpp cannot load it, or what it computes are not numbers.
        InvalidInput: it is not what is *wanted*, an encoder-decoder, or an encoder that does not say how it pools.
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
    kind = _kind(path, pooling, generates=causal and not encoder, wanted=wanted)
    if kind is None or kind != (wanted or kind):
        does, called = _WORDS[wanted]
        raise InvalidInput(f"a {architecture} model that does not {does} cannot be used", remedy=f"choose {called}")
    if kind == "embedder":
        _try_embedding(path)
    if kind == "reranker":
        _try_ranking(path)
    return Facts(kind, name, dims, licence)


_WORDS: dict[Kind | None, tuple[str, str]] = {
    None: ("embed, rank or generate", "a sentence embedder, a reranker or an instruct model"),
    "embedder": ("embed", "a sentence embedder"),
    "instruct": ("generate", "an instruct model"),
    "reranker": ("rank", "a reranker whose file has the classification head"),
}
"""What each kind does, and what it is called."""


def _kind(path: Path, pooling: str, *, generates: bool, wanted: Kind | None) -> Kind | None:
    if wanted == "reranker" or pooling == "4" or (pooling == "0" and not generates):
        return "reranker" if _has_head(path) else None
    return "embedder" if pooling in {"1", "2", "3"} else "instruct" if pooling == "0" else None


def _has_head(path: Path) -> bool:
    """Whether the file holds what makes a score of a state: llama.cpp does not tell.

    Raises:
        Damaged: the file cannot be read so far.
    """
    from gguf import GGUFReader

    from vault.models.reranker import HEADS

    try:
        return any(tensor.name in HEADS for tensor in GGUFReader(path).tensors)
    except (ValueError, KeyError, IndexError) as error:  # a kind of numbers that this version of gguf does not know
        raise Damaged(f"{path.name} cannot be read", remedy="choose a file with other numbers, such as Q8_0") from error


def _try_embedding(path: Path) -> None:
    from vault.models.embedder import Embedder

    with Embedder(path, model_id=path.name) as embedder:
        vector = embedder.embed_one("a first try")
    if not math.isclose(float(vector @ vector), 1, abs_tol=1e-3):
        raise Damaged(f"{path.name} does not compute vectors", remedy="download it again")


def _try_ranking(path: Path) -> None:
    from vault.models.reranker import Reranker

    with Reranker(path, model_id=path.name) as reranker:
        reranker.scores("a first try", ["of two", "passages"])
