"""What is written down about an installed model, and the files it is written in.

Promises: a record that is not exactly what was written is `Damaged`, never half taken.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from vault.errors import Damaged
from vault.models.examine import Facts, Kind

KINDS: tuple[Kind, ...] = ("embedder", "instruct", "reranker")

_JSON_LIMIT = 64 * 1024
_CHOOSE = "install or add the model again, then: memory model use NAME"


@dataclass(frozen=True)
class ModelInfo:
    """One installed model."""

    name: str
    """Its directory, and what people type."""
    kind: Kind
    """What it is for."""
    model_id: str
    """Names the vector space (or the model, for another kind); stored beside every vector."""
    dims: int
    """Floats per vector; for another kind the width of its states."""
    sha256: str
    """Of ``model.gguf``, in hexadecimal."""
    size: int
    """Bytes of ``model.gguf``."""
    licence: str
    """Of the weights, as they state it."""
    source: str
    """Where the weights came from."""
    mtime_ns: int
    """Modification time of ``model.gguf`` when its hash was last found right."""


@dataclass(frozen=True)
class VerifyReport:
    """What re-reading a model found."""

    name: str
    """The model."""
    intact: bool
    """Whether the file still has the SHA-256 it was installed with."""
    similarities: tuple[tuple[float, float], ...]
    """Expected and found cosine similarity per reference pair; empty unless it is the default model."""
    problem: str
    """What is wrong, in one line; empty if nothing is."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem


def describe(weights: Path, name: str, facts: Facts, source: str) -> ModelInfo:
    """The record of the GGUF *weights*, hashing it."""
    stat = weights.stat()
    return ModelInfo(
        name=name,
        kind=facts.kind,
        model_id=facts.name,
        dims=facts.dims,
        sha256=sha256(weights),
        size=stat.st_size,
        licence=facts.licence,
        source=source,
        mtime_ns=stat.st_mtime_ns,
    )


def unchanged(weights: Path, info: ModelInfo) -> bool:
    """Whether *weights* is the file *info* describes; hashes it only if its size or time say otherwise.

    Hashing a large instruct model at every load would take longer than loading it; silent rot is what
    `ModelStore.verify` is for.
    """
    try:
        found = weights.stat()
        if found.st_size != info.size:
            return False
        return found.st_mtime_ns == info.mtime_ns or sha256(weights) == info.sha256
    except OSError:
        return False


def sha256(path: Path) -> str:
    """SHA-256 of the file *path*, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_info(path: Path) -> ModelInfo:
    """The record in *path*, a ``model.json``.

    Raises:
        Damaged: a field is missing, unknown or of another type.
    """
    record = read_json(path)
    expected = {field.name: int if field.type is int else str for field in fields(ModelInfo)}
    found = {key: type(value) for key, value in record.items()}
    if found != expected or record["kind"] not in KINDS or record["name"] != path.parent.name:
        raise Damaged(f"the record of model {path.parent.name} is unreadable", remedy=_CHOOSE)
    return ModelInfo(**record)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file *path*.

    Raises:
        Damaged: it is not one.
    """
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(_JSON_LIMIT))
    except (OSError, ValueError, RecursionError) as error:
        raise Damaged(f"the models' {path.name} is unreadable", remedy=_CHOOSE) from error
    if not isinstance(record, dict):
        raise Damaged(f"the models' {path.name} is unreadable", remedy=_CHOOSE)
    return record


def to_json(record: ModelInfo | dict[str, str]) -> bytes:
    """*record* as the bytes of its file."""
    content = asdict(record) if isinstance(record, ModelInfo) else record
    return json.dumps(content, indent=2, sort_keys=True).encode() + b"\n"
