"""The personal layer: what a person filed themselves moves the head's probabilities for texts that are near.

A neighbour teaches only where the head was wrong about it: what moves is the difference between the class the
person chose and what the head says of that same entry. So a harmless note filed as general does not pull down the
credential that reads like it, while a theme that the head misjudges follows after a correction or a few.
Nothing here is stored: neighbours come from the open compartments, see `vault.compartment.corrections`.
Figures are in `docs/classification.md`; `bench/personal/measure.py` measures them.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vault.classification import Classification
from vault.classify.detectors import detect
from vault.errors import Damaged, Locked, StorageFailed, VaultBusy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vault.classify.head import Head
    from vault.compartment.compartment import Compartment
    from vault.compartment.corrections import Chosen

NEAR = 0.45
"""Cosine from which a neighbour counts: of ten themes, none came nearer than that to 99.5 % of 1,776 other texts."""
SPAN = 0.25
"""From here above `NEAR` on it counts in full."""
FULL = 20.0
"""Weight of a neighbour that counts in full, beside 1 for the head; a paraphrase follows one correction at once."""
MOST = 8
"""Neighbours that count for one text."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry that the person filed themselves, near a text."""

    entry: str
    """Its id."""
    classification: Classification
    """Where they filed it."""
    cosine: float
    said: Mapping[Classification, float] | None = None
    """What the head alone says of it; None where it is too far to count."""

    @property
    def weight(self) -> float:
        """How much it counts, 0 to `FULL`, growing with the square of its nearness."""
        near = (self.cosine - NEAR) / SPAN
        return FULL * min(max(near, 0.0), 1.0) ** 2 if self.said is not None else 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the open compartments know of things near one text."""

    neighbours: tuple[Neighbour, ...] = ()
    """Nearest first, at most `MOST`."""
    tags: tuple[tuple[Classification, str, float], ...] = field(default=())
    """(class that uses it, tag, cosine with the mean of its entries)."""

    def tags_up_to(self, label: Classification) -> list[tuple[str, float]]:
        """Tags that may be told at *label*: a word used only higher up must not show below."""
        return [(tag, cosine) for used, tag, cosine in self.tags if used.level <= label.level]


def moved(
    probabilities: Mapping[Classification, float], neighbours: Sequence[Neighbour]
) -> dict[Classification, float]:
    """*probabilities* after what *neighbours* teach; the same where none of them counts."""
    counted = [n for n in neighbours if n.weight]
    total = 1.0 + sum(n.weight for n in counted)
    after = dict(probabilities)
    if not counted:
        return after
    for n in counted:
        for c, p in (n.said or {}).items():
            after[c] += n.weight / total * ((c is n.classification) - p)
    positive = {c: max(p, 0.0) for c, p in after.items()}
    whole = sum(positive.values())
    return {c: p / whole for c, p in positive.items()}


def gather(
    compartments: "Sequence[Compartment]", head: "Head", texts: "Sequence[NDArray[Any] | Sequence[Any]]"
) -> list[Evidence]:
    """What *compartments* know of each of *texts*: its passages' vectors (n, dims), or nothing.

    One call to each compartment, however many texts. Only for the embedder that *head* was trained for: what is
    near for another is not known.
    """
    import numpy as np

    from vault.classify.head import pooled

    asked = [i for i, vectors in enumerate(texts) if len(vectors)]
    found: list[Evidence] = [Evidence()] * len(texts)
    if not asked or not compartments:
        return found
    means = [pooled(np.asarray(texts[i])).astype("<f4").tobytes() for i in asked]
    near: list[list[Neighbour]] = [[] for _ in asked]
    tags: list[list[tuple[Classification, str, float]]] = [[] for _ in asked]
    for compartment in compartments:
        told = None
        with suppress(Locked, VaultBusy, Damaged, StorageFailed):  # what was learned must not keep a capture back
            told = compartment.consult(head.model_id, means)
        if told is None:
            continue
        own = compartment.classification
        counted = {place for row in told.near for place, cosine in row if cosine > NEAR}
        said = {place: opinion(head, told.chosen[place]) for place in counted}
        for i in range(len(asked)):
            near[i] += [Neighbour(told.chosen[p].entry, own, cos, said.get(p)) for p, cos in told.near[i]]
            tags[i] += [(own, tag, cosine) for tag, cosine in told.tags[i]]
    for place, neighbours, used in zip(asked, near, tags, strict=True):
        neighbours.sort(key=lambda n: -n.cosine)
        found[place] = Evidence(tuple(neighbours[:MOST]), tuple(used))
    return found


def opinion(head: "Head", chosen: "Chosen") -> dict[Classification, float]:
    """What *head* says of an entry that the person filed."""
    import numpy as np

    vector = np.frombuffer(chosen.vector, dtype="<f4")[None, :]
    return head.probabilities(chosen.text, vector, None, detect(chosen.text))
