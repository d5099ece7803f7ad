"""This device's signing key, and the Ed25519 verbs (`docs/format.md` sections 2.1, 3 and 4).

The key lies in clear (PKCS#8 PEM, 0600) because capture must work while everything is locked: a thief of
the device can sign as it until it is revoked, and the threat model says so.
"""

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vault import durable
from vault.errors import Damaged
from vault.names import short_hash

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PEM = re.compile(rb"-----BEGIN PRIVATE KEY-----\s+(?P<der>[A-Za-z0-9+/=\s]{1,200})-----END PRIVATE KEY-----\s*")
_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the 32 bytes of every Ed25519 key in PKCS#8 (RFC 8410, section 7). A general reader of keys takes
25 ms to load, a third of a whole capture."""


@dataclass(frozen=True, slots=True)
class Device:
    """An enrolled (or to be enrolled) machine as others see it."""

    id: str
    """16 base32 characters of SHA-256 of ``public``: an id cannot be claimed for another key."""
    public: bytes
    """32 bytes, Ed25519."""


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """This machine's own key pair."""

    device: Device
    secret: "Ed25519PrivateKey" = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature (64 bytes)."""
        return self.secret.sign(message)


def device_of(public: bytes) -> Device:
    """The device with this public key."""
    return Device(short_hash(public, 16), public)


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether *signature* over *message* is by the holder of *public*."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_or_create(path: Path) -> DeviceKey:
    """The device key at *path*, made on first use.

    Raises:
        Damaged: the file is not an Ed25519 key in PKCS#8.
        StorageFailed: a new key cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not path.exists():
        from cryptography.hazmat.primitives import serialization as s

        fresh = Ed25519PrivateKey.generate()
        pem = fresh.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        durable.create_file(path, pem)
    try:
        der = base64.b64decode(_PEM.fullmatch(path.read_bytes())["der"])  # type: ignore[index]
        if len(der) != len(_PKCS8) + 32 or not der.startswith(_PKCS8):
            raise ValueError("no Ed25519 key")
        key = Ed25519PrivateKey.from_private_bytes(der[len(_PKCS8) :])
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path) from error
    return DeviceKey(device_of(key.public_key().public_bytes_raw()), key)


def _damaged(path: Path) -> Damaged:
    return Damaged(
        f"the device key {path} is not readable",
        remedy="restore it, or move it away: the next unlock enrols a new one",
    )
