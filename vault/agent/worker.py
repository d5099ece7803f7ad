"""A process that the supervisor started: how to reach it, how long it may live, and how it ends."""

import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from vault.agent import leases, wire
from vault.agent.leases import Lease, Terms

if TYPE_CHECKING:
    from vault.agent.clients import Client

START_SECONDS = 600.0
"""How long a worker may wait for its key: somebody is typing a passphrase."""
PATIENCE = 5.0
"""Seconds a worker may take to take in a message."""


@dataclass(eq=False)
class Worker:
    """A process we started, and how to reach it."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    vault: str
    """The id of its vault; for the model, its settings file."""
    path: str
    """Where its vault is; for the model, the directory of models."""
    name: str
    """Its class, or ``model``."""
    terms: Terms
    """What holds once it is ready."""
    lease: Lease
    ready: bool = False
    client: "Client | None" = None
    """Who waits for it to be ready."""

    @classmethod
    def started(cls, module: str, stdin: int, vault: str, path: str, name: str, terms: Terms) -> Self:
        """Start *module* of this package with one end of a socket pair, its time, and *stdin*."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"vault.agent.{module}", str(theirs.fileno()), str(terms.ttl)],
                stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()], cwd="/",
            )  # fmt: skip
        ours.settimeout(PATIENCE)
        return cls(process, ours, vault, path, name, terms, Lease.begun(Terms(START_SECONDS, session=terms.session)))

    @property
    def is_model(self) -> bool:
        """Whether it holds the model rather than a class."""
        return self.name == "model"

    @property
    def left(self) -> float | None:
        """Seconds until it is locked; None for no end."""
        left = self.lease.ends - leases.now()
        return None if left == float("inf") else left

    @property
    def is_over(self) -> bool:
        """Whether its time is up, or it has ended by itself."""
        return self.lease.is_over() or self.process.poll() is not None

    def is_meant(self, vault: str | None, classes: Sequence[str]) -> bool:
        """Whether it holds one of *classes* (none: any) of *vault* (None: any)."""
        return not self.is_model and self.name in (classes or [self.name]) and self.vault == (vault or self.vault)

    def replaces(self, other: "Worker") -> bool:
        """Whether *other* was there for the same class and terminal before."""
        same = (other.vault, other.name, other.terms.session) == (self.vault, self.name, self.terms.session)
        return other is not self and other.ready and same

    def begin(self) -> None:
        """It is ready: from now on its terms hold."""
        self.ready = True
        self.lease = Lease.begun(self.terms)

    def send(self, message: Any, fds: Sequence[int] = ()) -> bool:
        """Tell it something; False if it is no more."""
        try:
            wire.send(self.control, message, fds)
        except wire.Gone:
            return False
        return True

    def row(self, session: int) -> dict[str, Any]:
        """What a client of terminal session *session* is told of it."""
        return {
            "name": self.name,
            "vault": self.vault,
            "pid": self.process.pid,
            "ready": self.ready,
            "seconds": None if self.left is None else round(self.left),
            "here": self.lease.admits(session),
        }

    def kill(self) -> None:
        """End it, and with it everything it knew. Returns when the kernel has."""
        with suppress(OSError):
            self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.control.close()
