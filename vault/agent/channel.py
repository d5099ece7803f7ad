"""A connection to a worker of the agent: one question, one answer."""

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from vault.agent import wire

MOST_TOLD = 32
"""Messages sent without waiting; then one of their answers is waited for, so that they do not pile up."""


class Channel:
    """A connection to a worker: one question, one answer.

    A connection is lent to another process now and then, which may die with an answer still to come. So a question
    has a random number, which its answer repeats, and what answers another question is not taken for ours.
    """

    def __init__(self, connection: socket.socket, notes: list[str]) -> None:
        """Ask over *connection*; what a worker wants said goes to *notes*."""
        self.connection = connection
        self._notes = notes
        self._told: set[int] = set()

    def ask(
        self,
        verb: str,
        *args: Any,
        fds: Sequence[int] = (),
        progress: Callable[[str, int, int | None], None] | None = None,
        meanwhile: Callable[[], object] | None = None,
        **named: Any,
    ) -> Any:
        """The worker's answer; *meanwhile* is done while it works.

        Raises:
            wire.Gone: the worker is no more; VaultError: what it raised.
        """
        number = self._send(verb, args, named, fds)
        if meanwhile is not None:
            meanwhile()
        while True:
            answered, reply = self._receive()
            if answered != number:
                continue
            match reply:
                case ["progress", step]:
                    if progress is not None:
                        progress(*step)
                case ["value", value, notes]:
                    self._notes += notes
                    return value
                case _:
                    raise wire.raised(reply)

    def tell(self, verb: str, *args: Any) -> None:
        """Ask without waiting for the answer, which nobody looks at; a worker does first what it was asked first.

        Raises:
            wire.Gone: the worker is no more.
        """
        while len(self._told) >= MOST_TOLD:
            self._receive()
        self._told.add(self._send(verb, args, {}))

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def _send(self, verb: str, args: Sequence[Any], named: dict[str, Any], fds: Sequence[int] = ()) -> int:
        number = int.from_bytes(os.urandom(6), "big")
        wire.send(self.connection, [number, verb, [list(args), named]], fds)
        return number

    def _receive(self) -> tuple[int, list[Any]]:
        """The next message: the number of its question, and what it says."""
        (number, reply), _ = wire.receive(self.connection)
        if number in self._told and reply[0] != "progress":
            self._told.remove(number)
            if reply[0] == "value":
                self._notes += reply[2]
        return number, reply
