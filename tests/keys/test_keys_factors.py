"""Second factors, two-secret slots, recipients, kits: who opens what, alone and together; and stronger Argon2."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from software_key import SoftwareKey

import vault
from vault import durable
from vault.attempt import tried
from vault.classification import Classification
from vault.errors import Conflict, Damaged, InvalidInput, StorageFailed, WrongPassphrase
from vault.factors import challenges, device_secret, slots_on_disk
from vault.home import Home
from vault.home import found as found_home
from vault.keys import keyslots, stretching
from vault.keys.authenticator import answer, enrol
from vault.keys.keyslots import Secret, both, unwrap, with_seconds, wrap
from vault.keys.roots import Root
from vault.keys.slots import KdfParams, Slot
from vault.keys.stretching import KdfLimits, Stretched
from vault.layout import lay_out
from vault.objects import ObjectStore

CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
STRONGER = replace(CHEAP, fresh_memory_kib=16384, fresh_iterations=2)
"""More memory than calibration within a millisecond ever finds."""
KDF = KdfParams(bytes(16), 64, 1, 1)
WORDS, OTHER = keyslots.passphrase(b"correct horse"), keyslots.passphrase(b"battery staple")
FILE = keyslots.keyfile(b"k" * 64)
CODE = keyslots.recovery_code("A" * 32)
ULTRA = Classification.ULTRASECRET
REFUSED = "check the passphrase, keyfile or recovery code"
NEW_DEVICE = f"{REFUSED}; a hardened vault opens on a new device by its recovery kit: memory key recover"


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "sync_fd", lambda _fd: None)


def reopened(tmp_path: Path, *secrets: Secret, state: str = "v-state", limits: KdfLimits = CHEAP) -> vault.Vault:
    """The vault at ``v``, opened with *secrets* and nothing else."""
    v = vault.open(tmp_path / "v", state=tmp_path / state, models=tmp_path / "none", limits=limits)
    try:
        v.unlock(secrets)
    except BaseException:
        v.close()
        raise
    return v


def opens(tmp_path: Path, *secrets: Secret, state: str = "v-state") -> int:
    """How many classes *secrets* open; 0 where they are refused with one of the two constant messages."""
    try:
        with reopened(tmp_path, *secrets, state=state) as v:
            return len(v.open_classes)
    except WrongPassphrase as refused:
        return 0 if refused.message == "no keyslot opened" and refused.remedy in {REFUSED, NEW_DEVICE} else -1


def home(tmp_path: Path) -> Home:
    """The vault's files and state."""
    return found_home(tmp_path / "v", tmp_path / "v-state")


def said(path: Path) -> list[Slot]:
    """The keyslots that the vault says it has."""
    return [slot for c in Classification for slot in slots_on_disk(home(path), c)]


# -- both or nothing ----------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(first=st.binary(min_size=1, max_size=40), second=st.binary(min_size=32, max_size=80), cut=st.integers(1, 31))
def test_no_other_pair_makes_the_same_material(first, second, cut):
    """Lengths are part of what is hashed: bytes moved from one secret to the other make another key."""
    root, stretched = Root.new("ab" * 16, ULTRA), Stretched(CHEAP)
    right = both(keyslots.passphrase(first), keyslots.keyfile(second))
    slot = wrap(root, right, "vault", KDF, stretched)
    assert unwrap(slot, root, right, stretched) == root
    for kind, value, other in (
        ("passphrase+keyfile", right.value, second[cut:]),
        ("passphrase+keyfile", right.value, second + b"\0"),
        ("passphrase+keyfile", right.value + second[:1], second[1:]),
        ("passphrase+device", right.value, second),
        ("passphrase", right.value, b""),
        ("keyfile", second, b""),
    ):
        assert unwrap(replace(slot, kind=kind), root, Secret(kind, value, other), stretched) is None


