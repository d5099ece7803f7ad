"""Walking a folder of somebody's files without being led out of it, and reading one of them with a bound.

Names come in sorted order. Symbolic links are never followed, hidden names are passed over, only regular
files are opened, and opening does not block on a pipe that lies there under a file's name.
"""

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from vault.errors import NotFound, StorageFailed
from vault.formats.interface import Skipped


def walk(root: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[Path, str] | Skipped]:
    """Yield each file below *root* whose name is *wanted*, with its name below *root* (POSIX, NFC).

    Two names that differ only in Unicode composition keep two names. Iterative: no depth exhausts it.

    Raises:
        NotFound: *root* does not exist.
        StorageFailed: *root* cannot be listed.
    """
    root = reachable(root)
    if not root.is_dir():
        yield root, printable(root.name)
        return
    stack: list[tuple[Path, str]] = [(root, "")]
    while stack:
        folder, below = stack.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=_name)
        except OSError as error:
            if not below:
                raise StorageFailed(f"cannot list {folder}", remedy="check the permissions") from error
            yield Skipped(below, f"cannot be listed: {_reason(error)}")
            continue
        taken = {entry.name for entry in entries}
        folders = []
        for entry in entries:
            composed = unicodedata.normalize("NFC", entry.name)
            free = composed == entry.name or composed not in taken
            taken.add(composed)
            name = f"{below}/{printable(composed if free else entry.name)}".lstrip("/")
            if entry.is_symlink():
                if wanted(entry.name) or entry.is_dir():
                    yield Skipped(name, "a symbolic link is not followed: import its target")
            elif entry.is_dir(follow_symlinks=False):
                folders.append((Path(entry.path), name))
            elif wanted(entry.name):
                yield Path(entry.path), name
        stack += reversed(folders)


def read_bounded(path: Path, limit: int) -> tuple[bytes, float] | str:
    """The bytes of the regular file *path* and its modification time, or why there are none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return "not a regular file"
            data = file.read(limit + 1)
    except OSError as error:
        return f"cannot be read: {_reason(error)}"
    return (data, status.st_mtime) if len(data) <= limit else "the file is too large: split it"


def reachable(path: Path) -> Path:
    """*path* with its links resolved, as the person named it outright.

    Raises:
        NotFound: it does not exist.
    """
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise NotFound(f"there is no {path}", remedy="check the path") from error


def printable(name: str) -> str:
    r"""*name* as text that UTF-8 can hold: bytes that are not UTF-8 appear as ``\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else "unknown error"
