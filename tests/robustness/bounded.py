"""Run hostile work in an interpreter with 1.5 GiB of address space and 10 s of processor time.

Processor time, so that a busy machine is not mistaken for a hang; a wait without end meets the wall clock.
"""

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SECONDS = 10
BYTES = 1536 * 1024 * 1024
_PROLOGUE = f"""
import resource, sys, os, json
from pathlib import Path
here = Path(sys.argv[1])
import vault

from vault.errors import *
from vault.keys.stretching import KdfLimits
CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
(here / "key").write_bytes(b"k" * 64)
def make():
    return vault.create(here / "v", keyfile=here / "key", state=here / "state", models=here / "none")
def reopen():
    return vault.open(here / "v", keyfile=here / "key", state=here / "state", models=here / "none")
seconds = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
resource.setrlimit(resource.RLIMIT_AS, ({BYTES}, {BYTES}))
"""


def run(tmp_path: Path, code: str, seconds: int = SECONDS) -> str:
    """What *code* prints last; it finds ``make``, ``reopen`` and ``here``. Fails on a crash or when it takes too long."""
    done = subprocess.run(
        [sys.executable, "-c", _PROLOGUE + textwrap.dedent(code), str(tmp_path), str(seconds)],
        capture_output=True,
        text=True,
        check=False,
        timeout=12 * seconds,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-1500:]}"
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def refusal(tmp_path: Path, code: str) -> str:
    """The name of the typed error that *code* ends with."""
    wrapped = textwrap.indent(textwrap.dedent(code), "    ")
    return run(
        tmp_path, f"try:\n{wrapped}\n    print('accepted')\nexcept VaultError as e:\n    print(type(e).__name__)"
    )
