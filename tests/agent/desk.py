"""A home with a vault and an agent of its own: its processes, its terminals, and the proof that nothing is left."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from program import Done, Program

import vault
from vault.agent import events, peer, supervisor
from vault.agent.classes import Keeping
from vault.agent.listening import listen
from vault.classification import Classification
from vault.keys import keyslots
from vault.keys.stretching import KdfLimits

QUICK = KdfLimits(target_seconds=0.001)
"""Production's smallest Argon2, so that the program accepts it: about 0.2 s."""
NO_KEY: dict[str, str | None] = {"MEMORY_KEYFILE": None}
LOW = (Classification.GENERAL, Classification.CHRONOLOGICAL, Classification.CONFIDENTIAL)
TEXTS = {
    Classification.GENERAL: ("the ferry leaves at nine\n\nsee [[harbour]]", "a heron stood in the harbour"),
    Classification.CHRONOLOGICAL: ("met Anna at the harbour",),
    Classification.CONFIDENTIAL: ("the boiler man is Kowalski", "rent is due on the third"),
    Classification.SECRET: ("the spare key lies under the heron", "zanzibar account"),
    Classification.ULTRASECRET: ("quetzalcoatl is the last word",),
}
"""What the template holds; secret and ultrasecret have words and tags of their own."""


def furnished(place: Path) -> Path:
    """Make the template below *place*: a vault that one keyfile opens, with `TEXTS` in it."""
    keyfile = place / "key"
    keyfile.write_bytes(os.urandom(48))
    with vault.create(place / "vault", keyfile=keyfile, state=place / "state" / "memory", models=place / "none") as v:
        fill(v, TEXTS)
    return place


def fill(v: vault.Vault, texts: dict[Classification, tuple[str, ...]]) -> dict[Classification, list[str]]:
    """Capture *texts*; the ids by class."""
    return {
        c: [v.capture(t, c, tags=(f"tag-{c}", "all"), source="test").id for t in many] for c, many in texts.items()
    }


@dataclass
class Desk(Program):
    """`Program` where an agent may run."""

    terminals: list["Terminal"] = field(default_factory=list)
    patience: float = 10.0
    """Seconds that the processes have to end in."""

    @classmethod
    def copied(cls, template: Path, place: Path) -> Self:
        """A desk at *place* with a copy of the vault of *template*, as if it had always been there."""
        shutil.copytree(template, place)
        (place / "state" / "memory" / "vaults.toml").unlink()
        return cls(place)

    @contextmanager
    def at_work(self) -> Iterator[Self]:
        """This desk; at the end its agent is ended, and no process of it may be left."""
        try:
            yield self
        finally:
            for terminal in self.terminals:
                terminal.end()
            self.end_all()
        assert eventually(lambda: not self.living(), self.patience), self.living()

    def end_all(self) -> None:
        """End the agent, however it fares."""
        for pid in self.processes("supervisor").values():
            kill(pid, signal.SIGTERM)
        if not eventually(lambda: not self.living(), 3.0):
            for pid, _ in self.living():
                kill(pid)

    def processes(self, kind: str = "") -> dict[str, int]:
        """Living processes of this home's agent by what they are: ``supervisor``, ``model``, a class."""
        found = {}
        for pid, line in self.living():
            what = line[line.index("vault.agent.") + len("vault.agent.") :].split()[0] if "vault.agent." in line else ""
            if what and kind in what:
                found[what if what not in found else f"{what} {pid}"] = pid
        return found

    def living(self) -> list[tuple[int, str]]:
        """(pid, command line) of every living process that was started with this home's runtime directory."""
        mark = f"XDG_RUNTIME_DIR={self.root / 'runtime'}\0".encode()
        found = []
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                with suppress(OSError):
                    if mark in (place / "environ").read_bytes() + b"\0":
                        line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                        found.append((int(place.name), line))
        return found

    def workers(self) -> dict[str, int]:
        """Name (class or ``model``) → pid, as the agent says."""
        rows = self("agent", "status", "--json").ok().json["workers"]
        return {row["name"]: row["pid"] for row in rows}

    def unlock(self, *args: str, **more: Any) -> Done:
        """``memory unlock`` for all terminals, with the keyfile."""
        return self("unlock", "--all-terminals", *args, **more).ok()

    def keyless(self, *args: str | Path, **more: Any) -> Done:
        """A command that has no secret at hand."""
        return self(*args, env=NO_KEY | more.pop("env", {}), **more)

    def texts(self) -> list[str]:
        """Titles or first lines of what a command without a secret lists, sorted."""
        rows = self.keyless("list", "--json", "-n", "1000").ok().json
        return sorted(str(row.get("text", row["title"])) for row in rows)

    def terminal(self, **more: str) -> "Terminal":
        """A terminal session with a shell in it."""
        terminal = Terminal(self, {**self.environment(NO_KEY), **more})
        self.terminals.append(terminal)
        return terminal

    def connect(self, keep: "tuple[Classification, ...] | None" = None, **more: Any) -> vault.Vault:
        """The vault through the agent, in this process; with *keep* these classes are unlocked in the agent first."""
        terms = dict.fromkeys(keep or (), (600.0, 0.0))
        keeping = Keeping(terms, all_terminals=more.pop("all_terminals", True)) if keep else None
        where = {"state": self.root / "state" / "memory", "models": self.root / "none"}
        v = vault.connect(self.vault, keeping=keeping, **where, **more)
        if keep:
            v.unlock([self.secret], keep)
        return v

    def alone(self, **more: Any) -> vault.Vault:
        """The vault opened in this process, with every class and without the agent."""
        where = {"state": self.root / "state" / "memory", "models": self.root / "none"}
        return vault.open(self.vault, keyfile=self.keyfile, **where, **more)

    @property
    def secret(self) -> keyslots.Secret:
        """The keyfile."""
        return keyslots.keyfile(self.keyfile.read_bytes())

    @property
    def socket(self) -> Path:
        """Where the agent listens."""
        return self.root / "runtime" / "memory" / "agent.sock"


