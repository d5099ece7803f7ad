"""The device key, its signatures, and purge lists."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from vault.errors import Damaged
from vault.keys import device, purge
from vault.keys.device import load_or_create, verify

VAULT = "ef" * 16
NAMES = ["a" * 32, "b" * 32]


@pytest.fixture
def key(tmp_path):
    """A fresh device key."""
    return load_or_create(tmp_path / "device.key")


def test_the_key_is_made_once_and_private(tmp_path):
    """The first use makes a file only its owner can read; the second use reads the same key."""
    path = tmp_path / "state" / "device.key"
    first = load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert load_or_create(path).device == first.device
    assert load_or_create(tmp_path / "other").device != first.device


def test_the_id_is_the_hash_of_the_key(key):
    """16 base32 characters of SHA-256: nobody can claim an id for another key."""
    digest = hashlib.sha256(key.device.public).digest()
    assert key.device.id == base64.b32encode(digest).decode().lower()[:16]
    assert "secret" not in repr(key)


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_named_and_never_replaced(content, tmp_path):
    """Damaged, with the file left alone: replacing it silently would orphan its revisions."""
    path = tmp_path / "device.key"
    path.write_bytes(content)
    with pytest.raises(Damaged):
        load_or_create(path)
    assert path.read_bytes() == content


def test_a_key_of_another_kind_is_damage(tmp_path):
    """An X25519 key in the same container is not taken for a signing key."""
    path = tmp_path / "device.key"
    s = serialization
    path.write_bytes(X25519PrivateKey.generate().private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    with pytest.raises(Damaged):
        load_or_create(path)


def test_signatures_hold_for_one_message_and_one_key(key, tmp_path):
    """Another message, another key, a cut or malformed signature: False, never an exception."""
    signature = key.sign(b"message")
    other = load_or_create(tmp_path / "other").device.public
    assert verify(key.device.public, signature, b"message")
    wrong = [
        (key.device.public, signature, b"Message"),
        (other, signature, b"message"),
        (key.device.public, signature[:-1], b"message"),
        (key.device.public, b"", b"message"),
        (key.device.public, bytes(64), b"message"),
        (b"short", signature, b"message"),
    ]
    assert not any(verify(*each) for each in wrong)


def test_a_purge_list_counts_only_by_an_enrolled_device(key, tmp_path):
    """Its names count if its signer is enrolled under exactly that key, in this vault; else none do."""
    data = purge.render(VAULT, [*NAMES, NAMES[0]], key)
    enrolled = {key.device.id: key.device.public}
    stranger = load_or_create(tmp_path / "other")
    assert purge.names_in(data, VAULT, enrolled) == frozenset(NAMES)
    assert purge.names_in(data, "00" * 16, enrolled) == frozenset()
    assert purge.names_in(data, VAULT, {}) == frozenset()
    assert purge.names_in(data, VAULT, {key.device.id: stranger.device.public}) == frozenset()
    assert purge.names_in(purge.render(VAULT, NAMES, stranger), VAULT, enrolled) == frozenset()
    assert purge.names_in(data + b" " * (1024 * 1024), VAULT, enrolled) == frozenset()


def test_no_byte_of_a_purge_list_can_be_changed(key):
    """Any flipped bit gives the same names or none, never other names."""
    data = purge.render(VAULT, NAMES, key)
    enrolled = {key.device.id: key.device.public}
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert purge.names_in(changed, VAULT, enrolled) in (frozenset(), frozenset(NAMES))


def test_without_the_signature_check_the_changed_list_is_noticed(key, monkeypatch):
    """Positive control: with verification taken out, a flipped bit purges another name."""
    data = purge.render(VAULT, NAMES, key)
    monkeypatch.setattr(purge, "verify", lambda *_: True)
    found = purge.names_in(data.replace(b"a" * 32, b"a" * 31 + b"c"), VAULT, {key.device.id: key.device.public})
    assert found == frozenset({"a" * 31 + "c", "b" * 32})


def test_verify_is_what_the_library_uses(key, monkeypatch):
    """Positive control for this file: a `verify` that says yes to everything fails the tests above."""
    assert not device.verify(key.device.public, bytes(64), b"x")
    monkeypatch.setattr(device, "verify", lambda *_: True)
    assert device.verify(key.device.public, bytes(64), b"x")
