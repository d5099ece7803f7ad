"""Keyslots under attack by one who can write the tree, or who once held a secret: nothing opens that must not.

Every slot of every kind is altered field by field; headers are swapped, replayed and planted. What opens must
be exactly the root that was wrapped, for exactly the secrets it was wrapped for.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

import vault
from vault.classification import Classification
from vault.errors import Damaged, WrongPassphrase
from vault.home import Home
from vault.home import found as found_home
from vault.keys import keyslots, stretching
from vault.keys.keyslots import Secret, both, unwrap, wrap
from vault.keys.roots import Root, seal_old_roots
from vault.keys.sections import Header, parse, render
from vault.keys.slots import Fido2Params, KdfParams, Slot, slot_from_table
from vault.keys.stretching import KdfLimits, Stretched
from vault.keys.tries import MAX_KDF_RUNS
from vault.keys.unlocked import unlock
from vault.names import name_of
from vault.rotation import Rotation

VAULT = "5a" * 16
CHEAP = KdfLimits(min_memory_kib=64, max_memory_kib=256, min_iterations=1, max_iterations=3, target_seconds=0.001)
SECRET, GENERAL = Classification.SECRET, Classification.GENERAL
WORDS, FILE = keyslots.passphrase(b"pw"), keyslots.keyfile(b"k" * 64)
DEVICE = Secret("device", b"d" * 32, label="d" * 16)
TOUCH = Secret("fido2", b"f" * 32, label=Fido2Params(b"c" * 32, b"s" * 32, uv=True))
IDENTITY = pyrage.x25519.Identity.generate()
(MINE,) = keyslots.identities(str(IDENTITY).encode())
CODE = keyslots.recovery_code("A" * 32)
EVERYTHING = [WORDS, FILE, DEVICE, TOUCH, MINE, CODE]
KINDS = {s.kind: s for s in (WORDS, CODE, FILE, MINE, both(WORDS, FILE), both(WORDS, DEVICE), both(WORDS, TOUCH))}
KDF = KdfParams(b"s" * 16, 64, 1, 1)
ROOT = Root(VAULT, SECRET, 2, b"2" * 32)
OLD = Root(VAULT, SECRET, 1, b"1" * 32)


@pytest.fixture(scope="module")
def slots() -> dict[str, Slot]:
    """A slot of every kind for one root."""
    stretched = Stretched(CHEAP)
    return {kind: wrap(ROOT, secret, "secret", KDF, stretched) for kind, secret in KINDS.items()}


def ends(table: dict[str, Any], secrets: list[Secret], root: Root = ROOT) -> str:
    """How an altered slot ends: ``opens``, ``wrong secret`` or ``damaged``; anything else is a crash."""
    try:
        found = keyslots.opening(slot_from_table(table), root, secrets, Stretched(CHEAP))
    except (Damaged, ValueError):
        return "damaged"
    return "wrong secret" if found is None else "opens"


def alterations(value: Any) -> Iterator[Any]:
    """The same with every byte changed, cut and emptied; tables field by field."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, 0, -1, 2**32)
    elif isinstance(value, str):
        for at, letter in enumerate(value):
            yield value[:at] + ("b" if letter == "a" else "a" if letter in "bcdef" else "2") + value[at + 1 :]
        yield from ("", value[:-1], value[:-2], value + "a", value.upper())
    elif isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            yield from ({**value, key: altered} for altered in alterations(value[key]))


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_of_a_slot_can_be_altered(slots, kind):
    """Exhaustive: every character of every field, every field left out; with all secrets at hand nothing opens."""
    table = slots[kind].table()
    assert ends(table, EVERYTHING) == "opens"
    found: Counter[str] = Counter()
    for field, value in table.items():
        left_out = {k: v for k, v in table.items() if k != field}
        for changed in (left_out, *({**table, field: altered} for altered in alterations(value))):
            if changed != table:
                end = ends(changed, EVERYTHING)
                assert end != "opens", (field, changed.get(field))
                found[end] += 1
    assert found["damaged"] > 50
    assert found["wrong secret"] > 50


