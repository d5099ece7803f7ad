"""The side of the agent's processes that answers: a thread a connection, one request at a time.

Connections do not come from a listening socket: the supervisor hands them over, already checked.
"""

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from vault.agent import wire
from vault.errors import VaultError

MAX_CONNECTIONS = 64
SLOW_SECONDS = 60.0
"""A client that does not take its answer for so long is dropped."""


class Answering(Protocol):
    """What a worker can do for a connection."""

    def greet(self) -> None:
        """A new connection is here."""

    def answer(self, verb: str, arguments: Any, fds: list[int], progress: Callable[..., None]) -> Any:
        """The answer to a request."""
        ...

    def notes(self) -> list[str]:
        """What the person should be told with this answer; clears them."""
        ...

    def standing(self) -> list[str]:
        """What everybody should be told, once a connection."""
        ...


def run(control: socket.socket, worker: Answering) -> None:
    """Serve every connection that comes over *control* until it closes; then this process is no more.

    The supervisor's end closes with the supervisor, whatever became of it: keys never outlive it.
    """
    turn = threading.Lock()
    room = threading.BoundedSemaphore(MAX_CONNECTIONS)
    said = threading.Lock()

    def used() -> None:
        with said, suppress(wire.Gone):
            wire.send(control, ["used"])

    while True:
        try:
            _, fds = wire.receive(control, max_fds=1)
        except wire.Gone:
            os._exit(0)
        if fds:
            connection = socket.socket(fileno=fds[0])
            if not room.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=_serve, args=(connection, worker, turn, room, used), daemon=True).start()


def _serve(
    connection: socket.socket,
    worker: Answering,
    turn: threading.Lock,
    room: threading.BoundedSemaphore,
    used: Callable[[], None],
) -> None:
    with connection, suppress(wire.Gone), _leaving(room):
        trouble: VaultError | None = None
        told: set[str] = set()
        try:
            with turn:
                worker.greet()
        except VaultError as error:
            trouble = error
        while True:
            connection.settimeout(None)
            select.select([connection], [], [])  # it may think as long as it likes, but not stop in mid-sentence
            connection.settimeout(SLOW_SECONDS)
            question, fds = wire.receive(connection, wire.MAX_QUESTION, max_fds=8)
            try:
                number, *request = question if isinstance(question, list) and question else [0]

                def say(message: list[Any], to: Any = number) -> None:
                    wire.send(connection, [to, message])

                reply = wire.failure(trouble) if trouble else _answer(say, worker, request, fds, turn, told)
            finally:
                for fd in fds:
                    os.close(fd)
            say(reply)
            used()


@contextmanager
def _leaving(room: threading.BoundedSemaphore) -> Iterator[None]:
    """Give the place of this connection to the next when it ends."""
    try:
        yield
    finally:
        room.release()


def _answer(
    say: Callable[[list[Any]], None],
    worker: Answering,
    request: Any,
    fds: list[int],
    turn: threading.Lock,
    told: set[str],
) -> list[Any]:
    def progress(*step: Any) -> None:
        say(["progress", list(step)])

    try:
        verb, arguments = request
        with turn:
            value = worker.answer(str(verb), arguments, fds, progress)
            notes = worker.notes()
            notes += [note for note in worker.standing() if note not in told.union(notes)]
            told.update(notes)
            return ["value", value, notes]
    except VaultError as error:
        with turn:
            worker.notes()  # they belong to this question, and to nobody else's
        return wire.failure(error)
    except wire.Gone:
        raise
    except Exception as error:  # noqa: BLE001 (one bad request must not end the worker; no text of it is repeated)
        return ["error", "VaultError", f"the agent could not do that ({type(error).__name__})", "memory doctor"]
