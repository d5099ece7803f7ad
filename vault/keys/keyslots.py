"""Keyslots: ways to unlock a class (`docs/format.md` section 2.2).

A slot wraps the newest root of one class under a key made from a secret, or from a passphrase together with
a second one. It commits to that key, so one slot cannot be crafted to open under two secrets, and binds
everything it says about itself as AAD. What a slot says is in `vault.keys.slots`, what a passphrase costs in
`vault.keys.stretching`.
"""

import hmac
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from vault.errors import Damaged, InvalidInput, WrongPassphrase
from vault.keys.roots import Root, hkdf
from vault.keys.slots import MAX_SEALED, RESTORE, SECONDS, Fido2Params, KdfParams, Slot, checked_recipient
from vault.keys.stretching import Stretched
from vault.names import CROCKFORD, fold_crockford, new_slot_id

GROUPS = ("vault", "secret", "ultrasecret")
"""Passphrase groups, lowest first; one Argon2 run serves all classes of a group."""
RECOVERY_LENGTH = 32
KEYFILE_MIN, KEYFILE_MAX = 32, 64 * 1024
MAX_IDENTITIES = 16
"""age identities in one file."""
SECOND_SIZE = 32
"""Bytes of a device's secret, and of what an authenticator gives."""
_ZERO_NONCE = bytes(12)


@dataclass(frozen=True, slots=True)
class Secret:
    """What a person presents to open or make a slot, before any stretching."""

    kind: str
    """The kind of slot it is for, or a second secret: ``device``, ``fido2``."""
    value: bytes = field(repr=False)
    """The secret; for ``recipient`` the text of an age identity, or nothing where only a slot is to be made."""
    second: bytes = field(default=b"", repr=False)
    """The second secret of a combined kind."""
    label: str | Fido2Params = ""
    """What its slot must say of it: a device's id, a recipient, what to ask of an authenticator."""


def both(first: Secret, second: Secret) -> Secret:
    """A passphrase together with a second secret: neither opens the slot alone.

    Raises:
        InvalidInput: these two kinds make no slot.
    """
    if first.kind != "passphrase" or second.kind not in SECONDS:
        raise InvalidInput(
            f"a {second.kind} is no second factor to a {first.kind}", remedy="use a passphrase and a keyfile"
        )
    return Secret(f"passphrase+{second.kind}", first.value, second.value, second.label)


def with_seconds(first: Secret, presented: Iterable[Secret]) -> list[Secret]:
    """A passphrase alone and with every second secret among *presented*; anything else only as it is."""
    if first.kind != "passphrase":
        return [first]
    return [first, *(both(first, s) for s in presented if s.kind in SECONDS)]


def passphrase(value: bytes | bytearray) -> Secret:
    """A passphrase; valid UTF-8 is NFC-normalised so that every keyboard makes the same bytes.

    Raises:
        InvalidInput: empty or longer than 1,024 bytes.
    """
    raw = bytes(value)
    if not raw or len(raw) > 1024:  # noqa: PLR2004
        raise InvalidInput("a passphrase has 1 to 1,024 bytes", remedy="choose another passphrase")
    with suppress(UnicodeDecodeError):  # what is not text is taken byte for byte
        raw = unicodedata.normalize("NFC", raw.decode()).encode()
    return Secret("passphrase", raw)


def recovery_code(text: str) -> Secret:
    """A recovery code as typed: case, hyphens and look-alike letters are forgiven.

    Raises:
        WrongPassphrase: it is not 32 Crockford base32 characters.
    """
    folded = fold_crockford(text)
    if len(folded) != RECOVERY_LENGTH or set(folded) - set(CROCKFORD):
        raise WrongPassphrase("that is no recovery code", remedy="type its 8 groups of 4 characters")
    return Secret("recovery", folded.upper().encode())


def new_recovery_code() -> str:
    """A fresh recovery code: 160 random bits as 8 groups of 4 characters."""
    letters = "".join(secrets.choice(CROCKFORD) for _ in range(RECOVERY_LENGTH)).upper()
    return "-".join(letters[i : i + 4] for i in range(0, RECOVERY_LENGTH, 4))


def keyfile(content: bytes) -> Secret:
    """The content of a keyfile; it must be random, since no Argon2 stands before it.

    Raises:
        InvalidInput: shorter than 32 bytes or longer than 64 KiB.
    """
    if not KEYFILE_MIN <= len(content) <= KEYFILE_MAX:
        raise InvalidInput(
            f"a keyfile has {KEYFILE_MIN} bytes to {KEYFILE_MAX // 1024} KiB",
            remedy="make one with: head -c 32 /dev/urandom > keyfile",
        )
    return Secret("keyfile", content)


def device_secret(content: bytes, device: str) -> Secret:
    """The second secret of this device, *device* being its id.

    Raises:
        Damaged: it does not have 32 bytes.
    """
    if len(content) != SECOND_SIZE:
        raise Damaged("the device secret is damaged", remedy="restore it, or use the kit: memory key recover")
    return Secret("device", content, label=device)


def identities(content: bytes) -> list[Secret]:
    """The age X25519 identities in a file as age-keygen writes it; none where it is no such file.

    Raises:
        InvalidInput: more than 16, or one that is broken.
    """
    lines = [line.strip() for line in content.splitlines() if line.startswith(b"AGE-SECRET-KEY-1")]
    if len(lines) > MAX_IDENTITIES:
        raise InvalidInput(f"an identity file has at most {MAX_IDENTITIES} keys", remedy="give one of them")
    return [Secret("recipient", line, label=_recipient_of(line)) for line in lines]