def test_an_aad_that_forgets_what_a_slot_says_is_noticed(slots, monkeypatch):
    """Positive control: with nothing bound, altered labels open."""
    monkeypatch.setattr(Slot, "aad", lambda _self, _root: b"")
    stretched = Stretched(CHEAP)
    for kind in ("passphrase+device", "passphrase+fido2", "recipient"):
        slot = wrap(ROOT, KINDS[kind], "secret", KDF, stretched)
        assert ends(slot.table() | {"group": "vault"}, EVERYTHING) == "opens"


def test_kinds_cannot_be_swapped(slots):
    """Every slot declared as every other kind, with the fields of that kind: nothing opens, whatever is at hand."""
    for kind, slot in slots.items():
        for other, donor in slots.items():
            if other == kind:
                continue
            own = {k: donor.table()[k] for k in ("kdf", "device", "fido2", "recipient", "sealed") if k in donor.table()}
            assert ends(slot.table() | {"kind": other}, EVERYTHING) != "opens", (kind, other)
            assert ends(slot.table() | own | {"kind": other}, EVERYTHING) != "opens", (kind, other)


def test_a_second_factor_cannot_be_stripped(slots):
    """Whatever is left out and however it is declared, the passphrase alone never opens a slot that wants both."""
    for kind in ("passphrase+keyfile", "passphrase+device", "passphrase+fido2"):
        for left_out in ((), ("device",), ("fido2",), ("device", "fido2")):
            for declared in ("passphrase", kind):
                table = {k: v for k, v in slots[kind].table().items() if k not in left_out} | {"kind": declared}
                if table != slots[kind].table():
                    assert ends(table, [WORDS]) != "opens"


def test_a_build_that_ignores_the_second_secret_is_noticed(monkeypatch):
    """Positive control: if both parts were not needed, the stripped slot would open, but for what is bound."""
    monkeypatch.setattr(keyslots, "_combined", lambda _kind, stretched, _second: stretched)
    monkeypatch.setattr(Slot, "aad", lambda _self, _root: b"")
    slot = wrap(ROOT, KINDS["passphrase+keyfile"], "secret", KDF, Stretched(CHEAP))
    assert ends(slot.table() | {"kind": "passphrase"}, [WORDS]) == "opens"


def test_parts_of_two_slots_do_not_mix(slots):
    """Salt, commitment, wrapped root, parameters and age file of another slot of the same kind and secret."""
    stretched = Stretched(CHEAP)
    for kind, secret in KINDS.items():
        twin = wrap(ROOT, secret, "secret", replace(KDF, salt=b"t" * 16), stretched).table()
        table = slots[kind].table()
        for field in ("id", "salt", "commitment", "wrapped", "kdf", "sealed"):
            if field in table:
                assert ends(table | {field: twin[field]}, EVERYTHING) != "opens", (kind, field)


def test_a_slot_opens_only_in_its_place(slots):
    """Another vault, class or generation: damaged, because the secret fits and the place does not."""
    for slot in slots.values():
        for root in (replace(ROOT, vault_id="00" * 16), replace(ROOT, classification=GENERAL), OLD):
            assert ends(slot.table(), EVERYTHING, root) == "damaged"


def test_a_commitment_cannot_be_made_for_two_secrets(slots):
    """The commitment decides before anything is decrypted: another slot's commitment, or none, opens nothing."""
    for kind, slot in slots.items():
        others = [s.commitment for k, s in slots.items() if k != kind]
        for commitment in (*others, bytes(32), b"\xff" * 32):
            assert unwrap(replace(slot, commitment=commitment), ROOT, KINDS[kind], Stretched(CHEAP)) is None


