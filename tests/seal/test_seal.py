"""Sealing and opening: padding, the pre-check, and that nothing altered or unsigned passes as ours."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vault.seal as sealing
from vault.classification import Classification
from vault.entry import Revision
from vault.errors import InvalidInput
from vault.keys.device import DeviceKey, device_of, load_or_create
from vault.keys.roots import Root
from vault.keys.sections import Header
from vault.keys.unlocked import ClassKeys
from vault.names import name_of
from vault.seal import Opener, SealFault, padded_size, precheck, seal

VAULT = "ab" * 16
ROOT = Root(VAULT, Classification.SECRET, 1, b"r" * 32)
SECRET = b"d" * 32


def key_of(secret: bytes) -> DeviceKey:
    """The device key with this seed."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(secret)
    return DeviceKey(device_of(key.public_key().public_bytes_raw()), key)


KEY = key_of(SECRET)


def keys(*roots: Root, devices=(KEY.device,)) -> ClassKeys:
    """An unlocked class with these roots, newest first."""
    found = roots or (ROOT,)
    newest = found[0]
    header = Header(VAULT, newest.classification, newest.generation, newest.recipient(), devices=tuple(devices))
    return ClassKeys(found, header, ())


def revision(body: str = "text", **changes: object) -> Revision:
    """An ordinary revision."""
    now = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
    base = Revision(VAULT, Classification.SECRET, "0123456789abcdef", KEY.device.id, (), 7, now, now, body)
    return replace(base, **changes)


def kind_of(opener: Opener, data: bytes, name: str | None = None) -> str:
    """The failure kind of a file, or ``ok``."""
    try:
        opener.open(name or name_of(data), data)
    except SealFault as fault:
        return fault.kind
    return "ok"


def raw_seal(payload: bytes, root: Root = ROOT) -> bytes:
    """An age file of any payload, as a stranger (or a thief with the recipient) makes it."""
    sealed: bytes = pyrage.encrypt(payload, [pyrage.x25519.Recipient.from_str(root.recipient())])
    return sealed


# -- round trip ---------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None)
@given(body=_TEXT, title=_TEXT, tags=st.lists(_TEXT, max_size=5), metadata=st.dictionaries(_TEXT, _JSON, max_size=4))
def test_what_is_sealed_is_what_is_opened(body, title, tags, metadata):
    """Any text, title, tags and metadata come back exactly, whatever they contain."""
    wanted = revision(body, title=title, tags=tuple(tags), metadata=metadata)
    sealed = seal(wanted, ROOT.recipient(), KEY)
    opened = Opener(keys()).open(name_of(sealed.data), sealed.data)
    assert opened.revision == wanted
    assert opened.digest == sealed.digest


def test_one_payload_sealed_twice_has_two_names_and_one_digest():
    """Age is randomised; the digest is what tells that both are one revision."""
    one, two = (seal(revision(), ROOT.recipient(), KEY) for _ in range(2))
    assert name_of(one.data) != name_of(two.data)
    assert one.digest == two.digest
    assert seal(revision("other"), ROOT.recipient(), KEY).digest != one.digest


def test_a_lone_surrogate_is_refused_before_anything_is_sealed():
    """Invalid text is the caller's error, with a remedy."""
    with pytest.raises(InvalidInput) as caught:
        seal(revision("\ud800"), ROOT.recipient(), KEY)
    assert caught.value.remedy


def test_nothing_readable_is_in_a_sealed_file():
    """Neither body nor title, tag, class, entry, device or vault appears in the ciphertext."""
    wanted = revision("a body marker", title="a title marker", tags=("tagmarker",))
    data = seal(wanted, ROOT.recipient(), KEY).data
    for mark in (
        b"body marker",
        b"title marker",
        b"tagmarker",
        b"secret",
        wanted.entry.encode(),
        VAULT.encode(),
        KEY.device.id.encode(),
    ):
        assert mark not in data


def test_old_generations_still_open_and_later_ones_do_not():
    """An opener reads what any of its roots sealed, and nothing sealed for a root it lacks."""
    newer = Root(VAULT, Classification.SECRET, 2, b"n" * 32)
    old, new = (seal(revision(), r.recipient(), KEY).data for r in (ROOT, newer))
    assert kind_of(Opener(keys(newer, ROOT)), old) == kind_of(Opener(keys(newer, ROOT)), new) == "ok"
    assert kind_of(Opener(keys()), new) == "foreign"


