"""The synced files of a vault: sealed objects, header sections, purge lists. Opaque bytes in and out.

Nothing here can read them: this module imports no key and no codec, and the build checks that. What it
promises is durability (a `put` that returned survives a power cut), names that fit their content, and
bounded reads.
"""

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from vault import durable
from vault.errors import Damaged, NotFound, VaultError
from vault.names import is_name, name_of

MAX_OBJECT = 64 * 1024 * 1024
STALE_TEMPORARY = 24 * 3600.0
"""Seconds after which a temporary file belongs to nobody."""
_RACY = 2.0
"""Seconds within which a directory's mtime proves nothing: another file may come in the same tick."""
_SUFFIX = ".age"

GITIGNORE = ".tmp-*\n"
GITATTRIBUTES = "* -text -diff\n"


class ObjectStore:
    """The files below one vault directory."""

    def __init__(self, root: Path) -> None:
        """Use the vault directory *root*; it need not exist yet."""
        self.root = root
        self.objects = root / "objects"
        self.header = root / "header"
        self.purged = root / "purged"

    # -- sealed objects -------------------------------------------------------------------------------

    def path_of(self, name: str) -> Path:
        """Where the object called *name* lies."""
        return self.objects / name[:2] / f"{name}{_SUFFIX}"

    def put(self, sealed: Sequence[bytes]) -> list[str]:
        """Store *sealed* files durably; returns their names in order. Putting a file twice is harmless.

        Raises:
            StorageFailed: none of them may be acknowledged.
        """
        names = [name_of(data) for data in sealed]
        durable.write_files([(self.path_of(n), d) for n, d in zip(names, sealed, strict=True)])
        return names

    def get(self, name: str) -> bytes:
        """The content of an object, not yet checked against its name.

        Raises:
            NotFound: there is none; Damaged: it is larger than any object may be.
        """
        return read_bounded(self.path_of(name), MAX_OBJECT)

    def names(self, only: Iterable[str] | None = None) -> Iterator[str]:
        """Names of all objects (or of those in the two-character directories *only*)."""
        for directory in self._directories() if only is None else only:
            try:
                with os.scandir(self.objects / directory) as files:
                    for file in files:
                        name = file.name.removesuffix(_SUFFIX)
                        if file.name.endswith(_SUFFIX) and is_name(name) and name[:2] == directory:
                            yield name
            except (FileNotFoundError, NotADirectoryError):
                continue

    def fingerprint(self) -> dict[str, int]:
        """Two-character directory → its mtime in ns, or 0 where that is too recent to prove anything.

        Equal non-zero fingerprints mean that no object was added to or removed from that directory, so
        start-up need not list it.
        """
        now = time.time_ns()
        result = {}
        with suppress(FileNotFoundError), os.scandir(self.objects) as found:
            for directory in found:
                if len(directory.name) == 2 and directory.is_dir(follow_symlinks=False):  # noqa: PLR2004
                    mtime = directory.stat(follow_symlinks=False).st_mtime_ns
                    result[directory.name] = mtime if 0 < mtime < now - _RACY * 1e9 else 0
        return result

    def settle(self, directories: Iterable[str]) -> None:
        """Make the names in these two-character directories durable.

        Raises:
            StorageFailed: they may not be.
        """
        for directory in directories:
            try:
                durable.sync_directory(self.objects / directory)
            except OSError as error:
                durable.fail(error, self.objects / directory)

    def present(self, names: Iterable[str]) -> list[str]:
        """Those of *names* that are on disk."""
        return [name for name in names if self.path_of(name).exists()]

    def remove(self, names: Iterable[str]) -> None:
        """Delete objects durably (only after a purge list says so)."""
        durable.remove_files(self.path_of(name) for name in names)

    def sweep(self) -> None:
        """Delete temporary files that no running process can still own."""
        limit = time.time() - STALE_TEMPORARY
        for directory in (self.header, self.purged, *(self.objects / d for d in self._directories())):
            if directory.is_dir():
                for path in directory.glob(f"{durable.TEMPORARY}*"):
                    if path.lstat().st_mtime < limit:
                        path.unlink(missing_ok=True)

    def _directories(self) -> list[str]:
        try:
            with os.scandir(self.objects) as found:
                return sorted(d.name for d in found if len(d.name) == 2 and d.is_dir(follow_symlinks=False))  # noqa: PLR2004
        except FileNotFoundError:
            return []

    # -- header sections and purge lists --------------------------------------------------------------

    def sections(self, classification: str, limit: int, max_size: int) -> dict[str, bytes]:
        """Name → content of a class's header sections whose content fits their name.

        Raises:
            Damaged: more than *limit* sections.
        """
        found: dict[str, bytes] = {}
        for path in sorted(self.header.glob(f"{classification}.*.toml")):
            name = path.name.split(".")[1]
            if not is_name(name):
                continue
            if len(found) >= limit:
                raise Damaged(
                    "too many header sections", remedy="restore the header directory from a backup or from git"
                )
            with suppress(VaultError):  # doctor lists what is unreadable, the pins tell whether it matters
                data = read_bounded(path, max_size)
                if name_of(data) == name:
                    found[name] = data
        return found

    def damaged_sections(self, classification: str, max_size: int) -> list[str]:
        """File names of sections whose content does not fit their name."""
        paths = sorted(self.header.glob(f"{classification}.*.toml"))
        return [p.name for p in paths if not self._fits(p, max_size)]

    def _fits(self, path: Path, max_size: int) -> bool:
        try:
            return name_of(read_bounded(path, max_size)) == path.name.split(".")[1]
        except VaultError:
            return False

    def put_sections(self, sections: Mapping[str, Sequence[bytes]]) -> None:
        """Store header sections (class → contents) durably."""
        durable.write_files(
            [(self._section_path(c, name_of(data)), data) for c, many in sections.items() for data in many]
        )

    def remove_sections(self, classification: str, names: Iterable[str]) -> None:
        """Delete sections that a durable successor replaces."""
        durable.remove_files(self._section_path(classification, name) for name in names)

    def purge_lists(self, max_size: int) -> Iterator[bytes]:
        """Contents of all purge lists that fit their names."""
        for path in sorted(self.purged.glob("*.toml")):
            with suppress(VaultError):  # what anyone may have put there must not keep the vault shut
                data = read_bounded(path, max_size)
                if name_of(data) == path.stem:
                    yield data

    def put_purge_list(self, data: bytes) -> None:
        """Store one purge list durably."""
        durable.write_file(self.purged / f"{name_of(data)}.toml", data)

    def _section_path(self, classification: str, name: str) -> Path:
        return self.header / f"{classification}.{name}.toml"


def read_bounded(path: Path, limit: int) -> bytes:
    """The bytes of *path*, refused above *limit*.

    Raises:
        NotFound: no such file; Damaged: too large or unreadable.
    """
    try:
        # A link would lead out of the vault, and a pipe or device would never end.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise _no_plain_file(path)
            data = file.read(limit + 1)
    except FileNotFoundError as error:
        raise NotFound(f"no file {path.name}", remedy="restore it from a backup or from git history") from error
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.EISDIR}:
            raise _no_plain_file(path) from error
        durable.fail(error, path)
    if len(data) > limit:
        raise Damaged(f"{path.name} is larger than {limit} bytes", remedy="restore it from a backup")
    return data


def _no_plain_file(path: Path) -> Damaged:
    return Damaged(f"{path.name} is not a plain file", remedy="delete it, or restore it from a backup")
