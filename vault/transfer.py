"""Import and export: many entries at once, idempotent, resumable, with flat memory.

An import acknowledges batch by batch. What it takes is known by its stable source id, so running it again
takes up where it was killed, updates what changed at the source and leaves the rest alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vault.capture import Capture, tombstone
from vault.changing import history
from vault.classification import Classification
from vault.compartment.filters import Filters
from vault.entry import Entry
from vault.errors import InvalidInput
from vault.formats import registry
from vault.formats.interface import Exported, Item, Skipped
from vault.opened import OpenClasses
from vault.preparing import Draft, Prepared, check, tidy_title
from vault.reconcile import Progress
from vault.text import tidy_tag

MAX_NOTES = 1000
"""Skipped items that a report lists one by one; the rest is counted."""


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    waiting: int = 0
    """Items for a class that is locked: not taken, so that the next run with it open takes them once."""
    skipped: int = 0
    notes: list[Skipped] = field(default_factory=list)
    """Why items were skipped, the first `MAX_NOTES`."""
    by_class: dict[Classification, int] = field(default_factory=dict)

    @property
    def seen(self) -> int:
        """Items looked at so far."""
        return self.added + self.updated + self.unchanged + self.waiting + self.skipped


@dataclass(slots=True)
class Import:
    """One import of one path."""

    capture: Capture
    opened: OpenClasses
    defaults: Draft
    """Class, tags and source given for all items; its text is ignored."""
    dry_run: bool = False
    report: ImportReport = field(default_factory=ImportReport)
    seen: dict[int, int] = field(default_factory=dict)
    """Hash of each source id of this import → hash of its text: some hundred bytes an item, no text."""

    def run(
        self,
        path: Path,
        format_name: str | None,
        progress: Progress | None,
    ) -> ImportReport:
        """Import *path*.

        Raises:
            NotFound, InvalidInput: *path* is not there or in no known format; StorageFailed: what was
            acknowledged before is kept, and the next run goes on from there.
        """
        importer = registry.importer_for(path, format_name)
        total = importer.count(path)
        stream = self._drafts(importer.read(path))
        for prepared in self.capture.prepared(stream):
            self._take(prepared)
            if progress:
                progress("importing", self.report.seen, total)
        if progress and total:
            progress("importing", self.report.seen, total)
        return self.report

    def _drafts(self, items: Iterator[Item | Skipped]) -> Iterator[Draft]:
        """What has to be captured or updated; everything else is only counted."""
        for item in items:
            if isinstance(item, Skipped):
                self._skip(item)
                continue
            draft = self._draft(item)
            try:
                check(draft)
            except InvalidInput as error:
                self._skip(Skipped(draft.source_id, f"{error.message} ({error.remedy})"))
                continue
            if self._repeats(draft):
                continue
            known = self._known(draft)
            if known is None and self._is_elsewhere(draft):
                self.report.waiting += 1
            elif known is None:
                yield draft
            elif known.deleted or _same(known, draft) or self._was_so(known, draft):
                self.report.unchanged += 1
            else:
                yield replace(draft, entry=known.id, parents=known.revisions)

    def _repeats(self, draft: Draft) -> bool:
        """Whether this source id came before in this import; another text under it is said, not taken."""
        if not draft.source_id:
            return False
        key, text = hash((draft.source, draft.source_id)), hash(draft.text)
        if key not in self.seen:
            self.seen[key] = text
            return False
        if self.seen[key] == text:
            self.report.unchanged += 1
        else:
            self._skip(Skipped(draft.source_id, "the same id came before with another text (give each its own id)"))
        return True

    def _draft(self, item: Item) -> Draft:
        defaults = self.defaults
        return Draft(
            text=item.text,
            classification=defaults.classification or item.classification,
            title=item.title,
            tags=(*item.tags, *(defaults.tags or ())),
            created=item.created,
            source=defaults.source or item.source,
            source_id=item.source_id,
            context=item.context or "",
            metadata=dict(item.metadata),
        )

    def _known(self, draft: Draft) -> Entry | None:
        if not draft.source_id:
            return None
        found = [c.by_source(draft.source, draft.source_id) for c in self.opened.compartments]
        entries = [e for e in found if e is not None]
        living = [e for e in entries if not e.deleted]
        return next(iter(living or entries), None)

    def _is_elsewhere(self, draft: Draft) -> bool:
        """Whether it was imported and then moved to a class that is locked now."""
        return any(c.went_away(draft.source, draft.source_id) for c in self.opened.compartments)

    def _was_so(self, known: Entry, draft: Draft) -> bool:
        """Whether an older revision is what the source still says: then the person edited it here, and keeps that."""
        return any(_same(version.entry, draft) for version in history(self.opened, known))

    def _take(self, prepared: Sequence[Prepared]) -> None:
        settled = [self._settled(p) for p in prepared]
        ready = [p for p in settled if p.verdict.label in self.opened.classes]
        self.report.waiting += len(prepared) - len(ready)
        if ready and not self.dry_run:
            self.capture.commit(ready)
            self._bury_moved(ready)
        for p in ready:
            if p.draft.entry:
                self.report.updated += 1
            else:
                self.report.added += 1
            label = p.verdict.label
            self.report.by_class[label] = self.report.by_class.get(label, 0) + 1

    def _settled(self, prepared: Prepared) -> Prepared:
        """An update may raise an entry's class, as an edit may, but never lowers it."""
        known = self._living(prepared.draft.entry) if prepared.draft.entry else None
        if known is None or prepared.verdict.label.level > known.classification.level:
            return prepared
        verdict = replace(prepared.verdict, label=known.classification, level=known.classification.level)
        return replace(prepared, verdict=verdict)

    def _bury_moved(self, ready: Sequence[Prepared]) -> None:
        for p in ready:
            for compartment in self.opened.compartments if p.draft.entry else ():
                entry = compartment.entry(p.draft.entry)
                if entry and not entry.deleted and entry.classification is not p.verdict.label:
                    stone = tombstone(entry, entry.classification, entry.revisions, "moved")
                    self.capture.writer.write([stone])

    def _living(self, entry_id: str) -> Entry | None:
        found = [e for c in self.opened.compartments if (e := c.entry(entry_id)) and not e.deleted]
        return found[0] if found else None

    def _skip(self, skipped: Skipped) -> None:
        self.report.skipped += 1
        if len(self.report.notes) < MAX_NOTES:
            self.report.notes.append(skipped)


