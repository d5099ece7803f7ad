"""Looking again at entries that no person filed: after another model, new rules or corrections, which would move?

Nothing is moved here but what is asked for. Vectors come from the index; only what would move is read by the model
once more. How far one has come is remembered in each compartment, under what it was judged by: a second run goes on
there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vault import changing
from vault.capture import Writer
from vault.compartment.filters import Filters
from vault.entry import Entry
from vault.reading import Reader

if TYPE_CHECKING:
    from vault.classify.verdict import Verdict
    from vault.compartment.compartment import Compartment
    from vault.reconcile import Progress


@dataclass(frozen=True, slots=True)
class Proposal:
    """An entry that would be filed elsewhere today."""

    entry: Entry
    verdict: "Verdict"
    """Where and why."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries that were looked at together."""

    place: int
    """Which compartment they are in."""
    last: int
    """Rowid of the last one."""
    proposals: tuple[Proposal, ...]


class Recheck:
    """One look at all entries of the open classes whose class no person chose."""

    def __init__(
        self, writer: Writer, reader: Reader, vocabulary: Sequence[str], progress: "Progress | None" = None
    ) -> None:
        """Judge with *reader*, move through *writer*; *vocabulary* are the person's tags."""
        self._writer = writer
        self._reader = reader
        self._vocabulary = vocabulary
        self._progress = progress
        self._judge = reader.judged_by()

    def pages(self) -> Iterator[Page]:
        """Page after page, from where the last run under the same model and rules stopped."""
        if self._reader.model() is not None:
            self._reader.embed_waiting(self._compartments, self._progress)
        total, done = sum(c.count(Filters()) for c in self._compartments), 0
        for place, compartment in enumerate(self._compartments):
            last: int | None = self._mark(compartment)
            while last is not None:
                at = last
                last, count, moves = self._reader.recheck(self._compartments, place, at, self._vocabulary)
                done += count
                if self._progress:
                    self._progress("looking again", done, total)
                if last is not None:
                    yield Page(place, last, tuple(Proposal(entry, verdict) for entry, verdict in moves))

    def move(self, proposal: Proposal) -> Entry:
        """File the entry where it would go today, in the classifier's name.

        Raises:
            Locked: this device has never unlocked the class; StorageFailed.
        """
        verdict = proposal.verdict
        return changing.move(self._writer, proposal.entry, verdict.label, verdict.confidence, verdict.reasoning)

    def settle(self, page: Page) -> None:
        """Remember that every proposal up to the end of *page* has its answer."""
        self._compartments[page.place].look_again_from(f"{self._judge} {page.last}")

    def finish(self) -> None:
        """Every proposal has its answer: the next run begins anew."""
        for compartment in self._compartments:
            compartment.look_again_from("")

    @property
    def _compartments(self) -> "list[Compartment]":
        return self._writer.opened.compartments

    def _mark(self, compartment: "Compartment") -> int:
        judge, _, rowid = (compartment.meta("recheck") or "").partition(" ")
        return int(rowid) if judge == self._judge and rowid.isdigit() else 0
