"""Seal and open one revision: signature, padding, age (`docs/format.md` section 3).

The only user of pyrage. `seal` cannot fail on good input; `open_sealed` names the kind of every failure,
because a reader must tell "another compartment's" from "tampered with".
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vault import entry
from vault.entry import Revision
from vault.keys.device import DeviceKey, verify
from vault.names import name_of

if TYPE_CHECKING:
    from vault.keys.unlocked import ClassKeys

MAX_SEALED = 64 * 1024 * 1024
MIN_PADDED = 1024
_MAX_HEADER = 2048
_MAX_STANZAS = 20
_SIGNED = b"memory/v1/rev\0"
_SIGNATURE = re.compile(rb"<!-- memory-sig v1 ([a-z2-7]{16}) ([A-Za-z0-9+/]{86}==) -->")


class SealFault(Exception):
    """A sealed file that is not what it must be; ``kind`` is a word of `docs/format.md` section 3.2."""

    def __init__(self, kind: str, detail: str = "") -> None:
        """Keep the failure *kind* and what is known beyond it."""
        super().__init__(detail or kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Opened:
    """A sealed file that passed every check."""

    revision: Revision
    digest: str
    """Hash name of the signed payload: equal for one payload sealed twice."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed revision, ready to be stored."""

    data: bytes
    """The whole age file."""
    digest: str
    """As `Opened.digest`."""


def seal(revision: Revision, recipient: str, key: DeviceKey) -> Sealed:
    """The file that holds *revision*, signed by *key*, for *recipient* only.

    Raises:
        InvalidInput: the revision cannot be encoded.
    """
    import pyrage

    signed = entry.encode(revision)
    signature = base64.b64encode(key.sign(_SIGNED + signed)).decode()
    payload = signed + f"<!-- memory-sig v1 {key.device.id} {signature} -->\n".encode()
    padded = payload.ljust(padded_size(len(payload)), b" ")
    data: bytes = pyrage.encrypt(padded, [pyrage.x25519.Recipient.from_str(recipient)])
    return Sealed(data, name_of(signed))


def padded_size(length: int) -> int:
    """Bytes that a payload of *length* is padded to: 1 KiB, then Padmé.

    Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs",
    2019: at most 12 % overhead, and O(log log n) bits of the size leak.
    """
    if length <= MIN_PADDED:
        return MIN_PADDED
    exponent = length.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (length + mask) & ~mask


class Opener:
    """Opens the sealed files of one class: its identities, its devices, its pinned vault."""

    def __init__(self, keys: "ClassKeys") -> None:
        """Use every generation of *keys*."""
        import pyrage

        self._vault_id = keys.newest.vault_id
        self._classification = keys.newest.classification
        self._identities = [pyrage.x25519.Identity.from_str(root.identity()) for root in keys.roots]
        self._devices = {d.id: d.public for d in keys.header.devices}

    def open(self, name: str, sealed: bytes) -> Opened:
        """The revision in the file called *name*.

        Raises:
            SealFault: with the kind of the first check that fails.
        """
        if name_of(sealed) != name:
            raise SealFault("name", "content does not hash to its name")
        return self._check(decrypt(sealed, self._identities))

    def _check(self, padded: bytes) -> Opened:
        end = padded.rfind(b"\n") + 1
        payload, filling = padded[:end], padded[end:]
        start = payload.rfind(b"\n", 0, -1) + 1
        found = _SIGNATURE.fullmatch(payload[start:-1])
        signed = payload[:start] if found else payload
        revision = _decode(signed, is_ours=found is not None)
        if found and (filling.strip(b" ") or len(padded) != padded_size(len(payload))):
            raise SealFault("padding")
        if revision.vault != self._vault_id:
            raise SealFault("vault", "belongs to another vault")
        if revision.classification is not self._classification:
            raise SealFault("class", "sealed under another class's key")
        if found is None:
            raise SealFault("unsigned", "not signed by a device of this vault")
        device = found[1].decode()
        if revision.device != device:
            raise SealFault("device", "names two devices")
        if device not in self._devices:
            raise SealFault("pending", "by a device that is not enrolled")
        if not _genuine(self._devices[device], found[2], signed):
            raise SealFault("signature", "the signature does not verify")
        return Opened(revision, name_of(signed))


def _decode(signed: bytes, *, is_ours: bool) -> Revision:
    try:
        return entry.decode(signed)
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        # What anyone sealed to our public recipient with plain age is no envelope and no crime either.
        raise SealFault("envelope" if is_ours else "unsigned") from error


def _genuine(public: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
    except binascii.Error:
        return False
    return base64.b64encode(raw) == signature and verify(public, raw, _SIGNED + signed)


def decrypt(sealed: bytes, identities: Sequence[object]) -> bytes:
    """The plaintext of an age file, after the pre-check that keeps the parser's cost bounded.

    Raises:
        SealFault: ``bounds`` or ``foreign``.
    """
    import pyrage

    precheck(sealed)
    try:
        plain: bytes = pyrage.decrypt(sealed, identities)
    except pyrage.DecryptError as error:
        raise SealFault("foreign", "no key of this class opens it") from error
    return plain


def precheck(sealed: bytes) -> None:
    """Refuse what would make the age header parser slow: it is quadratic in the header's size.

    Raises:
        SealFault: ``bounds``: larger than 64 MiB, header over 2 KiB or 20 stanzas; ``foreign``: no age file.
    """
    if len(sealed) > MAX_SEALED:
        raise SealFault("bounds", "larger than 64 MiB")
    head = sealed[:_MAX_HEADER]
    if not head.startswith(b"age-encryption.org/v1\n"):
        raise SealFault("foreign", "not an age file")
    end = head.find(b"\n---")
    if end < 0:
        raise SealFault("bounds", "age header over 2 KiB")
    if head[:end].count(b"\n-> ") > _MAX_STANZAS:
        raise SealFault("bounds", "age header with over 20 stanzas")
