"""The process at the socket: ``python -m vault.agent.supervisor``. It holds no key and sees no text.

It starts workers, hands connections to them, and kills them: when it is told to, when a lease is over, when the
machine sleeps or the person logs out. `docs/agent.md` lists what a client can ask.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vault.agent import events, leases, peer, wire
from vault.agent.hardening import harden
from vault.agent.leases import Lease, Terms
from vault.classification import Classification
from vault.errors import Damaged, Locked, VaultBusy, VaultError

MAX_CLIENTS = 256
MAX_WORKERS = 96
MAX_MODELS = 2
"""Loaded models, each with settings of its own: another one takes the place of the oldest."""
MAX_REQUEST = 64 * 1024
PATIENCE = 5.0
"""Seconds a client may take to send a request; one that is waiting for a worker may take longer."""
START_SECONDS = 600.0
"""Seconds a worker may wait for its key: somebody is typing a passphrase."""
TICK = 0.5
"""Seconds between looks at what tells nothing by itself: a terminal session that ended, a sleep that is over."""
IDLE_EXIT = 600.0
"""Seconds without any open class and any request after which there is nothing left to keep."""


@dataclass(eq=False)
class Worker:
    """A process we started, and how to reach it."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    vault: str
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

    def kill(self) -> None:
        """End it, and with it everything it knew. Returns when the kernel has."""
        with suppress(OSError):
            self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.control.close()


@dataclass(eq=False)
class Client:
    """A connection to our socket."""

    connection: socket.socket
    session: int
    deadline: float
    buffer: bytearray = field(default_factory=bytearray)
    waiting: int = 0
    """Workers it waits for."""
    unlocking: tuple[str, ...] = ()
    """Classes whose workers have yet to offer a pipe for their key."""
    pipes: dict[str, int] = field(default_factory=dict)
    failed: list[Any] | None = None


