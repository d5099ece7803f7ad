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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vault.agent import events, leases, peer, wire
from vault.agent.clients import MAX_REQUEST, Client
from vault.agent.hardening import harden
from vault.agent.leases import Terms
from vault.agent.listening import listen
from vault.agent.worker import Worker
from vault.classification import Classification
from vault.errors import Damaged, Locked, VaultBusy, VaultError

MAX_CLIENTS = 256
MAX_WORKERS = 96
MAX_MODELS = 2
"""Loaded models, each with settings of its own: another one takes the place of the oldest."""
TICK = 0.5
"""Seconds between looks at what tells nothing by itself: a terminal session that ended, a sleep that is over."""
IDLE_EXIT = 600.0
"""Seconds without any open class and any request after which there is nothing left to keep."""


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
        over = [w for w in self._workers if w.is_over]
        self._lock([*over, *(self._models() if any(w.ready and not w.is_model for w in over) else ())])
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
        self._clients[connection] = Client(connection, who.session)
        self._selector.register(connection, selectors.EVENT_READ, self._read)

    def _read(self, connection: Any) -> None:
        client = self._clients.get(connection)
        if client is None:  # dropped since its news came
            return
        try:
            asked = client.request()
            if asked is not None:
                self._used = leases.now()
                self._do(client, *asked)
        except VaultError as error:
            self._reply(client, wire.failure(error))
        except Exception:  # noqa: BLE001 (whatever a client sends, the others are served)
            self._drop(client)

    def _reply(self, client: Client, message: Any, fds: Sequence[int] = ()) -> None:
        try:
            client.reply(message, fds)
        except wire.Gone:
            self._drop(client)

    def _drop(self, client: Client) -> None:
        if self._clients.pop(client.connection, None) is not None:
            self._selector.unregister(client.connection)
            client.connection.close()
        client.give_up_pipes()
        self._lock([w for w in self._workers if w.client is client])  # nobody brings them a key any more

    # -- what a client can ask ------------------------------------------------------------------------

    def _do(self, client: Client, verb: str, about: dict[str, Any]) -> None:
        if about.get("protocol") != wire.PROTOCOL and verb not in {"lock", "stop", "status"}:
            raise VaultBusy("the agent is of another version", remedy="run: memory agent stop")
        match verb:
            case "attach":
                self._attach(client, about)
            case "open":
                self._reply(client, ["value", {w.name: w.left for w in self._usable(client, str(about["path"]))}, []])
            case "model":
                self._connect(client, {"model": self._model(str(about["models"]), str(about["config"]))})
            case "unlock":
                self._unlock(client, about)
            case "lock":
                chosen = [w for w in self._workers if w.is_meant(about.get("vault"), about.get("classes") or ())]
                self._lock([*chosen, *self._models()])  # texts went through the model, too
                self._reply(client, ["value", sorted({w.name for w in chosen}), []])
            case "status":
                self._reply(client, ["value", [w.row(client.session) for w in self._workers], []])
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
        own = [w for w in self._workers if w.path == path and w.ready and not w.is_model]
        return [w for w in own if w.lease.admits(client.session)]

    def _connect(self, client: Client, wanted: Mapping[str, Worker]) -> None:
        """Give *client* a connection to each of the workers *wanted*, and them the other ends."""
        row, fds = {}, []
        for name, worker in wanted.items():
            ours, theirs = socket.socketpair()
            with ours, theirs:
                if worker.send([], [theirs.fileno()]):
                    fds.append(ours.detach())
                    row[name] = worker.left
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
        complete = client.offered(worker.name, pipe)
        if complete is not None:
            names, pipes = complete
            self._reply(client, ["value", names, []], pipes)
            client.give_up_pipes()

    # -- workers --------------------------------------------------------------------------------------

    def _models(self) -> list[Worker]:
        return [w for w in self._workers if w.is_model]

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
        worker = Worker.started(module, pipe, vault, path, name, terms)
        self._workers.append(worker)
        self._selector.register(worker.control, selectors.EVENT_READ, lambda _: self._heard(worker))
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
                self._lock([w for w in self._workers if worker.replaces(w)])
                self._settle(worker, None)
            case ["nothing"]:
                self._settle(worker, None)
                self._lock([worker])
            case _:
                self._settle(worker, list(message))
                self._lock([worker])

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
            client.heard()
            self._reply(client, client.failed or ["value", None, []])
            client.failed = None

    def _lock(self, workers: Sequence[Worker]) -> None:
        for worker in list(workers):
            if worker in self._workers:
                self._workers.remove(worker)
                self._selector.unregister(worker.control)
                worker.kill()
                self._settle(worker, wire.failure(Locked("it was locked before it was open", remedy="try again")))


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
