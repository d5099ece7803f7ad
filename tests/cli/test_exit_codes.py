"""Exit codes are a promise: one table, every error class in it, and every code met in real life."""

import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from program import Program, finish

from memory_cli.report import EXIT_CODES, OTHER_CODES, exit_code
from vault import errors
from vault.errors import VaultError

PROMISED = {
    "VaultError": 1,
    "InvalidInput": 2,
    "Aborted": 3,
    "NoVault": 10,
    "VaultBusy": 11,
    "WrongPassphrase": 12,
    "Damaged": 13,
    "NewerFormat": 13,
    "NotFound": 14,
    "Conflict": 15,
    "ModelMissing": 16,
    "Locked": 17,
    "Refused": 18,
    "StorageFailed": 19,
}
"""What scripts rely on: never renumbered."""


def every_error() -> list[type[VaultError]]:
    """The error classes of the library, found by looking."""
    return [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, VaultError)]


def test_every_error_class_has_its_promised_code() -> None:
    """Walks the classes: a new one without a row, and a renumbered one, fail here."""
    assert {e.__name__: exit_code(e("x")) for e in every_error()} == PROMISED


def test_codes_are_distinct_and_described() -> None:
    """One cause, one number; 1 and 130 belong to nobody else, and every number says what it means."""
    codes = [code for code, _ in EXIT_CODES.values()]
    assert len(set(codes)) == len(codes)
    assert not set(codes) & set(OTHER_CODES)
    assert all(meaning for _, meaning in [*EXIT_CODES.values(), *OTHER_CODES.items()])


def test_an_error_class_without_a_row_is_noticed() -> None:
    """Positive control of the walk: a subclass of the base alone gives 1, which no row promises."""
    stray = type("Stray", (VaultError,), {})
    assert exit_code(stray("x")) == 1


NOTES = ("no embedder model is installed: words only", "sealed file(s) seen before are gone")
"""What may be said before the error."""


def said_well(err: str) -> bool:
    """One line (after notes), with the program's prefix, in lower case."""
    lines = [line for line in err.strip().splitlines() if not any(note in line for note in NOTES)]
    said = lines[0].removeprefix("memory: ") if len(lines) == 1 else ""
    return said not in {"", *lines} and (said[0] == said[0].lower() or said.startswith("MEMORY_"))


def test_the_reading_of_messages_notices_bad_ones() -> None:
    """Positive control: a traceback, a missing prefix, a capital."""
    assert said_well("memory: no entry zzzz (see: memory list)\n")
    assert not any(map(said_well, ["Traceback\n  x\n", "no entry\n", "memory: No entry\n", ""]))


