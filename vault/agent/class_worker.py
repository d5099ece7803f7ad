"""The first moments of a class worker: ``python -m vault.agent.class_worker FD SECONDS``.

Closed to every other process before anything secret can reach it: only then does it make the pipe that takes the
key, and gives away the writing end. Little is imported before, so that this takes as little time as can be.
"""

import os
import socket
import sys

from vault.agent import wire
from vault.agent.hardening import harden


def main() -> None:
    """Harden, offer the pipe to the supervisor, become a class worker."""
    harden(die_with_parent=True)
    control = socket.socket(fileno=int(sys.argv[1]))
    reading, writing = os.pipe()
    wire.send(control, ["pipe"], [writing])
    os.close(writing)
    from vault.agent.keeper import work

    work(control, reading, float(sys.argv[2]))


if __name__ == "__main__":
    main()
