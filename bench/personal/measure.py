"""What a few corrections do: ``python bench/personal/measure.py`` (needs the local model).

Ten themes of `themes.txt`, each filed by its owner as no rubric would. With 1, 3 and 10 corrections to each theme at
once: how many of 50 held-out notes go where the owner wants them, how many of those that are near one correction
(cosine from 0.6 on), and how many texts of the training corpus, which have nothing to do with it, keep their label.
"""

import json
import os
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from vault.classification import Classification  # noqa: E402
from vault.classify.classifier import Classifier  # noqa: E402
from vault.classify.head import shipped  # noqa: E402
from vault.classify.personal import MOST, NEAR, Evidence, Neighbour  # noqa: E402
from vault.classify.reasons import About  # noqa: E402
from vault.models.store import ModelStore  # noqa: E402

PARAPHRASE = 0.6
OTHERS = 4
"""One text in so many of the corpus is looked at."""


def themes() -> list[tuple[str, Classification, bool, str]]:
    """(theme, where its owner files it, held out, text)."""
    rows, theme, wanted, held_out = [], "", Classification.GENERAL, False
    for line in (Path(__file__).parent / "themes.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            theme, _, name = line[3:].partition(" -> ")
            wanted, held_out = Classification(name), False
        elif line == "--":
            held_out = True
        elif line and not line.startswith("#"):
            rows.append((theme, wanted, held_out, line))
    return rows


def main() -> None:
    rows = themes()
    corpus = [
        json.loads(line)["text"]
        for path in sorted((ROOT / "bench/head/corpus").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ][::OTHERS]
    head = shipped()
    classifier = Classifier(head)
    with ModelStore(Path(os.environ.get("MEMORY_MODELS", ROOT / ".build/models"))).load_embedder() as embedder:
        vectors, others = embedder.embed([row[3] for row in rows]), embedder.embed(corpus)
    said = [classifier.weigh(row[3], vectors[i][None]).head for i, row in enumerate(rows)]

    def label(text: str, vector: np.ndarray, corrections: list[int]) -> Classification:
        cosines = vectors[corrections] @ vector
        near = [Neighbour("", rows[c][1], float(cos), said[c]) for c, cos in zip(corrections, cosines, strict=True)]
        near = sorted((n for n in near if n.cosine > NEAR), key=lambda n: -n.cosine)[:MOST]
        return classifier.classify(text, vector[None], about=About(evidence=Evidence(tuple(near)))).label

    before = [label(text, vector, []) for text, vector in zip(corpus, others, strict=True)]
    held = [i for i, row in enumerate(rows) if row[2]]
    alone = [label(rows[i][3], vectors[i], []) for i in held]
    print(f"head alone: {np.mean([a is rows[i][1] for a, i in zip(alone, held, strict=True)]):.2f} of {len(held)}")
    for count in (1, 3, 10):
        follow, near, kept = [], [], []
        for seed in range(5 if count < 10 else 1):
            draw = random.Random(seed)
            names = dict.fromkeys(row[0] for row in rows)
            pools = [[i for i, row in enumerate(rows) if row[0] == name and not row[2]] for name in names]
            corrections = [i for pool in pools for i in draw.sample(pool, count)]
            right = [label(rows[i][3], vectors[i], corrections) is rows[i][1] for i in held]
            follow += right
            near += [
                ok
                for ok, i, was in zip(right, held, alone, strict=True)
                if was is not rows[i][1] and (vectors[corrections] @ vectors[i]).max() >= PARAPHRASE
            ]
            if seed == 0:
                now = [label(text, vector, corrections) for text, vector in zip(corpus, others, strict=True)]
                kept = [a is b for a, b in zip(now, before, strict=True)]
        print(
            f"{count:2} corrections a theme: {np.mean(follow):.2f} of the held out, {np.mean(near):.2f} of the "
            f"misjudged near one, {np.mean(kept):.4f} of {len(kept)} others keep their label"
        )


if __name__ == "__main__":
    main()
