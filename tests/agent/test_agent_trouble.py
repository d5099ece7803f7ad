"""What goes wrong under a running agent: typed errors, nothing acknowledged lost, and the next command works."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from desk import LOW, Desk, eventually, kill
from program import fast_directory

import vault
from vault.agent.client import connect
from vault.capture import again
from vault.classification import Classification
from vault.errors import Locked, NoVault

EDITOR_WAITS = "#!/bin/sh\ntouch \"$HOME/editing\"\nwhile [ ! -e \"$HOME/go\" ]; do sleep 0.02; done\necho 'written meanwhile' > \"$1\"\n"


@pytest.fixture
def working(within: Desk) -> Desk:
    """A desk whose agent has the low classes open."""
    within.connect(LOW).close()
    return within


def start(desk: Desk, *args: str, stdin: bytes | None = None) -> "subprocess.Popen[bytes]":
    """A command without a secret, left running."""
    child = subprocess.Popen(
        [sys.executable, "-m", "memory_cli", *args], env=desk.environment({"MEMORY_KEYFILE": None}),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    if stdin is not None and child.stdin is not None:
        child.stdin.write(stdin)
    return child


@pytest.mark.parametrize("victim", ["supervisor", "class_worker", "model_worker"])
def test_killed_between_two_questions(working: Desk, victim: str) -> None:
    """A program that is connected finds out by a typed error, or does not notice; then it goes on without."""
    with working.connect() as v:
        assert v.search("heron")
        for pid in working.processes(victim).values():
            kill(pid)
        if victim != "model_worker":
            assert eventually(lambda: not working.processes("class_worker"), 1)
            with pytest.raises(Locked):
                v.entries()
        else:
            assert v.search("heron"), "the model is loaded here instead"
            assert any("gone" in note for note in v.notes)
        assert victim != "supervisor" or eventually(lambda: connect() is None, 1)
        v.attach()
        assert v.capture("captured all the same", "general").id
    working.connect(LOW).close()
    with working.connect() as v:
        assert v.search("captured")


@pytest.mark.parametrize("victim", ["supervisor", "class_worker"])
def test_killed_while_an_editor_is_open(working: Desk, victim: str) -> None:
    """`memory edit` waits in the editor while the agent dies: it ends with a code of the table, by no signal.

    The text that was written is kept: in the vault, or in the buffer that the message names.
    """
    editor = working.root / "editor"
    editor.write_text(EDITOR_WAITS)
    editor.chmod(0o755)
    entry = working.keyless("list", "-0").out.split("\0")[0]
    child = working.on_terminal("edit", entry, env={"EDITOR": str(editor), "MEMORY_KEYFILE": None})
    assert eventually((working.root / "editing").exists)
    for pid in working.processes(victim).values():
        kill(pid)
    assert eventually(lambda: not working.processes("class_worker"), 1)
    (working.root / "go").touch()
    child.expect(r"memory: .*\n")
    said = bytes(child.after)
    child.wait()
    child.close()
    assert child.signalstatus is None
    assert child.exitstatus in {11, 17}, (child.exitstatus, said)
    with working.alone() as v:
        kept = v.get(entry).text.strip() == "written meanwhile"
    buffers = [p for p in working.root.rglob("*") if p.is_file() and b"written meanwhile" in p.read_bytes() and p != editor]
    assert kept or buffers
    assert working("list").ok()


def test_the_vault_was_moved(working: Desk) -> None:
    """At its new place the vault is the same, but locked: what is open was opened for the old place."""
    moved = working.root / "elsewhere"
    working.vault.rename(moved)
    assert working.keyless("list").code == 10
    assert working.keyless("add", "into nowhere").code == 10
    assert working.keyless("search", "heron").code == 10
    assert working.keyless("--vault", moved, "list").code == 17
    assert not working.processes("class_worker"), "they served a place that is no more"
    assert working("--vault", moved, "list").ok()
    working.unlock("--vault", str(moved))
    assert working.keyless("--vault", moved, "list").ok().out.count("\n") == 5


def test_the_vault_was_deleted(working: Desk) -> None:
    """No vault is 10, whoever asks; a new one at the same path is another vault."""
    shutil.rmtree(working.vault)
    for args in (("list",), ("search", "heron"), ("add", "x"), ("unlock", "--all-terminals"), ("status",)):
        assert working.keyless(*args).code == 10, args
    assert not list(working.root.glob("vault/objects/*/*"))
    with pytest.raises(NoVault):
        working.connect()
    assert working("lock").code in {0, 10}


def test_the_vault_was_replaced_by_another(working: Desk) -> None:
    """Another vault at the known path is 13: nothing of the old one is shown as its own, nothing is sealed into it."""
    shutil.rmtree(working.vault)
    with vault.create(working.vault.with_name("new"), keyfile=working.keyfile, state=working.root / "s2", models="/none"):
        pass
    working.vault.with_name("new").rename(working.vault)
    for args in (("list",), ("search", "heron"), ("search", "-q", "heron"), ("add", "x"), ("show", "zzzz")):
        done = working.keyless(*args)
        assert (done.code, done.out) == (13, ""), (args, done)
    assert not list(working.vault.glob("objects/*/*"))


def test_the_header_is_gone(working: Desk) -> None:
    """A header directory that vanished under the agent is an error with a code, and comes back with the directory."""
    header = working.vault / "header"
    header.rename(working.root / "header")
    done = working.keyless("list")
    assert done.code in {11, 13, 14, 17, 19}, done
    (working.root / "header").rename(header)
    working.unlock()
    assert working.keyless("list").ok().out.count("\n") == 5


def test_a_stopped_supervisor_is_a_typed_error(working: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is frozen answers nobody: a program goes on without it and says so; when it goes on, so does all else."""
    from vault.agent import client

    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.5)
    pid = working.processes("supervisor").popitem()[1]
    os.kill(pid, signal.SIGSTOP)
    try:
        with working.connect() as v:
            assert not v.open_classes
            assert any("does not answer" in note for note in v.notes)
            assert v.capture("kept all the same", "general").id
    finally:
        os.kill(pid, signal.SIGCONT)
    with working.connect() as v:
        assert v.entries()


