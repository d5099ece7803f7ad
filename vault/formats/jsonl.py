"""JSON Lines: one object per line, or one string; import and export.

Import takes ``{"text", "title", "tags", "created", "updated", "source", "source_id" or "id",
"classification", "context", "metadata"}`` where ``body`` or ``content`` stand in for ``text``; other keys go
into the metadata. A line that cannot be taken is skipped with its number and reading goes on; a line too
long is passed over without being held. Without an id, the ``source_id`` is the SHA-256 of the text.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from vault import durable
from vault.entry import stamp
from vault.errors import Conflict, InvalidInput, StorageFailed
from vault.formats.interface import Exported, Item, Skipped
from vault.formats.tree import reachable
from vault.formats.values import class_named, read_json, tags_in, unfit, unique_tags, when, write_json

MAX_LINE = 10 * 1024 * 1024
"""Longest line that is read, in bytes."""
_SUFFIXES = (".jsonl", ".ndjson")
_TEXT = ("text", "body", "content")
_SURROGATE = re.compile("[\ud800-\udfff]")
_KNOWN = frozenset(
    {*_TEXT, "title", "tags", "created", "updated", "source", "source_id", "id", "classification", "context"}
)


class JsonlImporter:
    """Files called ``*.jsonl`` or ``*.ndjson``."""

    name = "jsonl"

    def accepts(self, path: Path) -> bool:
        """By its name."""
        return path.name.lower().endswith(_SUFFIXES) and not path.is_dir()

    def count(self, path: Path) -> int | None:
        """The number of lines that are not blank."""
        return sum(1 for _ in _lines(path))

    def read(self, path: Path) -> Iterator[Item | Skipped]:
        """Yield the lines of *path* in their order; see `Importer.read`."""
        for number, line in _lines(path):
            try:
                yield _item(line)
            except ValueError as error:
                yield Skipped(f"line {number}", str(error))


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Each line that is not blank, with its number from 1; None for one longer than `MAX_LINE`."""
    source = reachable(path)
    try:
        with source.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if len(line) > MAX_LINE and not line.endswith(b"\n"):
                    _pass_line(file)
                    yield number, None
                elif line.strip():
                    yield number, line
    except OSError as error:
        raise StorageFailed(f"cannot read {path}", remedy="check the path and its permissions") from error


def _pass_line(file: BinaryIO) -> None:
    while (part := file.readline(64 * 1024)) and not part.endswith(b"\n"):
        pass


def _item(line: bytes | None) -> Item:
    """One line as an item; ValueError says in its message why not."""
    if line is None:
        raise ValueError("the line is longer than 10 MiB: split it")
    value = _decoded(line)
    found: dict[str, Any] = (
        {"text": value} if isinstance(value, str) else value if isinstance(value, dict) else {}
    )
    text = next((found[key] for key in _TEXT if isinstance(found.get(key), str)), None)
    if text is None:
        raise ValueError('neither a string nor an object with "text"')
    if reason := unfit(text):
        raise ValueError(reason)
    classification = class_named(found.get("classification"))
    if found.get("classification") and classification is None:
        raise ValueError("unknown classification: correct it")
    created, updated = when(found.get("created")), when(found.get("updated"))
    return Item(
        text=text,
        title=_text(found, "title"),
        tags=unique_tags(tags_in(found.get("tags"))),
        created=created,
        updated=updated,
        source=_text(found, "source") or JsonlImporter.name,
        source_id=_text(found, "source_id")
        or _text(found, "id")
        or hashlib.sha256(text.encode()).hexdigest(),
        classification=classification,
        context=_text(found, "context"),
        metadata=_metadata(found, {"created": created, "updated": updated}),
    )


def _decoded(line: bytes) -> object:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not valid utf-8 at byte {error.start}") from error
    try:
        value = read_json(text)
    except ValueError as error:
        raise ValueError("nested too deeply" if "deep" in str(error) else "not valid json") from error
    if "\\ud" in text.lower() and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise ValueError("it holds a lone surrogate")
    return value


def _metadata(found: dict[str, Any], times: dict[str, object]) -> dict[str, object]:
    """The metadata given, and every key that has no place of its own or a time that could not be read."""
    given = found.get("metadata")
    used = {"metadata"} if isinstance(given, dict) else set()
    unread = {key for key, moment in times.items() if moment is None and found.get(key) is not None}
    rest = {key: value for key, value in found.items() if key not in (_KNOWN | used) - unread}
    return rest | given if isinstance(given, dict) else {k: v for k, v in rest.items() if v is not None}


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and value else None


class JsonlExporter:
    """One file, one object per line."""

    name = "jsonl"

    def write(self, target: Path, items: Iterable[Exported], *, overwrite: bool = False) -> int:
        """Write *items* to the file *target*, which appears only when it is complete; how many.

        See `Exporter.write`.
        """
        if target.is_dir() or (not overwrite and (target.exists() or target.is_symlink())):
            raise Conflict(f"{target} exists already", remedy="export to another path")
        durable.make_directory(target.parent)
        temporary = target.with_name(f"{durable.TEMPORARY}{os.getpid()}-{target.name}"[:255])
        count = 0
        try:
            with suppress(FileNotFoundError):
                temporary.unlink()
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                for item in items:
                    file.write(encode(item))
                    count += 1
                file.flush()
                durable.sync_fd(fd)
            durable.rename(temporary, target)
        except OSError as error:
            durable.fail(error, target)
        finally:
            with suppress(OSError):
                temporary.unlink()
        return count


def encode(item: Exported) -> bytes:
    """*item* as one line, keys always in the same order, empty ones left out.

    Raises:
        InvalidInput: a lone surrogate in the text, or metadata that JSON cannot hold.
    """
    if _SURROGATE.search(item.text):
        raise InvalidInput("the text holds a lone surrogate", remedy="edit the entry")
    table = {
        "id": item.id,
        "text": item.text,
        "title": item.title,
        "tags": list(item.tags),
        "created": stamp(item.created) if item.created else None,
        "updated": stamp(item.updated) if item.updated else None,
        "classification": item.classification.value if item.classification else None,
        "source": item.source,
        "source_id": item.source_id,
        "context": item.context,
        "metadata": item.metadata,
    }
    return write_json({key: value for key, value in table.items() if value}).encode() + b"\n"
