"""From a text to a sealed, indexed entry: classify → seal → put (acknowledged) → index.

Nothing is written before it is classified, because an upward move cannot be undone in git history. The
same path serves one capture and an import of a million: batches, with the model working on the next batch
while this one is sealed and indexed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from vault import text as text_rules
from vault.classification import Classification
from vault.compartment.records import Incoming
from vault.entry import Entry, Revision
from vault.errors import Damaged, Locked, NoVault, StorageFailed, VaultBusy
from vault.home import Home
from vault.locks import next_seqs
from vault.names import new_entry_id
from vault.opened import OpenClasses, remember_seen
from vault.preparing import Draft, Prepared, batches
from vault.reading import Reader
from vault.seal import seal

if TYPE_CHECKING:
    from vault.keys.pins import Pin


class Writer:
    """Seals, stores and indexes revisions; needs no model."""

    def __init__(self, home: Home, opened: OpenClasses) -> None:
        """Write to *home*, and index what is open."""
        self._home = home
        self.opened = opened

    @cached_property
    def _pins(self) -> "dict[Classification, Pin]":
        return self._home.pins()

    def write(self, revisions: Sequence[Revision]) -> list[Entry]:
        """Number, sign, seal, store and index *revisions*; vault, device, seq and time are filled in here.

        Returning is the acknowledgement.

        Raises:
            Locked: a class that this device has never unlocked; nothing was written.
            NoVault: it was moved or deleted under us; StorageFailed: nothing may be counted on.
        """
        if not self._home.is_there():
            raise NoVault(f"the vault at {self._home.path} is gone", remedy="put it back; nothing was saved")
        key = self._home.device_key()
        final = self._numbered([self._with_extra(r) for r in revisions], key.device.id)
        sealed = [seal(r, self._pins[r.classification].recipient, key) for r in final]
        names = self._home.objects.put([s.data for s in sealed])
        remember_seen(self._home, names)
        by_class: dict[Classification, list[Incoming]] = {}
        for name, s, revision in zip(names, sealed, final, strict=True):
            by_class.setdefault(revision.classification, []).append(Incoming(name, s.digest, revision))
        self.opened.index(by_class)
        return [as_entry(r, name) for r, name in zip(final, names, strict=True)]

    def finish_moves(self) -> list[str]:
        """Write the tombstones of moves that were cut off after their first half; returns what is left to tell."""
        try:
            for old, entry_id, heads in self.opened.moves_to_finish():
                entry = self.opened.need(old).compartment.entry(entry_id)
                if entry is not None:
                    self.write([tombstone(entry, old, heads, "moved")])
        except (StorageFailed, Damaged, Locked) as error:  # reading must work all the same; the next opening asks again
            return [f"a move is not finished: {error.message}"]
        self.opened.moves_finished()
        return []

    def _with_extra(self, revision: Revision) -> Revision:
        """Keys of a later version go from the parent to its successor."""
        for name in revision.parents[:1]:
            for classification in self.opened.classes:
                parent = self.opened.load(classification, name)
                if parent is not None and parent.extra:
                    return replace(revision, extra=parent.extra)
        return revision

    def _numbered(self, revisions: Sequence[Revision], device: str) -> list[Revision]:
        counts = Counter(r.classification for r in revisions)
        for classification in counts:
            if classification not in self._pins:
                raise Locked(
                    f"this device has never unlocked {classification}, so it cannot seal to it",
                    remedy=f"unlock {classification} once on this device; nothing was saved",
                )
        seqs = {c: iter(next_seqs(self._home.sequence(c), n)) for c, n in counts.items()}
        vault_id, now = self._home.vault_id, datetime.now(UTC)
        return [
            replace(
                r,
                vault=vault_id,
                device=device,
                seq=next(seqs[r.classification]),
                created=now if r.created == r.updated and not r.parents else r.created,  # a text of this moment
                updated=now,
            )
            for r in revisions
        ]


class Capture:
    """The way in for texts: prepared, then written."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        vocabulary: Callable[[], Sequence[str]],
    ) -> None:
        """Classify with *reader*, write through *writer*; *vocabulary* gives the person's own tags."""
        self.writer = writer
        self._reader = reader
        self._vocabulary = vocabulary

    def prepare(self, drafts: Sequence[Draft], vocabulary: Sequence[str] | None = None) -> list[Prepared]:
        """Classify and embed; writes nothing.

        Raises:
            InvalidInput: a text that cannot be an entry.
        """
        words = self._vocabulary() if vocabulary is None else vocabulary
        return self._reader.prepare(self.writer.opened.compartments, drafts, words)

    def commit(self, prepared: Sequence[Prepared]) -> list[Entry]:
        """Seal, store durably, then index what is open. Returning is the acknowledgement.

        Raises:
            Locked: a class that this device has never unlocked; nothing was written.
            StorageFailed: nothing may be counted on.
        """
        entries = self.writer.write([_revision(p) for p in prepared])
        by_class: dict[Classification, list[tuple[str, Prepared]]] = {}
        for entry, p in zip(entries, prepared, strict=True):
            by_class.setdefault(entry.classification, []).append((entry.id, p))
        for classification, rows in by_class.items():
            self._put_passages(classification, rows)
        return [replace(e, warnings=p.verdict.warnings) for e, p in zip(entries, prepared, strict=True)]

    def _put_passages(self, classification: Classification, rows: Sequence[tuple[str, Prepared]]) -> None:
        opened = self.writer.opened.classes.get(classification)
        model = self._reader.model() if opened is not None else None
        if opened is None or model is None:
            return
        compartment = opened.compartment
        with suppress(StorageFailed, Damaged, VaultBusy, Locked):  # the entry is safe; its vectors can come later
            compartment.use_model(*model)
            found = [(compartment.rowid(entry), p) for entry, p in rows]
            compartment.put_passages([(rowid, p.spans, p.vectors) for rowid, p in found if rowid is not None])

    def prepared(self, drafts: Iterable[Draft]) -> Iterator[list[Prepared]]:
        """Prepare a stream, a batch at a time.

        One after the other on purpose: the model's threads use every core and spin while they wait for each
        other, so sealing beside them takes longer than sealing after them.
        """
        vocabulary = self._vocabulary()
        for batch in batches(drafts):
            yield self.prepare(batch, vocabulary)


