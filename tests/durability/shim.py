"""The calls by which the library writes, watched and made to fail.

`Shim` stands between the library and `os`: it records every call that touches a path below its root, and can
let call number N fail as a full, broken or read-only disk would, be cut short, be interrupted by a signal, or
end the process. Calls elsewhere pass untouched. SQLite writes in C and is not seen: it is not the truth.
"""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROTOCOL = frozenset({"open", "write", "pwrite", "fsync", "rename", "mkdir"})
"""Calls whose failure means that the promise was not kept; a failed close or unlink may be forgiven."""
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)
ENDED = 77
"""Exit status of a process that a fault ended."""


@dataclass(frozen=True)
class Call:
    """One call, or a mark that the test itself set between two calls."""

    name: str
    path: str
    """What it was about; for calls on a descriptor the path that it was opened with."""
    target: str = ""
    """Of a rename."""
    data: bytes = b""
    offset: int | None = None
    """Of a pwrite; None appends."""
    handle: int = 0
    """Which opening a call on a descriptor belongs to."""
    created: bool = False
    truncated: bool = False
    mark: Any = None


@dataclass(frozen=True)
class Fault:
    """What happens at which call."""

    at: int
    kind: str
    """``error``, ``short``, ``signal``, ``exit-before``, ``exit-after``."""
    code: int = errno.EIO
    """The errno of an ``error``."""


@dataclass
class Shim:
    """Records and breaks; use it through `installed`."""

    root: Path
    fault: Fault | None = None
    calls: list[Call] = field(default_factory=list)
    hit: Call | None = None
    """The call that the fault struck."""
    real: dict[str, Callable[..., Any]] = field(default_factory=dict)
    open_files: dict[int, tuple[str, int]] = field(default_factory=dict)
    handles: int = 0

    def mark(self, value: Any) -> None:
        """Set a mark into the record: what was acknowledged, or begun, at this point."""
        self.calls.append(Call("mark", "", mark=value))

    def run(self, call: Call, act: Callable[[], Any], shorten: Callable[[], Any] | None = None) -> Any:
        """Do *call*, unless the fault says otherwise."""
        index = sum(1 for c in self.calls if c.name != "mark") if self.fault else -1
        fault = self.fault if self.fault and self.fault.at == index else None
        if fault is None:
            result = act()
            self.calls.append(call)
            return result
        self.hit = call
        self.calls.append(call)
        return self._broken(fault, call, act, shorten)

    def _broken(self, fault: Fault, call: Call, act: Callable[[], Any], shorten: Callable[[], Any] | None) -> Any:
        if fault.kind == "exit-before":
            os._exit(ENDED)
        if fault.kind == "exit-after":
            act()
            os._exit(ENDED)
        if fault.kind == "signal":
            signal.raise_signal(signal.SIGUSR1)  # Python itself goes on after EINTR (PEP 475)
            return act()
        if fault.kind == "short":
            return (shorten or act)()
        if call.name == "close":
            act()  # a close that fails has closed all the same
        raise OSError(fault.code, os.strerror(fault.code), call.path)

    # -- the calls ------------------------------------------------------------------------------------

    def inside(self, path: Any) -> str | None:
        """*path* as text if it lies below the root."""
        text = os.path.abspath(os.fsdecode(path)) if not isinstance(path, int) else ""  # noqa: PTH100 (links stay)
        return text if text == str(self.root) or text.startswith(f"{self.root}/") else None

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """See `os.open`."""
        inside = None if dir_fd is not None else self.inside(path)
        reads = not flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR | os.O_DIRECTORY)
        if inside is None or reads:
            fd: int = self.real["open"](path, flags, mode, dir_fd=dir_fd)
            self.open_files.pop(fd, None)
            return fd
        created = bool(flags & os.O_CREAT) and not os.path.lexists(inside)
        self.handles += 1
        handle = self.handles
        call = Call("open", inside, handle=handle, created=created, truncated=bool(flags & os.O_TRUNC))

        def act() -> int:
            opened: int = self.real["open"](path, flags, mode)
            self.open_files[opened] = (inside, handle)
            return opened

        return int(self.run(call, act))

    def write(self, fd: int, data: Any) -> int:
        """See `os.write`."""
        if fd not in self.open_files:
            return int(self.real["write"](fd, data))
        path, handle = self.open_files[fd]
        half = bytes(data)[: max(1, len(data) // 2)]
        return int(
            self.run(
                Call("write", path, data=bytes(data), handle=handle),
                lambda: self.real["write"](fd, data),
                lambda: self.real["write"](fd, half),
            )
        )

    def pwrite(self, fd: int, data: Any, offset: int) -> int:
        """See `os.pwrite`."""
        if fd not in self.open_files:
            return int(self.real["pwrite"](fd, data, offset))
        path, handle = self.open_files[fd]
        call = Call("pwrite", path, data=bytes(data), offset=offset, handle=handle)
        half = bytes(data)[: max(1, len(data) // 2)]
        return int(
            self.run(
                call,
                lambda: self.real["pwrite"](fd, data, offset),
                lambda: self.real["pwrite"](fd, half, offset),
            )
        )

    def on_descriptor(self, name: str) -> Callable[[int], None]:
        """A call that takes a descriptor and nothing else."""

        def call(fd: int) -> None:
            if fd not in self.open_files:
                self.real[name](fd)
                return
            path, handle = self.open_files[fd]
            if name == "close":
                del self.open_files[fd]
            self.run(Call(name, path, handle=handle), lambda: self.real[name](fd))

        return call

    def on_path(self, name: str) -> Callable[..., None]:
        """A call that takes one path first."""

        def call(path: Any, *rest: Any, **named: Any) -> None:
            inside = None if named.get("dir_fd") is not None else self.inside(path)
            if inside is None:
                self.real[name](path, *rest, **named)
            elif name == "unlink" and not os.path.lexists(inside):
                self.real[name](path, *rest, **named)  # raises FileNotFoundError, changes nothing
            else:
                self.run(Call(name, inside), lambda: self.real[name](path, *rest, **named))

        return call

    def rename(self, source: Any, target: Any, **named: Any) -> None:
        """See `os.rename`."""
        inside = self.inside(source)
        if inside is None:
            self.real["rename"](source, target, **named)
            return
        call = Call("rename", inside, target=os.path.abspath(os.fsdecode(target)))  # noqa: PTH100
        self.run(call, lambda: self.real["rename"](source, target, **named))


@contextmanager
def installed(root: Path, fault: Fault | None = None) -> Iterator[Shim]:
    """A shim in place of `os`'s writing calls for the time of the block."""
    shim = Shim(root.absolute(), fault)
    replacements: dict[str, Callable[..., Any]] = {
        "open": shim.open,
        "write": shim.write,
        "pwrite": shim.pwrite,
        "fsync": shim.on_descriptor("fsync"),
        "close": shim.on_descriptor("close"),
        "mkdir": shim.on_path("mkdir"),
        "unlink": shim.on_path("unlink"),
        "rmdir": shim.on_path("rmdir"),
        "rename": shim.rename,
    }
    shim.real = {name: getattr(os, name) for name in replacements}
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        for name, replacement in replacements.items():
            setattr(os, name, replacement)
        yield shim
    finally:
        for name, original in shim.real.items():
            setattr(os, name, original)
        signal.signal(signal.SIGUSR1, before)
