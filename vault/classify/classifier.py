"""``Classifier``: text in, ``Verdict`` out. Wires detectors, head, instruct model, rules, emotion and tags.

Order: an explicit class, else the head over the text's vectors; where it is unsure or absent an instruct
model if one is configured, else (without a head) the words-only rules; then the detectors' floor.
Stores nothing and imports no model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vault.classification import THRESHOLDS, Classification
from vault.classify.decide import Decision, Policy, by_loss, decide, raised
from vault.classify.detectors import Detection, detect
from vault.classify.emotion import emotion
from vault.classify.personal import Evidence, Neighbour, gather, moved
from vault.classify.prompt import SCHEMA, answer, prompt
from vault.classify.reasons import About, Reasons
from vault.classify.rules import by_words
from vault.classify.tags import hashtags, own_spelling, slug, tags
from vault.classify.verdict import Verdict
from vault.errors import VaultError
from vault.policy import Rule, Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vault.classify.head import Head
    from vault.compartment.compartment import Compartment

Instruct = Callable[[str, dict[str, Any]], Mapping[str, Any]]
"""Prompt and JSON schema to an object of that schema, as ``vault.models`` offers it."""
_NOTHING = About()
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

    rules: Rules = Rules()  # noqa: RUF009 (frozen)
    """The person's own rules."""

    def classify(
        self,
        text: str,
        vectors: "NDArray[Any] | None" = None,
        explicit: Classification | None = None,
        vocabulary: Sequence[str] = (),
        about: About = _NOTHING,
        peaks: "NDArray[Any] | None" = None,
    ) -> Verdict:
        """The verdict on *text*; the arguments are those of `weigh`."""
        return self.weigh(text, vectors, explicit, vocabulary, about, peaks).verdict

    def weigh(
        self,
        text: str,
        vectors: "NDArray[Any] | None" = None,
        explicit: Classification | None = None,
        vocabulary: Sequence[str] = (),
        about: About = _NOTHING,
        peaks: "NDArray[Any] | None" = None,
    ) -> Reasons:
        """The verdict on *text* with all that went into it.

        Args:
            text: as captured.
            vectors: its passages (n, dims), L2-normalised, from the embedder named by ``embedder_id``.
            explicit: the class the person gave; it always wins, and a floor above it warns.
            vocabulary: the tags the person uses, the most used first.
            about: source, given tags, what will be kept beside the text, what was filed near it.
            peaks: of the same passages (n, probes), against ``probes``; without them the head is a little worse.
        """
        hits = detect(text)
        floors = [*hits, *detect(about.beside)] if about.beside else hits
        head, note = self._ask_head(text, vectors, peaks, hits)
        after = None if head is None else moved(head, about.evidence.neighbours)
        spoken, given = f"{text}\n{about.beside}", (*map(slug, about.tags), *hashtags(text))
        always = self.rules.always_of(spoken, given)
        if explicit is not None:
            decision = decide(after, floors, explicit, self.policy)
        else:
            decision = _by_rule(always) if always else self._decide(text, head, after, about)
            decision = raised(decision, max(floors, key=lambda d: d.floor.level, default=None))
        if note and decision.stage not in {"explicit", "policy"}:
            decision = replace(decision, reasoning=f"{decision.reasoning} ({note})")
        suggested = tags(text, hits, vocabulary, about.evidence.tags_up_to(decision.label))
        held = self.rules.floor_of(spoken, given if about.tags else (*given, *suggested))
        decision = _held(decision, held)
        verdict = Verdict(
            label=decision.label,
            confidence=round(decision.confidence, 4),
            reasoning=decision.reasoning,
            tags=suggested,
            emotion=emotion(text),
            level=decision.label.level,
            stage=decision.stage,
            warnings=(*decision.warnings, *_spelling(about.tags, vocabulary)),
            uncertain=decision.uncertain,
            probabilities=after,
        )
        names = tuple(rule.name for rule in (always, held) if rule is not None)
        fallback = self.rules.sources.get(about.source, self.policy.fallback)
        thresholds = {c: self.policy.thresholds.get(c, THRESHOLDS[c]) for c in Classification}
        return Reasons(verdict, tuple(floors), head, about.evidence.neighbours, names, thresholds, fallback)

    def evidence(
        self, compartments: "Sequence[Compartment]", texts: "Sequence[NDArray[Any] | Sequence[Any]]"
    ) -> list[Evidence]:
        """What *compartments* know of things near each text, given as its passages' vectors (none: not asked)."""
        if self.head is None or not self._fits(self.head):
            return [Evidence()] * len(texts)
        return gather(compartments, self.head, texts)

    @property
    def probes(self) -> "NDArray[Any] | None":
        """What to give ``Embedder.embed_with_peaks``, where the head fits the embedder."""
        return None if self.head is None or not self._fits(self.head) else self.head.probes

    def _fits(self, head: "Head") -> bool:
        return self.embedder_id is None or self.embedder_id == head.model_id

    def _ask_head(
        self,
        text: str,
        vectors: "NDArray[Any] | None",
        peaks: "NDArray[Any] | None",
        detections: Sequence[Detection],
    ) -> tuple[dict[Classification, float] | None, str]:
        """The head's probabilities, or None and why not."""
        if self.head is None or vectors is None or not len(vectors):
            return None, "no model"
        if not self._fits(self.head):
            return None, "the head was trained for another embedder"
        return self.head.probabilities(text, vectors, peaks, detections), ""

    def _decide(
        self,
        text: str,
        head: Mapping[Classification, float] | None,
        after: Mapping[Classification, float] | None,
        about: About,
    ) -> Decision:
        decision = by_loss(after, self.policy)
        if head is not None and after != head:
            decision = _taught(decision, by_loss(head, self.policy), about.evidence.neighbours)
        if not decision.uncertain:
            return decision
        for said in (self._ask_instruct(text), self._ask_rules(text, after), self._ask_source(about.source, after)):
            # what stands in for a doubtful head does not bring down what it takes for a secret
            if said is not None and (
                said.label.level >= decision.label.level or decision.label.level <= self.policy.fallback.level
            ):
                return said
        return decision

    def _ask_source(
        self, source: str, probabilities: Mapping[Classification, float] | None
    ) -> Decision | None:
        """The class that the person's settings give to texts from *source* that nothing is sure about."""
        label = self.rules.sources.get(source)
        if label is None:
            return None
        why = f"policy: unsure, and your settings file {source} as {label}"
        return Decision(label, (probabilities or {}).get(label, 0.0), "policy", why, uncertain=True)

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
        return Decision(said[0], RULES_CONFIDENCE, "rules", said[1], uncertain=True) if said else None


