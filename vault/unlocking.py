"""Unlock classes, and change who can: everything that reads or writes header sections.

The flow of a change is always the same: the effective header, altered, is written as a new section that
names every section it replaces; when that is durable, the pins follow and the replaced files go. Several
classes change together in that order too, so that a crash leaves each of them as it was or as it is to be.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import NoReturn

from vault import durable
from vault.classification import Classification
from vault.errors import Conflict, Damaged, NewerFormat, NotFound, StorageFailed, VaultBusy, WrongPassphrase
from vault.home import Home
from vault.keys import keyslots
from vault.keys.device import DeviceKey
from vault.keys.keyslots import GROUPS, KdfLimits, Secret, Stretched
from vault.keys.pins import Pin
from vault.keys.roots import Root
from vault.keys.sections import ClassKeys, Header, Section, refreshed, render, union, unlock
from vault.keys.slots import SECONDS, Fido2Params, KdfParams, Slot
from vault.locks import locked
from vault.names import name_of

_RESTORE = "restore the header directory from a backup or from git history"
_MAX_CHALLENGES = 4
"""Authenticator questions put for one unlock: planted slots cannot keep a person touching their key."""
GROUPED = {
    "vault": (Classification.GENERAL, Classification.CHRONOLOGICAL, Classification.CONFIDENTIAL),
    "secret": (Classification.SECRET,),
    "ultrasecret": (Classification.ULTRASECRET,),
}
"""Passphrase group → the classes it opens, unless the vault was made with a single passphrase."""
Change = tuple[ClassKeys, Root, Header]
"""A class as it stands, and the root and header that it is to have."""


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
    return any(s.kind.startswith("passphrase") for many in slots.values() for s in many)


def device_secret(home: Home, *, make: bool = False) -> Secret | None:
    """This device's second secret for two-secret slots; None where it has none and is not to *make* one.

    Raises:
        Damaged: it is not what it must be; StorageFailed: it cannot be made.
    """
    path = home.state / "device.secret"
    if make and not path.exists():
        import secrets

        durable.create_file(path, secrets.token_bytes(keyslots.SECOND_SIZE))
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Damaged(f"cannot read {path}", remedy="check its owner and permissions") from error
    return keyslots.device_secret(content, home.device_key().device.id)


def slots_on_disk(home: Home, classification: Classification, *, pinned: bool = False) -> list[Slot]:
    """The keyslots that a class says it has, unlocked or not: by its pinned sections if they are there, else by all.

    What others only claim may decide what a person is asked for, never what a new slot is made of: for that,
    only what is *pinned* counts.
    """
    pin = home.pins().get(classification)
    sections = home.sections(classification)
    known = [s for s in sections if pin and s.name in pin.sections]
    return list({slot.id: slot for s in known or ([] if pinned else sections) for slot in s.header.slots}.values())


def challenges(home: Home, classes: Iterable[Classification]) -> list[Fido2Params]:
    """What an authenticator must be asked before these classes can open with passphrase and FIDO2; a few at most."""
    slots = [slot for c in classes for slot in slots_on_disk(home, c)]
    return list(dict.fromkeys(slot.fido2 for slot in slots if slot.fido2))[:_MAX_CHALLENGES]


def tried(home: Home, secrets: Sequence[Secret], limits: KdfLimits) -> dict[Classification, list[Slot]]:
    """Class → the keyslots that *secrets* open, each fitting its authenticated header; nothing is changed or pinned.

    Raises:
        WrongPassphrase: none, with the same words as any unlock.
    """
    unlocker = Unlocker(home, Stretched(limits))
    pins = home.pins()
    attempt = _Attempt(unlocker, pins, {c: home.sections(c) for c in Classification}, unlocker.with_device(secrets))
    attempt.run()
    found = {c: attempt.fitting(keys) for c, keys in attempt.opened.items()}
    if not found:
        attempt.refuse()
    return found


@dataclass(slots=True)
class Unlocker:
    """Opens classes of one vault with presented secrets, stretching each passphrase once per group."""

    home: Home
    stretched: Stretched
    notes: list[str] = field(default_factory=list)
    """What a person should know about the unlocking."""

    def unlock(self, secrets: Sequence[Secret], wanted: Iterable[Classification]) -> dict[Classification, ClassKeys]:
        """The keys of every wanted class that a secret opens; pins, enrolment and Argon2 brought up to date.

        Raises:
            WrongPassphrase: nothing opened; Damaged: a header was altered, rolled back or swapped.
        """
        pins = self.home.pins()
        attempt = _Attempt(self, pins, {c: self.home.sections(c) for c in wanted}, self.with_device(secrets))
        attempt.run()
        if not attempt.opened:
            attempt.refuse()
        self.notes += attempt.complaints()
        opened = self._settled(attempt.opened, pins)
        self._warn_of_first_sight(opened, pins)
        return self._strengthened(opened, attempt.secrets)

    def with_device(self, secrets: Sequence[Secret]) -> list[Secret]:
        """*secrets*, and this device's own where a passphrase may need it."""
        own = device_secret(self.home) if any(s.kind == "passphrase" for s in secrets) else None
        return [*secrets, own] if own and not any(s.kind == "device" for s in secrets) else list(secrets)

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
        current = {c: _pin(keys) for c, keys in opened.items()}
        if any(pins.get(c) != pin for c, pin in current.items()):
            self.home.store_pins(current)
        return opened

    def _needs_device(self, opened: Mapping[Classification, ClassKeys], pins: Mapping[Classification, Pin]) -> bool:
        # The key is read only where enrolment may be due: a search need not touch it.
        return any(pins.get(c) is None or pins[c].sections != k.heads for c, k in opened.items())

    def _warn_of_first_sight(
        self, opened: Mapping[Classification, ClassKeys], known: Mapping[Classification, Pin]
    ) -> None:
        for classification, keys in opened.items():
            if keys.opened_by[1] == "recipient" and classification not in known:
                self.notes.append(
                    f"{classification} was opened here for the first time, and by an identity: make sure that "
                    f"your other device names the same recipient, {keys.header.recipient}"
                )

    def _strengthened(
        self, opened: dict[Classification, ClassKeys], secrets: Sequence[Secret]
    ) -> dict[Classification, ClassKeys]:
        """Replace keyslots whose Argon2 parameters are weaker than a new one's, now that the passphrase is at hand."""
        fresh: dict[KdfParams, KdfParams] = {}
        for classification, keys in opened.items():
            slot = next((s for s in keys.header.slots if s.id == keys.opened_by[0]), None)
            if slot is None or slot.kdf is None or self.stretched.limits.floor(slot.kdf) is slot.kdf:
                continue
            wanted = replace(self.stretched.limits.floor(slot.kdf), salt=keyslots.new_salt())
            kdf = fresh.setdefault(slot.kdf, wanted)
            # Reading must work all the same where the disk is full or somebody else is at it.
            with suppress(StorageFailed, VaultBusy):
                opened[classification] = self._replaced(keys, slot, secrets, kdf)
                self.notes.append(f"keyslot {slot.id} of {classification} was weak and has been strengthened")
        return opened

    def _replaced(self, keys: ClassKeys, slot: Slot, secrets: Sequence[Secret], kdf: KdfParams) -> ClassKeys:
        secret = keyslots.opening(slot, keys.newest, secrets, self.stretched)
        if secret is None:
            return keys
        new = keyslots.wrap(keys.newest, secret, slot.group, kdf, self.stretched)
        with self.latest([keys]) as (latest,):
            if slot.id in latest.header.removed_slots:
                return latest
            return self.rewrite(latest, exchanged(latest.header, [slot.id], [new]))

    def rewrite(self, keys: ClassKeys, header: Header) -> ClassKeys:
        """Make *header* the class's effective header: new section durable, pins, then the old ones go."""
        return self.rewrite_all([(keys, keys.newest, header)])[0]

    def rewrite_all(self, changes: Sequence[Change]) -> list[ClassKeys]:
        """`rewrite` several classes: all new sections, then all pins, then the old sections go.

        Raises:
            StorageFailed: every class opens as before or as changed.
        """
        if not changes:
            return []
        changed = []
        written: dict[str, list[bytes]] = {}
        for keys, root, wanted in changes:
            replaced = tuple(sorted({*keys.header.parents, *keys.heads, *keys.replaced, *keys.older}))
            header = replace(wanted, parents=replaced)
            data = render(header, root)
            written[header.classification] = [data]
            roots = keys.roots if root == keys.newest else (root, *keys.roots)
            made = ClassKeys(roots, union([header]), (name_of(data),), opened_by=keys.opened_by, strange=keys.strange)
            changed.append(made)
        self.home.objects.put_sections(written)
        self.home.store_pins({keys.header.classification: _pin(keys) for keys in changed})
        for keys, _, header in changes:
            self.home.objects.remove_sections(header.classification, [*keys.heads, *keys.replaced, *keys.older])
        return changed

    def add_slot(self, keys: ClassKeys, secret: Secret, group: str, kdf: KdfParams | None) -> ClassKeys:
        """Let *secret* open the class too."""
        slot = keyslots.wrap(keys.newest, secret, group, kdf, self.stretched)
        with self.latest([keys]) as (latest,):
            return self.rewrite(latest, exchanged(latest.header, [], [slot]))

    def remove_slot(self, keys: ClassKeys, slot_id: str) -> ClassKeys:
        """Take a slot away; copies of the old header still open with it, and the caller must say so.

        Raises:
            NotFound: no such slot; Conflict: it is the last one.
        """
        with self.latest([keys]) as (latest,):
            if slot_id not in {s.id for s in latest.header.slots}:
                raise NotFound(f"no keyslot {slot_id}", remedy="see: memory key list")
            return self.rewrite(latest, exchanged(latest.header, [slot_id], []))

    @contextmanager
    def latest(self, many: Sequence[ClassKeys]) -> Iterator[list[ClassKeys]]:
        """The classes as they stand on disk now, while no other process of this device can change them."""
        ordered = sorted(many, key=lambda keys: keys.header.classification.value)
        with ExitStack() as stack:
            for keys in ordered:
                stack.enter_context(locked(self.home.lock(keys.header.classification)))
            yield [refreshed(keys, self.home.sections(keys.header.classification)) for keys in many]


