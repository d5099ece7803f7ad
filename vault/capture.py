"""From a text to a sealed, indexed entry: classify → seal → put (acknowledged) → index.

Nothing is written before it is classified, because an upward move cannot be undone in git history. The
same path serves one capture and an import of a million: batches, with the model working on the next batch
while this one is sealed and indexed.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from vault import text as text_rules
from vault.classification import Classification
from vault.compartment.compartment import Incoming
from vault.entry import MAX_FRONT, MAX_TEXT, Entry, Revision
from vault.errors import Damaged, InvalidInput, Locked, StorageFailed, VaultBusy
from vault.home import Home
from vault.locks import next_seqs
from vault.names import new_entry_id
from vault.opened import OpenClasses, remember_seen
from vault.seal import seal

if TYPE_CHECKING:
    from vault.classify.classifier import Classifier
    from vault.classify.verdict import Verdict
    from vault.compartment.compartment import Vectors

    Embedded: TypeAlias = tuple[tuple[tuple[int, int], ...], Vectors]
    """Where the passages of a text are, and the vectors of the first ones."""
    from vault.models.embedder import Embedder

BATCH = 64
BATCH_TEXT = 4 * 1024 * 1024
"""Characters of text after which a batch is full."""
PASSAGES_AT_ONCE = 64
"""Passages of one entry embedded before a capture returns; the rest waits for `embed_waiting`."""
MAX_TAGS = 100
MAX_DEPTH = 32
"""Nesting of metadata down to which detectors look one by one."""
FRONT_RESERVE = 64 * 1024
"""Bytes of front matter kept for title, tags and what we add."""
_HEADING = re.compile(r"\s*#{1,6}[ \t]+(\S[^\n]{0,200})")


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be captured."""

    text: str
    classification: Classification | None = None
    """None: the classifier decides."""
    title: str | None = None
    """None: the first heading, if the text begins with one."""
    tags: tuple[str, ...] | None = None
    """None or empty: the classifier suggests."""
    created: datetime | None = None
    source: str = ""
    source_id: str = ""
    context: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    entry: str = ""
    """Id of an existing entry for a new revision of it; empty for a new one."""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft, classified and embedded, not yet written."""

    draft: Draft
    verdict: "Verdict"
    spans: tuple[tuple[int, int], ...] = ()
    """Where its passages are; empty without a model."""
    vectors: "Vectors" = ()
    """Vectors of the first passages."""


class Writer:
    """Seals, stores and indexes revisions; needs no model."""

    def __init__(self, home: Home, opened: OpenClasses) -> None:
        """Write to *home*, and index what is open."""
        self._home = home
        self.opened = opened
        self._pins = home.pins()

    def write(self, revisions: Sequence[Revision]) -> list[Entry]:
        """Number, sign, seal, store and index *revisions*; vault, device, seq and time are filled in here.

        Returning is the acknowledgement.

        Raises:
            Locked: a class that this device has never unlocked; nothing was written.
            StorageFailed: nothing may be counted on.
        """
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
    """The way in for texts: classified and embedded, then written."""

    def __init__(
        self,
        writer: Writer,
        classifier: "Classifier",
        embedder: "Embedder | None",
        vocabulary: Callable[[], Sequence[str]],
    ) -> None:
        """Write through *writer*; *vocabulary* gives the person's own tags."""
        self.writer = writer
        self._classifier = classifier
        self._embedder = embedder
        self._vocabulary = vocabulary

    def prepare(self, drafts: Sequence[Draft], vocabulary: Sequence[str] | None = None) -> list[Prepared]:
        """Classify and embed; writes nothing.

        Raises:
            InvalidInput: a text that cannot be an entry.
        """
        checked = [check(d) for d in drafts]
        embedded = embed(self._embedder, [(d.title or "", d.text) for d in checked])
        vocabulary = self._vocabulary() if vocabulary is None else vocabulary
        prepared = []
        for draft, (spans, vectors) in zip(checked, embedded, strict=True):
            verdict = self._classifier.classify(
                draft.text if not draft.title else f"{draft.title}\n{draft.text}",
                vectors=vectors if len(vectors) else None,  # type: ignore[arg-type]
                explicit=draft.classification,
                vocabulary=vocabulary,
                beside=_beside(draft),
            )
            prepared.append(Prepared(draft, verdict, spans, vectors))
        return prepared

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
        if opened is None or self._embedder is None:
            return
        compartment = opened.compartment
        with suppress(StorageFailed, Damaged, VaultBusy):  # the entry is safe; its vectors can come later
            compartment.use_model(self._embedder.model_id, self._embedder.dims)
            found = [(compartment.rowid(entry), p) for entry, p in rows]
            compartment.put_passages([(rowid, p.spans, p.vectors) for rowid, p in found if rowid is not None])

    def prepared(self, drafts: Iterable[Draft]) -> Iterator[list[Prepared]]:
        """Prepare a stream, a batch at a time.

        One after the other on purpose: the model's threads use every core and spin while they wait for each
        other, so sealing beside them takes longer than sealing after them.
        """
        vocabulary = self._vocabulary()
        for batch in _batches(drafts):
            yield self.prepare(batch, vocabulary)


def _batches(drafts: Iterable[Draft]) -> Iterator[list[Draft]]:
    """Batches of at most `BATCH` drafts and about `BATCH_TEXT` characters, so that memory stays flat."""
    batch: list[Draft] = []
    size = 0
    for draft in drafts:
        batch.append(draft)
        size += len(draft.text)
        if len(batch) == BATCH or size > BATCH_TEXT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


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


