"""A connection to a worker of the agent: one question, one answer."""

import socket
from collections.abc import Callable, Sequence
from typing import Any

from vault.agent import wire


class Channel:
    """A connection to a worker: one question, one answer, in this order."""

    def __init__(self, connection: socket.socket, notes: list[str]) -> None:
        """Ask over *connection*; what a worker wants said goes to *notes*."""
        self.connection = connection
        self._notes = notes
        self._owed = 0

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
        wire.send(self.connection, [verb, [list(args), named]], fds)
        if meanwhile is not None:
            meanwhile()
        self.settle()
        while True:
            reply, _ = wire.receive(self.connection)
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
        wire.send(self.connection, [verb, [list(args), {}]])
        self._owed += 1

    def settle(self) -> None:
        """Take the answers to what was only told, so that the next one is that to the next question.

        Raises:
            wire.Gone: the worker is no more.
        """
        while self._owed:
            reply, _ = wire.receive(self.connection)
            self._owed -= reply[0] != "progress"

    def close(self) -> None:
        """End the connection."""
        self.connection.close()
