"""Import of Markdown: a file or a folder of notes from any tool (Obsidian, Hugo, zk, …) or of our own export.

Promises: the text of a note arrives verbatim, only readable front matter is taken out of it (a broken one
stays in the text, noted in the metadata). A file's ``source_id`` is the root folder's name and the path
below it (``notes/work/plan.md``, NFC): the same when the folder is imported again from another place, and
the same for one file of its top. An entry of our own export comes back as it was, with its own source.
"""

import codecs
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from vault.formats import front_matter, marks
from vault.formats.interface import Item, Skipped
from vault.formats.tree import printable, reachable, read_bounded, walk
from vault.formats.values import class_named, tags_in, unfit, unique_tags, when

EXPORT_MARK = "entry/1"
"""Value of the key ``memory`` in the front matter of our own export."""
_SUFFIXES = (".md", ".markdown", ".txt")
_MAX_FILE = 4 * 1024 * 1024
_MAX_TITLE = 500
_CREATED = ("created", "date", "created_at", "creation_date", "date created", "created-at", "dateCreated")
_UPDATED = ("updated", "modified", "lastmod", "updated_at", "date modified", "updated-at", "dateModified")
_TAGS = ("tags", "tag", "keywords")


class MarkdownImporter:
    """Markdown files and folders of them."""

    name = "markdown"

    def accepts(self, path: Path) -> bool:
        """A folder, or a file called ``*.md``, ``*.markdown``, ``*.txt``."""
        return path.is_dir() or _is_note(path.name)

    def count(self, path: Path) -> int | None:
        """The number of notes and of names that are skipped."""
        return sum(1 for _ in walk(path, _is_note))

    def read(self, path: Path) -> Iterator[Item | Skipped]:
        """Yield the notes at *path*, sorted by folder and name; see `Importer.read`."""
        root = reachable(path)
        folder = root if root.is_dir() else root.parent
        for found in walk(root, _is_note):
            if isinstance(found, Skipped):
                yield found
            else:
                file, below = found
                yield _read_note(file, below, "/".join(filter(None, (_root_name(folder), below))))


def _is_note(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _root_name(folder: Path) -> str:
    return printable(unicodedata.normalize("NFC", folder.name))


def _read_note(file: Path, below: str, source_id: str) -> Item | Skipped:
    content = read_bounded(file, _MAX_FILE)
    if isinstance(content, str):
        return Skipped(below, content)
    data, modified = content
    try:
        text = _decode(data)
    except UnicodeDecodeError as error:
        return Skipped(below, f"not valid utf-8 at byte {error.start}: convert it (iconv -t utf-8)")
    front, body, extra = _front(text)
    ours = front.get("memory") == EXPORT_MARK
    if "\0" in text and not ours:
        return Skipped(below, "a binary file, not text")
    if not body.strip():  # a note of properties only: they are its text
        body = text
    if reason := unfit(body):
        return Skipped(below, reason)
    if ours:
        return _own(front, body, below)
    item = _foreign(front, body, below)
    return replace(
        item, updated=item.updated or when(modified), source_id=source_id, metadata=extra | item.metadata
    )


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def _front(text: str) -> tuple[dict[str, Any], str, dict[str, object]]:
    """The front matter of *text*, the body, and what to note in the metadata."""
    parts = front_matter.split(text)
    if parts is None:
        return {}, text, {}
    try:
        return front_matter.read(parts[0]), parts[1], {}
    except front_matter.UnreadableError:
        return {}, text, {"front_matter": "unreadable"}


def _own(front: dict[str, Any], body: str, below: str) -> Item | Skipped:
    """An entry we exported, perhaps edited since: nothing is derived, everything restored."""
    classification = class_named(front.get("classification"))
    if classification is None and "classification" in front:
        return Skipped(below, "unknown classification in its front matter: correct it")
    metadata = front.get("metadata")
    return Item(
        text=body,
        title=_text(front, "title"),
        tags=unique_tags(tags_in(front.get("tags"))),
        created=when(front.get("created")),
        updated=when(front.get("updated")),
        source=_text(front, "source") or MarkdownImporter.name,
        source_id=_text(front, "source_id") or _text(front, "id") or below,
        classification=classification,
        context=_text(front, "context"),
        metadata=metadata if isinstance(metadata, dict) else {},
    )


def _foreign(front: dict[str, Any], body: str, below: str) -> Item:
    """A note of another tool: title, tags and times from wherever it keeps them."""
    name = PurePosixPath(below)
    markdown = name.suffix.lower() != ".txt"
    found = marks.scan(body) if markdown else marks.Marks("", (), ())
    title = str(front["title"]).strip() if isinstance(front.get("title"), str | int | float) else ""
    classification = class_named(front.get("classification"))
    used = {"title", *_TAGS} | ({"classification"} if classification else set())
    created, created_key = _first_time(front, _CREATED)
    updated, updated_key = _first_time(front, _UPDATED)
    rest = {key: value for key, value in front.items() if key not in used | {created_key, updated_key}}
    metadata: dict[str, object] = {"front_matter": rest} if rest else {}
    if found.links:
        metadata["links"] = list(found.links)
    return Item(
        text=body,
        title=(title or found.heading or name.stem)[:_MAX_TITLE],
        tags=unique_tags([*(tag for key in _TAGS for tag in tags_in(front.get(key))), *found.tags]),
        created=created,
        updated=updated,
        source=MarkdownImporter.name,
        classification=classification,
        metadata=metadata,
    )


def _first_time(front: dict[str, Any], keys: tuple[str, ...]) -> tuple[datetime | None, str]:
    """The first of *keys* that says a time, and which; a year alone (``date: 2024``) is no moment."""
    for key in keys:
        value = front.get(key)
        if isinstance(value, str) and (moment := when(value)):
            return moment, key
    return None, ""


def _text(front: dict[str, Any], key: str) -> str | None:
    value = front.get(key)
    return value if isinstance(value, str) and value else None
