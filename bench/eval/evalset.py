"""A retrieval set in neutral form: documents, queries, relevant ids; and its split in halves.

The halves are fixed by a hash of the query's id, so that what is tuned on one can be told on the other.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

HALVES = ("tune", "report")


@dataclass(frozen=True, slots=True)
class Document:
    """One memory of the set."""

    id: str
    """Unique within the set; becomes the entry's ``source_id``."""
    text: str
    """Markdown or plain text."""
    title: str | None = None
    """None: the first heading of the text."""
    created: datetime | None = None
    """None: now."""
    context: str = ""
    """What several documents may share: a conversation, a session."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query with the documents that answer it."""

    id: str
    """Unique within the set."""
    kind: str
    """What the figures are grouped by."""
    text: str
    """As a person types it."""
    relevant: frozenset[str]
    """Ids of documents; never empty."""

    @property
    def half(self) -> str:
        """``tune`` or ``report``."""
        return HALVES[hashlib.sha256(self.id.encode()).digest()[0] % 2]


@dataclass(frozen=True, slots=True)
class EvalSet:
    """A set, ready to be captured and asked."""

    name: str
    """For the tables."""
    documents: tuple[Document, ...]
    """What is captured, in this order."""
    questions: tuple[Question, ...]
    """What is asked."""
    groups: tuple["EvalSet", ...] = field(default=())
    """Independent collections (one a conversation) that are asked each on its own; then the rest is empty."""

    @property
    def parts(self) -> tuple["EvalSet", ...]:
        """The collections to be captured one by one."""
        return self.groups or (self,)
