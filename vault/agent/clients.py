"""A connection to the supervisor's socket: requests in, answers out, and what an unlock waits for."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vault.agent import leases, wire

MAX_REQUEST = 64 * 1024
PATIENCE = 5.0
"""Seconds a client may take to send a request; one that is waiting for a worker may take longer."""


@dataclass(eq=False)
class Client:
    """A process of this user that asks."""

    connection: socket.socket
    session: int
    """Its terminal session, by the kernel's word."""
    deadline: float = 0.0
    """When it must have said something."""
    buffer: bytearray = field(default_factory=bytearray)
    waiting: int = 0
    """Workers it waits for."""
    unlocking: tuple[str, ...] = ()
    """Classes whose workers have yet to offer a pipe for their key."""
    pipes: dict[str, int] = field(default_factory=dict)
    failed: list[Any] | None = None

    def __post_init__(self) -> None:
        """Its time begins."""
        self.connection.setblocking(False)  # our answers are short: who does not take them is dropped
        self.heard()

    def heard(self) -> None:
        """It has some time again."""
        self.deadline = leases.now() + PATIENCE

    def request(self) -> tuple[str, dict[str, Any]] | None:
        """The next request, once it is there whole; None while it is not.

        Raises:
            wire.Gone: it hung up, sent more than a request has, or what is none.
        """
        try:
            data = self.connection.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        self.buffer += data
        size = int.from_bytes(self.buffer[: wire.HEAD], "big") if len(self.buffer) >= wire.HEAD else 0
        if not data or len(self.buffer) > MAX_REQUEST + wire.HEAD or size > MAX_REQUEST:
            raise wire.Gone
        end = wire.HEAD + size
        if len(self.buffer) < max(end, wire.HEAD):
            return None
        frame, self.buffer = bytes(self.buffer[wire.HEAD : end]), self.buffer[end:]
        self.heard()
        try:
            verb, about = wire.parse(frame)
            return str(verb), dict(about)
        except (TypeError, ValueError) as error:
            raise wire.Gone from error

    def reply(self, message: Any, fds: Sequence[int] = ()) -> None:
        """Answer.

        Raises:
            wire.Gone: it does not take it.
        """
        wire.send(self.connection, message, fds)

    def offered(self, name: str, pipe: int) -> tuple[list[str], list[int]] | None:
        """Take the *pipe* for the key of class *name*; when all of an unlock are there, their names and they."""
        self.pipes[name] = pipe
        if set(self.pipes) != set(self.unlocking):
            return None
        names, self.unlocking = list(self.unlocking), ()
        return names, [self.pipes[name] for name in names]

    def give_up_pipes(self) -> None:
        """Close our ends of the pipes of an unlock."""
        while self.pipes:
            os.close(self.pipes.popitem()[1])
