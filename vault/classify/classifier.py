"""``Classifier``: text in, ``Verdict`` out. Wires detectors, head, instruct model, rules, emotion and tags.

Order: an explicit class, else the head over the text's vectors; where it is unsure or absent an instruct
model if one is configured, else (without a head) the words-only rules; then the detectors' floor.
Stores nothing and imports no model.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vault.classification import THRESHOLDS, Classification
from vault.classify.decide import Decision, Policy, by_level, decide, raised
from vault.classify.detectors import Detection, detect
from vault.classify.emotion import emotion
from vault.classify.prompt import SCHEMA, answer, prompt
from vault.classify.rules import by_words
from vault.classify.tags import tags
from vault.classify.verdict import Verdict
from vault.errors import VaultError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vault.classify.head import Head

Instruct = Callable[[str, dict[str, Any]], Mapping[str, Any]]
"""Prompt and JSON schema to an object of that schema, as ``vault.models`` offers it."""
RULES_CONFIDENCE = 0.6
"""What a rule of words is worth; no more than the lowest threshold."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """Decides how sensitive texts are, with whatever of the local model is at hand."""

    head: "Head | None" = None
    """The trained head; None where there is no model."""
    embedder_id: str | None = None
    """Which embedder the vectors come from; a head trained on another is not used, and the verdict says so."""
    policy: Policy = Policy()  # noqa: RUF009 (frozen)
    """Thresholds and fallback."""
    instruct: Instruct | None = None
    """An instruct model to ask where the head is unsure or missing."""

    def classify(
        self,
        text: str,
        vectors: "NDArray[Any] | None" = None,
        explicit: Classification | None = None,
        vocabulary: Iterable[str] = (),
        beside: str = "",
    ) -> Verdict:
        """The verdict on *text*.

        Args:
            text: as captured.
            vectors: its passages (n, dims), L2-normalised, from the embedder named by ``embedder_id``.
            explicit: the class the person gave; it always wins, and a floor above it warns.
            vocabulary: the tags the person uses, preferred over keywords.
            beside: what will be kept with the text (metadata, context, …); only the detectors read it.
        """
        detections = detect(text)
        floors = [*detections, *detect(beside)] if beside else detections
        probabilities, note = self._ask_head(text, vectors)
        if explicit is not None:
            decision = decide(probabilities, floors, explicit, self.policy)
        else:
            decision = self._decide(text, probabilities, floors)
        if note and decision.stage != "explicit":
            decision = replace(decision, reasoning=f"{decision.reasoning} ({note})")
        return Verdict(
            label=decision.label,
            confidence=round(decision.confidence, 4),
            reasoning=decision.reasoning,
            tags=tags(text, detections, vocabulary),
            emotion=emotion(text),
            level=decision.label.level,
            stage=decision.stage,
            warnings=decision.warnings,
            probabilities=probabilities,
        )

    def _ask_head(
        self, text: str, vectors: "NDArray[Any] | None"
    ) -> tuple[dict[Classification, float] | None, str]:
        """The head's probabilities, or None and why not."""
        if self.head is None or vectors is None or not len(vectors):
            return None, "no model"
        if self.embedder_id is not None and self.embedder_id != self.head.model_id:
            return None, "the head was trained for another embedder"
        from vault.classify.head import pooled

        return self.head.probabilities(pooled(vectors)[None, :], [text])[0], ""

    def _decide(
        self, text: str, probabilities: Mapping[Classification, float] | None, detections: Sequence[Detection]
    ) -> Decision:
        decision = by_level(probabilities, self.policy)
        if decision.stage == "fallback":
            decision = self._ask_instruct(text) or self._ask_rules(text, probabilities) or decision
        return raised(decision, max(detections, key=lambda d: d.floor.level, default=None))

    def _ask_instruct(self, text: str) -> Decision | None:
        """What the instruct model says, if its confidence reaches the threshold of what it says."""
        if self.instruct is None:
            return None
        try:
            said = answer(self.instruct(prompt(text), SCHEMA))
        except VaultError:  # a model that fails is a model that is not there: stay closed
            return None
        if said is None or said[1] < {**THRESHOLDS, **self.policy.thresholds}[said[0]]:
            return None
        return Decision(said[0], said[1], "instruct", f"instruct: the model says {said[0]} with {said[1]:.2f}")

    def _ask_rules(self, text: str, probabilities: Mapping[Classification, float] | None) -> Decision | None:
        said = by_words(text) if probabilities is None else None
        return Decision(said[0], RULES_CONFIDENCE, "rules", said[1]) if said else None
