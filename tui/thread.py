"""The one thread that touches the vault.

A compartment is used by one thread at a time. Jobs wait here by urgency; of several in one group only the
newest is done, so that somebody who types fast is not answered about what they typed before. Long work calls
`breathe` between its batches, and what is only reading is answered then.
"""

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from vault.errors import VaultError
from vault.vault import Vault

T = TypeVar("T")
AT_ONCE, SOON, LATER = range(3)
"""Urgency: what a keystroke waits for, what a person waits for, what nobody waits for."""


@dataclass(order=True)
class _Job:
    urgency: int
    serial: int
    run: Callable[[Vault], Any] = field(compare=False)
    then: Callable[[Any], object] = field(compare=False)
    failed: Callable[[str, str], object] = field(compare=False)
    group: str = field(compare=False)
    reads: bool = field(compare=False)


class VaultThread:
    """Jobs for the vault, done one after the other."""

    def __init__(self, vault: Vault) -> None:
        """Work on *vault*, which nothing else may touch from now on."""
        self._vault = vault
        self._jobs: list[_Job] = []
        self._newest: dict[str, int] = {}
        self._serial = count()
        self._changed = threading.Condition()
        self._busy = False
        self._stopped = False
        self._thread = threading.Thread(target=self._loop, name="vault", daemon=True)
        self._thread.start()

    def ask(
        self,
        run: Callable[[Vault], T],
        then: Callable[[T], object],
        failed: Callable[[str, str], object],
        *,
        urgency: int = SOON,
        group: str = "",
        reads: bool = True,
    ) -> None:
        """Have *run* done, and its result given to *then* (or message and remedy to *failed*) on this thread.

        Both may only post messages, or ask for more. *group*: a newer job of the group makes this one void while it
        waits. *reads*: whether it may run between the batches of long work.
        """
        with self._changed:
            serial = next(self._serial)
            if group:
                self._newest[group] = serial
            heapq.heappush(self._jobs, _Job(urgency, serial, run, then, failed, group, reads))
            self._changed.notify_all()

    def forget(self) -> None:
        """Drop every job that has not begun: what was asked of classes that are being locked."""
        with self._changed:
            self._jobs.clear()

    def breathe(self) -> None:
        """Between the batches of long work: answer what is waiting and only reads."""
        while (job := self._next(reading=True)) is not None:
            self._do(job)

    @property
    def idle(self) -> bool:
        """Whether nothing is being done and nothing waits."""
        with self._changed:
            return not self._busy and not self._jobs

    def stop(self, seconds: float = 10.0) -> None:
        """Finish the job at hand and end the thread."""
        with self._changed:
            self._stopped = True
            self._jobs.clear()
            self._changed.notify_all()
        self._thread.join(seconds)

    def _loop(self) -> None:
        while True:
            with self._changed:
                while not self._jobs and not self._stopped:
                    self._changed.wait()
                if self._stopped:
                    return
                self._busy = True
            job = self._next()
            if job is not None:
                self._do(job)
            with self._changed:
                self._busy = False

    def _next(self, *, reading: bool = False) -> _Job | None:
        with self._changed:
            passed: list[_Job] = []
            found = None
            while self._jobs and found is None:
                job = heapq.heappop(self._jobs)
                if job.group and self._newest[job.group] != job.serial:
                    continue
                if reading and not job.reads:
                    passed.append(job)
                else:
                    found = job
            for job in passed:
                heapq.heappush(self._jobs, job)
            return found

    def _do(self, job: _Job) -> None:
        try:
            result = job.run(self._vault)
        except VaultError as error:
            job.failed(error.message, error.remedy)
        except Exception as error:  # noqa: BLE001 (a person sees a message, never a traceback; no text of it: it may hold theirs)
            job.failed(f"unexpected {type(error).__name__}", "please report this; nothing acknowledged is lost")
        else:
            job.then(result)