def test_a_passphrase_is_tried_alone_and_with_every_second():
    """What is presented together is combined; what is no second factor is not."""
    device = keyslots.device_secret(bytes(32), "d" * 16)
    kinds = [s.kind for s in with_seconds(WORDS, [WORDS, FILE, CODE, device])]
    assert kinds == ["passphrase", "passphrase+keyfile", "passphrase+device"]
    assert with_seconds(FILE, [WORDS, FILE]) == [FILE]
    with pytest.raises(InvalidInput, match="no second factor"):
        both(FILE, WORDS)
    with pytest.raises(InvalidInput, match="no second factor"):
        both(WORDS, CODE)


def test_a_class_that_wants_both_opens_with_both_only(tmp_path):
    """The default for ultrasecret at `init`: passphrase and keyfile open it, neither alone nor the wrong ones do."""
    slots = {"vault": [WORDS], "secret": [OTHER], "ultrasecret": [both(keyslots.passphrase(b"third"), FILE)]}
    lay_out(tmp_path / "v", slots, single=False, state=tmp_path / "v-state", limits=CHEAP)
    third = keyslots.passphrase(b"third")
    assert opens(tmp_path, third) == opens(tmp_path, FILE) == opens(tmp_path, third, keyslots.keyfile(b"x" * 64)) == 0
    assert opens(tmp_path, OTHER, FILE) == 1
    with reopened(tmp_path, third, FILE) as v:
        assert v.open_classes == (ULTRA,)
    with reopened(tmp_path, WORDS, OTHER, third, FILE) as v:
        assert len(v.open_classes) == 5


def test_a_build_that_drops_the_second_secret_is_noticed(tmp_path, monkeypatch):
    """Positive control: with the combination taken out, the passphrase with any keyfile opens the slot."""
    monkeypatch.setattr(keyslots, "_combined", lambda _kind, stretched, _second: stretched)
    slots = {"vault": [both(WORDS, FILE)]}
    lay_out(tmp_path / "v", slots, single=True, state=tmp_path / "v-state", limits=CHEAP)
    assert opens(tmp_path, WORDS, keyslots.keyfile(b"x" * 64)) == 5


def test_a_security_key_as_second_factor(new_vault, tmp_path):
    """Its question is in the header, one for all classes; the answer and the passphrase open, one of them does not."""

    class Person:
        def touch(self) -> None:
            """Touch."""

        def pin(self) -> str | None:
            """No PIN."""

    key = SoftwareKey()
    v = new_vault()
    plain = [s.slot.id for s in v.keyring.slots()]
    v.keyring.add(both(WORDS, enrol(Person(), [key])), "vault")
    v.keyring.remove(plain)
    v.close()
    (question,) = challenges(said(tmp_path))
    given = answer(question, Person(), [key])
    assert opens(tmp_path, WORDS) == opens(tmp_path, given) == opens(tmp_path, OTHER, given) == 0
    assert opens(tmp_path, WORDS, given) == 5
    assert key.touches == 3


def test_planted_questions_are_few(new_vault, tmp_path):
    """However many security keys the header names, only a few are asked for."""
    v = new_vault()
    for n in range(8):
        label = keyslots.Fido2Params(bytes([n]) * 32, bytes(32), uv=False)
        v.keyring.add(both(WORDS, Secret("fido2", bytes(32), label=label)), "vault")
    assert len(challenges(said(tmp_path))) == 4


# -- a device's own secret ----------------------------------------------------------------------------


@pytest.fixture
def hardened(new_vault) -> vault.Vault:
    """A vault whose passphrase needs this device, with a recovery code."""
    v = new_vault()
    v.keyring.add(CODE, "vault")
    done = v.keyring.harden([WORDS])
    assert len(done.added) == len(done.removed) == 5
    return v


def test_a_copy_of_the_vault_cannot_be_guessed_at(hardened, tmp_path):
    """On this device the passphrase opens as before; without the device's secret not even the right one does."""
    assert not hardened.keyring.guessable()
    hardened.close()
    assert opens(tmp_path, WORDS) == 5
    assert opens(tmp_path, OTHER) == 0
    assert opens(tmp_path, WORDS, state="thief") == 0
    assert (tmp_path / "v-state").rglob("device.secret")
    (secret,) = (tmp_path / "v-state").rglob("device.secret")
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(secret.read_bytes()) == 32
    content = secret.read_bytes()
    for path in (tmp_path / "v").rglob("*"):
        assert path.is_dir() or (content not in path.read_bytes() and content.hex().encode() not in path.read_bytes())