# -- Argon2 clamps ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["passphrase", "passphrase+keyfile", "passphrase+device", "passphrase+fido2"])
@pytest.mark.parametrize(
    "change",
    [
        {"memory_kib": 2**32},
        {"memory_kib": 64 * 1024 - 1},
        {"memory_kib": 8},
        {"memory_kib": 0},
        {"memory_kib": -1},
        {"iterations": 2},
        {"iterations": 17},
        {"iterations": 2**31},
        {"lanes": 0},
        {"lanes": 17},
    ],
)
def test_a_downgraded_or_greedy_slot_never_reaches_argon2(slots, kind, change, monkeypatch):
    """Weaker than ours or stronger than bearable: refused before any memory is taken, for every kind."""
    monkeypatch.setattr(stretching, "_argon2id", lambda *_: pytest.fail("Argon2 was called"))
    strong = {"salt": "00" * 16, "memory_kib": 64 * 1024, "iterations": 3, "lanes": 1}
    slot = slot_from_table(slots[kind].table() | {"kdf": strong | change})
    with pytest.raises(Damaged, match="outside the limits"):
        unwrap(slot, ROOT, KINDS[kind], Stretched(KdfLimits()))


def header(*slots: Slot, root: Root = ROOT, old: Root = OLD, **changes: Any) -> Header:
    """A header of generation 2."""
    made = Header(VAULT, SECRET, 2, root.recipient(), tuple(slots), old_roots=seal_old_roots(root, (old,)))
    return replace(made, **changes)


def test_planted_slots_of_all_kinds_buy_few_argon2_runs(slots, monkeypatch):
    """One passphrase with three second secrets: four runs at most are bought, not four for each pair."""
    runs: list[KdfParams] = []
    monkeypatch.setattr(stretching, "_argon2id", lambda _s, params: runs.append(params) or bytes(32))
    kinds = [k for k in KINDS if k.startswith("passphrase")]
    planted = [
        replace(slots[kinds[i % 4]], id=f"{i:08d}", kdf=KdfParams(bytes([i]) * 16, 64, 1, 1)) for i in range(60)
    ]
    section = parse(render(header(*planted), ROOT), VAULT)
    with pytest.raises(Damaged, match="too many"):
        unlock([section], EVERYTHING, Stretched(CHEAP), frozenset())
    assert len(runs) <= MAX_KDF_RUNS


# -- whole vaults: swaps, replays, planted generations ------------------------------------------------


class Scene:
    """A vault with two texts; the header and this device's state can be put back."""

    def __init__(self, base: Path) -> None:
        """Make it below *base*."""
        self.base = base
        kw = {"state": base / "s", "models": base / "none", "limits": CHEAP}
        with vault.create(base / "v", passphrase=b"pw", **kw) as v:
            v.capture("needle one", classification="secret")
            v.capture("needle two", classification="general")
            v.keyring.add(keyslots.recipient(str(IDENTITY.to_public())), "vault")

    @property
    def header(self) -> Path:
        """The synced sections."""
        return self.base / "v" / "header"

    @property
    def home(self) -> Home:
        """The vault's files and state."""
        return found_home(self.base / "v", self.base / "s")

    def open(self, *secrets: Secret, state: str = "s") -> vault.Vault:
        """Open the class secret."""
        v = vault.open(self.base / "v", state=self.base / state, models=self.base / "none", limits=CHEAP)
        try:
            v.unlock(secrets or [WORDS], [SECRET])
        except BaseException:
            v.close()
            raise
        return v

    def save(self) -> Callable[[], None]:
        """Remember the header; the result puts it back as it was, and only that."""
        saved = self.base / f"saved{len(list(self.base.glob('saved*')))}"
        shutil.copytree(self.header, saved)

        def put_back() -> None:
            shutil.rmtree(self.header)
            shutil.copytree(saved, self.header)

        return put_back

    def rotate(self, keep: Secret = WORDS) -> None:
        """A new generation for the class."""
        with self.open() as v:
            Rotation(v.keyring, [SECRET]).carry_out([keep], {})

    def plant(self, made: Header, root: Root) -> str:
        """Put a section there that *root* authenticates."""
        data = render(made, root)
        (self.header / f"secret.{name_of(data)}.toml").write_bytes(data)
        return name_of(data)

    def text(self, *secrets: Secret) -> list[str]:
        """What is read of the class."""
        with self.open(*secrets) as v:
            return [e.text for e in v.entries("class:secret")]