def _revision(prepared: Prepared) -> Revision:
    draft, verdict = prepared.draft, prepared.verdict
    now = datetime.now(UTC)
    return Revision(
        vault="",
        classification=verdict.label,
        entry=draft.entry or new_entry_id(),
        device="",
        parents=draft.parents,
        seq=0,
        created=(draft.created or now).astimezone(UTC),
        updated=now,
        body=draft.text,
        title=draft.title or "",
        tags=draft.tags or tuple(text_rules.tidy_tag(t) for t in verdict.tags),
        source=draft.source,
        source_id=draft.source_id,
        context=draft.context,
        confidence=round(verdict.confidence, 4),
        reasoning=verdict.reasoning,
        emotion=verdict.emotion,
        metadata=draft.metadata,
    )


def _successor(entry: Entry, classification: Classification, parents: Sequence[str]) -> Revision:
    """A revision after *parents*, without content; the writer fills in the rest."""
    return Revision(
        vault="",
        classification=classification,
        entry=entry.id,
        device="",
        parents=tuple(parents),
        seq=0,
        created=entry.created,
        updated=entry.updated,
    )


def tombstone(entry: Entry, classification: Classification, parents: Sequence[str], kind: str) -> Revision:
    """The revision that puts an entry in the trash (``trash``) or says it went to another class (``moved``)."""
    return replace(_successor(entry, classification, parents), deleted=kind)


def again(entry: Entry, classification: Classification, parents: Sequence[str]) -> Revision:
    """A new revision with the content of *entry*: for moves, restores and changes of tags alone."""
    return replace(
        _successor(entry, classification, parents),
        body=entry.text,
        title=entry.title,
        tags=entry.tags,
        source=entry.source,
        source_id=entry.source_id,
        context=entry.context,
        confidence=entry.confidence,
        reasoning=entry.reasoning,
        emotion=entry.emotion,
        metadata=entry.metadata,
        trust=entry.trust,
    )


def as_entry(revision: Revision, name: str, warnings: Sequence[str] = ()) -> Entry:
    """What the caller sees of a revision that was just sealed."""
    return Entry(
        id=revision.entry,
        classification=revision.classification,
        text=revision.body,
        title=revision.title,
        tags=revision.tags,
        created=revision.created,
        updated=revision.updated,
        source=revision.source,
        source_id=revision.source_id,
        context=revision.context,
        confidence=revision.confidence,
        reasoning=revision.reasoning,
        emotion=revision.emotion,
        metadata=revision.metadata,
        deleted=bool(revision.deleted),
        revisions=(name,),
        warnings=tuple(warnings),
    )
