"""What every import and export format provides, and what passes through it.

An importer turns a path into a stream of `Item` and `Skipped`; an exporter turns a stream of `Exported`
into files. Neither knows the vault. Both are iterators over one thing at a time, so memory stays flat
however large the source is, and nothing is lost in silence: what cannot be taken comes out as `Skipped`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from vault.classification import Classification


@dataclass(frozen=True)
class Item:
    """One memory as a source holds it, before it has an id."""

    text: str
    """The body, verbatim; never blank, at most ``MAX_TEXT`` bytes of UTF-8, no lone surrogates."""
    title: str | None = None
    """None where the source has none."""
    tags: tuple[str, ...] = ()
    """As written there, without ``#``."""
    created: datetime | None = None
    """Aware; None where the source does not say."""
    updated: datetime | None = None
    """Aware; the time of the file where the source does not say."""
    source: str = ""
    """The name of the format, or what an earlier export recorded."""
    source_id: str = ""
    """The same for the same thing in the next import of the same source, so that imports are idempotent."""
    classification: Classification | None = None
    """Only where the source says it outright."""
    context: str | None = None
    """Where it comes from, in the person's words."""
    metadata: dict[str, object] = field(default_factory=dict)
    """Everything else the source says; plain JSON."""


@dataclass(frozen=True, kw_only=True)
class Exported(Item):
    """One memory on its way out: an `Item` that has an id."""

    id: str
    """Entry id: lower-case letters and digits."""


@dataclass(frozen=True)
class Skipped:
    """One thing of a source that was not imported."""

    where: str
    """The file below the root, or the line of a file."""
    reason: str
    """One line, lower case, with the remedy where there is one."""


class Importer(Protocol):
    """Reads one format."""

    name: str

    def accepts(self, path: Path) -> bool:
        """Whether *path* looks like this format; cheap, and never raises for what exists."""
        ...

    def count(self, path: Path) -> int | None:
        """How many things `read` will yield, for a progress bar; None where counting costs too much."""
        ...

    def read(self, path: Path) -> Iterator[Item | Skipped]:
        """Yield what *path* holds, in an order that is the same each time.

        Raises:
            NotFound: *path* does not exist.
            StorageFailed: *path* itself cannot be read.
        """
        ...


class Exporter(Protocol):
    """Writes one format."""

    name: str

    def write(self, target: Path, items: Iterable[Exported], *, overwrite: bool = False) -> int:
        """Write *items* at *target*, private to the person (files 0600, directories 0700); how many.

        Args:
            target: a file or a directory, as the format needs.
            items: consumed one by one.
            overwrite: replace what is there although it is not an export of ours.

        Raises:
            Conflict: something foreign is in the way and *overwrite* is false.
            InvalidInput: an item that the format cannot hold.
            StorageFailed: the file system refused.
        """
        ...
