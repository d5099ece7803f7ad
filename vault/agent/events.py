"""What makes the agent lock everything besides time: the machine goes to sleep, or the person logs out.

`Gap` needs nothing but clocks and works everywhere, a moment late: it sees after waking that the machine slept.
`Announced` hears of it before, from the system: logind over D-Bus on Linux, the power log on macOS. Tests
inject their own source, which is why there is an interface.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from vault.agent.hardening import end_with_parent

SLEPT_SECONDS = 3.0
"""A difference between the clocks that no scheduling explains."""


class Source(Protocol):
    """Where news come from."""

    def fileno(self) -> int | None:
        """Becomes readable when there may be news; None where it has to be asked now and then."""
        ...

    def news(self) -> list[str]:
        """``suspend`` and ``logout``, as they happened since the last call."""
        ...

    def close(self) -> None:
        """No more news are wanted."""
        ...


class Gap:
    """Notices that the machine slept by the clock that stands still meanwhile."""

    def __init__(self) -> None:
        self._before = self._difference()

    def fileno(self) -> None:
        """Has to be asked."""

    def news(self) -> list[str]:
        """``suspend`` once after every sleep."""
        difference = self._difference()
        slept = abs(difference - self._before) > SLEPT_SECONDS
        self._before = difference
        return ["suspend"] if slept else []

    def close(self) -> None:
        """Nothing to end."""

    @staticmethod
    def _difference() -> float:
        if sys.platform == "darwin":  # CLOCK_MONOTONIC goes on while it sleeps, CLOCK_UPTIME_RAW does not
            return time.clock_gettime(time.CLOCK_MONOTONIC) - time.clock_gettime(time.CLOCK_UPTIME_RAW)
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()


class Announced:
    """Reads the announcements of a command of the system, line by line."""

    def __init__(self, command: Sequence[str], signs: Sequence[tuple[str, str]]) -> None:
        """Run *command*; a line that holds the first text of a pair of *signs* is news of the second."""
        self._signs = signs
        self._rest = b""
        self._over = False
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
            preexec_fn=end_with_parent,  # noqa: PLW1509 (the supervisor has one thread)
        )  # fmt: skip

    def fileno(self) -> int | None:
        """The command's output, until it ends."""
        return None if self._over or self._process.stdout is None else self._process.stdout.fileno()

    def news(self) -> list[str]:
        """What the lines since the last call announced."""
        assert self._process.stdout is not None  # noqa: S101 (it was asked for)
        data = self._process.stdout.read(65536)
        self._over = not data
        *lines, self._rest = (self._rest + (data or b"")).split(b"\n")
        self._rest = self._rest[-65536:]
        text = [line.decode("utf-8", "replace") for line in lines]
        return [news for line in text for sign, news in self._signs if sign in line]

    def close(self) -> None:
        """End the command."""
        with suppress(OSError):
            self._process.kill()
            self._process.wait(1)


LOGIND = (
    ("PrepareForSleep (true", "suspend"),
    ("PrepareForShutdown (true", "logout"),
    (".Lock ()", "suspend"),  # of whoever's screen: locking too often does no harm
    *(((f"UserRemoved (uint32 {os.getuid()},", "logout"),) if hasattr(os, "getuid") else ()),
)
MACOS = (("Entering Sleep state", "suspend"),)
"""Logout ends the agent there: the session's manager sends it SIGTERM."""


def sources() -> list[Source]:
    """Every source that this machine has."""
    found: list[Source] = [Gap()] if sys.platform in {"linux", "darwin"} else []
    command, signs = _announcing()
    if command is not None:
        with suppress(OSError):
            found.append(Announced(command, signs))
    return found


def _announcing() -> tuple[list[str] | None, Sequence[tuple[str, str]]]:
    if sys.platform == "darwin" and shutil.which("log"):
        predicate = 'process == "powerd" AND eventMessage CONTAINS "Entering Sleep state"'
        return ["log", "stream", "--style", "compact", "--predicate", predicate], MACOS
    if shutil.which("gdbus"):
        return ["gdbus", "monitor", "--system", "--dest", "org.freedesktop.login1"], LOGIND
    return None, ()
