"""Marker words in everything a person gives the program, and then a search for them everywhere else (T17).

What they may be found in: the files they came from, the exports asked for, stdout and the terminal.
"""

import os
import secrets
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest
from leaks import Leak, Search, Watched, disguises
from program import MODELS, Program, fast_directory, finish, with_model

import vault
from vault.classification import Classification


def word(kind: str) -> str:
    """A word that is nowhere else; not ASCII, so that URL and JSON escapes show."""
    return f"{kind}ö{secrets.token_hex(6)}zq"


def markers_of(kinds: str) -> dict[str, str | bytes]:
    """A fresh word for each kind."""
    return {kind: word(kind) for kind in kinds.split()}


@pytest.fixture(scope="module")
def scene() -> Iterator[tuple[Watched, dict[str, str | bytes], float]]:
    """The scenario, run once: its watched program, its markers, when it began."""
    began = time.time() - 2
    markers = markers_of("body title tag query source passphrase metadata edited imported editor file")
    with fast_directory() as place:
        program = Program(place)
        (place / "work" / "in").mkdir()
        (place / "work" / "out").mkdir()
        markers["keyfile"] = secrets.token_hex(32)
        program.keyfile.write_text(str(markers["keyfile"]) + "\n")
        watched = Watched(program)
        capture_and_read(watched, markers)
        change(watched, markers)
        carry(watched, markers)
        unlock(watched, markers)
        yield watched, markers | keys_of(program), began


def capture_and_read(run: Watched, m: dict[str, str | bytes]) -> None:
    """Capture by every way in, read by every way out."""
    run("init", "--keyfile", run.program.keyfile, "-y")
    body = f"# {m['title']}\n\nsome {m['body']} text\n\n" + f"{m['body']} again and again. " * 30
    for name in Classification:
        run("add", "-c", name.value, "-t", str(m["tag"]), "--source", str(m["source"]), stdin=body, typed="tag source")
    run("add", "-c", "secret", stdin=body, env={"MEMORY_KEYFILE": None})
    run("add", "--json", stdin=f"{m['body']} decided by the rules: my password is {m['body']}")
    path = run.program.root / "work" / "in" / "note.md"
    path.write_text(f"# a file\n\n{m['file']}\n")
    run("add", "--file", path)
    run("add", stdin=b"\xff" + str(m["body"]).encode(), code=2)
    run("add", "-c", "hidden", stdin=body, code=2)
    for style in ("text", "json", "jsonl", "tsv", "md"):
        run("list", "--format", style)
        run("search", "--format", style, str(m["body"]), str(m["query"]), typed="body query")
    run("search", "--explain", f"tag:{m['tag']}", f'"{m["query"]}"', f"-{m['body']}", typed="tag query body")
    run("search", "-m", "keyword", f"{m['query'][:6]!s}*", f"source:{m['source']}", typed="query source")
    run("search", "-m", "semantic", str(m["query"]), code=16, typed="query")
    run("list", "-t", str(m["tag"]), typed="tag")
    run("tag")


def ids(run: Watched) -> list[str]:
    """Ids of all entries."""
    return run("list", "-0", "-n", "1000").decode().split("\0")[:-1]


def change(run: Watched, m: dict[str, str | bytes]) -> None:
    """Change, move, delete, restore and purge, and write one in an editor at a terminal."""
    _, first, second, third, *_ = ids(run)
    run("show", first, second, third)
    run("show", "--json", first)
    run("edit", first, "--stdin", stdin=f"{m['edited']} {m['body']}")
    run("edit", second, "--title", "plain title")
    run("history", first)
    run("history", "--json", first)
    run("tag", first, "plain", f"-{m['tag']}", typed="tag")
    run("move", second, "-c", "ultrasecret")
    run("rm", third)
    run("trash", "--json")
    run("restore", third)
    run("rm", "--purge", "-y", third)
    run("show", third, code=14)
    editor = run.program.root / "work" / "in" / "editor"
    editor.write_text(f'#!/bin/sh\ncp "$1" "$1.bak"; printf "%s" "{m["editor"]}" > "$1"; printf x > "$(dirname "$1")/.swp"\n')
    editor.chmod(0o755)
    assert run.program.seen_on_terminal("add", env={"EDITOR": str(editor)})[0] == 0


