"""Header sections: rendering, bounds, union with "removed wins", pins, and what an unlock refuses."""

from dataclasses import replace

import pytest

from vault.classification import Classification
from vault.errors import Damaged, NewerFormat
from vault.keys import keyslots, pins, sections, stretching, unlocked
from vault.keys.device import Device, device_of
from vault.keys.keyslots import KdfParams, wrap
from vault.keys.pins import Pin
from vault.keys.roots import Root, open_old_roots, seal_old_roots
from vault.keys.sections import Header, Section, parse, render
from vault.keys.stretching import KdfLimits, Stretched
from vault.keys.tries import MAX_KDF_RUNS, MAX_RUNS_BESIDE
from vault.keys.unlocked import union, unlock

VAULT = "cd" * 16
CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
KEYFILE = keyslots.keyfile(b"k" * 32)
CODE = keyslots.recovery_code("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@pytest.fixture
def root() -> Root:
    """A class's root."""
    return Root.new(VAULT, Classification.SECRET)


@pytest.fixture
def header(root) -> Header:
    """A header with one keyfile slot, one recovery slot and one device."""
    slots = (wrap(root, KEYFILE, "secret", None, Stretched(CHEAP)), wrap(root, CODE, "secret", None, Stretched(CHEAP)))
    return Header(VAULT, root.classification, 1, root.recipient(), slots, (a_device(1),))


def a_device(number: int) -> Device:
    """A device with a made-up key."""
    return device_of(bytes([number]) * 32)


def section(header: Header, root: Root) -> Section:
    """The section that *root*'s holder writes of *header*."""
    return parse(render(header, root), VAULT)


def open_with(secret, *found: Section, pinned=()):
    """What one secret opens of these sections."""
    return unlock(found, [secret], Stretched(CHEAP), frozenset(pinned))


def test_what_is_rendered_is_parsed_again(header, root):
    """A section says the same after a round trip, and its MAC is its root's."""
    old = Root.new(VAULT, Classification.SECRET)
    newest = replace(root, generation=2)
    full = replace(
        header,
        generation=2,
        recipient=newest.recipient(),
        removed_slots=frozenset({"aaaaaaaa", "bbbbbbbb"}),
        removed_devices=frozenset({a_device(9).id}),
        old_roots=seal_old_roots(newest, (old,)),
        parents=("a" * 32, "b" * 32),
        slots=(
            *header.slots,
            wrap(newest, keyslots.passphrase(b"pw"), "secret", KdfParams(b"s" * 16, 64, 1, 1), Stretched(CHEAP)),
        ),
    )
    read = section(full, newest)
    assert read.header == full
    assert read.is_authentic(newest)
    assert not read.is_authentic(old)
    assert open_old_roots(newest, read.header.old_roots)[0].secret == old.secret


@pytest.mark.parametrize(("count", "fine"), [(64, True), (65, False)])
def test_at_most_64_slots(count, fine, header, root, monkeypatch):
    """The bound is exact, for writing as for reading."""
    many = replace(header, slots=tuple(replace(header.slots[0], id=f"{i:08d}") for i in range(count)))
    if fine:
        assert len(section(many, root).header.slots) == count
        return
    with pytest.raises(Damaged, match=r"cannot be written|is damaged"):
        render(many, root)
    with monkeypatch.context() as lax:
        lax.setattr(sections, "MAX_SLOTS", count)
        data = render(many, root)
    with pytest.raises(Damaged, match="is damaged"):
        parse(data, VAULT)


def test_a_section_over_256_kib_is_refused_before_it_is_parsed(header, root, monkeypatch):
    """Size first, so that a 14 MB file costs nothing."""
    monkeypatch.setattr(sections.tomllib, "loads", lambda _text: pytest.fail("it was parsed"))
    with pytest.raises(Damaged, match="too large"):
        parse(b"#" * (256 * 1024 + 1), VAULT)


def test_deeply_nested_toml_is_damage_not_a_crash():
    """A section of a hundred thousand brackets is a named error."""
    with pytest.raises(Damaged):
        parse(b"x = " + b"[" * 100_000 + b"]" * 100_000, VAULT)


def test_a_newer_format_is_said_to_be_newer(header, root):
    """It is not called damaged, so that the remedy is an upgrade."""
    with pytest.raises(NewerFormat):
        parse(render(header, root).replace(b"format = 1", b"format = 7", 1), VAULT)


# -- union --------------------------------------------------------------------------------------------


def test_union_lists_everything_and_removed_wins(header):
    """An id removed anywhere is gone, whoever still lists it, in whatever order the heads come."""
    one = replace(header, devices=(a_device(1), a_device(2)))
    two = replace(
        header,
        devices=(a_device(3),),
        removed_slots=frozenset({header.slots[0].id}),
        removed_devices=frozenset({a_device(2).id}),
    )
    for heads in ([one, two], [two, one]):
        found = union(heads)
        assert {d.id for d in found.devices} == {a_device(1).id, a_device(3).id}
        assert [s.id for s in found.slots] == [header.slots[1].id]
        assert found.removed_slots == {header.slots[0].id}


def test_a_removed_slot_does_not_open_though_its_section_is_back(header, root):
    """Whoever replays the old section gets no further than the newer one allows."""
    old = section(header, root)
    code = header.slots[1]
    now = replace(header, slots=header.slots[:1], removed_slots=frozenset({code.id}), parents=(old.name,))
    new = section(now, root)
    assert open_with(CODE, old) is not None
    assert open_with(CODE, old, new) is None
    assert open_with(KEYFILE, old, new).header.slots == header.slots[:1]


def test_if_removal_did_not_win_the_replay_would_be_noticed(header, root, monkeypatch):
    """Positive control: with a union that forgets removals, the replayed slot opens."""
    old = section(header, root)
    new = section(replace(header, slots=header.slots[:1], removed_slots=frozenset({header.slots[1].id})), root)
    monkeypatch.setattr(unlocked, "union", lambda heads, _valid: heads[0])
    assert open_with(CODE, old, new) is not None


def test_a_pinned_section_that_vanished_is_a_rollback(header, root):
    """If the section this device knows is gone and nothing replaces it, the unlock refuses."""
    old = section(header, root)
    new = section(replace(header, parents=(old.name,)), root)
    with pytest.raises(Damaged, match="older than the one this device knows"):
        open_with(KEYFILE, old, pinned=[new.name])
    assert open_with(KEYFILE, new, pinned=[old.name]).heads == (new.name,)


def test_a_forged_section_changes_nothing(header, root):
    """A section under another root's MAC beside the true one is listed as strange and otherwise ignored."""
    other = Root.new(VAULT, Classification.SECRET)
    forged = section(replace(header, recipient=other.recipient(), devices=(a_device(66),), slots=()), other)
    true = section(header, root)
    keys = open_with(KEYFILE, forged, true)
    assert keys.header.recipient == root.recipient()
    assert [d.id for d in keys.header.devices] == [a_device(1).id]
    assert keys.strange == (forged.name,)


def test_without_the_mac_the_forged_device_would_be_noticed(header, root, monkeypatch):
    """Positive control: with the MAC check taken out, the forged device is enrolled."""
    forged = replace(section(header, root), header=replace(header, devices=(a_device(66),)), mac="0" * 64)
    with pytest.raises(Damaged, match="altered"):
        open_with(KEYFILE, forged)
    monkeypatch.setattr(Section, "is_authentic", lambda _self, _root: True)
    assert [d.id for d in open_with(KEYFILE, forged).header.devices] == [a_device(66).id]


def test_planted_sections_buy_few_argon2_runs(header, root, monkeypatch):
    """Thousands of different passphrase slots cost at most a handful of runs, then a named error."""
    runs: list[KdfParams] = []
    monkeypatch.setattr(stretching, "_argon2id", lambda _s, params: runs.append(params) or bytes(32))
    blank = replace(header.slots[0], kind="passphrase")
    planted = replace(
        header, slots=tuple(replace(blank, id=f"{i:08d}", kdf=KdfParams(bytes([i]) * 16, 64, 1, 1)) for i in range(60))
    )
    with pytest.raises(Damaged, match="too many"):
        open_with(keyslots.passphrase(b"pw"), section(planted, Root.new(VAULT, Classification.SECRET)))
    assert len(runs) <= MAX_KDF_RUNS


def test_the_pinned_section_is_tried_before_planted_ones(header, root, monkeypatch):
    """In the ordinary case a planted section costs no Argon2 run at all."""
    runs: list[KdfParams] = []
    real = stretching._argon2id
    monkeypatch.setattr(stretching, "_argon2id", lambda s, params: runs.append(params) or real(s, params))
    words = keyslots.passphrase(b"pw")
    kdf = KdfParams(b"t" * 16, 64, 1, 1)
    true = section(replace(header, slots=(wrap(root, words, "secret", kdf, Stretched(CHEAP)),)), root)
    runs.clear()
    stranger = Root.new(VAULT, Classification.SECRET)
    fake = replace(header.slots[0], kind="passphrase", kdf=KdfParams(b"z" * 16, 64, 1, 1))
    planted = [section(replace(header, slots=(replace(fake, id=f"{i:08d}"),)), stranger) for i in range(20)]
    assert open_with(words, *planted, true, pinned=[true.name]).heads == (true.name,)
    assert runs == [kdf]


def planted_beside(header, generation, dear, number=3):
    """What an attacker lays beside a true section: newer, dear, and with a copy of each slot that is to look right."""
    stranger = Root.new(VAULT, Classification.SECRET, generation)
    blank = replace(header.slots[0], kind="passphrase")
    slots = tuple(replace(blank, id=f"{i:08d}", kdf=replace(dear, salt=bytes([i]) * 16)) for i in range(number))
    copied = tuple(replace(s, id=f"copy{i:04d}") for i, s in enumerate(header.slots))
    olds = seal_old_roots(stranger, tuple(Root.new(VAULT, Classification.SECRET, g) for g in range(1, generation)))
    lies = replace(header, generation=generation, recipient=stranger.recipient(), old_roots=olds)
    return [section(replace(lies, slots=many), stranger) for many in (slots, copied, (*slots, *copied))]


@pytest.fixture
def passphrased(header, root):
    """A header with a passphrase slot at 256 KiB × 2, and what opens it."""
    words = keyslots.passphrase(b"pw")
    kdf = KdfParams(b"t" * 16, 256, 2, 1)
    slots = (wrap(root, words, "secret", kdf, Stretched(CHEAP)), header.slots[1])
    return replace(header, slots=slots), words, kdf


def costs(monkeypatch) -> list[KdfParams]:
    """The Argon2 runs from now on."""
    runs: list[KdfParams] = []
    real = stretching._argon2id
    monkeypatch.setattr(stretching, "_argon2id", lambda s, params: runs.append(params) or real(s, params))
    return runs


@pytest.mark.parametrize("number", [1, 3, 5, 60])
@pytest.mark.parametrize(("memory", "iterations"), [(4 * 1024 * 1024, 16), (257, 2), (256, 3), (2**40, 3)])
def test_planted_newer_sections_are_neither_dear_nor_in_the_way(
    number, memory, iterations, passphrased, root, monkeypatch
):
    """Sections of a higher generation beside the pinned one, however many slots and however dear: not one run is theirs."""
    header, words, kdf = passphrased
    true = section(header, root)
    planted = planted_beside(header, 2, KdfParams(bytes(16), memory, iterations, 1), number)
    runs = costs(monkeypatch)
    assert open_with(words, *planted, true, pinned=[true.name]).heads == (true.name,)
    assert runs == [kdf]
    with_wrong = open_with(keyslots.passphrase(b"wrong"), *planted, true, pinned=[true.name])
    assert with_wrong is None
    assert runs == [kdf, kdf]


def test_planted_newer_sections_at_the_pinned_price_are_few(passphrased, root, monkeypatch):
    """What is no dearer than the pinned slot may be tried, twice at most, and then the right passphrase still opens."""
    header, words, kdf = passphrased
    true = section(header, root)
    planted = [s for generation in (2, 3) for s in planted_beside(header, generation, kdf, 60)]
    runs = costs(monkeypatch)
    assert open_with(words, *planted, true, pinned=[true.name]).heads == (true.name,)
    assert runs[0] == kdf
    assert 1 < len(runs) <= 1 + MAX_RUNS_BESIDE
    assert all((run.memory_kib, run.iterations) == (256, 2) for run in runs)


def test_a_second_secret_is_not_kept_out_by_the_first(passphrased, root):
    """A wrong secret that comes first and meets what is planted does not end the try."""
    header, words, kdf = passphrased
    true = section(header, root)
    planted = planted_beside(header, 2, kdf, 60)
    found = unlock([*planted, true], [keyslots.passphrase(b"wrong"), words], Stretched(CHEAP), frozenset({true.name}))
    assert found.heads == (true.name,)


def test_a_true_newer_generation_beside_the_pinned_one_is_taken(passphrased, root):
    """Positive control: what the holder of the pinned root made, at the same price, does open, between planted ones."""
    header, words, kdf = passphrased
    true = section(header, root)
    newest = Root.new(VAULT, Classification.SECRET, 2)
    slot = wrap(newest, words, "secret", replace(kdf, salt=b"u" * 16), Stretched(CHEAP))
    rotated = replace(header, generation=2, recipient=newest.recipient(), slots=(slot,), parents=(true.name,))
    made = section(replace(rotated, old_roots=seal_old_roots(newest, (root,))), newest)
    planted = planted_beside(header, 2, KdfParams(bytes(16), 1024, 9, 1))
    for secret in (words, CODE):
        keys = open_with(secret, *planted, made, true, pinned=[true.name])
        assert keys.newest == (newest if secret is words else root)


def test_a_section_planted_for_my_recipient_does_not_end_the_try(header, root):
    """An identity that opens only a planted section opens nothing, and the keyfile beside it what is pinned."""
    import pyrage

    mine = pyrage.x25519.Identity.generate()
    true = section(header, root)
    stranger = Root.new(VAULT, Classification.SECRET)
    slot = wrap(stranger, keyslots.recipient(str(mine.to_public())), "secret", None, Stretched(CHEAP))
    lies = replace(header, recipient=stranger.recipient(), slots=(slot,), parents=(true.name,))
    planted = section(lies, stranger)
    (identity,) = keyslots.identities(str(mine).encode())
    assert open_with(identity, planted, true, pinned=[true.name]) is None
    assert open_with(identity, planted) is not None
    keys = unlock([planted, true], [identity, KEYFILE], Stretched(CHEAP), frozenset({true.name}))
    assert keys.newest == root


def test_without_a_pin_nothing_above_what_is_ever_made_is_run(passphrased, monkeypatch):
    """On a new device a planted slot is refused by name before it takes more memory than any vault is made with."""
    header, words, _ = passphrased
    monkeypatch.setattr(stretching, "_argon2id", lambda *_: pytest.fail("Argon2 was called"))
    (dear, *_) = planted_beside(header, 2, KdfParams(bytes(16), 1024 * 1024 + 1, 3, 1))
    with pytest.raises(Damaged, match="no slot of this vault has"):
        open_with(words, dear)


# -- pins ---------------------------------------------------------------------------------------------


def test_pins_are_kept_and_read_back(tmp_path):
    """What was pinned is what is loaded; no file is no pins; the file is private."""
    path = tmp_path / "pins.toml"
    assert pins.load(path) == {}
    wanted = {Classification.SECRET: Pin("age1x", 3, ("a" * 32, "b" * 32)), Classification.GENERAL: Pin("age1y", 1, ())}
    pins.store(path, wanted)
    assert pins.load(path) == wanted
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["x", "[secret]\n", "[topsecret]\nrecipient = 'a'\ngeneration = 1\nsections = []\n", "a = 1\n", "\xff"]
)
def test_damaged_pins_are_named(text, tmp_path):
    """A pins file that is not ours is Damaged, with the remedy."""
    path = tmp_path / "pins.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Damaged) as caught:
        pins.load(path)
    assert "delete it" in caught.value.remedy


