"""Keyslots: ways to unlock a class (`docs/format.md` section 2.2).

A slot wraps the newest root of one class under a key made from a secret. It commits to that key, so one
slot cannot be crafted to open under two secrets, and binds everything it says about itself as AAD.
"""

import hmac
import json
import math
import os
import re
import secrets
import time
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from vault.errors import Damaged, InvalidInput, WrongPassphrase
from vault.keys.roots import ROOT_SIZE, Root, hkdf
from vault.names import CROCKFORD, fold_crockford, new_slot_id

GROUPS = ("vault", "secret", "ultrasecret")
"""Passphrase groups, lowest first; one Argon2 run serves all classes of a group."""
KINDS = ("passphrase", "recovery", "keyfile")
RECOVERY_LENGTH = 32
KEYFILE_MIN, KEYFILE_MAX = 32, 64 * 1024
MAX_FIELDS = 32
"""Fields of a keyslot of an unknown kind."""
MAX_DEPTH = 3
_ZERO_NONCE = bytes(12)


@dataclass(frozen=True, slots=True)
class KdfParams:
    """What one Argon2id run costs."""

    salt: bytes
    """16 random bytes, shared by the slots of a passphrase group."""
    memory_kib: int
    iterations: int
    lanes: int


@dataclass(frozen=True, slots=True)
class KdfLimits:
    """Bounds checked before Argon2 takes any memory. The default is production's; tests inject cheap ones."""

    min_memory_kib: int = 64 * 1024
    max_memory_kib: int = 4 * 1024 * 1024
    min_iterations: int = 3
    max_iterations: int = 16
    max_lanes: int = 16
    target_seconds: float = 1.0
    """What `calibrate` aims at for a new vault."""

    def check(self, params: KdfParams) -> None:
        """Refuse parameters outside the limits.

        Raises:
            Damaged: too weak to be ours, or so strong that obeying would be a denial of service.
        """
        fine = (
            self.min_memory_kib <= params.memory_kib <= self.max_memory_kib
            and self.min_iterations <= params.iterations <= self.max_iterations
            and 1 <= params.lanes <= self.max_lanes
            and len(params.salt) == 16  # noqa: PLR2004
        )
        if not fine:
            raise Damaged(
                "a keyslot asks for Argon2 parameters outside the limits",
                remedy="restore the vault's header directory from a backup or from git history",
            )


@dataclass(frozen=True, slots=True)
class Slot:
    """One keyslot of one class as it stands in a section."""

    id: str
    kind: str
    group: str
    salt: bytes = field(repr=False)
    commitment: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)
    kdf: KdfParams | None = None
    """Only for ``passphrase``."""
    strange: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The whole table of a slot of a kind that this version does not know: kept, skipped, written again."""

    def table(self) -> dict[str, Any]:
        """This slot as a TOML table."""
        if self.strange:
            return dict(self.strange)
        table = self._bound() | {"commitment": self.commitment.hex(), "wrapped": self.wrapped.hex()}
        kdf = table.pop("kdf", None)
        return table | ({"kdf": kdf} if kdf else {})

    def _bound(self) -> dict[str, Any]:
        bound: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind,
            "group": self.group,
            "salt": self.salt.hex(),
        }
        if self.kdf:
            bound["kdf"] = {
                "salt": self.kdf.salt.hex(),
                "memory_kib": self.kdf.memory_kib,
                "iterations": self.kdf.iterations,
                "lanes": self.kdf.lanes,
            }
        return bound

    def aad(self, root: Root) -> bytes:
        """Canonical JSON of everything that this slot says, with the vault, class and generation it is for."""
        bound = self._bound() | {
            "vault": root.vault_id,
            "class": root.classification.value,
            "generation": root.generation,
        }
        return json.dumps(bound, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def slot_from_table(table: dict[str, Any]) -> Slot:
    """The slot that a TOML table describes.

    Raises:
        ValueError: a known kind with missing, extra-large or ill-typed fields.
    """
    try:
        if table["kind"] not in KINDS:
            group = table.get("group")
            named = group if isinstance(group, str) else ""
            return Slot(_text(table["id"], 8), _text(table["kind"], 32), named, b"", b"", b"", strange=_plain(table))
        kdf = table.get("kdf")
        return Slot(
            id=_text(table["id"], 8),
            kind=_text(table["kind"], 32),
            group=_text(table["group"], 32),
            salt=_hex(table["salt"], 32),
            commitment=_hex(table["commitment"], 32),
            wrapped=_hex(table["wrapped"], ROOT_SIZE + 16),
            kdf=None
            if kdf is None
            else KdfParams(_hex(kdf["salt"], 16), _int(kdf["memory_kib"]), _int(kdf["iterations"]), _int(kdf["lanes"])),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"keyslot lacks {error}") from error


@dataclass(frozen=True, slots=True)
class Secret:
    """What a person presents to open or make a slot, before any stretching."""

    kind: str
    """One of `KINDS`."""
    value: bytes = field(repr=False)


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


class Stretched:
    """Secrets stretched so far, so that one Argon2 run serves all classes of a passphrase group."""

    def __init__(self, limits: KdfLimits) -> None:
        """Obey *limits*."""
        self.limits = limits
        self._done: dict[tuple[bytes, KdfParams], bytes] = {}

    def material(self, secret: Secret, kdf: KdfParams | None) -> bytes:
        """The input of HKDF for *secret*: itself, or Argon2id of a passphrase.

        Raises:
            Damaged: the parameters are outside the limits.
        """
        if secret.kind != "passphrase":
            return secret.value
        if kdf is None:
            raise Damaged("a passphrase slot has no Argon2 parameters", remedy="restore the header directory")
        key = (secret.value, kdf)
        if key not in self._done:
            self.limits.check(kdf)
            self._done[key] = _argon2id(secret.value, kdf)
        return self._done[key]


def wrap(root: Root, secret: Secret, group: str, kdf: KdfParams | None, stretched: Stretched) -> Slot:
    """A new slot of *group* that opens *root* with *secret*."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    salt = secrets.token_bytes(32)
    kek, commitment = _kek(stretched.material(secret, kdf), salt)
    params = kdf if secret.kind == "passphrase" else None
    blank = Slot(new_slot_id(), secret.kind, group, salt, commitment, b"", params)
    wrapped = ChaCha20Poly1305(kek).encrypt(_ZERO_NONCE, root.secret, blank.aad(root))
    return Slot(blank.id, blank.kind, group, salt, commitment, wrapped, params)


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
    kek, commitment = _kek(stretched.material(secret, slot.kdf), slot.salt)
    if not hmac.compare_digest(commitment, slot.commitment):
        return None
    try:
        opened = ChaCha20Poly1305(kek).decrypt(_ZERO_NONCE, slot.wrapped, slot.aad(frame))
    except InvalidTag as error:
        raise Damaged(
            "a keyslot was altered", remedy="restore the header directory from a backup or from git history"
        ) from error
    return Root(frame.vault_id, frame.classification, frame.generation, opened)


