"""Export to a folder of Markdown that any editor, and our own import, reads.

One file per entry, ``<class>/<title>-<id>.md``: front matter of ``key: <JSON>`` lines (valid YAML), then the
body verbatim. Exporting again into the same folder updates our own files, also when title or class have
changed since; a file that is not ours is never touched. Files are 0600, new directories 0700.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from vault import durable
from vault.entry import stamp
from vault.errors import Conflict, InvalidInput
from vault.formats.interface import Exported
from vault.formats.markdown import EXPORT_MARK
from vault.formats.values import write_json
from vault.text import one_line

_ID = re.compile(r"[0-9a-z]{4,64}")
_FILE = re.compile(r"(?:.*-)?([0-9a-z]{4,64})\.md", re.DOTALL)
_SLUG_BYTES = 120
_BATCH = 256
"""Files between two fsyncs of the directories."""


class MarkdownExporter:
    """A folder of Markdown files, one per entry."""

    name = "markdown"

    def write(self, target: Path, items: Iterable[Exported], *, overwrite: bool = False) -> int:
        """Write *items* below the folder *target*; how many. See `Exporter.write`.

        What was written before an error stays: exporting again completes it.
        """
        if target.exists() and not target.is_dir():
            raise Conflict(f"{target} is not a folder", remedy="export to another path")
        here = {entry: path for path in _exported(target) if (entry := _id_in(path.name))}
        count = 0
        for batch in _batches(items):
            files = [(_path(target, item), item) for item in batch]
            for path, item in files:
                _check(path, item.id, overwrite=overwrite)
            durable.write_files([(path, encode(item)) for path, item in files])
            old = [here[item.id] for path, item in files if here.get(item.id, path) != path]
            durable.remove_files([path for path in old if _is_ours(path, _id_in(path.name))])
            count += len(batch)
        return count


def encode(item: Exported) -> bytes:
    """*item* as a Markdown file: front matter, then the body verbatim.

    Raises:
        InvalidInput: a lone surrogate in the body, or metadata that JSON cannot hold.
    """
    fields = {
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
    lines = [f"{key}: {write_json(value)}\n" for key, value in fields.items() if value]
    try:
        return _opening(item.id) + "".join(lines).encode() + b"---\n" + item.text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("the text holds a lone surrogate", remedy="edit the entry") from error


def _opening(entry: str) -> bytes:
    """How each of our files begins; what begins otherwise is not ours to replace."""
    return f'---\nmemory: "{EXPORT_MARK}"\nid: "{entry}"\n'.encode()


def _path(target: Path, item: Exported) -> Path:
    if not _ID.fullmatch(item.id):
        raise InvalidInput("an entry id is not made of lower-case letters and digits")
    slug = _slug(item.title or one_line(item.text))
    folder = target / (item.classification or "unclassified")
    if folder.is_symlink():
        raise Conflict(f"{folder} is a symbolic link", remedy="export to another folder")
    return folder / f"{slug}-{item.id}.md".lstrip("-")


def _slug(title: str) -> str:
    """*title* as a name for any file system: letters and digits of any script, at most `_SLUG_BYTES`."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", title[:500]).lower())
    cut = "-".join(words).encode("utf-8", "ignore")[:_SLUG_BYTES].decode("utf-8", "ignore")
    return cut.strip("-")


def _check(path: Path, entry: str, *, overwrite: bool) -> None:
    if not overwrite and (path.is_symlink() or path.exists()) and not _is_ours(path, entry):
        raise Conflict(f"{path} is not an export of this vault", remedy="export to an empty folder")


def _is_ours(path: Path, entry: str) -> bool:
    opening = _opening(entry)
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(opening)) == opening
    except OSError:
        return False


def _exported(target: Path) -> Iterator[Path]:
    """Files of an earlier export, by name; content is looked at before anything is removed."""
    return (path for path in target.glob("*/*.md") if not path.parent.is_symlink())


def _id_in(name: str) -> str:
    found = _FILE.fullmatch(name)
    return found[1] if found else ""


def _batches(items: Iterable[Exported]) -> Iterator[list[Exported]]:
    source = iter(items)
    while batch := list(islice(source, _BATCH)):
        yield batch
