"""The training corpus and the weights made of it: sound, not copied from anywhere, reproducible."""

import importlib.util
import itertools
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from vault.classification import ALL

ROOT = Path(__file__).parents[2]
VALIDATION = ROOT.parent / "shared" / "data" / "classification_dev.jsonl"
ALIKE = 0.6


@pytest.fixture(scope="module")
def train():
    """``bench/head/train.py`` as a module."""
    spec = importlib.util.spec_from_file_location("head_train", ROOT / "bench" / "head" / "train.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["head_train"] = module
    spec.loader.exec_module(module)
    return module


def shingles(text: str) -> frozenset[str]:
    """Groups of 5 characters of the folded letters and digits."""
    folded = re.sub(r"\W+", " ", text.casefold())
    return frozenset(folded[i : i + 5] for i in range(max(1, len(folded) - 4)))


def alike(left: dict[str, str], right: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs of ids whose texts share at least ALIKE of their shingles (Jaccard), found by an inverted index."""
    index: dict[str, list[str]] = {}
    sets = {key: shingles(text) for key, text in right.items()}
    for key, group in sets.items():
        for shingle in group:
            index.setdefault(shingle, []).append(key)
    pairs = []
    for key, text in left.items():
        mine = shingles(text)
        shared = Counter(itertools.chain.from_iterable(index.get(s, ()) for s in mine))
        pairs += [
            (key, other)
            for other, n in shared.items()
            if not (left is right and other <= key) and n / (len(mine) + len(sets[other]) - n) >= ALIKE
        ]
    return pairs


def test_every_class_has_enough_texts(train):
    """At least a thousand items with unique ids, and no class below an eighth of the average."""
    corpus = train.read_corpus()
    counts = Counter(corpus.labels.tolist())
    assert len(corpus.ids) >= 1000
    assert len(set(corpus.ids)) == len(corpus.ids)
    assert set(counts) == set(range(len(ALL)))
    assert min(counts.values()) >= 150
    assert all(text.strip() for text in corpus.texts)


def test_no_two_texts_of_the_corpus_are_nearly_the_same(train):
    """Near-duplicates would make cross-validation flatter itself."""
    corpus = train.read_corpus()
    texts = dict(zip(corpus.ids, corpus.texts, strict=True))
    assert alike(texts, texts) == []


def test_near_duplicates_are_seen():
    """Positive control: a text with two words changed is found."""
    one = {"a": "the gate at the allotment takes four four seven one and then the hash key"}
    two = {"b": "the gate at the allotments takes four four seven two, and then the hash key"}
    assert alike(one, two) == [("a", "b")]


def test_nothing_of_the_validation_set_is_in_the_corpus(train):
    """What measures must not have been learnt."""
    if not VALIDATION.exists():
        pytest.skip("needs classification_dev.jsonl in ../shared/data beside the repository")
    corpus, held = train.read_corpus(), train.read_corpus((VALIDATION,))
    pairs = alike(dict(zip(held.ids, held.texts, strict=True)), dict(zip(corpus.ids, corpus.texts, strict=True)))
    assert pairs == []


def test_training_reproduces_the_shipped_weights_bit_for_bit(train, tmp_path):
    """The committed weights are what the committed vectors and corpus give, and nothing else."""
    train.train(tmp_path / "head.npz")
    assert (tmp_path / "head.npz").read_bytes() == train.WEIGHTS.read_bytes()


def test_writing_arrays_depends_on_nothing_but_them(train, tmp_path, monkeypatch):
    """Same arrays, another day: the same bytes; another array: other bytes."""
    import numpy as np

    train.write_npz(tmp_path / "a.npz", x=np.arange(3), y=np.zeros(2))
    monkeypatch.setattr("time.time", lambda: 2e9)
    train.write_npz(tmp_path / "b.npz", y=np.zeros(2), x=np.arange(3))
    train.write_npz(tmp_path / "c.npz", y=np.ones(2), x=np.arange(3))
    files = [(tmp_path / f"{name}.npz").read_bytes() for name in "abc"]
    assert files[0] == files[1] != files[2]
