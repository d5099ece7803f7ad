"""The program on a real terminal: `memory` alone opens the app, leads to a first vault, keeps no passphrase."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest
from tui_pty import Screen

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))

from program import Program


@pytest.fixture
def memory(tmp_path: Path) -> Program:
    """The program with a new, empty, words-only vault."""
    return Program(tmp_path).init()


def test_alone_without_a_terminal_it_prints_help(memory: Program) -> None:
    """In a pipe `memory` alone prints its help and starts nothing."""
    done = memory()
    assert done.code == 0
    assert "Usage" in done.out
    assert "\x1b" not in done.out


def test_a_typed_passphrase_opens_and_is_not_shown(memory: Program) -> None:
    """Without anything at hand the passphrase is asked for before the app begins, without echo."""
    (memory.root / "pass").write_text("correct horse\n")
    other = Program(memory.root / "second")
    env = {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_FILE": str(memory.root / "pass")}
    other("init", "--single-passphrase", "-y", env=env).ok()
    other("add", "-c", "general", "the word is zebrafish", env=env).ok()
    screen = Screen(Program(other.root, {"MEMORY_KEYFILE": ""}))
    screen.wait("passphrase")
    screen.press("correct horse\r", 0.2)
    screen.wait("zebrafish")
    screen.press("\x0c", 0.6)
    screen.wait("everything is locked")
    screen.end()
    assert b"correct horse" not in screen.seen


def test_a_first_run_leads_to_a_vault(tmp_path: Path) -> None:
    """With no vault the app says what one is; Esc leaves with the command that makes one."""
    program = Program(tmp_path / "home")
    screen = Screen(program)
    screen.wait("There is no vault here yet")
    screen.press("s", 0.2)
    screen.press("\x1b", 0.3)
    screen.wait("memory init")
    screen.child.expect(pexpect.EOF)
    screen.child.close()
    assert screen.child.exitstatus == 3


def test_a_first_run_makes_a_vault_and_lives_in_it(tmp_path: Path) -> None:
    """From the first screen to the first entry, with production's Argon2.

    One passphrase, no model; the terminal asks for it and for the recovery code, the app opens on the new, empty
    vault, and what is captured there is found by the command line with the same passphrase.
    """
    program = Program(tmp_path / "home", {"MEMORY_KEYFILE": ""})
    screen = Screen(program)
    screen.wait("There is no vault here yet")
    screen.press("sm\r", 0.2)
    for prompt in ("new vault passphrase: ", "new vault passphrase, again: "):
        screen.wait(prompt)
        screen.child.send("correct horse\r")
    screen.wait("type the vault code once")
    code = re.search(rb"^vault +([0-9A-Z-]+)\r?$", screen.seen, re.MULTILINE)
    assert code is not None
    screen.child.send(code[1] + b"\r")
    screen.wait("vault made at")
    screen.wait("\nvault passphrase: ")
    screen.child.send("correct horse\r")
    screen.wait("no entries yet: n writes the first")
    screen.press("nthe pump is from 1987", 1.2)
    screen.press("\x13", 0.6)
    screen.wait("back to the text")
    screen.press("1\r", 0.6)
    screen.wait("kept as general")
    screen.wait("1 entry")
    screen.end()
    assert screen.child.exitstatus == 0
    assert b"correct horse" not in screen.seen
    (program.root / "pass").write_text("correct horse\n")
    found = program(
        "search", "pump", env={"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_FILE": str(program.root / "pass")}
    )
    assert "the pump is from 1987" in found.ok().out.replace("**", "")


@pytest.mark.skipif(not Path("/usr/bin/tmux").exists(), reason="tmux is not installed")
def test_a_scripted_run_in_tmux(memory: Program) -> None:
    """In a real terminal multiplexer at 80×24: search, read, write, undo, lock, leave; the screen shows each."""
    for text in ("# Pancakes\n\nflour and milk", "# Tunnels\n\nssh forwards a port"):
        memory.add(text)
    socket = str(memory.root / "tmux.sock")
    env = memory.environment({"COLUMNS": None, "TERM": "screen-256color"})

    def tmux(*args: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", socket, "-f", "/dev/null", *args], env=env, capture_output=True, check=False
        )
        return done.stdout.decode()

    def shows(text: str) -> bool:
        end = time.monotonic() + 15
        while time.monotonic() < end:
            if text in tmux("capture-pane", "-p", "-t", "m"):
                return True
            time.sleep(0.05)
        return False

    tmux(
        "new-session",
        "-d",
        "-s",
        "m",
        "-x",
        "80",
        "-y",
        "24",
        f"{sys.executable} -m memory_cli; echo ended $?; sleep 30",
    )
    try:
        tmux("send-keys", "-t", "m", "/pancak")  # before the first frame: what is typed ahead is not lost
        assert shows("1 hit")
        assert shows("pancak")
        assert shows("flour and milk")
        tmux("send-keys", "-t", "m", "Escape")
        time.sleep(0.15)  # two Escapes at once would be Alt-Escape
        tmux("send-keys", "-t", "m", "Escape")
        assert shows("2 entries")
        tmux("send-keys", "-t", "m", "n")
        assert shows("new entry")
        tmux("send-keys", "-t", "m", "hello from tmux")
        assert shows("hello from tmux")
        tmux("send-keys", "-t", "m", "C-s")
        assert shows("Enter saves")
        tmux("send-keys", "-t", "m", "1", "Enter")
        assert shows("3 entries")
        tmux("send-keys", "-t", "m", "u")
        assert shows("2 entries")
        tmux("send-keys", "-t", "m", "C-l")
        assert shows("everything is locked")
        assert "Pancakes" not in tmux("capture-pane", "-p", "-t", "m")
        tmux("send-keys", "-t", "m", "C-q")
        assert shows("ended 0")
    finally:
        tmux("kill-server")
