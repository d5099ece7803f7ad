"""The supervisor's socket: one for a user, at a place that nobody else can reach."""

import os
import socket
from pathlib import Path

from vault.agent import peer


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
