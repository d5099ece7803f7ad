"""Bring a compartment in step with the sealed files on disk.

Runs at every opening and closes every crash window: what was sealed but not indexed, what arrived by sync
or was captured while locked, what was purged elsewhere. It lists only directories whose fingerprint
changed, so an idle start costs a stat per directory.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vault.compartment.compartment import Compartment
from vault.compartment.records import Incoming, Skipped
from vault.entry import Revision
from vault.errors import Damaged, NotFound, StorageFailed
from vault.objects import ObjectStore
from vault.seal import Opener, SealFault

BATCH = 256
Progress = Callable[[str, int, int | None], None]
"""Told (phase, done, total) as long work goes on."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a reconcile found."""

    indexed: int = 0
    quarantined: int = 0
    fresh: tuple[str, ...] = ()
    """Names not known to this compartment before, of whatever class."""
    listed: frozenset[str] | None = None
    """Two-character directories that were listed; None when nothing had changed."""


def reconcile(
    store: ObjectStore,
    opener: Opener,
    compartment: Compartment,
    purged: frozenset[str],
    current: Mapping[str, int],
    claimed: set[str],
    progress: Progress | None = None,
) -> Report:
    """Index what is on disk and not in *compartment*, drop what was purged.

    *current* is `ObjectStore.fingerprint`, taken once for all compartments; *claimed* gathers the names that one of
    them has opened, which the others need not try.

    Raises:
        StorageFailed, VaultBusy: nothing is lost; the next run goes on.
    """
    before = json.loads(compartment.meta("fingerprint") or "{}")
    changed = {d for d, mtime in current.items() if mtime == 0 or before.get(d) != mtime}
    changed |= set(before) - set(current)
    forget = compartment.having(purged)
    if not changed and not forget:
        return Report()
    load = loader(store, opener)
    if forget:
        compartment.forget(forget, load)
    known = compartment.known(changed)
    fresh = sorted(n for n in store.names(changed) if n not in known and n not in purged)
    indexed = quarantined = 0
    unread: set[str] = set()
    for start in range(0, len(fresh), BATCH):
        batch = fresh[start : start + BATCH]
        others = claimed.intersection(batch)
        incoming, skipped = open_all(store, opener, [n for n in batch if n not in others])
        skipped += [Skipped(n, "foreign") for n in others]
        claimed |= {i.name for i in incoming}
        unread |= {n[:2] for n in set(batch) - {i.name for i in incoming} - {s.name for s in skipped}}
        compartment.apply(incoming, load, skipped)
        indexed += len(incoming)
        quarantined += sum(s.kind not in {"foreign", "pending"} for s in skipped)
        if progress and len(fresh) > BATCH:
            progress(f"indexing {compartment.classification}", start + len(batch), len(fresh))
    compartment.remember("fingerprint", json.dumps({d: 0 if d in unread else mtime for d, mtime in current.items()}))
    return Report(indexed, quarantined, tuple(fresh), frozenset(changed))


def open_all(store: ObjectStore, opener: Opener, names: Sequence[str]) -> tuple[list[Incoming], list[Skipped]]:
    """Open sealed files by name: those that pass every check, and the others with the reason."""
    incoming: list[Incoming] = []
    skipped: list[Skipped] = []
    for name in names:
        try:
            opened = opener.open(name, store.get(name))
        except SealFault as fault:
            skipped.append(Skipped(name, fault.kind, str(fault)))
        except (NotFound, StorageFailed):
            continue  # gone or unreadable now: looked at again next time
        except Damaged as error:
            skipped.append(Skipped(name, "bounds", error.message))
        else:
            incoming.append(Incoming(name, opened.digest, opened.revision))
    return incoming, skipped


def loader(store: ObjectStore, opener: Opener) -> Callable[[str], Revision | None]:
    """A function that opens one revision by name, or gives None where it is missing or not trusted."""

    def load(name: str) -> Revision | None:
        incoming, _ = open_all(store, opener, [name])
        return incoming[0].revision if incoming else None

    return load


def unfinished_moves(compartments: Sequence[Compartment]) -> list[tuple[Compartment, str, tuple[str, ...]]]:
    """(old compartment, entry id, heads to bury) of moves whose second half is missing.

    A move is half done when an entry that arrived in one class still has heads in another, all of which the
    arrived revisions name as parents. Each class is asked once per arrival.
    """
    by_class = {c.classification.value: c for c in compartments}
    result = []
    for new in compartments:
        for entry, unasked in new.arrivals():
            asked = [n for n in unasked if n in by_class]
            named = {p for record in new.history(entry) for p in record.parents} if asked else set()
            for name in asked:
                heads = tuple(h.name for h in by_class[name].heads(entry))
                if heads and set(heads) <= named:
                    result.append((by_class[name], entry, heads))
    return result