def recipient(text: str) -> Secret:
    """An age X25519 recipient to wrap to; it makes a slot, but opens none.

    Raises:
        InvalidInput: it is none.
    """
    import pyrage

    try:
        pyrage.x25519.Recipient.from_str(checked_recipient(text.strip()))
    except (ValueError, pyrage.RecipientError) as error:
        raise InvalidInput(
            "that is no age recipient", remedy="give the age1… line that age-keygen -y prints for an identity"
        ) from error
    return Secret("recipient", b"", label=text.strip())


def _recipient_of(identity: bytes) -> str:
    import pyrage

    try:
        return str(pyrage.x25519.Identity.from_str(identity.decode()).to_public())
    except (ValueError, pyrage.IdentityError) as error:
        raise InvalidInput("an age identity in the file is broken", remedy="make one with: age-keygen") from error


def wrap(root: Root, secret: Secret, group: str, kdf: KdfParams | None, stretched: Stretched) -> Slot:
    """A new slot of *group* that opens *root* with *secret*."""
    blank = Slot(new_slot_id(), secret.kind, group, secrets.token_bytes(32), b"", b"")
    if secret.kind == "recipient":
        share = secrets.token_bytes(SECOND_SIZE)
        blank = replace(blank, recipient=str(secret.label), sealed=_sealed(share, str(secret.label)))
        return _wrapped(blank, root, share)
    if secret.kind.startswith("passphrase"):
        blank = replace(blank, kdf=kdf)
    if isinstance(secret.label, Fido2Params):
        blank = replace(blank, fido2=secret.label)
    elif secret.kind == "passphrase+device":
        blank = replace(blank, device=secret.label)
    return _wrapped(blank, root, material(secret, kdf, stretched))


def material(secret: Secret, kdf: KdfParams | None, stretched: Stretched) -> bytes:
    """The input of HKDF for *secret*: itself, or Argon2id of a passphrase, or both combined.

    Raises:
        Damaged: the parameters are not there, or outside the limits.
    """
    if not secret.kind.startswith("passphrase"):
        return secret.value
    if kdf is None:
        raise Damaged("a passphrase slot has no Argon2 parameters", remedy=RESTORE)
    first = stretched.of(secret.value, kdf)
    return first if secret.kind == "passphrase" else _combined(secret.kind, first, secret.second)


def _combined(kind: str, stretched: bytes, second: bytes) -> bytes:
    """Material that only the holder of both parts can make (`docs/format.md` section 2.2)."""
    parts = b"".join(len(part).to_bytes(4) + part for part in (stretched, second))
    return hkdf(parts, salt=b"", info=f"memory/v1/factors/{kind}".encode(), length=32)


def _wrapped(blank: Slot, root: Root, key_material: bytes) -> Slot:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    kek, commitment = _kek(key_material, blank.salt)
    wrapped = ChaCha20Poly1305(kek).encrypt(_ZERO_NONCE, root.secret, blank.aad(root))
    return replace(blank, commitment=commitment, wrapped=wrapped)


def unwrap(slot: Slot, frame: Root, secret: Secret, stretched: Stretched) -> Root | None:
    """The root in *slot*, or None where *secret* does not fit.

    *frame* names the vault, class and generation that the slot must be bound to; its secret is ignored.

    Raises:
        Damaged: the secret fits (the commitment says so) but the slot was altered.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if slot.kind != secret.kind:
        return None
    found = _share(slot, secret) if slot.kind == "recipient" else material(secret, slot.kdf, stretched)
    if found is None:
        return None
    kek, commitment = _kek(found, slot.salt)
    if not hmac.compare_digest(commitment, slot.commitment):
        return None
    try:
        opened = ChaCha20Poly1305(kek).decrypt(_ZERO_NONCE, slot.wrapped, slot.aad(frame))
    except InvalidTag as error:
        raise Damaged("a keyslot was altered", remedy=RESTORE) from error
    return Root(frame.vault_id, frame.classification, frame.generation, opened)


def _sealed(share: bytes, recipient_text: str) -> bytes:
    import pyrage

    sealed: bytes = pyrage.encrypt(share, [pyrage.x25519.Recipient.from_str(recipient_text)])
    if len(sealed) > MAX_SEALED:  # a library that makes larger files must not write what is refused afterwards
        raise Damaged("an age file is larger than a keyslot takes", remedy="please report this")
    return sealed


def _share(slot: Slot, secret: Secret) -> bytes | None:
    """What the age file in a ``recipient`` slot holds, where the identity is at hand and fits."""
    import pyrage

    if not secret.value:
        return None
    try:
        share: bytes = pyrage.decrypt(slot.sealed, [pyrage.x25519.Identity.from_str(secret.value.decode())])
    except (pyrage.DecryptError, pyrage.IdentityError, ValueError):
        return None
    return share if len(share) == SECOND_SIZE else None


def opening(slot: Slot, frame: Root, presented: Sequence[Secret], stretched: Stretched) -> Secret | None:
    """The first of *presented*, alone or as a pair, that opens *slot*; None where none does."""
    for secret in (made for each in presented for made in with_seconds(each, presented)):
        if unwrap(slot, frame, secret, stretched) is not None:
            return secret
    return None


def _kek(key_material: bytes, salt: bytes) -> tuple[bytes, bytes]:
    out = hkdf(key_material, salt=salt, info=b"memory/v1/keyslot", length=64)
    return out[:32], out[32:]
