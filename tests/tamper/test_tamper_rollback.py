"""Rollback and splice: old, swapped, dropped, replayed and foreign files; all flagged or without effect.

The documented exception is a device that knows nothing yet: a fresh clone cannot notice a rollback.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from one_class import add_slot, remove_slot

import vault
from vault.classification import Classification
from vault.errors import Conflict, Damaged, Locked, NotFound, NoVault, VaultError, WrongPassphrase
from vault.keys import keyslots, purge
from vault.keys.device import load_or_create
from vault.keys.sections import render
from vault.keys.stretching import KdfLimits
from vault.names import name_of

GENERAL, SECRET = Classification.GENERAL, Classification.SECRET
CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)


@dataclass
class Scene:
    """A vault, its state, and the texts that must be there."""

    base: Path
    texts: dict[str, str]

    @property
    def path(self) -> Path:
        """The vault."""
        return self.base / "v"

    @property
    def state(self) -> Path:
        """This device's state for it."""
        return next(p for p in (self.base / "s").iterdir() if p.is_dir())

    def open(self, secret: bytes | None = b"pw", *, path: Path | None = None, state: str = "s") -> vault.Vault:
        """Open it, on this device or (another *state*) on another one."""
        return vault.open(
            path or self.path, passphrase=secret, state=self.base / state, models=self.base / "none", limits=CHEAP
        )

    def capture(self, text: str, classification: str = "general") -> str:
        """Keep one more text; returns the name of its revision."""
        with self.open() as v:
            entry = v.capture(text, classification=classification)
        self.texts[entry.id] = text
        return entry.revisions[0]

    def object(self, name: str) -> Path:
        """The file of a revision."""
        return self.path / "objects" / name[:2] / f"{name}.age"

    def section(self, classification: str) -> Path:
        """The one section file of a class."""
        (found,) = (self.path / "header").glob(f"{classification}.*.toml")
        return found

    def save(self, *what: str) -> Callable[[], None]:
        """Remember the tree ``v`` or the state ``s`` as it is now; the result puts it back."""
        saved = self.base / f"saved-{len(list(self.base.glob('saved-*')))}"
        for each in what:
            shutil.copytree(self.base / each, saved / each)

        def put_back() -> None:
            for each in what:
                shutil.rmtree(self.base / each)
                shutil.copytree(saved / each, self.base / each)

        return put_back

    def check(self, *, flagged: str | None = None, gone: tuple[str, ...] = (), state: str = "s") -> None:
        """Every text is there but those *gone*, none is wrong, and ``examine`` speaks of *flagged* (or of nothing)."""
        with self.open(state=state) as v:
            shown = {e.id: e.text for e in v.entries(limit=1000)}
            assert shown == {i: t for i, t in self.texts.items() if i not in gone}
            assert {h.entry.id for h in v.search("needle", limit=1000)} == set(shown)
            findings = [f for f in v.examine() if f.severity != "info" and f.subject != "model"]
            if flagged is None:
                assert not findings
            else:
                assert any(flagged in f"{f.subject} {f.message}" for f in findings), findings


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Scene:
    """Three entries in two classes; made once, because making waits for the disk."""
    base = tmp_path_factory.mktemp("original")
    vault.create(base / "v", passphrase=b"pw", state=base / "s", models=base / "none", limits=CHEAP).close()
    made = Scene(base, {})
    made.capture("needle one")
    made.capture("needle two")
    made.capture("needle three", "secret")
    return made


@pytest.fixture
def scene(original, tmp_path) -> Scene:
    """A copy of the original, known at its own path, and sound before anything is done to it."""
    for each in ("v", "s"):
        shutil.copytree(original.base / each, tmp_path / each)
    paths = tmp_path / "s" / "vaults.toml"
    paths.write_text(paths.read_text().replace(str(original.base), str(tmp_path)))
    made = Scene(tmp_path, dict(original.texts))
    made.check()
    return made


def another(base: Path) -> Scene:
    """A vault that has nothing to do with it, under the same passphrase."""
    (base / "other").mkdir()
    v = vault.create(
        base / "other" / "v", passphrase=b"pw", state=base / "other" / "s", models=base / "none", limits=CHEAP
    )
    v.capture("needle from elsewhere", classification="general")
    v.close()
    return Scene(base / "other", {})


