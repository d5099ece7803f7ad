"""Rotation: what keeps opening, what stops, what stays readable, and that it can be killed anywhere (about 10 s)."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vault
from vault.attempt import tried
from vault.classification import Classification
from vault.errors import Conflict, Damaged, StorageFailed, VaultError, WrongPassphrase
from vault.home import found as found_home
from vault.keys import keyslots
from vault.keys.keyslots import Secret
from vault.keys.stretching import KdfLimits
from vault.rotation import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "durability"))
from rig import fast_directory
from shim import ENDED, ERRORS, Fault, installed

CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
GENERAL, SECRET = Classification.GENERAL, Classification.SECRET
TWO = (GENERAL, SECRET)
KEPT, DROPPED = keyslots.keyfile(b"k" * 64), keyslots.keyfile(b"d" * 64)
OLD_CODE, NEW_CODE = (keyslots.recovery_code(c * 32) for c in "AB")


class Place:
    """A vault with two entries that the kept and the dropped keyfile and the old code open."""

    def __init__(self, root: Path) -> None:
        """Make it at *root*, unless it is there."""
        self.root = root
        self.root.mkdir(exist_ok=True)
        (root / "key").write_bytes(KEPT.value)
        if not (root / "v").exists():
            kw = {"state": root / "s", "models": root / "none", "limits": CHEAP}
            with vault.create(root / "v", keyfile=root / "key", **kw) as v:
                for cls in TWO:
                    v.capture(f"needle {cls}", classification=cls)
                v.keyring.add(DROPPED, "vault")
                v.keyring.add(OLD_CODE, "vault")

    def open(self, *secrets: Secret, state: str = "s") -> vault.Vault:
        """Open the trial's classes."""
        v = vault.open(self.root / "v", state=self.root / state, models=self.root / "none", limits=CHEAP)
        try:
            v.unlock(secrets or (KEPT,), TWO)
        except BaseException:
            v.close()
            raise
        return v

    def texts(self, *secrets: Secret, state: str = "s") -> list[str]:
        """What can be read and found."""
        with self.open(*secrets, state=state) as v:
            texts = sorted(e.text for e in v.entries(limit=100))
            assert sorted(h.entry.text for h in v.search("needle", limit=100)) == texts
            assert not [f for f in v.examine() if f.severity == "error"]
            return texts

    def copy(self, to: Path) -> "Place":
        """The same at another place."""
        shutil.copytree(self.root, to)
        (to / "s" / "vaults.toml").unlink()
        return Place(to)


@pytest.fixture(scope="module")
def template() -> Iterator[Place]:
    """One for all tests, to be copied; in memory, because what is proved is the order of calls."""
    with fast_directory() as root:
        yield Place(root / "t")


@pytest.fixture
def yard() -> Iterator[Path]:
    """A directory of the test's own, in memory."""
    with fast_directory() as root:
        yield root


@pytest.fixture
def place(template, yard) -> Place:
    """A copy to work on."""
    return template.copy(yard / "p")


def rotate(v: vault.Vault, classes: tuple[Classification, ...] = TWO, *secrets: Secret) -> None:
    """Rotate, keeping the kept keyfile, with the new code."""
    Rotation(v.keyring, classes).carry_out(secrets or (KEPT,), {"vault": NEW_CODE})


BOTH = ["needle general", "needle secret"]


def test_old_entries_stay_readable_and_new_ones_use_the_new_key(place):
    """After a rotation everything is read; what is captured then needs the new generation's key."""
    with place.open() as v:
        before = v.keyring.identities(SECRET)
        rotate(v)
        v.capture("needle new", classification="secret")
        after = v.keyring.identities(SECRET)
        new = v.entries("class:secret")[0].revisions[0]
        assert sorted(h.entry.text for h in v.search("needle")) == sorted([*BOTH, "needle new"])
        sealed = v.home.objects.get(new)
    assert after[1:] == before
    import pyrage

    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(before[0])])
    assert b"needle new" in pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(after[0])])
    assert place.texts() == sorted([*BOTH, "needle new"])


