"""The store: what is installed and in use, other people's GGUFs, and every way a file can go bad."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
from tiny_models import ROOT, WIDTH

from vault.errors import Conflict, Damaged, InvalidInput, ModelMissing, NotFound
from vault.models import examine
from vault.models.convert import BertShape, convert
from vault.models.store import ModelStore


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """An empty store."""
    return ModelStore(tmp_path / "models")


def _flip(path: Path, at: int, *, keep_time: bool = False) -> None:
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[at] ^= 0x40
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns if keep_time else times.st_mtime_ns + 1))


def test_an_empty_store_has_nothing_and_makes_nothing(store: ModelStore):
    """Asking creates no directory."""
    assert store.installed() == []
    assert store.active("embedder") is None
    assert not store.directory.exists()


def test_adds_an_embedder(store: ModelStore, tiny_embedder: Path):
    """A GGUF that pools is an embedder; its record says what it is, and it is used at once."""
    info = store.add(tiny_embedder)
    assert (info.name, info.kind, info.dims, info.licence) == ("tiny-bert", "embedder", WIDTH, "CC0-1.0")
    assert info.model_id == f"tiny@{info.sha256[:12]}"
    assert store.active("embedder") == info
    with store.load_embedder() as embedder:
        assert embedder.embed(["cat"]).shape == (1, WIDTH)
        assert embedder.model_id == info.model_id
    assert store.verify("tiny-bert").ok


def test_adds_an_instruct_model(store: ModelStore, tiny_instruct: Path, tiny_chat: Path):
    """A causal GGUF without pooling is an instruct model, with or without a chat template."""
    assert store.add(tiny_instruct).kind == "instruct"
    assert store.add(tiny_chat, "chatty").kind == "instruct"
    assert store.active("instruct").name == "tiny-llama"
    assert store.active("embedder") is None
    with store.load_instruct() as instruct:
        assert instruct.model_id.startswith("tiny-llama@")


def test_adding_twice_is_fine_and_another_file_is_a_conflict(
    store: ModelStore, tiny_embedder: Path, tiny_instruct: Path
):
    """The same file under the same name is the same model; another file is not put in its place."""
    first = store.add(tiny_embedder, "mine")
    assert store.add(tiny_embedder, "mine") == first
    with pytest.raises(Conflict):
        store.add(tiny_instruct, "mine")
    assert store.installed() == [first]


def test_use_and_remove(store: ModelStore, tiny_embedder: Path):
    """`use` switches, `remove` deletes and leaves nothing in use."""
    one, two = store.add(tiny_embedder, "one"), store.add(tiny_embedder, "two")
    assert store.active("embedder") == one
    assert store.use("two") == two == store.active("embedder")
    store.remove("two")
    assert store.active("embedder") is None
    assert store.installed() == [one]
    assert {path.name for path in store.directory.iterdir()} == {".lock", "active.json", "one"}
    with pytest.raises(NotFound):
        store.remove("two")


@pytest.mark.parametrize(
    "name", ["../evil", "", "UPPER", ".hidden", "a/b", "a" * 65, "ä", "active.json/x", ".."]
)
def test_names_stay_inside(name: str, store: ModelStore, tiny_embedder: Path, tmp_path: Path):
    """No name reaches outside the store; asking for one is `NotFound`, adding one `InvalidInput`."""
    if name:  # an empty name means: take the file's
        with pytest.raises(InvalidInput):
            store.add(tiny_embedder, name)
    for use in (store.use, store.remove, store.verify):
        with pytest.raises(NotFound):
            use(name)
    assert {path.name for path in tmp_path.iterdir()} <= {"models"}


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("empty", lambda data: b""),
        ("wrong magic", lambda data: b"GGML" + data[4:]),
        ("text", lambda data: b"just some text, long enough to be looked at"),
        ("magic only", lambda data: b"GGUF" + b"\xff" * 60),
        ("header cut", lambda data: data[:300]),
        ("half", lambda data: data[: len(data) // 2]),
        ("last tensor cut", lambda data: data[:-4096]),
        ("version", lambda data: data[:4] + b"\xff\xff\xff\x7f" + data[8:]),
        ("counts", lambda data: data[:8] + b"\xff" * 16 + data[24:]),
    ],
)
def test_a_corrupt_gguf_is_not_added(
    what: str, change: Callable[[bytes], bytes], store: ModelStore, tiny_embedder: Path, tmp_path: Path
):
    """Whatever is wrong with the file it is `Damaged`, says what to do, and leaves nothing behind."""
    path = tmp_path / "bad.gguf"
    path.write_bytes(change(tiny_embedder.read_bytes()))
    with pytest.raises(Damaged) as caught:
        store.add(path)
    assert caught.value.remedy
    left = {each.name for each in store.directory.iterdir()} if store.directory.exists() else set()
    assert left <= {".lock"}, what


def test_unusable_kinds_and_files_are_refused(
    store: ModelStore,
    tiny_source: Path,
    tiny_shape: BertShape,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """An encoder that does not pool, one that would rank and has no head, a file too large or not there: each named."""
    add = gguf.GGUFWriter.add_pooling_type
    for pooling in (gguf.PoolingType.NONE, gguf.PoolingType.RANK):
        monkeypatch.setattr(
            gguf.GGUFWriter, "add_pooling_type", lambda self, _, kind=pooling: add(self, kind)
        )
        path = tmp_path / f"{pooling.name.lower()}.gguf"
        convert(tiny_source / "model.safetensors", tiny_source / "vocab.txt", tiny_shape, path)
        with pytest.raises(InvalidInput, match="does not embed, rank or generate"):
            store.add(path)
    with pytest.raises(InvalidInput, match="over"):
        examine.check_file(path, 100)
    with pytest.raises(NotFound):
        store.add(tmp_path / "nothing.gguf")
    assert store.installed() == []


def test_a_file_changed_after_installation_is_not_loaded(store: ModelStore, tiny_embedder: Path):
    """One flipped bit, a truncation, another file or none: `Damaged` with a remedy; untouched it loads."""
    name = store.add(tiny_embedder).name
    path = store.path(name)
    good = path.read_bytes()
    store.load_embedder().close()  # control

    def flipped() -> None:
        _flip(path, len(good) - 100)

    changes: list[Callable[[], object]] = [
        flipped,
        lambda: path.write_bytes(good[:-1]),
        lambda: path.write_bytes(b"GGML" + good[4:]),
        path.unlink,
    ]
    for change in changes:
        change()
        with pytest.raises(Damaged) as caught:
            store.load_embedder()
        assert name in caught.value.remedy
        assert not store.verify(name).ok
        path.write_bytes(good)
    store.load_embedder().close()  # touched, but with the right content


def test_silent_rot_is_found_by_verify(store: ModelStore, tiny_embedder: Path):
    """A bit that flips on the disk, leaving size and time, is what `verify` finds."""
    name = store.add(tiny_embedder).name
    assert store.verify(name).intact
    _flip(store.path(name), -100, keep_time=True)
    report = store.verify(name)
    assert not report.intact
    assert "altered" in report.problem


def test_verify_makes_a_touched_file_cheap_again(store: ModelStore, tiny_embedder: Path):
    """A file restored from a backup has another time; once verified, the record has it too."""
    name = store.add(tiny_embedder).name
    os.utime(store.path(name))
    assert store.verify(name).ok
    assert store.installed()[0].mtime_ns == store.path(name).stat().st_mtime_ns


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"name": 1}', b"\xff"])
def test_a_damaged_record_is_named_and_repaired(content: bytes, store: ModelStore, tiny_published: Path):
    """A model with an unreadable record is not listed, `verify` says so, and installing again repairs it."""
    info = store.install_default(source=tiny_published)
    (store.directory / info.name / "model.json").write_bytes(content)
    assert store.installed() == []
    for use in (store.verify, store.use):
        with pytest.raises(Damaged):
            use(info.name)
    repaired = store.install_default(source=tiny_published)
    assert repaired.sha256 == info.sha256
    store.load_embedder().close()


def test_a_damaged_default_is_replaced_by_installing_again(store: ModelStore, tiny_published: Path):
    """`install_default` over altered weights builds them anew."""
    info = store.install_default(source=tiny_published)
    _flip(store.path(info.name), -50)
    assert store.install_default(source=tiny_published).sha256 == info.sha256
    assert store.verify(info.name).ok


def test_records_of_another_shape_are_refused(store: ModelStore, tiny_embedder: Path):
    """An unknown field, a wrong type or another name in the record is `Damaged`, not half taken."""
    info = store.add(tiny_embedder)
    path = store.directory / info.name / "model.json"
    record = json.loads(path.read_bytes())
    for change in ({"extra": 1}, {"dims": "32"}, {"kind": "toaster"}, {"name": "other"}):
        path.write_text(json.dumps({**record, **change}))
        with pytest.raises(Damaged):
            store.use(info.name)
    path.write_text(json.dumps(record))
    assert store.use(info.name) == info


def test_a_damaged_choice_is_named_and_chosen_again(store: ModelStore, tiny_embedder: Path):
    """A garbled ``active.json`` is `Damaged`; `use` writes it anew."""
    info = store.add(tiny_embedder)
    (store.directory / "active.json").write_text("{")
    with pytest.raises(Damaged):
        store.active("embedder")
    store.use(info.name)
    assert store.active("embedder") == info
    (store.directory / "active.json").write_text('{"embedder": "../../etc", "toaster": 3}')
    assert store.active("embedder") is None


def test_nothing_installed_names_the_command(store: ModelStore):
    """Loading without a model says which command gets one."""
    with pytest.raises(ModelMissing) as caught:
        store.load_embedder()
    assert caught.value.remedy == "run: memory model install"
    with pytest.raises(ModelMissing) as caught:
        store.load_instruct()
    assert caught.value.remedy == "run: memory model add PATH"


def test_installing_keeps_another_embedder_in_use(
    store: ModelStore, tiny_embedder: Path, tiny_published: Path
):
    """Who uses another embedder keeps using it when the default is installed."""
    mine = store.add(tiny_embedder, "mine")
    store.install_default(source=tiny_published)
    assert store.active("embedder") == mine
    assert len(store.installed()) == 2


_BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"llama_cpp", "gguf"}:
            raise ImportError(name)
sys.meta_path.insert(0, Block())
"""


