"""Roots and what is derived from them (`docs/format.md` section 2).

A root is 32 random bytes for one class and generation; everything else of that class follows from it by
HKDF-SHA256 with the vault id as salt, so one wrapped secret per keyslot is enough.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from vault.classification import Classification
from vault.keys import bech32

ROOT_SIZE = 32


@dataclass(frozen=True, slots=True)
class Root:
    """The root secret of one class and generation."""

    vault_id: str
    """32 hex characters."""
    classification: Classification
    generation: int
    """1 for a new vault, one more at each rotation."""
    secret: bytes = field(repr=False)
    """32 random bytes."""

    @classmethod
    def new(cls, vault_id: str, classification: Classification, generation: int = 1) -> "Root":
        """A fresh random root."""
        return cls(vault_id, classification, generation, secrets.token_bytes(ROOT_SIZE))

    def subkey(self, purpose: str) -> bytes:
        """The 32-byte key for *purpose*: ``age-x25519``, ``sqlcipher``, ``header-mac`` or ``old-roots``."""
        info = f"memory/v1/{purpose}/{self.classification}/{self.generation}"
        return hkdf(self.secret, salt=bytes.fromhex(self.vault_id), info=info.encode(), length=32)

    def identity(self) -> str:
        """This root's age identity, ``AGE-SECRET-KEY-1…``; whoever has it reads the class."""
        return bech32.encode("age-secret-key-", self.subkey("age-x25519")).upper()

    def recipient(self) -> str:
        """This root's age recipient, ``age1…``; public."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        public = X25519PrivateKey.from_private_bytes(self.subkey("age-x25519")).public_key()
        return bech32.encode("age", public.public_bytes_raw())


def hkdf(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 (RFC 5869) of *secret*, *length* bytes, by the ``cryptography`` package."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def seal_old_roots(newest: Root, older: tuple[Root, ...]) -> bytes:
    """All older roots of a class, oldest first, sealed under the newest."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    nonce = secrets.token_bytes(12)
    plain = b"".join(root.secret for root in older)
    return nonce + ChaCha20Poly1305(newest.subkey("old-roots")).encrypt(nonce, plain, _old_roots_aad(newest))


def open_old_roots(newest: Root, sealed: bytes) -> tuple[Root, ...]:
    """The older roots that *newest* seals, oldest first.

    Raises:
        ValueError: the bytes are not what *newest* sealed, or their number does not fit its generation.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        aead = ChaCha20Poly1305(newest.subkey("old-roots"))
        plain = aead.decrypt(sealed[:12], sealed[12:], _old_roots_aad(newest))
    except (InvalidTag, ValueError) as error:
        raise ValueError("old roots do not open") from error
    if len(plain) != ROOT_SIZE * (newest.generation - 1):
        raise ValueError("wrong number of old roots")
    return tuple(
        Root(newest.vault_id, newest.classification, i + 1, plain[i * ROOT_SIZE : (i + 1) * ROOT_SIZE])
        for i in range(newest.generation - 1)
    )


def header_mac(root: Root, body: bytes) -> str:
    """HMAC-SHA256 over a section's bytes before its ``mac`` line, in hex."""
    return hmac.new(root.subkey("header-mac"), b"memory/v1/header\0" + body, hashlib.sha256).hexdigest()


def _old_roots_aad(newest: Root) -> bytes:
    return f"memory/v1/old-roots/{newest.classification}/{newest.generation}".encode()