def _same(entry: Entry, draft: Draft) -> bool:
    """Whether *entry* holds what the source says; tags added since by the person do not count."""
    return (
        entry.text == draft.text
        and (not draft.title or entry.title == tidy_title(draft))
        and {tidy_tag(tag) for tag in draft.tags or ()} <= {*entry.tags, ""}
        and (draft.created is None or entry.created == draft.created)
        and dict(entry.metadata) == draft.metadata
    )


def export(
    opened: OpenClasses,
    target: Path,
    format_name: str,
    filters: Mapping[Classification, Filters],
    progress: Progress | None,
    *,
    overwrite: bool = False,
    dry_run: bool = False,
) -> int:
    """Write the entries that *filters* admit at *target*, in clear; returns how many.

    Raises:
        Conflict, StorageFailed, InvalidInput: as the format says.
    """
    chosen = [c for c in opened.compartments if c.classification in filters]
    total = sum(c.count(filters[c.classification]) for c in chosen)
    if dry_run:
        registry.exporter(format_name)
        return total
    if not chosen:
        raise InvalidInput("nothing is open to export", remedy="unlock a class first")

    def items() -> Iterator[Exported]:
        done = 0
        for compartment in chosen:
            for entry in compartment.each(filters[compartment.classification]):
                done += 1
                if progress and done % 50 == 0:
                    progress("exporting", done, total)
                yield exported(entry)

    count = registry.exporter(format_name).write(target, items(), overwrite=overwrite)
    if progress:
        progress("exporting", count, total)
    return count


def exported(entry: Entry) -> Exported:
    """An entry on its way out."""
    return Exported(
        id=entry.id,
        text=entry.text,
        title=entry.title or None,
        tags=entry.tags,
        created=entry.created,
        updated=entry.updated,
        source=entry.source,
        source_id=entry.source_id,
        classification=entry.classification,
        context=entry.context or None,
        metadata=dict(entry.metadata),
    )
