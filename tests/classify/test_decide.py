"""The rule: expected loss, its edges, the fallback, floors and explicit classes."""

import itertools

import pytest

from vault.classification import ALL, THRESHOLDS, Classification
from vault.classify.decide import (
    CONFIDENTIAL_AS_OPEN,
    DETECTED,
    SECRET_TOO_LOW,
    ULTRASECRET_AS_SECRET,
    Policy,
    decide,
    loss,
)
from vault.classify.detectors.detection import Detection

G, C, K, S, U = ALL


def spread(**masses: float) -> dict[Classification, float]:
    """Probabilities by initial: g, c(hronological), k (confidential), s, u."""
    keys = {"g": G, "c": C, "k": K, "s": S, "u": U}
    return {label: masses.get(name, 0.0) for name, label in keys.items()}


def found(floor: Classification) -> list[Detection]:
    """One detection with this floor."""
    return [Detection("payment card", floor, 0, 4, "a payment card number")]


def test_filing_too_low_costs_more_than_filing_too_high():
    """Right costs nothing, too high or beside it 1, a secret too low several times as much."""
    assert all(loss(c, c) == 0 for c in ALL)
    assert all(loss(low, high) == 1 for low, high in itertools.permutations(ALL, 2) if high.level >= low.level)
    assert loss(K, G) == loss(K, C) == CONFIDENTIAL_AS_OPEN >= 1
    assert {loss(high, low) for high in (S, U) for low in (G, C, K)} == {SECRET_TOO_LOW}
    assert loss(U, S) == ULTRASECRET_AS_SECRET > 1
    assert SECRET_TOO_LOW > CONFIDENTIAL_AS_OPEN


@pytest.mark.parametrize("step", [-0.01, 0.01])
@pytest.mark.parametrize(("label", "name", "cost"), [(K, "k", CONFIDENTIAL_AS_OPEN), (S, "s", SECRET_TOO_LOW)])
def test_doubt_goes_up_from_where_the_losses_balance(label, name, cost, step):
    """Between open and a protected class the edge is where p·cost of the one equals the other's mass."""
    mass = 1 / (1 + cost) + step
    decision = decide(spread(**{name: mass, "g": 1 - mass}), [], policy=Policy({**THRESHOLDS, G: 0.0}))
    assert decision.label is (label if step > 0 else G)
    assert decision.stage == "head"


def test_an_uncertain_secret_stays_secret():
    """The thresholds say what is uncertain; they never push a likely secret down."""
    decision = decide(spread(s=0.6, k=0.3, g=0.1), [])
    assert (decision.label, decision.uncertain) == (S, True)
    assert decide(spread(u=0.5, s=0.4, g=0.1), []).label is U


@pytest.mark.parametrize("label", ALL)
@pytest.mark.parametrize("step", [-0.001, 0.0, 0.001])
def test_below_the_threshold_of_its_class_a_decision_is_uncertain(label, step):
    """At the threshold it is certain; the label is the same on both sides."""
    mass = max(THRESHOLDS[label], 0.8) + step
    thresholds = {**THRESHOLDS, label: max(THRESHOLDS[label], 0.8)}
    beside = C if label is G else G
    decision = decide({**dict.fromkeys(ALL, 0.0), label: mass, beside: 1 - mass}, [], policy=Policy(thresholds))
    assert (decision.label, decision.uncertain) == (label, step < 0)
    assert decision.confidence == pytest.approx(mass)


@pytest.mark.parametrize("step", [-0.001, 0.0, 0.001])
def test_level_one_needs_the_threshold_of_general(step):
    """General and chronological together reach it or the text goes to the fallback."""
    mass = 0.9 + step
    policy = Policy({**THRESHOLDS, G: 0.9})
    decision = decide(spread(g=mass / 2 + 0.01, c=mass / 2 - 0.01, k=1 - mass), [], policy=policy)
    assert (decision.label, decision.stage) == ((G, "head") if step >= 0 else (K, "fallback"))
    assert decision.uncertain is not (step >= 0 and decision.confidence >= 0.9)


def test_within_level_one_the_likelier_is_taken():
    """Chronological needs only to be likelier than general."""
    assert decide(spread(g=0.45, c=0.50, k=0.05), []).label is C
    assert decide(spread(g=0.50, c=0.45, k=0.05), []).label is G


def test_doubt_goes_to_the_fallback_that_was_configured():
    """Fail closed by default; the policy may say another class."""
    unsure, strict = spread(g=0.8, k=0.2), {**THRESHOLDS, G: 0.95}
    assert decide(unsure, [], policy=Policy(strict)).label is K
    assert decide(unsure, [], policy=Policy(strict, fallback=S)).label is S
    assert decide(None, []).label is K
    assert (decide(None, []).stage, decide(None, []).uncertain) == ("fallback", True)


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
    """Over a grid of probabilities and floors: fail closed everywhere, one line of reasoning, the stage first."""
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
