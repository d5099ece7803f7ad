"""How well search finds, on sets with known answers: `make eval`, or this file with paths.

Prints a table a set: for every kind of question and every leg, whether the first hit is right, R@k (the share of
the relevant documents among the first k), the mean reciprocal rank and nDCG@10, in per cent. Asserts nothing.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, the repository is not on the path

from asking import LEGS, Rankings, ask
from evalset import HALVES, EvalSet, Question
from loaders import load
from metrics import DEPTHS, Score, mean, score

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / ".build" / "models"
KEPT = REPOSITORY / ".build" / "eval" / "vectors.sqlite"
SHARED = REPOSITORY.parent / "shared" / "data" / "til_queries.jsonl"
SETS = Path(__file__).resolve().parent / "sets"
HEAD = ("kind", "leg", "n", "hit@1", *(f"R@{depth}" for depth in DEPTHS), "MRR", "nDCG@10")


def main() -> None:
    """Read the arguments, measure, print."""
    options = _options()
    told: list[dict[str, Any]] = []
    for path in options.set or _default_sets():
        for found in load(path):
            answered = list(ask(found, options.models, KEPT, spread=options.spread))
            for half in options.half:
                rows = list(_rows(answered, half))
                told += [{"set": found.name, "half": half, "kind": k, "leg": leg, **asdict(s)} for k, leg, _, s in rows]
                if not options.json:
                    sys.stdout.write(f"\n## {found.name}, {half} ({_size(found)})\n\n{_table(rows)}\n")
                    sys.stdout.flush()
    if options.json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", action="append", type=Path, metavar="PATH", help="a set; may be given more than once")
    parser.add_argument("--half", action="append", choices=(*HALVES, "all"), help="which questions (default: all)")
    parser.add_argument("--spread", action="store_true", help="file the documents over all five classes")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of the model; a missing one: words alone")
    parser.add_argument("--json", action="store_true", help="figures from 0 to 1 as JSON")
    options = parser.parse_args()
    options.half = options.half or ["all"]
    return options


def _default_sets() -> list[Path]:
    own = [path for path in sorted(SETS.iterdir()) if path.is_dir() or path.suffix == ".json"]
    return [*([SHARED] if SHARED.exists() else []), *own]


def _size(found: EvalSet) -> str:
    return f"{sum(len(part.documents) for part in found.parts):,} documents"


def _rows(
    answered: Sequence[tuple[Question, Rankings]], half: str
) -> Iterator[tuple[str, str, int, Score]]:
    """(kind, leg, questions, mean figures), the kinds in the order they occur, then all together."""
    kinds: dict[str, list[tuple[Question, Rankings]]] = defaultdict(list)
    asked = [row for row in answered if half in {"all", row[0].half}]
    for row in asked:
        kinds[row[0].kind].append(row)
    if len(kinds) > 1:
        kinds["**all**"] = asked
    for kind, rows in kinds.items():
        for leg in LEGS:
            yield kind, leg, len(rows), mean([score(found[leg], question.relevant) for question, found in rows])


def _table(rows: Sequence[tuple[str, str, int, Score]]) -> str:
    lines = [HEAD, tuple("---" for _ in HEAD)]
    for kind, leg, number, s in rows:
        figures = (s.first, *s.recall, s.reciprocal, s.gain)
        lines.append((kind, leg, str(number), *(f"{100 * figure:.1f}" for figure in figures)))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