def _python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def test_without_the_extra_everything_says_so(store: ModelStore, tiny_embedder: Path, tmp_path: Path):
    """Without llama_cpp the store lists, and loading, adding and installing name the pip command."""
    store.add(tiny_embedder)
    script = f"""{_BLOCKED}
from pathlib import Path
from vault.errors import ModelMissing
from vault.models.store import ModelStore
full, empty = ModelStore(Path({str(store.directory)!r})), ModelStore(Path({str(tmp_path / "empty")!r}))
print([info.name for info in full.installed()])
for act in (full.load_embedder, empty.load_embedder, empty.load_instruct, empty.install_default,
            lambda: empty.add(Path({str(tiny_embedder)!r}))):
    try:
        act()
    except ModelMissing as error:
        print(error.remedy)
"""
    done = _python(script)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "['tiny-bert']"
    assert len(lines) == 6
    assert all("pip install llama-cpp-python==" in line for line in lines[1:])


def test_the_store_is_light():
    """Importing every module of the package loads none of llama_cpp, gguf, numpy."""
    modules = sorted(path.stem for path in (ROOT / "vault" / "models").glob("[a-z]*.py"))
    imports = "\n".join(f"import vault.models.{name}" for name in modules)
    done = _python(
        f"{imports}\nimport sys\nprint(sorted({{'llama_cpp', 'gguf', 'numpy'}} & set(sys.modules)))"
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