def test_what_is_kept_opens_and_what_is_dropped_does_not(place):
    """The kept keyfile and the new code open; the dropped keyfile and the old code are wrong from now on."""
    with place.open() as v:
        plan = Rotation(v.keyring, TWO).plan([KEPT])
        assert [r.slot.kind for r in plan.added] == ["keyfile"] * 2
        assert sorted(r.slot.kind for r in plan.removed) == ["keyfile"] * 2 + ["recovery"] * 2
        rotate(v)
        assert sorted(s.slot.kind for s in v.keyring.slots()) == ["keyfile"] * 2 + ["recovery"] * 2
    for good in (KEPT, NEW_CODE):
        assert place.texts(good) == BOTH
    for bad in (DROPPED, OLD_CODE):
        with pytest.raises(WrongPassphrase, match="no keyslot opened"):
            place.open(bad)


def test_a_group_shares_a_fresh_argon2_salt(new_vault):
    """Rotating a whole group makes a new salt, shared by its classes; rotating one class keeps the group's."""
    words = keyslots.passphrase(b"correct horse")
    v = new_vault()
    before = {s.slot.kdf for s in v.keyring.slots()}
    Rotation(v.keyring, [SECRET]).carry_out([words], {})
    assert {s.slot.kdf for s in v.keyring.slots()} == before
    Rotation(v.keyring, tuple(Classification)).carry_out([words], {})
    after = {s.slot.kdf for s in v.keyring.slots()}
    assert len(before) == len(after) == 1
    assert before != after
    v.close()
    assert new_vault(reopen=True).open_classes == tuple(Classification)


def test_nothing_to_keep_is_refused(place):
    """A rotation that would lock everybody out writes nothing."""
    with place.open() as v:
        before = sorted(p.name for p in (place.root / "v" / "header").iterdir())
        with pytest.raises(Conflict, match="leave nothing that opens"):
            Rotation(v.keyring, TWO).carry_out([DROPPED_ELSEWHERE], {})
    assert sorted(p.name for p in (place.root / "v" / "header").iterdir()) == before


DROPPED_ELSEWHERE = keyslots.keyfile(b"z" * 64)


