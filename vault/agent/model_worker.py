"""The process that holds the loaded model and no key. ``python -m vault.agent.model_worker FD SECONDS``.

Drafts are prepared and queries answered here. The compartments that a query needs are lent to it: the client
passes on its own connections to the class workers, for one request.
"""

import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vault import config
from vault.agent import serving, wire
from vault.agent.channel import Channel
from vault.agent.hardening import harden
from vault.agent.remote import RemoteCompartment
from vault.classification import Classification
from vault.errors import VaultError
from vault.models.runtime import release_mapped
from vault.models.store import ModelStore
from vault.preparing import Draft
from vault.reading import Reader

LENT_SECONDS = 20.0
"""How long a compartment that was lent may take for one answer: everybody waits for it."""


class ModelWorker:
    """Answers with one `Reader`, made anew when the model in use or the settings change."""

    def __init__(self, models: Path, settings: Path | None) -> None:
        """Work with the models in directory *models* under the configuration file *settings*."""
        self._models = models
        self._settings = settings
        self._state: object = None
        self._reader: Reader | None = None
        self._fresh()

    def _fresh(self) -> Reader:
        state = [_mtime(self._models / "active.json"), _mtime(self._settings)]
        if self._reader is None or state != self._state:
            if self._reader is not None:
                self._reader.close()
            settings = config.load(self._settings) if self._settings else config.Config()
            self._reader = Reader(ModelStore(self._models), settings)
            self._state = state
        return self._reader

    def warm(self) -> None:
        """Load what the first question needs, so that it need not wait; what is wrong with it, it will be told."""
        with suppress(VaultError):
            self._fresh().prepare([], [Draft("nothing in particular")], [])
            release_mapped(self._models)

    def greet(self) -> None:
        """Look whether another model or other settings are in force.

        Raises:
            InvalidInput: the configuration cannot be read.
        """
        self._fresh()

    def notes(self) -> list[str]:
        """What the person should be told; clears it."""
        reader = self._fresh()
        found = list(reader.notes)
        reader.notes.clear()
        return found

    def standing(self) -> list[str]:
        """That texts are read by their words alone, if they are."""
        return list(self._fresh().standing)

    @staticmethod
    def _search(
        reader: Reader, compartments: list[RemoteCompartment], query: Any, limit: int | None, mode: str | None
    ) -> list[Any]:
        """`Reader.search`; what the client leaves open the settings decide, so that it need not read them."""
        settings = reader.config
        most, how = limit or settings["search.limit"], mode or settings["search.mode"]
        return list(reader.search(compartments, query, most, how))

    def answer(self, verb: str, arguments: Any, fds: list[int], progress: Callable[..., None]) -> Any:
        """One verb of `Reader`; file descriptors are the connections of the compartments lent."""
        reader = self._fresh()
        args, _ = arguments
        notes: list[str] = []
        lent: list[socket.socket] = []
        try:
            while fds:
                lent.append(socket.socket(fileno=fds[0]))
                lent[-1].settimeout(LENT_SECONDS)
                del fds[0]  # it is the socket's now
            match verb:
                case "model":
                    return reader.model()
                case "judged_by":
                    return reader.judged_by()
                case "search" | "embed_waiting" | "prepare" | "why" | "recheck":
                    classes, *rest = args
                    lending = zip(classes, lent, strict=True)
                    compartments = [RemoteCompartment(Classification(c), Channel(s, notes)) for c, s in lending]
                    if verb == "search":
                        return self._search(reader, compartments, *rest)
                    if verb == "embed_waiting":
                        return reader.embed_waiting(compartments, progress)
                    return getattr(reader, verb)(compartments, *rest)
        except wire.Gone:
            raise VaultError("a class was locked while it was asked", remedy="unlock it and try again") from None
        finally:
            reader.notes += notes
            for each in lent:
                each.close()
        raise VaultError(f"the agent knows no {verb[:30]}", remedy=wire.OTHER_VERSION)


def _mtime(path: Path | None) -> int:
    try:
        return path.stat().st_mtime_ns if path else 0
    except OSError:
        return 0


def main() -> None:
    """Load the model, then serve."""
    harden(die_with_parent=True)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: its threads and the model's get in each other's way
    control = socket.socket(fileno=int(sys.argv[1]))
    with os.fdopen(0, "rb") as file:
        said = json.loads(file.read(64 * 1024))
    worker = ModelWorker(Path(said["models"]), Path(said["config"]) if said["config"] else None)
    worker.warm()
    serving.run(control, worker)


if __name__ == "__main__":
    main()
