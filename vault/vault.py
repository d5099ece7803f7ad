"""The facade: one vault, opened once and closed once, used by every front end and by scripts.

This is the only wiring of the library. A locked vault is a vault with no open class: capturing works,
reading finds nothing. See `docs/api.md` for a tour.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from vault import finding
from vault.arguments import as_class, draft_of, edited
from vault.capture import Capture, Writer
from vault.classification import Classification
from vault.compartment.filters import Filters
from vault.entry import Entry
from vault.errors import Locked
from vault.opened import OpenClasses
from vault.preparing import Draft
from vault.reading import Reader, need_named
from vault.reconcile import Progress

if TYPE_CHECKING:
    from vault.browsing import Browsing
    from vault.changing import Version
    from vault.classify.reasons import Reasons
    from vault.classify.verdict import Verdict
    from vault.config import Config
    from vault.doctor import Finding
    from vault.home import Home
    from vault.keyring import Keyring
    from vault.keys.keyslots import Secret
    from vault.keys.stretching import KdfLimits
    from vault.models.store import ModelStore
    from vault.rechecking import Recheck
    from vault.search.hit import Hit
    from vault.search.query import Query
    from vault.search.request import Request
    from vault.transfer import ImportReport


class Vault:
    """One open vault. Use it as a context manager, or `close` it."""

    def __init__(
        self,
        home: "Home",
        config: "Config",
        models: "ModelStore",
        limits: "KdfLimits | None" = None,
        *,
        opened: OpenClasses | None = None,
        reader: Reader | None = None,
    ) -> None:
        """Wire a vault at *home*; `vault.open`, `vault.create` and `vault.connect` are the ways to get one.

        *opened* and *reader* are given where classes or model live in another process.
        """
        self.home = home
        self.config = config
        self.models = models
        self.opened = opened if opened is not None else OpenClasses(home)
        self.reader = reader or Reader(models, config)
        self._limits = limits
        self.notes = self.reader.notes
        """What a person should be told about how things were done (degraded search, rebuilt index)."""

    # -- life -----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close indexes and model. Keys stay in this process's memory until it ends."""
        self.opened.close()
        self.reader.close()

    def unlock(
        self,
        secrets: "Sequence[Secret]",
        classes: Iterable[Classification] = tuple(Classification),
        progress: Progress | None = None,
    ) -> tuple[Classification, ...]:
        """Open every class of *classes* that a secret fits; returns those now open.

        Raises:
            WrongPassphrase: no secret fits anything; Damaged: the header was tampered with.
        """
        from vault.keys.stretching import KdfLimits, Stretched
        from vault.unlocking import Unlocker

        named = set(classes)
        wanted = [c for c in Classification if c in named and c not in self.opened.classes]
        if wanted:
            unlocker = Unlocker(self.home, Stretched(self._limits or KdfLimits()))
            with self.opened.opening(wanted) as take:
                take(unlocker.unlock(secrets, wanted), progress)
            self.notes += unlocker.notes
            self.finish_moves()
            self.notes += self.opened.take_notes()
        return self.open_classes

    def lock(self, classes: Iterable[Classification] = tuple(Classification)) -> None:
        """Close *classes*.

        What was open in the agent is gone with the process that held it; keys that were unlocked in this process
        stay in its memory until it ends.
        """
        self.opened.lock(tuple(classes))

    def attach(self) -> tuple[Classification, ...]:
        """Take up what the agent has opened for this terminal since, and what it has locked; returns what is open."""
        self.opened.attach()
        self.finish_moves()
        return self.open_classes

    def finish_moves(self) -> None:
        """Write the second half of moves between open classes that were cut off after the first."""
        self.notes += self._writer.finish_moves()

    @property
    def open_classes(self) -> tuple[Classification, ...]:
        """The unlocked classes, lowest first."""
        return tuple(c for c in Classification if c in self.opened.classes)

    @property
    def locked_classes(self) -> tuple[Classification, ...]:
        """The others."""
        return tuple(c for c in Classification if c not in self.opened.classes)

    @property
    def keyring(self) -> "Keyring":
        """The keyslots of the open classes."""
        from vault.keyring import Keyring
        from vault.keys.stretching import KdfLimits

        return Keyring(self.home, self.opened, self._limits or KdfLimits())

    # -- capture --------------------------------------------------------------------------------------

    @property
    def _capture(self) -> Capture:
        return Capture(self._writer, self.reader, self._vocabulary)

    @property
    def _writer(self) -> Writer:
        """For changes that need no model."""
        return Writer(self.home, self.opened)

    def _vocabulary(self) -> list[str]:
        with suppress(Locked):  # a class that was locked meanwhile must not keep a capture back
            return finding.vocabulary(self.opened)
        return []

    def classify(self, text: str) -> "Verdict":
        """How *text* would be filed and why; stores nothing."""
        return self._capture.prepare([Draft(text)])[0].verdict

    def why(self, text: str) -> "Reasons":
        """The verdict on *text* and all that went into it; stores nothing, and holds nothing of the text."""
        return self.reader.why(self.opened.compartments, Draft(text), self._vocabulary())

    def uncertain(self, limit: int = 50) -> list[Entry]:
        """Entries whose class no person chose and nothing was sure of, least certain first.

        `confirm` and `move` settle them, and teach how to file what is like them.
        """
        return finding.uncertain(self.opened, self.config.thresholds(), limit)

    def recheck(self, progress: Progress | None = None) -> "Recheck":
        """Look again at all entries whose class no person chose; moves nothing by itself."""
        from vault.rechecking import Recheck

        return Recheck(self._writer, self.reader, self._vocabulary(), progress)

    def embed_waiting(self, progress: Progress | None = None) -> int:
        """Give entries captured without the model (or while locked) their vectors; how many.

        Raises:
            ModelMissing: there is no model to do it with.
        """
        return self.reader.embed_waiting(self.opened.compartments, progress)

    def capture(
        self,
        text: str,
        classification: Classification | str | None = None,
        title: str | None = None,
        tags: Iterable[str] = (),
        created: datetime | str | None = None,
        source: str = "",
        context: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Keep *text*; works while everything is locked. Returning means it is durably on disk.

        Args:
            text: Markdown, at most 1 MiB of UTF-8, kept verbatim.
            classification: decides outright; None lets the classifier decide.
            title: one line; None takes a heading that the text begins with.
            tags: yours; none lets the classifier suggest.
            created: aware, naive (local time) or ISO 8601; now if None.
            source: where it came from (``shell``, ``markdown``, …).
            context: a line on the circumstances.
            metadata: plain JSON, given back as it was.

        Raises:
            InvalidInput: the text cannot be kept; Locked: this device has never unlocked the class;
            StorageFailed: nothing was acknowledged.
        """
        item = {"text": text, "classification": classification, "title": title, "tags": tags, "created": created}
        draft = draft_of(item | {"source": source, "context": context, "metadata": metadata})
        capture = self._capture
        return capture.commit(capture.prepare([draft]))[0]

    def capture_many(self, items: Iterable[Mapping[str, Any] | str]) -> Iterator[Entry]:
        """Capture a stream of texts or of mappings with the arguments of `capture`, in batches.

        Every yielded entry is durable. Memory stays flat; an error leaves what was yielded kept.
        """
        capture = self._capture
        for prepared in capture.prepared(draft_of(item) for item in items):
            yield from capture.commit(prepared)

    # -- reading --------------------------------------------------------------------------------------

    def search(self, query: "str | Query | Request", limit: int = 10, mode: str = "hybrid") -> "list[Hit]":
        """The best entries for a query of `docs/query.md`, best first; locked classes are as if empty.

        Args:
            query: text in the query language.
            limit: most hits.
            mode: ``hybrid``, ``keyword`` or ``semantic``.

        Raises:
            InvalidInput: unknown mode; ModelMissing: semantic without a model; Locked: the query names
            only a locked class.
        """
        return self.reader.search(self.opened.compartments, query, limit, mode)

    def get(self, entry_id: str, *, trash: bool = True) -> Entry:
        """The entry with this id or unique prefix (≥ 4 characters) among the open classes.

        Raises:
            NotFound: none (or it is locked); InvalidInput: ambiguous or too short.
        """
        return finding.by_id(self.opened, entry_id, trash=trash)

    def entries(
        self, query: "str | Query | Request" = "", *, limit: int = 50, offset: int = 0, trash: bool = False
    ) -> list[Entry]:
        """Entries newest first, filtered by the filters of a query."""
        return finding.newest(self.opened, self._asked(query), limit, offset, trash=trash)

    def _asked(self, query: "str | Query | Request") -> "Query":
        from vault.search.request import as_query

        parsed = as_query(query)
        self.notes += parsed.notes
        need_named(parsed, self.open_classes)
        return parsed

    def tags(self) -> dict[str, int]:
        """Tag → number of entries, over the open classes."""
        return finding.tags(self.opened)

    def counts(self) -> dict[Classification, tuple[int, int]]:
        """Open class → (living entries, entries in the trash)."""
        return {c.classification: (c.count(Filters()), c.count(Filters(trash=True))) for c in self.opened.compartments}

    def history(self, entry_id: str) -> "list[Version]":
        """All revisions of an entry in the open classes, newest first.

        Raises:
            NotFound, InvalidInput: as `get`.
        """
        from vault import changing

        return changing.history(self.opened, self.get(entry_id))

    @property
    def browsing(self) -> "Browsing":
        """Order, facets, neighbours, timeline and figures of the open classes, for front ends."""
        from vault.browsing import Browsing

        return Browsing(self.opened.compartments)

    # -- changing -------------------------------------------------------------------------------------

    def edit(
        self,
        entry_id: str,
        text: str | None = None,
        *,
        title: str | None = None,
        tags: Iterable[str] | None = None,
        created: datetime | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        base: Sequence[str] | None = None,
    ) -> Entry:
        """A new revision of an entry; what is None stays as it is.

        Text that a detector puts above the entry's class moves the entry there (unless its class was chosen
        explicitly): a password typed into a general note must not be sealed as general.

        Args:
            entry_id: id or unique prefix.
            text: the new body.
            title: the new title.
            tags: all tags from now on.
            created: as in `capture`.
            metadata: all metadata from now on.
            base: revisions the change was made on (default: the present heads); if others came in between,
                both are kept as a conflict.

        Raises:
            NotFound, InvalidInput, StorageFailed, Locked: as `get` and `capture`.
        """
        from vault import changing

        old = self.get(entry_id, trash=False)
        wanted = edited(old, text=text, title=title, tags=tags, created=created, metadata=metadata)
        return changing.edit(self._capture, old, wanted, old.revisions if base is None else tuple(base))

    def move(self, entry_id: str, classification: Classification | str) -> Entry:
        """File an entry under another class. What was sealed before stays in history under the old one.

        Raises:
            NotFound, InvalidInput, StorageFailed; Locked: this device has never unlocked the class.
        """
        from vault import changing

        old = self.get(entry_id, trash=False)
        target = as_class(classification)
        if target is None or target is old.classification:
            return old
        return changing.move(self._writer, old, target)

    def confirm(self, entry_id: str) -> Entry:
        """Say that an entry is where it belongs: a new revision whose class the person chose.

        Raises:
            NotFound, InvalidInput, StorageFailed: as `get`.
        """
        from vault import changing

        return changing.confirm(self._writer, self.get(entry_id, trash=False))

    def delete(self, entry_id: str, *, purge: bool = False) -> Entry:
        """Put an entry in the trash; with *purge*, delete its sealed files for good (history and backups keep them).

        Raises:
            NotFound, InvalidInput, StorageFailed: as `get`.
        """
        from vault import changing

        entry = self.get(entry_id)
        if purge:
            changing.purge(self.home, self.opened, entry)
        elif not entry.deleted:
            changing.trash(self._writer, entry)
        return replace(entry, deleted=True)

    def restore(self, entry_id: str, revision: str | None = None) -> Entry:
        """Bring an entry back from the trash, or bring back an older *revision* (name or unique prefix).

        Raises:
            NotFound, InvalidInput, StorageFailed: as `get`; nothing to restore is InvalidInput.
        """
        from vault import changing

        entry = self.get(entry_id)
        return changing.restore(self._writer, self.opened, entry, revision)

    # -- import, export, upkeep -----------------------------------------------------------------------

    def import_from(
        self,
        path: Path | str,
        *,
        format_name: str | None = None,
        classification: Classification | str | None = None,
        tags: Iterable[str] = (),
        source: str = "",
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> "ImportReport":
        """Import a folder or file; idempotent by source id, resumable, acknowledged batch by batch.

        Raises:
            Locked: nothing is open, so known entries cannot be recognised; NotFound, InvalidInput, StorageFailed.
        """
        from vault.transfer import Import

        if not self.open_classes:
            raise Locked("every class is locked", remedy="import needs an open vault, to know what it already has")
        defaults = Draft("", classification=as_class(classification), tags=tuple(tags), source=source)
        job = Import(self._capture, self.opened, defaults, dry_run)
        return job.run(Path(path), format_name, progress)

    def export_to(
        self,
        target: Path | str,
        *,
        format_name: str = "markdown",
        query: "str | Query | Request" = "",
        dry_run: bool = False,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> int:
        """Write entries in clear to *target*; returns how many.

        Raises:
            Locked: nothing is open; Conflict: something foreign is in the way; InvalidInput, StorageFailed.
        """
        from vault.search.search import filters_of
        from vault.transfer import export

        if not self.open_classes:
            raise Locked("every class is locked", remedy="give a passphrase or keyfile")
        parsed = self._asked(query)
        wanted = [c for c in self.open_classes if parsed.classes is None or c in parsed.classes]
        filters = dict.fromkeys(wanted, filters_of(parsed))
        return export(self.opened, Path(target), format_name, filters, progress, overwrite=overwrite, dry_run=dry_run)

    def examine(self, progress: Progress | None = None) -> "list[Finding]":
        """Everything that is not as it should be; changes nothing."""
        from vault.doctor import examine

        return examine(self.home, self.opened, self.models, progress)

    def rebuild(self, progress: Progress | None = None) -> tuple[Classification, ...]:
        """Make the indexes of the open classes anew from the sealed files; vectors follow with `embed_waiting`."""
        self.opened.rebuild(progress)
        return self.open_classes
