"""One try at several classes with several secrets, at the fewest Argon2 runs; nothing is written.

What opens is held against the pins: a header that this device knows cannot be exchanged for another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Self

from vault.classification import Classification
from vault.errors import Damaged, NewerFormat, WrongPassphrase
from vault.factors import with_device
from vault.home import Home
from vault.keys import keyslots
from vault.keys.keyslots import GROUPS, Secret
from vault.keys.pins import Pin
from vault.keys.sections import Section
from vault.keys.slots import RESTORE, SECONDS, Slot
from vault.keys.stretching import KdfLimits, Stretched
from vault.keys.unlocked import ClassKeys, unlock


def tried(home: Home, secrets: Sequence[Secret], limits: KdfLimits) -> dict[Classification, list[Slot]]:
    """Class → the keyslots that *secrets* open, each fitting its authenticated header; nothing is changed or pinned.

    Raises:
        WrongPassphrase: none, with the same words as any unlock.
    """
    attempt = Attempt.at(home, Classification, secrets, Stretched(limits))
    return {c: attempt.fitting(keys) for c, keys in attempt.opened.items()}


@dataclass(slots=True)
class Attempt:
    """One try at several classes with several secrets, at the fewest Argon2 runs."""

    home: Home
    stretched: Stretched
    pins: Mapping[Classification, Pin]
    """What this device knows of the classes."""
    sections: Mapping[Classification, Sequence[Section]]
    """The header sections of every class that is tried."""
    secrets: Sequence[Secret]
    opened: dict[Classification, ClassKeys] = field(default_factory=dict)

    @classmethod
    def at(cls, home: Home, classes: Iterable[Classification], secrets: Sequence[Secret], stretched: Stretched) -> Self:
        """Try *secrets*, and this device's own with them, at *classes*; ``opened`` has what they opened.

        Raises:
            WrongPassphrase, Damaged: they opened nothing.
        """
        attempt = cls(home, stretched, home.pins(), {c: home.sections(c) for c in classes}, with_device(home, secrets))
        attempt._run()
        if not attempt.opened:
            attempt._refuse()
        return attempt

    def _run(self) -> None:
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
        known = [s for s in keys.header.slots if s.is_known]
        return [s for s in known if keyslots.opening(s, keys.newest, self.secrets, self.stretched)]

    def complaints(self) -> list[str]:
        """Classes that stayed shut although no secret was tried in vain: their header is not there."""
        return [
            f"the header of {classification} is missing or damaged"
            for classification, sections in self.sections.items()
            if classification not in self.opened
            and (pin := self.pins.get(classification))
            and not set(pin.sections) & {n for s in sections for n in (s.name, *s.header.parents)}
        ]

    def _refuse(self) -> NoReturn:
        """Say why nothing opened: a header that is gone is not a wrong passphrase.

        Raises:
            Damaged, WrongPassphrase.
        """
        for classification in self.sections:
            if self.home.has_newer_section(classification):
                raise NewerFormat(f"the header of {classification} is of a newer version", remedy="upgrade memory")
        for message in self.complaints():
            raise Damaged(message, remedy=RESTORE)
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
        keys = unlock(self.sections[classification], secrets, self.stretched, pinned)
        if keys is None:
            return False
        _check_pin(keys, pin)
        self.opened[classification] = keys
        return True


def _check_pin(keys: ClassKeys, pin: Pin | None) -> None:
    """Refuse keys that do not continue what this device has pinned (`docs/format.md` section 2.3).

    Raises:
        Damaged: an older generation, or one that the holder of the pinned root did not make.
    """
    if pin is None:
        return
    at_the_pin = next((root for root in keys.roots if root.generation == pin.generation), None)
    if at_the_pin is None or at_the_pin.recipient() != pin.recipient:
        raise Damaged(f"the header of {keys.header.classification} is not the one this device knows", remedy=RESTORE)
