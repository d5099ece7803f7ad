"""What a header section says of a keyslot: its fields, their bounds, and the bytes its AEAD binds.

Nothing here stretches or opens; `docs/format.md` sections 2.1 and 2.2 lay the fields down. A slot of a kind
that this version does not know is kept as the table it was.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vault.keys.roots import ROOT_SIZE, Root

SECONDS = ("keyfile", "device", "fido2")
"""What a passphrase can be combined with in one slot."""
KINDS = ("passphrase", "recovery", "keyfile", "recipient", *(f"passphrase+{second}" for second in SECONDS))
RESTORE = "restore the vault's header directory from a backup or from git history"
"""What can be done where a header is not as we wrote it."""
MAX_FIELDS = 32
"""Fields of a keyslot of an unknown kind."""
MAX_DEPTH = 3
MAX_SEALED = 1024
"""Bytes of the age file in a ``recipient`` slot; ours have about 230."""
CREDENTIAL_MIN, CREDENTIAL_MAX = 16, 1023
"""Bytes of a FIDO2 credential id (CTAP 2.1 allows at most 1,023)."""
_RECIPIENT = r"age1[02-9ac-hj-np-z]{58}"


@dataclass(frozen=True, slots=True)
class KdfParams:
    """What one Argon2id run costs."""

    salt: bytes
    """16 random bytes, shared by the slots of a passphrase group."""
    memory_kib: int
    iterations: int
    lanes: int

    def table(self) -> dict[str, Any]:
        """As a TOML table."""
        costs = {"memory_kib": self.memory_kib, "iterations": self.iterations, "lanes": self.lanes}
        return {"salt": self.salt.hex(), **costs}


@dataclass(frozen=True, slots=True)
class Fido2Params:
    """What to ask of an authenticator; public, and shared by the slots of a group."""

    credential: bytes
    """The credential id that the authenticator gave at enrolment."""
    salt: bytes
    """32 random bytes that its ``hmac-secret`` is taken of."""
    uv: bool
    """Whether the person is verified (PIN, finger): an authenticator has another secret for each case."""

    def table(self) -> dict[str, Any]:
        """As a TOML table."""
        return {"credential": self.credential.hex(), "salt": self.salt.hex(), "uv": self.uv}


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
    """Only where there is a passphrase."""
    device: str = ""
    """Id of the device whose secret a ``passphrase+device`` slot needs."""
    fido2: Fido2Params | None = None
    """Only for ``passphrase+fido2``."""
    recipient: str = ""
    """``age1…``, only for ``recipient``."""
    sealed: bytes = field(default=b"", repr=False)
    """The age file in a ``recipient`` slot."""
    strange: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The whole table of a slot of a kind that this version does not know: kept, skipped, written again."""

    @property
    def is_known(self) -> bool:
        """Whether this version can open it at all."""
        return not self.strange

    def table(self) -> dict[str, Any]:
        """This slot as a TOML table."""
        if self.strange:
            return dict(self.strange)
        return self._bound() | {"commitment": self.commitment.hex(), "wrapped": self.wrapped.hex()}

    def _bound(self) -> dict[str, Any]:
        bound: dict[str, Any] = {"id": self.id, "kind": self.kind, "group": self.group, "salt": self.salt.hex()}
        optional = {
            "kdf": self.kdf and self.kdf.table(),
            "device": self.device,
            "fido2": self.fido2 and self.fido2.table(),
            "recipient": self.recipient,
            "sealed": self.sealed.hex(),
        }
        return bound | {name: value for name, value in optional.items() if value}

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
        slot = Slot(
            id=_text(table["id"], 8),
            kind=table["kind"],
            group=_text(table["group"], 32),
            salt=_hex(table["salt"], 32),
            commitment=_hex(table["commitment"], 32),
            wrapped=_hex(table["wrapped"], ROOT_SIZE + 16),
            kdf=_kdf(table.get("kdf")),
            device=_text(table["device"], 16) if "device" in table else "",
            fido2=_fido2(table.get("fido2")),
            recipient=checked_recipient(table["recipient"]) if "recipient" in table else "",
            sealed=_bytes(table["sealed"], 100, MAX_SEALED) if "sealed" in table else b"",
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"keyslot lacks {error}") from error
    _check_own_fields(slot)
    return slot


def _check_own_fields(slot: Slot) -> None:
    needed = {
        "passphrase+device": slot.device,
        "passphrase+fido2": slot.fido2,
        "recipient": slot.recipient and slot.sealed,
    }
    if not needed.get(slot.kind, True):
        raise ValueError("keyslot lacks a field of its kind")


def checked_recipient(text: Any) -> str:
    """*text*, if it has the form of an age X25519 recipient (ValueError otherwise)."""
    if not isinstance(text, str) or not re.fullmatch(_RECIPIENT, text):
        raise ValueError("expected an age recipient")
    return text


def _kdf(table: Any) -> KdfParams | None:
    if table is None:
        return None
    costs = (_int(table[name]) for name in ("memory_kib", "iterations", "lanes"))
    return KdfParams(_hex(table["salt"], 16), *costs)


def _fido2(table: Any) -> Fido2Params | None:
    if table is None:
        return None
    if not isinstance(table["uv"], bool):
        raise ValueError("expected a truth value")  # noqa: TRY004 (one error for every malformed field)
    return Fido2Params(
        _bytes(table["credential"], CREDENTIAL_MIN, CREDENTIAL_MAX), _hex(table["salt"], 32), table["uv"]
    )


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
    return _bytes(value, size, size)


def _bytes(value: Any, least: int, most: int) -> bytes:
    if not isinstance(value, str) or not 2 * least <= len(value) <= 2 * most or not re.fullmatch("[0-9a-f]+", value):
        raise ValueError(f"expected {least} to {most} bytes in hex")
    return bytes.fromhex(value)


def _text(value: Any, limit: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isascii():
        raise ValueError("expected a short ASCII string")
    return value


def _int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("expected a whole number")  # noqa: TRY004 (one error for every malformed field)
    return value
