"""Who can open a class, written: the headers of a new vault, and how a header is replaced by another.

The flow of a change is always the same: the effective header, altered, is written as a new section that
names every section it replaces; when that is durable, the pins follow and the replaced files go. Several
classes change together in that order too, so that a crash leaves each of them as it was or as it is to be.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from vault.classification import Classification
from vault.errors import Conflict
from vault.home import Home
from vault.keys import keyslots, stretching
from vault.keys.device import DeviceKey
from vault.keys.keyslots import Secret
from vault.keys.roots import Root
from vault.keys.sections import Header, render
from vault.keys.slots import Slot
from vault.keys.stretching import KdfLimits, Stretched
from vault.keys.unlocked import ClassKeys, refreshed, union
from vault.locks import locked
from vault.names import name_of

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
    params = stretching.calibrate(limits) if _has_passphrase(slots) else None
    result = {}
    for group, classes in ({"vault": tuple(Classification)} if single else GROUPED).items():
        kdf = None if params is None else replace(params, salt=stretching.new_salt())
        for classification in classes:
            root = Root.new(vault_id, classification)
            wrapped = tuple(keyslots.wrap(root, s, group, kdf, stretched) for s in slots[group])
            header = Header(vault_id, classification, 1, root.recipient(), wrapped, (key.device,))
            result[classification] = (root, header, render(header, root))
    return result


def _has_passphrase(slots: Mapping[str, Sequence[Secret]]) -> bool:
    return any(s.kind.startswith("passphrase") for many in slots.values() for s in many)


def rewrite(home: Home, changes: Sequence[Change]) -> list[ClassKeys]:
    """Make each header of *changes* the effective one of its class: all new sections, all pins, then the old ones go.

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
    home.objects.put_sections(written)
    home.store_pins({keys.header.classification: keys.pin for keys in changed})
    for keys, _, header in changes:
        home.objects.remove_sections(header.classification, [*keys.heads, *keys.replaced, *keys.older])
    return changed


@contextmanager
def latest(home: Home, many: Sequence[ClassKeys]) -> Iterator[list[ClassKeys]]:
    """The classes as they stand on disk now, while no other process of this device can change them."""
    ordered = sorted(many, key=lambda keys: keys.header.classification.value)
    with ExitStack() as stack:
        for keys in ordered:
            stack.enter_context(locked(home.lock(keys.header.classification)))
        yield [refreshed(keys, home.sections(keys.header.classification)) for keys in many]


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
