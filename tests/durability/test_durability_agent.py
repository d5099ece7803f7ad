"""T1 with the agent: client, worker or supervisor killed with SIGKILL at random moments of work (about 30 s)."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from rig import crashed, fast_directory


def crash(kills: int, seed: int, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the crasher in an interpreter of its own, with an agent of its own, of which nothing may be left."""
    with fast_directory() as root:
        (root / "run").mkdir(mode=0o700)
        run = crashed("agent_crasher.py", root, kills, seed, *more, XDG_RUNTIME_DIR=str(root / "run"))
        until = time.monotonic() + 5
        while (left := living(root / "run")) and time.monotonic() < until:
            time.sleep(0.05)
        assert left == []
        return run


def living(runtime: Path) -> list[str]:
    """Processes that were started with this runtime directory."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"XDG_RUNTIME_DIR={runtime}\0".encode() in (place / "environ").read_bytes() + b"\0":
                found.append(place.name)
    return found


def test_a_hundred_kills_through_the_agent_lose_nothing() -> None:
    """25 supervisors, 25 workers, 50 clients: 0 acknowledged lost, 0 unreadable; vault and agent open again each time."""
    run = crash(100, 1)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-2000:]
    assert "rounds 100" in run.stdout, run.stdout


@pytest.mark.soak
@pytest.mark.timeout(14400)
def test_two_thousand_kills_through_the_agent_lose_nothing() -> None:
    """As above, in runs of 200 on vaults of their own."""
    for seed in range(10):
        run = crash(200, seed + 2)
        assert run.returncode == 0, f"seed {seed}: {run.stdout[-3000:]}{run.stderr[-2000:]}"


def test_control_an_acknowledgement_before_the_write_is_caught_through_the_agent() -> None:
    """Positive control: a build that writes 20 ms after it has acknowledged loses something in 24 kills."""
    run = crash(24, 3, "careless")
    assert run.returncode == 1
    assert "is ('gone', '', ''), acknowledged" in run.stdout, run.stdout + run.stderr
