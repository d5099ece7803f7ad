"""The real model on real notes: what meaning finds and words alone do not."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import vault
from vault.keys.stretching import KdfLimits
from vault.models.store import ModelStore
from vault.vault import Vault

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
QUERIES = [json.loads(line) for line in (EXAMPLES / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """A vault with the example notes, read by the real model."""
    models = Path(os.environ.get("MEMORY_TEST_MODELS", REPOSITORY / ".build" / "models"))
    ModelStore(models).install_default()
    place = tmp_path_factory.mktemp("meaning")
    with vault.create(place / "v", passphrase=b"pw", state=place / "s", models=models, limits=CHEAP) as v:
        report = v.import_from(EXAMPLES / "notes")
        assert report.added == len(list((EXAMPLES / "notes").rglob("*.md")))
        yield v


def paths(v: Vault, query: str, mode: str, limit: int) -> list[str]:
    """Source paths of what a query finds, below the folder imported."""
    return [hit.entry.source_id.removeprefix("notes/") for hit in v.search(query, limit=limit, mode=mode)]


@pytest.mark.parametrize("query", [q for q in QUERIES if q["kind"] == "meaning"], ids=lambda q: q["query"])
def test_meaning_finds_what_words_do_not(notes: Vault, query: dict[str, str]) -> None:
    """A question that shares no word with its note: words do not bring it up, the default search has it on top."""
    assert query["path"] not in paths(notes, query["query"], "keyword", 2)
    assert query["path"] in paths(notes, query["query"], "hybrid", 2)


@pytest.mark.parametrize("query", [q for q in QUERIES if q["kind"] == "words"], ids=lambda q: q["query"])
def test_meaning_does_not_bury_words(notes: Vault, query: dict[str, str]) -> None:
    """A question in the note's own words: the default search has it first."""
    assert paths(notes, query["query"], "hybrid", 1) == [query["path"]]


def test_most_example_notes_are_filed_as_their_author_would(notes: Vault) -> None:
    """At least three in four; no ultrasecret below its class, and no secret but one among the open ones."""
    expected = {
        row["path"]: row["label"]
        for row in map(json.loads, (EXAMPLES / "expected.jsonl").read_text(encoding="utf-8").splitlines())
    }
    found = {e.source_id.removeprefix("notes/"): e.classification.value for e in notes.entries(limit=1000)}
    assert sum(found[path] == label for path, label in expected.items()) >= 0.75 * len(expected)
    assert all(found[p] == "ultrasecret" for p, label in expected.items() if label == "ultrasecret")
    opened = [p for p, label in expected.items() if label == "secret" and found[p] in {"general", "chronological"}]
    assert len(opened) <= 1, opened


def test_every_entry_has_its_vectors(notes: Vault) -> None:
    """Nothing waits after an import: all of it can be found by meaning."""
    assert sum(c.waiting() for c in notes.opened.compartments) == 0
