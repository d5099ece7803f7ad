"""With the agent: commands as whole processes, what its processes weigh, and how soon a first answer comes."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cold import MEMORY, PEER, PYTHON, WORD
from figures import Figure, interleaved, process, progress
from material import MODELS, SHARES, Place, Writer

import vault
from vault.agent.classes import Keeping
from vault.classification import Classification
from vault.keys import keyslots, stretching

OPEN = (Classification.GENERAL, Classification.CHRONOLOGICAL, Classification.CONFIDENTIAL)
TYPED = "met ana for coffee at ten, then the dentist"
MIB = 1024 * 1024


def measure(*, quick: bool) -> Iterator[Figure]:
    """``memory search`` and ``memory add`` through the agent; its memory; unlocking with a real Argon2."""
    size = 500 if quick else 10_000
    with tempfile.TemporaryDirectory(prefix="mb-") as temporary, _agent(Place(Path(temporary))) as place:
        place.make()
        place.install_model()
        progress(f"capturing {size:,} entries, embedded")
        items = [i for i in Writer().items(round(size / sum(SHARES[c] for c in OPEN))) if i["classification"] in OPEN]
        with place.open(MODELS) as opened:
            for _ in opened.capture_many(items):
                pass
        process([MEMORY, "unlock", "--all-terminals"], place.environment)()
        yield from _commands(place, len(items), 7 if quick else 15)
        yield from _weight(len(items))
    yield from _first_answer(quick=quick)


@contextmanager
def _agent(place: Place) -> Iterator[Place]:
    """*place* with an agent of its own, which ends with it."""
    (place.root / "run").mkdir(mode=0o700)
    before = dict(os.environ)
    os.environ |= place.environment
    try:
        yield place
    finally:
        process([MEMORY, "agent", "stop"], place.environment)()
        os.environ.clear()
        os.environ.update(before)


def _commands(place: Place, size: int, runs: int) -> Iterator[Figure]:
    progress("commands through the agent")
    environment = {k: v for k, v in place.environment.items() if k != "MEMORY_KEYFILE"}
    works = {
        PEER: process([PYTHON, "-c", "import typer"], environment),
        "search": process([MEMORY, "search", WORD], environment),
        "add": process([MEMORY, "add", "-q", TYPED], environment),
        "list": process([MEMORY, "list", "-n", "10"], environment),
    }
    for work in works.values():
        work()
    seconds = interleaved(works, runs)
    peer = seconds.pop(PEER)
    for name, goal in (("search", 1.4), ("add", 2.5), ("list", None)):
        what = {"search": "hybrid", "add": "classified, embedded, durable", "list": ""}[name]
        label = f"`memory {name}` with the agent{', ' + what if what else ''}, {size:,} entries"
        yield Figure(label, seconds[name] * 1e3, "ms", seconds[name] / peer, PEER, goal)


def _weight(size: int) -> Iterator[Figure]:
    """Proportional set size: what would be free if the process were not there, shared pages divided by their users."""
    from vault.agent.client import connect

    agent = connect()
    if agent is None or sys.platform != "linux":
        return
    with agent:
        workers = {row["name"]: int(row["pid"]) for row in agent.status()}
    parent = int(Path(f"/proc/{next(iter(workers.values()))}/stat").read_text().rpartition(")")[2].split()[1])
    sizes = {name: _pss(pid) / MIB for name, pid in {**workers, "supervisor": parent}.items()}
    for name, weight in sizes.items():
        yield Figure(f"agent: {name}", weight, "MiB")
    total = sum(sizes.values())
    label = f"agent with three open classes and {size:,} entries, in all"
    yield Figure(label, total, "MiB", total / 250, "250 MiB", 1.0)


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _first_answer(*, quick: bool) -> Iterator[Figure]:
    """From the passphrase to the first answer, against the Argon2 run that is in it."""
    with tempfile.TemporaryDirectory(prefix="mb-") as temporary, _agent(Place(Path(temporary))) as place:
        progress("unlocking with a passphrase")
        made = vault.create(place.path, b"correct horse", place.state, models=place.root / "none")
        for i in range(200):
            made.capture(f"note {i} on nginx and certificates", "general")
        slot = next(s.slot for s in made.keyring.slots() if s.slot.kdf is not None)
        made.close()
        secret = keyslots.passphrase(b"correct horse")
        rounds = []
        for _ in range(3 if quick else 5):
            start = time.perf_counter()
            keyslots.material(secret, slot.kdf, stretching.Stretched(stretching.KdfLimits()))
            alone = time.perf_counter() - start
            start = time.perf_counter()
            keeping = Keeping(dict.fromkeys(OPEN, (60.0, 0.0)))
            with vault.connect(place.path, place.state, models=place.root / "none", keeping=keeping) as opened:
                opened.unlock([secret], OPEN)
                assert opened.search("nginx", mode="keyword")
            rounds.append((time.perf_counter() - start, alone))
        spent, alone = min(rounds, key=lambda row: row[0] / row[1])
        yield Figure("one Argon2id run with the vault's parameters", alone * 1e3, "ms")
        yield Figure("unlock into the agent → first answer", spent * 1e3, "ms", spent / alone, "Argon2 alone", 1.15)
