"""Many processes at one vault through the command line (T8)."""

import subprocess
import sys
from collections.abc import Iterator

from program import Program

WRITERS, EACH = 8, 5


def outcomes(program: Program, writers: int, each: int) -> Iterator[tuple[int, str]]:
    """Start *writers* shells that each add *each* entries one after the other: (exit code, stderr) of each shell."""
    line = f'for i in $(seq {each}); do echo "writer $0 entry $i" | "{sys.executable}" -m memory_cli add -q -c general || exit; done'
    shells = [
        subprocess.Popen(
            ["bash", "-c", line, str(w)], env=program.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for w in range(writers)
    ]
    for shell in shells:
        _, err = shell.communicate(timeout=120)
        yield shell.returncode, err


def test_concurrent_writers(memory: Program) -> None:
    """8 writers at once: every acknowledged entry is there once, and nobody is told of locks or busy databases."""
    assert list(outcomes(memory, WRITERS, EACH)) == [(0, "")] * WRITERS
    texts = sorted(row["title"] for row in memory("list", "--json", "-n", "1000").ok().json)
    assert texts == sorted(f"writer {w} entry {i}" for w in range(WRITERS) for i in range(1, EACH + 1))
    assert len(list(memory.vault.glob("objects/*/*.age"))) == WRITERS * EACH
    assert [f for f in memory("doctor", "--json").ok().json if f["subject"] != "model"] == []


def test_readers_and_writers_together(memory: Program) -> None:
    """Reading, changing and importing while others write: no error, nothing lost."""
    entry = memory.add("the first")
    source = memory.root / "work" / "many.jsonl"
    source.write_text("".join(f'{{"text": "imported {i}"}}\n' for i in range(100)))
    commands = [
        *[("search", "-q", "first")] * 3, ("import", "-q", str(source), "-c", "general"), ("tag", "-q", entry, "+a"),
        ("add", "-q", "-c", "confidential", "at the same time"), ("doctor", "-q"),
    ]  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "memory_cli", *args],
            env=memory.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        for args in commands
    ]
    ended = [(p.communicate(timeout=120)[1], p.returncode) for p in running]
    assert ended == [("", 0)] * len(commands)
    assert len(memory("list", "--json", "-n", "1000").ok().json) == 102
