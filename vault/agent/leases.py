"""How long an unlocked class stays open, and for whom.

Times are seconds of a clock that also runs while the machine sleeps and that nobody can set.
"""

import os
import sys
import time
from dataclasses import dataclass, replace

from vault.agent.peer import NOWHERE, OUTSIDE

FOREVER = 0.0


def now() -> float:
    """Seconds since some moment in the past, sleep included; immune to changes of the wall clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":  # there this one goes on while the machine sleeps; time.monotonic() does not
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed when a class was unlocked."""

    ttl: float
    """Seconds until it is locked whatever happens; `FOREVER` for no such end."""
    idle: float = FOREVER
    """Seconds without use until it is locked."""
    session: int | None = None
    """Id of the terminal session that may use it; none for every session of the user."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An unlocked class on its way to being locked."""

    terms: Terms
    since: float
    used: float

    @classmethod
    def begun(cls, terms: Terms) -> "Lease":
        """A lease that begins now."""
        moment = now()
        return cls(terms, moment, moment)

    def touched(self) -> "Lease":
        """The lease after a use."""
        return replace(self, used=now())

    @property
    def ends(self) -> float:
        """When it ends unless it is used again; infinity for never."""
        ends = [start + limit for start, limit in ((self.since, self.terms.ttl), (self.used, self.terms.idle)) if limit]
        return min(ends, default=float("inf"))

    def admits(self, session: int) -> bool:
        """Whether a client of terminal session *session* may use it."""
        return self.terms.session is None or self.terms.session == session != NOWHERE

    def is_over(self) -> bool:
        """Whether its time is up, or the terminal session that it was for has ended."""
        return now() >= self.ends or (self.terms.session is not None and not _alive(self.terms.session))


def _alive(session: int) -> bool:
    """A terminal session lives as long as any of its processes does; its leader stands for it."""
    if session == OUTSIDE:  # nothing tells of its end: the times of the lease have to do
        return True
    try:
        return session > 0 and os.getsid(session) == session
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
