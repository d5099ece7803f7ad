"""Sleep, logout and the end of the agent lock everything: with an injected source, and with the real ones fed."""

import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from desk import LOW, Desk, eventually, kill, serving

from vault.agent import events, peer, supervisor
from vault.agent.client import connect
from vault.agent.listening import listen
from vault.errors import Locked

SOON = 1.0
"""Seconds within which everything must be locked."""


class Injected:
    """News that a test makes."""

    def __init__(self, *, asked: bool = False) -> None:
        """Announce by a descriptor that becomes readable, or, with *asked*, only when asked."""
        self._ours, self._theirs = socket.socketpair()
        self._asked = asked
        self._pending: list[str] = []
        self.closed = False

    def happen(self, what: str) -> None:
        """Something happens."""
        self._pending.append(what)
        self._ours.send(b"!")

    def fileno(self) -> int | None:
        """As in `events.Source`."""
        return None if self._asked else self._theirs.fileno()

    def news(self) -> list[str]:
        """As in `events.Source`."""
        found, self._pending = self._pending, []
        if found:
            self._theirs.recv(100)
        return found

    def close(self) -> None:
        """As in `events.Source`."""
        self.closed = True
        self._ours.close()
        self._theirs.close()


@pytest.mark.parametrize("asked", [False, True], ids=["announced", "asked"])
@pytest.mark.parametrize("what", ["suspend", "logout"])
def test_news_kill_every_worker(within: Desk, what: str, asked: bool) -> None:
    """Suspend or logout: within a second no worker lives; the supervisor goes on and can be unlocked again.

    Positive control: without news they go on living.
    """
    source = Injected(asked=asked)
    with serving(within, source):
        within.connect(LOW).close()
        time.sleep(0.6)
        assert len(within.processes("class_worker")) == 3
        source.happen(what)
        assert eventually(lambda: not within.processes("class_worker"), SOON)
        with within.connect() as v:
            assert v.open_classes == ()
        with within.connect(LOW[:1]) as v:
            assert v.entries()
    assert source.closed


def test_a_client_at_work_is_told_that_it_was_locked(within: Desk) -> None:
    """What was open for a running program is locked under it, with a typed error; it can go on, locked."""
    source = Injected()
    with serving(within, source), within.connect(LOW) as v:
        assert v.entries()
        source.happen("suspend")
        assert eventually(lambda: not within.processes("class_worker"), SOON)
        with pytest.raises(Locked):
            v.entries()
        v.opened.attach()
        assert v.open_classes == ()
        assert v.capture("captured all the same", "general").id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_the_end_of_the_supervisor_ends_the_workers(within: Desk, number: signal.Signals) -> None:
    """However the supervisor ends, no key outlives it by a second; the next unlock works."""
    within.connect(LOW[:1]).close()
    kill(within.processes("supervisor").popitem()[1], number)
    assert eventually(lambda: not within.processes(), SOON)
    assert eventually(lambda: connect() is None, SOON), "its socket may be closed a moment after its memory is gone"
    with within.connect() as v:
        assert v.open_classes == ()
    with within.connect(LOW[:1]) as v:
        assert v.entries()


def test_a_worker_that_sees_nothing_but_a_closed_socket_ends(within: Desk) -> None:
    """Even without the kernel's signal at the parent's death: the control socket closes with the supervisor."""
    with serving(within) as running:
        within.connect(LOW[:1]).close()
        (worker,) = running._workers
        worker.control.shutdown(socket.SHUT_RDWR)
        assert eventually(lambda: worker.process.poll() is not None, SOON)


def test_the_socket_that_is_gone_ends_the_agent(within: Desk) -> None:
    """Nobody could tell it to lock any more, so it locks itself."""
    within.connect(LOW[:1]).close()
    within.socket.unlink()
    assert eventually(lambda: not within.processes(), 2 * SOON)


