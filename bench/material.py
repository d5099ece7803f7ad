"""What the benchmarks are fed: notes that look real, queries that people would type, and vaults full of both.

Texts are put together from the sentences of public notes and command pages where those are at hand, else of
`examples/notes`. Vectors are drawn around topic centroids: a scan costs the same whatever they mean.
"""

import os
import random
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import vault
from vault.classification import Classification
from vault.compartment.records import Incoming
from vault.entry import Revision
from vault.names import name_of, new_entry_id
from vault.vault import Vault

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared" / "data"
MODELS = REPOSITORY / ".build" / "models"
DIMS = 384
TOPICS = 200
SHARES = {
    Classification.GENERAL: 0.50,
    Classification.CHRONOLOGICAL: 0.20,
    Classification.CONFIDENTIAL: 0.20,
    Classification.SECRET: 0.07,
    Classification.ULTRASECRET: 0.03,
}
SOURCES = ("shell", "markdown", "chat", "mail", "")
_FIRST = datetime(2023, 1, 1, tzinfo=UTC)
_DAYS = 1400
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n\s*\n|\n[-*#>]+ ")

QUERIES = (
    # one word, rare and common
    "nginx", "git", "postgres", "file", "docker", "sqlite", "list", "certificate", "python", "use",
    # two and three
    "cors policy", "convert video", "remove branch", "list files", "disk usage", "show running containers",
    "reset admin password", "compress image", "search text in files", "mount remote filesystem", "json query path",
    # four to six, with common words
    "how to undo a commit", "run a command every minute", "copy files to a server", "find large files on disk",
    "the best way to resize images", "use python to read a file", "what is the port of postgres",
    "github actions cache python dependencies", "print the current working directory path",
    "start a new project from template",
    # phrases, exclusions, prefixes, alternatives
    '"command line" tool', '"pull request" review', '"virtual environment"', "docker -compose", "config* server",
    "jq OR yq filter", "encrypt* file -gpg", '"read from standard input"',
    # filters
    "backup tag:git", "install source:shell", "query after:2025-01", "error before:2024-06", "deploy class:general",
    "python title:data", "server tag:python after:2024-01 -windows", "archive has:tag",
    # typos and substrings (the trigram leg)
    "kubernets", "postgress backup", "dockr volume", "javascrpt promise",
)  # fmt: skip
"""Fifty queries: one to six words, common and rare, phrases, filters, typos."""


@lru_cache(maxsize=1)
def notes() -> tuple[tuple[str, str], ...]:
    """(topic, Markdown) of every note at hand, in a fixed order."""
    found: list[tuple[str, str]] = []
    for archive in ("til.tar.gz", "tldr-en.tar.gz"):
        if (SHARED / archive).exists():
            with tarfile.open(SHARED / archive, "r|gz") as tar:  # a stream: seeking in gzip starts over each time
                found += [
                    (Path(member.name).parent.name, file.read().decode("utf-8", "replace"))
                    for member in tar
                    if member.name.endswith(".md") and (file := tar.extractfile(member))
                ]
    if not found:
        paths = sorted((REPOSITORY / "examples" / "notes").rglob("*.md"))
        found = [(path.parent.name, path.read_text()) for path in paths]
    return tuple(found)


def folder_of_notes(target: Path, count: int, seed: int = 0) -> Path:
    """*count* notes as a folder of Markdown files; every sixth is a long one. Other seeds give other notes."""
    everything = random.Random(3).sample(notes(), len(notes()))
    long = [note for note in everything if len(note[1]) > 1500]
    short = [note for note in everything if len(note[1]) <= 1500]
    for i in range(count):
        pool = long if i % 6 == 0 and long else short
        topic, text = pool[(seed * count + i) % len(pool)]
        path = target / (topic or "notes") / f"{i:05d}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return target


@dataclass
class Writer:
    """Makes up notes: two to eight sentences on a topic with a few from elsewhere, title, tags, date."""

    chance: random.Random = field(default_factory=lambda: random.Random(7))
    sentences: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for topic, text in notes():
            found = (" ".join(s.split()) for s in _SENTENCE.split(text))
            self.sentences.setdefault(topic, []).extend(s for s in found if 15 <= len(s) <= 400)
        self.sentences = {t: s for t, s in self.sentences.items() if len(s) >= 5}
        self.topics = sorted(self.sentences)
        self.all = [s for t in self.topics for s in self.sentences[t]]

    def item(self) -> dict[str, Any]:
        """The arguments of one capture; the class is given, as in `SHARES`."""
        chance = self.chance
        topic = chance.choices(self.topics, [len(self.sentences[t]) for t in self.topics])[0]
        about = chance.choices(self.sentences[topic], k=chance.randint(2, 6))
        text = "\n".join([*about, *chance.choices(self.all, k=chance.randint(0, 2))])
        when = _FIRST + timedelta(days=chance.uniform(0, _DAYS))
        return {
            "text": text,
            "title": chance.choice(about)[:60].strip("# `") or topic,
            "tags": [topic.lower() or "notes", *chance.choices(self.topics, k=chance.randint(0, 2))],
            "created": when,
            "source": chance.choice(SOURCES),
            "classification": chance.choices(list(SHARES), list(SHARES.values()))[0],
        }

    def items(self, count: int) -> Iterator[dict[str, Any]]:
        """*count* of them."""
        return (self.item() for _ in range(count))


class SyntheticEmbedder:
    """Answers like `vault.models.Embedder`, at once: a point near one of `TOPICS` centroids."""

    model_id = "synthetic"
    dims = DIMS

    def __init__(self) -> None:
        self._random = np.random.default_rng(11)
        self._centroids = _unit(self._random.normal(size=(TOPICS, DIMS)))

    def points(self, count: int) -> Any:
        """*count* unit vectors, float32 (count, dims)."""
        nearby = self._centroids[self._random.integers(TOPICS, size=count)]
        return _unit(nearby + self._random.normal(scale=0.06, size=(count, DIMS))).astype(np.float32)

    def embed(self, texts: Sequence[str]) -> Any:
        """One point a text."""
        return self.points(len(texts))

    def embed_one(self, _text: str) -> Any:
        """One point."""
        return self.points(1)[0]

    def count_tokens(self, text: str) -> int:
        """About four characters a token."""
        return len(text) // 4 + 2

    def close(self) -> None:
        """Nothing to free."""


def _unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@dataclass(frozen=True)
class Place:
    """A directory that stands for somebody's home, with a keyfile in it."""

    root: Path

    @property
    def keyfile(self) -> Path:
        """What unlocks everything."""
        return self.root / "key"

    @property
    def environment(self) -> dict[str, str]:
        """For the program: nothing of the person who runs the benchmark shows through."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "HOME": str(self.root),
            "XDG_DATA_HOME": str(self.root / "data"),
            "XDG_STATE_HOME": str(self.root / "state"),
            "XDG_CONFIG_HOME": str(self.root / "config"),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "MEMORY_KEYFILE": str(self.keyfile),
        }

    def make(self) -> None:
        """Keyfile, and a vault that it opens."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.keyfile.write_bytes(os.urandom(64))
        vault.create(self.path, state=self.state, keyfile=self.keyfile, models=self.root / "none").close()

    @property
    def path(self) -> Path:
        """The vault."""
        return self.root / "data" / "memory" / "vault"

    @property
    def state(self) -> Path:
        """This device's state."""
        return self.root / "state" / "memory"

    def open(self, models: Path | None = None, *, locked: bool = False) -> Vault:
        """The vault, without a model unless *models* is given."""
        return vault.open(
            self.path,
            state=self.state,
            keyfile=None if locked else self.keyfile,
            models=models or self.root / "none",
        )

    def install_model(self) -> None:
        """Let the program find the real model."""
        (self.root / "data" / "memory" / "models").symlink_to(MODELS)


def fill_index(opened: Vault, count: int, embedder: SyntheticEmbedder) -> None:
    """Put *count* made-up entries with vectors through the real compartments, without sealed files."""
    writer = Writer()
    home = opened.home
    for start in range(0, count, 2000):
        batch: dict[Classification, list[Revision]] = {}
        for item in writer.items(min(2000, count - start)):
            batch.setdefault(item["classification"], []).append(_revision(home.vault_id, item))
        for classification, revisions in batch.items():
            compartment = opened.opened.need(classification).compartment
            incoming = [Incoming(name_of(r.entry.encode()), name_of(r.entry.encode()), r) for r in revisions]
            compartment.apply(incoming, lambda _name: None)
            compartment.use_model(embedder.model_id, embedder.dims)
            rows = []
            for revision in revisions:
                spans = [(i, min(len(revision.body), i + 700)) for i in range(0, len(revision.body), 700)]
                rowid = compartment.rowid(revision.entry)
                if rowid is not None:
                    rows.append((rowid, spans, embedder.points(len(spans))))
            compartment.put_passages(rows)


def _revision(vault_id: str, item: dict[str, Any]) -> Revision:
    return Revision(
        vault=vault_id,
        classification=item["classification"],
        entry=new_entry_id(),
        device="a" * 16,
        parents=(),
        seq=0,
        created=item["created"],
        updated=item["created"],
        body=item["text"],
        title=item["title"],
        tags=tuple(dict.fromkeys(item["tags"])),
        source=item["source"],
        confidence=1.0,
        reasoning="explicit: the class was given",
        emotion="neutral",
    )
