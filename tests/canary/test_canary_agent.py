"""T17 through the agent: over 60 commands with classes unlocked in it, keys changed under it, and every kind of end.

Searched: vault, indexes and their logs, state, configuration, runtime and temp directories, stderr of every command,
arguments and environment of every process of the scene while it runs, the agent's own among them.
"""

import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from leaks import Search, Watched, disguises
from program import MODELS, Program, fast_directory, finish, with_model
from test_canaries import everywhere, ids, keys_of, markers_of
from test_write_trace import traced

import vault
from vault.classification import Classification

NO_KEY: dict[str, str | None] = {"MEMORY_KEYFILE": None}
Markers = dict[str, str | bytes]
Scene = tuple["WatchedAgent", Markers, float]
HAS_MODEL = MODELS.exists() and importlib.util.find_spec("llama_cpp") is not None


@dataclass
class WatchedAgent(Watched):
    """`Watched`, where the processes of the agent are looked at during every command."""

    def __call__(self, *args: Any, **more: Any) -> bytes:
        """As in `Watched`; then look at the agent, which goes on."""
        out = super().__call__(*args, **more)
        self.look(" ".join(map(str, args))[:60])
        return out

    def look(self, name: str) -> None:
        """Keep argv and environment of the agent's processes."""
        for process in self.agents():
            for file in ("cmdline", "environ"):
                with suppress(OSError):
                    self.samples.append((f"{name}: agent's {file}", Path(f"/proc/{process}/{file}").read_bytes(), ""))

    def agents(self) -> list[int]:
        """Living processes of this home's agent."""
        mark = f"XDG_RUNTIME_DIR={self.program.root / 'runtime'}\0".encode()
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if b"vault.agent." in (place / "cmdline").read_bytes() and mark in (place / "environ").read_bytes() + b"\0":
                    found.append(int(place.name))
        return found


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """The scenario, run once; its agent is ended afterwards."""
    began = time.time() - 2
    markers = markers_of("body title tag query source passphrase metadata edited imported locked")
    with fast_directory() as place:
        program = with_model(Program(place)) if HAS_MODEL else Program(place)
        for name in ("in", "out"):
            (place / "work" / name).mkdir()
        markers["keyfile"] = secrets.token_hex(32)
        program.keyfile.write_text(f"{markers['keyfile']}\n")
        run = WatchedAgent(program)
        run("init", "--keyfile", program.keyfile, "-y")
        markers |= keys_of(program)
        try:
            capture(run, markers)
            change(run, markers)
            keys(run, markers)
            ends(run, markers)
        finally:
            run("agent", "stop")
        yield run, markers | keys_of(program), began
        assert run.agents() == []


def capture(run: WatchedAgent, m: Markers) -> None:
    """Unlock; capture into every class, read and search through the agent."""
    run("agent", "status")
    run("add", "-c", "secret", stdin=f"{m['locked']} before anything is unlocked", env=NO_KEY)
    run("unlock", "--all-terminals")
    run("unlock", "secret", "ultrasecret", "--all-terminals", "-y", "--ttl", "1h")
    body = f"# {m['title']}\n\nsome {m['body']} text\n\n" + f"{m['body']} again and again. " * 30
    for name in Classification:
        run("add", "-c", name.value, "-t", str(m["tag"]), "--source", str(m["source"]), stdin=body, typed="tag source", env=NO_KEY)
    run("add", "--json", stdin=f"{m['body']} decided by the agent: my password is {m['body']}", env=NO_KEY)
    run("add", stdin=b"\xff" + str(m["body"]).encode(), code=2, env=NO_KEY)
    run("agent", "status", "--json")
    for style in ("text", "json", "tsv"):
        run("list", "--format", style, env=NO_KEY)
        run("search", "--format", style, str(m["body"]), str(m["query"]), typed="body query", env=NO_KEY)
    for words in ((str(m["query"]), str(m["body"])), ("--json", str(m["query"])), ("-n", "3", str(m["body"]))):
        run("search", *words, typed="query body", env=NO_KEY)
    run("search", "-m", "semantic", f"mending {m['query']}", typed="query", code=0 if HAS_MODEL else 16, env=NO_KEY)
    run("search", "--explain", f"tag:{m['tag']}", f'"{m["query"]}"', typed="tag query", env=NO_KEY)
    run("search", f"class:hidden {m['query']}", typed="query", env=NO_KEY)
    run("list", "-t", str(m["tag"]), typed="tag", env=NO_KEY)
    run("stats", env=NO_KEY)
    run("tag", env=NO_KEY)