@pytest.mark.parametrize(
    ("args", "changes", "code"),
    [
        (("list", "-q"), {}, 0),
        (("add", "-q"), {}, 2),
        (("config", "get", "no.such"), {}, 2),
        (("show", "abc"), {}, 2),
        (("list", "--since", "someday"), {}, 2),
        (("add", "-c", "hidden", "text"), {}, 2),
        (("rm", "--purge", "none"), {}, 14),
        (("list",), {"MEMORY_VAULT": "/nowhere/at/all"}, 10),
        (("add", "text"), {"MEMORY_VAULT": "/nowhere/at/all"}, 10),
        (("show", "zzzz"), {}, 14),
        (("list",), {"MEMORY_KEYFILE": "/nowhere/key"}, 14),
        (("init", "-y"), {}, 15),
        (("search", "-m", "semantic", "x"), {}, 16),
        (("list",), {"MEMORY_KEYFILE": None}, 17),
        (("import", "/etc/hostname"), {"MEMORY_KEYFILE": None}, 17),
        (("show", "zzzz"), {"MEMORY_KEYFILE": None}, 17),
        (("list",), {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_FILE": "/nowhere/at/all"}, 14),
        (("list",), {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_COMMAND": "/nowhere/at/all"}, 14),
        (("list",), {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_COMMAND": "false"}, 12),
        (("list", "--passphrase-fd", "99"), {"MEMORY_KEYFILE": None}, 14),
        (("key", "export", "general", "--identity", "/proc/none/x", "-y"), {}, 19),
    ],
)
def test_codes_in_real_life(
    shared: Program, args: tuple[str, ...], changes: dict[str, str | None], code: int
) -> None:
    """Each cause gives its number, one line that names the remedy on stderr, and nothing on stdout."""
    done = shared(*args, env=changes)
    assert (done.code, done.out) == (code, ""), done.err
    assert code == 0 or said_well(done.err), done.err


@pytest.mark.parametrize("args", [("frobnicate",), ("list", "--no-such"), ("show",), ("list", "-n", "0"), ("config",)])
def test_usage_is_2(shared: Program, args: tuple[str, ...]) -> None:
    """What the parser refuses is 2, said on stderr."""
    done = shared(*args)
    assert (done.code, done.out) == (2, ""), done
    assert "Usage: memory" in done.err


def test_a_wrong_keyfile_is_12_and_says_nothing_else(shared: Program) -> None:
    """The message is constant: it tells neither which slots exist nor which class failed."""
    said = set()
    for args, content in ((("list",), b"w" * 32), (("search", "x"), b"x" * 64), (("key", "list"), b"y" * 1000)):
        wrong = shared.root / "wrong"
        wrong.write_bytes(content)
        done = shared(*args, env={"MEMORY_KEYFILE": str(wrong)})
        assert done.code == 12
        assert said_well(done.err)
        said.add(done.err)
    assert len(said) == 1, said


def test_a_damaged_preamble_is_13(memory: Program) -> None:
    """A vault whose first file is torn is refused, naming the file and where to get it back."""
    (memory.vault / "vault.toml").write_text('magic = "memory-')
    done = memory("list")
    assert done.code == 13
    assert said_well(done.err)
    assert "backup" in done.err


BUSY = """
import vault.locks
vault.locks.locked.__wrapped__.__kwdefaults__["wait"] = 0.2
from memory_cli.entry import main
main()
"""


def test_a_held_lock_is_11(memory: Program) -> None:
    """While another process holds a class, a reader waits and then says so (the wait is shortened here)."""
    memory.add("first")
    with (memory.state / "general.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = python(memory, BUSY, "list")
        assert done.returncode == 11, done.stderr
        assert said_well(done.stderr)
    assert python(memory, BUSY, "list").returncode == 0


UNEXPECTED = """
import memory_cli.session
def broken(*_):
    raise RuntimeError("the typed word hunter2")
memory_cli.session.Session.open = memory_cli.session.Session.locked = broken
from memory_cli.entry import main
main()
"""


def test_the_unexpected_is_1_without_a_traceback(memory: Program) -> None:
    """A bug gives one line with its place and 1; never the exception's text, which may hold what was typed."""
    done = python(memory, UNEXPECTED, "list")
    assert done.returncode == 1
    assert said_well(done.stderr)
    assert "RuntimeError" in done.stderr
    assert "hunter2" not in done.stderr


def test_no_is_3(memory: Program) -> None:
    """Answering no changes nothing."""
    entry = memory.add("kept")
    child = memory.on_terminal("rm", "--purge", entry)
    child.expect_exact("[y/N]")
    child.sendline("n")
    assert finish(child)[0] == 3
    memory("show", entry).ok()


def test_an_interrupt_while_reading_a_pipe_is_130(memory: Program) -> None:
    """Ctrl-C while `memory add` waits for its pipe ends at once, with the shell's number, and keeps nothing."""
    with subprocess.Popen(
        [sys.executable, "-m", "memory_cli", "add"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=memory.env, start_new_session=True,
    ) as child:  # fmt: skip
        time.sleep(0.7)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 130, err
    assert b"Traceback" not in err
    assert memory("list").ok().out == ""


def test_an_interrupted_import_goes_on_next_time(memory: Program) -> None:
    """Ctrl-C in the middle is 130; what was acknowledged stays, and the next run takes the rest, nothing twice."""
    count = 3000
    source = memory.root / "work" / "many.jsonl"
    source.write_text("".join(f'{{"text": "note number {i}", "id": "n{i}"}}\n' for i in range(count)))
    with subprocess.Popen(
        [sys.executable, "-m", "memory_cli", "import", "-c", "general", str(source)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=memory.env, start_new_session=True,
    ) as child:  # fmt: skip
        while child.poll() is None and len(list(memory.vault.glob("objects/*/*.age"))) < 200:
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert b"Traceback" not in err
    report = memory("import", "--json", "-c", "general", source).ok().json
    assert 0 < report["added"] < count
    assert report["added"] + report["unchanged"] == count
    assert memory("status", "--json").ok().json["classes"]["general"]["entries"] == count


def test_a_reader_that_goes_away_is_no_error_message(memory: Program) -> None:
    """`memory list | head` ends quietly when head has had enough."""
    source = memory.root / "work" / "many.jsonl"
    source.write_text("".join(f'{{"text": "line {i} {"x" * 200}"}}\n' for i in range(800)))
    memory("import", source, "-c", "general").ok()
    listing = f"{sys.executable} -m memory_cli list -n 10000 --json | head -c 10"
    done = subprocess.run(["bash", "-c", listing], env=memory.env, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def python(program: Program, code: str, *args: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run *code*, which patches something and then calls the program."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env=program.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, start_new_session=True,
        check=False,
    )  # fmt: skip
