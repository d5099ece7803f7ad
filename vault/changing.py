"""What changes an entry that exists: edits, moves, restores, the trash, purges; and its history.

Every change is a new revision; none of these functions ever alters a file that is there.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from vault.capture import Capture, Writer, again, as_entry, tombstone
from vault.classification import Classification
from vault.entry import Entry
from vault.errors import Damaged, InvalidInput, Locked, NotFound, StorageFailed, VaultBusy
from vault.home import Home
from vault.opened import OpenClasses
from vault.preparing import Draft, as_draft, tidy_title

PURGED_AT_ONCE = 10_000
"""Names per purge list, well within its size bound."""


@dataclass(frozen=True, slots=True)
class Version:
    """One revision of an entry, as history shows it."""

    name: str
    entry: Entry
    """Its content; a tombstone has no text."""
    updated: datetime
    device: str
    kind: str
    """``text``, ``trash`` or ``moved``."""
    head: bool
    """Whether nothing follows it."""


def history(opened: OpenClasses, entry: Entry) -> list[Version]:
    """All revisions of *entry* in the open classes, newest first."""
    versions = []
    for compartment in opened.compartments:
        heads = {h.name for h in compartment.heads(entry.id)}
        for record in compartment.history(entry.id):
            revision = opened.load(compartment.classification, record.name)
            if revision is not None:
                kind = record.deleted or "text"
                content = as_entry(revision, record.name)
                versions.append(
                    Version(record.name, content, record.updated, record.device, kind, record.name in heads)
                )
    return sorted(versions, key=lambda v: (v.updated, v.kind == "text"), reverse=True)


def edit(capture: Capture, old: Entry, wanted: Entry, parents: tuple[str, ...]) -> Entry:
    """*wanted* in place of *old*; what a detector may read is only looked at where it changed."""
    if (wanted.text, wanted.title, wanted.metadata) == (old.text, old.title, old.metadata):
        return capture.writer.write([again(wanted, old.classification, parents)])[0]
    return _edit_text(capture, old, wanted, parents)


def _edit_text(capture: Capture, old: Entry, wanted: Entry, parents: tuple[str, ...]) -> Entry:
    """Seal the changed text of *wanted*; where a detector puts it above its class, it moves there.

    A class that the person chose explicitly stays; the verdict's warning says what was seen.
    """
    chosen = old.reasoning.startswith("explicit")
    draft = replace(
        as_draft(wanted),
        classification=old.classification if chosen else None,
        title=_retitled(old, wanted),
        entry=old.id,
        parents=parents,
    )
    prepared = capture.prepare([draft])[0]
    raised = prepared.verdict.stage in {"detector", "policy"} and prepared.verdict.level > old.level
    if not raised and prepared.verdict.label is not old.classification:
        prepared = replace(prepared, verdict=replace(prepared.verdict, label=old.classification, level=old.level))
    entry = capture.commit([prepared])[0]
    if raised:
        capture.writer.write([tombstone(old, old.classification, parents, "moved")])
        warning = f"moved to {entry.classification}; the older {old.classification} revision stays in history"
        entry = replace(entry, warnings=(*entry.warnings, warning))
    return entry


def move(
    writer: Writer, old: Entry, target: Classification, confidence: float = 1.0, reasoning: str | None = None
) -> Entry:
    """File *old* under *target*: first the new place, then the tombstone.

    A crash between the two leaves the entry in both, and reconcile ends the move. Without a *reasoning* of the
    classifier's it is the person's choice.
    """
    reasoning = reasoning or f"explicit: moved from {old.classification} to {target}"
    here, there = (writer.opened.classes.get(c) for c in (old.classification, target))
    carried = here.compartment.carried(old.id) if here and there else None
    moved = replace(old, confidence=confidence, reasoning=reasoning)
    entry = writer.write([again(moved, target, old.revisions)])[0]
    if there and carried:
        with suppress(StorageFailed, Damaged, VaultBusy):  # its vectors can come later
            there.compartment.take(entry.id, carried)
    writer.write([tombstone(old, old.classification, old.revisions, "moved")])
    return entry


def confirm(writer: Writer, entry: Entry) -> Entry:
    """*entry* in the class it has, which is the person's choice from now on."""
    sure = replace(entry, confidence=1.0, reasoning=f"explicit: {entry.classification} was confirmed")
    return writer.write([again(sure, entry.classification, entry.revisions)])[0]


def trash(writer: Writer, entry: Entry) -> None:
    """Put *entry* in the trash."""
    writer.write([tombstone(entry, entry.classification, entry.revisions, "trash")])


def restore(writer: Writer, opened: OpenClasses, entry: Entry, revision: str | None) -> Entry:
    """Bring *entry* back from the trash, or back to an older *revision* (name or unique prefix).

    Raises:
        NotFound: no single such revision; InvalidInput: there is nothing to bring back.
    """
    source = entry
    if revision is not None:
        found = {v.name: v for v in history(opened, entry) if v.name.startswith(revision) and v.kind == "text"}
        if len(found) != 1:
            raise NotFound(f"no single revision {revision[:32]}", remedy=f"see: memory history {entry.id}")
        source = next(iter(found.values())).entry
    elif not entry.deleted:
        raise InvalidInput(f"{entry.id} is not in the trash", remedy="give --revision to go back to an older text")
    heads = [h.name for h in opened.need(entry.classification).compartment.heads(entry.id)]
    return writer.write([again(source, entry.classification, heads)])[0]


def purge(home: Home, opened: OpenClasses, entry: Entry) -> None:
    """Delete every sealed file of *entry* in the open classes.

    The signed list comes first: after a crash reconcile finishes the deletion, and no file returns.

    Raises:
        Locked: an older revision lies in a locked class, and would stay.
    """
    by_class = {c: [r.name for r in c.history(entry.id)] for c in opened.compartments}
    names = [name for many in by_class.values() for name in many]
    parents = {p for c in opened.compartments for r in c.history(entry.id) for p in r.parents}
    if home.objects.present(parents - set(names)):
        raise Locked("older revisions of it are in a class that is locked", remedy="unlock all classes to purge it")
    for start in range(0, len(names), PURGED_AT_ONCE):
        _purge_names(home, names[start : start + PURGED_AT_ONCE])
    for compartment, many in by_class.items():
        with suppress(StorageFailed):  # reconcile drops purged names from the index at the next opening
            compartment.forget(many, lambda _name: None)


def _purge_names(home: Home, names: list[str]) -> None:
    from vault.keys.purge import render

    listed = render(home.vault_id, names, home.device_key())
    try:
        home.objects.put_purge_list(listed)
    except StorageFailed as error:
        if not error.is_full:
            raise
        # A full disk must not keep anybody from making room: the oldest file goes first, then the list fits.
        home.objects.remove(names[-1:])
        home.objects.put_purge_list(listed)
    home.objects.remove(names)


def _retitled(old: Entry, wanted: Entry) -> str | None:
    """Keep a title that was given; let one that came from the heading follow the heading."""
    if wanted.title != old.title:
        return wanted.title
    derived = tidy_title(Draft(old.text))
    return None if old.title in {"", derived} else old.title