def exchanged(header: Header, gone: Iterable[str], new: Sequence[Slot]) -> Header:
    """*header* with the keyslots *new* in place of those with the ids *gone*.

    Raises:
        Conflict: as `check_enough_is_left`.
    """
    removed = frozenset(gone)
    slots = (*(s for s in header.slots if s.id not in removed), *new)
    if removed:
        check_enough_is_left(header, slots)
    return replace(header, slots=slots, removed_slots=header.removed_slots | removed)


def check_enough_is_left(header: Header, slots: Sequence[Slot]) -> None:
    """Refuse *slots* in place of the header's where the loss of one machine would be the loss of everything.

    Raises:
        Conflict: nothing would be left that opens the class, or only what needs one device's own secret.
    """
    before, after = ({s.kind for s in each if s.is_known} - {"passphrase+device"} for each in (header.slots, slots))
    if not any(s.is_known for s in slots):
        name = header.classification
        raise Conflict(f"that would leave nothing that opens {name}", remedy="keep or add another keyslot")
    if before and not after:
        name = header.classification
        raise Conflict(f"{name} would open on one device only", remedy="keep a recovery code: memory key kit")


def _pin(keys: ClassKeys) -> Pin:
    return Pin(keys.header.recipient, keys.header.generation, keys.heads)


