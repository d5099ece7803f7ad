"""Train the classifier's head from our corpus: ``python bench/head/train.py`` rewrites ``vault/classify/head.npz``.

Reads the committed vectors only, so that it needs no model and gives the same bytes everywhere: full-batch
gradient descent on a convex loss with a fixed number of steps, in float64, the result rounded well above
the last bits in which linear-algebra libraries differ.

    --embed   make the vectors anew with the local model (``MEMORY_MODELS`` or ``.build/models``)
    --check   embed again and require that predictions agree with those of the committed vectors
"""

import argparse
import hashlib
import json
import os
import sys
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from vault.classification import ALL  # noqa: E402
from vault.classify.head import features, softmax  # noqa: E402

HERE = Path(__file__).parent
CORPUS = tuple(sorted((HERE / "corpus").glob("*.jsonl")))
EMBEDDINGS = HERE / "embeddings.npz"
WEIGHTS = ROOT / "vault" / "classify" / "head.npz"

DECAY = 2e-4
"""L2 penalty, by 5-fold cross-validation (``evaluate.py --sweep``)."""
STEPS = 300
FOLDS = 5
GRAIN = 2.0**-10
"""Weights are multiples of this: far coarser than rounding differences between machines, far finer than matters."""
AGREEMENT = 0.99


@dataclass(frozen=True)
class Corpus:
    """The labelled texts, in order of id."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: np.ndarray
    """Index into ``vault.classification.ALL``."""
    sha: str
    """SHA-256 over id, label and text of every item."""


def read_corpus(files=CORPUS) -> Corpus:
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line]
    rows.sort(key=lambda row: row["id"])
    digest = hashlib.sha256(json.dumps([[r["id"], r["label"], r["text"]] for r in rows]).encode()).hexdigest()
    names = [c.value for c in ALL]
    labels = np.array([names.index(r["label"]) for r in rows])
    return Corpus(tuple(r["id"] for r in rows), tuple(r["text"] for r in rows), labels, digest)


def write_npz(path: Path, **arrays) -> None:
    """An ``.npz`` that is the same bytes for the same arrays: stored, in order of name, with a fixed date."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            buffer = BytesIO()
            np.save(buffer, arrays[name], allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue())


def as_bytes(record: dict) -> np.ndarray:
    return np.frombuffer(json.dumps(record, sort_keys=True).encode(), dtype=np.uint8)


def embed(corpus: Corpus) -> tuple[np.ndarray, str]:
    from vault.models.store import ModelStore

    folder = Path(os.environ.get("MEMORY_MODELS", ROOT / ".build" / "models"))
    with ModelStore(folder).load_embedder() as embedder:
        return embedder.embed(list(corpus.texts)), embedder.model_id


def read_embeddings(corpus: Corpus) -> tuple[np.ndarray, str]:
    """The committed vectors in float64, and the embedder's id; they must belong to this very corpus."""
    with np.load(EMBEDDINGS) as arrays:
        about = json.loads(arrays["about"].tobytes())
        if about["corpus"] != corpus.sha or tuple(arrays["ids"].tolist()) != corpus.ids:
            sys.exit("the committed embeddings are of another corpus: run bench/head/train.py --embed")
        return arrays["vectors"].astype(np.float64), about["model_id"]


def fit(x: np.ndarray, labels: np.ndarray, decay: float = DECAY) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression by Nesterov's accelerated gradient; returns weight (features, classes) and bias.

    Steps are taken in the span of the texts (weight = xᵀ·dual): the same iterates, and far fewer numbers.
    """
    kernel = x @ x.T
    target = np.eye(len(ALL))[labels]
    dual = ahead = np.zeros_like(target)
    bias = bias_ahead = np.zeros(len(ALL))
    rate = 1 / (0.5 * (np.linalg.eigvalsh(kernel)[-1] / len(x) + 1) + decay)  # 1/L of the loss
    for step in range(STEPS):
        error = (softmax(kernel @ ahead + bias_ahead) - target) / len(x)
        following, bias_following = ahead - rate * (error + decay * ahead), bias_ahead - rate * error.sum(axis=0)
        push = step / (step + 3)
        ahead, bias_ahead = following + push * (following - dual), bias_following + push * (bias_following - bias)
        dual, bias = following, bias_following
    return x.T @ dual, bias


def folds(corpus: Corpus) -> np.ndarray:
    """A fold per item, by its id, so that adding items moves no other."""
    return np.array([hashlib.sha256(i.encode()).digest()[0] % FOLDS for i in corpus.ids])


def held_out_logits(corpus: Corpus, x: np.ndarray, decay: float = DECAY) -> np.ndarray:
    """Logits of every item by a head that did not see its fold."""
    fold, logits = folds(corpus), np.zeros((len(x), len(ALL)))
    for i in range(FOLDS):
        weight, bias = fit(x[fold != i], corpus.labels[fold != i], decay)
        logits[fold == i] = x[fold == i] @ weight + bias
    return logits


def calibrate(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the smallest held-out loss, to two decimals."""
    def loss(temperature):
        return -np.log(softmax(logits / temperature)[np.arange(len(labels)), labels] + 1e-12).mean()

    return float(min((t / 100 for t in range(40, 301, 2)), key=loss))


def train(out: Path = WEIGHTS) -> None:
    corpus = read_corpus()
    vectors, model_id = read_embeddings(corpus)
    x = features(vectors, corpus.texts)
    temperature = calibrate(held_out_logits(corpus, x), corpus.labels)
    weight, bias = fit(x, corpus.labels)
    about = {"classes": [c.value for c in ALL], "temperature": temperature, "model_id": model_id, "corpus": corpus.sha}
    grained = {"weight": np.round(weight / GRAIN) * GRAIN, "bias": np.round(bias / GRAIN) * GRAIN}
    write_npz(out, about=as_bytes(about), **{name: array.astype(np.float32) for name, array in grained.items()})
    print(f"{len(corpus.ids)} texts, temperature {temperature}, {out.stat().st_size} bytes -> {out.name}")


def store_embeddings() -> None:
    corpus = read_corpus()
    vectors, model_id = embed(corpus)
    about = as_bytes({"corpus": corpus.sha, "model_id": model_id})
    write_npz(EMBEDDINGS, about=about, ids=np.array(corpus.ids), vectors=vectors.astype(np.float16))
    print(f"embedded {len(vectors)} texts with {model_id}")


def check() -> None:
    from vault.classify.head import read

    corpus = read_corpus()
    committed, model_id = read_embeddings(corpus)
    fresh, fresh_id = embed(corpus)
    head = read(WEIGHTS.read_bytes())
    old, new = ((features(v, corpus.texts) @ head.weight + head.bias).argmax(1) for v in (committed, fresh))
    same = old == new
    print(f"{same.mean():.4f} of the predictions agree")
    if fresh_id != model_id or same.mean() < AGREEMENT:
        sys.exit("the committed embeddings are not those of the local model: run bench/head/train.py --embed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--embed", action="store_true")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    if chosen.embed:
        store_embeddings()
    check() if chosen.check else train()
