"""Capture is warm: the model is loaded once, in the agent, and a command that captures or searches loads nothing."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk, eventually, kill
from program import MODELS, fast_directory, with_model

import vault
from vault.agent import leases, supervisor
from vault.agent.client import connect

HEAVY = ("llama_cpp", "numpy", "vault.models.embedder", "vault.classify.head", "sqlcipher3")


@pytest.fixture(scope="module")
def warm(template: Path) -> Iterator[Desk]:
    """A desk with the real model, and the low classes open."""
    if not MODELS.exists() or importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("the local model is not installed")
    with fast_directory() as place:
        desk = Desk.copied(template, place / "d")
        with with_model(desk).at_work():
            desk.unlock()
            yield desk


def imported(desk: Desk, *args: str, stdin: str = "", key: bool = False) -> tuple[set[str], str]:
    """What a command imported, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "memory_cli", *args],
        env=desk.environment({} if key else {"MEMORY_KEYFILE": None}), input=stdin, capture_output=True, text=True,
        check=True, start_new_session=True,
    )  # fmt: skip
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}, done.stdout


@pytest.mark.model
def test_a_capture_loads_no_model(warm: Desk) -> None:
    """`memory add` classifies, embeds and indexes, and imports neither llama_cpp nor numpy nor the head.

    Positive control: where the agent is not asked, the same command imports them.
    """
    names, out = imported(warm, "add", stdin="the engine of the ferry was mended in the dry dock")
    assert {name for name in HEAVY if name in names} == set()
    assert out
    cold, _ = imported(warm, "--keyfile", str(warm.keyfile), "search", "boat machinery")
    assert "sqlcipher3" in cold
    with_the_model = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "memory_cli", "add"],
        env=warm.environment({"XDG_RUNTIME_DIR": str(warm.root / "nowhere"), "MEMORY_KEYFILE": None}),
        input="another engine was mended", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "llama_cpp" in with_the_model.stderr


@pytest.mark.model
def test_it_was_the_model_that_judged_and_embedded(warm: Desk) -> None:
    """What is captured through the agent is found by its meaning alone, at once, with a class from the head."""
    row = warm.keyless("add", "--json", stdin="my blood pressure was 150 over 95 at the cardiologist").ok().json
    assert row["confidence"] > 0
    assert "no model" not in row["reasoning"]
    hits = warm.keyless("search", "--json", "-m", "semantic", "doctor's visit for the heart").ok().json
    assert hits[0]["id"] == row["id"]
    assert warm.keyless("status", "--json").ok().json["waiting_for_vectors"] == 0 or hits


@pytest.mark.model
def test_the_same_process_serves_all(warm: Desk) -> None:
    """The model worker's pid stays over captures and searches; a lock ends it, because texts went through it."""
    warm.keyless("search", "heron").ok()
    pid = warm.workers()["model"]
    warm.keyless("add", stdin="one more").ok()
    warm.keyless("search", "one more").ok()
    assert warm.workers()["model"] == pid
    warm("lock").ok()
    assert "model" not in warm.workers()
    warm.keyless("add", stdin="captured while locked").ok()
    fresh = warm.workers()["model"]
    warm.unlock()
    assert "captured while locked" in warm.keyless("search", "captured").ok().out
    assert warm.workers()["model"] == fresh != pid


@pytest.mark.model
def test_the_class_is_that_of_the_model_in_this_process(warm: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts through the agent equal those in process with the same classes open: label, stage, tags, emotion."""
    for name, value in warm.env.items():
        if name.startswith("XDG_"):
            monkeypatch.setenv(name, value)
    texts = ("my password is hunter2hunter2", "met Anna at nine", "water boils at 100 degrees", "my salary is 3,200 euros")
    state = warm.root / "state" / "memory"
    with vault.connect(warm.vault, state, models=MODELS) as far, vault.open(warm.vault, state=state, models=MODELS) as near:
        near.unlock([warm.secret], far.open_classes)
        for text in texts:
            one, other = far.classify(text), near.classify(text)
            assert (one.label, one.level, one.stage, one.tags, one.emotion) == (
                other.label, other.level, other.stage, other.tags, other.emotion,
            )  # fmt: skip
            assert one.confidence == pytest.approx(other.confidence, abs=0.02)


@pytest.mark.model
def test_a_model_worker_that_died_is_replaced(warm: Desk) -> None:
    """After kill -9 of it the next capture is kept all the same, and a new one takes its place."""
    warm.keyless("search", "heron").ok()
    first = warm.workers()["model"]
    kill(first)
    assert eventually(lambda: first not in dict(warm.living()))
    assert warm.keyless("add", "-c", "general", stdin="kept all the same").ok()
    assert warm.keyless("search", "kept").ok().out
    assert warm.workers()["model"] != first


def test_an_unused_model_is_let_go(within: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes without a text, and its memory is given back; classes stay open."""
    assert supervisor.IDLE_EXIT == 600
    within.connect().close()
    within.unlock("general")
    with within.connect() as v:
        v.search("heron")
    agent = connect()
    assert agent is not None
    with agent:
        left = {row["name"]: row["seconds"] for row in agent.status()}
    assert left["model"] <= 600 < left["general"]
    lease = leases.Lease.begun(leases.Terms(leases.FOREVER, supervisor.IDLE_EXIT))
    now = leases.now()
    monkeypatch.setattr(leases, "now", lambda: now + 601)
    assert lease.is_over()