# -- padding ------------------------------------------------------------------------------------------


def padme(length: int) -> int:
    """Padmé as the paper states it, in floating point."""
    import math

    exponent = math.floor(math.log2(length))
    mantissa = math.floor(math.log2(exponent)) + 1
    step = 2 ** (exponent - mantissa)
    return math.ceil(length / step) * step


def test_padding_follows_the_formula():
    """1 KiB up to 1 KiB, Padmé beyond: equal to the paper's formula, at most 12 % more, and idempotent."""
    assert {padded_size(n) for n in range(1025)} == {1024}
    for n in [*range(1025, 5000), *(2**i + d for i in range(11, 27) for d in (-1, 0, 1))]:
        total = padded_size(n)
        assert total == padme(n)
        assert n <= total <= n * 1.12
        assert padded_size(total) == total


def test_sealed_sizes_leak_only_the_step():
    """All bodies of one step make files of one size (up to age's own random grease), and few sizes exist."""

    def plain_size(body: int) -> int:
        data = seal(revision("x" * body), ROOT.recipient(), KEY).data
        return len(sealing.decrypt(data, [pyrage.x25519.Identity.from_str(ROOT.identity())]))

    assert {plain_size(n) for n in (0, 1, 100, 500)} == {1024}
    assert len({plain_size(n) for n in range(3000, 6000, 100)}) <= 16


# -- pre-check ----------------------------------------------------------------------------------------


def test_the_quadratic_bomb_is_refused_fast():
    """A header that costs the parser seconds is refused by its size in no time."""
    bomb = b"age-encryption.org/v1\n" + b"-> a b\n\n" * 4000 + b"--- " + b"A" * 43 + b"\n" + bytes(64)
    start = time.process_time()
    for _ in range(100):
        assert kind_of(Opener(keys()), bomb) == "bounds"
    assert time.process_time() - start < 1


def test_without_the_precheck_the_parser_is_reached(monkeypatch):
    """Positive control: with the pre-check taken out, the oversized header reaches pyrage."""
    bomb = b"age-encryption.org/v1\n" + b"-> a b\n\n" * 300 + b"--- " + b"A" * 43 + b"\n" + bytes(64)
    monkeypatch.setattr(sealing, "precheck", lambda _data: None)
    assert kind_of(Opener(keys()), bomb) == "foreign"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "foreign"),
        (b"age-encryption.org/v1", "foreign"),
        (b"age-encryption.org/v1\n", "bounds"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "foreign"),
        (b"age-encryption.org/v1\n" + b"-> a\n\n" * 21 + b"---", "bounds"),
        (b"age-encryption.org/v1\n-> " + b"a" * 2048 + b"\n\n---", "bounds"),
    ],
)
def test_precheck_kinds(data, kind):
    """What is no age file is foreign; what would be too dear to parse is out of bounds."""
    with pytest.raises(SealFault) as caught:
        precheck(data)
    assert caught.value.kind == kind


def test_an_object_over_64_mib_is_out_of_bounds(monkeypatch):
    """The size is looked at before the content."""
    monkeypatch.setattr(sealing, "MAX_SEALED", 1000)
    assert kind_of(Opener(keys()), seal(revision(), ROOT.recipient(), KEY).data) == "bounds"


# -- nobody else's text passes ------------------------------------------------------------------------


def test_a_stranger_with_the_recipient_cannot_write_an_entry():
    """The recipient is public in the synced header: what is sealed to it without a signature is unsigned."""
    sealed = seal(revision(), ROOT.recipient(), KEY)
    plain = sealing.decrypt(sealed.data, [pyrage.x25519.Identity.from_str(ROOT.identity())])
    unsigned = plain[: plain.rfind(b"<!-- memory-sig")]
    assert kind_of(Opener(keys()), raw_seal(unsigned.ljust(1024, b" "))) == "unsigned"
    assert kind_of(Opener(keys()), raw_seal(plain)) == "ok"  # a copy of what we signed is what we signed
    assert kind_of(Opener(keys()), raw_seal(plain.replace(b"text", b"TEXT"))) == "signature"


