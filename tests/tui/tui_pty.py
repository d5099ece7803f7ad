"""The program on a pseudo-terminal, every byte of it kept, and what among these bytes only Textual may send."""

import re
import sys
import time
from collections import Counter
from pathlib import Path

import pexpect

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))

from program import Program
from test_hostile_notes import harmless

_COLOUR = r"[34]8;2;\d+;\d+;\d+|39|49|39;49"
DRAWING = re.compile(
    rf"\x1b\[(?:0?|[1234579]|{_COLOUR})(?:;(?:[1234579]|{_COLOUR}))*m"  # the theme's colours and weights
    r"|\x1b\[\d+;\d+H"  # where to draw
    r"|\x1b\[\?25[hl]|\x1b\[\?2026[hl]"  # the cursor, a frame's beginning and end
    r"|\x1b\]22;(?:default|pointer|text)\x07"  # the shape of the mouse pointer
    r"|\r\n"
)
"""What Textual draws with."""
AROUND = re.compile(
    r"\x1b\[\?(?:7|1000|1003|1004|1006|1015|1049|2004|2048)[hl]|\x1b\[\?20(?:26|48)\$p|\x1b\[>\d+u|\x1b\[<u"
)
"""What it sends where it begins, ends and steps aside, and never in between."""
TIMES = 8
"""How often each of these is seen at most; whatever an entry does, it does more often in a test."""
SILENT = 3
"""Twentieths of a second without output after which a screen is taken to be drawn."""


def offences(seen: bytes) -> list[str]:
    """What came to the terminal and should not have."""
    text = DRAWING.sub("", seen.decode("utf-8", "surrogateescape"))
    around = Counter(AROUND.findall(text))
    text = AROUND.sub("", text)
    found = [f"{sequence!r} {times} times" for sequence, times in around.items() if times > TIMES]
    return found + [repr(text[max(0, i - 20) : i + 20]) for i, ch in enumerate(text) if not harmless(ch)]


class Screen:
    """The program on a pty."""

    def __init__(self, program: Program, *command: str, size: tuple[int, int] = (40, 140)) -> None:
        """Start it, or *command* in its place."""
        self.seen = b""
        self.child = pexpect.spawn(
            command[0] if command else sys.executable,
            list(command[1:]) or ["-m", "memory_cli"],
            env=program.environment({"COLUMNS": None, "COLORTERM": "truecolor", "BROWSER": "true"}),
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

    def press(self, keys: str, rest: float = 0.35) -> bytes:
        """Type *keys*; gives what comes till nothing more has come for a while, at most *rest* seconds."""
        before = len(self.seen)
        self.child.send(keys.encode("utf-8", "surrogateescape"))
        end = time.monotonic() + rest
        silent = 0
        while time.monotonic() < end and (silent < SILENT or rest > 1):
            try:
                self.seen += self.child.read_nonblocking(65536, timeout=0.05)
                silent = 0
            except pexpect.TIMEOUT:
                silent += 1
            except pexpect.EOF:
                break
        return self.seen[before:]

    def paste(self, text: str, rest: float = 0.35) -> bytes:
        """Paste *text*, as terminals do."""
        return self.press(f"\x1b[200~{text}\x1b[201~", rest)

    def click(self, x: int, y: int, rest: float = 0.2) -> bytes:
        """Click on a cell, counted from 1."""
        return self.press(f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m", rest)

    def end(self) -> None:
        """Leave, and read the rest."""
        self.press("\x11", 10.0)
        self.child.close()
