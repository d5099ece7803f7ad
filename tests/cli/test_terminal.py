"""At a terminal: what is asked, what is echoed, what Ctrl-C does, and where the editor's text lies."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from program import Program, finish

LOCKED: dict[str, str | None] = {"MEMORY_KEYFILE": None}


def script(program: Program, body: str) -> str:
    """An executable editor: *body* runs with ``$1`` as the buffer."""
    path = program.root / "editor"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_capture_while_locked_asks_for_nothing_and_is_indexed_later(memory: Program) -> None:
    """No secret at all, on pipes and on a pty: no question, exit 0, invisible while locked, found after."""
    piped = memory("add", "--json", "-c", "general", stdin="by a pipe", env=LOCKED).ok()
    code, seen = memory.seen_on_terminal("add", "-c", "secret", "by an argument", env=LOCKED)
    assert code == 0, seen
    assert b"passphrase:" not in seen
    assert b"locked" in seen
    assert "locked" in piped.err
    found = memory("search", "--json", "-m", "keyword", "pipe", "OR", "argument").ok().json
    assert {row["classification"] for row in found} == {"general", "secret"}
    assert piped.json["id"] in {row["id"] for row in found}


@pytest.mark.parametrize(
    "changes",
    [
        {"MEMORY_KEYFILE": "/etc/passwd"},
        {"MEMORY_KEYFILE": "/not/plugged/in"},
        {"MEMORY_KEYFILE": "/dev/null"},
        {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_FILE": "/nowhere/at/all"},
        {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_COMMAND": "false"},
    ],
)
def test_a_wrong_or_missing_secret_does_not_stop_a_capture(shared: Program, changes: dict[str, str | None]) -> None:
    """`add` needs no key: a wrong keyfile, a stick that is not plugged in, a failing command cost a warning."""
    done = shared("add", "--json", "text", env=changes)
    assert done.code == 0, done.err
    assert "going on locked" in done.err
    assert shared("show", done.json["id"]).ok()


def test_init_asks_three_passphrases_and_the_code_back(bare: Program) -> None:
    """The life of passphrases on a pty with production's Argon2.

    Asked twice each, never echoed; the code typed back; then a wrong one is 12, the right one opens its classes and not the others, Ctrl-C is 130.
    """
    child = bare.on_terminal("init", env=LOCKED)
    typed = {"vault": "alpha one", "secret": "beta two", "ultrasecret": "gamma three"}
    everything = b""
    for group, passphrase in typed.items():
        for more in ("", ", again"):
            child.expect_exact(f"new {group} passphrase{more}: ")
            everything += child.before
            child.sendline(passphrase)
    child.expect_exact("keyfile as second factor for ultrasecret (path, fido2, or nothing to skip): ")
    child.sendline("")
    child.expect(r"type the vault code once[^:]*: ")
    everything += child.before
    codes = dict(re.findall(r"^(vault|secret|ultrasecret) +([0-9A-Z-]+)\r?$", child.before.decode(), re.MULTILINE))
    assert set(codes) == set(typed)
    child.sendline("not the code")
    child.expect(r"type the vault code once[^:]*: ")
    child.sendline(codes["vault"].lower())
    code, rest = finish(child)
    everything += rest
    assert code == 0, rest
    assert b"vault made at" in rest
    assert not [p for p in typed.values() if p.encode() in everything]

    ask = bare.on_terminal("add", "-c", "secret", "kept", env=LOCKED)
    assert finish(ask)[0] == 0

    child = bare.on_terminal("list", env=LOCKED)
    child.expect_exact("vault passphrase: ")
    child.sendline("wrong")
    code, seen = finish(child)
    assert code == 12
    assert b"wrong" not in seen.splitlines()[0]

    child = bare.on_terminal("list", env=LOCKED)
    child.expect_exact("vault passphrase: ")
    child.sendline(typed["vault"])
    code, seen = finish(child)
    assert (code, seen.strip()) == (0, b""), "a locked class leaves no trace"

    child = bare.on_terminal("list", "-c", "secret", env=LOCKED)
    child.expect_exact("secret passphrase: ")
    child.sendline(typed["secret"])
    code, seen = finish(child)
    assert code == 0, seen
    assert b"kept" in seen

    files = [bare.root / f"{group} passphrase" for group in typed]
    for file, passphrase in zip(files, typed.values(), strict=True):
        file.write_text(passphrase + "\n")
    done = bare("list", "--json", env={**LOCKED, "MEMORY_PASSPHRASE_FILE": ":".join(map(str, files[:2]))}).ok()
    assert [row["classification"] for row in done.json] == ["secret"]
    named = bare("show", done.json[0]["id"], env={**LOCKED, "MEMORY_PASSPHRASE_FILE": str(files[0])})
    assert named.code == 14
    assert "secret" in named.err
    assert bare("list", "-c", "secret", env={**LOCKED, "MEMORY_PASSPHRASE_FILE": str(files[0])}).code == 17


def test_an_echo_would_be_noticed(memory: Program) -> None:
    """Positive control: where the terminal echoes (a confirmation), the bytes typed do come back."""
    entry = memory.add("kept")
    child = memory.on_terminal("rm", "--purge", entry)
    child.expect_exact("[y/N] ")
    child.sendline("nope-marker")
    assert b"nope-marker" in finish(child)[1]


@pytest.mark.parametrize("key", ["c", "d"])
def test_leaving_at_the_prompt(shared: Program, key: str) -> None:
    """Ctrl-C is 130, Ctrl-D is 3 (nothing was typed); echo is on again afterwards and no traceback is shown."""
    shell = f"{sys.executable} -m memory_cli list; echo code=$?; stty -a | grep -o '[-]*echo ' "
    child = pexpect.spawn("bash", ["-c", shell], env=shared.environment(LOCKED), timeout=20)
    child.expect_exact("vault passphrase: ")
    child.sendcontrol(key)
    code, seen = finish(child)
    assert code == 0
    assert f"code={130 if key == 'c' else 3}".encode() in seen, seen
    assert b"Traceback" not in seen
    assert re.search(rb"(?<!-)echo ", seen), seen


def test_a_question_without_a_terminal_is_refused(memory: Program) -> None:
    """Nobody to ask: 2 and "add -y", never a hang, nothing deleted."""
    entry = memory.add("kept")
    done = memory("rm", "--purge", entry)
    assert done.code == 2
    assert "-y" in done.err
    memory("rm", "--purge", "-y", entry).ok()
    assert memory("show", entry).code == 14


def test_the_editor(memory: Program) -> None:
    """`memory add` at a terminal opens the editor on a private file in memory, and removes it once saved."""
    log = memory.root / "log"
    editor = script(memory, f'echo "$1" > {log}; stat -c "%a %F" "$1" "$(dirname "$1")" >> {log}; echo "from vi" > "$1"')
    code, seen = memory.seen_on_terminal("add", env={"EDITOR": editor})
    assert code == 0, seen
    path, file, directory = log.read_text().splitlines()
    assert (file, directory) == ("600 regular empty file", "700 directory")
    assert memory_backed(Path(path).parent.parent)
    assert not Path(path).parent.exists()
    (entry,) = memory("list", "--json").ok().json
    assert (entry["title"], entry["source"]) == ("from vi", "editor")

    editor = script(memory, 'grep -q "from vi" "$1" && printf "changed\\n" > "$1"; touch "$(dirname "$1")/.swp" "$1~"')
    code, seen = memory.seen_on_terminal("edit", entry["id"], env={"EDITOR": editor})
    assert code == 0, seen
    assert memory("show", entry["id"], "--format", "md").ok().out == "changed\n"
    assert leftovers(memory) == []


def test_no_vault_is_said_before_the_editor_opens(bare: Program) -> None:
    """Nobody writes a text that has nowhere to go."""
    code, seen = bare.seen_on_terminal("add", env={"EDITOR": script(bare, f"touch {bare.root}/opened")})
    assert code == 10, seen
    assert not (bare.root / "opened").exists()


def test_an_empty_or_unchanged_text_aborts(memory: Program) -> None:
    """Leaving the editor without a text, or without a change, is 3 and keeps nothing."""
    code, seen = memory.seen_on_terminal("add", env={"EDITOR": "true"})
    assert code == 3, seen
    entry = memory.add("as it was")
    code, seen = memory.seen_on_terminal("edit", entry, env={"EDITOR": "true"})
    assert code == 3, seen
    assert len(memory("history", "--json", entry).ok().json) == 1
    assert leftovers(memory) == []


@pytest.mark.parametrize("cause", ["editor fails", "not text", "cannot store"])
def test_a_text_that_cannot_be_saved_is_kept_and_its_place_is_said(memory: Program, cause: str) -> None:
    """An editor that fails, bytes that are not UTF-8, a vault that cannot be written: the text survives."""
    body = 'printf "a long evening of work" > "$1"'
    more = {"editor fails": "; exit 1", "not text": '; printf "\\377" >> "$1"', "cannot store": ""}[cause]
    if cause == "cannot store":
        (memory.vault / "objects").rmdir()
        (memory.vault / "objects").write_text("in the way")
    code, seen = memory.seen_on_terminal("add", env={"EDITOR": script(memory, body + more)})
    assert code == (19 if cause == "cannot store" else 2), seen
    (kept,) = leftovers(memory)
    assert kept.read_bytes().startswith(b"a long evening of work")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    said = seen.decode().replace("\r", "").replace("\n", "")
    assert str(kept) in said, seen
    kept.unlink()
    kept.parent.rmdir()


def test_secret_text_in_an_argument_is_warned_about(memory: Program) -> None:
    """A credential on the command line ends up in the shell's history: the verdict says so; a pipe does not."""
    text = "deploy key: ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    assert "history" in memory("add", text).ok().err
    assert "history" not in memory("add", stdin=text).ok().err
    assert "history" not in memory("add", "buy bread").ok().err


def test_colour_only_on_a_terminal_that_wants_it(memory: Program) -> None:
    """Styling on a pty; none on a pipe, with NO_COLOR or on a dumb terminal."""
    memory.add("plain text")
    assert b"\x1b[1m" in memory.seen_on_terminal("list")[1]
    assert b"\x1b" not in memory("list").ok().raw
    assert b"\x1b" not in memory.seen_on_terminal("list", env={"NO_COLOR": "1"})[1]
    assert b"\x1b" not in memory.seen_on_terminal("list", env={"TERM": "dumb"})[1]


def memory_backed(path: Path) -> bool:
    """Whether *path* lies on a file system in memory."""
    done = subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True, check=True)
    return done.stdout.strip() in {"tmpfs", "ramfs"}


def leftovers(program: Program) -> list[Path]:
    """Editor buffers that are still there."""
    places = [program.root / "runtime", program.root / "tmp", Path("/dev/shm")]
    return [p for place in places if os.access(place, os.R_OK) for p in place.glob("memory-*/entry.md")]