@pytest.fixture
def scene(tmp_path) -> Scene:
    """A fresh one."""
    return Scene(tmp_path)


def test_a_replayed_older_generation_is_a_rollback(scene):
    """The header of before the rotation in place of the present one is refused, for every secret that opens it."""
    put_back = scene.save()
    scene.rotate()
    put_back()
    for secret in (WORDS, MINE):
        with pytest.raises(Damaged, match="older than the one"):
            scene.open(secret)


def test_a_device_without_the_check_would_take_the_rollback(scene, monkeypatch):
    """Positive control: without pins the replayed header opens; that is the documented limit of a fresh clone."""
    put_back = scene.save()
    scene.rotate()
    put_back()
    with scene.open(state="fresh") as v:
        assert v.opened.need(SECRET).keys.newest.generation == 1
    monkeypatch.setattr("vault.home.pins.load", lambda _path: {})
    with scene.open() as v:
        assert v.opened.need(SECRET).keys.newest.generation == 1


def test_two_replayed_generations_are_two_rollbacks(scene):
    """The header of two rotations ago, and that of the last, are both refused."""
    olds = [scene.save()]
    scene.rotate()
    olds.append(scene.save())
    scene.rotate()
    now = scene.save()
    for put_back in olds:
        put_back()
        with pytest.raises(Damaged):
            scene.open()
    now()
    assert scene.text() == ["needle one"]


def test_a_replayed_section_beside_the_present_one_changes_nothing(scene):
    """The dropped secret stays wrong, the kept one opens the newest, and the replayed file goes."""
    old = {p.name: p.read_bytes() for p in scene.header.glob("secret.*")}
    scene.rotate()
    with scene.open() as v:
        v.keyring.remove([s.slot.id for s in v.keyring.slots() if s.slot.kind == "recipient"])
    for name, data in old.items():
        (scene.header / name).write_bytes(data)
    with pytest.raises(WrongPassphrase):
        scene.open(MINE)
    assert scene.text() == ["needle one"]
    assert not set(old) & {p.name for p in scene.header.iterdir()}


def test_headers_of_two_classes_cannot_be_swapped(scene):
    """Section files under each other's class are no sections of it."""
    (secret,), (general,) = (list(scene.header.glob(f"{c}.*")) for c in ("secret", "general"))
    one, two = secret.read_bytes(), general.read_bytes()
    secret.unlink()
    general.unlink()
    (scene.header / secret.name.replace("secret", "general")).write_bytes(one)
    (scene.header / general.name.replace("general", "secret")).write_bytes(two)
    with pytest.raises(Damaged, match="missing or damaged"):
        scene.open()


def test_another_vaults_header_is_refused(scene, tmp_path):
    """The same passphrase and class, another vault: not a section of this one."""
    (tmp_path / "other").mkdir()
    other = Scene(tmp_path / "other")
    for path in scene.header.glob("secret.*"):
        path.unlink()
    for path in other.header.glob("secret.*"):
        shutil.copy(path, scene.header)
    with pytest.raises(Damaged, match="missing or damaged"):
        scene.open()


