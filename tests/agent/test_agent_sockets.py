"""The socket against whoever should not be there, and against who means harm (T25)."""

import json
import os
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from desk import LOW, Desk, eventually, kill, serving

from vault.agent import client, clients, peer, supervisor, wire
from vault.agent.client import connect, started
from vault.agent.leases import Lease, Terms
from vault.agent.listening import listen
from vault.errors import Damaged, VaultBusy, VaultError

SERVED = 2.0
"""Seconds within which a normal client is answered, whatever others do."""


def raw(desk: Desk) -> socket.socket:
    """A bare connection to the agent."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(10)
    while True:
        try:
            connection.connect(str(desk.socket))
        except BlockingIOError:
            time.sleep(0.005)
        else:
            return connection


def frame(data: bytes, size: int | None = None) -> bytes:
    """*data* as one frame that says it is *size* bytes."""
    return struct.pack(">I", len(data) if size is None else size) + data


def served(desk: Desk) -> bool:
    """Whether a normal client gets what is open, soon."""
    began = time.monotonic()
    with desk.connect() as v:
        found = bool(v.entries())
    return found and time.monotonic() - began < SERVED


def is_dropped(connection: socket.socket, seconds: float = 10) -> bool:
    """Whether the other side hangs up without having said anything but an error."""
    connection.settimeout(seconds)
    try:
        while part := connection.recv(65536):
            if b"error" not in part:
                return False
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.fixture
def working(within: Desk) -> Desk:
    """A desk whose agent has the low classes open."""
    within.connect(LOW).close()
    return within


def test_half_a_frame_and_then_nothing(within: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow client keeps nobody waiting, and is dropped when its time (five seconds) is over."""
    assert clients.PATIENCE == 5
    monkeypatch.setattr(clients, "PATIENCE", 0.5)
    with serving(within):
        within.connect(LOW[:1]).close()
        with raw(within) as slow, raw(within) as silent, raw(within) as torn:
            slow.send(b"\0\0")
            torn.send(frame(b'["status", ', 100))
            assert served(within)
            assert all(is_dropped(c) for c in (slow, silent, torn))
        assert served(within)


def test_a_client_that_never_reads_its_answers(working: Desk) -> None:
    """It fills its own socket and is dropped; others are served meanwhile."""
    with raw(working) as greedy:
        greedy.setblocking(False)
        data = frame(json.dumps(["status", {"m": []}]).encode()) * 400
        for _ in range(50):
            try:
                greedy.send(data)
            except (BlockingIOError, ConnectionError):
                break
        assert served(working)
    assert served(working)


@pytest.mark.parametrize(
    "data",
    [
        frame(b"", 0x7FFFFFFF), frame(b"", 0xFFFFFFFF), frame(b"x" * 70_000), frame(b"{}", 0x80000002), frame(b""),
        frame(bytes(range(200))), frame(b"[" * 60_000), frame(b'{"t":' * 10_000), frame(b'["status"]'),
        frame(b'["status", 3]'), frame(b'["unlock", {"m": []}]'), frame(b'["attach", {"m": [["vault", null]]}]'),
        frame(b'[{"o": ["os:system", "true"]}, {"m": []}]'), frame(b'[{"z": 1}, {"m": []}]'), frame(b"9" * 5000),
        frame(b'["unlock", {"m": [["classes", ["general"]], ["terms", {"m": [["general", []]]}], ["vault", "v"], ["path", "p"]]}]'),
        frame(b'["unlock", {"m": [["classes", 7], ["terms", 7]]}]'),
        frame(b'["lock", {"m": [["classes", 7]]}]'),
    ],
    ids=lambda data: repr(data[:30]),
)  # fmt: skip
def test_what_is_no_request_ends_the_connection(hardy: Desk, data: bytes) -> None:
    """Huge lengths, garbage, depth, unknown tags and types, missing parts: hung up on, nothing else happens."""
    with raw(hardy) as connection:
        connection.sendall(data)
        assert is_dropped(connection, 7)
    assert hardy.processes("class_worker")


@pytest.fixture(scope="module")
def hardy(template: Path) -> Iterator[Desk]:
    """One agent for all of a module's hostile messages: it has to survive every one."""
    from program import fast_directory

    with fast_directory() as place, Desk.copied(template, place / "d").at_work() as desk:
        desk.unlock("general")
        yield desk


