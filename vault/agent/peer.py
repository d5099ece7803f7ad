"""Who is at the other end of a Unix socket, as the kernel says, and where our own socket is.

A client's own word is never taken for its user or its terminal.
"""

import os
import socket
import stat
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from vault.errors import Damaged

_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 0x001, 0x002  # <sys/un.h> on macOS
NOWHERE = -1
"""The terminal session of a process that is over, or that cannot be seen from here: it may use nothing."""
OUTSIDE = 0
"""What the kernel calls a session whose leader is outside of our pid namespace, as in a container's shell."""
_LONGEST = 100
"""Bytes of a socket's path that every system takes."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end."""

    uid: int
    pid: int
    session: int
    """Id of the terminal session it belongs to; `NOWHERE` if that cannot be told."""


def peer_of(connection: socket.socket) -> Peer:
    """Who is connected."""
    if sys.platform == "darwin":
        raw = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76)
        uid = struct.unpack_from("=II", raw)[1]  # struct xucred: version, uid, …
        pid = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    else:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, uid, _ = struct.unpack("3i", raw)
    try:
        session = os.getsid(pid) if pid > 0 else NOWHERE  # 0: a process of another pid namespace
    except OSError:
        session = NOWHERE
    return Peer(uid, pid, session)


def check(connection: socket.socket) -> Peer:
    """The peer of *connection*, if it is of our own user.

    Raises:
        Damaged: it is somebody else's.
    """
    peer = peer_of(connection)
    if peer.uid != os.getuid():
        raise Damaged("the agent's socket belongs to another user", remedy="see who made it: memory agent status")
    return peer


def socket_path() -> Path:
    """``$XDG_RUNTIME_DIR/memory/agent.sock``; without that directory, one below the state directory."""
    from vault.config import state_path

    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime) / "memory" if runtime.startswith("/") else state_path() / "run"
    return folder / "agent.sock"


def supported() -> bool:
    """Whether this system has what an agent needs."""
    return hasattr(socket, "AF_UNIX") and hasattr(socket, "send_fds") and hasattr(os, "getsid")


def check_place(path: Path) -> None:
    """See that nobody else can put a socket at *path*.

    Raises:
        Damaged: the directory or the socket is a link, another user's, or open to others.
    """
    if len(os.fsencode(path)) > _LONGEST:
        raise Damaged(f"{path} is too long for a socket", remedy="set XDG_RUNTIME_DIR to a shorter path")
    for place, kind in ((path.parent, stat.S_ISDIR), (path, stat.S_ISSOCK)):
        try:
            found = place.lstat()
        except FileNotFoundError:
            continue
        except OSError:
            raise Damaged(f"{place} cannot be reached", remedy="unset XDG_RUNTIME_DIR, or set it to your own") from None
        ours = found.st_uid == os.getuid() and kind(found.st_mode) and not found.st_mode & 0o077
        if not ours:
            raise Damaged(f"{place} is not this user's alone", remedy=f"remove {place}, then try again")
