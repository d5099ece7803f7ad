"""Who can open what: list, add and remove keyslots, and the plain-age way out.

A change concerns a whole passphrase group, because a person thinks "my passphrase", not "three slots".
"""

from dataclasses import dataclass

from vault.classification import Classification
from vault.errors import Conflict, Locked, NotFound
from vault.home import Home
from vault.keys import keyslots
from vault.keys.keyslots import KdfLimits, Secret, Slot, Stretched
from vault.opened import OpenClass, OpenClasses
from vault.unlocking import Unlocker, group_kdf


@dataclass(frozen=True, slots=True)
class SlotOfClass:
    """A keyslot and the class it opens."""

    classification: Classification
    slot: Slot


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keyslots of the open classes."""

    home: Home
    opened: OpenClasses
    limits: KdfLimits

    def slots(self) -> list[SlotOfClass]:
        """Every keyslot of every open class."""
        return [SlotOfClass(o.compartment.classification, slot) for o in self.opened for slot in o.keys.header.slots]

    def groups(self) -> dict[str, list[OpenClass]]:
        """Passphrase group → its open classes."""
        groups: dict[str, list[OpenClass]] = {}
        for opened in self.opened:
            for group in dict.fromkeys(slot.group for slot in opened.keys.header.slots):
                groups.setdefault(group, []).append(opened)
        return groups

    def add(self, secret: Secret, group: str) -> list[SlotOfClass]:
        """Let *secret* open every class of *group* from now on.

        Raises:
            Locked: the group is not open; StorageFailed.
        """
        members = self.groups().get(group, [])
        if not members:
            raise Locked(f"no open class belongs to the group {group}", remedy=f"unlock {group} first")
        stretched = Stretched(self.limits)
        every = [slot for o in members for slot in o.keys.header.slots]
        kdf = None
        if secret.kind == "passphrase":
            kdf = group_kdf(every, group, lambda: keyslots.calibrate(self.limits))
        added = []
        for opened in members:
            before = {slot.id for slot in opened.keys.header.slots}
            opened.keys = Unlocker(self.home, stretched).add_slot(opened.keys, secret, group, kdf)
            added += [
                SlotOfClass(opened.compartment.classification, s)
                for s in opened.keys.header.slots
                if s.id not in before
            ]
        return added

    def remove(self, slot_ids: list[str]) -> list[SlotOfClass]:
        """Take keyslots (ids or unique beginnings) away; refused as a whole if one may not go.

        Raises:
            NotFound: no single such slot; Conflict: nothing would be left that opens a class.
        """
        chosen = [self._one(s) for s in slot_ids]
        for opened in self.opened:
            ids = {s.slot.id for s in chosen if s.classification is opened.compartment.classification}
            if ids and ids >= {slot.id for slot in opened.keys.header.slots}:
                name = opened.compartment.classification
                raise Conflict(f"that would leave nothing that opens {name}", remedy="add another keyslot first")
        for row in chosen:
            opened = self.opened.need(row.classification)
            opened.keys = Unlocker(self.home, Stretched(self.limits)).remove_slot(opened.keys, row.slot.id)
        return chosen

    def _one(self, slot_id: str) -> SlotOfClass:
        found = [s for s in self.slots() if slot_id and s.slot.id.startswith(slot_id)]
        if len(found) != 1:
            raise NotFound(f"no single keyslot {slot_id[:16]}", remedy="see: memory key list")
        return found[0]

    def identities(self, classification: Classification) -> list[str]:
        """The age identities of a class, newest first; whoever has them reads all of it.

        Raises:
            Locked: the class is not open.
        """
        return [root.identity() for root in self.opened.need(classification).keys.roots]
