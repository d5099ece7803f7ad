"""The rule: probabilities, detections and an explicit class become one decision. Pure arithmetic.

Explicit wins over everything, and a floor above it only warns. Otherwise the class with the smallest expected loss,
where filing a secret too low costs three times what filing anything too high does; a text is filed as open
only if level 1 is as likely as the threshold of ``general``, else it goes to the fallback, so that doubt is never
filed low. Then up to the detectors' floor. A decision less probable than its class's threshold is *uncertain*.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vault.classification import ALL, THRESHOLDS, Classification
from vault.classify.detectors import Detection
from vault.classify.verdict import Stage

DETECTED = 0.99
"""Confidence of a label that a detector's floor decided."""
SECRET_TOO_LOW = 3.0
"""Loss of filing a secret or ultrasecret as confidential or open, where filing anything too high loses 1."""
ULTRASECRET_AS_SECRET = 3.0
"""Loss of filing an ultrasecret as secret."""
CONFIDENTIAL_AS_OPEN = 1.0
"""Loss of filing a confidential text as general or chronological; the threshold of ``general`` guards it besides."""
_EDGE = 1e-9
"""Sums of probabilities carry rounding; a threshold counts as reached from here on."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a person can tune about deciding."""

    thresholds: Mapping[Classification, float] = field(default_factory=lambda: dict(THRESHOLDS))
    """Probability below which a decision for the class is uncertain; level 1 as a whole must reach ``general``'s."""
    fallback: Classification = Classification.CONFIDENTIAL
    """Where a text goes that would be filed as open without enough probability."""


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
    uncertain: bool = False
    """Worth a person's look: less probable than the threshold of its class."""


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
    return raised(by_loss(probabilities, policy or Policy()), floor)


def _explicit(explicit: Classification, floor: Detection | None) -> Decision:
    warnings: tuple[str, ...] = ()
    if floor is not None and floor.floor.level > explicit.level:
        warnings = (f"filed as {explicit} as asked, although it holds {floor.reason} ({floor.floor})",)
    return Decision(explicit, 1.0, "explicit", "explicit: the class was given", warnings)


def loss(true: Classification, filed: Classification) -> float:
    """What filing as *filed* costs where *true* is right: 0 for it, 1 for too high or beside, more for a low secret."""
    if filed.level >= true.level:
        return float(filed is not true)
    if true.level == 2:  # noqa: PLR2004
        return CONFIDENTIAL_AS_OPEN
    return ULTRASECRET_AS_SECRET if filed is Classification.SECRET else SECRET_TOO_LOW


def by_loss(probabilities: Mapping[Classification, float] | None, policy: Policy) -> Decision:
    """The class of the smallest expected loss over *probabilities* alone; the fallback where that is too bold."""
    fallback = policy.fallback
    if probabilities is None:
        why = f"fallback: nothing could judge it, so {fallback}"
        return Decision(fallback, 0.0, "fallback", why, uncertain=True)
    expected = {filed: sum(p * loss(true, filed) for true, p in probabilities.items()) for filed in ALL}
    label = min(ALL, key=lambda c: (round(expected[c], 9), -c.level))
    likeliest = max(ALL, key=lambda c: probabilities.get(c, 0.0))
    said = f"likeliest {likeliest} {probabilities[likeliest]:.2f}"
    if label.level == 1 and sum(probabilities.get(c, 0.0) for c in ALL if c.level == 1) + _EDGE < policy.thresholds[
        Classification.GENERAL
    ]:
        why = f"fallback: too unsure to file it as open ({said}), so {fallback}"
        return Decision(fallback, probabilities.get(fallback, 0.0), "fallback", why, uncertain=True)
    confidence = min(probabilities.get(label, 0.0), 1.0)
    uncertain = confidence + _EDGE < policy.thresholds[label]
    why = f"head: {label} with {confidence:.2f}"
    why += f", {said}, but too low would cost more" if likeliest is not label else ""
    why += f"; uncertain below {policy.thresholds[label]:.2f}" if uncertain else ""
    return Decision(label, confidence, "head", why, uncertain=uncertain)


def raised(decision: Decision, floor: Detection | None) -> Decision:
    """*decision*, lifted to the class of *floor* where that is higher."""
    if floor is None or floor.floor.level <= decision.label.level:
        return decision
    return Decision(floor.floor, DETECTED, "detector", f"detector: {floor.reason}")