def test_a_recipient_is_kept_without_its_identity(place):
    """Its public part is all that a new wrap needs; the identity opens both generations' entries."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    with place.open() as v:
        v.keyring.add(keyslots.recipient(str(identity.to_public())), "vault")
        rotate(v)
    (opened,) = keyslots.identities(f"# mine\n{identity}\n".encode())
    assert place.texts(opened) == BOTH


def test_resealing_makes_successors_and_can_be_taken_up_again(place, monkeypatch):
    """Every head gets one successor under the new key, with the same text; a second run finds nothing to do."""
    monkeypatch.setattr("vault.rotation.PAGE", 2)
    with place.open() as v:
        for n in range(5):
            v.capture(f"needle {n}", classification="secret", tags=["t"], metadata={"n": n})
        gone = v.capture("needle in the trash", classification="secret")
        v.delete(gone.id)
        before = {e.id: e for e in v.entries("class:secret")}
        rotate(v)
        rotation = Rotation(v.keyring, [SECRET])
        real, calls = vault.capture.Writer.write, []

        def failing(self, revisions) -> list[vault.Entry]:
            calls.append(len(revisions))
            if len(calls) == 2:
                raise StorageFailed("disk full")
            return real(self, revisions)

        monkeypatch.setattr(vault.capture.Writer, "write", failing)
        with pytest.raises(StorageFailed):
            rotation.reseal()
        monkeypatch.setattr(vault.capture.Writer, "write", real)
        told: list[tuple[str, int, int | None]] = []
        assert rotation.reseal(lambda *each: told.append(each)) == len(before) - calls[0]
        assert rotation.reseal() == 0
        assert told[-1] == ("resealing secret", len(before), len(before))
        after = {e.id: e for e in v.entries("class:secret")}
    assert set(after) == set(before)
    for i, entry in after.items():
        assert (entry.text, entry.tags, entry.metadata, entry.created) == (
            before[i].text, before[i].tags, before[i].metadata, before[i].created,
        )  # fmt: skip
        assert entry.revisions != before[i].revisions
        assert not entry.conflict
    import pyrage

    with place.open() as v:  # the newest identity alone reads every head
        assert len(v.history(next(iter(before)))) == 2
        identity = pyrage.x25519.Identity.from_str(v.keyring.identities(SECRET)[0])
        for entry in v.entries("class:secret"):
            assert entry.text.encode() in pyrage.decrypt(v.home.objects.get(entry.revisions[0]), [identity])


def test_resealing_keeps_a_conflict(place):
    """Two heads stay two heads: each has its own successor, neither text is lost."""
    with place.open() as v:
        entry = v.entries("class:secret")[0]
        v.edit(entry.id, "needle left", base=entry.revisions)
        v.edit(entry.id, "needle right", base=entry.revisions)
        assert v.get(entry.id).conflict
        rotate(v)
        assert Rotation(v.keyring, [SECRET]).reseal() == 2
        assert v.get(entry.id).conflict
        heads = {w.entry.text for w in v.history(entry.id) if w.head}
    assert heads == {"needle left", "needle right"}


def test_another_device_follows(place):
    """A device that pinned the old generation accepts the new one, and enrols and captures as before."""
    assert place.texts(state="other") == BOTH
    with place.open() as v:
        rotate(v)
    with place.open(state="other") as v:
        v.capture("needle by the other", classification="secret")
        assert v.keyring.slots()
    assert "needle by the other" in place.texts()


def test_who_holds_the_older_key_is_told_to_unlock_again(place):
    """A process that unlocked before a rotation elsewhere cannot change keyslots, and still reads and captures."""
    with place.open() as stale:
        with place.open() as v:
            rotate(v)
        with pytest.raises(Conflict, match="new key since it was unlocked"):
            stale.keyring.add(keyslots.keyfile(b"n" * 64), "vault")
        assert stale.search("needle")
        stale.capture("needle by the stale one", classification="secret")
    assert "needle by the stale one" in place.texts()


def test_256_generations_are_the_end(place, monkeypatch):
    """The bound of the format is a named refusal."""
    monkeypatch.setattr("vault.rotation.MAX_GENERATIONS", 2)
    with place.open() as v:
        rotate(v)
        with pytest.raises(Conflict, match="has had 2 keys"):
            rotate(v)


@settings(max_examples=8, deadline=None)
@given(order=st.lists(st.sampled_from([(GENERAL,), (SECRET,), TWO]), min_size=1, max_size=4))
def test_any_number_of_rotations_reads_everything(template, order):
    """Whatever is rotated in whatever order, entries of every generation are read and found."""
    with fast_directory() as root:
        place = template.copy(root / "p")
        wanted = list(BOTH)
        for n, classes in enumerate(order):
            with place.open() as v:
                rotate(v, classes)
                for cls in classes:
                    wanted.append(v.capture(f"needle {n} {cls}", classification=cls).text)
        assert place.texts() == sorted(wanted)
        assert place.texts(state="fresh") == sorted(wanted)


# -- killed anywhere ----------------------------------------------------------------------------------


def openings(place: Place) -> dict[str, bool]:
    """Which secrets open both classes now; each must open all it opens, or be plainly wrong."""
    found = {}
    for name, secret in {"kept": KEPT, "dropped": DROPPED, "old code": OLD_CODE, "new code": NEW_CODE}.items():
        try:
            found[name] = bool(tried(found_home(place.root / "v", place.root / "s"), [secret], CHEAP))
        except WrongPassphrase:
            found[name] = False
    return found


def attempt(template: Place, to: Path, fault: Fault | None) -> tuple[Place, int, Exception | None]:
    """Rotate under *fault*."""
    place = template.copy(to)
    raised: Exception | None = None
    with place.open() as v, installed(place.root, fault) as shim:
        try:
            rotate(v)
        except Exception as error:
            raised = error
    return place, len(shim.calls), raised


def test_an_error_at_any_call_leaves_a_vault_that_opens(template, yard):
    """A full or broken disk at any one call: a typed error, and old or new secrets open everything afterwards."""
    _, count, raised = attempt(template, yard / "clean", None)
    assert raised is None
    for at in range(count):
        place, _, raised = attempt(template, yard / f"e{at}", Fault(at, "error", ERRORS[at % len(ERRORS)]))
        assert raised is None or isinstance(raised, StorageFailed), (at, raised)
        found = openings(place)
        assert found["kept"], at
        assert found["new code"] or found["old code"], at
        assert place.texts() == BOTH, at
        shutil.rmtree(place.root)


def test_a_process_that_ends_at_any_call_leaves_a_vault_that_opens(template, yard):
    """Death right before or right after any call, on this device and seen from a fresh one."""
    _, count, _ = attempt(template, yard / "clean", None)
    for at in range(count):
        place = template.copy(yard / f"k{at}")
        child = os.fork()
        if child == 0:
            with place.open() as v, installed(place.root, Fault(at, "exit-after" if at % 2 else "exit-before")):
                rotate(v)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == ENDED
        found = openings(place)
        assert found["kept"], at
        assert found["new code"] or found["old code"], at
        assert place.texts() == BOTH, at
        assert place.texts(state="fresh") == BOTH, at
        with place.open() as v:
            rotate(v)
            v.capture("needle after", classification="secret")
        assert place.texts() == sorted([*BOTH, "needle after"]), at
        shutil.rmtree(place.root)


def test_control_old_sections_deleted_first_would_be_noticed(template, yard, monkeypatch):
    """Positive control: a build that deletes the old sections before the new ones are there locks itself out."""
    from vault.objects import ObjectStore

    real = ObjectStore.put_sections

    def careless(self, sections) -> None:
        for cls in sections:
            for path in (self.root / "header").glob(f"{cls}.*.toml"):
                path.unlink()
        real(self, sections)

    monkeypatch.setattr(ObjectStore, "put_sections", careless)
    wrong = []
    for at in range(6):
        place, _, _ = attempt(template, yard / f"c{at}", Fault(at, "error"))
        try:
            wrong += [] if place.texts() == BOTH else [at]
        except VaultError:
            wrong.append(at)
    assert wrong


def test_an_interrupted_rotation_is_finished_by_the_next_unlock(place, monkeypatch):
    """With both generations' sections on disk the kept secret takes the newer, and the older ones go."""
    from vault.objects import ObjectStore

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "remove_sections", lambda *_: None)
        with place.open() as v:
            rotate(v)
    header = place.root / "v" / "header"
    assert len(list(header.glob("secret.*"))) == 2
    with place.open() as v:
        assert v.opened.need(SECRET).keys.newest.generation == 2
    assert len(list(header.glob("secret.*"))) == 1


def test_unlocking_takes_the_newest_generation_without_pins(place, monkeypatch):
    """A fresh device that finds both generations' sections takes the newer one, whatever their names."""
    from vault.objects import ObjectStore

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "remove_sections", lambda *_: None)
        with place.open() as v:
            rotate(v)
    with place.open(state="fresh") as v:
        assert v.opened.need(SECRET).keys.newest.generation == 2


def test_the_old_section_put_back_does_not_bring_the_dropped_secret_back(place):
    """Beside the newer section the older one opens nothing; instead of it, it is a rollback."""
    header = place.root / "v" / "header"
    saved = {p.name: p.read_bytes() for p in header.iterdir()}
    with place.open() as v:
        rotate(v)
    new = [p for p in header.iterdir() if p.name not in saved and p.name.startswith(("secret", "general"))]
    for name, data in saved.items():
        (header / name).write_bytes(data)
    with pytest.raises(WrongPassphrase):
        place.open(DROPPED)
    assert place.texts() == BOTH
    for name, data in saved.items():
        (header / name).write_bytes(data)
    for path in new:
        path.unlink()
    for secret in (DROPPED, KEPT):
        with pytest.raises(Damaged, match="older than the one"):
            place.open(secret)
