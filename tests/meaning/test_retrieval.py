"""The default search against each of its legs, on whole sets, with the real model: 20 seconds, notes apart."""

import os
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from vault.models.store import ModelStore

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "bench" / "eval"))

from asking import ask  # noqa: E402
from evalset import EvalSet  # noqa: E402
from loaders import load  # noqa: E402
from metrics import DEPTHS, Score, mean, score  # noqa: E402
from run import SETS, SHARED  # noqa: E402

pytestmark = pytest.mark.model
AT_FIVE, AT_TEN = DEPTHS.index(5), DEPTHS.index(10)


def figures(found: EvalSet, kept: Path, *, spread: bool = False) -> dict[str, dict[str, Score]]:
    """Kind (and ``all``) → leg → mean figures."""
    models = Path(os.environ.get("MEMORY_TEST_MODELS", REPOSITORY / ".build" / "models"))
    ModelStore(models).install_default()
    scores: dict[str, dict[str, list[Score]]] = defaultdict(lambda: defaultdict(list))
    for question, rankings in ask(found, models, kept / "vectors", spread=spread):
        for leg, ranking in rankings.items():
            for kind in ("all", question.kind):
                scores[kind][leg].append(score(ranking, question.relevant))
    return {kind: {leg: mean(each) for leg, each in legs.items()} for kind, legs in scores.items()}


def test_on_conversations_fusion_gains_over_both_legs(tmp_path: Path):
    """Turns of chats: ten hits hold clearly more of what answers than by words or by meaning alone."""
    turns, _ = load(SETS / "chats.json")
    found = figures(turns, tmp_path)["all"]
    assert found["fused"].recall[AT_TEN] >= max(found["words"].recall[AT_TEN], found["vectors"].recall[AT_TEN]) + 0.05
    assert found["fused"].gain >= max(found["words"].gain, found["vectors"].gain) + 0.05


def test_on_abstracts_fusion_loses_to_no_leg(tmp_path: Path):
    """Claims in other words, where meaning is nearly perfect, and rare keywords: the order is the best of both."""
    (abstracts,) = load(SETS / "abstracts")
    found = figures(abstracts, tmp_path)["all"]
    assert found["fused"].gain >= max(found["words"].gain, found["vectors"].gain) - 0.005
    assert found["fused"].recall[AT_TEN] == 1.0


@pytest.mark.soak
@pytest.mark.parametrize("spread", [False, True])
def test_on_notes_the_floors_hold(tmp_path: Path, spread: bool):
    """Typed queries over real notes, in one class and in all five: no kind loses to a leg, and the floors hold."""
    if not SHARED.exists():
        pytest.skip("the notes are not at hand")
    (notes,) = load(SHARED)
    found = figures(notes, tmp_path, spread=spread)
    assert found["all"]["fused"].recall[AT_FIVE] >= 0.975
    assert found["typo"]["fused"].recall[AT_FIVE] >= 0.975
    assert found["paraphrase"]["fused"].recall[AT_FIVE] >= 0.9
    assert found["all"]["fused"].recall[0] >= 0.8
    for kind, legs in found.items():
        at_five = {leg: figure.recall[AT_FIVE] for leg, figure in legs.items()}
        assert at_five["fused"] >= max(at_five["words"], at_five["vectors"]), (kind, at_five)
