"""Capturing: from text to findable, many writers at once, and memory as a vault grows."""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, interleaved, progress, quantile, timed
from material import MODELS, Place

_WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from material import Place
with Place(Path(sys.argv[2])).open() as opened:
    for i in range(int(sys.argv[4])):
        opened.capture(f"writer {sys.argv[3]} note {i} about the harbour", "general")
"""
_GROWER = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from material import Place, Writer
with Place(Path(sys.argv[2])).open() as opened:
    for entry in opened.capture_many(Writer().items(int(sys.argv[3]))):
        pass
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if sys.platform == "linux":  # ru_maxrss counts what the parent held when it forked; VmHWM begins with exec
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
print(peak)
"""


def latency(*, quick: bool) -> Iterator[Figure]:
    """One capture in the library until it returns (durable), and until a search has found it."""
    models = MODELS if MODELS.exists() else None
    runs = 10 if quick else 40
    with tempfile.TemporaryDirectory(prefix="memory-bench-") as temporary:
        place = Place(Path(temporary))
        place.make()
        with place.open(models) as opened:
            progress("capture and find")
            opened.capture("the first one loads the model", "general")
            durable, found = [], []
            for i in range(runs):
                text = f"The plumber comes on Tuesday about zebra{i:04d}x, bring the key of the cellar."
                durable.append(timed(lambda: opened.capture(text)))  # noqa: B023 (called at once)
                hits: list[object] = []
                found.append(timed(lambda: hits.extend(opened.search(f"zebra{i:04d}x"))))  # noqa: B023
                if not hits:
                    progress(f"capture {i} was not found")
        yield from _latencies("with model" if models else "words only", durable, found)
        seconds = interleaved({"unlock": lambda: place.open().close()}, 5)
        yield Figure("open and unlock with a keyfile, small vault", seconds["unlock"] * 1e3, "ms")


def _latencies(how: str, durable: list[float], found: list[float]) -> Iterator[Figure]:
    both = [a + b for a, b in zip(durable, found, strict=True)]
    yield Figure(f"capture → durable, {how}, p50", statistics.median(durable) * 1e3, "ms")
    yield Figure(f"capture → durable, {how}, p95", quantile(durable, 0.95) * 1e3, "ms")
    yield Figure(f"capture → durable → found, {how}, p50", statistics.median(both) * 1e3, "ms")


def writers(*, quick: bool, processes: int = 8, each: int = 25) -> Iterator[Figure]:
    """Processes that capture into one vault at once: nothing lost, nothing twice, nothing shown as locked."""
    each = 5 if quick else each
    with tempfile.TemporaryDirectory(prefix="memory-bench-") as temporary:
        place = Place(Path(temporary))
        place.make()
        progress(f"{processes} writers")
        said: list[str] = []
        seconds = timed(lambda: said.extend(_run_writers(place, processes, each)))
        with place.open() as opened:
            texts = [entry.text for entry in opened.entries(limit=processes * each * 2)]
    wanted = processes * each
    busy = sum("locked" in line or "busy" in line for line in said)
    yield Figure(f"{processes} processes × {each} captures, start of Python included", wanted / seconds, "/s")
    yield Figure("— lost", wanted - len(set(texts)), "", limit=0)
    yield Figure("— twice", len(texts) - len(set(texts)), "", limit=0)
    yield Figure("— “locked” or “busy” shown", busy, "", limit=0)
    yield Figure("— other lines on stderr", len(said) - busy, "", limit=0)


def _run_writers(place: Place, processes: int, each: int) -> list[str]:
    here = str(Path(__file__).parent)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, here, str(place.root), str(number), str(each)],
            env=place.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    return [line for each_one in running for line in each_one.communicate()[1].splitlines()]


def memory(*, quick: bool) -> Iterator[Figure]:
    """Peak resident memory of a process that captures a stream: it must not grow with the stream."""
    sizes = (200, 1_000) if quick else (1_000, 5_000)
    peaks = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="memory-bench-") as temporary:
            place = Place(Path(temporary))
            place.make()
            progress(f"memory at {size:,} entries")
            here = str(Path(__file__).parent)
            done = subprocess.run(
                [sys.executable, "-c", _GROWER, here, str(place.root), str(size)],
                env=place.environment,
                capture_output=True,
                check=True,
            )
            unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB here
            peaks.append(int(done.stdout) * unit / 2**20)
    peer = f"{sizes[0]:,} entries"
    yield Figure(f"peak memory, {sizes[0]:,} entries captured as a stream", peaks[0], "MiB")
    yield Figure(f"peak memory, {sizes[1]:,} entries", peaks[1], "MiB", peaks[1] / peaks[0], peer, 1.25)
