"""Header sections: the immutable, MACed statements of who may open a class (`docs/format.md` section 2.1)."""

import hmac
import json
import tomllib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from vault.classification import Classification
from vault.classification import parse as parse_class
from vault.errors import Conflict, Damaged, NewerFormat
from vault.keys.device import Device, device_of
from vault.keys.keyslots import Secret, Stretched, with_seconds
from vault.keys.roots import Root, header_mac, open_old_roots
from vault.keys.slots import Slot, slot_from_table
from vault.keys.tries import Bound, Tries
from vault.names import is_name, name_of

FORMAT = 1
MAX_SIZE = 256 * 1024
MAX_SECTIONS = 64
MAX_SLOTS = 64
MAX_DEVICES = 256
MAX_GENERATIONS = 256
_REMEDY = "restore the vault's header directory from a backup or from git history"


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


@dataclass(frozen=True, slots=True)
class ClassKeys:
    """A class, unlocked: its roots and its effective header."""

    roots: tuple[Root, ...]
    """Newest first; the first is what new entries are sealed with."""
    header: Header
    heads: tuple[str, ...]
    """Names of the sections the effective header is made of."""
    replaced: tuple[str, ...] = ()
    """Names of sections still on disk that a head replaces."""
    older: tuple[str, ...] = ()
    """Names of authentic sections of an older generation that no head names yet: the next change replaces them."""
    opened_by: tuple[str, str] = ("", "")
    """Id and kind of the keyslot that opened it; empty where the keys were made here."""
    strange: tuple[str, ...] = ()
    """Names of sections of this class that did not authenticate."""

    @property
    def newest(self) -> Root:
        """The root of the current generation."""
        return self.roots[0]

    def device(self, device_id: str) -> Device | None:
        """The enrolled device with this id."""
        return next((d for d in self.header.devices if d.id == device_id), None)


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
        raise Damaged("a header section is too large", remedy=_REMEDY)
    signed, mark, tail = data.rpartition(b'mac = "')
    try:
        table = tomllib.loads(data.decode())
        if type(table["format"]) is not int or table["format"] != FORMAT:
            _refuse_format(table["format"])
        if not mark or tail != f'{table["mac"]}"\n'.encode() or (signed and not signed.endswith(b"\n")):
            raise ValueError("the mac line is not the last")
        header = _header(table)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, RecursionError) as e:
        raise Damaged("a header section is damaged", remedy=_REMEDY) from e
    if header.vault_id != vault_id:
        raise Damaged("a header section belongs to another vault", remedy=_REMEDY)
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


def unlock(
    sections: Sequence[Section], presented: Iterable[Secret], stretched: Stretched, pinned: frozenset[str]
) -> ClassKeys | None:
    """The keys of the class that *sections* (all of one class) describe, or None where no secret fits.

    Second secrets among *presented* are tried together with each passphrase. Pinned sections are tried first, and
    alone: trouble in what lies beside them keeps nobody out. Of that only newer sections that go on from a pinned
    one count (a rotation that was interrupted, or made elsewhere), at a price that the pinned ones set. Newer
    generations come first; sections older than a pinned one that is there are not tried at all.

    Raises:
        Damaged: a secret fits but the header was altered, or a pinned section vanished (rollback).
    """
    presented = list(presented)
    order = sorted(sections, key=lambda s: (-s.header.generation, s.name))
    known = [s for s in order if s.name in pinned]
    bound = Bound.of(known, stretched.limits)
    best: ClassKeys | None = None
    for first in presented:
        secrets = with_seconds(first, presented)
        best = _newest(known or order, Tries(secrets, stretched, None if known else bound), sections, pinned, best)
    for first in presented if known else ():
        tries = Tries(with_seconds(first, presented), stretched, bound)
        for section in _beside(order, known, best):
            with suppress(Damaged):
                best = _newest([section], tries, sections, pinned, best, known)
    return best


def _beside(order: Sequence[Section], known: Sequence[Section], best: "ClassKeys | None") -> list[Section]:
    """Sections that are not pinned, and that could open what the pinned ones did not."""
    least = best.newest.generation + 1 if best else max(s.header.generation for s in known)
    return [s for s in order if s not in known and s.header.generation >= least]


def _newest(
    order: Sequence[Section],
    tries: Tries,
    sections: Sequence[Section],
    pinned: frozenset[str],
    best: ClassKeys | None,
    known: Sequence[Section] = (),
) -> ClassKeys | None:
    """The keys of the newest generation that opens, or *best*; where there are *known* sections, only their followers.

    Raises:
        Damaged: as `unlock`.
    """
    for section in order:
        if best and section.header.generation <= best.newest.generation:
            continue
        for slot, root in tries.roots(section):
            if (best and not _follows(section, root, best.newest)) or (known and not _goes_on(section, root, known)):
                continue  # planted: whoever made it did not know the root before
            keys = _assemble(section, root, sections, pinned)
            if slot.id not in keys.header.removed_slots:
                best = replace(keys, opened_by=(slot.id, slot.kind))
                break
    return best


