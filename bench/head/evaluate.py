"""How well texts are classified: ``python bench/head/evaluate.py [--set FILE.jsonl]``.

Prints, for everything together, a naive system's keyword rules, detectors alone, the head alone and words without
a model: accuracy, macro-F1, leaks (filed lower than the label) and over-protection; then confusion and calibration
of the whole. On the corpus with the head held out (5 folds, texts that resemble each other in one fold), and on a
set of the form ``{"id", "text", "label"}`` (default ``../shared/data/classification_dev.jsonl``, never trained on).
``--sweep`` compares penalties, ``--costs`` losses of the rule, both by cross-validation.
"""

import argparse
import re
from itertools import product
from pathlib import Path

import numpy as np
import train
from corpus import folds, read_corpus

from vault.classification import ALL, Classification
from vault.classify import decide as rule
from vault.classify.classifier import Classifier
from vault.classify.decide import Policy, decide
from vault.classify.detectors import detect
from vault.classify.head import shipped, softmax

VALIDATION = train.ROOT.parent / "shared" / "data" / "classification_dev.jsonl"
LEVELS = np.array([c.level for c in ALL])
KEYWORDS = {
    Classification.ULTRASECRET: r"seed|private key|master password|recovery|backup code",
    Classification.SECRET: r"password|passwort|token|api.?key|\bpin\b|iban|card number|code",
    Classification.CONFIDENTIAL: r"doctor|therap|salary|debt|divorce|diagnos|confidential|private",
    Classification.CHRONOLOGICAL: r"today|yesterday|tomorrow|\d{1,2}:\d{2}|monday|friday|\d ?[ap]m",
}
"""What a person would grep for: the baseline to beat."""


def by_keywords(text: str) -> Classification:
    hits = (label for label, words in KEYWORDS.items() if re.search(words, text, re.IGNORECASE))
    return next(hits, Classification.GENERAL)


def figures(predicted: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Shares between 0 and 1; "leak" is filed below the level of the label, "over" above."""
    f1 = []
    for k in range(len(ALL)):
        right = ((predicted == k) & (labels == k)).sum()
        f1.append(2 * right / max(1, (predicted == k).sum() + (labels == k).sum()))
    low, high = LEVELS[predicted] < LEVELS[labels], LEVELS[predicted] > LEVELS[labels]
    top, middle, opened = LEVELS[labels] >= 3, LEVELS[labels] == 2, LEVELS[labels] == 1
    return {
        "accuracy": (predicted == labels).mean(),
        "macro-F1": float(np.mean(f1)),
        "leak ≥secret": low[top].mean() if top.any() else 0.0,
        "… to open": (LEVELS[predicted][top] == 1).mean() if top.any() else 0.0,
        "leak conf.": low[middle].mean() if middle.any() else 0.0,
        "over (open)": high[opened].mean() if opened.any() else 0.0,
    }


def calibration_error(sure: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017) of the confidences *sure*, equal-width bins."""
    place = np.minimum((sure * bins).astype(int), bins - 1)
    bins_used = [place == b for b in set(place)]
    return float(sum(abs(sure[b].mean() - right[b].mean()) * b.mean() for b in bins_used))


def indices(labels) -> np.ndarray:
    return np.array([ALL.index(label) for label in labels])


def table(texts, labels: np.ndarray, probabilities: np.ndarray, plain: np.ndarray) -> None:
    mappings, without_peaks = (
        [dict(zip(ALL, map(float, row), strict=True)) for row in rows] for rows in (probabilities, plain)
    )
    found = [detect(text) for text in texts]
    wordless, open_policy = Classifier(), Policy(fallback=Classification.GENERAL)
    whole = [decide(m, d) for m, d in zip(mappings, found, strict=True)]
    rows = {
        "everything": [d.label for d in whole],
        "keyword rules": [by_keywords(text) for text in texts],
        "detectors alone": [decide(None, d, policy=open_policy).label for d in found],
        "head alone": [decide(m, []).label for m in mappings],
        "head, likeliest": [ALL[row.argmax()] for row in probabilities],
        "without peaks": [decide(m, d).label for m, d in zip(without_peaks, found, strict=True)],
        "without a model": [wordless.classify(text).label for text in texts],
    }
    for name, predicted in rows.items():
        values = figures(indices(predicted), labels)
        print(f"  {name:18}" + "  ".join(f"{key} {value:.3f}" for key, value in values.items()))
    likeliest = calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)
    given = calibration_error(np.array([d.confidence for d in whole]), indices(rows["everything"]) == labels)
    asked = np.mean([d.uncertain for d in whole])
    print(f"  calibration error: likeliest {likeliest:.3f}, verdicts {given:.3f}; uncertain {asked:.3f}")
    print("  confusion of everything, rows are labels:")
    for k, label in enumerate(ALL):
        counts = [sum(p == other for p, y in zip(rows["everything"], labels, strict=True) if y == k) for other in ALL]
        print(f"    {label:14}" + " ".join(f"{n:5}" for n in counts))