def new_salt() -> bytes:
    """A fresh Argon2 salt for a passphrase group."""
    return secrets.token_bytes(16)


def calibrate(limits: KdfLimits) -> KdfParams:
    """Argon2 parameters that take about ``limits.target_seconds`` here, memory first (RFC 9106, section 4).

    The smallest allowed run is measured and memory scaled up from it, to at most 1 GiB and an eighth of
    this machine's memory, so that a smaller device can still open what this one made.
    """
    lanes = min(4, os.cpu_count() or 1)
    base = KdfParams(new_salt(), limits.min_memory_kib, limits.min_iterations, lanes)
    start = time.perf_counter()
    _argon2id(b"calibration", base)
    spent = max(time.perf_counter() - start, 1e-4)
    doublings = max(0, round(math.log2(limits.target_seconds / spent)))
    ceiling = min(1024 * 1024, limits.max_memory_kib, max(limits.min_memory_kib, _memory_kib() // 8))
    while doublings and base.memory_kib * 2**doublings > ceiling:
        doublings -= 1
    return KdfParams(base.salt, base.memory_kib * 2**doublings, base.iterations, lanes)


def _memory_kib() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    except (ValueError, OSError, AttributeError):
        return 2 * 1024 * 1024


def _kek(material: bytes, salt: bytes) -> tuple[bytes, bytes]:
    out = hkdf(material, salt=salt, info=b"memory/v1/keyslot", length=64)
    return out[:32], out[32:]


def _argon2id(secret: bytes, params: KdfParams) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return Argon2id(
        salt=params.salt,
        length=32,
        iterations=params.iterations,
        lanes=params.lanes,
        memory_cost=params.memory_kib,
    ).derive(secret)


def _plain(table: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """*table*, if a section can be written with it again: bare keys, finite numbers, strings, shallow nesting."""
    if len(table) > MAX_FIELDS or depth > MAX_DEPTH:
        raise ValueError("not a keyslot")
    for key, value in table.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", key):
            raise ValueError("not a keyslot")
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                _plain(inner, depth + 1)
        json.dumps(value, allow_nan=False)  # dates and the like are not ours (TypeError, as for other fields)
    return table


def _hex(value: Any, size: int) -> bytes:
    if not isinstance(value, str) or len(value) != 2 * size or value != value.lower():
        raise ValueError(f"expected {size} bytes in hex")
    return bytes.fromhex(value)


def _text(value: Any, limit: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isascii():
        raise ValueError("expected a short ASCII string")
    return value


def _int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("expected a whole number")  # noqa: TRY004 (one error for every malformed field)
    return value