def test_without_the_signature_check_the_forgery_is_noticed(monkeypatch):
    """Positive control: with verification taken out, the altered text opens, and the test above would fail."""
    plain = sealing.decrypt(
        seal(revision(), ROOT.recipient(), KEY).data, [pyrage.x25519.Identity.from_str(ROOT.identity())]
    )
    monkeypatch.setattr(sealing, "verify", lambda *_: True)
    forged = raw_seal(plain.replace(b"text", b"TEXT"))
    assert Opener(keys()).open(name_of(forged), forged).revision.body == "TEXT"


def test_a_device_that_is_not_enrolled_waits(tmp_path):
    """A good signature by an unknown device is pending; once enrolled, the same file opens."""
    other = load_or_create(tmp_path / "device.key")
    data = seal(revision(device=other.device.id), ROOT.recipient(), other).data
    assert kind_of(Opener(keys()), data) == "pending"
    assert kind_of(Opener(keys(devices=[KEY.device, other.device])), data) == "ok"


def test_one_device_cannot_sign_as_another(tmp_path):
    """An enrolled device's signature under another enrolled device's name does not count."""
    other = load_or_create(tmp_path / "device.key")
    both = keys(devices=[KEY.device, other.device])
    as_other = seal(revision(device=other.device.id), ROOT.recipient(), KEY).data
    assert kind_of(Opener(both), as_other) == "device"
    posing = DeviceKey(other.device, KEY.secret)
    assert kind_of(Opener(both), seal(revision(device=other.device.id), ROOT.recipient(), posing).data) == "signature"


def test_a_revision_cannot_change_class_or_vault():
    """Sealed by an enrolled device, but for another class or vault: named, and not opened."""
    assert (
        kind_of(Opener(keys()), seal(revision(classification=Classification.GENERAL), ROOT.recipient(), KEY).data)
        == "class"
    )
    assert kind_of(Opener(keys()), seal(revision(vault="00" * 16), ROOT.recipient(), KEY).data) == "vault"


@pytest.mark.parametrize(
    "line",
    [
        b'metadata: {"a": "\\ud800"}',
        b'title: "\\udfff"',
        b"confidence: 1e999",
        b"confidence: " + b"9" * 400,
        b"zz: " + b"9" * 5000,
        b"zz: " + b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=["surrogate deep", "surrogate", "infinite", "enormous confidence", "enormous number", "nested"],
)
def test_an_enrolled_thief_cannot_hide_a_bomb(line):
    """Signed by an enrolled device, but holding what JSON or SQLite cannot: a kind, never a crash later on."""
    plain = sealing.decrypt(
        seal(revision(), ROOT.recipient(), KEY).data, [pyrage.x25519.Identity.from_str(ROOT.identity())]
    )
    front, _, _ = plain.partition(b"\n---\n")
    assert kind_of(Opener(keys()), signed(front + b"\n" + line + b"\n---\ntext\n")) == "envelope"


def test_a_seq_beyond_64_bits_is_no_seq():
    """Signed by an enrolled device, but more than the index can hold: a kind, never a crash later on."""
    assert kind_of(Opener(keys()), seal(revision(seq=2**63 - 1), ROOT.recipient(), KEY).data) == "ok"
    assert kind_of(Opener(keys()), seal(revision(seq=2**63), ROOT.recipient(), KEY).data) == "envelope"


def signed(body: bytes) -> bytes:
    """*body* signed by the enrolled device, padded and sealed."""
    import base64

    line = b"<!-- memory-sig v1 %s %s -->\n"
    payload = body + line % (KEY.device.id.encode(), base64.b64encode(KEY.sign(b"memory/v1/rev\0" + body)))
    return raw_seal(payload.ljust(padded_size(len(payload)), b" "))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=2000))
def test_any_plaintext_gives_a_kind(payload):
    """Whatever someone seals to us, opening it ends with a kind of the format."""
    assert kind_of(Opener(keys()), raw_seal(payload)) in {"envelope", "padding", "unsigned"}


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=3000))
def test_any_file_gives_a_kind(data):
    """Whatever lies in the tree, opening it ends with a kind of the format."""
    assert kind_of(Opener(keys()), b"age-encryption.org/v1\n" + data) in {"bounds", "foreign"}
    assert kind_of(Opener(keys()), os.urandom(8) + data) == "foreign"
