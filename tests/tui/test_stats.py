"""`memory stats`: the plain twin of the charts, and the same figures."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))

from program import Program, fast_directory

import vault
from vault.classification import Classification


@pytest.fixture(scope="module")
def filled() -> Iterator[Program]:
    """A vault with three notes in two classes."""
    with fast_directory() as place:
        program = Program(place).init()
        program.add("one", "-c", "general", "-t", "home", "--created", "2026-03-02", "--source", "shell")
        program.add("two", "-c", "general", "-t", "home", "--created", "2026-03-02")
        program.add("three", "-c", "secret", "-t", "keys", "--created", "2026-04-01")
        yield program


def test_json_is_stable(filled: Program) -> None:
    """The keys and figures that scripts rely on."""
    seen = filled("stats", "--json").ok().json
    assert seen["entries"] == 3
    assert seen["classes"] == {"general": 2, "chronological": 0, "confidential": 0, "secret": 1, "ultrasecret": 0}
    assert seen["months"] == {"2026-03": {"general": 2}, "2026-04": {"secret": 1}}
    assert seen["days"] == {"2026-03-02": 2, "2026-04-01": 1}
    assert seen["tags"] == {"home": 2, "keys": 1}
    assert seen["sources"] == {"pipe": 2, "shell": 1}


def test_text(filled: Program) -> None:
    """Names, counts and bars for a person, no escapes in a pipe."""
    out = filled("stats").ok().out
    assert "3 entries" in out
    assert "by month" in out
    assert "#" * 30 in out
    assert "\x1b" not in out


def test_a_locked_class_leaves_no_trace(new_vault: Callable[..., vault.Vault]) -> None:
    """Figures, facets, timeline and neighbours know nothing of what is locked."""
    v = new_vault()
    v.capture("about zebras", "secret", tags=["stripes"], created="2024-03-02T10:00")
    kept = v.capture("about horses", "general", created="2026-03-02T10:00")
    assert v.browsing.figures().facets.total == 2
    v.lock([Classification.SECRET])
    figures = v.browsing.figures()
    assert figures.facets.total == 1
    assert "stripes" not in dict(figures.facets.tags)
    assert "2024-03" not in figures.by_month
    assert len(v.browsing.order()) == 1
    assert not v.browsing.related(kept).near
    assert not v.browsing.on_this_day(kept.created.astimezone().date())


def test_orders_and_windows(new_vault: Callable[..., vault.Vault]) -> None:
    """An order merges all classes newest first; windows give its lines, None for what went meanwhile."""
    v = new_vault()
    ids = [
        v.capture(f"note {i}", ("general", "secret")[i % 2], created=f"2026-03-{i + 1:02}T10:00", tags=["t"]).id
        for i in range(9)
    ]
    order = v.browsing.order()
    seen = [item.row.id for item in v.browsing.window(order, 0, 100) if item]
    assert seen == ids[::-1]
    assert [item.row.id for item in v.browsing.window(order, 3, 5) if item] == ids[::-1][3:5]
    assert len(v.browsing.order(limit=4)) == 4
    assert not v.browsing.order(limit=4).whole
    assert len(v.browsing.order("class:secret after:2026-03-04")) == 3
    v.delete(ids[0])
    assert len(v.browsing.order()) == 8
    assert [item.row.id for item in v.browsing.window(v.browsing.order(trash=True), 0, 9) if item] == [ids[0]]


def test_related_by_meaning(new_vault: Callable[..., vault.Vault]) -> None:
    """With vectors in the index, neighbours come from them, across classes; without, from the words of the title."""
    v = new_vault()
    entries = [v.capture(text, c) for text, c in (("horse", "general"), ("pony", "secret"), ("invoice", "general"))]
    for entry, vector in zip(
        entries, ([1.0, 0.1] + [0.0] * 14, [1.0, 0.2] + [0.0] * 14, [-1.0, 1.0] + [0.0] * 14), strict=True
    ):
        compartment = v.opened.need(entry.classification).compartment
        compartment.use_model("toy", 16)
        rowid = compartment.rowid(entry.id)
        assert rowid is not None
        compartment.put_passages([(rowid, [(0, 5)], [vector])])
    related = v.browsing.related(entries[0])
    assert related.by_meaning
    assert [item.row.id for item in related.near] == [entries[1].id]
