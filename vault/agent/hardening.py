"""What a process does before it holds anything secret: no core dumps, no debugger, no life after its parent."""

import os
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_PT_DENY_ATTACH = 31


def no_core_dumps() -> None:
    """A crash must not leave keys and texts on disk."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends (Linux; elsewhere nothing happens)."""
    import ctypes

    with suppress(OSError, AttributeError):
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def harden(*, die_with_parent: bool = False) -> None:
    """Keep this process's memory out of core files and from other processes of the same user.

    Root still reads it; so does malware that is there before the process starts (`docs/threat-model.md`).
    """
    import ctypes

    no_core_dumps()
    with suppress(OSError, AttributeError):
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
            if die_with_parent:
                end_with_parent()
        elif sys.platform == "darwin":
            ctypes.CDLL(None, use_errno=True).ptrace(_PT_DENY_ATTACH, 0, 0, 0)
    with suppress(OSError):
        os.umask(0o077)
