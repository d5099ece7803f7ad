"""Unlock classes: what a secret opens becomes keys, and what that knowledge lets us mend is mended.

An unlock pins what it verified, enrols this device where it is new, finishes header changes that were cut off, and
replaces keyslots that have become too cheap to attack.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from vault.attempt import Attempt
from vault.classification import Classification
from vault.errors import StorageFailed, VaultBusy
from vault.home import Home
from vault.keys import keyslots
from vault.keys.device import Device
from vault.keys.keyslots import Secret
from vault.keys.pins import Pin
from vault.keys.slots import KdfParams, Slot
from vault.keys.stretching import Stretched, new_salt
from vault.keys.unlocked import ClassKeys


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
        attempt = Attempt.at(self.home, wanted, secrets, self.stretched)
        self.notes += attempt.complaints()
        opened = self._settled(attempt.opened, attempt.pins)
        self._warn_of_first_sight(opened, attempt.pins)
        return self._strengthened(opened, attempt.secrets)

    def _settled(
        self, opened: dict[Classification, ClassKeys], pins: Mapping[Classification, Pin]
    ) -> dict[Classification, ClassKeys]:
        device = self.home.device_key().device if self._needs_device(opened, pins) else None
        for classification, keys in opened.items():
            if device and keys.device(device.id) is None and device.id not in keys.header.removed_devices:
                opened[classification] = self._enrolled(keys, device)
            elif keys.replaced:
                self.home.objects.remove_sections(classification, keys.replaced)
        current = {c: keys.pin for c, keys in opened.items()}
        if any(pins.get(c) != pin for c, pin in current.items()):
            self.home.store_pins(current)
        return opened

    def _enrolled(self, keys: ClassKeys, device: Device) -> ClassKeys:
        from vault.headers import rewrite

        header = replace(keys.header, devices=(*keys.header.devices, device))
        return rewrite(self.home, [(keys, keys.newest, header)])[0]

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
            wanted = replace(self.stretched.limits.floor(slot.kdf), salt=new_salt())
            kdf = fresh.setdefault(slot.kdf, wanted)
            # Reading must work all the same where the disk is full or somebody else is at it.
            with suppress(StorageFailed, VaultBusy):
                stronger = self._replaced(keys, slot, secrets, kdf)
                if stronger is not None:
                    opened[classification] = stronger
                    self.notes.append(f"keyslot {slot.id} of {classification} was weak and has been strengthened")
        return opened

    def _replaced(self, keys: ClassKeys, slot: Slot, secrets: Sequence[Secret], kdf: KdfParams) -> ClassKeys | None:
        """The class with a new slot for *slot*; None where that is gone, or opens with nothing that is at hand."""
        secret = keyslots.opening(slot, keys.newest, secrets, self.stretched)
        if secret is None:
            return None
        from vault.headers import exchanged, latest, rewrite

        new = keyslots.wrap(keys.newest, secret, slot.group, kdf, self.stretched)
        with latest(self.home, [keys]) as (now,):
            if slot.id in now.header.removed_slots:
                return None
            return rewrite(self.home, [(now, now.newest, exchanged(now.header, [slot.id], [new]))])[0]