def test_without_the_device_secret_no_argon2_is_run(hardened, tmp_path, monkeypatch):
    """Where this device has no secret of its own, a two-secret slot is not even tried."""
    hardened.close()
    monkeypatch.setattr(stretching, "_argon2id", lambda *_: pytest.fail("Argon2 was called"))
    assert opens(tmp_path, WORDS, state="thief") == 0


def test_a_new_device_needs_the_kit_and_then_has_its_own(hardened, tmp_path):
    """With the code the new device opens, makes its own slot, and both devices open with their passphrases."""
    hardened.close()
    with reopened(tmp_path, CODE, state="new") as v:
        done = v.keyring.replace_passphrase(OTHER, "vault")
        assert {r.slot.kind for r in done.added} == {"passphrase+device"}
        assert not done.removed
    assert opens(tmp_path, OTHER, state="new") == 5
    assert opens(tmp_path, WORDS, state="new") == 0
    assert opens(tmp_path, WORDS) == 5
    assert opens(tmp_path, OTHER) == 0


def test_a_passphrase_added_later_is_not_a_way_around(hardened):
    """In a hardened group every new passphrase needs the device too."""
    (first, *_) = hardened.keyring.add(OTHER, "vault")
    assert first.slot.kind == "passphrase+device"


@pytest.mark.parametrize(
    ("secret", "state", "remedy"),
    [(WORDS, "new", NEW_DEVICE), (OTHER, "new", NEW_DEVICE), (OTHER, "v-state", REFUSED), (FILE, "new", REFUSED)],
)
def test_a_new_device_is_sent_to_the_kit(hardened, tmp_path, secret, state, remedy):
    """Any passphrase, right or wrong, is answered by the way on where only a device's secret is missing, and nothing else is."""
    hardened.close()
    with pytest.raises(WrongPassphrase) as caught:
        reopened(tmp_path, secret, state=state)
    assert caught.value.remedy == remedy


def test_a_new_device_of_a_plain_vault_is_not(new_vault, tmp_path):
    """Positive control: where a passphrase alone opens, a wrong one is just wrong."""
    new_vault().close()
    with pytest.raises(WrongPassphrase) as caught:
        reopened(tmp_path, OTHER, state="new")
    assert caught.value.remedy == REFUSED


def test_what_is_open_to_guessing_is_said_of_locked_classes_too(tmp_path):
    """Hardening the vault group leaves plain slots of secret and ultrasecret, which are locked meanwhile."""
    slots = {g: [keyslots.passphrase(g.encode()), CODE] for g in keyslots.GROUPS}
    lay_out(tmp_path / "v", slots, single=False, state=tmp_path / "v-state", limits=CHEAP)
    with reopened(tmp_path, *slots["vault"][:1]) as v:
        assert len(v.open_classes) == 3
        v.keyring.harden(slots["vault"][:1])
        assert {row.classification for row in v.keyring.guessable()} == {Classification.SECRET, ULTRA}
    with reopened(tmp_path, *slots["secret"][:1], *slots["ultrasecret"][:1]) as v:
        v.keyring.harden([*slots["secret"][:1], *slots["ultrasecret"][:1]])
        assert not v.keyring.guessable()


def test_hardening_needs_another_way_in(new_vault):
    """Without a kit or keyfile the loss of the device would be the loss of everything: refused."""
    v = new_vault()
    with pytest.raises(Conflict, match="on one device only") as caught:
        v.keyring.harden([WORDS])
    assert "memory key kit" in caught.value.remedy
    assert all(s.slot.kind == "passphrase" for s in v.keyring.slots())


def test_hardening_leaves_passphrases_that_were_not_given(new_vault):
    """They stay, and are said to be open to guessing."""
    v = new_vault()
    v.keyring.add(CODE, "vault")
    v.keyring.add(OTHER, "vault")
    v.keyring.harden([WORDS])
    assert len(v.keyring.guessable()) == 5


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_device_secret_is_named(hardened, tmp_path, content):
    """Damaged with the way out, not a wrong passphrase."""
    hardened.close()
    (secret,) = (tmp_path / "v-state").rglob("device.secret")
    secret.write_bytes(content)
    with pytest.raises(Damaged, match="device secret") as caught:
        opens(tmp_path, WORDS)
    assert "memory key recover" in caught.value.remedy