class Terminal:
    """A shell that leads a session, as in a terminal window; commands run in its session, on pipes."""

    def __init__(self, desk: Desk, env: dict[str, str]) -> None:
        """Open it."""
        self._desk = desk
        self._shell = subprocess.Popen(
            ["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=env, cwd=desk.root / "work", start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def __call__(self, *args: str) -> Done:
        """Run ``memory *args`` in this session; with ``keyfile`` first, with the keyfile at hand."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        before = f"MEMORY_KEYFILE={self._desk.keyfile} " if args[0] == "keyfile" else ""
        line = " ".join(f"'{a}'" for a in args[args[0] == "keyfile" :])
        work = self._desk.root / "work"
        self._shell.stdin.write(
            f"{before}{sys.executable} -m memory_cli {line} </dev/null >{work}/out 2>{work}/err; echo $?\n".encode()
        )
        self._shell.stdin.flush()
        code = int(self._shell.stdout.readline())
        return Done(code, (work / "out").read_bytes(), (work / "err").read_text())

    def end(self) -> None:
        """Close the window."""
        with suppress(OSError):
            os.killpg(self._shell.pid, signal.SIGHUP)
        with suppress(subprocess.TimeoutExpired):
            self._shell.wait(5)
        for pipe in (self._shell.stdin, self._shell.stdout):
            if pipe is not None:
                pipe.close()


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def eventually(true: Callable[[], Any], seconds: float = 10.0) -> bool:
    """Whether *true* becomes true within *seconds*."""
    until = time.monotonic() + seconds
    while not (found := bool(true())) and time.monotonic() < until:
        time.sleep(0.02)
    return found


@contextmanager
def serving(desk: Desk, *sources: events.Source) -> Iterator[supervisor.Supervisor]:
    """A supervisor in a thread of this process, with these sources."""
    listening = listen(peer.socket_path())
    assert listening is not None
    running = supervisor.Supervisor(listening, sources)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join()
        desk.socket.unlink(missing_ok=True)
