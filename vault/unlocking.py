"""Unlock classes, and change who can: everything that reads or writes header sections.

The flow of a change is always the same: the effective header, altered, is written as a new section that
names every section it replaces; when that is durable, the pins follow and the replaced files go.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NoReturn

from vault.classification import Classification
from vault.errors import Conflict, Damaged, NewerFormat, NotFound, WrongPassphrase
from vault.home import Home
from vault.keys import keyslots
from vault.keys.device import DeviceKey
from vault.keys.keyslots import GROUPS, KdfLimits, KdfParams, Secret, Slot, Stretched
from vault.keys.pins import Pin
from vault.keys.roots import Root
from vault.keys.sections import ClassKeys, Header, Section, refreshed, render, union, unlock
from vault.locks import locked
from vault.names import name_of

_RESTORE = "restore the header directory from a backup or from git history"
GROUPED = {
    "vault": (Classification.GENERAL, Classification.CHRONOLOGICAL, Classification.CONFIDENTIAL),
    "secret": (Classification.SECRET,),
    "ultrasecret": (Classification.ULTRASECRET,),
}
"""Passphrase group → the classes it opens, unless the vault was made with a single passphrase."""


def new_headers(
    vault_id: str, key: DeviceKey, slots: Mapping[str, Sequence[Secret]], single: bool, limits: KdfLimits
) -> dict[Classification, tuple[Root, Header, bytes]]:
    """Roots, headers and section files of a new vault; *slots* gives the secrets of each group."""
    stretched = Stretched(limits)
    params = keyslots.calibrate(limits) if _has_passphrase(slots) else None
    result = {}
    for group, classes in ({"vault": tuple(Classification)} if single else GROUPED).items():
        kdf = None if params is None else replace(params, salt=keyslots.new_salt())
        for classification in classes:
            root = Root.new(vault_id, classification)
            wrapped = tuple(keyslots.wrap(root, s, group, kdf, stretched) for s in slots[group])
            header = Header(vault_id, classification, 1, root.recipient(), wrapped, (key.device,))
            result[classification] = (root, header, render(header, root))
    return result


def _has_passphrase(slots: Mapping[str, Sequence[Secret]]) -> bool:
    return any(s.kind == "passphrase" for many in slots.values() for s in many)


@dataclass(slots=True)
class Unlocker:
    """Opens classes of one vault with presented secrets, stretching each passphrase once per group."""

    home: Home
    stretched: Stretched
    notes: list[str] = field(default_factory=list)
    """What a person should know about classes that did not open."""

    def unlock(self, secrets: Sequence[Secret], wanted: Iterable[Classification]) -> dict[Classification, ClassKeys]:
        """The keys of every wanted class that a secret opens; pins and enrolment brought up to date.

        Raises:
            WrongPassphrase: nothing opened; Damaged: a header was altered, rolled back or swapped.
        """
        pins = self.home.pins()
        attempt = _Attempt(self, pins, {c: self.home.sections(c) for c in wanted})
        attempt.try_all([s for s in secrets if s.kind != "passphrase"])
        attempt.try_passphrases([s for s in secrets if s.kind == "passphrase"])
        if not attempt.opened:
            attempt.refuse()
        self.notes += attempt.complaints()
        return self._settled(attempt.opened, pins)

    def _settled(
        self, opened: dict[Classification, ClassKeys], pins: dict[Classification, Pin]
    ) -> dict[Classification, ClassKeys]:
        device = self.home.device_key().device if self._needs_device(opened, pins) else None
        for classification, keys in opened.items():
            if device and keys.device(device.id) is None and device.id not in keys.header.removed_devices:
                devices = (*keys.header.devices, device)
                opened[classification] = self.rewrite(keys, replace(keys.header, devices=devices))
            elif keys.replaced:
                self.home.objects.remove_sections(classification, keys.replaced)
        current = {c: Pin(k.header.recipient, k.header.generation, k.heads) for c, k in opened.items()}
        if any(pins.get(c) != pin for c, pin in current.items()):
            self.home.store_pins(current)
        return opened

    def _needs_device(self, opened: Mapping[Classification, ClassKeys], pins: Mapping[Classification, Pin]) -> bool:
        # The key is read only where enrolment may be due: a search need not touch it.
        return any(pins.get(c) is None or pins[c].sections != k.heads for c, k in opened.items())

    def rewrite(self, keys: ClassKeys, header: Header) -> ClassKeys:
        """Make *header* the class's effective header: new section durable, pins, then the old ones go."""
        replaced = tuple(sorted({*keys.header.parents, *keys.heads, *keys.replaced}))
        header = replace(header, parents=replaced)
        data = render(header, keys.newest)
        self.home.objects.put_sections({header.classification: [data]})
        name = name_of(data)
        self.home.store_pins({header.classification: Pin(header.recipient, header.generation, (name,))})
        self.home.objects.remove_sections(header.classification, [*keys.heads, *keys.replaced])
        return ClassKeys(keys.roots, union([header]), (name,), (), keys.strange)

    def add_slot(self, keys: ClassKeys, secret: Secret, group: str, kdf: KdfParams | None) -> ClassKeys:
        """Let *secret* open the class too."""
        slot = keyslots.wrap(keys.newest, secret, group, kdf, self.stretched)
        with self._latest(keys) as latest:
            return self.rewrite(latest, replace(latest.header, slots=(*latest.header.slots, slot)))

    def remove_slot(self, keys: ClassKeys, slot_id: str) -> ClassKeys:
        """Take a slot away; copies of the old header still open with it, and the caller must say so.

        Raises:
            NotFound: no such slot; Conflict: it is the last one.
        """
        with self._latest(keys) as latest:
            kept = tuple(s for s in latest.header.slots if s.id != slot_id)
            if len(kept) == len(latest.header.slots):
                raise NotFound(f"no keyslot {slot_id}", remedy="see: memory key list")
            if not any(s.kind in keyslots.KINDS for s in kept):
                name = latest.header.classification
                raise Conflict(f"{slot_id} is the last keyslot of {name}", remedy="add another one first")
            removed = latest.header.removed_slots | {slot_id}
            return self.rewrite(latest, replace(latest.header, slots=kept, removed_slots=removed))

    @contextmanager
    def _latest(self, keys: ClassKeys) -> Iterator[ClassKeys]:
        """The class as it stands on disk now, while no other process of this device can change it."""
        classification = keys.header.classification
        with locked(self.home.lock(classification)):
            yield refreshed(keys, self.home.sections(classification))


