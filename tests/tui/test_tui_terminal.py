"""The program on a real terminal: `memory` alone opens the app, hostile notes act nowhere, passphrases are not kept."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))

from program import Program, fast_directory
from test_hostile_notes import ATTACKS, harmless, hostile

import vault

OURS = re.compile(
    r"\x1b\[[0-9;:]*m"  # colours and weights
    r"|\x1b\[\d+(?:;\d+)*[HABCDGdJKX]|\x1b\[[HJK]"  # where to draw
    r"|\x1b\[\?(?:25|47|1000|1002|1003|7|1004|1006|1015|1016|1049|2004|2026|2048)[hl]"  # cursor, mouse, paste, focus
    r"|\x1b\[\?2026\$p|\x1b\[\?2048\$p|\x1b\[>[0-9;]*u|\x1b\[<u|\x1b\[=?[0-9;]*u|\x1b\[c"  # what the terminal can do
    r"|\x1b\]22;(?:default|pointer|text)\x07"  # the shape of the mouse pointer
    r"|\x1b\[>4;[0-2]m|\x1b7|\x1b8|\x1b\[[0-9]* q|\x0f|\r"
)
"""Every sequence that Textual itself sends; nothing in it comes from a note."""


def offences(seen: bytes) -> list[str]:
    """What came to the terminal and should not have."""
    text = OURS.sub("", seen.decode("utf-8", "surrogateescape"))
    return [repr(text[max(0, i - 20) : i + 20]) for i, ch in enumerate(text) if not harmless(ch)]


@pytest.mark.parametrize("attack", [a for a in ATTACKS if not a.isprintable() and not OURS.sub("", a).isprintable()])
def test_the_reading_of_the_terminal_notices(attack: str) -> None:
    """Positive control: attacks printed raw are offences; what Textual sends to begin and end is none."""
    assert offences(attack.encode("utf-8", "surrogateescape"))
    assert not offences(b"\x1b[?1049h\x1b[?25l\x1b[1;38;2;1;2;3mx\x1b[0m\x1b[12;1H\x1b[?2026l\x1b[?1049l")


@pytest.fixture(scope="module")
def poisoned() -> Iterator[Program]:
    """A vault full of hostile notes."""
    with fast_directory() as place, pytest.MonkeyPatch.context() as monkeypatch:
        program = Program(place).init()
        with vault.open(
            program.vault, state=place / "state" / "memory", models=place / "none", keyfile=program.keyfile
        ) as v:
            ids = hostile(v, monkeypatch)
            v.edit(ids[0], v.get(ids[0]).text + "\nmore")
            v.delete(ids[1])
        yield program


@pytest.fixture
def memory(tmp_path: Path) -> Program:
    """The program with a new, empty, words-only vault."""
    return Program(tmp_path).init()


SILENT = 4
"""Twentieths of a second without output after which a screen is taken to be drawn."""


class Screen:
    """The program on a pty, every byte of it kept."""

    def __init__(self, program: Program, *command: str, size: tuple[int, int] = (40, 140)) -> None:
        """Start it."""
        self.seen = b""
        env = program.environment({"COLUMNS": None, "COLORTERM": "truecolor"})
        self.child = pexpect.spawn(
            command[0] if command else sys.executable,
            list(command[1:]) or ["-m", "memory_cli"],
            env=env,
            cwd=str(program.root / "work"),
            dimensions=size,
            timeout=30,
        )

    def wait(self, text: str) -> None:
        """Until *text* comes, or has come."""
        if text.encode() in self.seen:
            return
        self.child.expect_exact(text)
        self.seen += self.child.before + self.child.after + self.child.buffer
        self.child.buffer = b""

    def press(self, keys: str, rest: float = 0.35) -> None:
        """Type *keys* and read what comes, till nothing more has come for a while, at most *rest* seconds."""
        self.child.send(keys)
        end = time.monotonic() + rest
        silent = 0
        while time.monotonic() < end and (silent < SILENT or rest > 1):
            try:
                self.seen += self.child.read_nonblocking(65536, timeout=0.05)
                silent = 0
            except pexpect.TIMEOUT:
                silent += 1
            except pexpect.EOF:
                return

    def end(self) -> None:
        """Leave, and read the rest."""
        self.press("\x11", 10.0)
        self.child.close()


def test_hostile_notes_act_nowhere(poisoned: Program) -> None:
    """List, preview, near, facets, hits, history and editor send only what is Textual's own, and nothing quits."""
    screen = Screen(poisoned)
    screen.wait("entries")
    for _ in range(len(ATTACKS)):
        screen.press("j", 0.08)
    for keys in ("g", "/needle", "\x1b", "X", "X", "G", "\r", "\r", "\x1b", "\x1b", "h", "j", "\x1b", "e", "x", "\x0c"):
        screen.press(keys)
    screen.press("", 0.3)
    screen.press("U", 0.2)
    screen.end()
    assert screen.child.exitstatus == 0
    assert not offences(screen.seen), offences(screen.seen)[:10]


def test_hostile_notes_on_the_other_screens(poisoned: Program) -> None:
    """Timeline over all classes, charts, review, trash, facets, palette, questions, command line."""
    screen = Screen(poisoned)
    screen.wait("entries")
    for keys in (
        "L", "c", "j", "j", "\t", "j", "\x1b", "S", "\x1b", "R", "j", "\x1b", "D", "j", "D", "t", "\x1b", "m", "\x1b",
        "\x10", "tag", "\x1b", ":ta", "\x1b", "K", "\x1b", "o", "\x1b", "A", "T", "T", "T", "f", "f", "?", "\x1b",
    ):  # fmt: skip
        screen.press(keys, 0.25)
    screen.end()
    assert screen.child.exitstatus == 0
    assert not offences(screen.seen), offences(screen.seen)[:10]


RAW = """
import sys
import tui.gate, tui.line, tui.rendering, tui.widgets.reader
for module in (tui.gate, tui.line, tui.rendering, tui.widgets.reader):
    module.safe_text = lambda text, **_: text.replace("\\n", " ") if _ else text
from memory_cli.entry import main
main()
"""


def test_an_app_that_draws_raw_is_caught(poisoned: Program) -> None:
    """Positive control: with `safe_text` as identity the same keys offend."""
    screen = Screen(poisoned, sys.executable, "-c", RAW)
    screen.wait("entries")
    for _ in range(30):
        screen.press("j", 0.08)
    screen.end()
    assert offences(screen.seen)


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
    screen.child.expect(pexpect.EOF)
    assert b"memory init" in screen.child.before
    screen.child.close()
    assert screen.child.exitstatus == 3


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
        assert shows("1 hits")
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
