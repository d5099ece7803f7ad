"""Who can open what: list, add, replace and remove keyslots, and the plain-age way out.

A change concerns a whole passphrase group, because a person thinks "my passphrase", not "three slots". All
classes of the group change together: new sections first, then pins, then the old sections go.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from vault.classification import Classification
from vault.errors import Locked, NotFound
from vault.factors import device_secret, slots_on_disk
from vault.headers import exchanged, latest, rewrite
from vault.home import Home
from vault.keys import keyslots, stretching
from vault.keys.keyslots import Secret
from vault.keys.slots import KdfParams, Slot
from vault.keys.stretching import KdfLimits, Stretched
from vault.keys.unlocked import ClassKeys
from vault.opened import OpenClass, OpenClasses


@dataclass(frozen=True, slots=True)
class SlotOfClass:
    """A keyslot and the class it opens."""

    classification: Classification
    slot: Slot


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a change did to the keyslots."""

    added: tuple[SlotOfClass, ...] = ()
    removed: tuple[SlotOfClass, ...] = ()


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

    def members(self, group: str) -> list[OpenClass]:
        """The open classes of *group*.

        Raises:
            Locked: none is open.
        """
        members = self.groups().get(group, [])
        if not members:
            raise Locked(f"no open class belongs to the group {group}", remedy=f"unlock {group} first")
        return members

    def add(self, secret: Secret, group: str) -> list[SlotOfClass]:
        """Let *secret* open every open class of *group* from now on.

        Where the group has two-secret slots, a plain passphrase becomes one of this device: no addition may let
        the vault directory be attacked by guessing again.

        Raises:
            Locked: the group is not open; StorageFailed.
        """
        return list(self._put(secret, group, lambda _: []).added)

    def remove(self, slot_ids: list[str]) -> list[SlotOfClass]:
        """Take keyslots (ids or unique beginnings) away; refused as a whole if one may not go.

        Raises:
            NotFound: no single such slot; Conflict: nothing would be left that opens a class.
        """
        chosen = [self._one(s) for s in slot_ids]
        gone = {row.slot.id for row in chosen}
        members = [self.opened.need(c) for c in dict.fromkeys(row.classification for row in chosen)]
        self._exchange(members, lambda keys: ([s for s in keys.header.slots if s.id in gone], []))
        return chosen

    def replace_recovery(self, code: Secret, group: str) -> Exchange:
        """Let the recovery code *code* open the group, and no earlier one any more.

        Raises:
            Locked: the group is not open; StorageFailed.
        """
        return self._put(code, group, lambda slots: [s for s in slots if s.kind == "recovery"])

    def replace_passphrase(self, secret: Secret, group: str) -> Exchange:
        """Let *secret* open the group in place of its passphrases, alone or with second factors.

        Two-secret slots of other devices stay.

        Raises:
            Locked: the group is not open; StorageFailed.
        """
        own = self.home.device_key().device.id
        return self._put(
            secret,
            group,
            lambda slots: [s for s in slots if s.kind.startswith("passphrase") and s.device in {"", own}],
        )

    def guessable(self) -> list[SlotOfClass]:
        """Keyslots, of locked classes too, that one can attack with the vault directory alone, by guessing."""
        opened = {o.compartment.classification for o in self.opened}
        locked = [SlotOfClass(c, s) for c in Classification if c not in opened for s in slots_on_disk(self.home, c)]
        return [row for row in (*self.slots(), *locked) if row.slot.kind == "passphrase"]

    def is_hardened(self, group: str) -> bool:
        """Whether the group's passphrases need the secret of a device as well."""
        return any(row.slot.kind == "passphrase+device" and row.slot.group == group for row in self.slots())

    def harden(self, secrets: Sequence[Secret]) -> Exchange:
        """Replace the plain passphrase slots that *secrets* open by two-secret slots of this device.

        Raises:
            Conflict: a class would then open on one device only, because it has no other kind of slot.
        """
        members = [o for o in self.opened if any(s.kind == "passphrase" for s in o.keys.header.slots)]
        if not members:
            return Exchange()
        stretched = Stretched(self.limits)
        own = self._device_secret()

        def hardened(keys: ClassKeys) -> tuple[list[Slot], list[Slot]]:
            found = [
                (slot, secret)
                for slot in keys.header.slots
                if slot.kind == "passphrase" and (secret := keyslots.opening(slot, keys.newest, secrets, stretched))
            ]
            return [slot for slot, _ in found], [
                keyslots.wrap(keys.newest, keyslots.both(secret, own), slot.group, slot.kdf, stretched)
                for slot, secret in found
            ]

        return self._exchange(members, hardened)

    def identities(self, classification: Classification) -> list[str]:
        """The age identities of a class, newest first; whoever has them reads all of it.

        Raises:
            Locked: the class is not open.
        """
        return [root.identity() for root in self.opened.need(classification).keys.roots]

    def _put(self, secret: Secret, group: str, leaving: Callable[[Sequence[Slot]], list[Slot]]) -> Exchange:
        """Add a slot for *secret* to every open class of *group*, in place of those that are *leaving*."""
        members = self.members(group)
        if secret.kind == "passphrase" and self.is_hardened(group):
            secret = keyslots.both(secret, self._device_secret())
        stretched = Stretched(self.limits)
        gone = {s.id for o in members for s in leaving(_of(group, o.keys))}
        kdf = self.kdf_for(group, gone) if secret.kind.startswith("passphrase") else None

        def changed(keys: ClassKeys) -> tuple[list[Slot], list[Slot]]:
            return leaving(_of(group, keys)), [keyslots.wrap(keys.newest, secret, group, kdf, stretched)]

        return self._exchange(members, changed)

    def kdf_for(self, group: str, gone: Collection[str]) -> KdfParams:
        """What Argon2 costs for a new slot of *group*.

        Its salt is that of the passphrase slots that stay, so that one run serves all, unless they are weaker than
        new ones are; it is fresh where none stays.
        """
        slots = [s for c in Classification for s in slots_on_disk(self.home, c, pinned=True)]
        slots = [s for s in slots if s.group == group and s.kdf]
        staying = [s for s in slots if s.id not in gone]
        found = next((s.kdf for s in staying or slots), None) or stretching.calibrate(self.limits)
        kdf = self.limits.floor(found)
        return kdf if staying and kdf is found else replace(kdf, salt=stretching.new_salt())

    def _exchange(
        self, members: Sequence[OpenClass], wanted: Callable[[ClassKeys], tuple[Sequence[Slot], Sequence[Slot]]]
    ) -> Exchange:
        """Write what *wanted* says of each class: (keyslots that go, keyslots that come)."""
        with latest(self.home, [o.keys for o in members]) as now:
            plans = [(opened, keys, *wanted(keys)) for opened, keys in zip(members, now, strict=True)]
            plans = [plan for plan in plans if plan[2] or plan[3]]
            changes = [(k, k.newest, exchanged(k.header, [s.id for s in gone], new)) for _, k, gone, new in plans]
            for (opened, *_), keys in zip(plans, rewrite(self.home, changes), strict=True):
                opened.keys = keys
        return Exchange(
            tuple(SlotOfClass(k.header.classification, s) for _, k, _, new in plans for s in new),
            tuple(SlotOfClass(k.header.classification, s) for _, k, gone, _ in plans for s in gone),
        )

    def _device_secret(self) -> Secret:
        own = device_secret(self.home, make=True)
        assert own is not None  # noqa: S101 (it was to be made)
        return own

    def _one(self, slot_id: str) -> SlotOfClass:
        found = [s for s in self.slots() if slot_id and s.slot.id.startswith(slot_id)]
        if len(found) != 1:
            raise NotFound(f"no single keyslot {slot_id[:16]}", remedy="see: memory key list")
        return found[0]


def _of(group: str, keys: ClassKeys) -> list[Slot]:
    return [s for s in keys.header.slots if s.group == group]
