"""Corruption: every byte and every cut of a header section and of a sealed file; samples of databases and logs.

The right text or a named error, never wrong text and never another exception. The sweeps over a section and
a sealed file are exhaustive; databases are sampled with a fixed seed, and the soak takes many more samples.
"""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

import vault
import vault.seal as sealing
from vault.classification import Classification
from vault.entry import Revision
from vault.errors import Damaged, VaultError
from vault.keys import keyslots
from vault.keys.device import load_or_create
from vault.keys.keyslots import KdfParams, wrap
from vault.keys.roots import Root, seal_old_roots
from vault.keys.sections import Header, Section, parse, render
from vault.keys.stretching import KdfLimits, Stretched
from vault.keys.unlocked import ClassKeys, unlock
from vault.names import name_of
from vault.seal import Opener, SealFault, seal

VAULT = "5a" * 16
CHEAP = KdfLimits(min_memory_kib=64, max_memory_kib=128, min_iterations=1, max_iterations=2, target_seconds=0.001)
SEED = 20260301


def variants(data: bytes) -> Iterator[bytes]:
    """Every byte flipped, zeroed and set to FF, and every truncation; never *data* itself."""
    for at, byte in enumerate(data):
        for changed in {byte ^ 1, 0, 0xFF} - {byte}:
            yield data[:at] + bytes([changed]) + data[at + 1 :]
        yield data[:at]


# -- header -------------------------------------------------------------------------------------------


@dataclass
class Locksmith:
    """A class whose section is under attack, and the secrets that open it."""

    header: Header
    root: Root
    data: bytes
    stretched: Stretched

    def open(self, data: bytes) -> ClassKeys | None:
        """What the passphrase opens of a section file with this content (renamed to fit it)."""
        return unlock([parse(data, VAULT)], [keyslots.passphrase(b"pw")], self.stretched, frozenset())

    def sweep(self) -> Counter[str]:
        """How the variants end: ``opened``, ``wrong secret`` or the name of a VaultError."""
        ends: Counter[str] = Counter()
        for changed in variants(self.data):
            try:
                ends["wrong secret" if self.open(changed) is None else "opened"] += 1
            except VaultError as error:
                ends[type(error).__name__] += 1
        return ends


@pytest.fixture
def locksmith() -> Locksmith:
    """A section of generation 2 with old roots, a passphrase and a keyfile slot, a removed slot and a device.

    The passphrase is stretched once; its slots find the result in the cache, so that no try pays for Argon2
    unless the corruption changed the parameters themselves (and then within tiny limits).
    """
    stretched = Stretched(CHEAP)
    old = Root(VAULT, Classification.SECRET, 1, b"1" * 32)
    root = Root(VAULT, Classification.SECRET, 2, b"2" * 32)
    kdf = KdfParams(b"s" * 16, 64, 1, 1)
    slots = (
        wrap(root, keyslots.passphrase(b"pw"), "secret", kdf, stretched),
        wrap(root, keyslots.keyfile(b"k" * 32), "secret", None, stretched),
    )
    from vault.keys.device import device_of

    header = Header(
        VAULT, Classification.SECRET, 2, root.recipient(), slots, (device_of(b"d" * 32),), frozenset({"aaaaaaaa"}),
        old_roots=seal_old_roots(root, (old,)), parents=("b" * 32,),
    )  # fmt: skip
    return Locksmith(header, root, render(header, root), stretched)


def test_no_byte_of_a_section_can_be_changed_or_cut(locksmith):
    """Exhaustive: no altered section opens; each ends as a wrong secret or a named error."""
    keys = locksmith.open(locksmith.data)
    assert keys is not None
    assert keys.header == locksmith.header
    ends = locksmith.sweep()
    assert ends["opened"] == 0
    assert set(ends) <= {"wrong secret", "Damaged", "NewerFormat"}
    assert ends["Damaged"] > 1000


def test_a_section_reader_without_the_mac_is_noticed(locksmith, monkeypatch):
    """Positive control: with the MAC check taken out, the sweep finds altered sections that open."""
    monkeypatch.setattr(Section, "is_authentic", lambda _self, _root: True)
    assert locksmith.sweep()["opened"] > 100


# -- sealed file --------------------------------------------------------------------------------------


