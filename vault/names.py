"""Names that are not secrets: hash names of immutable files, random ids, and their alphabets.

A *hash name* is the first 160 bits of SHA-256 of a whole file in lower-case base32 (`docs/format.md`,
Notation), so rot is found without a key and two devices that write the same bytes agree on the name.
"""

import base64
import os
import re

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
ENTRY_ID_LENGTH = 16
_NAME = re.compile(r"[a-z2-7]{32}")


def name_of(data: bytes) -> str:
    """The hash name of a file with content *data* (32 characters)."""
    return base64.b32encode(_sha256(data)[:20]).decode().lower()


def is_name(text: str) -> bool:
    """Whether *text* has the form of a hash name."""
    return _NAME.fullmatch(text) is not None


def short_hash(data: bytes, length: int) -> str:
    """The first *length* base32 characters of SHA-256 of *data*; *length* is at most 52."""
    return base64.b32encode(_sha256(data)).decode().lower()[:length]


def new_entry_id() -> str:
    """A fresh entry id: 16 random Crockford base32 characters (80 bits)."""
    bits = int.from_bytes(os.urandom(5 * ENTRY_ID_LENGTH // 8), "big")
    return "".join(CROCKFORD[bits >> 5 * i & 31] for i in range(ENTRY_ID_LENGTH))


def new_slot_id() -> str:
    """A fresh keyslot id: 8 random base32 characters."""
    return base64.b32encode(os.urandom(5)).decode().lower()


def fold_crockford(text: str) -> str:
    """What a person typed, read leniently: case folded, ``o`` is 0, ``i`` and ``l`` are 1, separators dropped."""
    folded = text.strip().lower().translate(str.maketrans("oil", "011"))
    return re.sub(r"[\s-]", "", folded)


def _sha256(data: bytes) -> bytes:
    import hashlib  # a search through the agent needs none

    return hashlib.sha256(data).digest()
