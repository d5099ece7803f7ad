"""The JSON of every command: keys and types exactly, because scripts read it."""

import json
from pathlib import Path
from typing import Any

import pytest
from program import Program

CAPTURED = {
    "id": str, "classification": str, "confidence": float, "reasoning": str, "tags": list, "emotion": str,
    "level": int, "title": str, "created": str, "warnings": list,
}  # fmt: skip
LISTED = {
    "id": str, "classification": str, "title": str, "created": str, "updated": str, "tags": list, "source": str,
    "conflict": bool, "metadata": dict,
}  # fmt: skip
SHOWN = {
    **CAPTURED, "text": str, "updated": str, "source": str, "source_id": str, "context": str, "metadata": dict,
    "trust": str, "deleted": bool, "conflict": bool, "revisions": list,
}  # fmt: skip
FOUND = {
    "id": str, "classification": str, "title": str, "snippet": str, "score": float, "created": str, "tags": list,
    "source": str, "metadata": dict,
}  # fmt: skip
VERSION = {
    "revision": str, "classification": str, "updated": str, "device": str, "kind": str, "head": bool, "title": str,
    "text": str,
}  # fmt: skip
IMPORTED = {
    "path": str, "dry_run": bool, "added": int, "updated": int, "unchanged": int, "waiting": int, "skipped": list,
    "by_class": dict,
}  # fmt: skip
STATUS = {"vault": str, "id": str, "device": str, "model": type(None), "waiting_for_vectors": int, "classes": dict}
SLOT = {"id": str, "class": str, "kind": str, "group": str}
FINDING = {"severity": str, "subject": str, "message": str, "remedy": str}
SETTING = {"key": str, "value": object, "default": object, "meaning": str}
CLASSES = ["general", "chronological", "confidential", "secret", "ultrasecret"]


def shape(row: dict[str, Any]) -> dict[str, type]:
    """Keys, in order, with the types of their values."""
    return {key: type(value) for key, value in row.items()}


def fits(row: dict[str, Any], promised: dict[str, type]) -> bool:
    """Whether *row* has exactly the promised keys, in order, with the promised types."""
    return list(row) == list(promised) and all(
        kind is object or type(row[key]) is kind for key, kind in promised.items()
    )


def test_the_comparison_notices_changes() -> None:
    """Positive control: a missing key, one more, another order, another type."""
    assert fits({"id": "a", "n": 1}, {"id": str, "n": int})
    for row in ({"id": "a"}, {"id": "a", "n": 1, "m": 1}, {"n": 1, "id": "a"}, {"id": "a", "n": True}):
        assert not fits(row, {"id": str, "n": int})


def test_add_and_show(memory: Program) -> None:
    """`add` tells what was decided; `show` tells everything; both agree; times carry their offset."""
    added = memory("add", "--json", "--title", "T", "-t", "work", "-c", "general", "some text").ok().json
    assert fits(added, CAPTURED), shape(added)
    assert len(added["id"]) == 16
    assert (added["classification"], added["level"], added["confidence"]) == ("general", 1, 1.0)
    assert added["created"].endswith("+00:00")
    shown = memory("show", "--json", added["id"]).ok().json
    assert fits(shown, SHOWN), shape(shown)
    assert {k: v for k, v in shown.items() if k in added and k != "warnings"} == {
        k: v for k, v in added.items() if k != "warnings"
    }
    assert shown["text"] == "some text"
    other = memory.add("another")
    both = memory("show", "--json", added["id"], other).ok().json
    assert [row["id"] for row in both] == [added["id"], other]


def test_list_and_trash(memory: Program) -> None:
    """Arrays of rows; nothing is an empty array; jsonl is one row a line; -0 is ids only."""
    assert memory("list", "--json").ok().json == []
    first, second = memory.add("one\ntwo"), memory.add("three")
    rows = memory("list", "--json").ok().json
    assert all(fits(row, LISTED) for row in rows), rows
    assert [row["id"] for row in rows] == [second, first]
    lines = memory("list", "--format", "jsonl").ok().out.splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert memory("list", "-0").ok().raw == f"{second}\0{first}\0".encode()
    tsv = memory("list", "--format", "tsv").ok().out.splitlines()
    assert [line.split("\t")[:3] for line in tsv] == [[second, "general", "three"], [first, "general", "one"]]
    memory("rm", first).ok()
    trash = memory("trash", "--json").ok().json
    assert [row["id"] for row in trash] == [first]
    assert all(fits(row, LISTED) for row in trash)


