"""The short ways of plain commands answer as the program does, only sooner."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from program import MODELS, Done, Program, with_model

NOT_THE_SAME = {"id", "created"}


def imported(program: Program, *args: str, stdin: str = "") -> set[str]:
    """What a command that succeeded imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "memory_cli", *args],
        env=program.environment({"MEMORY_KEYFILE": None}), input=stdin, capture_output=True, text=True, check=True,
        start_new_session=True,
    )  # fmt: skip
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}


def by_the_program(desk: Desk, *args: str, **more: Any) -> Done:
    """The same command where an option before it leaves it to the program."""
    return desk("--vault", desk.vault, *args, **more)


def comparable(done: Done) -> tuple[int, Any, str]:
    """Exit code, output and notes, less what differs from one entry to the next."""
    if done.raw[:1] == b"{":
        return done.code, {k: v for k, v in done.json.items() if k not in NOT_THE_SAME}, done.err
    return done.code, done.out[9:], done.err


ADDS = (
    ((), "a heron in the reeds"),
    (("--json",), "a heron in the reeds"),
    (("-q",), "a heron in the reeds"),
    (("-c", "secret", "--json"), "the door opens with 4711"),
    (("--class", "conf", "-t", "birds", "--tag", "Ponds", "--title", "Seen", "--source", "walk", "--json"), "a heron"),
    (("heron", "at", "the", "pond", "--json"), ""),
    (("yesterday at 9am: saw a heron", "--json", "-t", "birds"), ""),
    (("my PIN is 4711", "-c", "secret"), ""),
    (("-c", "nonsense"), "a heron"),
    (("-c",), "a heron"),
    (("-t", "-x"), "a heron"),
    (("-t", ""), "a heron"),
    (("--title",), "a heron"),
    (("--nonsense",), "a heron"),
    (("--tag=birds", "--json"), "a heron"),
    (("-n", "1"), "a heron"),
    (("--", "-q"), ""),
    ((), ""),
    ((), "   \n"),
    (("",), ""),
    (("--source", "x" * 5000), "a heron"),
)


@pytest.mark.parametrize(("args", "text"), ADDS, ids=[" ".join(args)[:30] or repr(text) for args, text in ADDS])
@pytest.mark.parametrize("agent", [True, False], ids=["agent", "alone"])
def test_a_short_add_is_an_add(desk: Desk, args: tuple[str, ...], text: str, *, agent: bool) -> None:
    """Whatever is given to `add`: what is said, what comes out and the exit code are the program's."""
    if agent:
        desk.unlock()
    short = desk.keyless("add", *args, stdin=text)
    assert comparable(short) == comparable(by_the_program(desk, "add", *args, stdin=text, env={"MEMORY_KEYFILE": None}))


@pytest.mark.parametrize("agent", [True, False], ids=["agent", "alone"])
def test_bytes_that_are_no_text_and_texts_that_are_too_long(desk: Desk, *, agent: bool) -> None:
    """A pipe with anything else in it is refused as the program refuses it."""
    if agent:
        desk.unlock()
    for data in (b"\xff\xfe\x00", b"x" * (1024 * 1024 + 1)):
        short = desk.keyless("add", stdin=data)
        assert comparable(short) == comparable(by_the_program(desk, "add", stdin=data, env={"MEMORY_KEYFILE": None}))
        assert short.code == 2


SEARCHES = (
    ("heron",), ("heron", "--json"), ("heron", "-n", "1"), ("-q", "heron"), ("heron", "-n", "0"), ("heron", "-n", "1e3"),
    ("nothing-like-it",), ("heron", "-grey"), ("tag:birds",), ("class:general", "heron"), ("after:nonsense", "heron"),
    ('"grey heron"',), ("(",), ("",), ("heron", "--explain"), ("heron", "-m", "keyword"), ("heron", "--limit"),
)  # fmt: skip


@pytest.mark.parametrize("args", SEARCHES, ids=" ".join)
def test_a_short_search_is_a_search(desk: Desk, args: tuple[str, ...]) -> None:
    """Hits, notes, errors and exit code of a search through the agent are the program's."""
    desk.unlock()
    for verb in ("search", "find"):
        short, long = desk.keyless(verb, *args), by_the_program(desk, verb, *args, env={"MEMORY_KEYFILE": None})
        assert (short.code, short.raw) == (long.code, long.raw)
        assert sorted(short.err.splitlines()) == sorted(long.err.splitlines())


def test_the_short_ways_are_taken(desk: Desk) -> None:
    """Plain commands load no parser; positive control: with an option that is not plain, they do."""
    desk.unlock()
    assert "typer" not in imported(desk, "search", "heron")
    assert "typer" not in imported(desk, "add", "-t", "birds", "a heron")
    assert "typer" not in imported(desk, "add", stdin="a heron")
    assert "typer" in imported(desk, "search", "heron", "--explain")
    assert "typer" in imported(desk, "add", "--created", "2026-01-01", "a heron")


def test_a_full_disk_under_the_answer_is_said(desk: Desk) -> None:
    """Where the answer could not be written, the exit code and one line say so, on the short ways and on the long."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    desk.unlock()
    for args in (("add", "a heron"), ("search", "heron"), ("list",), ("--version",), ("status",)):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "memory_cli", *args],
                env=desk.environment({"MEMORY_KEYFILE": None}), stdin=subprocess.DEVNULL, stdout=full,
                stderr=subprocess.PIPE, check=False, start_new_session=True,
            )  # fmt: skip
        assert done.returncode == 19
        assert done.stderr.count(b"no space left") == 1
        assert b"no space left" in done.stderr.splitlines()[-1]


@pytest.mark.skipif(not MODELS.exists() or importlib.util.find_spec("llama_cpp") is None, reason="no local model")
def test_with_the_model_they_are_the_same_too(desk: Desk) -> None:
    """Verdict, confidence, reasoning, tags and vectors come from the same place."""
    memory = with_model(desk)
    memory("unlock", "--all-terminals").ok()
    for args in (("add", "--json"), ("add", "-c", "general")):
        text = "the engine of the ferry was mended in the dry dock"
        assert comparable(desk.keyless(*args, stdin=text)) == comparable(
            by_the_program(desk, *args, stdin=text, env={"MEMORY_KEYFILE": None})
        )
    args = ("search", "boat machinery", "--json")
    assert desk.keyless(*args).raw == by_the_program(desk, *args, env={"MEMORY_KEYFILE": None}).raw


def test_closed_streams_are_no_reason_to_fail(desk: Desk) -> None:
    """Started without stdout or stderr, or with a stderr that takes nothing, a command does its work and ends with 0."""
    desk.unlock()
    for redirection in (">&-", "2>&-", "</dev/null >&- 2>&-", "2>/dev/full"):
        for command in ("add a heron", "--vault {vault} add a heron", "list"):
            line = f"{sys.executable} -m memory_cli {command.format(vault=desk.vault)} {redirection}"
            done = subprocess.run(
                ["bash", "-c", line], env=desk.environment({"MEMORY_KEYFILE": None}), stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False, start_new_session=True,
            )  # fmt: skip
            assert (done.returncode, "Traceback" in done.stderr) == (0, False), (line, done.stderr)