def test_an_idle_agent_ends_itself(within: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an open class and without a client there is nothing to keep."""
    monkeypatch.setattr(supervisor, "IDLE_EXIT", 0.3)
    listening = listen(peer.socket_path())
    assert listening is not None
    running = supervisor.Supervisor(listening, [])
    thread = threading.Thread(target=running.run)
    thread.start()
    agent = connect()
    assert agent is not None
    assert agent.status() == []
    agent.close()
    thread.join(5)
    assert not thread.is_alive()
    within.socket.unlink(missing_ok=True)


def test_a_gap_between_the_clocks_is_a_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Gap` tells once of each sleep longer than scheduling explains; running on, or setting the date, is none."""
    slept = [0.0]
    monkeypatch.setattr(events.Gap, "_difference", staticmethod(lambda: slept[0]))
    gap = events.Gap()
    assert gap.news() == []
    slept[0] += 2.0
    assert gap.news() == []
    slept[0] += 3600.0
    assert gap.news() == ["suspend"]
    assert gap.news() == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's clocks")
def test_the_gap_is_read_from_clocks_that_nobody_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """It compares the clock that stands still in sleep with the one that does not; the wall clock is not asked."""
    gap = events.Gap()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert gap.news() == []
    real = time.clock_gettime
    monkeypatch.setattr(
        time, "clock_gettime", lambda c: real(c) + (60.0 if c == time.CLOCK_BOOTTIME else 0.0)
    )
    assert gap.news() == ["suspend"]


LOGIND = (
    "/org/freedesktop/login1: org.freedesktop.login1.Manager.PrepareForSleep (true,)",
    "/org/freedesktop/login1: org.freedesktop.login1.Manager.PrepareForShutdown (true,)",
    "/org/freedesktop/login1/session/_32: org.freedesktop.login1.Session.Lock ()",
)
QUIET = (
    "Monitoring signals from all objects owned by org.freedesktop.login1",
    "/org/freedesktop/login1: org.freedesktop.login1.Manager.PrepareForSleep (false,)",
    "/org/freedesktop/login1/session/_32: org.freedesktop.login1.Session.Unlock ()",
)
MACOS = ("2026-11-21 07:00:00.000 Df powerd[62:1234] Entering Sleep state due to 'Clamshell Sleep'",)


@pytest.mark.parametrize(
    ("signs", "lines", "found"),
    [
        (events.LOGIND, LOGIND, ["suspend", "logout", "suspend"]),
        (events.LOGIND, QUIET, []),
        (events.MACOS, MACOS, ["suspend"]),
        (events.LOGIND, ("\udc80" * 3, *LOGIND[:1]), ["suspend"]),
    ],
)
def test_what_the_system_announces_is_understood(signs: tuple[tuple[str, str], ...], lines: tuple[str, ...], found: list[str]) -> None:
    """Lines as `gdbus monitor` and `log stream` print them, torn at any byte; undecodable ones do no harm."""
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    code = f"import os, time\nfor i in range(0, {len(data)}, 17): os.write(1, {data!r}[i:i+17]); time.sleep(0.002)\ntime.sleep(60)"
    source = events.Announced([sys.executable, "-c", code], signs)
    heard: list[str] = []

    while len(heard) < len(found) or not found:
        if not select.select([source.fileno()], [], [], 0.5 if not found else 10)[0]:
            break
        heard += source.news()
    source.close()
    assert heard == found
    assert source._process.poll() is not None


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's word at the parent's death")
def test_an_announcer_ends_with_the_supervisor(desk: Desk) -> None:
    """The system's command that tells of sleep is not left behind, not even by kill -9."""
    folder = desk.root / "bin"
    folder.mkdir()
    (folder / "gdbus").write_text("#!/bin/sh\nexec sleep 600\n")
    (folder / "gdbus").chmod(0o755)
    desk.unlock("general", env={"PATH": f"{folder}:/usr/bin:/bin"})
    assert any("sleep 600" in line for _, line in desk.living())
    kill(desk.processes("supervisor").popitem()[1])
    assert eventually(lambda: not desk.living(), SOON)


def test_an_announcer_that_ends_is_let_go(within: Desk) -> None:
    """The system's command may end; the agent goes on without it, and still hears the other sources."""
    ended = events.Announced([sys.executable, "-c", "print('hello')"], events.LOGIND)
    source = Injected()
    with serving(within, ended, source):
        assert eventually(lambda: ended.fileno() is None)
        within.connect(LOW[:1]).close()
        assert within.processes("class_worker")
        source.happen("suspend")
        assert eventually(lambda: not within.processes("class_worker"), SOON)


def test_every_platform_has_its_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Linux asks logind through gdbus and macOS the power log; without these commands the gap remains."""
    gdbus = tmp_path / "gdbus"
    gdbus.write_text("#!/bin/sh\nexec sleep 60\n")
    gdbus.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert [type(s) for s in events.sources()] == [events.Gap]
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = events.sources()
    assert [type(s) for s in found] == [events.Gap, events.Announced]
    found[1].close()
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    command, signs = events._announcing()
    assert command is not None
    assert command[:2] == ["log", "stream"]
    assert signs == events.MACOS
