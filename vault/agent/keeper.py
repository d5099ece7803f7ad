"""The process that holds one unlocked class: its keys, its open index. `vault.agent.class_worker` starts it.

The key comes once, through an anonymous pipe, from the process that unlocked the class; it never crosses a
socket. The process ends, and the key with it, when the supervisor kills it or goes away.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vault.agent import leases, serving, wire
from vault.agent.remote import VERBS
from vault.classification import Classification
from vault.errors import Damaged, VaultError
from vault.home import Home, read_preamble
from vault.keys.roots import Root
from vault.keys.sections import Header
from vault.keys.unlocked import ClassKeys, refreshed
from vault.opened import OpenClass, OpenClasses

MAX_KEY_MESSAGE = 16 * 1024
GRACE = 5.0
"""Seconds after which a worker ends by itself that the supervisor should have ended: somebody may have stopped it.
Its time begins when its key comes, the supervisor's when its index is open, which is a moment later."""
CACHE_MIB = 12
"""Pages of the index held in memory: there are several workers, and all the day."""


def hand_over(to: int, home: Home, root: Root) -> None:
    """Write the key message of a class to the pipe *to*: what `received` reads."""
    message = {
        "vault": home.vault_id,
        "path": str(home.path),
        "state": str(home.state_root),
        "class": root.classification.value,
        "generation": root.generation,
        "root": root.secret.hex(),
    }
    with wire.without_signal(), suppress(BrokenPipeError), os.fdopen(to, "wb") as pipe:
        pipe.write(json.dumps(message).encode())  # to a worker that is no more: the supervisor tells the client


def received(pipe: int) -> tuple[Home, Root] | None:
    """The home and the root that came through *pipe*; None if the secret did not open this class."""
    with os.fdopen(pipe, "rb") as file:
        data = file.read(MAX_KEY_MESSAGE)
    if not data:
        return None
    said = json.loads(data)
    home = Home(Path(said["path"]), said["vault"], Path(said["state"]))
    root = Root(said["vault"], Classification(said["class"]), said["generation"], bytes.fromhex(said["root"]))
    return home, root


class ClassWorker:
    """Answers for one open class."""

    def __init__(self, home: Home, root: Root) -> None:
        """Open the class that *root* opens and bring its index in step.

        Raises:
            Damaged: the header is not one this root wrote; StorageFailed, VaultBusy.
        """
        self._home = home
        self._classification = root.classification
        self._root = root
        self._opened = OpenClasses(home)
        keys = self._keys()
        self._seen = self._header_state()
        self._opened.add({root.classification: keys})
        self._class.compartment.limit_cache(CACHE_MIB)

    def _keys(self) -> ClassKeys:
        pin = self._home.pins().get(self._classification)
        header = Header(self._home.vault_id, self._classification, self._root.generation, "")
        bare = ClassKeys((self._root,), header, pin.sections if pin else (), (), ())
        return refreshed(bare, self._home.sections(self._classification))

    def _header_state(self) -> int:
        """Changes whenever a section comes or goes, because sections themselves never change."""
        try:
            return self._home.objects.header.stat().st_mtime_ns
        except OSError as error:
            raise Damaged("the vault's header directory is gone", remedy="restore it from a backup or git") from error

    @property
    def _class(self) -> OpenClass:
        return self._opened.need(self._classification)

    def greet(self) -> None:
        """Bring the class in step with the disk before the first question of a connection.

        Raises:
            NoVault, Damaged: the vault is no longer where it was; StorageFailed.
        """
        if read_preamble(self._home.path) != self._home.vault_id:
            raise Damaged("another vault stands where this one was", remedy="run: memory lock, then unlock again")
        state = self._header_state()
        if state != self._seen:
            try:
                self._class.renew(self._keys())
            except VaultError:  # the class has another key now, or its header is gone: ours opens nothing new
                os._exit(0)
            self._seen = state
        self._opened.reconcile()

    def notes(self) -> list[str]:
        """What the person should be told; clears it."""
        return self._opened.take_notes()

    def standing(self) -> list[str]:
        """That sealed files are gone, if they are."""
        return self._opened.standing()

    def answer(self, verb: str, arguments: Any, fds: list[int], progress: Callable[..., None]) -> Any:
        """One verb of the index, or of the class."""
        with suppress(OSError):
            for fd in fds:
                os.close(fd)
            fds.clear()
        args, named = arguments
        if verb in VERBS:
            return getattr(self._class.compartment, verb)(*args, **named)
        match verb:
            case "forget":
                return self._class.compartment.forget(args[0], self._class.load)
            case "load":
                return self._class.load(*args)
            case "index":
                return self._class.index_names(*args)
            case "strange_sections":
                return list(self._class.strange_sections())
            case "rebuild":
                return self._opened.rebuild(progress)
        raise VaultError(f"the agent knows no {verb[:30]}", remedy=wire.OTHER_VERSION)


def work(control: socket.socket, pipe: int, ttl: float) -> None:
    """Wait for the key at *pipe*, open the class, tell the supervisor at *control*, serve for *ttl* seconds."""
    came = received(pipe)
    if came is None:
        wire.send(control, ["nothing"])
        return
    if ttl != leases.FOREVER:
        threading.Thread(target=_end_after, args=(ttl,), daemon=True).start()
    try:
        worker = ClassWorker(*came)
    except VaultError as error:
        with suppress(wire.Gone):
            wire.send(control, wire.failure(error))
        return
    del came
    wire.send(control, ["ready"])
    serving.run(control, worker)


def _end_after(ttl: float) -> None:
    """End this process when its time is over, whatever became of the supervisor."""
    end = leases.now() + ttl + GRACE
    while (left := end - leases.now()) > 0:
        time.sleep(min(left, 5.0))  # a sleep does not count the time the machine was asleep; the clock of leases does
    os._exit(0)
