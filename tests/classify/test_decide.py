"""The level rule, at and around every threshold."""

import itertools

import pytest

from vault.classification import ALL, THRESHOLDS, Classification
from vault.classify.decide import DETECTED, Policy, decide
from vault.classify.detectors.detection import Detection

G, C, K, S, U = ALL


def spread(**masses: float) -> dict[Classification, float]:
    """Probabilities by initial: g, c(hronological), k (confidential), s, u."""
    keys = {"g": G, "c": C, "k": K, "s": S, "u": U}
    return {label: masses.get(name, 0.0) for name, label in keys.items()}


def found(floor: Classification) -> list[Detection]:
    """One detection with this floor."""
    return [Detection("payment card", floor, 0, 4, "a payment card number")]


@pytest.mark.parametrize(("label", "name"), [(U, "u"), (S, "s"), (K, "k")])
@pytest.mark.parametrize("step", [-0.001, 0.0, 0.001])
def test_a_level_is_taken_from_its_threshold_on(label, name, step):
    """Just below the threshold the level is not taken, at it and above it is."""
    mass = THRESHOLDS[label] + step
    decision = decide(spread(**{name: mass, "g": 1 - mass}), [], policy=Policy(fallback=G))
    assert (decision.label == label) is (step >= 0)
    assert not (step >= 0) or (decision.stage == "head" and decision.confidence == pytest.approx(mass))


def test_the_mass_of_a_level_counts_what_is_above_it():
    """Ultrasecret 0.5 and secret 0.4 are together enough for secret."""
    assert decide(spread(u=0.5, s=0.4, g=0.1), []).label is S
    assert decide(spread(u=0.4, s=0.2, k=0.2, g=0.2), []).label is K


@pytest.mark.parametrize("step", [-0.001, 0.0, 0.001])
def test_level_one_needs_the_threshold_of_general(step):
    """General and chronological together reach 0.60 or the text goes to the fallback."""
    mass = THRESHOLDS[G] + step
    decision = decide(spread(g=mass / 2 + 0.01, c=mass / 2 - 0.01, k=1 - mass), [])
    assert (decision.label, decision.stage) == ((G, "head") if step >= 0 else (K, "fallback"))


def test_within_level_one_the_likelier_is_taken():
    """Chronological needs only to be likelier than general."""
    assert decide(spread(g=0.30, c=0.31, k=0.39), []).label is C
    assert decide(spread(g=0.31, c=0.30, k=0.39), []).label is G


def test_doubt_goes_to_the_fallback_that_was_configured():
    """Fail closed by default; the policy may say another class."""
    unsure = spread(g=0.5, k=0.5)
    assert decide(unsure, []).label is K
    assert decide(unsure, [], policy=Policy(fallback=S)).label is S
    assert decide(None, []).label is K
    assert decide(None, []).stage == "fallback"


def test_thresholds_are_the_policys():
    """A lower threshold takes the level earlier."""
    assert decide(spread(s=0.7, g=0.3), [], policy=Policy(thresholds={**THRESHOLDS, S: 0.65})).label is S


@pytest.mark.parametrize("floor", [S, U])
@pytest.mark.parametrize("sure", ALL)
def test_a_floor_only_ever_raises(floor, sure):
    """The result is the higher of what the head says and the floor; equal levels stay the head's."""
    decision = decide({c: float(c is sure) for c in ALL}, found(floor))
    assert decision.label.level == max(sure.level, floor.level)
    assert decision.stage == ("detector" if floor.level > sure.level else "head")
    assert decision.stage != "detector" or decision.confidence == DETECTED


@pytest.mark.parametrize(("explicit", "floor"), [*itertools.product(ALL, [None, S, U])])
def test_an_explicit_class_always_wins(explicit, floor):
    """Whatever the head and the detectors say; a floor above it warns, and nothing else does."""
    decision = decide(spread(u=1.0), found(floor) if floor else [], explicit)
    assert (decision.label, decision.confidence, decision.stage) == (explicit, 1.0, "explicit")
    assert bool(decision.warnings) is (floor is not None and floor.level > explicit.level)


def test_the_result_is_never_below_any_floor_nor_open_without_its_mass():
    """Over a grid of probabilities and floors: fail closed everywhere."""
    grid = [p for p in itertools.product(range(0, 11, 2), repeat=5) if sum(p) == 10]
    for parts in grid:
        probabilities = {c: n / 10 for c, n in zip(ALL, parts, strict=True)}
        low = probabilities[G] + probabilities[C]
        for floor in (None, S, U):
            decision = decide(probabilities, found(floor) if floor else [])
            assert decision.label.level >= (floor.level if floor else 1)
            assert decision.label.level > 1 or low >= THRESHOLDS[G] - 1e-9
            assert "\n" not in decision.reasoning
            assert decision.reasoning.startswith(decision.stage)
