"""Give classes a new root: what keeps opening them, what is dropped, and old entries sealed anew.

A rotation is one new section per class (`docs/format.md` section 2.3): killed anywhere, each class opens with
its old secrets or its new ones. Resealing is apart, because it takes long and can be taken up again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vault.capture import Writer
from vault.classification import Classification
from vault.compartment.filters import Filters
from vault.errors import Conflict
from vault.factors import slots_on_disk
from vault.headers import check_enough_is_left, latest, rewrite
from vault.keyring import Exchange, Keyring, SlotOfClass
from vault.keys import keyslots, stretching
from vault.keys.keyslots import Secret
from vault.keys.roots import Root, seal_old_roots
from vault.keys.sections import MAX_GENERATIONS, Header
from vault.keys.slots import KdfParams, Slot
from vault.keys.stretching import Stretched
from vault.keys.unlocked import ClassKeys
from vault.opened import OpenClass
from vault.reconcile import Progress, open_all
from vault.seal import Opener

PAGE = 64
"""Entries resealed at a time; what one call of the writer makes durable together."""


@dataclass(slots=True)
class Rotation:
    """A rotation of some open classes, planned before it is carried out."""

    keyring: Keyring
    classes: Sequence[Classification]
    stretched: Stretched = field(init=False)
    """Shared by planning and carrying out, so that no passphrase is stretched twice."""

    def __post_init__(self) -> None:
        self.stretched = Stretched(self.keyring.limits)

    def plan(self, secrets: Sequence[Secret]) -> Exchange:
        """What would stay (``added``, as it is now) and what would go with *secrets*; recovery slots always go.

        Raises:
            Locked: a class is not open.
        """
        kept: list[SlotOfClass] = []
        dropped: list[SlotOfClass] = []
        for opened in self._members():
            for slot in opened.keys.header.slots:
                row = SlotOfClass(opened.compartment.classification, slot)
                (kept if _keeper(slot, opened.keys, secrets, self.stretched) else dropped).append(row)
        return Exchange(tuple(kept), tuple(dropped))

    def groups(self) -> dict[str, list[Classification]]:
        """Passphrase group → those of its classes that are rotated."""
        groups: dict[str, list[Classification]] = {}
        for opened in self._members():
            groups.setdefault(_group(opened.keys), []).append(opened.compartment.classification)
        return groups

    def carry_out(self, secrets: Sequence[Secret], codes: Mapping[str, Secret]) -> Exchange:
        """Make the new generation, with the slots that *secrets* keep and a recovery slot for each group's code.

        Raises:
            Conflict: nothing would open a class; StorageFailed: each class opens as before or as it is to.
        """
        members = self._members()
        home = self.keyring.home
        costs = _Costs(self.keyring, {o.compartment.classification for o in members})
        added, removed = [], []
        with latest(home, [o.keys for o in members]) as now:
            changes = []
            for keys in now:
                root = Root.new(keys.newest.vault_id, keys.header.classification, _next_generation(keys))
                slots = _slots(keys, root, secrets, codes.get(_group(keys)), costs, self.stretched)
                changes.append((keys, root, _header(keys, root, slots)))
                added += [SlotOfClass(root.classification, s) for s in slots]
                removed += [SlotOfClass(root.classification, s) for s in keys.header.slots]
            for opened, keys in zip(members, rewrite(home, changes), strict=True):
                opened.keys, opened.opener = keys, Opener(keys)
        return Exchange(tuple(added), tuple(removed))

    def reseal(self, progress: Progress | None = None) -> int:
        """Seal every head that only an older generation opens again, as a new revision; how many were.

        Killed or interrupted, the next run goes on where this one stopped. Conflicts stay conflicts, what is
        in the trash stays as it is, and so do the older files.

        Raises:
            StorageFailed: what was resealed so far is.
        """
        return sum(self._reseal(opened, progress) for opened in self._members())

    def _reseal(self, opened: OpenClass, progress: Progress | None) -> int:
        compartment, home = opened.compartment, self.keyring.home
        current = Opener(replace(opened.keys, roots=opened.keys.roots[:1]))
        writer = Writer(home, self.keyring.opened)
        total = compartment.count(Filters())
        seen = done = after = 0
        while page := compartment.page(Filters(), after, PAGE):
            heads = [name for _, entry in page for name in entry.revisions]
            fresh, _ = open_all(home.objects, current, heads)
            old, _ = open_all(home.objects, opened.opener, sorted(set(heads) - {i.name for i in fresh}))
            again = [replace(i.revision, parents=(i.name,)) for i in old if not i.revision.deleted]
            if again:
                writer.write(again)
            done += len(again)
            seen += len(page)
            after = page[-1][0]
            if progress:
                progress(f"resealing {compartment.classification}", min(seen, total), total)
        return done

    def _members(self) -> list[OpenClass]:
        return [self.keyring.opened.need(c) for c in self.classes]


class _Costs:
    """Argon2 parameters for the new slots: fresh ones, unless a class that stays shares the old ones."""

    def __init__(self, keyring: Keyring, rotated: Iterable[Classification]) -> None:
        self._limits = keyring.limits
        staying = [c for c in Classification if c not in set(rotated)]
        self._shared = {s.kdf for c in staying for s in slots_on_disk(keyring.home, c, pinned=True)}
        self._fresh: dict[KdfParams, KdfParams] = {}

    def __call__(self, old: KdfParams | None) -> KdfParams | None:
        if old is None or old in self._shared:
            return old
        return self._fresh.setdefault(old, replace(self._limits.floor(old), salt=stretching.new_salt()))


def _slots(
    keys: ClassKeys, root: Root, secrets: Sequence[Secret], code: Secret | None, costs: _Costs, stretched: Stretched
) -> tuple[Slot, ...]:
    kept = [(slot, _keeper(slot, keys, secrets, stretched)) for slot in keys.header.slots]
    group = _group(keys)
    new = [keyslots.wrap(root, secret, slot.group, costs(slot.kdf), stretched) for slot, secret in kept if secret]
    new += [keyslots.wrap(root, code, group, None, stretched)] if code else []
    check_enough_is_left(keys.header, new)
    return tuple(new)


def _keeper(slot: Slot, keys: ClassKeys, secrets: Sequence[Secret], stretched: Stretched) -> Secret | None:
    """What a slot can be made anew with: the presented secret that opens it, or its public recipient."""
    if slot.kind == "recovery" or not slot.is_known:
        return None
    if slot.kind == "recipient":
        return Secret("recipient", b"", label=slot.recipient)
    return keyslots.opening(slot, keys.newest, secrets, stretched)


def _header(keys: ClassKeys, root: Root, slots: tuple[Slot, ...]) -> Header:
    old = keys.header
    return replace(
        old,
        generation=root.generation,
        recipient=root.recipient(),
        slots=slots,
        removed_slots=old.removed_slots | {s.id for s in old.slots},
        old_roots=seal_old_roots(root, tuple(reversed(keys.roots))),
    )


def _next_generation(keys: ClassKeys) -> int:
    if keys.newest.generation >= MAX_GENERATIONS:
        raise Conflict(f"{keys.header.classification} has had {MAX_GENERATIONS} keys", remedy="export to a new vault")
    return keys.newest.generation + 1


def _group(keys: ClassKeys) -> str:
    return next((s.group for s in keys.header.slots if s.is_known), "vault")
