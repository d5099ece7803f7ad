"""How well texts are classified: ``python bench/head/evaluate.py [VALIDATION.jsonl]``.

Prints, for keyword rules, detectors, head, words without a model, and the whole, on the validation set
(default ``../shared/data/classification_dev.jsonl``, never used for training) and on the corpus with the
head held out (5 folds): accuracy, macro-F1, how many protected texts are filed lower and how many open ones
higher; then the confusion and calibration of the whole. ``--sweep`` compares penalties by cross-validation.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import train

from vault.classification import ALL, Classification
from vault.classify.classifier import Classifier
from vault.classify.decide import Policy, decide
from vault.classify.detectors import detect
from vault.classify.head import features, shipped, softmax

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
    top = LEVELS[labels] >= 3
    return {
        "accuracy": (predicted == labels).mean(),
        "macro-F1": float(np.mean(f1)),
        "leak ≥secret": low[top].mean(),
        "… to open": (LEVELS[predicted][top] == 1).mean(),
        "leak conf.": low[LEVELS[labels] == 2].mean(),
        "over (open)": high[LEVELS[labels] == 1].mean(),
    }


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of the likeliest class (Guo et al. 2017), equal-width bins."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((sure * bins).astype(int), bins - 1)
    bins_used = [place == b for b in set(place)]
    return float(sum(abs(sure[b].mean() - right[b].mean()) * b.mean() for b in bins_used))


def table(texts, labels: np.ndarray, probabilities: np.ndarray) -> None:
    mappings = [dict(zip(ALL, row, strict=True)) for row in probabilities]
    found = [detect(text) for text in texts]
    wordless, open_policy = Classifier(), Policy(fallback=Classification.GENERAL)
    rows = {
        "keywords": [by_keywords(text) for text in texts],
        "detectors alone": [decide(None, d, policy=open_policy).label for d in found],
        "head, likeliest": [ALL[row.argmax()] for row in probabilities],
        "head, level rule": [decide(m, []).label for m in mappings],
        "no model": [wordless.classify(text).label for text in texts],
        "full": [decide(m, d).label for m, d in zip(mappings, found, strict=True)],
    }
    for name, predicted in rows.items():
        values = figures(np.array([ALL.index(label) for label in predicted]), labels)
        print(f"  {name:18}" + "  ".join(f"{key} {value:.3f}" for key, value in values.items()))
    print(f"  calibration error {calibration_error(probabilities, labels):.3f}")
    print("  confusion of the whole, rows are labels:")
    for k, label in enumerate(ALL):
        counts = [sum(p == other for p, y in zip(rows["full"], labels, strict=True) if y == k) for other in ALL]
        print(f"    {label:14}" + " ".join(f"{n:5}" for n in counts))


def sweep(corpus, x) -> None:
    for decay in (1e-3, 5e-4, 2e-4, 1e-4, 5e-5):
        logits = train.held_out_logits(corpus, x, decay)
        temperature = train.calibrate(logits, corpus.labels)
        rows = softmax(logits / temperature)[np.arange(len(x)), corpus.labels]
        print(f"  penalty {decay:g}: held-out loss {-np.log(rows).mean():.4f}, temperature {temperature}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("validation", nargs="?", type=Path, default=VALIDATION)
    parser.add_argument("--sweep", action="store_true")
    chosen = parser.parse_args()
    corpus = train.read_corpus()
    vectors, _ = train.read_embeddings(corpus)
    x = features(vectors, corpus.texts)
    if chosen.sweep:
        sweep(corpus, x)
        return
    logits = train.held_out_logits(corpus, x)
    print(f"corpus, {len(x)} texts, {train.FOLDS}-fold cross-validation")
    table(corpus.texts, corpus.labels, softmax(logits / train.calibrate(logits, corpus.labels)))
    if not chosen.validation.exists():
        print(f"no validation set at {chosen.validation}")
        return
    held = train.read_corpus((chosen.validation,))
    rows = shipped().probabilities(train.embed(held)[0], held.texts)
    print(f"validation, {len(held.texts)} texts")
    table(held.texts, held.labels, np.array([[row[c] for c in ALL] for row in rows]))


if __name__ == "__main__":
    main()
