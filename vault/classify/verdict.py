"""What classifying a text gives: the label, how sure, why, and the small metadata that goes with an entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vault.classification import Classification

Stage = Literal["explicit", "detector", "policy", "head", "personal", "fallback", "rules", "instruct"]
"""Who decided: the person, a detector's floor, their own rules, the head, what they filed near it, nobody
(fail closed), words alone, an instruct model."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The classification of one text. Nothing in it repeats a secret of the text."""

    label: Classification
    """Where the text belongs."""
    confidence: float
    """0 to 1: the probability that the label is right, 1 for an explicit class, 0.99 for a detector."""
    reasoning: str
    """One line that names the stage and why; never part of the text."""
    tags: tuple[str, ...]
    """At most five, lower case; never taken from inside a detection."""
    emotion: str
    """``positive``, ``neutral`` or ``negative``."""
    level: int
    """Security level of the label, 1 to 4."""
    stage: Stage
    """Which stage decided."""
    warnings: tuple[str, ...] = ()
    """What the person should know, such as an explicit class below what a detector found."""
    uncertain: bool = False
    """Worth a person's look: the label is less probable than the threshold of its class."""
    probabilities: Mapping[Classification, float] | None = None
    """The head's probability per class, where a head spoke."""
