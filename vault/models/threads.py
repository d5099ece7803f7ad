"""How many threads to give the next piece of numeric work.

llama.cpp's threads wait for each other spinning: on an idle machine a second one nearly doubles the speed,
beside another busy process it makes one text a call slower than a single thread would be. So: two, unless
the machine is busy, which is judged by its load at first and by our own share of it from then on.
"""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

MOST = 2
"""Threads on an idle machine. More were not measured; small models stop gaining early."""
SHARE = 0.8
"""Below this share of the processor time asked for, someone else is using the machine (idle: 0.99,
beside one busy process on two cores: 0.67 to 0.72)."""
PAUSE = 2.0
"""Seconds on one thread before two are tried again, doubled after every try that fails."""
LONGEST_PAUSE = 60.0
WINDOW = 0.1
"""Seconds of work judged at a time: the kernel books another core's time only at its ticks."""


def cores() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Threads:
    """Chooses per call between one thread and `MOST`."""

    def __init__(self) -> None:
        self._most = min(MOST, cores())
        # one minute's load of the machine: a process that has just started has no part in it
        busy = os.getloadavg()[0] > cores() - self._most + 0.5
        self._single_until = time.monotonic() + PAUSE if busy else 0.0
        self._pause = PAUSE
        self._wall = self._processor = 0.0

    def run(self, work: Callable[[int], T]) -> T:
        """The result of ``work(number of threads)``, watching what share of the machine it got."""
        if self._most == 1 or time.monotonic() < self._single_until:
            return work(1)
        wall, processor = time.perf_counter(), time.process_time()
        result = work(self._most)
        self._wall += time.perf_counter() - wall
        self._processor += time.process_time() - processor
        if self._wall >= WINDOW:
            if self._processor < SHARE * self._most * self._wall:
                self._single_until = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
            else:
                self._pause = PAUSE
            self._wall = self._processor = 0.0
        return result
