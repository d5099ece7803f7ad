"""A cross-encoder GGUF ranks as the same network in numpy does, whatever it is asked, and is told from other models."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from cross_encoder import CONTEXT, JUDGE, head_tensors, joined, reference, tokens, write_judge, write_reranker
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import ROOT, VOCABULARY

from vault.errors import Conflict, Damaged, InvalidInput, ModelMissing
from vault.models import examine
from vault.models.reranker import TOKEN_LIMIT, Reranker
from vault.models.store import ModelStore

QUERY = "the cat"
PASSAGES = ["the cat sat", "dog", "a bee in the sea sat on the cat", "zebra zoo", "cat", "quite another thing", "the the"]
SEP = VOCABULARY.index("[SEP]")


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny cross-encoder."""
    return write_reranker(tmp_path_factory.mktemp("tiny-reranker") / "tiny-reranker.gguf")


def ranked(path: Path, query: str, passages: list[str]) -> list[float]:
    """The scores that the model at *path* gives."""
    with Reranker(path, model_id="tiny") as reranker:
        return reranker.scores(query, passages)


@pytest.mark.parametrize("pooler", [True, False])
def test_scores_are_those_of_the_network(tmp_path: Path, pooler: bool):
    """With the head of two layers and with that of one, scores are numpy's, in the order of the passages."""
    head = head_tensors(pooler=pooler)
    found = ranked(write_reranker(tmp_path / "r.gguf", head=head), QUERY, PASSAGES)
    expected = [reference(joined(QUERY, passage), head) for passage in PASSAGES]
    assert np.ptp(expected) > 0.3
    assert np.allclose(found, expected, atol=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda q, p: joined(p, q), id="passage first"),
        pytest.param(lambda q, p: joined(q, p)[:-1], id="no end"),
        pytest.param(lambda q, p: [token for token in joined(q, p) if token != SEP] + [SEP], id="no separator"),
    ],
)
def test_the_comparison_would_notice(gguf_file: Path, wrong: Callable[[str, str], list[int]]):
    """Positive control: pairs joined in another way have other scores than the model's."""
    expected = [reference(wrong(QUERY, passage), head_tensors()) for passage in PASSAGES]
    assert not np.allclose(ranked(gguf_file, QUERY, PASSAGES), expected, atol=0.01)


def test_company_changes_nothing(gguf_file: Path):
    """Many pairs in batches get the scores that each gets alone."""
    many = PASSAGES * 5
    assert sum(len(joined(QUERY, passage)) for passage in many) > 3 * CONTEXT
    alone = [ranked(gguf_file, QUERY, [passage])[0] for passage in PASSAGES]
    assert np.allclose(ranked(gguf_file, QUERY, many), alone * 5, atol=1e-3)


def test_long_texts_are_cut(gguf_file: Path):
    """A long query leaves the passage three quarters of the room; what is beyond the room does not count."""
    query, passage = "cat " * 50, "sat the " * 50
    most = (CONTEXT - 3) // 4
    cut = [2, *tokens(query)[:most], SEP, *tokens(passage)[: CONTEXT - 3 - most], SEP]
    assert len(cut) == CONTEXT <= TOKEN_LIMIT
    assert np.allclose(ranked(gguf_file, query, [passage]), [reference(cut, head_tensors())], atol=0.01)


def test_two_separators_where_the_vocabulary_wants_them(tmp_path: Path):
    """``BOS query EOS SEP passage EOS`` where the file says that EOS and SEP are added."""
    found = ranked(write_reranker(tmp_path / "r.gguf", eos=True), QUERY, PASSAGES[:2])
    pairs = [[2, *tokens(QUERY), SEP, SEP, *tokens(passage), SEP] for passage in PASSAGES[:2]]
    assert np.allclose(found, [reference(pair, head_tensors()) for pair in pairs], atol=0.01)


def test_the_files_template_is_used(tmp_path: Path):
    """A template of the file's own says how the two are joined, passage first if it likes."""
    path = write_reranker(tmp_path / "r.gguf", template="[CLS]{document}[SEP] sat {query}[SEP]")
    expected = [reference([2, *tokens(p), SEP, *tokens(f"sat {QUERY}"), SEP], head_tensors()) for p in PASSAGES]
    assert np.allclose(ranked(path, QUERY, PASSAGES), expected, atol=0.01)


@pytest.mark.parametrize("template", [None, "[CLS] {query} [SEP] {document} [SEP]"])
def test_names_of_special_tokens_are_text(tmp_path: Path, template: str | None):
    """A note that says ``[SEP]`` ends nothing: it is read as letters."""
    path = write_reranker(tmp_path / "r.gguf", template=template)
    with Reranker(path, model_id="tiny") as reranker:
        pair = reranker._pair(reranker._written("the [SEP]"), reranker._written("[CLS] cat [SEP]"))
    assert pair.count(SEP) == 2
    assert pair.count(VOCABULARY.index("[CLS]")) == 1


def test_a_causal_model_with_a_template(tmp_path: Path):
    """One of the Qwen3 family answers with a probability, the same alone and in company, over its template's tokens."""
    path = write_judge(tmp_path / "judge.gguf")
    assert examine.examine(path).kind == "reranker"
    passages = ["a cat", "dog sat here", "ends here<|end|>", "long " * 300]
    with Reranker(path, model_id="tiny") as reranker:
        whole = reranker._tokenise(JUDGE.format(query="cat", document="a cat"), special=False, parse=True)
        assert reranker._pair(reranker._written("cat"), reranker._written("a cat")) == whole
        assert whole[-2] not in reranker._written("ends here<|end|>")
        alone = [score for passage in passages for score in reranker.scores("cat", [passage])]
        together = reranker.scores("cat", passages * 3)
    assert all(0 < score < 1 for score in alone)
    assert np.ptp(alone) > 0.1
    assert np.allclose(together, alone * 3, atol=0.005)