def carry(run: Watched, m: dict[str, str | bytes]) -> None:
    """Import, import again, export, and look after the vault."""
    work = run.program.root / "work"
    notes = work / "in" / "notes"
    notes.mkdir()
    for i in range(5):
        (notes / f"{i}.md").write_text(f"---\ntags: [{m['tag']}]\nextra: {m['metadata']}\n---\n{m['imported']} {i}\n")
    (work / "in" / "chat.jsonl").write_text(f'{{"text": "{m["imported"]}", "metadata": {{"k": "{m["metadata"]}"}}}}\nbad {m["imported"]}\n')
    for args in ((notes, "--dry-run"), (notes,), (notes,), (work / "in" / "chat.jsonl",)):
        run("import", *args)
    run("export", work / "out" / "md", "-y")
    run("export", work / "out" / "all.jsonl", "--format", "jsonl", "-y")
    run("export", work / "out" / "none.jsonl", "--format", "jsonl", "--dry-run")
    run("status")
    run("status", "--json")
    run("doctor")
    run("doctor", "--rebuild")
    run("config", "set", "search.limit", "5")
    run("config", "list")
    run("model", "list")


def unlock(run: Watched, m: dict[str, str | bytes]) -> None:
    """Passphrases by file, command, descriptor and terminal; right and wrong; keys listed, added, exported."""
    work = run.program.root / "work"
    file = work / "in" / "passphrase"
    file.write_text(f"{m['passphrase']}\n")
    wrong = work / "in" / "wrong"
    wrong.write_text(f"{m['query']}\n")
    no_key: dict[str, str | None] = {"MEMORY_KEYFILE": None}
    run("key", "add", "passphrase", "--file", file)
    run("list", env={**no_key, "MEMORY_PASSPHRASE_FILE": str(file)})
    run("list", "--passphrase-file", file, env=no_key)
    run("list", env={**no_key, "MEMORY_PASSPHRASE_COMMAND": f"cat {file}"})
    run("list", env={**no_key, "MEMORY_PASSPHRASE_FILE": str(wrong)}, code=12)
    fd = os.open(file, os.O_RDONLY)
    run("list", "--passphrase-fd", str(fd), env=no_key, pass_fds=(fd,))
    os.close(fd)
    child = run.program.on_terminal("list", env=no_key)
    child.expect_exact("passphrase: ")
    child.sendline(str(m["passphrase"]))
    assert finish(child)[0] == 0
    run("key", "list", "--json")
    run("key", "add", "recovery", "--file", work / "out" / "kit.txt")
    run("key", "export", "secret", "--identity", work / "out" / "secret.txt", "-y")
    m["identity"] = (work / "out" / "secret.txt").read_text().split()[-1]
    m["recovery"] = next(w for w in (work / "out" / "kit.txt").read_text().split() if w.count("-") == 7)


def keys_of(program: Program) -> dict[str, str | bytes]:
    """Roots and subkeys of every class, and the raw bytes of the keyfile's text."""
    found: dict[str, str | bytes] = {}
    state = program.root / "state" / "memory"
    with vault.open(program.vault, state=state, models=program.root / "none", keyfile=program.keyfile) as v:
        for opened in v.opened:
            newest = opened.keys.newest
            name = opened.compartment.classification.value
            for purpose in ("sqlcipher", "header-mac", "age-x25519"):
                found[f"{purpose} key of {name}"] = bytes(newest.subkey(purpose))
    return found