@dataclass(slots=True)
class _Attempt:
    """One try at several classes with several secrets, at the fewest Argon2 runs."""

    unlocker: Unlocker
    pins: Mapping[Classification, Pin]
    sections: Mapping[Classification, Sequence[Section]]
    opened: dict[Classification, ClassKeys] = field(default_factory=dict)

    def try_all(self, secrets: Sequence[Secret]) -> None:
        """Keyfiles and recovery codes cost nothing: every one at every class."""
        for classification in self.sections:
            self._try(classification, secrets)

    def try_passphrases(self, secrets: Sequence[Secret]) -> None:
        """The i-th passphrase is tried at the i-th group first, and no further once it has opened one."""
        for i, secret in enumerate(secrets):
            groups = self._closed_groups()
            first = GROUPS[i] if i < len(GROUPS) else ""
            for group in sorted(groups, key=lambda g: (g != first, GROUPS.index(g))):
                if any([self._try(c, [secret]) for c in groups[group]]):  # noqa: C419 (all of them, always)
                    break

    def _closed_groups(self) -> dict[str, list[Classification]]:
        groups: dict[str, list[Classification]] = {}
        for classification in self.sections:
            for group in self._groups_of(classification) if classification not in self.opened else ():
                groups.setdefault(group, []).append(classification)
        return groups

    def _groups_of(self, classification: Classification) -> set[str]:
        """Groups whose passphrase may open a class; a pinned section knows, others only claim."""
        pin = self.pins.get(classification)
        sections = self.sections[classification]
        pinned = [s for s in sections if pin and s.name in pin.sections]
        slots = (slot for s in pinned or sections for slot in s.header.slots if slot.kind == "passphrase")
        return {slot.group for slot in slots if slot.group in GROUPS}

    def complaints(self) -> list[str]:
        """Classes that stayed shut although no secret was tried in vain: their header is not there."""
        return [
            f"the header of {classification} is missing or damaged"
            for classification, sections in self.sections.items()
            if classification not in self.opened
            and (pin := self.pins.get(classification))
            and not set(pin.sections) & {s.name for s in sections}
        ]

    def refuse(self) -> NoReturn:
        """Say why nothing opened: a header that is gone is not a wrong passphrase.

        Raises:
            Damaged, WrongPassphrase.
        """
        for classification in self.sections:
            if self.unlocker.home.has_newer_section(classification):
                raise NewerFormat(f"the header of {classification} is of a newer version", remedy="upgrade memory")
        for message in self.complaints():
            raise Damaged(message, remedy=_RESTORE)
        raise WrongPassphrase("no keyslot opened", remedy="check the passphrase, keyfile or recovery code")

    def _try(self, classification: Classification, secrets: Sequence[Secret]) -> bool:
        pin = self.pins.get(classification)
        pinned = frozenset(pin.sections) if pin else frozenset()
        keys = unlock(self.sections[classification], secrets, self.unlocker.stretched, pinned)
        if keys is None:
            return False
        _check_pin(keys, pin)
        self.opened[classification] = keys
        return True


def group_kdf(slots: Iterable[Slot], group: str, calibrate: Callable[[], KdfParams]) -> KdfParams:
    """The Argon2 parameters that the group's passphrase slots share, or fresh ones."""
    for slot in slots:
        if slot.group == group and slot.kdf is not None:
            return slot.kdf
    return calibrate()


def _check_pin(keys: ClassKeys, pin: Pin | None) -> None:
    if pin is None:
        return
    older = keys.header.generation < pin.generation
    swapped = keys.header.generation == pin.generation and keys.header.recipient != pin.recipient
    if older or swapped:
        raise Damaged(
            f"the header of {keys.header.classification} is not the one this device knows",
            remedy="restore the header directory from a backup or from git history",
        )
