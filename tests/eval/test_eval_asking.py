"""The evaluation goes through a real vault, and its own sets are sound."""

from pathlib import Path

import pytest
from asking import DEEP, ask
from evalset import Document, EvalSet, Question
from loaders import load
from run import SETS

MINI = EvalSet(
    "mini",
    tuple(Document(f"d{n}", text) for n, text in enumerate(["# Kayak\nred boat", "bread and butter", "boat trip plans"])),
    (Question("q", "exact", "kayak boat", frozenset({"d0"})),),
)


@pytest.mark.parametrize("spread", [False, True])
def test_every_leg_gives_its_ranking(tmp_path: Path, spread: bool):
    """By words the better note is first and the one without a word is absent; without a model no vectors."""
    ((question, found),) = ask(MINI, tmp_path / "no-models", tmp_path / "kept", spread=spread)
    assert question.id == "q"
    assert found["words"] == found["fused"] == ["d0", "d2"]
    assert found["vectors"] == found["trigrams"] == []


@pytest.mark.parametrize("path", sorted(p for p in SETS.iterdir() if p.suffix == ".json" or p.is_dir()), ids=lambda p: p.name)
def test_own_sets_are_of_decent_size(path: Path):
    """Enough documents and questions for a figure, every question with an answer in the set."""
    found = load(path)[0]
    assert sum(len(part.documents) for part in found.parts) >= 100
    questions = [question for part in found.parts for question in part.questions]
    assert len(questions) >= 40
    assert len({question.text for question in questions}) == len(questions)
    assert min(len(part.documents) for part in found.parts) > DEEP
