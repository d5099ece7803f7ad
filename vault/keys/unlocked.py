"""A class, unlocked: which sections one secret opens, and the effective header that they make up.

Sections come from a tree that others write to, so nothing is believed before a root that a secret opened has
authenticated it (`docs/format.md` section 2.3).
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from vault.errors import Conflict, Damaged
from vault.keys.device import Device
from vault.keys.keyslots import Secret, with_seconds
from vault.keys.pins import Pin
from vault.keys.roots import Root, open_old_roots
from vault.keys.sections import Header, Section
from vault.keys.slots import RESTORE
from vault.keys.stretching import Stretched
from vault.keys.tries import Bound, Tries


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

    @property
    def pin(self) -> Pin:
        """What this device is to remember of it."""
        return Pin(self.header.recipient, self.header.generation, self.heads)

    def device(self, device_id: str) -> Device | None:
        """The enrolled device with this id."""
        return next((d for d in self.header.devices if d.id == device_id), None)


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


def _beside(order: Sequence[Section], known: Sequence[Section], best: ClassKeys | None) -> list[Section]:
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
        raise Damaged(f"the header of {keys.header.classification} is missing or damaged", remedy=RESTORE)
    return replace(_assemble(own, keys.newest, sections, frozenset(keys.heads)), opened_by=keys.opened_by)


def _assemble(opened: Section, root: Root, sections: Sequence[Section], pinned: frozenset[str]) -> ClassKeys:
    if not opened.is_authentic(root):
        raise Damaged("a header section was altered", remedy=RESTORE)
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
        raise Damaged("the vault's header is older than the one this device knows", remedy=RESTORE)
    if not heads:  # sections can only replace each other in a circle if a hash was broken
        raise Damaged("a header section was altered", remedy=RESTORE)
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
        raise Damaged("a header section was altered", remedy=RESTORE) from error


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