def test_search(memory: Program) -> None:
    """Matches are wrapped in ``**``; --explain adds the legs; nothing found is an empty array."""
    entry = memory.add("the boiler was repaired", "-t", "home", "-c", "general")
    rows = memory("search", "--json", "boiler").ok().json
    assert [row["id"] for row in rows] == [entry]
    assert fits(rows[0], FOUND), shape(rows[0])
    assert rows[0]["snippet"] == "the **boiler** was repaired"
    explained = memory("search", "--json", "--explain", "boiler").ok().json[0]
    assert fits(explained, {**FOUND, "explain": dict})
    assert all(fits(leg, {"rank": int, "score": float}) for leg in explained["explain"].values())
    assert memory("search", "--json", "nowhere-in-it").ok().json == []
    assert memory("search", "--exit-status", "nowhere-in-it").code == 14


def test_changes(memory: Program) -> None:
    """`edit`, `rm`, `restore` and `move` print what `add` prints; `tag` prints a row of `list`."""
    entry = memory.add("text")
    for args in (("edit", entry, "--title", "T"), ("move", entry, "-c", "secret"), ("rm", entry), ("restore", entry)):
        row = memory(*args, "--json").ok().json
        assert fits(row, CAPTURED), (args, shape(row))
        assert row["id"] == entry
    assert fits(memory("tag", entry, "work", "--json").ok().json, LISTED)
    assert memory("tag", "--json").ok().json == [{"tag": "work", "count": 1}]


def test_history(memory: Program) -> None:
    """Newest first; kinds are text, trash and moved; exactly the newest is the head."""
    entry = memory.add("one")
    memory("edit", entry, "--stdin", stdin="two").ok()
    memory("rm", entry).ok()
    rows = memory("history", "--json", entry).ok().json
    assert all(fits(row, VERSION) for row in rows), rows
    assert [(row["kind"], row["text"], row["head"]) for row in rows] == [
        ("trash", "", True),
        ("text", "two", False),
        ("text", "one", False),
    ]


def test_import_and_export(memory: Program) -> None:
    """Counts of what was done, and why something was not."""
    source = memory.root / "work" / "in.jsonl"
    source.write_text('{"text": "a"}\nnot json\n')
    row = memory("import", "--json", source).ok().json
    assert fits(row, IMPORTED), shape(row)
    assert (row["added"], len(row["skipped"])) == (1, 1)
    assert fits(row["skipped"][0], {"where": str, "reason": str})
    out = memory("export", "--json", "-y", memory.root / "work" / "out").ok().json
    assert fits(out, {"path": str, "count": int, "dry_run": bool})
    assert out["count"] == 1


def test_upkeep(memory: Program, tmp_path: Path) -> None:
    """Status, doctor, settings, keyslots and models."""
    status = memory("status", "--json").ok().json
    assert fits(status, STATUS), shape(status)
    assert list(status["classes"]) == CLASSES
    assert all(fits(c, {"open": bool, "entries": int, "trash": int}) for c in status["classes"].values())
    locked = memory("status", "--json", env={"MEMORY_KEYFILE": None}).ok().json
    assert all(c == {"open": False, "entries": None, "trash": None} for c in locked["classes"].values())
    findings = memory("doctor", "--json").ok().json
    assert all(fits(f, FINDING) for f in findings)
    assert all(fits(s, SETTING) for s in memory("config", "list", "--json").ok().json)
    slots = memory("key", "list", "--json").ok().json
    assert all(fits(s, SLOT) for s in slots)
    assert [s["class"] for s in slots] == CLASSES
    assert memory("model", "list", "--json").ok().json == []
    more = tmp_path / "more.key"
    more.write_bytes(b"m" * 32)
    assert all(fits(s, SLOT) for s in memory("key", "add", "keyfile", "--file", more, "--json").ok().json)


@pytest.mark.model
def test_models(modelled: Program) -> None:
    """An installed model is its record, and whether it is in use."""
    (row,) = modelled("model", "list", "--json").ok().json
    promised = {
        "name": str, "kind": str, "model_id": str, "dims": int, "sha256": str, "size": int, "licence": str,
        "source": str, "mtime_ns": int, "active": bool,
    }  # fmt: skip
    assert fits(row, promised), shape(row)
    assert row["active"] is True
    assert (row["name"], row["kind"], row["dims"]) == ("all-minilm-l6-v2", "embedder", 384)
    assert modelled("status", "--json").ok().json["model"] == "all-minilm-l6-v2"