# -- databases ----------------------------------------------------------------------------------------


def test_old_databases_put_back_are_brought_up_to_date(scene):
    """Reconcile finds in the sealed files what an older index lacks."""
    put_back = scene.save("s")
    scene.capture("needle four")
    scene.capture("needle five", "secret")
    for file in scene.state.glob("*.db*"):
        file.unlink()
    seen = (scene.state / "seen").read_text()
    put_back()
    (scene.state / "seen").write_text(seen)
    scene.check()


def test_an_old_database_of_one_class_is_brought_up_to_date(scene):
    """One class's index from yesterday beside today's others, even after an edit and a deletion."""
    put_back = scene.save("s")
    entry = next(i for i, t in scene.texts.items() if t == "needle one")
    with scene.open() as v:
        v.edit(entry, "needle one, edited")
        v.delete(next(i for i, t in scene.texts.items() if t == "needle two"))
    scene.texts[entry] = "needle one, edited"
    old = next(i for i, t in scene.texts.items() if t == "needle two")
    del scene.texts[old]
    put_back()
    scene.check()


def test_a_database_of_another_class_is_not_taken(scene):
    """The index of one class under another's name does not open with its key: it is rebuilt."""
    for file in scene.state.glob("general.db*"):
        file.unlink()
    shutil.copy(scene.state / "secret.db", scene.state / "general.db")
    scene.check()


# -- sealed revisions ---------------------------------------------------------------------------------


def test_a_dropped_revision_is_flagged(scene):
    """A file this device has seen and no longer finds is reported, at opening and by examine."""
    name = scene.capture("needle four")
    scene.object(name).unlink()
    with scene.open() as v:
        assert any("gone" in note for note in v.notes)
    scene.check(flagged=name)


def test_without_the_seen_list_the_drop_would_not_be_noticed(scene):
    """Positive control: with `seen` taken away, nothing tells of the dropped file; so it is what tells."""
    name = scene.capture("needle four")
    scene.object(name).unlink()
    (scene.state / "seen").unlink()
    with scene.open() as v:
        assert not any(name in f.subject for f in v.examine())


def test_a_rolled_back_tree_is_flagged(scene):
    """The whole vault as it was yesterday (a reset remote): each lost revision is named."""
    put_back = scene.save("v")
    names = [scene.capture("needle four"), scene.capture("needle five", "secret")]
    put_back()
    for name in names:
        scene.check(flagged=name)


def test_an_old_revision_alone_does_not_undo_an_edit(scene):
    """With the newer revision dropped, the loss is flagged; put back, the newest text is there."""
    entry = next(iter(scene.texts))
    with scene.open() as v:
        name = v.edit(entry, "needle, the newer text").revisions[0]
    scene.texts[entry] = "needle, the newer text"
    data = scene.object(name).read_bytes()
    scene.object(name).unlink()
    with scene.open() as v:
        assert any(name in f.subject for f in v.examine())
    scene.object(name).write_bytes(data)
    scene.check()


def test_swapped_files_are_flagged_and_never_mixed(scene):
    """Two files with their contents exchanged: neither text appears in the other's place, both are flagged."""
    one, two = (scene.capture(f"needle {n}") for n in ("four", "five"))
    a, b = scene.object(one).read_bytes(), scene.object(two).read_bytes()
    scene.object(one).write_bytes(b)
    scene.object(two).write_bytes(a)
    scene.check(flagged=one)
    scene.check(flagged=two)


def test_swapped_files_do_not_enter_a_new_index(scene):
    """The same without an index to remember: both are quarantined by name, the rest is there."""
    one, two = (scene.capture(f"needle {n}") for n in ("four", "five"))
    a, b = scene.object(one).read_bytes(), scene.object(two).read_bytes()
    scene.object(one).write_bytes(b)
    scene.object(two).write_bytes(a)
    for file in scene.state.glob("*.db*"):
        file.unlink()
    gone = tuple(i for i, t in scene.texts.items() if t in {"needle four", "needle five"})
    scene.check(flagged=one, gone=gone)
    assert scene.object(one).exists()
    assert scene.object(two).exists()


def test_a_revision_under_a_made_up_name_is_quarantined(scene):
    """A copy of a good file under another name is flagged as ``name`` and shows nothing twice."""
    name = scene.capture("needle four")
    copy = scene.object("a" * 32)
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(scene.object(name), copy)
    scene.check(flagged="a" * 32)