class Supervisor:
    """Sockets, policy, deadlines."""

    def __init__(self, listening: socket.socket, sources: Sequence[events.Source]) -> None:
        """Serve at *listening*; lock everything when *sources* have news."""
        self._listening = listening
        self._place = Path(listening.getsockname())
        self._inode = self._place.stat().st_ino
        self._sources = list(sources)
        self._selector = selectors.DefaultSelector()
        self._workers: list[Worker] = []
        self._clients: dict[socket.socket, Client] = {}
        self._used = leases.now()
        self._over = False
        listening.setblocking(False)
        self._selector.register(listening, selectors.EVENT_READ, self._accept)
        for source in self._sources:
            if (fd := source.fileno()) is not None:
                self._selector.register(fd, selectors.EVENT_READ, self._listener(source))

    # -- life -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `stop`, or until there has been nothing to keep for a while; no worker survives this."""
        try:
            while not self._over:
                for key, _ in self._selector.select(self._pause()):
                    with suppress(OSError):
                        key.data(key.fileobj)
                self._tick()
        finally:
            self._lock(self._workers)
            for source in self._sources:
                source.close()
            for connection in list(self._clients):
                connection.close()
            self._listening.close()
            self._selector.close()

    def stop(self) -> None:
        """End `run`."""
        self._over = True

    def _pause(self) -> float:
        soonest = min((w.lease.ends for w in self._workers), default=float("inf"))
        return max(0.0, min(TICK, soonest - leases.now()))

    def _tick(self) -> None:
        moment = leases.now()
        if not self.is_in_place():
            self.stop()
        for source in self._sources:
            if source.fileno() is None:
                self._hear(source)
        over = [w for w in self._workers if w.lease.is_over() or w.process.poll() is not None]
        self._lock([*over, *(self._models() if any(w.ready and w.name != "model" for w in over) else ())])
        for client in [c for c in self._clients.values() if moment > c.deadline and not c.waiting]:
            self._drop(client)
        if not self._workers and not self._clients and moment > self._used + IDLE_EXIT:
            self.stop()

    def is_in_place(self) -> bool:
        """Whether our socket is still ours to be found; without it nobody could tell us to lock."""
        try:
            return self._place.lstat().st_ino == self._inode
        except OSError:
            return False

    def _hear(self, source: events.Source) -> None:
        if source.news():
            self._lock(self._workers)

    def _listener(self, source: events.Source) -> Callable[[Any], None]:
        def listen(fd: Any) -> None:
            self._hear(source)
            if source.fileno() is None:  # it has ended
                self._selector.unregister(fd)

        return listen

    # -- clients --------------------------------------------------------------------------------------

    def _accept(self, _: Any) -> None:
        connection, _address = self._listening.accept()
        try:
            who = peer.check(connection)
        except (Damaged, OSError):
            connection.close()
            return
        if len(self._clients) >= MAX_CLIENTS:  # who has said nothing for longest makes room
            self._drop(min(self._clients.values(), key=lambda client: (client.waiting > 0, client.deadline)))
        connection.setblocking(False)  # our answers are short: who does not take them is dropped
        client = Client(connection, who.session, leases.now() + PATIENCE)
        self._clients[connection] = client
        self._selector.register(connection, selectors.EVENT_READ, self._read)

    def _read(self, connection: Any) -> None:
        client = self._clients.get(connection)
        if client is None:  # dropped since its news came
            return
        try:
            data = connection.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        client.buffer += data
        if not data or len(client.buffer) > MAX_REQUEST + wire.HEAD:
            self._drop(client)
            return
        size = int.from_bytes(client.buffer[: wire.HEAD], "big")
        if len(client.buffer) < wire.HEAD or (size <= MAX_REQUEST and len(client.buffer) < wire.HEAD + size):
            return
        end = wire.HEAD + size
        request, client.buffer = bytes(client.buffer[wire.HEAD : end]), client.buffer[end:]
        try:
            self._used = leases.now()
            client.deadline = self._used + PATIENCE
            verb, about = wire.parse(request if size <= MAX_REQUEST else b"")
            self._do(client, str(verb), dict(about))
        except VaultError as error:
            self._reply(client, wire.failure(error))
        except Exception:  # noqa: BLE001 (whatever a client sends, the others are served)
            self._drop(client)

    def _reply(self, client: Client, message: Any, fds: Sequence[int] = ()) -> None:
        try:
            wire.send(client.connection, message, fds)
        except wire.Gone:
            self._drop(client)

    def _drop(self, client: Client) -> None:
        if self._clients.pop(client.connection, None) is not None:
            self._selector.unregister(client.connection)
            client.connection.close()
        self._give_up(client)
        self._lock([w for w in self._workers if w.client is client])  # nobody brings them a key any more

    # -- what a client can ask ------------------------------------------------------------------------

    def _do(self, client: Client, verb: str, about: dict[str, Any]) -> None:
        if about.get("protocol") != wire.PROTOCOL and verb not in {"lock", "stop", "status"}:
            raise VaultBusy("the agent is of another version", remedy="run: memory agent stop")
        match verb:
            case "attach":
                self._attach(client, about)
            case "open":
                self._reply(client, ["value", {w.name: _left(w) for w in self._usable(client, str(about["path"]))}, []])
            case "model":
                self._connect(client, {"model": self._model(str(about["models"]), str(about["config"]))})
            case "unlock":
                self._unlock(client, about)
            case "lock":
                chosen = [w for w in self._workers if w.name != "model" and _chosen(w, about)]
                self._lock([*chosen, *self._models()])  # texts went through the model, too
                self._reply(client, ["value", sorted({w.name for w in chosen}), []])
            case "status":
                self._reply(client, ["value", [self._row(w, client) for w in self._workers], []])
            case "stop":
                self._lock(self._workers)
                self._place.unlink(missing_ok=True)  # who comes now starts a new one
                self._reply(client, ["value", None, []])
                self.stop()
            case _:
                raise VaultError(f"the agent knows no {verb[:30]}", remedy=wire.OTHER_VERSION)

    def _attach(self, client: Client, about: dict[str, Any]) -> None:
        """Connections to every class of a vault that is open for this client."""
        vault, path = about["vault"], str(about["path"])
        self._lock([w for w in self._workers if w.vault == vault and w.path != path])  # the vault has moved
        self._connect(client, {w.name: w for w in self._usable(client, path)})

    def _usable(self, client: Client, path: str) -> list[Worker]:
        """The classes of the vault at *path* that are open for this client."""
        own = [w for w in self._workers if w.path == path and w.ready and w.name != "model"]
        return [w for w in own if w.lease.admits(client.session)]

    def _connect(self, client: Client, wanted: Mapping[str, Worker]) -> None:
        """Give *client* a connection to each of the workers *wanted*, and them the other ends."""
        row, fds = {}, []
        for name, worker in wanted.items():
            ours, theirs = socket.socketpair()
            with ours, theirs:
                if worker.send([], [theirs.fileno()]):
                    fds.append(ours.detach())
                    row[name] = _left(worker)
        self._reply(client, ["value", row, []], fds)
        for fd in fds:
            os.close(fd)

    def _unlock(self, client: Client, about: dict[str, Any]) -> None:
        """Start a worker for each class; `_offered` gives the client the pipes that take their keys."""
        names = [Classification(str(name)).value for name in about["classes"]]
        session = None if about.get("all_terminals") else client.session
        limits = {name: about["terms"][name] for name in names}
        terms = {name: Terms(float(ttl), float(idle), session) for name, (ttl, idle) in limits.items()}
        if client.waiting or len(self._workers) + len(terms) > MAX_WORKERS:
            raise VaultBusy("too many classes are open at once", remedy="run: memory lock")
        client.unlocking = tuple(terms)
        vault, path = str(about["vault"]), str(about["path"])
        for name, agreed in terms.items():
            worker = self._start("class_worker", subprocess.DEVNULL, vault, path, name, agreed)
            worker.client = client
            client.waiting += 1

    def _offered(self, worker: Worker, pipe: int) -> None:
        """A worker is ready for its key; when all of an unlock are, the client gets their pipes."""
        client = worker.client
        if client is None:
            os.close(pipe)
            return
        client.pipes[worker.name] = pipe
        if set(client.pipes) == set(client.unlocking):
            names = list(client.unlocking)
            client.unlocking = ()
            self._reply(client, ["value", names, []], [client.pipes[name] for name in names])
            self._give_up(client)

    @staticmethod
    def _give_up(client: Client) -> None:
        """Close our ends of the pipes of an unlock."""
        while client.pipes:
            os.close(client.pipes.popitem()[1])

    def _row(self, worker: Worker, client: Client) -> dict[str, Any]:
        left = _left(worker)
        return {
            "name": worker.name,
            "vault": worker.vault,
            "pid": worker.process.pid,
            "ready": worker.ready,
            "seconds": None if left is None else round(left),
            "here": worker.lease.admits(client.session),
        }

    # -- workers --------------------------------------------------------------------------------------

    def _models(self) -> list[Worker]:
        return [w for w in self._workers if w.name == "model"]

    def _model(self, models: str, config: str) -> Worker:
        for worker in self._workers:
            if (worker.name, worker.path, worker.vault) == ("model", models, config) and worker.process.poll() is None:
                return worker
        self._lock(self._models()[: 1 - MAX_MODELS])
        pipe, write_end = os.pipe()
        with os.fdopen(write_end, "wb") as file:
            file.write(json.dumps({"models": models, "config": config}).encode())
        worker = self._start("model_worker", pipe, config, models, "model", Terms(leases.FOREVER, IDLE_EXIT))
        os.close(pipe)
        worker.begin()  # connections wait in its socket until it has loaded
        return worker

    def _start(self, module: str, pipe: int, vault: str, path: str, name: str, terms: Terms) -> Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"vault.agent.{module}", str(theirs.fileno())],
                stdin=pipe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()], cwd="/",
            )  # fmt: skip
        ours.settimeout(PATIENCE)
        waiting = Terms(START_SECONDS, session=terms.session)
        worker = Worker(process, ours, vault, path, name, terms, Lease.begun(waiting))
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, lambda _: self._heard(worker))
        return worker

    def _heard(self, worker: Worker) -> None:
        """A worker says that it is ready, that it was used, that it could not open, or nothing any more."""
        fds: list[int] = []
        try:
            message, fds = wire.receive(worker.control, MAX_REQUEST, max_fds=1)
        except wire.Gone:
            message = wire.failure(Damaged("the worker ended", remedy="try again; if it stays so: memory doctor"))
        match message:
            case ["pipe"] if fds:
                self._offered(worker, fds[0])
            case ["used"]:
                worker.lease = worker.lease.touched()
            case ["ready"]:
                worker.begin()
                self._replaced(worker)
                self._settle(worker, None)
            case ["nothing"]:
                self._settle(worker, None)
                self._lock([worker])
            case _:
                self._settle(worker, list(message))
                self._lock([worker])

    def _replaced(self, fresh: Worker) -> None:
        """An older worker for the same class and terminal goes."""
        def place(worker: Worker) -> tuple[str, str, int | None]:
            return worker.vault, worker.name, worker.lease.terms.session

        self._lock([w for w in self._workers if w is not fresh and w.ready and place(w) == place(fresh)])

    def _settle(self, worker: Worker, failed: list[Any] | None) -> None:
        """One worker fewer to wait for; the last answers the client."""
        client, worker.client = worker.client, None
        if client is None or client.connection not in self._clients:
            return
        client.waiting -= 1
        client.failed = client.failed or failed
        if client.unlocking and failed:  # one cannot take its key: the others need none
            client.unlocking = ()
            self._lock([w for w in self._workers if w.client is client])
        if not client.waiting:
            client.deadline = leases.now() + PATIENCE
            self._reply(client, client.failed or ["value", None, []])
            client.failed = None

    def _lock(self, workers: Sequence[Worker]) -> None:
        for worker in list(workers):
            if worker in self._workers:
                self._workers.remove(worker)
                self._selector.unregister(worker.control)
                worker.kill()
                self._settle(worker, wire.failure(Locked("it was locked before it was open", remedy="try again")))


def _left(worker: Worker) -> float | None:
    """Seconds until it is locked, None for no end."""
    left = worker.lease.ends - leases.now()
    return None if left == float("inf") else left


def _chosen(worker: Worker, about: dict[str, Any]) -> bool:
    classes = about.get("classes") or [worker.name]
    return worker.name in classes and worker.vault == (about.get("vault") or worker.vault)


def listen(path: Path) -> socket.socket | None:
    """Our socket at *path*, or None where another agent of ours has it already.

    Raises:
        Damaged: the place is not ours alone.
    """
    import fcntl

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    peer.check_place(path)
    guard = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until this process ends
    except BlockingIOError:
        os.close(guard)
        return None
    path.unlink(missing_ok=True)  # whoever left it is gone: it would hold the lock
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    path.chmod(0o600)
    listening.listen(128)
    return listening


def main() -> None:
    """Serve at this user's socket, unless somebody does already."""
    harden()
    path = peer.socket_path()
    listening = listen(path)
    if listening is None:
        return
    supervisor = Supervisor(listening, events.sources())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.stop())
    try:
        supervisor.run()
    finally:
        if supervisor.is_in_place():
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
