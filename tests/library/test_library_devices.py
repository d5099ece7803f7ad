"""Two devices with one vault, merged as git merges it: the set union of files, in any order, without a key."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from one_class import add_slot, remove_slot

import vault
from vault.errors import NotFound
from vault.keys.stretching import KdfLimits

CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
PASSPHRASE = b"two machines"


@dataclass
class Devices:
    """Machines ``a`` and ``b``, each with a vault directory and a state of its own."""

    root: Path
    opened: dict[str, vault.Vault] = field(default_factory=dict)

    def open(self, name: str) -> vault.Vault:
        """The vault on that machine, opened anew."""
        if name in self.opened:
            self.opened.pop(name).close()
        where = {"state": self.root / f"{name}-state", "models": self.root / "none", "limits": CHEAP}
        self.opened[name] = vault.open(self.root / name, passphrase=PASSPHRASE, **where)  # type: ignore[arg-type]
        return self.opened[name]

    def merge(self) -> tuple[vault.Vault, vault.Vault]:
        """Bring both in step and open both; a replaced header section goes, as a sync that deletes would have it."""
        for source, target in (("a", "b"), ("b", "a")):
            for path in (self.root / source).rglob("*"):
                copy = self.root / target / path.relative_to(self.root / source)
                if path.is_file() and not copy.exists():
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, copy)
        return self.open("a"), self.open("b")


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Devices]:
    """Both enrolled and in step."""
    made = Devices(tmp_path)
    made.opened["a"] = vault.create(
        tmp_path / "a", passphrase=PASSPHRASE, state=tmp_path / "a-state", models=tmp_path / "none", limits=CHEAP
    )
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    made.open("b")
    made.merge()
    yield made
    for v in made.opened.values():
        v.close()


def same(a: vault.Vault, b: vault.Vault) -> bool:
    """Whether both show the same memories."""

    def shown(v: vault.Vault) -> list[tuple[object, ...]]:
        return [
            (e.id, e.text, e.classification, e.deleted, sorted(e.revisions))
            for trash in (False, True)
            for e in sorted(v.entries(trash=trash), key=lambda e: e.id)
        ]

    return shown(a) == shown(b)


def test_captures_of_both_reach_both(devices: Devices) -> None:
    """Each knows the other's entries after one merge, with no findings."""
    a, b = devices.opened["a"], devices.opened["b"]
    ids = {a.capture("from a", "general").id, b.capture("from b", "secret").id}
    a, b = devices.merge()
    assert {e.id for e in a.entries()} == ids == {e.id for e in b.entries()}
    assert [f for v in (a, b) for f in v.examine() if f.severity == "error" or "waiting" in f.message] == []


def test_edits_apart_are_a_conflict_and_both_are_kept(devices: Devices) -> None:
    """Both heads are shown as such on both machines; an edit joins them."""
    entry = devices.opened["a"].capture("base", "general")
    a, b = devices.merge()
    a.edit(entry.id, "by a")
    b.edit(entry.id, "by b")
    a, b = devices.merge()
    for v in (a, b):
        assert v.get(entry.id).conflict
        assert {x.entry.text for x in v.history(entry.id) if x.head} == {"by a", "by b"}
        assert [h.entry.id for h in v.search("has:conflict")] == [entry.id]
        assert len(v.entries()) == 1
    assert same(a, b)
    a.edit(entry.id, "joined")
    a, b = devices.merge()
    assert not a.get(entry.id).conflict
    assert a.get(entry.id).text == "joined" == b.get(entry.id).text
    assert same(a, b)


def test_an_edit_on_a_base_that_moved_on_is_a_conflict(devices: Devices) -> None:
    """An editor that was open while another edit came in loses neither text."""
    v = devices.opened["a"]
    entry = v.capture("base", "general")
    v.edit(entry.id, "meanwhile")
    late = v.edit(entry.id, "from the editor", base=entry.revisions)
    assert v.get(entry.id).conflict
    assert {x.entry.text for x in v.history(entry.id) if x.head} == {"meanwhile", "from the editor"}
    assert late.text == "from the editor"


def test_delete_here_and_edit_there_keeps_the_edit(devices: Devices) -> None:
    """Nobody's text is lost to somebody else's deletion."""
    entry = devices.opened["a"].capture("base", "general")
    a, b = devices.merge()
    a.delete(entry.id)
    b.edit(entry.id, "still wanted")
    a, b = devices.merge()
    assert a.get(entry.id).text == "still wanted"
    assert not a.get(entry.id).deleted
    assert same(a, b)
    a.delete(entry.id)
    a, b = devices.merge()
    assert b.get(entry.id).deleted
    assert same(a, b)


def test_move_here_and_edit_there_keeps_both(devices: Devices) -> None:
    """The edit stays readable, and so does the entry in its new class."""
    entry = devices.opened["a"].capture("base", "general")
    a, b = devices.merge()
    a.move(entry.id, "secret")
    b.edit(entry.id, "edited before the move came")
    a, b = devices.merge()
    for v in (a, b):
        texts = {x.entry.text for x in v.history(entry.id) if x.head}
        assert texts == {"base", "edited before the move came"}
        assert v.get(entry.id).classification == "secret"
    assert same(a, b)


