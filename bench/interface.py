"""The app: start to the first usable frame, keystroke to results, scrolling and memory, at 10,000 and 100,000 entries.

The start is that of the whole program on a pseudo-terminal; the rest runs the app in a process of its own on a
terminal that only exists in memory, so that the figures hold for the app and not for a terminal's drawing.
"""

import asyncio
import json
import os
import pty
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figures import Figure, interleaved, process, progress, quantile
from material import QUERIES, REPOSITORY, Place, SyntheticEmbedder, fill_index

LIMITS = {10_000: 50.0, 100_000: 120.0}
"""Entries → milliseconds from a keystroke to its results, 95th percentile."""
MEMORY = 200.0
"""MiB that the app may take at 100,000 entries."""
_FRAME = b"entries"
"""What the first frame with a list in it says."""


def measure(*, quick: bool) -> Iterator[Figure]:
    """All of it; *quick* leaves the large vault out."""
    for size in [10_000] if quick else LIMITS:
        with tempfile.TemporaryDirectory(prefix="memory-bench-") as temporary:
            place = Place(Path(temporary))
            place.make()
            progress(f"filling {size:,} entries with vectors")
            with place.open() as opened:
                fill_index(opened, size, SyntheticEmbedder())
            if size == min(LIMITS):
                yield from _start(place, runs=3 if quick else 7)
            progress(f"using the app on {size:,} entries")
            yield from _used(place, size)


def _start(place: Place, runs: int) -> Iterator[Figure]:
    """Start of the program to its first frame with entries, against importing Textual.

    Once where nothing is open yet, with a keyfile at hand: five workers and the unlocking are in that time. Once as it
    is all the day, with the classes open in the agent.
    """
    alone = _started(place, runs)
    process([sys.executable, "-m", "memory_cli", "unlock", "--all-terminals"], place.environment)()
    try:
        again = _started(place, runs)
    finally:
        process([sys.executable, "-m", "memory_cli", "agent", "stop"], place.environment)()
    peer = "import textual.app"
    label = "app: start to the first frame with entries, classes open in the agent"
    yield Figure(label, again["app"] * 1e3, "ms", again["app"] / again["textual"], peer, 2.0)
    label = "app: the same with nothing open, unlocking into the agent by a keyfile"
    yield Figure(label, alone["app"] * 1e3, "ms", alone["app"] / alone["textual"], peer)


def _started(place: Place, runs: int) -> dict[str, float]:
    (place.root / "run").mkdir(mode=0o700, exist_ok=True)
    return interleaved(
        {
            "app": lambda: first_frame(place.environment | {"TERM": "xterm-256color"}),
            "textual": process([sys.executable, "-c", "import textual.app"], place.environment),
        },
        runs,
    )


def first_frame(environment: dict[str, str]) -> None:
    """Run the program on a pty until the frame has come, then end it."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "memory_cli"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment | {"COLUMNS": "120", "LINES": "36"},
        cwd=REPOSITORY,
        start_new_session=True,
    )
    os.close(slave)
    seen = b""
    try:
        until = time.monotonic() + 30
        while _FRAME not in seen:
            if time.monotonic() > until:
                raise RuntimeError(f"no frame: {seen[-500:]!r}")
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 65536)
    finally:
        child.kill()
        child.wait()
        os.close(master)


def _used(place: Place, size: int) -> Iterator[Figure]:
    environment = {**os.environ, **place.environment, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, __file__, str(place.root)], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-800:])
    found = json.loads(done.stdout.splitlines()[-1])
    yield Figure(f"app, {size:,} entries: keystroke to results, p50", found["p50"], "ms")
    yield Figure(f"app, {size:,} entries: keystroke to results, p95", found["p95"], "ms", limit=LIMITS[size])
    yield Figure(f"app, {size:,} entries: with meaning merged, p95", found["merged"], "ms")
    yield Figure(f"app, {size:,} entries: longest wait of the screen while scrolling", found["stall"], "ms", limit=50.0)
    yield Figure(f"app, {size:,} entries: page to its lines, p95", found["page"], "ms")
    yield Figure(f"app, {size:,} entries: memory", found["memory"], "MiB", limit=MEMORY)


class Nobody:
    """A terminal at which nobody sits."""

    has_agent = False

    def unlock(self, _classes: Any) -> bool:
        """Nothing comes of it."""
        return False

    def ask_secrets(self, _group: str) -> list[Any]:
        """Nothing."""
        return []

    def edit(self, text: str) -> str:
        """The same."""
        return text


async def _story(place: Place) -> dict[str, float]:
    from tui import locks
    from tui.app import build_app

    opened = place.open()
    for compartment in opened.opened.compartments:
        compartment.limit_cache(locks.CACHE)  # as an unlock in the app does
    opened.reader.__dict__["embedder"] = None
    app = build_app(opened, Nobody())
    async with app.run_test(size=(140, 40)) as pilot:
        await _until(lambda: app.browse.results.total > 0 and app.thread.idle)
        await pilot.pause(0.5)
        keystrokes, merged = await _typing(app)
        stall, pages = await _scrolling(app)
    opened.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return {
        "p50": quantile(keystrokes, 0.5) * 1e3,
        "p95": quantile(keystrokes, 0.95) * 1e3,
        "merged": quantile(merged, 0.95) * 1e3,
        "stall": stall * 1e3,
        "page": quantile(pages, 0.95) * 1e3,
        "memory": peak,
    }


async def _typing(app: Any) -> tuple[list[float], list[float]]:
    """Seconds from each keystroke of `QUERIES` to its results, and from a pause to the merged ones."""
    browse, field = app.browse, app.browse.query_one("#search")
    field.focus()
    keystrokes: list[float] = []
    merged: list[float] = []
    answered: dict[int, list[float]] = {}
    show = browse.results.show

    def watched(*arguments: Any, **named: Any) -> None:
        show(*arguments, **named)
        answered.setdefault(browse.listing.number, []).append(time.perf_counter())

    browse.results.show = watched
    for query in QUERIES[:30]:
        for end in range(1, len(query) + 1):
            begin = time.perf_counter()
            field.value = query[:end]
            await asyncio.sleep(0)
            await _until(lambda: browse.listing.text == query[:end] and browse.listing.number in answered)  # noqa: B023
            keystrokes.append(answered[browse.listing.number][0] - begin)
            await asyncio.sleep(0.02)  # nobody types faster
        begin = time.perf_counter()
        if browse.listing.query.has_text:
            await _until(lambda: "+" not in browse.bar.count)
            merged.append(answered[browse.listing.number][-1] - begin)
    browse.results.show = show
    field.value = ""
    await asyncio.sleep(0.3)
    await _until(lambda: app.thread.idle)
    return keystrokes, merged


async def _scrolling(app: Any) -> tuple[float, list[float]]:
    """The longest time the app's loop was held up while paging, and the seconds until a page had its lines."""
    entries = app.browse.results
    longest, last, pages = 0.0, time.perf_counter(), []
    for step in range(300):
        entries.go((step * 7919) % entries.total if step % 10 == 0 else entries.cursor + 18)
        begin = time.perf_counter()
        while entries.line() is None and time.perf_counter() - begin < 5:
            last = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - last - 0.001)
        pages.append(time.perf_counter() - begin)
        last = time.perf_counter()
        await asyncio.sleep(0.005)
        longest = max(longest, time.perf_counter() - last - 0.005)
    return longest, pages


async def _until(ready: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.0005)


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    print(json.dumps(asyncio.run(_story(Place(Path(sys.argv[1]))))))