def test_what_is_not_done_in_time_is_given_up(gguf_file: Path, monkeypatch: pytest.MonkeyPatch):
    """No time: no score. Over in the third batch: the scores of the two before; and the model goes on working."""
    with Reranker(gguf_file, model_id="tiny") as reranker:
        whole = reranker.scores(QUERY, PASSAGES * 5)
        assert reranker.scores(QUERY, PASSAGES, -1.0) == []
        sizes = [len(group) for group in reranker._groups(QUERY, PASSAGES * 5)]
        assert len(sizes) > 3
        compute, runs = reranker._compute, []

        def slow(llama: Any, group: list[list[int]]) -> bool:
            runs.append(group)
            if len(runs) == 3:
                monkeypatch.setattr(reranker, "_until", 0.0)
            return compute(llama, group)

        monkeypatch.setattr(reranker, "_compute", slow)
        assert reranker.scores(QUERY, PASSAGES * 5, 60.0) == whole[: sum(sizes[:2])]
        assert len(runs) == 3
        assert reranker.scores(QUERY, PASSAGES * 5) == whole


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=200), st.lists(st.text(max_size=300), max_size=4))
def test_any_text_is_legal(gguf_file: Path, query: str, passages: list[str]):
    """Whatever the texts, there is a number for each passage."""
    scores = ranked(gguf_file, query, passages)
    assert len(scores) == len(passages)
    assert np.isfinite(scores).all()


def test_no_number_is_an_error(tmp_path: Path):
    """A model that computes no numbers is `Damaged` when it is asked, and not accepted."""
    path = write_reranker(tmp_path / "r.gguf", head={k: v * np.nan for k, v in head_tensors().items()})
    with pytest.raises(Damaged, match="computes no scores"):
        ranked(path, QUERY, PASSAGES)
    with pytest.raises(Damaged, match="computes no scores"):
        examine.examine(path)


@pytest.mark.parametrize("template", ["is {query} good?", "{query} {document} {query}", "{document} {document} {query}"])
def test_a_template_that_does_not_name_each_place_once_is_refused(tmp_path: Path, template: str):
    """A template must say where each of the two goes; one that repeats a place would exceed what was measured off."""
    with pytest.raises(Damaged, match="cannot rank"):
        examine.examine(write_reranker(tmp_path / "r.gguf", template=template))


@pytest.mark.parametrize("pooling", [gguf.PoolingType.RANK, None])
def test_a_head_makes_a_reranker(tmp_path: Path, pooling: gguf.PoolingType | None):
    """Where the file says so, or says nothing of pooling."""
    assert examine.examine(write_reranker(tmp_path / "r.gguf", pooling=pooling)).kind == "reranker"


def test_a_file_that_says_otherwise_is_what_it_is_added_as(tmp_path: Path):
    """A head beside another pooling type may be either: an embedder, unless it is asked for as a reranker."""
    path = write_reranker(tmp_path / "r.gguf", pooling=gguf.PoolingType.MEAN)
    store = ModelStore(tmp_path / "models")
    assert store.add(path).kind == "embedder"
    with pytest.raises(Conflict, match="exists already"):
        store.add(path, kind="reranker")
    assert store.add(path, "again", "reranker").kind == "reranker"
    assert (store.active("embedder").name, store.active("reranker").name) == ("r", "again")
    with store.load_reranker() as reranker:
        assert len(reranker.scores("cat", ["sat"])) == 1


def test_without_a_head_nothing_ranks(tmp_path: Path, tiny_embedder: Path, tiny_instruct: Path):
    """An embedder or an instruct model is refused as a reranker (llama.cpp would return whatever lies there)."""
    store = ModelStore(tmp_path / "models")
    for path in (tiny_embedder, tiny_instruct, write_reranker(tmp_path / "r.gguf", head={})):
        with pytest.raises(InvalidInput, match="does not rank"):
            store.add(path, kind="reranker")
    with pytest.raises(InvalidInput, match="does not embed, rank or generate"):
        store.add(tmp_path / "r.gguf")
    with pytest.raises(InvalidInput, match="does not generate"):
        store.add(tiny_embedder, kind="instruct")
    assert store.installed() == []


def test_none_in_use_says_how_to_get_one(tmp_path: Path):
    """Loading without one names the command."""
    with pytest.raises(ModelMissing, match="no reranker model") as caught:
        ModelStore(tmp_path / "models").load_reranker()
    assert caught.value.remedy == "run: memory model add PATH"


def test_an_altered_file_is_not_loaded(tmp_path: Path, gguf_file: Path):
    """A reranker that changed since it was added is `Damaged`."""
    store = ModelStore(tmp_path / "models")
    info = store.add(gguf_file)
    with store.path(info.name).open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\1\2\3")
    assert replace(info) == store.active("reranker")
    with pytest.raises(Damaged, match="not the file"):
        store.load_reranker()


def test_the_command_adds_it(tmp_path: Path):
    """``memory model add FILE --as reranker`` adds it, in use at once; a kind that does not exist is a usage error."""
    path = write_reranker(tmp_path / "r.gguf", pooling=gguf.PoolingType.CLS)
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}

    def memory(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "memory_cli", "model", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)

    assert memory("add", str(path), "--as", "toaster").returncode == 2
    added = memory("add", str(path), "--as", "reranker")
    assert (added.returncode, added.stdout.split()[:2]) == (0, ["r", "reranker"])
    assert "in use now" in added.stderr
    (listed,) = json.loads(memory("list", "--json").stdout)
    assert (listed["kind"], listed["active"]) == ("reranker", True)
