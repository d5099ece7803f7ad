"""Train the classifier's head from our corpus: ``python bench/head/train.py`` rewrites ``vault/classify/head.npz``.

Reads the committed vectors and peaks only, so that it needs no model and gives the same bytes everywhere:
full-batch gradient descent on a convex loss with a fixed number of steps, in float64, the result rounded well
above the last bits in which linear-algebra libraries differ.

    --embed    make vectors and peaks anew with the local model (``MEMORY_MODELS`` or ``.build/models``)
    --probes   choose the probes anew first: centres of the states of the corpus' tokens
    --check    embed again and require that predictions agree with those of the committed vectors
"""

import argparse
import json
import os
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from corpus import FOLDS, Corpus, folds, read_corpus  # noqa: E402

from vault.classification import ALL  # noqa: E402
from vault.classify.detectors import detect  # noqa: E402
from vault.classify.head import noticed, read, sized, softmax, stretched  # noqa: E402
from vault.classify.layout import REGISTERS, registers  # noqa: E402
from vault.classify.surface import BUCKETS, hashed  # noqa: E402

EMBEDDINGS = Path(__file__).parent / "embeddings.npz"
WEIGHTS = ROOT / "vault" / "classify" / "head.npz"

DECAY = 3e-5
"""L2 penalty, by 5-fold cross-validation (``evaluate.py --sweep``)."""
STEPS = 200
SHARED, OWN = 0.5, 0.45
"""How much of the dense inputs' inner product holds for all texts, how much for those of one register; by CV."""
PROBES = 512
SAMPLE = 60_000
"""Token states among which the probes are found."""
GRAIN = 2.0**-9
"""Weights are multiples of this: far coarser than rounding differences between machines, far finer than matters."""
FINE = 2.0**-12
"""The same for the peaks to expect, which are multiplied by logarithms."""
AGREEMENT = 0.99


class Inputs:
    """What the head sees of a list of texts, and their inner products; hashed parts are kept sparse."""

    def __init__(self, texts, vectors, peaks, kinds=None, centre=None):
        found = [detect(text) for text in texts]
        self.kinds = kinds or sorted({d.kind for each in found for d in each})
        lengths = np.array([float(len(text)) for text in texts])
        self.centre = expected(lengths, peaks) if centre is None else centre
        noticed_rows = np.array([noticed(t, d, self.kinds) for t, d in zip(texts, found, strict=True)])
        self.detections = found
        self.plain = np.hstack([vectors, noticed_rows])
        self.peaked = np.hstack([vectors, stretched(peaks, lengths, self.centre), noticed_rows])
        self.hashed = [hashed(text) for text in texts]
        self.registers = np.zeros((len(texts), REGISTERS))
        for row, text in zip(self.registers, texts, strict=True):
            row[list(registers(text))] = 1

    def blocks(self, width: int = 4096):
        """The hashed parts as dense blocks of columns."""
        rows = np.repeat(np.arange(len(self.hashed)), [len(row) for row in self.hashed])
        columns = np.concatenate([np.fromiter(row, dtype=np.int64) for row in self.hashed])
        values = np.concatenate([np.fromiter(row.values(), dtype=np.float64) for row in self.hashed])
        for start in range(0, BUCKETS, width):
            here = (columns >= start) & (columns < start + width)
            block = np.zeros((len(self.hashed), width))
            block[rows[here], columns[here] - start] = values[here]
            yield block

    def spelt(self) -> np.ndarray:
        """Inner products of the hashed parts."""
        return sum(block @ block.T for block in self.blocks())

    def kernel(self, name: str, spelt: np.ndarray) -> np.ndarray:
        """Inner products of everything, with the dense inputs called *name*."""
        dense = getattr(self, name)
        return spelt + dense @ dense.T * (SHARED + OWN * (self.registers @ self.registers.T))

    def logits(self, layer, name: str) -> np.ndarray:
        """What *layer* says of each text from the inputs called *name*."""
        dense = getattr(self, name) @ layer.dense
        for mask, own in zip(self.registers.T, layer.registers, strict=True):
            dense += mask[:, None] * (getattr(self, name) @ own)
        rest = [np.array(list(r.values())) @ layer.hashed[list(r)] if r else 0 for r in self.hashed]
        return dense + np.array(rest) + layer.bias