@dataclass(slots=True)
class _Attempt:
    """One try at several classes with several secrets, at the fewest Argon2 runs."""

    unlocker: Unlocker
    pins: Mapping[Classification, Pin]
    sections: Mapping[Classification, Sequence[Section]]
    secrets: Sequence[Secret]
    opened: dict[Classification, ClassKeys] = field(default_factory=dict)

    def run(self) -> None:
        """Open what opens."""
        passphrases = [s for s in self.secrets if s.kind == "passphrase"]
        self._try_all([s for s in self.secrets if s.kind != "passphrase"])
        self._try_passphrases(passphrases)

    def _try_all(self, secrets: Sequence[Secret]) -> None:
        """Keyfiles and recovery codes cost nothing: every one at every class."""
        for classification in self.sections:
            self._try(classification, secrets)

    def _try_passphrases(self, secrets: Sequence[Secret]) -> None:
        """The i-th passphrase is tried at the i-th group first, and no further once it has opened one."""
        seconds = [s for s in self.secrets if s.kind in SECONDS]
        for i, secret in enumerate(secrets):
            groups = self._closed_groups()
            first = GROUPS[i] if i < len(GROUPS) else ""
            for group in sorted(groups, key=lambda g: (g != first, GROUPS.index(g))):
                if any([self._try(c, [secret, *seconds]) for c in groups[group]]):  # noqa: C419 (all of them, always)
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
        slots = (slot for s in pinned or sections for slot in s.header.slots if slot.kind.startswith("passphrase"))
        return {slot.group for slot in slots if slot.group in GROUPS}

    def fitting(self, keys: ClassKeys) -> list[Slot]:
        """All keyslots of an opened class that the presented secrets open."""
        stretched = self.unlocker.stretched
        known = [s for s in keys.header.slots if s.is_known]
        return [s for s in known if keyslots.opening(s, keys.newest, self.secrets, stretched)]

    def complaints(self) -> list[str]:
        """Classes that stayed shut although no secret was tried in vain: their header is not there."""
        return [
            f"the header of {classification} is missing or damaged"
            for classification, sections in self.sections.items()
            if classification not in self.opened
            and (pin := self.pins.get(classification))
            and not set(pin.sections) & {n for s in sections for n in (s.name, *s.header.parents)}
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
        remedy = "check the passphrase, keyfile or recovery code"
        if self._is_new_here():
            remedy += "; a hardened vault opens on a new device by its recovery kit: memory key recover"
        raise WrongPassphrase("no keyslot opened", remedy=remedy)

    def _is_new_here(self) -> bool:
        """Whether a passphrase failed where it needs the secret of a device, and this device has none."""
        presented = {s.kind for s in self.secrets}
        kinds = [{slot.kind for s in each for slot in s.header.slots} for each in self.sections.values()]
        hardened = any("passphrase+device" in found and "passphrase" not in found for found in kinds)
        return hardened and "passphrase" in presented and "device" not in presented

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
    """Refuse keys that do not continue what this device has pinned (`docs/format.md` section 2.3).

    Raises:
        Damaged: an older generation, or one that the holder of the pinned root did not make.
    """
    if pin is None:
        return
    at_the_pin = next((root for root in keys.roots if root.generation == pin.generation), None)
    if at_the_pin is None or at_the_pin.recipient() != pin.recipient:
        raise Damaged(
            f"the header of {keys.header.classification} is not the one this device knows",
            remedy="restore the header directory from a backup or from git history",
        )
