"""T8: many processes write into one vault at once (about 6 s)."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from rig import MARKER, Rig, errors, fast_directory

HERE = Path(__file__).parent


def write_at_once(root: Path, writers: int, count: int) -> tuple[list[str], list[str]]:
    """Let *writers* processes capture *count* entries each at once, every other one locked: (ids, complaints)."""
    command = [sys.executable, str(HERE / "writer.py"), str(root)]
    running = [
        subprocess.Popen(
            [*command, f"w{n}", str(count), "locked" if n % 2 else "open"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(HERE.parent.parent), "HOME": str(root), "PATH": "/usr/bin:/bin"},
        )
        for n in range(writers)
    ]
    until = time.monotonic() + 120
    while len(list(root.glob("ready-*"))) < writers and time.monotonic() < until:
        time.sleep(0.01)
    (root / "go").touch()
    ends = [p.communicate(timeout=600) for p in running]
    complaints = [err for p, (_, err) in zip(running, ends, strict=True) if p.returncode]
    return [line for out, _ in ends for line in out.split()], complaints


def run(writers: int, count: int, *, fresh_index: bool) -> None:
    """All of *writers* × *count* captures must be there, once."""
    with fast_directory() as root:
        rig = Rig(root)
        (root / "place").mkdir()
        rig.create(root / "place").close()
        if fresh_index:
            for path in (root / "place" / "state").rglob("*.db*"):
                path.unlink()
        ids, complaints = write_at_once(root, writers, count)
        assert not complaints, "\n".join(c[-1500:] for c in complaints)
        assert len(set(ids)) == writers * count
        with rig.open(root / "place") as v:
            entries = v.entries(limit=100_000)
            assert {e.id for e in entries} == set(ids)
            wanted = sorted(f"{MARKER} w{w}-{n}" for w in range(writers) for n in range(count))
            assert sorted(e.text for e in entries) == wanted
            assert {h.entry.id for h in v.search(MARKER, limit=10_000)} == set(ids)
            assert errors(v) == []
            clones = [pair for c in v.opened.compartments for pair in c.clones()]
            assert clones == []  # no sequence number was given twice


@pytest.mark.parametrize("fresh_index", [False, True], ids=["index there", "index to be made"])
def test_eight_writers_lose_and_double_nothing(fresh_index: bool) -> None:
    """8 × 25 captures at once, half of them locked: 200 entries, no "busy", also when all make the index first."""
    run(8, 25, fresh_index=fresh_index)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_sixty_four_writers_lose_and_double_nothing() -> None:
    """64 × 500."""
    run(64, 500, fresh_index=True)