def test_a_revision_in_a_wrong_directory_is_not_looked_at(scene):
    """objects/zz/ holding a file that belongs elsewhere changes nothing."""
    name = scene.capture("needle four")
    (scene.path / "objects" / "zz").mkdir()
    shutil.copy(scene.object(name), scene.path / "objects" / "zz" / f"{name}.age")
    scene.check()


def test_links_out_of_the_vault_are_not_followed(scene):
    """A linked directory below objects is not a place for objects."""
    outside = scene.base / "outside"
    outside.mkdir()
    (outside / f"zz{'a' * 30}.age").write_text("not ours")
    (scene.path / "objects" / "zz").symlink_to(outside)
    scene.check()


def test_another_vaults_revision_shows_nothing(scene):
    """A file of another vault, even under the same passphrase, opens with no key of this one."""
    other = another(scene.base)
    for file in (other.path / "objects").glob("??/*.age"):
        place = scene.object(file.stem)
        place.parent.mkdir(exist_ok=True)
        shutil.copy(file, place)
    scene.check()


def test_a_signed_bomb_does_not_keep_the_vault_shut(scene):
    """What a thief signs with a stolen device key is quarantined at worst: the vault still opens."""
    import base64

    import pyrage

    from vault import entry
    from vault.seal import padded_size

    with scene.open() as v:
        found = v.entries()[0]
        revision = v.opened.load(found.classification, found.revisions[0])
        recipient = v.home.pins()[found.classification].recipient
        key = v.home.device_key()
    plain = entry.encode(replace(revision, entry="0" * 16, seq=5))
    bombs = [
        plain.replace(b"seq: 5\n", b"seq: 9223372036854775808\n"),
        plain.replace(b"seq: 5\n", b'seq: 5\ncontext: "\\ud800"\n'),
    ]
    names = []
    for signed in bombs:
        signature = base64.b64encode(key.sign(b"memory/v1/rev\0" + signed))
        payload = signed + b"<!-- memory-sig v1 %s %s -->\n" % (key.device.id.encode(), signature)
        padded = payload.ljust(padded_size(len(payload)), b" ")
        sealed = pyrage.encrypt(padded, [pyrage.x25519.Recipient.from_str(recipient)])
        names.append(name_of(sealed))
        scene.object(names[-1]).parent.mkdir(exist_ok=True)
        scene.object(names[-1]).write_bytes(sealed)
    for name in names:
        scene.check(flagged=name)


def test_a_device_copied_with_its_state_is_flagged(scene):
    """Two machines that sign as one device with the same number: both texts are kept and the clone is named."""
    shutil.copytree(scene.base / "s", scene.base / "clone-state")
    shutil.copytree(scene.path, scene.base / "clone-dir" / "v")
    paths = scene.base / "clone-state" / "vaults.toml"
    paths.write_text(paths.read_text().replace(str(scene.path), str(scene.base / "clone-dir" / "v")))
    ahead = f"{2**52:020d}\n"  # both continue from one number, whatever the clocks say
    for state in (scene.state, next(p for p in (scene.base / "clone-state").iterdir() if p.is_dir())):
        (state / "general.seq").write_text(ahead)
    scene.capture("needle four")
    with scene.open(path=scene.base / "clone-dir" / "v", state="clone-state") as v:
        entry = v.capture("needle five", classification="general")
    scene.texts[entry.id] = "needle five"
    target = scene.object(entry.revisions[0])
    target.parent.mkdir(exist_ok=True)
    shutil.copy(scene.base / "clone-dir" / "v" / target.relative_to(scene.path), target)
    scene.check(flagged="its state was copied")


# -- purge lists --------------------------------------------------------------------------------------


def test_a_purged_revision_does_not_come_back(scene):
    """The files of a purged entry, put back by a stale remote, stay out."""
    entry = next(i for i, t in scene.texts.items() if t == "needle two")
    put_back = scene.save("v")
    with scene.open() as v:
        v.delete(entry, purge=True)
    lists = {p.name: p.read_bytes() for p in (scene.path / "purged").iterdir()}
    put_back()
    for name, data in lists.items():
        (scene.path / "purged").mkdir(exist_ok=True)
        (scene.path / "purged" / name).write_bytes(data)
    with scene.open() as v:
        assert entry not in {e.id for e in v.entries()}
        with pytest.raises(NotFound):
            v.get(entry)


