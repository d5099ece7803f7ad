"""One entry's life through the facade: capture, find, edit, retag, move, delete, restore, purge, history."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

import vault
from vault.errors import InvalidInput, NotFound

Maker = Callable[..., vault.Vault]
PASSWORD = "The database login is\npassword: hV7#qL9!zR2$wX4k\nAKIAIOSFODNN7EXAMPL2 ghp_" + "a1B2c3D4e5F6" * 3


def test_what_was_captured_comes_back_after_reopening(new_vault: Maker) -> None:
    """Every argument of `capture` is kept, in this process and in the next."""
    moment = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    v = new_vault()
    entry = v.capture(
        "Body with ümlauts\n", "confidential", title="A title", tags=("Work", "ops/db"), created=moment,
        source="shell", context="on the train", metadata={"n": [1, {"x": None}]},
    )  # fmt: skip
    v.close()
    found = new_vault(reopen=True).get(entry.id)
    assert (found.text, found.title, found.tags, found.created) == (
        "Body with ümlauts\n", "A title", ("work", "ops/db"), moment,
    )  # fmt: skip
    assert (found.source, found.context, found.metadata) == ("shell", "on the train", {"n": [1, {"x": None}]})
    assert (found.classification, found.level, found.conflict, found.deleted) == ("confidential", 2, False, False)


def test_capture_many_takes_texts_and_mappings(new_vault: Maker) -> None:
    """More than one batch, in order, each durable when it is yielded; a bad item leaves what came before."""
    v = new_vault()
    items = [f"text {n}" if n % 2 else {"text": f"text {n}", "classification": "secret"} for n in range(150)]
    assert [e.text for e in v.capture_many(items)] == [f"text {n}" for n in range(150)]
    assert sum(n for n, _ in v.counts().values()) == 150
    with pytest.raises(InvalidInput):
        list(v.capture_many([{"txt": "misspelt"}]))


def test_an_edit_is_a_new_revision_and_history_keeps_the_old(new_vault: Maker) -> None:
    """The newest text is shown and found, the old one only in history; what is not named stays."""
    v = new_vault()
    entry = v.capture("first zebra", "general", title="t", tags=["a"], metadata={"k": 1})
    edited = v.edit(entry.id, "second giraffe", tags=["b"])
    assert (edited.id, edited.title, edited.tags, edited.metadata) == (entry.id, "t", ("b",), {"k": 1})
    assert edited.created == entry.created
    assert [x.entry.text for x in v.history(entry.id)] == ["second giraffe", "first zebra"]
    assert [x.head for x in v.history(entry.id)] == [True, False]
    assert v.search("zebra") == []
    assert v.search("giraffe")[0].entry.id == entry.id
    assert v.tags() == {"b": 1}


def test_an_edit_that_brings_a_password_in_raises_the_class(new_vault: Maker) -> None:
    """The new text is never sealed in the lower class, and the person is told that the old one stays there."""
    v = new_vault()
    entry = v.capture("Ideas for the garden: plant tulips and roses in spring", "general")
    entry = v.edit(entry.id, tags=["x"])
    automatic = next(v.capture_many([{"text": "The train to Bern leaves from platform nine"}]))
    raised = v.edit(automatic.id, PASSWORD)
    assert raised.level > automatic.level
    assert raised.warnings
    assert v.get(automatic.id).classification is raised.classification
    lower = v.opened.need(automatic.classification).compartment
    assert lower.entry(automatic.id) is None
    texts = [v.opened.load(automatic.classification, r.name) for r in lower.history(automatic.id)]
    assert all(r is None or "hV7" not in r.body for r in texts)


def test_an_edit_never_overrules_an_explicit_class(new_vault: Maker) -> None:
    """Who said ``general`` outright gets general, with a warning."""
    v = new_vault()
    entry = v.capture("harmless", "general")
    edited = v.edit(entry.id, PASSWORD)
    assert edited.classification == "general"
    assert edited.warnings


def test_move_leaves_nothing_behind(new_vault: Maker) -> None:
    """The entry is in the new class only, with its history, and can go back."""
    v = new_vault()
    entry = v.capture("walrus", "general", tags=["t"])
    moved = v.move(entry.id, "secret")
    assert (moved.classification, v.get(entry.id).classification) == ("secret", "secret")
    assert [h.entry.classification for h in v.search("walrus")] == ["secret"]
    assert v.counts()["general"] == (0, 0)
    assert v.edit(entry.id, "walrus two").classification == "secret"
    v.close()
    v = new_vault(reopen=True)
    assert v.move(entry.id, "general").classification == "general"
    assert [e.classification for e in v.entries()] == ["general"]
    v.close()
    v = new_vault(reopen=True)
    assert v.get(entry.id).text == "walrus two"
    assert len(v.history(entry.id)) >= 4


def test_delete_is_a_trash_and_restore_brings_back(new_vault: Maker) -> None:
    """In the trash: not found, not counted, not listed but in the trash; restored: as it was."""
    v = new_vault()
    entry = v.capture("pelican", "general", tags=["bird"], title="P")
    assert v.delete(entry.id).deleted
    assert v.search("pelican") == [] == v.entries()
    assert (v.tags(), v.counts()["general"]) == ({}, (0, 1))
    assert [e.text for e in v.entries(trash=True)] == ["pelican"]
    with pytest.raises(NotFound):
        v.edit(entry.id, "x")
    with pytest.raises(NotFound):
        v.get(entry.id, trash=False)
    restored = v.restore(entry.id)
    assert (restored.text, restored.title, restored.tags, restored.deleted) == ("pelican", "P", ("bird",), False)
    assert v.search("pelican")[0].entry.id == entry.id
    with pytest.raises(InvalidInput):
        v.restore(entry.id)


def test_an_older_revision_can_be_brought_back(new_vault: Maker) -> None:
    """By its name or a prefix of it; the way there stays in history."""
    v = new_vault()
    entry = v.capture("one", "general")
    v.edit(entry.id, "two")
    first = v.history(entry.id)[-1].name
    assert v.restore(entry.id, first[:10]).text == "one"
    assert [x.entry.text for x in v.history(entry.id)] == ["one", "two", "one"]
    with pytest.raises(NotFound):
        v.restore(entry.id, "zzzz")


def test_purged_is_purged(new_vault: Maker, tmp_path: Path) -> None:
    """No file of it is left, it is not found by anything, and putting its files back brings nothing back."""
    v = new_vault()
    keep = v.capture("stays", "general")
    entry = v.capture("goes", "general")
    v.edit(entry.id, "goes too")
    files = [v.home.objects.path_of(x.name) for x in v.history(entry.id)]
    saved = [(f, f.read_bytes()) for f in files]
    v.delete(entry.id, purge=True)
    assert not any(f.exists() for f in files)
    for path, data in saved:
        path.write_bytes(data)
    for opening in ("again", "and again"):
        v.close()
        v = new_vault(reopen=True)
        assert [e.id for e in v.entries()] == [keep.id], opening
        assert v.search("goes") == []
        v.rebuild()
        with pytest.raises(NotFound):
            v.get(entry.id)
        assert [f for f in v.examine() if f.severity == "error"] == []


def test_files_of_purged_revisions_go_when_they_reappear(new_vault: Maker) -> None:
    """A purge that crashed half-way, or came by sync: the next opening deletes the sealed files."""
    v = new_vault()
    entry = v.capture("goes", "general")
    path = v.home.objects.path_of(entry.revisions[0])
    data = path.read_bytes()
    v.delete(entry.id, purge=True)
    path.write_bytes(data)
    v.close()
    new_vault(reopen=True)
    assert not path.exists()


def test_ids_are_resolved_by_prefix(new_vault: Maker) -> None:
    """Four characters or more, any case, look-alike letters forgiven; ambiguous and short ones refused."""
    v = new_vault()
    ids = [v.capture(f"n {n}", "general").id for n in range(5)]
    assert v.get(ids[0][:8].upper()).id == ids[0]
    for short in ("", "abc"):
        with pytest.raises(InvalidInput):
            v.get(short)
    with pytest.raises(NotFound):
        v.get("zzzzzzzzzzzzzzzz")
    compartment = v.opened.need(vault.Classification.GENERAL).compartment
    compartment.db.execute("UPDATE entry SET id = substr(?, 1, 5) || substr(id, 6) WHERE id = ?", [ids[0], ids[1]])
    with pytest.raises(InvalidInput, match="ambiguous"):
        v.get(ids[0][:4])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("heron", {"a", "b", "c"}),
        ("heron tag:work", {"a", "b"}),
        ("heron tag:work/ops", {"b"}),
        ("heron -tag:work", {"c"}),
        ("heron class:secret", {"c"}),
        ("heron -class:secret", {"a", "b"}),
        ("heron source:shell", {"a"}),
        ("heron -source:shell", {"b", "c"}),
        ("heron after:2026-02-01", {"b", "c"}),
        ("heron before:2026-02-01", {"a"}),
        ("heron on:2026-03-01", {"b"}),
        ("heron has:link", {"c"}),
        ("heron has:tag", {"a", "b"}),
        ('"heron one"', {"a"}),
        ("heron -two", {"a", "c"}),
        ("title:grey", {"b"}),
        ("hero*", {"a", "b", "c"}),
        ("herron", {"a", "b", "c"}),
        ("herron tag:work", {"a", "b"}),
        ("herron -class:secret before:2026-02-01", {"a"}),
        ("eron", {"a", "b", "c"}),
        ("tag:work", {"a", "b"}),
    ],
)
def test_filters_hold_in_every_leg(new_vault: Maker, query: str, expected: set[str]) -> None:
    """By words, by trigrams (typos, substrings) and without text: a filter admits what it names, nothing else."""
    v = new_vault()
    utc = UTC
    names = {
        v.capture("heron one", "general", tags=["work"], source="shell", created=datetime(2026, 1, 1, tzinfo=utc)).id: "a",
        v.capture("heron two", "general", title="Grey", tags=["work/ops"], source="x", created=datetime(2026, 3, 1, 12).astimezone()).id: "b",
        v.capture("heron [[three]]", "secret", tags=(), source="y", created=datetime(2026, 5, 1, tzinfo=utc)).id: "c",
        v.capture("something else", "general", tags=["other"]).id: "d",
    }  # fmt: skip
    for entry in list(names):
        if names[entry] in "cd":
            v.edit(entry, tags=[] if names[entry] == "c" else ["other"])
    assert {names[h.entry.id] for h in v.search(query)} == expected
    assert all(h.snippet for h in v.search(query))


def test_moments_are_understood_or_refused(new_vault: Maker) -> None:
    """Aware, naive (local), ISO text; nonsense and years out of range are InvalidInput."""
    v = new_vault()
    assert v.capture("x", "general", created="2026-03-02T09:30:00+02:00").created == datetime(
        2026, 3, 2, 7, 30, tzinfo=UTC
    )
    assert v.capture("x", "general", created=datetime(2026, 3, 2)).created == datetime(2026, 3, 2).astimezone(UTC)  # noqa: DTZ001
    for year in (1, 9999):
        moment = datetime(year, 6, 1, tzinfo=UTC)
        assert v.get(v.capture("x", "general", created=moment).id).created == moment
    beyond = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))
    for wrong in ("soon", "0000-01-01", "2026-02-30", beyond):
        with pytest.raises(InvalidInput):
            v.capture("x", "general", created=wrong)


def test_a_damaged_index_is_rebuilt_and_nothing_is_lost(new_vault: Maker) -> None:
    """Rubbish in place of every database: the same entries, with a note; and `rebuild` does it on demand."""
    v = new_vault()
    ids = {v.capture(f"n {n}", c).id for n, c in enumerate(vault.Classification)}
    paths = [v.home.database(c) for c in vault.Classification]
    v.close()
    for path in paths:
        path.write_bytes(b"rubbish" * 3000)
    v = new_vault(reopen=True)
    assert {e.id for e in v.entries()} == ids
    assert len([n for n in v.notes if "rebuilt" in n]) == len(paths)
    assert v.rebuild() == tuple(vault.Classification)
    assert {e.id for e in v.entries()} == ids


def test_unknown_keys_of_a_later_version_are_kept(new_vault: Maker) -> None:
    """A revision with front matter that this version does not know: an edit here writes it again."""
    from dataclasses import replace

    from vault import capture as capturing

    v = new_vault()
    entry = v.capture("x", "general")
    later = replace(capturing.again(entry, entry.classification, entry.revisions), extra={"mood_ring": {"hue": 7}})
    v._writer.write([later])
    for change in (
        lambda: v.edit(entry.id, tags=["t"]),
        lambda: v.edit(entry.id, "new text"),
        lambda: v.move(entry.id, "secret"),
    ):
        change()
        found = v.get(entry.id)
        revision = v.opened.load(found.classification, found.revisions[0])
        assert revision is not None
        assert revision.extra == {"mood_ring": {"hue": 7}}
