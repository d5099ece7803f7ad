"""Vectors: right, normalised, in order, for any text, from any thread, without a word on the terminal."""

import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tiny_models import ROOT, WIDTH

from vault.errors import Damaged, ModelMissing
from vault.models.embedder import BATCH, SEQUENCES, TOKEN_LIMIT, Embedder, _groups
from vault.models.install import NAME, REFERENCES
from vault.models.runtime import release_mapped
from vault.models.store import ModelStore

SENTENCES = [
    "The cat sits outside.",
    "",
    "Ein zweiter Satz, auf Deutsch, mit Umlauten: äöü.",
    "日本語の文章",
    "journalctl -u sshd | tail",
    "a " * 400,
    "The bank's card number was changed on 3 March after the call.",
    "🙂",
    " \n\t ",
]


@pytest.mark.model
@pytest.mark.parametrize(("first", "second", "expected"), REFERENCES)
def test_reference_similarities(embedder: Embedder, first: str, second: str, expected: float):
    """The default model computes the similarities its card gives."""
    vectors = embedder.embed([first, second])
    assert abs(float(vectors[0] @ vectors[1]) - expected) <= 0.005


@pytest.mark.model
def test_shape_type_and_length(embedder: Embedder):
    """Vectors are float32, one row per text, of length 1; no texts give no rows."""
    vectors = embedder.embed(SENTENCES)
    assert vectors.shape == (len(SENTENCES), 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.embed([]).shape == (0, 384)
    assert embedder.embed_one("x").shape == (384,)


@pytest.mark.model
def test_order_is_kept(embedder: Embedder):
    """Whatever the order and company of a text, row i is the vector of text i."""
    alone = np.stack([embedder.embed_one(text) for text in SENTENCES])
    assert np.abs(alone @ alone.T - np.eye(len(SENTENCES))).max() > 0.1
    order = list(range(len(SENTENCES))) * 3
    random.Random(5).shuffle(order)
    together = embedder.embed([SENTENCES[index] for index in order])
    assert np.allclose(together, alone[order], atol=5e-4)


@pytest.mark.model
def test_order_test_would_notice(embedder: Embedder):
    """Positive control: vectors in the order they were computed, not given, fail that comparison."""
    texts = SENTENCES[:1] + SENTENCES[2:5]
    given = embedder.embed(texts)
    by_length = embedder.embed(sorted(texts, key=embedder.count_tokens))
    assert not np.allclose(given, by_length, atol=5e-4)


@pytest.mark.model
def test_long_texts_are_cut_at_the_models_limit(embedder: Embedder):
    """Only the first 254 words (and CLS, SEP) count: more changes nothing, less does."""
    words = ["cat", "dog", "house", "river"] * 100
    seen = TOKEN_LIMIT - 2
    cut = embedder.embed_one(" ".join(words[:seen]))
    assert np.allclose(embedder.embed_one(" ".join(words)), cut, atol=1e-5)
    assert np.allclose(embedder.embed_one(" ".join(words[:seen] + ["different"] * 50_000)), cut, atol=1e-5)
    assert not np.allclose(embedder.embed_one(" ".join([*words[: seen - 1], "different"])), cut, atol=1e-5)


@pytest.mark.model
def test_counts_tokens(embedder: Embedder):
    """Tokens include the two special ones and are not cut; marks of the model in a text are plain text."""
    assert embedder.count_tokens("") == 2
    assert embedder.count_tokens("hello world") == 4
    assert embedder.count_tokens("Hello WORLD") == 4
    assert embedder.count_tokens("embeddings") == 6  # em ##bed ##ding ##s
    assert embedder.count_tokens("cat " * 1000) == 1002
    assert embedder.count_tokens("[SEP]") > 3


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "x" * 1_000_000, "\U0010ffff", "\n" * 100_000])
def test_any_text_is_legal(text: str, tiny_embedder: Path):
    """NUL, lone surrogates, a megabyte without a space: a vector of length 1 comes back."""
    with Embedder(tiny_embedder, model_id="tiny") as embedder:
        vector = embedder.embed_one(text)
    assert np.isclose(np.linalg.norm(vector), 1, atol=1e-5)


