"""Every byte the program writes anywhere but to stdout and stderr, as the kernel saw it: also what is deleted again."""

import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from leaks import Leak, Search
from program import Program, fast_directory
from test_canaries import markers_of

CALL = re.compile(r"(?:write|pwrite64|writev|pwritev2?|sendto|sendmsg)\((\d+)<([^>]*)>(?:\(deleted\))?, (.*)")


def traced(program: Program, search: Search, command: list[str | Path], stdin: str = "") -> list[Leak]:
    """Run *command* under strace: what it, or a child, wrote to any file or socket but the two outputs."""
    log = program.root / "trace"
    done = subprocess.run(
        ["strace", "-f", "-qq", "-y", "-xx", "-s", "2000000", "-o", log, "-e", "trace=write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg", *command],
        env=program.env, input=stdin, text=True, capture_output=True, cwd=program.root / "work", check=False,
        start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    leaks = []
    for line in log.read_text().splitlines():
        call = CALL.search(line)
        if call and int(call[1]) > 2:
            path = bytes.fromhex(call[2].replace("\\x", "")).decode(errors="replace") if "\\x" in call[2] else call[2]
            data = bytes.fromhex("".join(re.findall(r'"((?:\\x[0-9a-f]{2})*)"', call[3])).replace("\\x", ""))
            leaks += search.in_bytes(path, data)
    log.unlink()
    return leaks


@pytest.fixture
def program() -> Iterator[Program]:
    """A vault of its own, on a machine where system calls can be traced."""
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "-qq", "-o", "/dev/null", "true"], check=False).returncode:
        pytest.skip("needs strace and the right to trace")
    with fast_directory() as place:
        yield Program(place)


def test_nothing_readable_is_ever_written(program: Program) -> None:
    """Capture, edit, search, list, import, rebuild: no marker in any write, temp files and journals included."""
    markers = markers_of("body title tag query edited imported") | {"keyfile": secrets.token_hex(32)}
    program.keyfile.write_text(str(markers["keyfile"]))
    search = Search(markers)
    memory = [sys.executable, "-m", "memory_cli"]
    notes = program.root / "work" / "notes"
    notes.mkdir()
    (notes / "a.md").write_text(f"---\ntags: [{markers['tag']}]\n---\n{markers['imported']}\n")
    found = traced(program, search, [*memory, "init", "--keyfile", program.keyfile, "-y"])
    body = f"# {markers['title']}\n\n{markers['body']}\n" * 50
    found += traced(program, search, [*memory, "add", "-c", "secret", "-t", str(markers["tag"])], body)
    entry = program("list", "-0").ok().out.strip("\0")
    for args, stdin in (
        (("edit", entry, "--stdin"), str(markers["edited"])),
        (("search", str(markers["query"]), "OR", str(markers["body"])), ""),
        (("import", notes), ""),
        (("doctor", "--rebuild"), ""),
    ):
        found += traced(program, search, [*memory, *args], stdin)
    assert found == []


def test_a_file_that_lived_for_a_moment_is_caught(program: Program) -> None:
    """Positive control: a marker in a temp file that is gone before anybody can look."""
    marker = str(markers_of("body")["body"])
    code = "import sys, tempfile\nwith tempfile.TemporaryFile() as f:\n f.write(sys.stdin.buffer.read())"
    assert traced(program, Search({"body": marker}), [sys.executable, "-c", code], f"some {marker} text")
    assert not traced(program, Search({"body": marker}), [sys.executable, "-c", "print(input())"], f"{marker}\n")