def change(run: WatchedAgent, m: Markers) -> None:
    """Change, move, delete, restore, purge, import and export through the agent."""
    work = run.program.root / "work"
    first, second, third, *_ = (run("list", "-0", "-n", "1000", env=NO_KEY).decode().split("\0"))[:-1]
    run("show", first, env=NO_KEY)
    run("show", "--json", second, env=NO_KEY)
    run("edit", first, "--stdin", stdin=f"{m['edited']} {m['body']}", env=NO_KEY)
    run("history", "--json", first, env=NO_KEY)
    run("tag", first, "plain", f"-{m['tag']}", typed="tag", env=NO_KEY)
    run("move", second, "-c", "ultrasecret", env=NO_KEY)
    run("rm", third, env=NO_KEY)
    run("restore", third, env=NO_KEY)
    run("rm", "--purge", "-y", third, env=NO_KEY)
    run("show", third, code=14, env=NO_KEY)
    notes = work / "in" / "notes"
    notes.mkdir()
    for i in range(3):
        (notes / f"{i}.md").write_text(f"---\ntags: [{m['tag']}]\nextra: {m['metadata']}\n---\n{m['imported']} {i}\n")
    run("import", notes, env=NO_KEY)
    run("import", notes, env=NO_KEY)
    run("export", work / "out" / "all.jsonl", "--format", "jsonl", "-y", env=NO_KEY)
    run("doctor", env=NO_KEY)
    run("doctor", "--rebuild", env=NO_KEY)
    run("status", "--json", env=NO_KEY)


def keys(run: WatchedAgent, m: Markers) -> None:
    """A passphrase added, tried, used to unlock by file and at the terminal; a kit; a rotation under the agent."""
    work = run.program.root / "work"
    file, wrong = work / "in" / "passphrase", work / "in" / "wrong"
    file.write_text(f"{m['passphrase']}\n")
    wrong.write_text(f"{m['query']}\n")
    run("key", "add", "passphrase", "--file", file)
    run("key", "test", "passphrase", "--file", file, env=NO_KEY)
    run("key", "test", "passphrase", "--file", wrong, env=NO_KEY, code=12)
    run("lock")
    run("list", env=NO_KEY, code=17)
    run("unlock", "--all-terminals", env={**NO_KEY, "MEMORY_PASSPHRASE_FILE": str(wrong)}, code=12)
    run("unlock", "--all-terminals", env={**NO_KEY, "MEMORY_PASSPHRASE_FILE": str(file)})
    run("list", env=NO_KEY)
    run("lock", "general")
    child = run.program.on_terminal("unlock", "general", "--all-terminals", env=NO_KEY)
    child.expect_exact("passphrase: ")
    run.sample(child.pid, "unlock at the terminal", "")
    child.sendline(str(m["passphrase"]))
    run.sample(child.pid, "unlock at the terminal", "")
    assert finish(child)[0] == 0
    run("key", "list", "--json", env={**NO_KEY, "MEMORY_PASSPHRASE_FILE": str(file)})
    run("key", "kit", "--file", work / "out" / "kit.txt")
    m["recovery"] = next(w for w in (work / "out" / "kit.txt").read_text().split() if w.count("-") == 7)
    run("key", "test", "recovery", "--file", work / "out" / "kit.txt", env=NO_KEY)
    run("unlock", "secret", "--all-terminals")
    run("key", "rotate", "secret", "--keep", file, "-y", "--file", work / "out" / "kit of secret.txt")
    run("unlock", "secret", "--all-terminals")
    run("list", "-c", "secret", env=NO_KEY)


def ends(run: WatchedAgent, m: Markers) -> None:
    """The agent ends by its own, by a kill and by a lock that comes while commands work."""
    run("unlock", "general", "--all-terminals", "--ttl", "1s")
    time.sleep(1.3)
    run("search", str(m["query"]), typed="query", env=NO_KEY)
    for pid in run.agents():
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
    run("add", "-c", "general", stdin=f"{m['body']} after the kill", env=NO_KEY)
    run("unlock", "--all-terminals")
    run("search", str(m["body"]), typed="body", env=NO_KEY)


def test_nothing_leaks_through_the_agent(scene: Scene) -> None:
    """No marker in vault, indexes, logs, state, configuration, runtime and temp places, argv, environments or stderr."""
    run, markers, began = scene
    assert run.runs >= 60, run.runs
    search = Search(markers)
    assert run.leaks(search) == []
    assert everywhere(search, run.program, began) == []


def test_no_secret_is_printed(scene: Scene) -> None:
    """Stdout shows texts that were asked for, and never a passphrase, keyfile, code or key."""
    run, markers, _ = scene
    hidden = {k: v for k, v in markers.items() if k in {"passphrase", "keyfile", "recovery"} or " key of " in k}
    assert len(hidden) > 10
    assert [leak for out in run.outputs for leak in Search(hidden).in_bytes("stdout", out)] == []