def test_the_device_secret_is_made_once(new_vault, tmp_path):
    """Asked for before there is one: none; made: the same from then on."""
    new_vault().close()
    where = home(tmp_path)
    assert device_secret(where) is None
    made = device_secret(where, make=True)
    assert made == device_secret(where, make=True) == device_secret(where)
    assert made.label == where.device_key().device.id


# -- recipients ---------------------------------------------------------------------------------------


def test_an_identity_opens_and_another_does_not(new_vault, tmp_path):
    """A second person's or machine's identity file opens the group; the recipient alone opens nothing."""
    identity, stranger = (pyrage.x25519.Identity.generate() for _ in range(2))
    to = keyslots.recipient(str(identity.to_public()))
    v = new_vault()
    assert {r.slot.recipient for r in v.keyring.add(to, "vault")} == {str(identity.to_public())}
    v.close()
    content = f"# created: today\n# public key: {identity.to_public()}\n{identity}\n".encode()
    assert opens(tmp_path, *keyslots.identities(content)) == 5
    assert opens(tmp_path, *keyslots.identities(f"{stranger}\n{identity}".encode())) == 5
    assert opens(tmp_path, *keyslots.identities(str(stranger).encode())) == 0
    assert opens(tmp_path, to) == 0


def test_a_first_unlock_by_an_identity_says_what_to_check(new_vault, tmp_path):
    """Anybody can wrap to a public recipient: the first sight of a class by an identity is told; others are not."""
    identity = pyrage.x25519.Identity.generate()
    v = new_vault()
    v.keyring.add(keyslots.recipient(str(identity.to_public())), "vault")
    v.close()
    (mine,) = keyslots.identities(str(identity).encode())
    with reopened(tmp_path, mine) as v:
        assert not [n for n in v.notes if "identity" in n]
    with reopened(tmp_path, mine, state="fresh") as v:
        assert len([n for n in v.notes if "same recipient" in n]) == 5
    with reopened(tmp_path, WORDS, state="fresher") as v:
        assert not [n for n in v.notes if "same recipient" in n]


@pytest.mark.parametrize(
    "text",
    ["", "age1", "age1" + "q" * 58, "ssh-ed25519 AAAA", "age1pq" + "q" * 1800, "AGE-SECRET-KEY-1QQ", "age1" + "é" * 58],
)
def test_what_is_no_recipient_is_told(text):
    """Only an X25519 recipient is taken, and its checksum is verified."""
    with pytest.raises(InvalidInput, match="no age recipient"):
        keyslots.recipient(text)


def test_identity_files_are_bounded():
    """Sixteen keys at most, broken ones are named, and a file without any has none."""
    lines = [str(pyrage.x25519.Identity.generate()) for _ in range(17)]
    assert len(keyslots.identities("\n".join(lines[:16]).encode())) == 16
    with pytest.raises(InvalidInput, match="at most 16"):
        keyslots.identities("\n".join(lines).encode())
    with pytest.raises(InvalidInput, match="broken"):
        keyslots.identities(lines[0][:-1].encode() + b"q")
    assert keyslots.identities(b"k" * 64) == []


def test_secrets_of_every_kind_stay_out_of_reprs():
    """Nothing that a traceback would print holds a secret."""
    root = Root.new("ab" * 16, ULTRA)
    identity = pyrage.x25519.Identity.generate()
    (mine,) = keyslots.identities(str(identity).encode())
    pair = both(keyslots.passphrase(b"hunter2"), keyslots.keyfile(b"K" * 40))
    slots = [wrap(root, s, "vault", KDF, Stretched(CHEAP)) for s in (pair, mine)]
    shown = f"{pair!r} {mine!r} {slots!r}"
    assert not [s for s in ("hunter2", "K" * 40, "AGE-SECRET", root.secret.hex()) if s in shown]


# -- kits, forgotten passphrases, drills --------------------------------------------------------------