def test_unknown_verbs_get_a_typed_error(working: Desk) -> None:
    """Supervisor and worker say that they know no such verb, and go on."""
    agent = connect()
    assert agent is not None
    with agent:
        with pytest.raises(VaultError, match="knows no format"):
            agent._ask("format", {})
        assert len(agent.status()) == 3
        attached = agent.attach(None, working.vault)
        for connection in attached.classes.values():
            for verb in ("format", "apply", "__init__", "db", "close", "_entry", "remember"):
                wire.send(connection, [7, verb, [[], {}]])
                (number, reply), _ = wire.receive(connection)
                assert (number, reply[0]) == (7, "error"), (verb, reply)
            for question in ([8, "count", 5], [8, "count"], [8], [], "count", 5, [None, "count", [[], {}], 9]):
                wire.send(connection, question)
                assert wire.receive(connection)[0][1][0] == "error"
            connection.close()
    assert served(working)


def test_a_worker_survives_bad_messages(working: Desk) -> None:
    """Garbage, huge frames and descriptors that are no sockets end that connection only; none is leaked."""
    agent = connect()
    assert agent is not None
    worker = next(iter(working.processes("class_worker").values()))
    (working.root / "file").write_text("x")
    with agent:
        for bad in (frame(os.urandom(99)), frame(b"", 0x7FFFFFFF), frame(b"[" * 100_000), frame(b'{"b": 7}'), b"\x80\0\0\0" * 50):
            for connection in agent.attach(None, working.vault).classes.values():
                connection.settimeout(5)
                connection.sendall(bad)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(10) == b""
                connection.close()
        before = descriptors(worker)
        with (working.root / "file").open() as file:
            for connection in agent.attach(None, working.vault).classes.values():
                for question in ([1, "count", [[], {}]], [2, "format", [[], {}]], "count", []):
                    wire.send(connection, question, [file.fileno()] * 3)
                    assert wire.receive(connection)[0][1][0] == "error"
                socket.send_fds(connection, [frame(b"garbage")], [file.fileno()])
                connection.close()
        assert eventually(lambda: descriptors(worker) <= before)
    assert served(working)


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_lent_descriptors_that_are_no_sockets(working: Desk) -> None:
    """The model worker is handed a file for a compartment: a typed error, and the next query works."""
    agent = connect()
    assert agent is not None
    with agent, agent.model(working.root / "none", None) as connection, (working.root / "key").open() as file:
        for fds in ([file.fileno()], [file.fileno()] * 8, []):
            wire.send(connection, [1, "search", [[["general"], "heron", 10, "keyword"], {}]], fds)
            assert wire.receive(connection)[0][1][0] == "error"
        pid = working.processes("model_worker").popitem()[1]
        before = descriptors(pid)
        for _ in range(5):
            wire.send(connection, [1, "search", [[["general"], "heron", 10, "keyword"], {}]], [file.fileno()])
            assert wire.receive(connection)[0][1][0] == "error"
        assert descriptors(pid) <= before
    with working.connect() as v:
        assert v.search("heron")


def test_a_thousand_connections(working: Desk) -> None:
    """They are taken as they come, the silent ones make room, and a normal client is served in between and after."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    crowd: list[socket.socket] = []
    answers = []
    try:
        for n in range(1000):
            crowd.append(raw(working))
            if n % 250 == 249:
                answers.append(served(working))
        assert answers == [True] * 4
        assert served(working)
    finally:
        for connection in crowd:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert served(working)
    assert len(working.processes("class_worker")) == 3


def test_a_full_backlog_is_a_typed_error(within: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody accepts, a client knocks for two seconds and then says that the agent does not answer."""
    monkeypatch.setattr(client, "CROWD_SECONDS", 0.3)
    with occupied(within, backlog=0), socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        for other in (one, two):
            other.setblocking(False)
            other.connect_ex(str(within.socket))
        with pytest.raises(VaultBusy, match="does not answer"):
            connect()


