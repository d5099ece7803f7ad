"""The number of threads follows what the machine has left."""

import pytest

from vault.models import threads
from vault.models.threads import PAUSE, WINDOW, Threads


class Clock:
    """A machine whose wall clock and share of processor time we set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, cores: int = 2, load: float = 0.0) -> None:
        self.wall = 100.0
        self.processor = 0.0
        self.share = 1.0
        monkeypatch.setattr(threads, "cores", lambda: cores)
        monkeypatch.setattr(threads.os, "getloadavg", lambda: (load, 0.0, 0.0))
        for name, value in (("monotonic", "wall"), ("perf_counter", "wall"), ("process_time", "processor")):
            monkeypatch.setattr(threads.time, name, lambda value=value: getattr(self, value))

    def work(self, count: int) -> int:
        """Half a window of work on *count* threads."""
        self.wall += WINDOW / 2 + 0.001
        self.processor += count * self.share * (WINDOW / 2 + 0.001)
        return count


def test_an_idle_machine_gets_two(monkeypatch: pytest.MonkeyPatch):
    """With the processor time asked for, it stays at two."""
    clock = Clock(monkeypatch)
    chooser = Threads()
    assert {chooser.run(clock.work) for _ in range(50)} == {2}


def test_a_busy_machine_gets_one_and_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    """A share too small drops to one thread for a pause, after which two are tried."""
    clock = Clock(monkeypatch)
    clock.share = 0.7
    chooser = Threads()
    assert [chooser.run(clock.work) for _ in range(4)] == [2, 2, 1, 1]
    clock.wall += PAUSE
    clock.share = 1.0
    assert [chooser.run(clock.work) for _ in range(4)] == [2, 2, 2, 2]


def test_a_loaded_machine_starts_with_one(monkeypatch: pytest.MonkeyPatch):
    """A load that leaves no second core means one thread from the first call."""
    clock = Clock(monkeypatch, load=1.0)
    assert Threads().run(clock.work) == 1
    clock = Clock(monkeypatch, load=1.0, cores=8)
    assert Threads().run(clock.work) == 2


def test_one_core_is_one_thread(monkeypatch: pytest.MonkeyPatch):
    """There is nothing to choose."""
    clock = Clock(monkeypatch, cores=1)
    assert Threads().run(clock.work) == 1


def test_cores_are_those_we_may_use():
    """At least one, and a number."""
    assert threads.cores() >= 1