def forged(scene: Scene, generation: int, *, instead: bool) -> None:
    """A header of an attacker's own root, wrapped to the victim's public recipient, beside or instead of the true one."""
    vault_id = scene.home.vault_id
    root = Root.new(vault_id, SECRET, generation)
    slot = wrap(root, keyslots.recipient(str(IDENTITY.to_public())), "vault", None, Stretched(CHEAP))
    olds = tuple(Root.new(vault_id, SECRET, g) for g in range(1, generation))
    made = Header(vault_id, SECRET, generation, root.recipient(), (slot,))
    parents = tuple(p.name.split(".")[1] for p in scene.header.glob("secret.*"))
    if instead:
        for path in scene.header.glob("secret.*"):
            path.unlink()
    scene.plant(replace(made, old_roots=seal_old_roots(root, olds) if olds else b"", parents=parents), root)


@pytest.mark.parametrize("generation", [1, 2, 3])
def test_a_header_wrapped_to_my_recipient_is_not_mine(scene, generation):
    """Whoever knows my recipient can make a header that my identity opens: the pins tell it is not this vault's."""
    before = scene.home.pins()[SECRET]
    forged(scene, generation, instead=True)
    with pytest.raises(Damaged, match=r"not the one this device knows|older than the one"):
        scene.open(MINE)
    assert scene.home.pins()[SECRET] == before


@pytest.mark.parametrize("generation", [1, 2, 3])
def test_a_header_wrapped_to_my_recipient_beside_the_true_one(scene, generation):
    """Planted beside the true header it is passed over: everything opens as before, and the pin stays."""
    before = scene.home.pins()[SECRET]
    forged(scene, generation, instead=False)
    for secret in (MINE, WORDS):
        assert scene.text(secret) == ["needle one"]
    assert scene.home.pins()[SECRET].recipient == before.recipient


def test_without_the_chain_of_roots_captures_would_be_redirected(scene, monkeypatch):
    """Positive control: if the older root were not asked for, the forged generation would be pinned."""
    forged(scene, 2, instead=True)
    monkeypatch.setattr("vault.attempt._check_pin", lambda _keys, _pin: None)
    before = scene.home.pins()[SECRET].recipient
    scene.open(MINE).close()
    assert scene.home.pins()[SECRET].recipient != before


def test_a_planted_salt_is_not_used_for_a_new_passphrase(scene):
    """Argon2 parameters that a class only claims, which this device never opened, do not get into a new slot.

    Whoever could choose the salt (and the cheapest allowed cost) would have begun guessing long before.
    """
    for path in scene.header.glob("chronological.*"):
        path.unlink()
    root = Root.new(scene.home.vault_id, Classification.CHRONOLOGICAL)
    planted = KdfParams(b"p" * 16, 64, 1, 1)
    slot = wrap(root, WORDS, "vault", planted, Stretched(CHEAP))
    data = render(Header(root.vault_id, root.classification, 1, root.recipient(), (slot,)), root)
    (scene.header / f"chronological.{name_of(data)}.toml").write_bytes(data)
    with scene.open() as v:
        v.unlock([WORDS], set(Classification) - {Classification.CHRONOLOGICAL})
        assert len(v.open_classes) == 4
        v.keyring.replace_passphrase(keyslots.passphrase(b"new"), "vault")
        assert planted not in {s.slot.kdf for s in v.keyring.slots()}


def test_who_held_the_old_root_changes_nothing(scene):
    """With an older generation's root one can forge sections of that generation: none adds, removes or replaces a slot."""
    with scene.open() as v:
        old = v.opened.need(SECRET).keys
    scene.rotate()
    with scene.open() as v:
        now = v.opened.need(SECRET).keys
    intruder = keyslots.keyfile(b"i" * 64)
    slot = wrap(old.newest, intruder, "vault", None, Stretched(CHEAP))
    ids = frozenset(s.id for s in now.header.slots)
    forgery = replace(old.header, slots=(slot,), parents=tuple(sorted({*now.heads, *now.header.parents})), removed_slots=ids)
    scene.plant(forgery, old.newest)
    with pytest.raises(WrongPassphrase):
        scene.open(intruder)
    assert scene.text() == ["needle one"]
    with scene.open() as v:
        assert {s.slot.id for s in v.keyring.slots()} == {s.id for s in now.header.slots}