def test_a_new_kit_ends_the_old_one(new_vault, tmp_path):
    """The new code opens, the old one does not, everything else is as before."""
    new_code = keyslots.recovery_code("B" * 32)
    v = new_vault()
    v.keyring.add(CODE, "vault")
    done = v.keyring.replace_recovery(new_code, "vault")
    assert len(done.added) == len(done.removed) == 5
    v.close()
    assert (opens(tmp_path, new_code), opens(tmp_path, CODE), opens(tmp_path, WORDS)) == (5, 0, 5)


def test_a_forgotten_passphrase_is_replaced(new_vault, tmp_path):
    """The code opens, the new passphrase opens, the forgotten one and its Argon2 salt are gone."""
    v = new_vault()
    v.keyring.add(CODE, "vault")
    before = {s.slot.kdf for s in v.keyring.slots() if s.slot.kdf}
    v.close()
    with reopened(tmp_path, CODE) as v:
        v.keyring.replace_passphrase(OTHER, "vault")
        after = {s.slot.kdf for s in v.keyring.slots() if s.slot.kdf}
    assert len(after) == 1
    assert not before & after
    assert (opens(tmp_path, OTHER), opens(tmp_path, WORDS), opens(tmp_path, CODE)) == (5, 0, 5)


def test_trying_says_what_opens_and_changes_nothing(new_vault, tmp_path):
    """A drill: every slot that a secret opens, by class; a wrong one gives the constant message; no file changes."""
    v = new_vault()
    v.keyring.add(CODE, "vault")
    v.keyring.add(both(WORDS, FILE), "vault")
    v.close()
    files = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    found = tried(home(tmp_path), [CODE], CHEAP)
    assert {c: [s.kind for s in slots] for c, slots in found.items()} == {c: ["recovery"] for c in Classification}
    found = tried(home(tmp_path), [WORDS, FILE], CHEAP)
    assert {tuple(s.kind for s in slots) for slots in found.values()} == {("passphrase", "passphrase+keyfile")}
    for wrong in ([OTHER], [FILE], [keyslots.recovery_code("B" * 32)], []):
        with pytest.raises(WrongPassphrase, match=r"^no keyslot opened$"):
            tried(home(tmp_path), wrong, CHEAP)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == files


def test_the_last_slot_that_opens_stays(new_vault):
    """Removing every known slot is refused as a whole, also where a slot of an unknown kind would be left."""
    v = new_vault()
    ids = [s.slot.id for s in v.keyring.slots()]
    with pytest.raises(Conflict, match="nothing that opens"):
        v.keyring.remove(ids)
    opened = v.opened.need(ULTRA)
    strange = keyslots.Slot("zzzzzzzz", "pigeon", "vault", b"", b"", b"", strange={
        "id": "zzzzzzzz", "kind": "pigeon", "group": "vault",
    })  # fmt: skip
    from vault.headers import rewrite

    header = replace(opened.keys.header, slots=(*opened.keys.header.slots, strange))
    (opened.keys,) = rewrite(v.home, [(opened.keys, opened.keys.newest, header)])
    with pytest.raises(Conflict, match="nothing that opens ultrasecret"):
        v.keyring.remove([s.slot.id for s in v.keyring.slots() if s.classification is ULTRA and s.slot.is_known])


# -- stronger Argon2 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [False, True])
def test_weak_parameters_are_strengthened_at_the_next_unlock(new_vault, tmp_path, pair):
    """The slot is replaced under a new id, with a fresh salt and stronger parameters, and a note says so."""
    v = new_vault()
    if pair:
        plain = [s.slot.id for s in v.keyring.slots()]
        v.keyring.add(both(WORDS, FILE), "vault")
        v.keyring.remove(plain)
    before = v.keyring.slots()
    v.close()
    given = (WORDS, FILE) if pair else (WORDS,)
    with reopened(tmp_path, *given, limits=STRONGER) as v:
        after = v.keyring.slots()
        assert len([n for n in v.notes if "strengthened" in n]) == 5
        assert {s.slot.id for s in before} <= v.opened.need(ULTRA).keys.header.removed_slots | {
            s.slot.id for s in before if s.classification is not ULTRA
        }
    (old,), (new,) = ({s.slot.kdf for s in rows} for rows in (before, after))
    assert (new.memory_kib, new.iterations) == (16384, 2)
    assert new.salt != old.salt
    assert new.lanes == old.lanes
    assert not {s.slot.id for s in before} & {s.slot.id for s in after}
    assert [s.slot.kind for s in after] == [s.slot.kind for s in before]
    with reopened(tmp_path, *given, limits=STRONGER) as v:
        assert {s.slot.kdf for s in v.keyring.slots()} == {new}
        assert not [n for n in v.notes if "strengthened" in n]


