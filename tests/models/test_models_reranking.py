"""A cross-encoder added to the store changes the order of a search in a real vault as its scores say."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cross_encoder import head_tensors, joined, reference, write_reranker

from vault.models.store import ModelStore
from vault.reading import Reader
from vault.search.hit import Hit
from vault.search.rerank import reordered
from vault.vault import Vault

QUERY = "cat zoo hat"
NOTES = (
    "the cat sat in a zoo",
    "zoo keepers eat at noon",
    "hat and cat and zoo",
    "a hat for the cat",
    "cat cat cat",
    "no zoo is so far away",
    "her hat",
)


@pytest.fixture
def opened(new_vault: Callable[..., Vault]) -> Vault:
    """A vault with `NOTES` and no model."""
    made = new_vault()
    for text in NOTES:
        made.capture(text, title="", classification="general")
    return made


def use(opened: Vault, store: ModelStore) -> None:
    """Let *opened* read with the models of *store*, as a vault opened anew would."""
    opened.reader.close()
    opened.reader = Reader(store, opened.config)


def expected(hits: list[Hit]) -> list[str]:
    """The order that the network in numpy gives those that the search alone found."""
    scores = [reference(joined(QUERY, hit.entry.text), head_tensors()) for hit in hits]
    order = reordered(scores, [hit.score for hit in hits], [False] * len(hits))
    return [hits[at].entry.text for at in order]


def test_a_search_follows_the_model(opened: Vault, tmp_path: Path):
    """The order is the network's, each hit tells its score; taken out of the store, the order is as before."""
    before = opened.search(QUERY)
    wanted = expected(before)
    assert len(before) == len(NOTES)
    assert wanted != [hit.entry.text for hit in before]
    store = ModelStore(tmp_path / "models")
    store.add(write_reranker(tmp_path / "tiny.gguf"))
    use(opened, store)
    after = opened.search(QUERY)
    assert [hit.entry.text for hit in after] == wanted
    for hit in after:
        score = reference(joined(QUERY, hit.entry.text), head_tensors())
        assert hit.legs["rerank"].score == pytest.approx(score, abs=0.01)
    assert [hit.entry.text for hit in opened.search(QUERY, mode="keyword")] == [hit.entry.text for hit in before]
    store.remove("tiny")
    use(opened, store)
    assert [hit.entry.text for hit in opened.search(QUERY)] == [hit.entry.text for hit in before]


def test_the_comparison_would_notice(opened: Vault, tmp_path: Path):
    """Positive control: a model with another head gives another order."""
    wanted = expected(opened.search(QUERY))
    store = ModelStore(tmp_path / "models")
    store.add(write_reranker(tmp_path / "tiny.gguf", head=head_tensors(seed=4)))
    use(opened, store)
    assert [hit.entry.text for hit in opened.search(QUERY)] != wanted
