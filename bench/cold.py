"""Cold starts of the program as whole processes, and opening a vault of 10,000 sealed files."""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, interleaved, process, progress, timed
from material import MODELS, Place, Writer

from vault.classification import Classification

PEER = "import typer"
PYTHON = sys.executable
MEMORY = str(Path(sys.executable).with_name("memory"))
WORD = "nginx"


def version(*, quick: bool) -> Iterator[Figure]:
    """``memory --version`` against what any program on the same library must pay."""
    with tempfile.TemporaryDirectory(prefix="memory-bench-") as temporary:
        environment = Place(Path(temporary)).environment
        progress("cold start")
        works = {
            PEER: process([PYTHON, "-c", "import typer"], environment),
            "python": process([PYTHON, "-c", "pass"], environment),
            "version": process([MEMORY, "--version"], environment),
            "help": process([MEMORY, "--help"], environment),
        }
        seconds = interleaved(works, 5 if quick else 15)
    peer = seconds[PEER]
    yield Figure("`python -c pass`", seconds["python"] * 1e3, "ms")
    yield Figure("`python -c 'import typer'`", peer * 1e3, "ms")
    yield Figure("cold `memory --version`", seconds["version"] * 1e3, "ms", seconds["version"] / peer, PEER, 1.5)
    yield Figure("cold `memory --help`", seconds["help"] * 1e3, "ms", seconds["help"] / peer, PEER)


def search(*, quick: bool) -> Iterator[Figure]:
    """``memory search`` over sealed files, unlocked by a keyfile; then unlocking and rebuilding the index."""
    size = 1_000 if quick else 10_000
    with tempfile.TemporaryDirectory(prefix="memory-bench-") as temporary:
        place = Place(Path(temporary))
        place.make()
        progress(f"capturing {size:,} entries")
        with place.open() as opened:
            seconds = timed(lambda: [None for _ in opened.capture_many(Writer().items(size))])
        yield Figure(f"capture of {size:,} entries, words only, class given", size / seconds, "/s")
        yield from _searches(place, size, 5 if quick else 15)
        yield from _opening(place, size)


def _searches(place: Place, size: int, runs: int) -> Iterator[Figure]:
    progress("cold searches")
    environment = place.environment
    if MODELS.exists():
        place.install_model()
    works = {
        PEER: process([PYTHON, "-c", "import typer"], environment),
        "keyword": process([MEMORY, "search", "-m", "keyword", WORD], environment),
    }
    if MODELS.exists():
        works["hybrid"] = process([MEMORY, "search", "--quiet", WORD], environment)
    seconds = interleaved(works, runs)
    peer = seconds.pop(PEER)
    for name, each in seconds.items():
        goal = 3.0 if name == "keyword" else None
        yield Figure(f"cold {name} search, {size:,} entries", each * 1e3, "ms", each / peer, PEER, goal)
    # Apart, because a capture changes a directory and the next search has to look at it.
    works = {
        PEER: works[PEER],
        "`memory add -c`": process([MEMORY, "add", "-c", "general", "the boiler man is Kowalski"], environment),
        "keyword search right after an add": works["keyword"],
    }
    seconds = interleaved(works, runs)
    peer = seconds.pop(PEER)
    for name, each in seconds.items():
        yield Figure(f"cold {name}, {size:,} entries", each * 1e3, "ms", each / peer, PEER)
    time.sleep(2.5)  # directories changed within two seconds are always looked at again
    process([MEMORY, "search", "-m", "keyword", WORD], environment)()


def _opening(place: Place, size: int) -> Iterator[Figure]:
    progress("unlocking, and rebuilding the index")
    seconds = interleaved({"unlock": lambda: place.open().close()}, 5)
    yield Figure(f"open and unlock with a keyfile, {size:,} entries", seconds["unlock"] * 1e3, "ms")
    for state in place.state.glob("*/"):
        for classification in Classification:
            for index in state.glob(f"{classification}.db*"):
                index.unlink()
    rebuild = timed(lambda: place.open().close())
    yield Figure(f"reconcile of {size:,} unknown sealed files in five classes", rebuild, "s")
    yield Figure("— a file", rebuild / size * 1e3, "ms")