def test_both_move_the_same_entry(devices: Devices) -> None:
    """To the same class: a conflict of two equal heads at most, one entry; to two classes: none is lost."""
    one, two = (devices.opened["a"].capture(t, "general").id for t in ("same", "apart"))
    a, b = devices.merge()
    a.move(one, "secret")
    b.move(one, "secret")
    a.move(two, "secret")
    b.move(two, "confidential")
    a, b = devices.merge()
    for v in (a, b):
        assert v.get(one).text == "same"
        assert v.get(two).text == "apart"
        assert v.get(two).classification == "secret"
        assert v.counts()["general"] == (0, 0)
    assert same(a, b)


def test_half_a_move_is_finished_by_whoever_sees_it(devices: Devices) -> None:
    """The new revision came over, the tombstone did not: the entry is in its new class only."""
    a = devices.opened["a"]
    entry = a.capture("half way", "general")
    a, b = devices.merge()
    before = set(a.home.objects.names())
    a.move(entry.id, "secret")
    fresh = set(a.home.objects.names()) - before
    secret = {r.name for r in a.opened.need(vault.Classification.SECRET).compartment.history(entry.id)}
    for name in fresh - secret:
        a.home.objects.path_of(name).unlink()
        seen = a.home.state / "seen"
        seen.write_text(seen.read_text().replace(f"{name}\n", "") if seen.exists() else "")
    a, b = devices.merge()
    for v in (a, b):
        assert [e.classification for e in v.entries()] == ["secret"]
        assert v.counts()["general"] == (0, 0)


def test_a_purge_reaches_the_other_device_for_good(devices: Devices) -> None:
    """Gone there too, its files included, although a merge brings the files back once more."""
    entry = devices.opened["a"].capture("never again", "general")
    a, b = devices.merge()
    b.edit(entry.id, "edited")
    a, b = devices.merge()
    a.delete(entry.id, purge=True)
    names = set(b.home.objects.names())
    for _ in range(2):
        a, b = devices.merge()  # union: a gets the files back from b
        for v in (a, b):
            with pytest.raises(NotFound):
                v.get(entry.id)
            assert v.entries() == []
    assert names
    devices.open("a")
    assert not any(a.home.objects.path_of(n).exists() for n in names)
    assert not any(b.home.objects.path_of(n).exists() for n in names)


def test_a_slot_removed_here_is_removed_there(devices: Devices) -> None:
    """Removed wins over a copy of the older section, and both devices stay enrolled."""
    from vault.errors import WrongPassphrase
    from vault.keys import keyslots
    from vault.keys.stretching import Stretched
    from vault.unlocking import Unlocker

    spare = keyslots.keyfile(b"s" * 64)
    general = vault.Classification.GENERAL
    a = devices.opened["a"]
    add_slot(a.home, a.opened.need(general).keys, spare)
    a, b = devices.merge()
    old = [(p, p.read_bytes()) for p in (devices.root / "b" / "header").glob("general.*")]
    keys = Unlocker(a.home, Stretched(CHEAP)).unlock([spare], [general])[general]
    (slot,) = [s.id for s in keys.header.slots if s.kind == "keyfile"]
    remove_slot(a.home, keys, slot)
    for path, data in old:
        path.write_bytes(data)
    a, b = devices.merge()
    for v in (a, b):
        with pytest.raises(WrongPassphrase):
            Unlocker(v.home, Stretched(CHEAP)).unlock([spare], [general])
        assert len(v.opened.need(general).keys.header.devices) == 2
    x = b.capture("still signed by an enrolled device", "general")
    a, b = devices.merge()
    assert a.get(x.id).text == x.text


def test_a_clone_of_a_device_is_noticed(devices: Devices) -> None:
    """Two payloads under one number of one device are reported, and both are kept."""
    a, b = devices.opened["a"], devices.opened["b"]
    a.close(), b.close()
    key = (a.home.state / "device.key").read_bytes()
    (b.home.state / "device.key").write_bytes(key)
    for name, v in (("a", a), ("b", b)):
        v.home.sequence(vault.Classification.GENERAL).write_text(f"{4 * 10**15:020d}\n")
        with vault.open(
            devices.root / name, passphrase=PASSPHRASE, state=devices.root / f"{name}-state",
            models=devices.root / "none", limits=CHEAP,
        ) as opened:  # fmt: skip
            opened.capture(f"by {name}", "general")
    a, b = devices.merge()
    assert {e.text for e in a.entries()} == {"by a", "by b"}
    assert any("state was copied" in f.message for f in a.examine())


def test_a_rollback_is_noticed(devices: Devices) -> None:
    """A file this device has seen and that is gone is named, by a note and by `examine`."""
    a = devices.opened["a"]
    entry = a.capture("rolled back", "general")
    a = devices.open("a")
    a.home.objects.path_of(entry.revisions[0]).unlink()
    a = devices.open("a")
    assert any("gone" in n for n in a.notes)
    assert any(entry.revisions[0] in f.subject and f.severity == "error" for f in a.examine())