def _by_rule(rule: Rule) -> Decision:
    return Decision(rule.classification, 1.0, "policy", f"policy: {rule.name} decides")


def _held(decision: Decision, rule: Rule | None) -> Decision:
    """*decision*, lifted to the class of *rule* where that is higher; what the person chose is only warned about."""
    if rule is None or rule.classification.level <= decision.label.level:
        return decision
    label = rule.classification
    if decision.stage == "explicit":
        warning = f"filed as {decision.label} as asked, although {rule.name} says {label}"
        return replace(decision, warnings=(*decision.warnings, warning))
    return Decision(label, 1.0, "policy", f"policy: {rule.name} keeps it from going lower", decision.warnings)


def _taught(decision: Decision, alone: Decision, neighbours: Sequence[Neighbour]) -> Decision:
    """*decision* with its reasoning where *neighbours* made it another than the head *alone*.

    Only those filed under its own class are counted out: what is in a higher class leaves no trace in a lower one.
    """
    if decision.label is alone.label or decision.stage == "fallback":
        return decision
    alike = sum(n.weight > 0 and n.classification is decision.label for n in neighbours)
    why = f"personal: like {alike or 'others'} that you filed, {decision.label} with {decision.confidence:.2f}"
    return replace(decision, stage="personal", reasoning=f"{why} (head alone: {alone.label})")


def _spelling(given: Sequence[str], vocabulary: Sequence[str]) -> list[str]:
    pairs = [(tag, own_spelling(slug(tag), vocabulary)) for tag in given]
    return [f"the tag {tag} is new and like your {own}" for tag, own in pairs if own is not None]