def sweep(kernel, labels, fold) -> None:
    for decay in (1e-4, 5e-5, 3e-5, 1e-5):
        logits = train.held_out_logits(kernel, labels, fold, decay)
        temperature = train.calibrate(logits, labels)
        rows = softmax(logits / temperature)[np.arange(len(labels)), labels]
        print(f"  penalty {decay:g}: held-out loss {-np.log(rows).mean():.4f}, temperature {temperature}")


def costs(texts, probabilities, labels) -> None:
    """The rule's figures over a grid of losses."""
    mappings = [dict(zip(ALL, map(float, row), strict=True)) for row in probabilities]
    found = [detect(text) for text in texts]
    for low, between, middle in product((2.0, 2.5, 3.0, 3.5, 4.0, 6.0), (2.0, 4.0, 8.0), (1.0, 2.0, 3.0)):
        rule.SECRET_TOO_LOW, rule.ULTRASECRET_AS_SECRET, rule.CONFIDENTIAL_AS_OPEN = low, between, middle
        labelled = indices([decide(m, d).label for m, d in zip(mappings, found, strict=True)])
        values = figures(labelled, labels)
        print(f"  {low:g} {between:g} {middle:g}  " + "  ".join(f"{key} {v:.3f}" for key, v in values.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--set", type=Path, default=VALIDATION, dest="validation")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--no-folds", action="store_true", help="only the set")
    chosen = parser.parse_args()
    if not chosen.no_folds:
        corpus = read_corpus()
        vectors, peaks, _, _ = train.read_embeddings(corpus)
        inputs, fold = train.Inputs(corpus.texts, vectors, peaks), folds(corpus)
        spelt = inputs.spelt()
        kernels = [inputs.kernel(name, spelt) for name in ("peaked", "plain")]
        if chosen.sweep:
            sweep(kernels[0], corpus.labels, fold)
            return
        logits = [train.held_out_logits(kernel, corpus.labels, fold) for kernel in kernels]
        held = [softmax(rows / train.calibrate(rows, corpus.labels)) for rows in logits]
        print(f"corpus, {len(fold)} texts, 5-fold cross-validation")
        table(corpus.texts, corpus.labels, *held)
        if chosen.costs:
            costs(corpus.texts, held[0], corpus.labels)
    if not chosen.validation.exists():
        print(f"no set at {chosen.validation}")
        return
    tested, head = read_corpus((chosen.validation,)), shipped()
    vectors, peaks, _ = train.embed(tested, head.probes)
    inputs = train.Inputs(tested.texts, vectors, peaks, head.kinds, head.centre)
    rows = [
        softmax(inputs.logits(layer, name) / layer.temperature)
        for layer, name in ((head.peaked, "peaked"), (head.plain, "plain"))
    ]
    print(f"{chosen.validation.name}, {len(tested.texts)} texts")
    table(tested.texts, tested.labels, *rows)


if __name__ == "__main__":
    main()
