"""From a text to something that can be written: checked, with title and tags tidied, classified, embedded.

Nothing here touches the disk or a key.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from vault import text as text_rules
from vault.classification import Classification
from vault.entry import MAX_FRONT, MAX_TEXT
from vault.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vault.classify.classifier import Classifier
    from vault.classify.personal import Evidence
    from vault.classify.reasons import About, Reasons
    from vault.classify.verdict import Verdict
    from vault.compartment.compartment import Compartment
    from vault.compartment.vectors import Vectors
    from vault.entry import Entry
    from vault.models.embedder import Embedder

    Embedded: TypeAlias = tuple[tuple[tuple[int, int], ...], Vectors, NDArray[Any] | None]
    """Where the passages of a text are, the vectors of the first ones, and their peaks where asked for."""

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
_HEADING = r"\s*#{1,6}[ \t]+(\S[^\n]{0,200})"


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


def prepare(
    compartments: "Sequence[Compartment]",
    drafts: Sequence[Draft],
    classifier: "Classifier",
    embedder: "Embedder | None",
    vocabulary: Sequence[str],
) -> list[Prepared]:
    """Classify and embed; *compartments* tell what the person filed themselves, *vocabulary* is their own tags.

    Raises:
        InvalidInput: a text that cannot be an entry.
    """
    weighed = weigh(compartments, drafts, classifier, embedder, vocabulary)
    return [Prepared(draft, reasons.verdict, spans, vectors) for draft, reasons, (spans, vectors, _) in weighed]


def weigh(
    compartments: "Sequence[Compartment]",
    drafts: Sequence[Draft],
    classifier: "Classifier",
    embedder: "Embedder | None",
    vocabulary: Sequence[str],
) -> "list[tuple[Draft, Reasons, Embedded]]":
    """As `prepare`, with all that went into each verdict.

    Raises:
        InvalidInput: a text that cannot be an entry.
    """
    checked = [check(d) for d in drafts]
    embedded = embed(embedder, [(d.title or "", d.text) for d in checked], classifier.probes)
    pairs = zip(checked, embedded, strict=True)
    unsettled = [vectors if d.classification is None or not d.tags else () for d, (_, vectors, _) in pairs]
    known = classifier.evidence(compartments, unsettled)
    return [
        (
            draft,
            classifier.weigh(
                draft.text if not draft.title else f"{draft.title}\n{draft.text}",
                vectors=found[1] if len(found[1]) else None,  # type: ignore[arg-type]
                explicit=draft.classification,
                vocabulary=vocabulary,
                about=_about(draft, evidence),
                peaks=found[2],
            ),
            found,
        )
        for draft, found, evidence in zip(checked, embedded, known, strict=True)
    ]


def rejudge(
    compartments: "Sequence[Compartment]",
    place: int,
    after: int,
    classifier: "Classifier",
    embedder: "Embedder | None",
    vocabulary: Sequence[str],
) -> "tuple[int | None, int, list[tuple[Entry, Verdict]]]":
    """Judge the next entries of one of *compartments* by the vectors it holds, those that a person filed left out.

    What would move is looked at once more as a capture would be, because peaks are not kept and the head is a little
    worse without them; only those few texts go through the model.

    Returns (rowid of the last one or None at the end, how many, those that would be filed elsewhere and why).
    """
    compartment = compartments[place]
    rows = compartment.unchosen(after, BATCH)
    if not rows:
        return None, 0, []
    import numpy as np

    vectors = [np.frombuffer(b"".join(packed), "<f4").reshape(len(packed), -1) if packed else () for _, packed in rows]
    entries = compartment.fetch([rowid for rowid, _ in rows])
    moving = []
    for (rowid, _), held, evidence in zip(rows, vectors, classifier.evidence(compartments, vectors), strict=True):
        entry = entries.get(rowid)
        if entry is None:
            continue
        text = entry.text if not entry.title else f"{entry.title}\n{entry.text}"
        about = _about(as_draft(entry), evidence)
        verdict = classifier.classify(text, held if len(held) else None, None, vocabulary, about)  # type: ignore[arg-type]
        if verdict.label is not entry.classification and not verdict.uncertain:
            moving.append(entry)
    weighed = weigh(compartments, [as_draft(entry) for entry in moving], classifier, embedder, vocabulary)
    moves = [(entry, reasons.verdict) for entry, (_, reasons, _) in zip(moving, weighed, strict=True)]
    return rows[-1][0], len(rows), [(e, v) for e, v in moves if v.label is not e.classification and not v.uncertain]


def as_draft(entry: "Entry") -> Draft:
    """*entry* as it would be captured."""
    return Draft(
        entry.text, None, entry.title, entry.tags, entry.created, entry.source, entry.source_id, entry.context,
        dict(entry.metadata),
    )  # fmt: skip


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
    found = re.match(_HEADING, draft.text)
    return text_rules.safe_text(found[1], newlines=False).rstrip("# ")[:200] if found else ""


def batches(drafts: Iterable[Draft]) -> Iterator[list[Draft]]:
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


def embed(
    embedder: "Embedder | None", texts: Sequence[tuple[str, str]], probes: "NDArray[Any] | None" = None
) -> "list[Embedded]":
    """(spans of all passages, vectors and peaks of the first ones) of each (title, body); empty without a model.

    All passages go to the model in one call, because it is fastest with many sorted by length.
    """
    if embedder is None:
        return [((), (), None)] * len(texts)
    from vault.models.passages import split

    spans = []
    queue: list[str] = []
    for title, body in texts:
        passages = split(body, embedder.count_tokens)
        spans.append(tuple((p.start, p.end) for p in passages))
        queue += [with_title(title, p.text) for p in passages[:PASSAGES_AT_ONCE]]
    vectors, peaks = (embedder.embed(queue), None) if probes is None else embedder.embed_with_peaks(queue, probes)
    result: list[Embedded] = []
    start = 0
    for each in spans:
        count = min(len(each), PASSAGES_AT_ONCE)
        result.append((each, vectors[start : start + count], None if peaks is None else peaks[start : start + count]))
        start += count
    return result


def with_title(title: str, passage: str) -> str:
    """What the model reads of a passage: the title first, unless the passage begins with it."""
    return passage if not title or title[:40] in passage[:120] else f"{title}\n{passage}"


def embed_waiting(
    compartments: "Sequence[Compartment]",
    embedder: "Embedder",
    progress: Callable[[str, int, int | None], None] | None = None,
) -> int:
    """Give every entry and passage without a vector its vector; resumable, returns how many were done."""
    done = 0
    total = 0
    for compartment in compartments:
        compartment.use_model(embedder.model_id, embedder.dims)
        total += compartment.waiting()
    for compartment in compartments:
        while rows := compartment.unembedded(BATCH):
            found = embed(embedder, [(title, body) for _, title, body in rows])
            compartment.put_passages([(r[0], s, v) for r, (s, v, _) in zip(rows, found, strict=True)])
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


def _about(draft: Draft, evidence: "Evidence") -> "About":
    from vault.classify.reasons import About

    return About(draft.source, draft.tags or (), _beside(draft), evidence)


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