@contextmanager
def occupied(desk: Desk, backlog: int = 5) -> Iterator[socket.socket]:
    """A socket of this user's in the agent's place that never answers."""
    desk.socket.parent.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(desk.socket))
        desk.socket.chmod(0o600)
        listening.listen(backlog)
        yield listening
    desk.socket.unlink(missing_ok=True)


def test_an_agent_that_is_silent_is_a_typed_error(within: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something accepts and says nothing (or nonsense): the command ends with 11 and does not hang."""
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.3)
    with occupied(within):
        agent = connect()
        assert agent is not None
        with agent, pytest.raises(VaultBusy):
            agent.status()
    with occupied(within) as listening:
        agent = connect()
        assert agent is not None
        theirs, _ = listening.accept()
        with agent, theirs:
            theirs.sendall(frame(b"nonsense"))
            with pytest.raises(VaultBusy):
                agent.status()


# -- somebody else's ----------------------------------------------------------------------------------


def misplaced(desk: Desk, how: str) -> None:
    """Make the agent's place one that it must refuse."""
    place = desk.socket
    match how:
        case "symlink":
            place.rename(place.with_name("real.sock"))
            place.symlink_to("real.sock")
        case "dangling symlink":
            place.unlink()
            place.symlink_to("/nonexistent/agent.sock")
        case "file":
            place.unlink()
            place.touch(0o600)
        case "open socket":
            place.chmod(0o666)
        case "open directory":
            place.parent.chmod(0o777)
        case "directory symlink":
            place.parent.rename(place.parent.with_name("real"))
            place.parent.symlink_to("real")
        case "foreign directory":
            os.chown(place.parent, 12345, 12345)
        case "foreign socket":
            os.chown(place, 12345, 12345)


WRONG_PLACES = (
    "symlink", "dangling symlink", "file", "open socket", "open directory", "directory symlink", "foreign directory",
    "foreign socket",
)  # fmt: skip


@pytest.mark.parametrize("how", WRONG_PLACES)
def test_a_place_that_is_not_ours_alone_is_refused_by_both_sides(working: Desk, how: str) -> None:
    """Client and supervisor say what is wrong (13); no secret and no text goes there."""
    if how.startswith("foreign") and os.geteuid() != 0:
        pytest.skip("needs root to make somebody else's files")
    misplaced(working, how)
    with pytest.raises(Damaged):
        connect()
    with pytest.raises(Damaged):
        started()
    for args in (("search", "heron"), ("list",), ("unlock", "--all-terminals"), ("lock",)):
        assert working.keyless(*args).code == 13, args
    with pytest.raises(Damaged):
        listen(peer.socket_path())
    os.chown(working.socket.parent, os.getuid(), os.getgid())


def test_an_open_directory_without_a_socket_is_refused_at_once(desk: Desk) -> None:
    """An unlock does not start an agent where others could put a socket beside it."""
    desk.socket.parent.mkdir(mode=0o700)
    desk.socket.parent.chmod(0o777)
    done = desk("unlock", "--all-terminals")
    assert done.code == 13
    assert "not this user's alone" in done.err
    assert not desk.processes()


def test_a_long_path_is_refused(desk: Desk) -> None:
    """A socket's path has about a hundred bytes; what is longer is said so, not cut."""
    long = desk.root / ("x" * 60) / ("y" * 60)
    long.mkdir(parents=True, mode=0o700)
    done = desk("unlock", "--all-terminals", env={"XDG_RUNTIME_DIR": str(long)})
    assert done.code == 13
    assert "too long for a socket" in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_gets_nothing(working: Desk, template: Path) -> None:
    """Another uid cannot reach the socket; where the kernel would let it, the supervisor hangs up; and it is told why."""
    code = (
        "import os, socket, sys\n"
        "os.setgroups([]); os.setgid(12345); os.setuid(12345)\n"
        "s = socket.socket(socket.AF_UNIX); s.settimeout(5)\n"
        "try:\n s.connect(sys.argv[1])\nexcept PermissionError:\n print('no way in'); sys.exit()\n"
        "try:\n s.sendall(b'\\0\\0\\0\\x13[\"status\", {\"m\":[]}]')\n print(s.recv(100))\nexcept OSError:\n print(b'')\n"
    )

    def other() -> str:
        return subprocess.run(
            [sys.executable, "-S", "-c", code, str(working.socket)], capture_output=True, text=True, check=True
        ).stdout.strip()

    assert other() == "no way in"
    for place in (working.root.parent, working.root, working.root / "runtime", working.socket.parent):
        place.chmod(0o755)
    working.socket.chmod(0o666)
    assert other() == "b''"
    working.socket.chmod(0o600)
    working.socket.parent.chmod(0o700)
    (working.root / "runtime").chmod(0o700)
    assert served(working)


def test_a_peer_of_another_uid_is_refused_by_both_sides(working: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's word on the peer decides: faked, the client hangs up before it says anything, and so does the agent.

    Positive control: with the true uid the same calls work.
    """
    assert connect() is not None
    true = peer.peer_of
    monkeypatch.setattr(peer, "peer_of", lambda c: peer.Peer(os.getuid() + 1, true(c).pid, true(c).session))
    with pytest.raises(Damaged, match="another user"):
        connect()
    working.end_all()
    came: list[socket.socket | None] = [None]
    assert eventually(lambda: came.append(listen(peer.socket_path())) or came[-1] is not None, 2)
    listening = came[-1]
    assert listening is not None
    running = supervisor.Supervisor(listening, [])
    thread = threading.Thread(target=running.run)
    thread.start()
    with raw(working) as connection:
        with suppress(BrokenPipeError):  # it may have hung up already
            connection.sendall(frame(b'["status", {"m": []}]'))
        assert is_dropped(connection, 3)
    running.stop()
    thread.join()
    working.socket.unlink(missing_ok=True)


def test_a_peer_that_cannot_be_told_has_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is over, or of another pid namespace, is in no terminal session: least of all in all of them."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer.peer_of(ours).session == os.getsid(0)
        monkeypatch.setattr(os, "getsid", lambda _pid: (_ for _ in ()).throw(ProcessLookupError()))
        assert peer.peer_of(ours).session == peer.NOWHERE
    assert Lease.begun(Terms(100.0, session=peer.NOWHERE)).is_over()
    for session in (None, peer.OUTSIDE, os.getpid(), peer.NOWHERE):
        assert Lease.begun(Terms(100.0, session=session)).admits(peer.NOWHERE) is (session is None)


def test_a_session_led_from_outside_the_container_is_a_session_like_another() -> None:
    """In a container's shell the kernel calls the session 0. What such a shell opens is its own, not everybody's.

    It cannot be seen to end either, so that only its times end it.
    """
    lease = Lease.begun(Terms(100.0, session=peer.OUTSIDE))
    assert lease.admits(peer.OUTSIDE)
    assert not lease.admits(os.getpid())
    assert not lease.is_over()
    assert not Lease.begun(Terms(100.0, session=os.getpid())).admits(peer.OUTSIDE)


# -- two of them --------------------------------------------------------------------------------------


def test_a_socket_left_by_a_kill_is_replaced(working: Desk) -> None:
    """After kill -9 the socket file stays; commands work without the agent, and the next unlock takes its place."""
    kill(working.processes("supervisor").popitem()[1])
    assert eventually(lambda: not working.processes(), 1)
    assert working.socket.exists()
    assert eventually(lambda: connect() is None, 1)
    assert working.keyless("list").code == 17
    assert working("list").ok()
    working.unlock("general")
    assert working.keyless("list").ok()


def test_of_two_agents_one_wins(working: Desk) -> None:
    """A second supervisor leaves the first alone, with what it has open; many unlocks at once end with one agent."""
    second = subprocess.run([sys.executable, "-m", "vault.agent.supervisor"], env=working.env, check=False, timeout=20)
    assert second.returncode == 0
    assert served(working)
    working.end_all()
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "memory_cli", "unlock", name, "--all-terminals"],
            env=working.env, stdout=subprocess.DEVNULL, start_new_session=True,
        )
        for name in ("general", "chronological", "confidential", "secret")
    ]  # fmt: skip
    assert [run.wait(60) for run in runs] == [0, 0, 0, 0]
    assert len(working.processes("supervisor")) == 1
    assert set(working.workers()) == {"general", "chronological", "confidential", "secret"}
    assert len(working.processes("class_worker")) == 4
