"""Entries and revisions, and the Markdown-with-front-matter text they are sealed as (`docs/format.md` section 3).

A `Revision` is one immutable version as it is signed; an `Entry` is what a person sees: the newest
revision of one memory together with its standing (in the trash, in conflict).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from vault.classification import Classification
from vault.errors import InvalidInput
from vault.names import CROCKFORD, ENTRY_ID_LENGTH, is_name

MAX_TEXT = 1024 * 1024
"""Longest text of one entry, in UTF-8 bytes."""
MAX_KEYS = 128
MAX_SEQ = 2**63
MAX_FRONT = 1024 * 1024
"""Longest front matter, in bytes."""
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ESCAPE = "[\u007f-\u009f\u2028\u2029\ufeff\ufdd0-\ufdef]|[\ufffe\uffff]"  # compiled on first use: it is large
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_FENCE = b"---\n"


@dataclass(frozen=True, slots=True)
class Revision:
    """One immutable version of an entry, exactly as its device signed it."""

    vault: str
    classification: Classification
    entry: str
    """Entry id, 16 Crockford base32 characters."""
    device: str
    parents: tuple[str, ...]
    """Names of the revisions this one follows."""
    seq: int
    created: datetime
    """Aware, UTC."""
    updated: datetime
    body: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    source: str = ""
    source_id: str = ""
    context: str = ""
    confidence: float | None = None
    reasoning: str = ""
    emotion: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    trust: str = ""
    deleted: str = ""
    """``trash`` or ``moved`` for a tombstone, else empty."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Keys of a later version, kept and written again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One memory, as it stands now."""

    id: str
    classification: Classification
    text: str
    """The body, verbatim Markdown."""
    title: str
    tags: tuple[str, ...]
    created: datetime
    updated: datetime
    source: str = ""
    source_id: str = ""
    context: str = ""
    confidence: float | None = None
    """How sure the deciding stage was, 0…1; None where nothing measured it."""
    reasoning: str = ""
    """One line that names the stage that decided and why."""
    emotion: str = ""
    """``positive``, ``neutral`` or ``negative``."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    trust: str = ""
    deleted: bool = False
    """In the trash."""
    revisions: tuple[str, ...] = ()
    """Names of the heads; more than one is a conflict."""
    warnings: tuple[str, ...] = ()
    """What the person should know about this capture; not stored."""

    @property
    def level(self) -> int:
        """Security level of the classification, 1 to 4."""
        return self.classification.level

    @property
    def conflict(self) -> bool:
        """Whether two devices changed it apart; both versions are kept."""
        return len(self.revisions) > 1


_REQUIRED = ("vault", "entry", "parents", "class", "device", "seq", "created", "updated")
_OPTIONAL = {
    "title": str,
    "tags": list,
    "source": str,
    "source_id": str,
    "context": str,
    "confidence": float,
    "reasoning": str,
    "emotion": str,
    "metadata": dict,
    "trust": str,
    "deleted": str,
}
_PLAIN = {f.name for f in fields(Revision)} & set(_OPTIONAL)


def encode(revision: Revision) -> bytes:
    """*revision* as front matter and body, everything that its signature covers.

    Raises:
        InvalidInput: a lone surrogate, or metadata that JSON cannot hold.
    """
    table: dict[str, Any] = {
        "vault": revision.vault,
        "entry": revision.entry,
        "parents": list(revision.parents),
        "class": revision.classification.value,
        "device": revision.device,
        "seq": revision.seq,
        "created": stamp(revision.created),
        "updated": stamp(revision.updated),
    }
    for name in _OPTIONAL:
        value = getattr(revision, name)
        if value or (name == "confidence" and value is not None):
            table[name] = list(value) if name == "tags" else dict(value) if name == "metadata" else value
    table |= revision.extra
    try:
        lines = "".join(f"{key}: {_json(value)}\n" for key, value in table.items()).encode()
        if len(lines) > MAX_FRONT or len(table) > MAX_KEYS:
            raise InvalidInput("title, tags and metadata are longer than 1 MiB", remedy="put it into the text")
        return b"---\n" + lines + b"---\n" + revision.body.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise InvalidInput("the text holds a lone surrogate", remedy="save it as valid UTF-8") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput("metadata must be plain JSON", remedy="use strings, numbers, lists") from error


def decode(data: bytes) -> Revision:
    """The revision that `encode` wrote.

    Raises:
        ValueError: not an envelope of format 1.
    """
    if not data.startswith(_FENCE) or not data.endswith(b"\n"):
        raise ValueError("no front matter")
    front, mark, body = data[len(_FENCE) - 1 : -1].partition(b"\n---\n")
    if not mark or len(front) > MAX_FRONT:
        raise ValueError("front matter does not end")
    table: dict[str, Any] = {}
    for line in front[1:].decode().split("\n"):
        key, colon, value = line.partition(": ")
        if not colon or not _KEY.fullmatch(key) or key in table or len(table) >= MAX_KEYS:
            raise ValueError("illegal front matter line")
        try:
            table[key] = json.loads(value, parse_constant=_no_constant)
            _json(table[key]).encode()  # a lone surrogate escape decodes to what nothing else can hold
        except RecursionError as error:
            raise ValueError("front matter nests too deeply") from error
    return _revision(table, body.decode())


def stamp(moment: datetime) -> str:
    """*moment* in UTC as the format writes it; naive means local time."""
    return moment.astimezone(UTC).strftime(_TIME).rjust(27, "0")


def parse_stamp(text: str) -> datetime:
    """The aware UTC moment that `stamp` wrote (ValueError otherwise)."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or stamp(moment) != text:  # the stamp has one form
        raise ValueError("not a time stamp")
    return moment


def _revision(table: dict[str, Any], body: str) -> Revision:
    for key, kind in _OPTIONAL.items():
        if key in table and (
            not isinstance(table[key], (int, float) if kind is float else kind) or isinstance(table[key], bool)
        ):
            raise ValueError(f"{key} has the wrong type")
    if not all(isinstance(table[key], str) for key in _REQUIRED if key not in {"parents", "seq"}):
        raise ValueError("a required key has the wrong type")
    if not _strings(table["parents"]) or not all(map(is_name, table["parents"])):
        raise ValueError("parents are not names")
    if not _strings(table.get("tags", [])) or type(table["seq"]) is not int or not 0 <= table["seq"] < MAX_SEQ:
        raise ValueError("tags or seq have the wrong type")
    if "confidence" in table and not 0 <= table["confidence"] <= 1:
        raise ValueError("confidence is no probability")
    if len(table["entry"]) != ENTRY_ID_LENGTH or set(table["entry"]) - set(CROCKFORD):
        raise ValueError("not an entry id")
    if table.get("deleted", "") not in {"", "trash", "moved"}:
        raise ValueError("unknown tombstone")
    optional = {key: table[key] for key in _PLAIN - {"tags"} if key in table}
    return Revision(
        vault=table["vault"],
        classification=Classification(table["class"]),
        entry=table["entry"],
        device=table["device"],
        parents=tuple(table["parents"]),
        seq=table["seq"],
        created=parse_stamp(table["created"]),
        updated=parse_stamp(table["updated"]),
        body=body,
        tags=tuple(table.get("tags", ())),
        extra={k: v for k, v in table.items() if k not in _REQUIRED and k not in _OPTIONAL},
        **optional,
    )


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if text.isascii() and "\x7f" not in text:
        return text
    return re.sub(_ESCAPE, lambda m: f"\\u{ord(m.group()):04x}", text)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