def test_a_strangers_purge_list_purges_nothing(scene):
    """A list by a device that was never enrolled has no effect."""
    with scene.open() as v:
        names = [name for e in v.entries() for name in e.revisions]
        data = purge.render(v.home.vault_id, names, load_or_create(scene.base / "stranger.key"))
    (scene.path / "purged").mkdir()
    (scene.path / "purged" / f"{name_of(data)}.toml").write_bytes(data)
    scene.check()


# -- header -------------------------------------------------------------------------------------------


def two_slots(scene: Scene) -> tuple[bytes, str]:
    """Add a second passphrase to general; returns the section that has both, and the new slot's id."""
    with scene.open() as v:
        keys = v.opened.need(GENERAL).keys
        keys = add_slot(v.home, keys, keyslots.passphrase(b"lost"), keys.header.slots[0].kdf, CHEAP)
    return scene.section("general").read_bytes(), keys.header.slots[-1].id


def test_a_removed_keyslot_does_not_return_with_its_old_section(scene):
    """The section that still lists the removed slot, put back beside the newer one, opens nothing."""
    old, slot = two_slots(scene)
    with scene.open(b"lost") as v:
        assert v.open_classes == (GENERAL,)
    with scene.open() as v:
        remove_slot(v.home, v.opened.need(GENERAL).keys, slot)
    (scene.path / "header" / f"general.{name_of(old)}.toml").write_bytes(old)
    with pytest.raises(WrongPassphrase):
        scene.open(b"lost")
    scene.check()


def test_an_old_section_instead_of_the_new_one_is_a_rollback(scene):
    """Replaced by an older one, the header is refused by name, whichever passphrase is given."""
    old, slot = two_slots(scene)
    with scene.open() as v:
        remove_slot(v.home, v.opened.need(GENERAL).keys, slot)
    scene.section("general").unlink()
    (scene.path / "header" / f"general.{name_of(old)}.toml").write_bytes(old)
    for secret in (b"lost", b"pw"):
        with pytest.raises(Damaged, match="older than the one this device knows"):
            scene.open(secret)


def test_without_pins_the_old_section_would_open(scene):
    """Positive control, and the documented exception: a device that knows nothing cannot see the rollback."""
    old, slot = two_slots(scene)
    with scene.open() as v:
        remove_slot(v.home, v.opened.need(GENERAL).keys, slot)
    scene.section("general").unlink()
    (scene.path / "header" / f"general.{name_of(old)}.toml").write_bytes(old)
    with scene.open(b"lost", state="fresh") as v:
        assert v.open_classes == (GENERAL,)


def test_a_swapped_recipient_redirects_nothing(scene):
    """With the attacker's recipient in the synced section, a locked capture is sealed to the pinned one."""
    other = another(scene.base)
    file = scene.section("general")
    ours = next(line for line in file.read_text().splitlines() if line.startswith("recipient"))
    theirs = next(line for line in other.section("general").read_text().splitlines() if line.startswith("recipient"))
    sound, swapped = file.read_bytes(), file.read_bytes().replace(ours.encode(), theirs.encode())
    file.unlink()
    forged = scene.path / "header" / f"general.{name_of(swapped)}.toml"
    forged.write_bytes(swapped)
    with scene.open(None) as v:
        entry = v.capture("needle while locked", classification="general")
    scene.texts[entry.id] = "needle while locked"
    with pytest.raises(Damaged):
        scene.open()
    forged.unlink()
    file.write_bytes(sound)
    scene.check()


def test_another_vaults_section_is_ignored(scene):
    """A section of another vault, or of another class under this class's name, has no effect."""
    other = another(scene.base)
    for file in (other.path / "header").iterdir():
        shutil.copy(file, scene.path / "header" / file.name)
    for file in list((scene.path / "header").glob("secret.*")):
        shutil.copy(file, scene.path / "header" / file.name.replace("secret.", "general."))
    with scene.open() as v:
        assert v.open_classes == tuple(Classification)
        assert {e.id: e.text for e in v.entries()} == scene.texts


