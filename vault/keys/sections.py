"""Header sections: the immutable, MACed statements of who may open a class (`docs/format.md` section 2.1).

They are written and read here. What the sections of a class add up to for one who has a secret is in
`vault.keys.unlocked`.
"""

import hmac
import json
import tomllib
from dataclasses import dataclass
from typing import Any

from vault.classification import Classification
from vault.classification import parse as parse_class
from vault.errors import Damaged, NewerFormat
from vault.keys.device import Device, device_of
from vault.keys.roots import Root, header_mac
from vault.keys.slots import RESTORE, Slot, slot_from_table
from vault.names import is_name, name_of

FORMAT = 1
MAX_SIZE = 256 * 1024
MAX_SECTIONS = 64
MAX_SLOTS = 64
MAX_DEVICES = 256
MAX_GENERATIONS = 256


@dataclass(frozen=True, slots=True)
class Header:
    """What a section says of its class; also the union of several sections (the *effective header*)."""

    vault_id: str
    classification: Classification
    generation: int
    recipient: str
    """``age1…``, what captures of this class are sealed to."""
    slots: tuple[Slot, ...] = ()
    devices: tuple[Device, ...] = ()
    removed_slots: frozenset[str] = frozenset()
    removed_devices: frozenset[str] = frozenset()
    old_roots: bytes = b""
    parents: tuple[str, ...] = ()
    """Every section this one replaces, directly or not."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section file: what it says, and what its MAC is computed over."""

    name: str
    header: Header
    signed: bytes
    """Every byte before the ``mac`` line."""
    mac: str

    def is_authentic(self, root: Root) -> bool:
        """Whether the holder of *root* wrote it, for this root's recipient."""
        return (
            hmac.compare_digest(header_mac(root, self.signed), self.mac) and self.header.recipient == root.recipient()
        )


def render(header: Header, root: Root) -> bytes:
    """The section file that states *header* under *root*'s MAC."""
    import tomli_w

    table: dict[str, Any] = {
        "format": FORMAT,
        "vault": header.vault_id,
        "class": header.classification.value,
        "generation": header.generation,
        "parents": sorted(header.parents),
        "recipient": header.recipient,
        "removed_slots": sorted(header.removed_slots),
        "removed_devices": sorted(header.removed_devices),
    }
    if header.old_roots:
        table["old_roots"] = header.old_roots.hex()
    table["devices"] = [{"id": d.id, "public": d.public.hex()} for d in header.devices]
    table["slots"] = [slot.table() for slot in header.slots]
    # The MAC line must be the last, yet a top-level key: TOML wants those before tables.
    # Inline tables keep it legal, so arrays of tables are written inline.
    signed = _inline_arrays(
        tomli_w.dumps({k: v for k, v in table.items() if k not in {"devices", "slots"}}), table
    ).encode()
    data = signed + f'mac = "{header_mac(root, signed)}"\n'.encode()
    if parse(data, header.vault_id).header != header:  # it will replace what opens the class: never write a riddle
        raise Damaged("a header section cannot be written as it is", remedy="please report this")
    return data


def _inline_arrays(scalars: str, table: dict[str, Any]) -> str:
    lines = [scalars]
    for key in ("devices", "slots"):
        rows = "".join(f"    {_inline(row)},\n" for row in table[key])
        lines.append(f"{key} = [\n{rows}]\n" if rows else f"{key} = []\n")
    return "".join(lines)


def _inline(value: Any) -> str:
    """A value as TOML on one line; JSON's strings, numbers, booleans and lists are TOML's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_inline(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def parse(data: bytes, vault_id: str) -> Section:
    """The section in *data*, its bounds checked, its MAC not yet.

    Raises:
        Damaged: not a section of this vault; NewerFormat: of a format this version does not know.
    """
    if len(data) > MAX_SIZE:
        raise Damaged("a header section is too large", remedy=RESTORE)
    signed, mark, tail = data.rpartition(b'mac = "')
    try:
        table = tomllib.loads(data.decode())
        if type(table["format"]) is not int or table["format"] != FORMAT:
            _refuse_format(table["format"])
        if not mark or tail != f'{table["mac"]}"\n'.encode() or (signed and not signed.endswith(b"\n")):
            raise ValueError("the mac line is not the last")
        header = _header(table)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, RecursionError) as e:
        raise Damaged("a header section is damaged", remedy=RESTORE) from e
    if header.vault_id != vault_id:
        raise Damaged("a header section belongs to another vault", remedy=RESTORE)
    return Section(name_of(data), header, signed, str(table["mac"]))


def _refuse_format(found: object) -> None:
    if type(found) is int and found > FORMAT:
        raise NewerFormat(f"header format {found} is newer than this version", remedy="upgrade memory")
    raise ValueError("unknown format")


def _header(table: dict[str, Any]) -> Header:
    classification = parse_class(table["class"])
    generation = table["generation"]
    lists = [table["slots"], table["devices"], table["parents"], table["removed_slots"], table["removed_devices"]]
    limits = (MAX_SLOTS, MAX_DEVICES, 4096, 4096, 4096)
    if any(not isinstance(x, list) or len(x) > limit for x, limit in zip(lists, limits, strict=True)):
        raise ValueError("too many rows")
    if classification is None or classification.value != table["class"]:
        raise ValueError("unknown class")
    if not isinstance(generation, int) or not 1 <= generation <= MAX_GENERATIONS:
        raise ValueError("generation out of range")
    if not all(isinstance(p, str) and is_name(p) for p in table["parents"]):
        raise ValueError("bad parents")
    devices = tuple(device_of(bytes.fromhex(row["public"])) for row in table["devices"])
    if [d.id for d in devices] != [row["id"] for row in table["devices"]]:
        raise ValueError("a device id does not fit its key")
    return Header(
        vault_id=str(table["vault"]),
        classification=classification,
        generation=generation,
        recipient=str(table["recipient"]),
        slots=tuple(slot_from_table(row) for row in table["slots"]),
        devices=devices,
        removed_slots=frozenset(map(str, table["removed_slots"])),
        removed_devices=frozenset(map(str, table["removed_devices"])),
        old_roots=bytes.fromhex(table.get("old_roots", "")),
        parents=tuple(table["parents"]),
    )