def test_what_follows_a_nul_counts(tiny_embedder: Path):
    """A NUL does not end the text."""
    with Embedder(tiny_embedder, model_id="tiny") as embedder:
        vectors = embedder.embed(["a\0b", "a\0c", "a\0b"])
    assert not np.allclose(vectors[0], vectors[1], atol=1e-6)
    assert np.allclose(vectors[0], vectors[2], atol=1e-6)


def test_threads_share_one_embedder(tiny_embedder: Path):
    """Four threads at once get the vectors one thread gets."""
    texts = [letter * 3 + " cat" for letter in "abcdefgh"]
    wrong: list[str] = []
    with Embedder(tiny_embedder, model_id="tiny") as embedder:
        expected = embedder.embed(texts)

        def work() -> None:
            for _ in range(20):
                if not np.allclose(embedder.embed(texts), expected, atol=1e-4):
                    wrong.append("differs")

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_closed_embedder_refuses(tiny_embedder: Path):
    """After close, every use is an error (not a crash), and closing again is fine."""
    embedder = Embedder(tiny_embedder, model_id="tiny")
    assert embedder.dims == WIDTH
    embedder.close()
    embedder.close()
    for use in (lambda: embedder.embed(["a"]), lambda: embedder.count_tokens("a")):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_a_generator_is_no_embedder(tiny_instruct: Path):
    """A model without pooling is refused when it is loaded."""
    with pytest.raises(Damaged, match="not an embedding model"):
        Embedder(tiny_instruct, model_id="tiny")


def test_a_missing_file_is_a_missing_model(tmp_path: Path):
    """A path that is not there is `ModelMissing` with the command that helps."""
    with pytest.raises(ModelMissing) as caught:
        Embedder(tmp_path / "nothing.gguf", model_id="x")
    assert "memory model install" in caught.value.remedy


def test_groups_fit_a_batch():
    """Every text is in exactly one group, and no group exceeds the batch or the number of sequences."""
    dice = random.Random(3)
    lengths = [dice.randint(2, TOKEN_LIMIT) for _ in range(50)] + [2] * 500 + [TOKEN_LIMIT] * 3
    groups = list(_groups(lengths))
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in group) <= BATCH for group in groups)
    assert all(len(group) <= SEQUENCES for group in groups)


def test_nothing_is_printed(tiny_embedder: Path, tiny_instruct: Path, tmp_path: Path):
    """Loading, embedding and failing to load write nothing to stdout or stderr."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny_embedder.read_bytes()[:5000])
    script = f"""
from pathlib import Path
from vault.errors import Damaged
from vault.models.embedder import Embedder
from vault.models.instruct import Instruct
with Embedder(Path({str(tiny_embedder)!r}), model_id="x") as embedder:
    embedder.embed(["a", "b"])
with Instruct(Path({str(tiny_instruct)!r}), model_id="x") as instruct:
    instruct.generate_json("a", {{"type": "object", "properties": {{"a": {{"type": "boolean"}}}},
                                  "required": ["a"], "additionalProperties": False}})
try:
    Embedder(Path({str(broken)!r}), model_id="x")
except Damaged:
    raise SystemExit(7)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, b"", b"")


@pytest.mark.model
@pytest.mark.skipif(sys.platform != "linux", reason="pages are given back on Linux only")
def test_pages_that_texts_do_not_use_are_given_back(default_store: ModelStore):
    """After loading the whole file is resident; given back, only what texts use returns, and vectors stay the same."""
    texts = ["the boiler man is Kowalski", "ein Reiher im Schilf"]
    path = default_store.path(NAME)
    with Embedder(path, model_id="here") as embedder:
        before = embedder.embed(texts)
        whole = resident(path)
        assert whole > 0.9 * path.stat().st_size, "positive control"
        release_mapped(default_store.directory)
        assert resident(path) == 0
        assert (embedder.embed(texts) == before).all()
        assert resident(path) < 0.6 * whole


def resident(path: Path) -> int:
    """Bytes of the file *path* that are in this process's memory."""
    found, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if not line.split()[0].endswith(":"):
            inside = line.endswith(str(path.resolve()))
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1]) * 1024
    return found