def expected(lengths: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """The line through *peaks* over the logarithm of the length: shape (2, probes)."""
    seen = sized(lengths)
    return np.round(np.linalg.solve(seen.T @ seen, seen.T @ peaks) / FINE) * FINE


def write_npz(path: Path, **arrays) -> None:
    """An ``.npz`` that is the same bytes for the same arrays: stored, in order of name, with a fixed date."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            buffer = BytesIO()
            np.save(buffer, arrays[name], allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue())


def as_bytes(record: dict) -> np.ndarray:
    return np.frombuffer(json.dumps(record, sort_keys=True).encode(), dtype=np.uint8)


def local_embedder():
    from vault.models.store import ModelStore

    return ModelStore(Path(os.environ.get("MEMORY_MODELS", ROOT / ".build" / "models"))).load_embedder()


def embed(corpus: Corpus, probes: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    with local_embedder() as embedder:
        vectors, peaks = embedder.embed_with_peaks(list(corpus.texts), probes.astype(np.float32))
        return vectors, peaks, embedder.model_id


def read_embeddings(corpus: Corpus) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """The committed vectors and peaks in float64, the probes, the embedder's id; they must be of this very corpus."""
    with np.load(EMBEDDINGS) as arrays:
        about = json.loads(arrays["about"].tobytes())
        if about["corpus"] != corpus.sha or tuple(arrays["ids"].tolist()) != corpus.ids:
            sys.exit("the committed embeddings are of another corpus: run bench/head/train.py --embed")
        vectors, peaks = arrays["vectors"].astype(np.float64), arrays["peaks"] / 255
        return vectors, peaks, arrays["probes"], about["model_id"]


def fit(kernel: np.ndarray, labels: np.ndarray, decay: float = DECAY) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression by Nesterov's accelerated gradient; returns the dual (texts, classes) and the bias.

    Steps are taken in the span of the texts (weight = xᵀ·dual): the same iterates, and far fewer numbers.
    """
    target = np.eye(len(ALL))[labels]
    dual = ahead = np.zeros_like(target)
    bias = bias_ahead = np.zeros(len(ALL))
    rate = 1 / (0.5 * (_largest(kernel) / len(kernel) + 1) + decay)  # 1/L of the loss
    for step in range(STEPS):
        error = (softmax(kernel @ ahead + bias_ahead) - target) / len(kernel)
        following, bias_following = ahead - rate * (error + decay * ahead), bias_ahead - rate * error.sum(axis=0)
        push = step / (step + 3)
        ahead, bias_ahead = following + push * (following - dual), bias_following + push * (bias_following - bias)
        dual, bias = following, bias_following
    return dual, bias


def _largest(kernel: np.ndarray) -> float:
    """The largest eigenvalue, by power iteration; all entries being positive or nearly so, it converges at once."""
    vector = np.full(len(kernel), len(kernel) ** -0.5)
    for _ in range(30):
        vector = kernel @ vector
        vector /= np.linalg.norm(vector)
    return float(vector @ kernel @ vector) * 1.01


def held_out_logits(kernel: np.ndarray, labels: np.ndarray, fold: np.ndarray, decay: float = DECAY) -> np.ndarray:
    """Logits of every item by a head that did not see its fold."""
    logits = np.zeros((len(labels), len(ALL)))
    for i in range(FOLDS):
        seen, held = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
        dual, bias = fit(kernel[np.ix_(seen, seen)], labels[seen], decay)
        logits[held] = kernel[np.ix_(held, seen)] @ dual + bias
    return logits


def calibrate(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the smallest held-out loss, to two decimals."""

    def loss(temperature):
        return -np.log(softmax(logits / temperature)[np.arange(len(labels)), labels] + 1e-12).mean()

    return float(min((t / 100 for t in range(40, 301, 2)), key=loss))


def train(out: Path = WEIGHTS) -> None:
    corpus = read_corpus()
    vectors, peaks, probes, model_id = read_embeddings(corpus)
    inputs, fold = Inputs(corpus.texts, vectors, peaks), folds(corpus)
    spelt = inputs.spelt()
    about = {"classes": [c.value for c in ALL], "kinds": inputs.kinds, "model_id": model_id, "corpus": corpus.sha}
    arrays = {"probes": probes, "centre": inputs.centre}
    for name in ("peaked", "plain"):
        dense = getattr(inputs, name)
        kernel = inputs.kernel(name, spelt)
        about[f"{name}.temperature"] = calibrate(held_out_logits(kernel, corpus.labels, fold), corpus.labels)
        dual, bias = fit(kernel, corpus.labels)
        blocks = np.vstack([block.T @ dual for block in inputs.blocks()])
        own = np.stack([OWN * ((dense * mask[:, None]).T @ dual) for mask in inputs.registers.T])
        parts = (("dense", SHARED * (dense.T @ dual)), ("registers", own), ("hashed", blocks), ("bias", bias))
        for part, weights in parts:
            arrays[f"{name}.{part}"] = (np.round(weights / GRAIN) * GRAIN).astype(np.float16)
    write_npz(out, about=as_bytes(about), **arrays)
    print(f"{len(corpus.ids)} texts, {out.stat().st_size} bytes -> {out.name}")


def choose_probes(corpus: Corpus) -> np.ndarray:
    """Centres of a sample of the tokens' states by k-means on the sphere, four rounds."""
    rng = np.random.default_rng(0)
    with local_embedder() as embedder:
        states = [embedder._run([embedder._tokens(text)])[0] for text in corpus.texts]  # noqa: SLF001
    states = np.concatenate(states)
    states = states[rng.choice(len(states), min(SAMPLE, len(states)), replace=False)]
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    centres = states[rng.choice(len(states), PROBES, replace=False)]
    for _ in range(4):
        nearest = (states @ centres.T).argmax(axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, states)
        used = np.bincount(nearest, minlength=PROBES) > 0
        centres[used] = sums[used] / np.linalg.norm(sums[used], axis=1, keepdims=True)
    return centres.astype(np.float16)


def store_embeddings(*, anew: bool) -> None:
    corpus = read_corpus()
    probes = choose_probes(corpus) if anew else np.load(EMBEDDINGS)["probes"]
    vectors, peaks, model_id = embed(corpus, probes)
    arrays = {"vectors": vectors.astype(np.float16), "peaks": np.round(np.clip(peaks, 0, 1) * 255).astype(np.uint8)}
    about = as_bytes({"corpus": corpus.sha, "model_id": model_id})
    write_npz(EMBEDDINGS, about=about, ids=np.array(corpus.ids), probes=probes, **arrays)
    print(f"embedded {len(vectors)} texts with {model_id}")


def check() -> None:
    corpus = read_corpus()
    vectors, peaks, probes, model_id = read_embeddings(corpus)
    fresh, fresh_peaks, fresh_id = embed(corpus, probes)
    head = read(WEIGHTS.read_bytes())
    old, new = (
        Inputs(corpus.texts, v, p, head.kinds, head.centre).logits(head.peaked, "peaked").argmax(1)
        for v, p in ((vectors, peaks), (fresh, fresh_peaks))
    )
    same = old == new
    print(f"{same.mean():.4f} of the predictions agree")
    if fresh_id != model_id or same.mean() < AGREEMENT:
        sys.exit("the committed embeddings are not those of the local model: run bench/head/train.py --embed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for option in ("--embed", "--probes", "--check"):
        parser.add_argument(option, action="store_true")
    chosen = parser.parse_args()
    if chosen.embed or chosen.probes:
        store_embeddings(anew=chosen.probes)
    check() if chosen.check else train()