def test_vault_paths_survive_strange_names(tmp_path):
    """Quotes, dots and unicode in a path are kept exactly."""
    wanted = {'/tmp/a "b".c/ü\\n': "ab" * 16, "/x": "cd" * 16}
    pins.store_paths(tmp_path / "vaults.toml", wanted)
    assert pins.load_paths(tmp_path / "vaults.toml") == wanted


# -- kinds to come ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field",
    [
        'credential = "q\\"q\\\\"',
        "counter = 7",
        "uv = true",
        'rp = ["a", ["b"]]',
        'label = "clé 🔑 \\u007f \\t"',
        "kdf = { n = 1, inner = { m = false } }",
        "kdf = [{ n = 1 }]",
        "weight = 1.5",
        "weight = 1e300",
        "weight = inf",
        'kdf = [{ "a b" = 1 }]',
        'kdf = { "a b" = 1 }',
        "since = 2026-01-01",
        "big = 123456789012345678901234567890",
    ],
)
def test_a_slot_of_an_unknown_kind_is_kept_or_refused(field, header, root):
    """A keyslot of a later version survives a rewrite by this one with every field, or the section is refused.

    Strings, whole numbers, truth values and tables of them are kept; nothing else may be in a slot. What must never be is a rewritten section that cannot be read: the old ones are deleted after it.
    """
    later = f'{{ id = "zzzzzzzz", kind = "fido2", group = "secret", {field} }}'
    signed = (
        render(header, root).rpartition(b"mac = ")[0].replace(b"slots = [\n", f"slots = [\n    {later},\n".encode())
    )
    data = signed + f'mac = "{sections.header_mac(root, signed)}"\n'.encode()
    wanted = sections.tomllib.loads(f"slot = {later}")["slot"]
    try:
        found = parse(data, VAULT)
    except Damaged:
        assert any(odd in field for odd in ("weight", "[", '"a b"', "2026")), "a plain field was refused"
        return
    keys = open_with(KEYFILE, found)
    again = render(replace(keys.header, parents=(found.name,)), root)
    assert open_with(KEYFILE, parse(again, VAULT)) is not None
    slots = {slot["id"]: slot for slot in sections.tomllib.loads(again.decode())["slots"]}
    assert len(slots) == 3
    assert slots["zzzzzzzz"] == wanted