@pytest.fixture
def sealed(tmp_path) -> tuple[Opener, bytes, Revision]:
    """An opener, a sealed file and what is in it."""
    key = load_or_create(tmp_path / "device.key")
    root = Root(VAULT, Classification.SECRET, 1, b"1" * 32)
    now = datetime(2026, 1, 2, tzinfo=UTC)
    revision = Revision(VAULT, Classification.SECRET, "0" * 16, key.device.id, (), 1, now, now, "the text", "title")
    header = Header(VAULT, Classification.SECRET, 1, root.recipient(), devices=(key.device,))
    return Opener(ClassKeys((root,), header, ())), seal(revision, root.recipient(), key).data, revision


def test_no_byte_of_a_sealed_file_can_be_changed_or_cut(sealed):
    """Exhaustive: under its old name every variant is ``name``; renamed to fit, it is no file of this class."""
    opener, data, revision = sealed
    assert opener.open(name_of(data), data).revision == revision
    ends: Counter[str] = Counter()
    for changed in variants(data):
        for name in (name_of(data), name_of(changed)):
            try:
                opener.open(name, changed)
                ends["opened"] += 1
            except SealFault as fault:
                ends[fault.kind] += 1
    assert set(ends) == {"name", "foreign", "bounds"}
    assert ends["name"] == len(list(variants(data)))


def test_no_byte_under_the_seal_can_be_changed_or_cut(sealed, monkeypatch):
    """Exhaustive, for one who can seal to the public recipient: no altered plaintext opens, each has its kind."""
    opener, data, revision = sealed
    plain = sealing.decrypt(data, opener._identities)
    ends: Counter[str] = Counter()
    wrong: list[bytes] = []
    for changed in variants(plain):
        monkeypatch.setattr(sealing, "decrypt", lambda *_, text=changed: text)
        try:
            wrong.append(changed) if opener.open(name_of(data), data).revision != revision else ends.update(["same"])
        except SealFault as fault:
            ends[fault.kind] += 1
    assert not wrong
    assert set(ends) <= {"envelope", "padding", "vault", "class", "unsigned", "device", "pending", "signature"}
    assert len(ends) >= 6


def test_an_opener_without_the_signature_check_is_noticed(sealed, monkeypatch):
    """Positive control: with verification taken out, the same sweep finds wrong text."""
    opener, data, revision = sealed
    plain = sealing.decrypt(data, opener._identities)
    monkeypatch.setattr(sealing, "verify", lambda *_: True)
    monkeypatch.setattr(sealing, "decrypt", lambda *_: plain.replace(b"the text", b"the TEXT"))
    assert opener.open(name_of(data), data).revision.body == "the TEXT" != revision.body


# -- databases and write-ahead logs -------------------------------------------------------------------


@dataclass
class Site:
    """A vault whose state can be put back and damaged again and again."""

    path: Path
    state: Path
    saved: Path
    texts: dict[str, str]

    def open(self) -> vault.Vault:
        """Open it."""
        return vault.open(self.path, passphrase=b"pw", state=self.state, models=self.path / "none", limits=CHEAP)

    def restore(self) -> None:
        """The state as it was saved, its logs not folded in."""
        shutil.rmtree(self.state)
        shutil.copytree(self.saved, self.state)

    def files(self, pattern: str) -> list[Path]:
        """State files of a kind that hold something."""
        return sorted(p for p in self.state.glob(f"*/{pattern}") if p.stat().st_size)

    def read(self) -> str:
        """How reading everything ends: ``same``, ``rebuilt`` (by itself or on request), or what is wrong."""
        try:
            v = self.open()
        except Damaged:
            return "cannot be opened any more"
        with v:
            try:
                same = self._everything(v)
            except Damaged:
                v.rebuild()
                return "rebuilt" if self._everything(v) else "lost after a rebuild"
            if v.opened.rebuilt:
                return "rebuilt" if same else "lost in a rebuild"
            return "same" if same else "lost"

    def _everything(self, v: vault.Vault) -> bool:
        listed = {e.id: e.text for e in v.entries(limit=1000)}
        found = {h.entry.id: h.entry.text for h in v.search("needle", limit=1000)}
        return listed == found == self.texts


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    """Ten entries, some folded into the databases, some only in their logs; saved while open, as after kill -9."""
    root = tmp_path_factory.mktemp("site")
    made = Site(root / "v", root / "s", root / "saved", {})
    kw = {"state": made.state, "models": root / "none", "limits": CHEAP}

    def add(v: vault.Vault, number: int) -> None:
        cls = ("general", "secret")[number % 2]
        entry = v.capture(f"needle {number} " + "word " * 50 * number, classification=cls, tags=[f"t{number}"])
        made.texts[entry.id] = entry.text

    with vault.create(made.path, passphrase=b"pw", **kw) as v:
        for number in range(5):
            add(v, number)
    v = made.open()
    for number in range(5, 10):
        add(v, number)
    shutil.copytree(made.state, made.saved)
    v.close()
    return made