def everywhere(search: Search, program: Program, began: float) -> list[Leak]:
    """Leaks in the home (but inputs and outputs asked for) and in what is new in the machine's temp places."""
    root = program.root
    allowed = [root / "work" / "in", root / "work" / "out", root / "key", root / "data" / "memory" / "models"]
    here = search.below(root, allowed=allowed)
    ours = {*root.parents, root}
    for place in {Path(gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")}:
        new = [p for p in place.iterdir() if p not in ours and changed(p) >= began] if place.is_dir() else []
        here += search.below(*new, since=began)
    return here


def changed(path: Path) -> float:
    """When *path* was changed; 0 where it is gone."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def test_nothing_leaks(scene: tuple[Watched, dict[str, str | bytes], float]) -> None:
    """No marker in vault, databases, WALs, state, configuration, temp places, argv, environment or stderr."""
    watched, markers, began = scene
    assert watched.runs >= 55, watched.runs
    search = Search(markers)
    assert watched.samples
    assert watched.leaks(search) == []
    assert everywhere(search, watched.program, began) == []


def test_no_secret_on_stdout(scene: tuple[Watched, dict[str, str | bytes], float]) -> None:
    """Stdout shows texts, but never a passphrase, a keyfile or a key that was not asked for there."""
    watched, markers, _ = scene
    hidden = {k: v for k, v in markers.items() if k in {"passphrase", "keyfile", "identity", "recovery"} or " key of " in k}
    search = Search(hidden)
    assert [leak for out in watched.outputs for leak in search.in_bytes("stdout", out)] == []


def test_the_texts_did_arrive(scene: tuple[Watched, dict[str, str | bytes], float]) -> None:
    """Positive control of the scenario: the exports it asked for hold every marker that was text."""
    watched, markers, _ = scene
    out = watched.program.root / "work" / "out"
    found = {leak.marker for leak in Search(markers).below(out)}
    assert found >= {"body", "title", "tag", "source", "edited", "imported", "metadata", "editor", "file", "identity"}


@pytest.mark.parametrize("encoding", sorted(disguises("x" * 24)))
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_leaked_file_is_caught(tmp_path: Path, encoding: str, wrapped: bool) -> None:
    """Positive control: a temp file with a marker in any disguise, also compressed, in the middle of noise."""
    marker = word("body")
    data = os.urandom(100) + disguises(marker)[encoding] + os.urandom(100)
    (tmp_path / "tmp0").write_bytes(os.urandom(500) + (zlib.compress(data) if wrapped else data))
    assert {leak.marker for leak in Search({"body": marker}).below(tmp_path)} == {"body"}
    assert Search({"body": word("body")}).below(tmp_path) == []


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_plain_database_is_caught(tmp_path: Path, mode: str) -> None:
    """Positive control: an unencrypted index, even when its rows are only in the write-ahead log."""
    marker = word("body")
    db = sqlite3.connect(tmp_path / "general.db")
    db.execute(f"PRAGMA journal_mode={mode}")
    db.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
    db.execute("INSERT INTO words VALUES (?)", [f"some {marker} text"])
    db.commit()
    assert Search({"body": marker}).below(tmp_path)
    db.close()


def test_secrets_in_argv_environment_and_stderr_are_caught(tmp_path: Path) -> None:
    """Positive control: the sampler sees a secret in argv, in the environment, in a child's argv, on stderr."""
    marker = word("secret")
    search = Search({"secret": marker})
    wait = "import sys, time; time.sleep(0.3)"
    for place, command, env in (
        ("cmdline", [sys.executable, "-c", wait, marker], {}),
        ("environ", [sys.executable, "-c", wait], {"LEAK": marker}),
        ("cmdline", ["sh", "-c", f'm=; "{sys.executable}" -c "{wait}" "$LEAK"; true'], {"LEAK": marker}),
        ("stderr", [sys.executable, "-c", f"import sys; sys.stderr.write({marker!r})"], {}),
    ):
        watched = Watched(Program(tmp_path))
        watched(command=command, env=env)
        assert any(place in leak.place for leak in watched.leaks(search)), place


def test_a_binary_key_is_caught(tmp_path: Path) -> None:
    """Positive control: raw bytes, their hex and their base64."""
    key = secrets.token_bytes(32)
    for i, data in enumerate((key, key.hex().encode(), *disguises(key).values())):
        (tmp_path / str(i)).write_bytes(b"noise" + data + b"noise")
        assert Search({"key": key}).below(tmp_path / str(i)), i


@pytest.mark.model
def test_vectors_do_not_leak() -> None:
    """With the model: neither text nor vector floats (32 and 16 bit) lie anywhere, although search uses them."""
    if not MODELS.exists():
        pytest.skip("the local model is not installed")
    pytest.importorskip("llama_cpp")
    import numpy as np

    from vault.models.store import ModelStore

    began = time.time() - 2
    markers = markers_of("body query")
    with fast_directory() as place:
        run = Watched(with_model(Program(place)))
        (place / "work" / "in").mkdir()
        run("init", "--keyfile", run.program.keyfile, "-y")
        body = f"the {markers['body']} engine of the ferry was mended in the harbour"
        run("add", "-c", "general", stdin=body)
        run("add", stdin=f"{markers['body']} bread and butter")
        run("search", f"ship repair {markers['query']}", typed="query")
        hits = run("search", "-m", "semantic", "-0", "boat machinery").decode()
        assert hits, "the vectors are in use"
        run("edit", hits.split("\0")[0], "--stdin", stdin=body)
        with ModelStore(MODELS).load_embedder() as embedder:
            vectors = {
                name: np.asarray(embedder.embed_one(text), dtype=np.float32)
                for name, text in (("vector", body), ("query vector", "boat machinery"))
            }
        for name, vector in vectors.items():
            markers[name] = vector.tobytes()
            markers[f"{name}, half"] = vector.astype(np.float16).tobytes()
        search = Search(markers)
        (place / "work" / "in" / "control").write_bytes(b"x" + vectors["vector"].tobytes())
        assert {leak.marker for leak in search.below(place / "work" / "in")} == {"vector"}
        assert run.leaks(search) == []
        assert everywhere(search, run.program, began) == []