def test_production_strengthens_what_is_accepted_but_no_longer_made():
    """64 MiB opens, 128 MiB is what any machine makes at least; what is above stays as it is."""
    limits = KdfLimits()
    weak, fine = (KdfParams(bytes(16), mib * 1024, 3, 1) for mib in (64, 128))
    limits.check(weak)
    assert limits.floor(weak) == replace(fine, salt=weak.salt)
    assert limits.floor(fine) is fine


def test_the_slowest_machine_makes_the_floor(monkeypatch):
    """However long a run takes and however little memory there is, calibration does not go below."""
    asked: list[KdfParams] = []
    monkeypatch.setattr(stretching, "_argon2id", lambda _secret, params: asked.append(params) or bytes(32))
    monkeypatch.setattr(stretching, "_memory_kib", lambda: 256 * 1024)
    monkeypatch.setattr(stretching, "time", SimpleNamespace(perf_counter=iter([0.0, 60.0]).__next__))
    limits = KdfLimits()
    made = stretching.calibrate(limits)
    assert (made.memory_kib, made.iterations) == (128 * 1024, 3)
    assert asked == [made]
    assert limits.floor(made) is made


def test_a_slot_of_an_older_version_is_strengthened_by_default(tmp_path):
    """Nothing is injected but cheaper limits: a vault of the least accepted cost gets twice the memory at an unlock."""
    older = replace(CHEAP, min_memory_kib=32, made_memory_kib=64)  # makes what CHEAP accepts and does not make
    lay_out(tmp_path / "v", {"vault": [WORDS]}, single=True, state=tmp_path / "v-state", limits=older)
    with reopened(tmp_path, WORDS) as v:
        assert {s.slot.kdf.memory_kib for s in v.keyring.slots()} == {128}
        assert len([n for n in v.notes if "strengthened" in n]) == 5


def test_parameters_never_become_weaker():
    """The larger of both counts, for each parameter apart."""
    limits = replace(CHEAP, fresh_memory_kib=128, fresh_iterations=2)
    for memory, iterations, wanted in ((64, 1, (128, 2)), (4096, 1, (4096, 2)), (64, 9, (128, 9)), (256, 3, (256, 3))):
        found = limits.floor(KdfParams(bytes(16), memory, iterations, 1))
        assert (found.memory_kib, found.iterations) == wanted


def test_a_disk_that_refuses_does_not_keep_anybody_out(new_vault, tmp_path, monkeypatch):
    """Strengthening waits for a better day; the unlock succeeds."""
    new_vault().close()

    def full(*_: object) -> None:
        raise StorageFailed("disk full")

    monkeypatch.setattr(ObjectStore, "put_sections", full)
    with reopened(tmp_path, WORDS, limits=STRONGER) as v:
        assert len(v.open_classes) == 5
        assert not [n for n in v.notes if "strengthened" in n]


def test_a_new_slot_beside_weak_ones_is_strong(new_vault, tmp_path):
    """A passphrase added to a group with weak parameters gets strong ones and a salt of its own."""
    new_vault().close()
    v = vault.open(tmp_path / "v", state=tmp_path / "v-state", models=tmp_path / "none", limits=CHEAP)
    v.unlock([WORDS])
    strong = replace(v.keyring, limits=STRONGER)
    (row, *_) = strong.add(OTHER, "vault")
    assert (row.slot.kdf.memory_kib, row.slot.kdf.iterations) == (16384, 2)
    v.close()
    assert opens(tmp_path, OTHER) == opens(tmp_path, WORDS) == 5
