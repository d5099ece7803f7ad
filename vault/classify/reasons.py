"""What is known beside a text when it is classified, and everything that went into a verdict, for who asks why."""

from collections.abc import Mapping
from dataclasses import dataclass

from vault.classification import Classification
from vault.classify.detectors import Detection
from vault.classify.personal import Evidence, Neighbour
from vault.classify.verdict import Verdict


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a text beside its words."""

    source: str = ""
    """Where it came from."""
    tags: tuple[str, ...] = ()
    """Tags that the person gave."""
    beside: str = ""
    """What will be kept with it (metadata, context, …), as lines; detectors and rules read it."""
    evidence: Evidence = Evidence()  # noqa: RUF009 (frozen)
    """What the open compartments know of things near it."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """A verdict and what led to it. No field holds anything of the text."""

    verdict: Verdict
    hits: tuple[Detection, ...]
    """What detectors found in the text and beside it; places beside it mean nothing in the text."""
    head: Mapping[Classification, float] | None
    """What the head alone says; the verdict has the probabilities after the neighbours."""
    neighbours: tuple[Neighbour, ...]
    """Entries near it that the person filed themselves, nearest first; those without weight did not count."""
    rules: tuple[str, ...]
    """The person's own rules that speak of it."""
    thresholds: Mapping[Classification, float]
    """Probability below which a decision for a class is uncertain."""
    fallback: Classification
    """Where it would go if nothing was sure: the source's class, or the general one."""
