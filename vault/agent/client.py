"""The client's side of the agent: find it, start it, ask it.

Light on purpose: a search through the agent imports little more than this.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from vault.agent import peer, wire
from vault.classification import Classification
from vault.errors import VaultBusy

if TYPE_CHECKING:
    import subprocess

START_SECONDS = 10.0
ANSWER_SECONDS = 15.0
"""The supervisor does nothing that takes long: one that is silent for so long has been stopped, or is none."""
LOCK_SECONDS = 3.0
WAIT_SECONDS = 180.0
"""A first opening may have to build an index."""
CROWD_SECONDS = 2.0
"""How long to knock where many others do."""
_KEPT = ("HOME", "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "DBUS_SYSTEM_BUS_ADDRESS")
"""What the agent inherits of the environment, beside ``XDG_…``: nothing that leads to a secret."""


@dataclass(slots=True)
class Attached:
    """Connections to what is open for this terminal."""

    classes: dict[Classification, socket.socket] = field(default_factory=dict)
    seconds: dict[Classification, float | None] = field(default_factory=dict)
    """Until each class is locked; None for no end."""


class Agent:
    """A conversation with the supervisor."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        """Talk over *connection* to process *pid*; `connect` and `started` make one."""
        self._connection = connection
        self._pid = pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _ask(self, verb: str, about: Mapping[str, Any], max_fds: int = 0) -> tuple[Any, list[int]]:
        try:
            wire.send(self._connection, [verb, {**about, "protocol": wire.PROTOCOL}])
        except wire.Gone:
            raise _silent() from None
        return self._answer(max_fds)

    def _answer(self, max_fds: int = 0) -> tuple[Any, list[int]]:
        try:
            reply, fds = wire.receive(self._connection, max_fds=max_fds)
        except wire.Gone:
            raise _silent() from None
        if reply[0] != "value":
            raise wire.raised(reply)
        return reply[1], fds

    def attach(self, vault: str | None, path: Path) -> Attached:
        """Connections to the classes that are open here of the vault at *path*; *vault* is its id, if known.

        Raises:
            VaultBusy: the agent does not answer.
        """
        row, fds = self._ask("attach", {"vault": vault, "path": str(path)}, max_fds=16)
        attached = Attached()
        for (name, seconds), fd in zip(row.items(), fds, strict=True):
            attached.classes[Classification(name)] = _patient(socket.socket(fileno=fd))
            attached.seconds[Classification(name)] = seconds
        return attached

    def open(self, path: Path) -> dict[Classification, float | None]:
        """Classes of the vault at *path* that are open here, with the seconds until each is locked (None: no end)."""
        row, _ = self._ask("open", {"path": str(path)})
        return {Classification(name): seconds for name, seconds in row.items()}

    def model(self, models: Path, config: Path | None) -> socket.socket:
        """A connection to the loaded model of the directory *models*, under the settings in the file *config*."""
        _, fds = self._ask("model", {"models": str(models), "config": str(config or "")}, max_fds=1)
        return _patient(socket.socket(fileno=fds[0]))

    def unlock(
        self, vault: str, path: Path, terms: Mapping[Classification, tuple[float, float]], *, all_terminals: bool
    ) -> dict[Classification, int]:
        """Have a worker started for each class of *terms* (seconds in all, seconds idle).

        Returns the pipes that take their keys; `opened` waits for them to be open.
        """
        about = {
            "vault": vault,
            "path": str(path),
            "classes": [c.value for c in terms],
            "terms": {c.value: list(limits) for c, limits in terms.items()},
            "all_terminals": all_terminals,
        }
        _, fds = self._ask("unlock", about, max_fds=16)
        return dict(zip(terms, fds, strict=True))

    def opened(self) -> None:
        """Wait until every worker of the last `unlock` has opened its class.

        Raises:
            VaultError: what kept one from it.
        """
        self._connection.settimeout(WAIT_SECONDS)
        self._answer()
        self._connection.settimeout(ANSWER_SECONDS)

    def lock(self, vault: str | None = None, classes: Sequence[Classification] = ()) -> list[str]:
        """Kill the workers of these classes (all of them, of every vault); returns when they are dead.

        An agent that does not answer is killed itself, and every worker dies with it.
        """
        self._connection.settimeout(LOCK_SECONDS)
        try:
            locked, _ = self._ask("lock", {"vault": vault, "classes": [c.value for c in classes]})
        except VaultBusy:
            self._kill()
            return ["everything (the agent did not answer and was killed)"]
        return list(locked)

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def status(self) -> list[dict[str, Any]]:
        """Every worker: name, vault, pid, seconds left, whether it is for this terminal."""
        return list(self._ask("status", {})[0])

    def stop(self) -> None:
        """Lock everything and end the agent; one that does not answer is killed."""
        self._connection.settimeout(LOCK_SECONDS)
        try:
            self._ask("stop", {})
        except VaultBusy:
            self._kill()


def connect() -> Agent | None:
    """The running agent, or None.

    Raises:
        Damaged: something that is not this user's stands in its place.
    """
    if not peer.supported():
        return None
    path = peer.socket_path()
    if not os.path.lexists(path):
        return None
    peer.check_place(path)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_SECONDS)
    try:
        _knock(connection, path)
        pid = peer.check(connection).pid
    except (ConnectionRefusedError, FileNotFoundError):
        connection.close()
        return None  # left by one that was killed
    except BaseException:
        connection.close()
        raise
    return Agent(connection, pid)


def _knock(connection: socket.socket, path: Path) -> None:
    until = time.monotonic() + CROWD_SECONDS
    while True:
        try:
            connection.connect(str(path))
        except BlockingIOError:  # others wait to be let in
            if time.monotonic() > until:
                raise _silent() from None
            time.sleep(0.01)
        else:
            return


def started() -> Agent:
    """The running agent, started if need be.

    Raises:
        VaultBusy: it does not come up; Damaged: somebody else has access to its place.
    """
    agent = connect()
    if agent is not None:
        return agent
    peer.check_place(peer.socket_path())
    starting = _start()
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with suppress(VaultBusy):
            agent = connect()
        if agent is not None:
            return agent
        time.sleep(0.02)
        if starting.poll() is not None:  # it found another one there, which may have been about to end
            starting = _start()
    raise VaultBusy("the agent does not start", remedy="see why with: python -m vault.agent.supervisor")


def _start() -> "subprocess.Popen[bytes]":
    import subprocess

    environment = {k: v for k, v in os.environ.items() if k in _KEPT or k.startswith("XDG_")}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "vault.agent.supervisor"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, cwd="/", env=environment,
    )  # fmt: skip


def _patient(connection: socket.socket) -> socket.socket:
    """*connection* to a worker: one that has been stopped must not keep us for ever."""
    connection.settimeout(WAIT_SECONDS)
    return connection


def _silent() -> VaultBusy:
    return VaultBusy("the agent does not answer", remedy="try again, or: memory agent stop")
