"""The level rule: probabilities, detections and an explicit class become one decision. Pure arithmetic.

Explicit wins over everything, and a floor above it only warns. Otherwise the highest level whose
probability mass from there upward reaches its threshold; level 1 if its own mass reaches the threshold
of ``general``; else the fallback, so that doubt is never filed low. Then up to the detectors' floor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vault.classification import ALL, THRESHOLDS, Classification, at_level
from vault.classify.detectors import Detection
from vault.classify.verdict import Stage

DETECTED = 0.99
"""Confidence of a label that a detector's floor decided."""
_EDGE = 1e-9
"""Sums of probabilities carry rounding; a threshold counts as reached from here on."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a person can tune about deciding."""

    thresholds: Mapping[Classification, float] = field(default_factory=lambda: dict(THRESHOLDS))
    """Mass that a level must reach, by the class that names the level; level 1 uses ``general``."""
    fallback: Classification = Classification.CONFIDENTIAL
    """Where a text goes that no threshold claims."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The part of a verdict that the rule decides."""

    label: Classification
    """Where the text belongs."""
    confidence: float
    """0 to 1, see ``Verdict.confidence``."""
    stage: Stage
    """Which stage decided."""
    reasoning: str
    """One line; names the stage."""
    warnings: tuple[str, ...] = ()
    """A floor above an explicit class."""


def decide(
    probabilities: Mapping[Classification, float] | None,
    detections: Sequence[Detection],
    explicit: Classification | None = None,
    policy: Policy | None = None,
) -> Decision:
    """One decision from what every stage said; without probabilities only the floor and the fallback speak."""
    floor = max(detections, key=lambda d: d.floor.level, default=None)
    if explicit is not None:
        return _explicit(explicit, floor)
    return raised(by_level(probabilities, policy or Policy()), floor)


def _explicit(explicit: Classification, floor: Detection | None) -> Decision:
    warnings: tuple[str, ...] = ()
    if floor is not None and floor.floor.level > explicit.level:
        warnings = (f"filed as {explicit} as asked, although it holds {floor.reason} ({floor.floor})",)
    return Decision(explicit, 1.0, "explicit", "explicit: the class was given", warnings)


def by_level(probabilities: Mapping[Classification, float] | None, policy: Policy) -> Decision:
    """The level rule over the head's probabilities alone."""
    if probabilities is None:
        return Decision(policy.fallback, 0.0, "fallback", f"fallback: nothing could judge it, so {policy.fallback}")
    for level in (4, 3, 2):
        mass = sum(p for c, p in probabilities.items() if c.level >= level)
        label = at_level(level)
        if mass + _EDGE >= policy.thresholds[label]:
            return _by_head(label, mass, policy)
    mass = sum(p for c, p in probabilities.items() if c.level == 1)
    if mass + _EDGE >= policy.thresholds[Classification.GENERAL]:
        likelier = max((c for c in ALL if c.level == 1), key=lambda c: probabilities.get(c, 0.0))
        return _by_head(likelier, mass, policy)
    best = max(probabilities, key=lambda c: probabilities[c])
    why = f"fallback: no level reached its threshold (likeliest {best} {probabilities[best]:.2f}), so {policy.fallback}"
    return Decision(policy.fallback, probabilities.get(policy.fallback, 0.0), "fallback", why)


def _by_head(label: Classification, mass: float, policy: Policy) -> Decision:
    threshold = policy.thresholds[label if label.level > 1 else Classification.GENERAL]
    why = f"head: level {label.level} with {mass:.2f}, threshold {threshold:.2f}"
    return Decision(label, min(mass, 1.0), "head", why)


def raised(decision: Decision, floor: Detection | None) -> Decision:
    """*decision*, lifted to the class of *floor* where that is higher."""
    if floor is None or floor.floor.level <= decision.label.level:
        return decision
    return Decision(floor.floor, DETECTED, "detector", f"detector: {floor.reason}")
