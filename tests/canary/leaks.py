"""Look for markers in every disguise: in files, in archives inside files, in the processes of a run."""

import base64
import re
import subprocess
import sys
import time
import urllib.parse
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from program import Program

COMPRESSED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
MAX_FILE = 64 * 2**20
WHOLE = 12
"""Bytes of a marker that must show for a find; binary markers are searched by such windows."""


def disguises(marker: str | bytes) -> dict[str, bytes]:
    """Encoding → the bytes that *marker* is in it."""
    if isinstance(marker, bytes):
        start, middle = marker[:16], marker[len(marker) // 2 :][:16]
        plain = {"start": start, "middle": middle}
        return {
            **plain,
            **{f"{k} hex": v.hex().encode() for k, v in plain.items()},
            **{f"{k} base64 {i}": b for k, v in plain.items() for i, b in enumerate(base64s(v))},
        }
    utf8 = marker.encode()
    return {
        "utf-8": utf8,
        "upper": marker.upper().encode(),
        "utf-16-le": marker.encode("utf-16-le"),
        "utf-16-be": marker.encode("utf-16-be"),
        "hex": utf8.hex().encode(),
        "HEX": utf8.hex().upper().encode(),
        "url": urllib.parse.quote(marker, safe="").encode(),
        "json": marker.encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00"),
        "reversed": utf8[::-1],
        **{f"base64 {i}": b for i, b in enumerate(base64s(utf8))},
    }


def base64s(data: bytes) -> list[bytes]:
    """What is certain of the base64 of *data* at each of the three alignments."""
    found = []
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data + b"\0" * ((-len(data) - before) % 3))
        found.append(text[4 if before else 0 : len(text) - (4 if (len(data) + before) % 3 else 0)])
    return found


@dataclass(frozen=True)
class Leak:
    """A marker where none may be."""

    place: str
    marker: str
    encoding: str


@dataclass
class Search:
    """All markers in all disguises."""

    markers: Mapping[str, str | bytes]
    """What is looked for, by what it was in the scenario (``body``, ``tag``, ``keyfile``, …)."""
    needles: list[tuple[str, str, bytes]] = field(init=False)

    def __post_init__(self) -> None:
        """Disguise the markers once."""
        self.needles = [(m, e, b) for m, value in self.markers.items() for e, b in disguises(value).items()]

    def in_bytes(self, place: str, data: bytes, *, without: Iterable[str] = ()) -> list[Leak]:
        """The markers in *data* and in compressed streams inside it, but those called *without*."""
        skipped = set(without)
        found = {(m, e) for m, e, needle in self.needles if m not in skipped and needle in data}
        for stream in inflated(data):
            found |= {(m, f"{e} in zlib") for m, e, needle in self.needles if m not in skipped and needle in stream}
        return [Leak(place, m, e) for m, e in sorted(found)]

    def below(self, *roots: Path, allowed: Iterable[Path] = (), since: float = 0.0) -> list[Leak]:
        """The markers in names and contents of all files below *roots* that are not below *allowed*."""
        leaks = []
        outside = tuple(allowed)
        for path in (p for root in roots for p in files(root)):
            if any(path == a or path.is_relative_to(a) for a in outside):
                continue
            with suppress(OSError):
                facts = path.stat()
                if facts.st_mtime >= since and facts.st_size <= MAX_FILE:
                    leaks += self.in_bytes(f"{path}", bytes(path.name, "utf-8", "surrogateescape") + path.read_bytes())
        return leaks


def files(root: Path) -> Iterable[Path]:
    """Regular files below *root*; links are not followed."""
    if root.is_file() and not root.is_symlink():
        yield root
    try:
        entries = list(root.iterdir()) if root.is_dir() and not root.is_symlink() else []
    except OSError:
        return
    for entry in entries:
        yield from files(entry)


def inflated(data: bytes) -> Iterable[bytes]:
    """Whatever inflates inside *data*."""
    for found in COMPRESSED.finditer(data):
        with suppress(zlib.error):
            stream = zlib.decompressobj(wbits=47).decompress(data[found.start() :], 2**20)
            if len(stream) > WHOLE:
                yield stream


@dataclass
class Watched:
    """A program whose runs are watched: argv and environment of every process, and stderr."""

    program: Program
    samples: list[tuple[str, bytes, str]] = field(default_factory=list)
    """(which command, what was seen, the marker names that its own arguments hold)."""
    errors: list[tuple[str, bytes]] = field(default_factory=list)
    outputs: list[bytes] = field(default_factory=list)
    runs: int = 0

    def __call__(
        self,
        *args: str | Path,
        stdin: str | bytes = b"",
        env: dict[str, str | None] | None = None,
        code: int = 0,
        typed: str = "",
        command: list[str] | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> bytes:
        """Run ``memory *args`` (or *command*) and sample it; *typed* names the markers in its arguments."""
        line = command or [sys.executable, "-m", "memory_cli", *map(str, args)]
        with subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.program.environment(env), cwd=self.program.root / "work", start_new_session=True,
            pass_fds=pass_fds,
        ) as child:  # fmt: skip
            name = " ".join(map(str, args))[:60]
            assert child.stdin is not None
            until = time.monotonic() + 0.05
            while time.monotonic() < until and child.poll() is None:
                self.sample(child.pid, name, typed)
                time.sleep(0.01)
            with suppress(BrokenPipeError):
                child.stdin.write(stdin.encode() if isinstance(stdin, str) else stdin)
                child.stdin.flush()
            self.sample(child.pid, name, typed)
            out, err = child.communicate(timeout=120)
        assert child.returncode == code, (line[3:], child.returncode, err)
        self.errors.append((name, err))
        self.outputs.append(out)
        self.runs += 1
        return out

    def sample(self, pid: int, name: str, typed: str) -> None:
        """Keep argv and environment of *pid* and its children."""
        for process in (pid, *children(pid)):
            for file in ("cmdline", "environ"):
                with suppress(OSError):
                    self.samples.append((f"{name}: {file}", Path(f"/proc/{process}/{file}").read_bytes(), typed))

    def leaks(self, search: Search) -> list[Leak]:
        """What argv, environments and stderr gave away."""
        seen = {(data, typed): place for place, data, typed in self.samples}
        found = [
            leak
            for (data, typed), place in seen.items()
            for leak in search.in_bytes(place, data, without=typed.split())
        ]
        for name, err in self.errors:
            found += search.in_bytes(f"{name}: stderr", err)
        return found


def children(pid: int) -> list[int]:
    """Direct children of *pid*."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
