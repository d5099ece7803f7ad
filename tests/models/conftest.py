"""The default model, installed once and shared, and tiny models made on the spot."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import HEADS, ROOT, VOCABULARY, WIDTH, bert_tensors, safetensors, write_instruct

from vault.models import install
from vault.models.convert import BertShape, convert
from vault.models.embedder import Embedder
from vault.models.store import ModelStore


@pytest.fixture(scope="session")
def default_store() -> ModelStore:
    """A store with the default model: ``$MEMORY_TEST_MODELS``, else a cache in the repository."""
    directory = os.environ.get("MEMORY_TEST_MODELS") or str(ROOT / ".build" / "models")
    store = ModelStore(Path(directory))
    store.install_default()
    return store


@pytest.fixture(scope="session")
def embedder(default_store: ModelStore) -> Iterator[Embedder]:
    """The default model, loaded."""
    with Embedder(default_store.path(install.NAME), model_id=install.FACTS.name) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def tiny_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``model.safetensors`` and ``vocab.txt`` of a tiny BERT."""
    directory = tmp_path_factory.mktemp("tiny-source")
    (directory / "model.safetensors").write_bytes(safetensors(bert_tensors()))
    (directory / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return directory


@pytest.fixture(scope="session")
def tiny_shape() -> BertShape:
    """The parameters that go with `tiny_source`."""
    return BertShape(name="tiny", heads=HEADS, layer_norm_epsilon=1e-12, licence="CC0-1.0")


@pytest.fixture(scope="session")
def tiny_embedder(tiny_source: Path, tiny_shape: BertShape, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The GGUF of the tiny BERT."""
    target = tmp_path_factory.mktemp("tiny-gguf") / "tiny-bert.gguf"
    convert(tiny_source / "model.safetensors", tiny_source / "vocab.txt", tiny_shape, target)
    return target


@pytest.fixture
def tiny_published(
    tiny_source: Path, tiny_shape: BertShape, tiny_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Pretend the tiny BERT is the published default model: the same code runs, in milliseconds."""
    for constant in ("WEIGHTS", "VOCABULARY"):
        pinned = getattr(install, constant)
        data = (tiny_source / pinned.name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        monkeypatch.setattr(install, constant, replace(pinned, size=len(data), sha256=digest))
    monkeypatch.setattr(install, "SHAPE", tiny_shape)
    monkeypatch.setattr(install, "FACTS", replace(install.FACTS, dims=WIDTH))
    with Embedder(tiny_embedder, model_id="tiny") as loaded:
        found = tuple(
            (first, second, float(loaded.embed_one(first) @ loaded.embed_one(second)))
            for first, second, _ in install.REFERENCES
        )
    monkeypatch.setattr(install, "REFERENCES", found)
    return tiny_source


@pytest.fixture(scope="session")
def tiny_instruct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny instruct GGUF without a chat template."""
    return write_instruct(tmp_path_factory.mktemp("tiny-instruct") / "tiny-llama.gguf")


@pytest.fixture(scope="session")
def tiny_chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny instruct GGUF with a chat template."""
    template = "{% for message in messages %}[{{ message.role }}] {{ message.content }}{% endfor %} >"
    return write_instruct(tmp_path_factory.mktemp("tiny-chat") / "tiny-chat.gguf", chat_template=template)


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Any attempt to start a process fails the test."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a process was started")

    monkeypatch.setattr("subprocess.Popen", refuse)
    return refuse