def damage(file: Path, how: str, rng: random.Random) -> None:
    """Damage a file in one place."""
    data = bytearray(file.read_bytes())
    at = rng.randrange(len(data))
    kinds: dict[str, Callable[[], bytes]] = {
        "flip": lambda: bytes(data[:at]) + bytes([data[at] ^ 1 << rng.randrange(8)]) + bytes(data[at + 1 :]),
        "zero page": lambda: bytes(data[: at - at % 4096]) + bytes(4096) + bytes(data[at - at % 4096 + 4096 :]),
        "cut": lambda: bytes(data[:at]),
        "head": lambda: b"\xff" * 64 + bytes(data[64:]),
        "junk": lambda: rng.randbytes(len(data)),
        "empty": lambda: b"",
    }
    file.write_bytes(kinds[how]())


def test_the_saved_state_reads_as_it_is(site):
    """Control: undamaged, everything is there without a rebuild, and some of it comes from the logs."""
    site.restore()
    assert site.files("*.db-wal")
    assert site.read() == "same"


@pytest.mark.parametrize("how", ["flip", "zero page", "cut", "head", "junk", "empty"])
@pytest.mark.parametrize("pattern", ["*.db", "*.db-wal"])
def test_a_damaged_index_costs_nothing(site, how, pattern):
    """Sampled: after damage to any database or log, every entry is still listed and found, with its own text."""
    rng = random.Random(f"{SEED}{how}{pattern}")
    ends: Counter[str] = Counter()
    for _ in range(5):
        site.restore()
        damage(rng.choice([f for f in site.files(pattern) if f.name[:3] in {"gen", "sec"}]), how, rng)
        ends[site.read()] += 1
    assert set(ends) <= {"same", "rebuilt"}, ends


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_damaged_index_costs_nothing_at_length(site):
    """The same, two thousand times."""
    rng = random.Random(SEED)
    ends: Counter[str] = Counter()
    for _ in range(2000):
        site.restore()
        how = rng.choice(["flip", "zero page", "cut", "head", "junk", "empty"])
        damage(rng.choice(site.files(rng.choice(["*.db", "*.db-wal"]))), how, rng)
        ends[site.read()] += 1
    assert set(ends) <= {"same", "rebuilt"}, ends


def test_every_database_missing_is_a_rebuild(site):
    """With all indexes deleted everything is there again; what is lost is only time."""
    site.restore()
    for file in [*site.files("*.db"), *site.files("*.db-*")]:
        file.unlink()
    assert site.read() == "same"


def test_a_reconcile_that_trusts_the_index_is_noticed(site, monkeypatch):
    """Positive control: if reconcile did nothing, the damaged logs would lose entries, and `read` would say so."""
    from vault import opened
    from vault.reconcile import Report

    monkeypatch.setattr(opened, "reconcile", lambda *_: Report())
    site.restore()
    for file in site.files("*.db-wal"):
        file.write_bytes(b"")
    assert site.read() == "lost"


def test_a_damaged_header_file_is_named(tmp_path, new_vault):
    """Sampled: whatever happens to a section file, opening gives the right texts of the rest or a named error."""
    v = new_vault()
    texts = {v.capture(f"needle {c}", classification=c).id: f"needle {c}" for c in Classification}
    v.close()
    rng = random.Random(SEED)
    file = next((tmp_path / "v" / "header").glob("general.*"))
    sound = file.read_bytes()
    for _ in range(30):
        damage(file, rng.choice(["flip", "cut", "junk", "empty", "zero page"]), rng)
        try:
            v = new_vault(reopen=True)
        except VaultError:
            continue
        assert {e.id: e.text for e in v.entries()}.items() <= texts.items()
        assert Classification.GENERAL not in v.open_classes
        assert any(file.name in f.subject for f in v.examine())
        v.close()
        file.write_bytes(sound)
    file.write_bytes(sound)
    assert {e.id: e.text for e in new_vault(reopen=True).entries()} == texts
