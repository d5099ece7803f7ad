"""Measure the product against the goals it has set itself: ``python bench/run.py [--quick] [--json] [--only NAME]``.

Prints a Markdown table on stdout and what it is doing on stderr. Never asserts and exits 0 whatever it finds:
figures belong to the machine, and only the ratios, taken within one run, travel. See `docs/performance.md`.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program does
sys.path.insert(0, str(Path(__file__).resolve().parent))

import capturing
import cold
import importing
import interface
import searching
import unlocked
from figures import Figure, as_json, progress, table

MEASURES: dict[str, Callable[..., Iterator[Figure]]] = {
    "version": cold.version,
    "cold-search": cold.search,
    "agent": unlocked.measure,
    "app": interface.measure,
    "search": searching.measure,
    "import": importing.measure,
    "memory": capturing.memory,
    "writers": capturing.writers,
    "latency": capturing.latency,
}


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load": round(load, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller vaults and fewer runs: about a minute")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    parser.add_argument("--only", action="append", choices=MEASURES, help="measure only this; may be repeated")
    asked = parser.parse_args()
    about = machine()
    figures: list[Figure] = []
    failed: list[str] = []
    for name in asked.only or MEASURES:
        try:
            figures += MEASURES[name](quick=asked.quick)
        except Exception as error:  # noqa: BLE001 (one broken measure must not hide the others)
            failed.append(f"{name}: {type(error).__name__}: {error}")
            progress(failed[-1])
    if asked.json:
        print(as_json(figures, about | {"failed": failed}))
        return
    print(f"Python {about['python']}, {about['system']}, {about['processors']} processors, load {about['load']}\n")
    print(table(figures))
    for line in failed:
        print(f"\nnot measured: {line}")


if __name__ == "__main__":
    main()