def test_the_scene_was_real(scene: Scene) -> None:
    """Positive control: the texts came out where they were asked for; the agent's processes were looked at."""
    run, markers, _ = scene
    out = run.program.root / "work" / "out"
    found = {leak.marker for leak in Search(markers).below(out)}
    assert found >= {"body", "title", "tag", "source", "edited", "imported", "metadata", "locked", "recovery"}
    shown = {leak.marker for data in run.outputs for leak in Search(markers).in_bytes("stdout", data)}
    assert shown >= {"body", "title", "tag", "edited"}
    kinds = {word for place, data, _ in run.samples if "agent's cmdline" in place for word in data.decode().split("\0")}
    assert kinds >= {f"vault.agent.{name}" for name in ("supervisor", "class_worker", "model_worker")}


def test_keys_cross_a_pipe_and_no_socket() -> None:
    """An unlock, as the kernel saw it: each root goes through one anonymous pipe, and nothing secret anywhere else.

    Positive control in itself: the roots are seen in the pipes.
    """
    if shutil.which("strace") is None or subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False).returncode:
        pytest.skip("needs strace and the right to trace")
    with fast_directory() as place:
        program = Program(place)
        secret = secrets.token_hex(32)
        program.keyfile.write_text(secret)
        program.init()
        roots = {}
        with vault.open(program.vault, state=place / "state" / "memory", models=place, keyfile=program.keyfile) as v:
            roots = {f"root of {o.classification}": o.keys.newest.secret for o in v.opened}
        search = Search(keys_of(program) | roots | {"keyfile": secret})
        program("unlock", "--all-terminals").ok()  # the agent runs, and is none of the traced command's children
        try:
            line: list[str | Path] = [sys.executable, "-m", "memory_cli", "unlock", "--all-terminals"]
            found = traced(program, search, line)
        finally:
            program("agent", "stop").ok()
        assert {leak.marker for leak in found} == {f"root of {c}" for c in list(Classification)[:3]}
        assert {leak.place.partition(":")[0] for leak in found} == {"pipe"}


@pytest.mark.parametrize("channel", ["agent's environ", "agent's cmdline"])
def test_a_marker_in_the_agents_processes_is_caught(tmp_path: Path, channel: str) -> None:
    """Positive control: what reaches the environment or the arguments of a process of the agent is seen."""
    marker = str(markers_of("body")["body"])
    run = WatchedAgent(Program(tmp_path))
    line = [sys.executable, "-c", "import sys; sys.stdin.read()", "vault.agent.class_worker"]
    more = {"LEAK": marker} if "environ" in channel else {}
    with subprocess.Popen([*line, *([] if more else [marker])], env=run.program.env | more, stdin=subprocess.PIPE) as child:
        time.sleep(0.1)
        run.look("a command")
        assert any(channel in leak.place for leak in run.leaks(Search({"body": marker})))
        assert child.stdin is not None
        child.stdin.close()


@pytest.mark.parametrize("place", ["runtime/memory", "state/memory", "config/memory", "vault/objects", "tmp", "cache"])
@pytest.mark.parametrize("encoding", ["utf-8", "hex", "base64 1", "utf-16-le"])
def test_a_marker_in_any_place_is_caught(tmp_path: Path, place: str, encoding: str) -> None:
    """Positive control of the search over a home: a file in each directory that the agent could write to."""
    marker = str(markers_of("body")["body"])
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "left.db-wal").write_bytes(os.urandom(64) + disguises(marker)[encoding] + os.urandom(64))
    assert {leak.marker for leak in Search({"body": marker}).below(tmp_path)} == {"body"}


@pytest.mark.model
def test_vectors_do_not_leak_through_the_agent(scene: Scene) -> None:
    """With the model: no vector of a text or of a query lies in any file, as 32 or 16 bit floats, raw or encoded."""
    if not HAS_MODEL:
        pytest.skip("the local model is not installed")
    import numpy as np

    from vault.models.store import ModelStore

    run, markers, began = scene
    texts = {"vector": f"{markers['body']} after the kill", "query vector": f"mending {markers['query']}"}
    found: Markers = {}
    with ModelStore(MODELS).load_embedder() as embedder:
        for name, text in texts.items():
            vector = np.asarray(embedder.embed_one(text), dtype=np.float32)
            found |= {name: vector.tobytes(), f"{name}, half": vector.astype(np.float16).tobytes()}
    search = Search(found)
    control = run.program.root / "work" / "in" / "control"
    control.write_bytes(b"noise" + bytes(found["query vector"]))  # type: ignore[arg-type]
    assert {leak.marker for leak in search.below(control)} == {"query vector"}
    control.unlink()
    assert run.leaks(search) == []
    assert everywhere(search, run.program, began) == []
    assert ids(run)
