"""Writes that survive a power cut: temporary file beside the target, fsync, rename, fsync of the directory.

The only place that calls ``fsync``. An error in any step is fatal for the operation, because after a
failed fsync the kernel may have dropped the pages: retrying it proves nothing.
"""

import errno
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from vault.errors import StorageFailed

TEMPORARY = ".tmp-"
"""Prefix of files that were never acknowledged; leftovers are swept, never read."""


def write_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Put *data* at *path*, atomically and durably; creates missing directories durably.

    Raises:
        StorageFailed: nothing is visible at *path* that was not there before, or it is complete but
            not known to be durable; either way the caller must not acknowledge.
    """
    write_files([(path, data)], mode=mode)


def write_files(files: Sequence[tuple[Path, bytes]], *, mode: int = 0o600) -> None:
    """Like `write_file` for a batch: each file fsynced, each touched directory fsynced once at the end."""
    touched: dict[Path, None] = {}
    try:
        make_directories(dict.fromkeys(path.parent for path, _ in files))
        for path, data in files:
            _write_one(path, data, mode)
            touched[path.parent] = None
        for directory in touched:
            sync_directory(directory)
    except OSError as error:
        fail(error, files[0][0])


def create_file(path: Path, data: bytes) -> None:
    """Put *data* at *path* durably unless something is there already: of two processes one wins, both may read it."""
    temporary = path.with_name(f"{TEMPORARY}{os.urandom(8).hex()}-{path.name}")
    write_file(temporary, data)
    try:
        with suppress(FileExistsError):
            os.link(temporary, path)  # noqa: PTH (fails where the name is taken, which rename would not)
            sync_directory(path.parent)
    except OSError as error:
        fail(error, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def remove_files(paths: Iterable[Path]) -> None:
    """Delete *paths* (missing ones are fine) and make the deletion durable."""
    touched: dict[Path, None] = {}
    path = Path()
    try:
        for path in paths:
            with suppress(FileNotFoundError):
                path.unlink()
            touched[path.parent] = None
        for directory in touched:
            if directory.is_dir():
                sync_directory(directory)
    except OSError as error:
        fail(error, path)


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append whole lines to *path* and fsync it; a torn last line is the reader's to ignore."""
    data = "".join(f"{line}\n" for line in lines).encode()
    if not data:
        return
    try:
        make_directory(path.parent)
        existed = path.exists()
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, data)
            sync_fd(fd)
        finally:
            os.close(fd)
        if not existed:
            sync_directory(path.parent)
    except OSError as error:
        fail(error, path)


def make_directories(paths: Iterable[Path], *, mode: int = 0o700) -> None:
    """Create *paths* and their missing parents; each parent is fsynced once for all its new names."""
    touched: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            make_directory(path.parent, mode=mode)
            with suppress(FileExistsError):
                os.mkdir(path, mode)  # noqa: PTH102 (the tests inject faults at the os level)
            touched[path.parent] = None
    for parent in touched:
        sync_directory(parent)


def make_directory(path: Path, *, mode: int = 0o700) -> None:
    """Create *path* and its missing parents; each new name is fsynced into its parent."""
    if path.is_dir():
        return
    make_directory(path.parent, mode=mode)
    try:
        os.mkdir(path, mode)  # noqa: PTH102 (the tests inject faults at the os level)
        sync_directory(path.parent)
    except FileExistsError:
        return
    except OSError as error:
        fail(error, path)


def rename(source: Path, target: Path) -> None:
    """Move *source* to *target* and make the new name durable."""
    try:
        os.rename(source, target)  # noqa: PTH104
        sync_directory(target.parent)
    except OSError as error:
        fail(error, target)


def sync_directory(path: Path) -> None:
    """Make the names in directory *path* durable."""
    if os.name == "nt":  # a directory cannot be opened there; NTFS journals its names
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_fd(fd)
    finally:
        os.close(fd)


def sync_fd(fd: int) -> None:
    """Flush *fd* to the platter; on macOS plain fsync only reaches the drive's cache."""
    if sys.platform == "darwin":  # pragma: no cover
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        return
    os.fsync(fd)


def fail(error: OSError, path: Path) -> NoReturn:
    """Raise the typed error for *error* at *path*.

    Raises:
        StorageFailed: always.
    """
    remedies = {
        errno.ENOSPC: "free some space and try again",
        errno.EDQUOT: "free some space and try again",
        errno.EROFS: "the file system is read-only: mount it writable or choose another path",
        errno.EACCES: "check the owner and the permissions",
        errno.EPERM: "check the owner and the permissions",
    }
    reason = (os.strerror(error.errno) if error.errno else str(error)).lower()
    remedy = remedies.get(error.errno or 0, "check the disk, then try again")
    raise StorageFailed(f"cannot write {path}: {reason}", remedy=remedy) from error


def _write_one(path: Path, data: bytes, mode: int) -> None:
    # Random, because machines that share a directory share process ids too.
    temporary = path.with_name(f"{TEMPORARY}{os.urandom(8).hex()}-{path.name}"[:255])
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            _write_all(fd, data)
            sync_fd(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)  # noqa: PTH104
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        written = os.write(fd, view)
        view = view[written:]
