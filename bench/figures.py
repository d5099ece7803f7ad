"""What a benchmark says: figures with their limits, printed as a Markdown table or as JSON.

Nothing here or in the other files of this folder asserts: a missed limit is printed as missed, because the
machine is part of every figure. Only ratios taken within one run mean something beyond that machine.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    measure: str
    """What was measured."""
    value: float
    """The figure itself."""
    unit: str
    """``ms``, ``s``, ``/s``, ``MiB``, ``%`` or empty."""
    ratio: float | None = None
    """The figure over that of its peer in the same run."""
    peer: str = ""
    """What the ratio is against."""
    limit: float | None = None
    """The goal, for the ratio where there is one, else for the figure."""
    least: bool = False
    """The goal is a lower bound."""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.limit is None:
            return None
        judged = self.value if self.ratio is None else self.ratio
        return judged >= self.limit if self.least else judged <= self.limit

    def cells(self) -> tuple[str, ...]:
        """The figure as the cells of a row."""
        ratio = f"{self.ratio:.3g} × {self.peer}" if self.ratio is not None else ""
        bound = ""
        if self.limit is not None:
            sign = "≥" if self.least else "≤"
            bound = f"{sign} {self.limit:g}{' ×' if self.ratio is not None else f' {self.unit}'}"
        verdict = {True: "met", False: "**missed**", None: ""}[self.met]
        return self.measure, f"{shown(self.value)} {self.unit}".strip(), ratio, bound, verdict

    def row(self) -> dict[str, Any]:
        """The figure as a JSON object."""
        return {**self.__dict__, "met": self.met}


HEAD = ("measure", "figure", "ratio", "limit", "")


def shown(value: float) -> str:
    """*value* with three significant digits, large ones whole."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(figures: Iterable[Figure]) -> str:
    """A Markdown table with aligned columns."""
    rows = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def as_json(figures: Iterable[Figure], machine: Mapping[str, Any]) -> str:
    """All figures, the machine they were taken on, and what failed."""
    return json.dumps({"machine": machine, "figures": [f.row() for f in figures]}, ensure_ascii=False, indent=2)


def progress(text: str) -> None:
    """A line for whoever waits."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def timed(work: Callable[[], Any]) -> float:
    """Seconds that *work* takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(works: Mapping[str, Callable[[], Any]], runs: int, warm: int = 1) -> dict[str, float]:
    """Median seconds of each work, taken in turns so that a busy moment hits all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(runs + warm):
        for name, work in works.items():
            seconds = timed(work)
            if turn >= warm:
                taken[name].append(seconds)
    return {name: statistics.median(each) for name, each in taken.items()}


def process(arguments: Sequence[str], environment: Mapping[str, str]) -> Callable[[], Any]:
    """A work that runs a program from start to end, its output thrown away."""

    def work() -> None:
        done = subprocess.run(arguments, env=dict(environment), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{arguments} ended with {done.returncode}: {done.stderr.decode()[-500:]}")

    return work


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which *share* of *values* lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
