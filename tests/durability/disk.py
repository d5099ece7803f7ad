"""What a disk may hold after the power went: a model of a file system that promises no more than POSIX does.

Only what was fsynced is sure. A name is sure when its directory was fsynced after the name was made; the
content of a file when the file was. Everything else may be there, be missing, or be there in part, in any
combination: an un-synced rename may survive while the data of the renamed file did not.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from shim import Call


@dataclass
class File:
    """An inode with content."""

    sure: bytes = b""
    now: bytes = b""
    """What a reader sees before the power goes."""

    def after(self, rng: random.Random, mode: str) -> bytes:
        """Its content after the power went."""
        if self.sure == self.now or mode == "all":
            return self.now
        if mode == "none":
            return self.sure
        cut = rng.randrange(len(self.now) + 1)
        torn = (self.now[:cut], self.now[:cut] + bytes(len(self.now) - cut), self.sure, self.now)
        return rng.choice(torn)


@dataclass
class Directory:
    """An inode with names."""

    sure: dict[str, "File | Directory"] = field(default_factory=dict)
    now: dict[str, "File | Directory"] = field(default_factory=dict)
    pending: list[tuple[str, str, "File | Directory | None"]] = field(default_factory=list)
    """(name, name that goes, inode) of changes since the last fsync; either name may be empty."""

    def change(self, name: str, goes: str, inode: "File | Directory | None") -> None:
        """Make *name* mean *inode* and take the name *goes* away."""
        _apply(self.now, name, goes, inode)
        self.pending.append((name, goes, inode))

    def after(self, rng: random.Random, mode: str) -> dict[str, "File | Directory"]:
        """Its names after the power went."""
        names = dict(self.sure)
        for name, goes, inode in self.pending:
            if mode == "all" or (mode == "some" and rng.random() < 0.5):
                _apply(names, name, goes, inode)
        return names


def _apply(names: dict[str, "File | Directory"], name: str, goes: str, inode: "File | Directory | None") -> None:
    if goes:
        names.pop(goes, None)
    if name and inode is not None:
        names[name] = inode


class Disk:
    """The file system below a root, as the calls so far have left it."""

    def __init__(self, root: Path) -> None:
        """Start with an empty directory *root*."""
        self.root = root.absolute()
        self.top = Directory()
        self._handles: dict[int, tuple[File | Directory, int]] = {}

    def play(self, calls: Iterable[Call]) -> None:
        """Carry out recorded *calls*."""
        for call in calls:
            getattr(self, f"_{call.name}")(call)

    def write_to(self, place: Path, rng: random.Random, mode: str) -> None:
        """Make at *place* what a restarted machine finds; *mode* is ``none``, ``some`` or ``all``."""
        queue: list[tuple[Path, Directory]] = [(place, self.top)]
        while queue:
            path, directory = queue.pop()
            path.mkdir(mode=0o700)
            for name, inode in directory.after(rng, mode).items():
                if isinstance(inode, Directory):
                    queue.append((path / name, inode))
                elif not name.endswith(".db"):  # SQLite's, see the caller
                    (path / name).write_bytes(inode.after(rng, mode))
                    (path / name).chmod(0o600)

    def _find(self, path: str) -> tuple[Directory, str]:
        parts = Path(path).relative_to(self.root).parts
        directory = self.top
        for part in parts[:-1]:
            found = directory.now[part]
            assert isinstance(found, Directory)
            directory = found
        return directory, parts[-1] if parts else ""

    def _mark(self, call: Call) -> None:
        pass

    def _close(self, call: Call) -> None:
        self._handles.pop(call.handle, None)

    def _open(self, call: Call) -> None:
        parent, name = self._find(call.path)
        inode: File | Directory = parent.now.get(name, parent) if name else parent
        if call.created:
            inode = File()
            parent.change(name, "", inode)
        if isinstance(inode, File):
            inode.now = b"" if call.truncated else inode.now
        self._handles[call.handle] = (inode, 0)

    def _write(self, call: Call) -> None:
        inode = self._handles[call.handle][0]
        assert isinstance(inode, File)
        inode.now += call.data  # everything the library writes is appended or overwritten at an offset

    def _pwrite(self, call: Call) -> None:
        inode = self._handles[call.handle][0]
        assert isinstance(inode, File)
        at = call.offset or 0
        inode.now = inode.now[:at].ljust(at, b"\0") + call.data + inode.now[at + len(call.data) :]

    def _fsync(self, call: Call) -> None:
        inode = self._handles[call.handle][0]
        if isinstance(inode, File):
            inode.sure = inode.now
        else:
            inode.sure, inode.pending = dict(inode.now), []

    def _mkdir(self, call: Call) -> None:
        parent, name = self._find(call.path)
        parent.change(name, "", Directory())

    def _unlink(self, call: Call) -> None:
        parent, name = self._find(call.path)
        parent.change("", name, None)

    _rmdir = _unlink

    def _rename(self, call: Call) -> None:
        parent, name = self._find(call.path)
        other, new = self._find(call.target)
        assert other is parent, "a rename across directories is not one change"
        parent.change(new, name, parent.now[name])
