"""Run the program as a person does: a subprocess of its own, in a home of its own, on pipes or on a pty.

Vaults open with a keyfile, which needs no Argon2; there is no model unless one is asked for.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pexpect

REPOSITORY = Path(__file__).resolve().parent.parent.parent
MODELS = REPOSITORY / ".build" / "models"
TIMEOUT = 60.0


@contextmanager
def fast_directory() -> Iterator[Path]:
    """A directory of our own, in memory if possible."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None, prefix="cli-") as path:
        yield Path(path)


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    code: int
    raw: bytes
    """stdout as it came."""
    err: str

    @property
    def out(self) -> str:
        """Stdout as text."""
        return self.raw.decode()

    @property
    def json(self) -> Any:
        """Stdout as the JSON document it is."""
        return json.loads(self.raw)

    def ok(self) -> "Done":
        """This run, which must have succeeded."""
        assert self.code == 0, (self.code, self.out, self.err)
        return self


@dataclass
class Program:
    """``memory`` in a home below *root*."""

    root: Path
    extra: dict[str, str] = field(default_factory=dict)
    """Environment on top of the closed-off one."""

    def __post_init__(self) -> None:
        """Make the directories of a home."""
        for name in ("tmp", "runtime", "work"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "runtime").chmod(0o700)

    @property
    def vault(self) -> Path:
        """Where the vault is."""
        return self.root / "vault"

    @property
    def keyfile(self) -> Path:
        """What opens it."""
        return self.root / "key"

    @property
    def state(self) -> Path:
        """The state directory of the one vault."""
        return next(p for p in (self.root / "state" / "memory").iterdir() if p.is_dir())

    @property
    def env(self) -> dict[str, str]:
        """The whole environment of a run."""
        root = self.root
        xdg = {f"XDG_{name}_HOME": str(root / name.lower()) for name in ("DATA", "STATE", "CONFIG", "CACHE")}
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "TMPDIR": str(root / "tmp"),
            "XDG_RUNTIME_DIR": str(root / "runtime"),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "TZ": "UTC",
            "COLUMNS": "120",
            "MEMORY_VAULT": str(self.vault),
            "MEMORY_KEYFILE": str(self.keyfile),
            **xdg,
            **self.extra,
        }

    def environment(self, changes: dict[str, str | None] | None) -> dict[str, str]:
        """The environment with *changes*; None takes a variable away."""
        merged: dict[str, str | None] = {**self.env, **(changes or {})}
        return {k: v for k, v in merged.items() if v is not None}

    def __call__(
        self,
        *args: str | Path,
        stdin: str | bytes = b"",
        env: dict[str, str | None] | None = None,
        cwd: Path | None = None,
        timeout: float = TIMEOUT,
    ) -> Done:
        """Run ``memory *args`` on pipes, with no terminal anywhere."""
        done = subprocess.run(
            [sys.executable, "-m", "memory_cli", *map(str, args)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=self.environment(env),
            cwd=cwd or self.root / "work",
            timeout=timeout,
            start_new_session=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode())

    def init(self) -> "Program":
        """Make the vault."""
        self("init", "--keyfile", self.keyfile, "-y").ok()
        return self

    def add(self, text: str, *args: str) -> str:
        """Keep *text* as general (or as *args* say); gives the id."""
        return str(self("add", "--json", *(args or ("-c", "general")), stdin=text).ok().json["id"])

    def on_terminal(self, *args: str | Path, env: dict[str, str | None] | None = None) -> pexpect.spawn:
        """Start ``memory *args`` on a pty of 40 × 200; what it prints is bytes."""
        return pexpect.spawn(
            sys.executable,
            ["-m", "memory_cli", *map(str, args)],
            env=self.environment({"COLUMNS": None, **(env or {})}),
            cwd=str(self.root / "work"),
            dimensions=(40, 200),
            timeout=TIMEOUT,
        )

    def seen_on_terminal(self, *args: str | Path, env: dict[str, str | None] | None = None) -> tuple[int, bytes]:
        """(exit code, every byte the terminal received) of a run that asks for nothing."""
        return finish(self.on_terminal(*args, env=env))


def finish(child: pexpect.spawn) -> tuple[int, bytes]:
    """Read a pty child to its end: (exit code, what came since the last match)."""
    child.expect(pexpect.EOF)
    child.close()
    code = child.exitstatus if child.exitstatus is not None else 128 + (child.signalstatus or 0)
    return code, bytes(child.before)


def with_model(program: Program) -> Program:
    """Give the home the real model."""
    data = program.root / "data" / "memory"
    data.mkdir(parents=True, exist_ok=True)
    (data / "models").symlink_to(MODELS)
    return program


def tree(*roots: Path) -> dict[str, bytes | None]:
    """Every file below *roots* with its content, every directory with None: to show that nothing changed."""
    found: dict[str, bytes | None] = {}
    for root in roots:
        for path in sorted(root.rglob("*")) if root.exists() else ():
            found[str(path)] = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    return found