def test_a_stopped_supervisor_can_be_locked(working: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lock` at a frozen agent kills it, and with it every process that holds a key."""
    from vault.agent import client

    monkeypatch.setattr(client, "LOCK_SECONDS", 0.5)
    pid = working.processes("supervisor").popitem()[1]
    assert working.processes("class_worker")
    os.kill(pid, signal.SIGSTOP)
    agent = connect()
    assert agent is not None
    with agent:
        assert "killed" in agent.lock()[0]
    assert eventually(lambda: not working.processes("class_worker"), 2)
    working.unlock()
    assert working.keyless("list").ok()


def test_a_worker_ends_in_time_although_nobody_ends_it(desk: Desk) -> None:
    """With the supervisor stopped, keys do not outlive the time they were unlocked for; those without an end stay."""
    desk.unlock("general", "--ttl", "3s")
    desk.unlock("confidential", "--ttl", "1h")
    assert len(desk.processes("class_worker")) == 2
    pid = desk.processes("supervisor").popitem()[1]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert eventually(lambda: len(desk.processes("class_worker")) == 1, 20)
        assert len(desk.processes("class_worker")) == 1
    finally:
        os.kill(pid, signal.SIGCONT)
    assert eventually(lambda: list(desk.workers()) == ["confidential"], 5)


def test_a_client_that_dies_leaves_nothing_waiting(working: Desk) -> None:
    """Killed while a worker waits for its key: the worker goes; killed with a connection: others are served."""
    agent = connect()
    assert agent is not None
    pipes = agent.unlock("f" * 32, working.vault, {Classification.SECRET: (60.0, 0.0)}, all_terminals=True)
    assert len(working.processes("class_worker")) == 4
    agent.close()
    assert eventually(lambda: len(working.processes("class_worker")) == 3, 2)
    for pipe in pipes.values():
        os.close(pipe)
    for _ in range(10):
        child = start(working, "add", "-c", "general", stdin=b"some words")
        time.sleep(0.02)
        child.kill()
        child.communicate()
    with working.connect() as v:
        assert v.entries()
    assert working.processes("supervisor")


def test_locked_before_it_was_open(working: Desk) -> None:
    """`memory lock` in another window while a passphrase is being typed: a typed error, and no worker waits."""
    agent = connect()
    assert agent is not None
    pipes = agent.unlock("f" * 32, working.vault, {Classification.SECRET: (60.0, 0.0)}, all_terminals=True)
    other = connect()
    assert other is not None
    with other:
        assert other.lock("f" * 32, [Classification.SECRET]) == ["secret"]
    with agent, pytest.raises(Locked, match="before it was open"):
        agent.opened()
    for pipe in pipes.values():
        os.close(pipe)
    assert len(working.processes("class_worker")) == 3


def test_half_a_move_is_finished_by_the_next_command(within: Desk) -> None:
    """A client killed between the two halves of a move: the next one finds the entry in its new class only."""
    with within.connect(tuple(Classification)) as v:
        entry = v.capture("on its way", "general")
        v._writer.write([again(entry, Classification.SECRET, entry.revisions)])
    rows = [r for r in within.keyless("list", "--json", "-n", "100").ok().json if r["id"] == entry.id]
    assert [r["classification"] for r in rows] == ["secret"]


def test_a_rotation_under_the_agent(within: Desk) -> None:
    """A class that gets a new key is locked in the agent and opens with the new one; the others stay as they are."""
    within.unlock("general", "secret")
    assert within("key", "rotate", "secret", "-y").code == 0
    assert set(within.workers()) == {"general"}
    assert within.keyless("list", "-c", "general").ok()
    assert within.keyless("add", "-c", "secret", stdin="under the new key").ok()
    within.unlock("secret")
    assert "under the new key" in within.keyless("list", "-c", "secret").ok().out
    assert "zanzibar" in within.keyless("search", "zanzibar").ok().out


def test_a_new_keyslot_does_not_disturb_the_agent(within: Desk) -> None:
    """A header that another process changed is taken up by the worker that is running."""
    within.unlock("general")
    pid = within.workers()["general"]
    (within.root / "second").write_bytes(os.urandom(48))
    within("key", "add", "keyfile", "--file", within.root / "second").ok()
    assert within.keyless("list").ok()
    assert within.keyless("add", "-c", "general", stdin="after the change").ok()
    assert "after the change" in within.keyless("search", "after").ok().out
    assert within.workers()["general"] == pid


def test_writing_to_who_is_gone_ends_no_program(within: Desk) -> None:
    """With SIGPIPE as the program has it, a dead worker's socket and pipe give errors, and no signal.

    Positive control: a bare write to the same pipe dies by SIGPIPE.
    """
    code = """
import os, signal, socket, sys
from vault.agent import wire
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
ours, theirs = socket.socketpair(); theirs.close()
try: wire.send(ours, ["x"])
except wire.Gone: print("gone", flush=True)
from vault.agent.keeper import hand_over
from vault.classification import Classification
from vault.home import Home
from vault.keys.roots import Root
from pathlib import Path
read, write = os.pipe(); os.close(read)
hand_over(write, Home(Path("/x"), "0" * 32, Path("/y")), Root.new("0" * 32, Classification.GENERAL))
print("handed over", flush=True)
read, write = os.pipe(); os.close(read)
os.write(write, b"x")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "gone\nhanded over\n", done.stderr
    assert done.returncode == -signal.SIGPIPE


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a small file system")
def test_a_disk_that_fills_up_under_the_worker(template: Path) -> None:
    """Full for the index, not for the sealed files: captures are acknowledged and there, or end with 19.

    With room again everything is found, and the agent was never restarted.
    """
    with TemporaryDirectory(dir="/dev/shm") as small, fast_directory() as place:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3000k", "tmpfs", small], check=False).returncode:
            pytest.skip("no right to mount a tmpfs")
        try:
            desk = Desk.copied(template, place / "d")
            state = desk.root / "state" / "memory"
            (vault_id,) = (p for p in state.iterdir() if p.is_dir())
            shutil.move(vault_id, small)
            vault_id.symlink_to(Path(small) / vault_id.name)
            with desk.at_work():
                desk.unlock("general")
                ballast = Path(small) / "ballast"
                free = os.statvfs(small)
                ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 120 * 1024)))
                kept, codes = [], []
                for n in range(8):
                    done = desk.keyless("add", "--json", "-c", "general", stdin=f"filling {n} " + "words of it " * 4000)
                    codes.append(done.code)
                    if done.code == 0:
                        kept.append(done.json["id"])
                assert set(codes) <= {0, 19}, codes
                assert kept
                full = os.statvfs(small)
                assert full.f_bavail * full.f_frsize < 60 * 1024, "the disk did fill up"
                assert desk.keyless("list").code in {0, 19}
                ballast.unlink()
                found = [desk.keyless("show", i).code for i in kept]
                assert found == [0] * len(kept)
                assert desk.keyless("add", "-c", "general", stdin="room again").ok()
                assert "room again" in desk.keyless("search", "room").ok().out
        finally:
            subprocess.run(["umount", "-l", small], check=True)


def test_a_fixture_that_leaves_a_process_is_caught(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positive control of every test here: an agent that survives its desk fails the desk."""
    with fast_directory() as place:
        desk = Desk.copied(template, place / "d")
        desk.patience = 0.1
        monkeypatch.setattr(Desk, "end_all", lambda _: None)
        with pytest.raises(AssertionError), desk.at_work():
            desk.unlock("general")
        monkeypatch.undo()
        desk.end_all()
        assert eventually(lambda: not desk.processes())
