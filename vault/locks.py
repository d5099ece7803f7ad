"""Advisory locks between processes, and the sequence number that lives in one.

A lock is a ``flock`` on a file in state: the kernel drops it when a process dies, so none is ever stale.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vault import durable
from vault.errors import VaultBusy

WAIT_SECONDS = 120.0


@contextmanager
def locked(path: Path, *, wait: float = WAIT_SECONDS) -> Iterator[int]:
    """Hold the lock at *path*; yields its file descriptor.

    Raises:
        VaultBusy: another process held it for *wait* seconds; StorageFailed: it cannot be made.
    """
    try:
        durable.make_directory(path.parent)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        durable.fail(error, path)
    try:
        _acquire(fd, wait)
        yield fd
    finally:
        with suppress(OSError):  # the lock is gone either way
            os.close(fd)


def next_seqs(path: Path, count: int) -> range:
    """*count* fresh sequence numbers for this device and class: max(last + 1, microseconds since 1970)."""
    with locked(path) as fd:
        try:
            text = os.pread(fd, 32, 0)
            last = int(text) if text.strip().isdigit() else 0
            first = max(last + 1, time.time_ns() // 1000)
            os.pwrite(fd, f"{first + count - 1:020d}\n".encode(), 0)
        except OSError as error:
            durable.fail(error, path)
    return range(first, first + count)


def _acquire(fd: int, wait: float) -> None:
    if os.name == "nt":  # one process at a time there; documented as degraded
        return
    import fcntl

    until = time.monotonic() + wait
    pause = 0.001
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise VaultBusy("another process is using the vault", remedy="try again when it has finished") from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        else:
            return