def tombstone(entry: Entry, classification: Classification, parents: Sequence[str], kind: str) -> Revision:
    """The revision that puts an entry in the trash (``trash``) or says it went to another class (``moved``)."""
    return Revision(
        vault="",
        classification=classification,
        entry=entry.id,
        device="",
        parents=tuple(parents),
        seq=0,
        created=entry.created,
        updated=entry.updated,
        deleted=kind,
    )


def again(entry: Entry, classification: Classification, parents: Sequence[str]) -> Revision:
    """A new revision with the content of *entry*: for moves, restores and changes of tags alone."""
    return Revision(
        vault="",
        classification=classification,
        entry=entry.id,
        device="",
        parents=tuple(parents),
        seq=0,
        created=entry.created,
        updated=entry.updated,
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


def _beside(draft: Draft) -> str:
    """What is kept beside the text, as lines that detectors can read: a key in front matter is a key."""
    rows = [("context", draft.context), ("source", draft.source), *_flat(draft.metadata)]
    return "\n".join([*(f"{name}: {value}" for name, value in rows if value), *(draft.tags or ())])


def _flat(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Leaves of JSON with the key nearest to each; depth is bounded because JSON's is not."""
    if isinstance(value, dict) and depth < MAX_DEPTH:
        for key, inner in value.items():
            yield from _flat(inner, str(key), depth + 1)
    elif isinstance(value, (list, tuple)) and depth < MAX_DEPTH:
        for inner in value:
            yield from _flat(inner, name, depth + 1)
    elif value is not None:
        yield name, str(value)


def check(draft: Draft) -> Draft:
    """*draft* with its title and tags tidied.

    Raises:
        InvalidInput: empty, too long, not encodable, too many or too long tags.
    """
    if not draft.text.strip():
        raise InvalidInput("there is no text to keep", remedy="give some text")
    try:
        size = len(draft.text.encode())
        "".join([draft.title or "", draft.context, draft.source, *(draft.tags or ())]).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("the text is not valid UTF-8", remedy="convert it first, e.g. with iconv") from error
    if size > MAX_TEXT:
        raise InvalidInput(
            f"the text has {size / 1024 / 1024:.1f} MiB; an entry holds 1 MiB", remedy="use: memory import FILE"
        )
    _check_front(draft)
    tags = tuple(dict.fromkeys(t for tag in draft.tags or () if (t := text_rules.tidy_tag(tag))))
    if len(tags) > MAX_TAGS:
        raise InvalidInput(f"{len(tags)} tags are too many", remedy=f"an entry takes {MAX_TAGS}")
    return replace(draft, title=tidy_title(draft), tags=tags)


def _check_front(draft: Draft) -> None:
    """What will be front matter must fit before anything is sealed, so that an import can skip the one item."""
    try:
        text = json.dumps(
            [draft.metadata, draft.source, draft.source_id, draft.context], ensure_ascii=False, allow_nan=False
        )
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput("metadata must be plain JSON", remedy="use strings, numbers, lists and objects") from error
    if size > MAX_FRONT - FRONT_RESERVE:
        raise InvalidInput("metadata and context are longer than about 1 MiB", remedy="put them into the text")


def tidy_title(draft: Draft) -> str:
    """The title given, or the heading that the text begins with; one line, at most 200 characters."""
    if draft.title is not None:
        return text_rules.safe_text(draft.title, newlines=False)[:200]
    found = _HEADING.match(draft.text)
    return text_rules.safe_text(found[1], newlines=False).rstrip("# ")[:200] if found else ""


def embed(embedder: "Embedder | None", texts: Sequence[tuple[str, str]]) -> "list[Embedded]":
    """(spans of all passages, vectors of the first ones) of each (title, body); empty without a model.

    All passages go to the model in one call, because it is fastest with many sorted by length.
    """
    if embedder is None:
        return [((), ())] * len(texts)
    from vault.models.passages import split

    spans = []
    queue: list[str] = []
    for title, body in texts:
        passages = split(body, embedder.count_tokens)
        spans.append(tuple((p.start, p.end) for p in passages))
        queue += [with_title(title, p.text) for p in passages[:PASSAGES_AT_ONCE]]
    vectors = embedder.embed(queue)
    result: list[Embedded] = []
    start = 0
    for each in spans:
        count = min(len(each), PASSAGES_AT_ONCE)
        result.append((each, vectors[start : start + count]))
        start += count
    return result


def with_title(title: str, passage: str) -> str:
    """What the model reads of a passage: the title first, unless the passage begins with it."""
    return passage if not title or title[:40] in passage[:120] else f"{title}\n{passage}"


def embed_waiting(
    opened: OpenClasses, embedder: "Embedder", progress: Callable[[str, int, int | None], None] | None = None
) -> int:
    """Give every entry and passage without a vector its vector; resumable, returns how many were done."""
    done = 0
    total = 0
    for compartment in opened.compartments:
        compartment.use_model(embedder.model_id, embedder.dims)
        total += compartment.waiting()
    for compartment in opened.compartments:
        while rows := compartment.unembedded(BATCH):
            found = embed(embedder, [(title, body) for _, title, body in rows])
            compartment.put_passages([(r[0], s, v) for r, (s, v) in zip(rows, found, strict=True)])
            done += len(rows)
            if progress and total > BATCH:
                progress("embedding", min(done, total), total)
        while waiting := compartment.pending_passages(BATCH):
            vectors = embedder.embed([with_title(title, body) for _, title, body in waiting])
            compartment.fill_passages([row for row, _, _ in waiting], vectors)
            done += len(waiting)
            if progress and total > BATCH:
                progress("embedding", min(done, total), total)
    return done


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