def _follows(section: Section, root: Root, before: Root) -> bool:
    """Whether *root* is a later generation of the class whose root was *before*."""
    with suppress(Damaged):
        return section.is_authentic(root) and before in _older_roots(section, root)
    return False


def _goes_on(section: Section, root: Root, known: Sequence[Section]) -> bool:
    """Whether *root* is that of a *known* section, or a later one of the same class."""
    with suppress(Damaged):
        roots = {r.generation: r for r in (root, *_older_roots(section, root))} if section.is_authentic(root) else {}
        return any(k.is_authentic(roots[k.header.generation]) for k in known if k.header.generation in roots)
    return False


def refreshed(keys: ClassKeys, sections: Sequence[Section]) -> ClassKeys:
    """*keys* with the effective header that *sections* make up now.

    Raises:
        Conflict: the class was given a new key meanwhile; Damaged: the sections that the keys came from, or their
        successors, are gone.
    """
    own = next(
        (s for s in sections if s.header.generation == keys.newest.generation and s.is_authentic(keys.newest)), None
    )
    if own is None and any(s.header.generation > keys.newest.generation for s in sections):
        raise Conflict(f"{keys.header.classification} has a new key since it was unlocked", remedy="unlock it again")
    if own is None:
        raise Damaged(f"the header of {keys.header.classification} is missing or damaged", remedy=_REMEDY)
    return replace(_assemble(own, keys.newest, sections, frozenset(keys.heads)), opened_by=keys.opened_by)


def _assemble(opened: Section, root: Root, sections: Sequence[Section], pinned: frozenset[str]) -> ClassKeys:
    if not opened.is_authentic(root):
        raise Damaged("a header section was altered", remedy=_REMEDY)
    older = _older_roots(opened, root)
    by_generation = {r.generation: r for r in (root, *older)}
    valid = [
        s
        for s in sections
        if s.header.generation in by_generation and s.is_authentic(by_generation[s.header.generation])
    ]
    by_name = {s.name: s for s in valid}
    # Who holds an older root could forge a section of its generation: that must not replace a newer one.
    replaced = {
        parent
        for s in valid
        for parent in s.header.parents
        if parent not in by_name or by_name[parent].header.generation <= s.header.generation
    }
    heads = [s for s in valid if s.name not in replaced and s.header.generation == root.generation]
    if pinned - set(by_name) - replaced:
        raise Damaged("the vault's header is older than the one this device knows", remedy=_REMEDY)
    if not heads:  # sections can only replace each other in a circle if a hash was broken
        raise Damaged("a header section was altered", remedy=_REMEDY)
    return ClassKeys(
        roots=(root, *reversed(older)),
        header=union([h.header for h in heads], valid),
        heads=tuple(sorted(h.name for h in heads)),
        replaced=tuple(sorted(replaced & set(by_name))),
        older=tuple(sorted(s.name for s in valid if s.header.generation < root.generation and s.name not in replaced)),
        strange=tuple(sorted(s.name for s in sections if s.name not in by_name)),
    )


def _older_roots(section: Section, root: Root) -> tuple[Root, ...]:
    if root.generation == 1:
        return ()
    try:
        return open_old_roots(root, section.header.old_roots)
    except ValueError as error:
        raise Damaged("a header section was altered", remedy=_REMEDY) from error


def union(heads: Sequence[Header], valid: Sequence[Section] = ()) -> Header:
    """The effective header of *heads*: everything any of them lists, less what any valid section removed.

    Slots are removed by sections of their own generation only: who holds an older root must not lock anybody out.
    """
    generation = heads[0].generation
    removing = [*heads, *(s.header for s in valid if s.header.generation == generation)]
    removed_slots = frozenset().union(*(h.removed_slots for h in removing))
    removed_devices = frozenset().union(*(s.header.removed_devices for s in valid), *(h.removed_devices for h in heads))
    slots = {slot.id: slot for head in heads for slot in head.slots if slot.id not in removed_slots}
    devices = {d.id: d for head in heads for d in head.devices if d.id not in removed_devices}
    return replace(
        heads[0],
        slots=tuple(slots.values()),
        devices=tuple(devices.values()),
        removed_slots=removed_slots,
        removed_devices=removed_devices,
        parents=tuple(sorted({p for head in heads for p in head.parents})),
    )