@pytest.mark.parametrize("group", ["vault", "secret", "ultrasecret", "nonsense"])
def test_a_planted_section_keeps_no_class_shut(scene, group):
    """A section by nobody, whatever group its slots claim, is listed as strange and costs nothing else."""
    with scene.open() as v:
        keys = v.opened.need(GENERAL).keys
        slot = replace(keys.header.slots[0], id="aaaaaaaa", group=group)
        data = scene.section("general").read_bytes()
        while name_of(data) >= keys.heads[0]:  # it sorts before the true one
            data = render(replace(keys.header, slots=(slot,)), replace(keys.newest, secret=os.urandom(32)))
    (scene.path / "header" / f"general.{name_of(data)}.toml").write_bytes(data)
    with scene.open() as v:
        assert v.open_classes == tuple(Classification)
    scene.check(flagged=name_of(data))


def test_a_lost_section_closes_its_class_and_says_so(scene):
    """With a class's only section gone, the rest opens, nothing wrong is shown, and examine names the class."""
    scene.section("secret").unlink()
    with scene.open() as v:
        assert SECRET not in v.open_classes
        assert "needle three" not in {e.text for e in v.entries()}
        assert any(f.subject == "secret" for f in v.examine())


# -- which vault --------------------------------------------------------------------------------------


def test_another_vault_at_a_known_path_is_refused(scene):
    """Known path, other vault id: Damaged, and nothing is captured into it."""
    other = another(scene.base)
    shutil.rmtree(scene.path)
    shutil.copytree(other.path, scene.path)
    for secret in (b"pw", None):
        with pytest.raises(Damaged, match="another vault"):
            scene.open(secret)


def test_a_copy_of_a_vault_is_a_conflict(scene):
    """The same vault at a second path while the first still stands is refused: two would drift apart."""
    shutil.copytree(scene.path, scene.base / "copy")
    with pytest.raises(Conflict):
        scene.open(path=scene.base / "copy")


def test_a_moved_vault_is_adopted(scene):
    """The same vault at a new path, the old one gone: everything is there, and captures work."""
    scene.path.rename(scene.base / "moved")
    with scene.open(path=scene.base / "moved") as v:
        assert {e.id: e.text for e in v.entries()} == scene.texts
        v.capture("needle here too", classification="general")


def test_no_vault_is_no_vault(scene):
    """A preamble that is gone is told apart from one that is damaged."""
    preamble = scene.path / "vault.toml"
    preamble.write_bytes(b"junk")
    with pytest.raises(Damaged):
        scene.open()
    preamble.unlink()
    with pytest.raises(NoVault):
        scene.open()


# -- state --------------------------------------------------------------------------------------------


def test_state_deleted_but_for_the_device_key_loses_nothing(scene):
    """The next unlock derives pins, indexes and lists again; the device stays the same."""
    before = load_or_create(scene.state / "device.key").device
    for file in scene.state.iterdir():
        if file.name != "device.key":
            file.unlink()
    (scene.base / "s" / "vaults.toml").unlink()
    scene.check()
    with scene.open() as v:
        assert v.home.device_key().device == before
        assert [d.id for d in v.opened.need(GENERAL).keys.header.devices] == [before.id]
    scene.capture("needle afterwards")
    scene.check()


def test_state_deleted_entirely_enrols_a_new_device(scene):
    """Everything is read after an unlock; a new device is enrolled beside the old one and can write."""
    before = load_or_create(scene.state / "device.key").device
    shutil.rmtree(scene.base / "s")
    with scene.open(None) as v, pytest.raises(Locked):
        v.capture("needle too early", classification="general")
    scene.check()
    with scene.open() as v:
        devices = [d.id for d in v.opened.need(GENERAL).keys.header.devices]
        assert devices == [before.id, v.home.device_key().device.id]
        assert len(set(devices)) == 2
    scene.capture("needle afterwards")
    scene.check()


def test_pins_and_lists_damaged_are_named(scene):
    """Damaged pins are Damaged with a remedy that works; a damaged `seen` list is harmless."""
    (scene.state / "seen").write_bytes(os.urandom(500))
    scene.check()
    pins = scene.state / "pins.toml"
    pins.write_bytes(b"\xff")
    with pytest.raises(VaultError) as caught:
        scene.open()
    assert "delete it" in caught.value.remedy
    pins.unlink()
    scene.check()
