"""The training corpus and the weights made of it: sound, not copied from anywhere, reproducible."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest

from vault.classification import ALL

ROOT = Path(__file__).parents[2]
VALIDATION = ROOT.parent / "shared" / "data" / "classification_dev.jsonl"


def loaded(name: str):
    """A module of ``bench/head``."""
    sys.path.insert(0, str(ROOT / "bench" / "head"))
    spec = importlib.util.spec_from_file_location(name, ROOT / "bench" / "head" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def corpora():
    """``bench/head/corpus.py`` as a module."""
    return loaded("corpus")


@pytest.fixture(scope="module")
def train(corpora):
    """``bench/head/train.py`` as a module."""
    return loaded("train")


@pytest.fixture(scope="module")
def corpus(corpora):
    """The labelled texts."""
    return corpora.read_corpus()


def test_every_class_has_enough_texts(corpus):
    """At least five thousand items with unique ids, and no class below an eighth of the average."""
    counts = Counter(corpus.labels.tolist())
    assert len(corpus.ids) >= 5000
    assert len(set(corpus.ids)) == len(corpus.ids)
    assert set(counts) == set(range(len(ALL)))
    assert min(counts.values()) >= 500
    assert all(text.strip() for text in corpus.texts)


def test_no_two_texts_of_the_corpus_are_nearly_the_same(corpora, corpus):
    """Near-duplicates would make cross-validation flatter itself."""
    pairs = corpora.alike(corpus.texts, corpus.texts)
    assert [(corpus.ids[i], corpus.ids[j]) for i, j in pairs] == []


def test_near_duplicates_are_seen(corpora):
    """Positive control: a text with two words changed is found, among many and in another list."""
    one = "the gate at the allotment takes four four seven one and then the hash key"
    two = "The gate at the allotments takes four four seven two, and then the hash key"
    others = ["met Ana for coffee", "a gate is a gate", "the allotment needs water"]
    assert sorted(corpora.alike([one, *others, two], [one, *others, two][:])) == [(0, 0), (0, 4), (1, 1), (2, 2), (3, 3), (4, 0), (4, 4)]
    texts = [one, *others, two]
    assert corpora.alike(texts, texts) == [(0, 4)]


def test_related_texts_are_in_one_fold(corpora):
    """What resembles each other is learnt and measured together, whatever the ids."""
    texts = [f"the gate at the allotment takes four four seven {word} and then the hash key" for word in ("one", "two", "six")]
    for number in range(5):
        ids = tuple(f"{number}{letter}" for letter in "abc")
        fold = corpora.folds(corpora.Corpus(ids, tuple(texts), None, ""))
        assert len(set(fold.tolist())) == 1


def test_nothing_of_the_validation_set_is_in_the_corpus(corpora, corpus):
    """What measures must not have been learnt."""
    if not VALIDATION.exists():
        pytest.skip("needs classification_dev.jsonl in ../shared/data beside the repository")
    held = corpora.read_corpus((VALIDATION,))
    pairs = corpora.alike(held.texts, corpus.texts)
    assert [(held.ids[i], corpus.ids[j]) for i, j in pairs] == []


def test_the_shipped_weights_are_of_this_corpus_and_these_inputs(train, corpus):
    """They name the corpus, and their answers on the committed inputs are those of what has learnt them."""
    import numpy as np

    from vault.classify.head import shipped, softmax

    head = shipped()
    vectors, peaks, probes, model_id = train.read_embeddings(corpus)
    assert (head.corpus, head.model_id) == (corpus.sha, model_id)
    assert np.array_equal(head.probes, probes.astype(np.float32))
    some = slice(0, None, 8)
    inputs = train.Inputs(corpus.texts[some], vectors[some], peaks[some], head.kinds, head.centre)
    labels = corpus.labels[some]
    for name, layer in (("peaked", head.peaked), ("plain", head.plain)):
        rows = softmax(inputs.logits(layer, name))[np.arange(len(labels)), labels]
        shuffled = softmax(inputs.logits(layer, name)[::-1])[np.arange(len(labels)), labels]
        assert (rows > 0.5).mean() > 0.97, "a text it has seen is nearly always right"
        assert (shuffled > 0.5).mean() < 0.5, "control: against other labels it is not"


@pytest.mark.soak
def test_training_reproduces_the_shipped_weights_bit_for_bit(train, tmp_path):
    """The committed weights are what the committed vectors and corpus give, and nothing else."""
    train.train(tmp_path / "head.npz")
    assert (tmp_path / "head.npz").read_bytes() == train.WEIGHTS.read_bytes()


def test_training_does_not_depend_on_the_last_bits(train):
    """Inputs that differ by rounding, as between two machines, give the same weights after rounding to the grain."""
    import numpy as np

    rng = np.random.default_rng(3)
    x, labels = rng.standard_normal((120, 40)), rng.integers(0, 5, 120)
    other = x * (1 + rng.standard_normal(x.shape) * 1e-15)
    one, two = (np.round(each.T @ train.fit(each @ each.T, labels)[0] / train.GRAIN) for each in (x, other))
    assert np.array_equal(one, two)
    coarse, fine = x.T @ train.fit(x @ x.T, labels)[0], other.T @ train.fit(other @ other.T, labels)[0]
    assert not np.array_equal(coarse, fine), "control: without rounding they differ"


def test_writing_arrays_depends_on_nothing_but_them(train, tmp_path, monkeypatch):
    """Same arrays, another day: the same bytes; another array: other bytes."""
    import numpy as np

    train.write_npz(tmp_path / "a.npz", x=np.arange(3), y=np.zeros(2))
    monkeypatch.setattr("time.time", lambda: 2e9)
    train.write_npz(tmp_path / "b.npz", y=np.zeros(2), x=np.arange(3))
    train.write_npz(tmp_path / "c.npz", y=np.ones(2), x=np.arange(3))
    files = [(tmp_path / f"{name}.npz").read_bytes() for name in "abc"]
    assert files[0] == files[1] != files[2]
