"""Unlocked classes of a vault: keys, opener and index together, kept in step with the disk.

`OpenClasses` is what a front end's process holds while it works. A damaged index is moved out of the way
and rebuilt from the sealed files, because it never was the truth.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vault import durable
from vault.classification import Classification
from vault.compartment.compartment import Compartment
from vault.compartment.records import Incoming, Skipped
from vault.entry import Revision
from vault.errors import Damaged, Locked, StorageFailed, VaultBusy
from vault.home import Home
from vault.locks import locked
from vault.reconcile import Progress, Report, loader, open_all, reconcile, unfinished_moves
from vault.seal import Opener

if TYPE_CHECKING:
    from vault.keys.unlocked import ClassKeys


class OpenClass:
    """One unlocked class: what can be done with its key, and its index."""

    here = True
    """Whether its keys are in this process."""

    def __init__(self, home: Home, keys: "ClassKeys", compartment: Compartment) -> None:
        """The class of *home* that *keys* open, indexed by *compartment*."""
        self.home = home
        self.keys = keys
        self.opener = Opener(keys)
        self.compartment = compartment

    @property
    def classification(self) -> Classification:
        """Which class it is."""
        return self.compartment.classification

    def load(self, name: str) -> Revision | None:
        """A revision by name, or None where it is missing or not trusted."""
        return loader(self.home.objects, self.opener)(name)

    def index(self, own: Sequence[Incoming], foreign: Sequence[str]) -> None:
        """Index revisions of this class that were just sealed; *foreign* are those of other classes.

        They are safe already: what an index cannot take now, it takes at the next opening.
        """
        with contextlib.suppress(StorageFailed, Damaged, VaultBusy):
            self.compartment.apply(own, self.load, [Skipped(name, "foreign") for name in foreign])

    def index_names(self, names: Sequence[str], foreign: Sequence[str]) -> None:
        """As `index`, for files that another process of ours has just sealed: opened and checked like any other."""
        incoming, skipped = open_all(self.home.objects, self.opener, names)
        with contextlib.suppress(StorageFailed, Damaged, VaultBusy):
            skipped += [Skipped(name, "foreign") for name in foreign]
            self.compartment.apply(incoming, self.load, skipped)

    def made_anew(self) -> None:
        """Delete the index and begin an empty one; the next reconcile fills it from the sealed files."""
        self.compartment.close()
        remove_index(self.home, self.classification)
        self.compartment = _index(self.home, self.classification, self.keys)

    def rebuild(self) -> None:
        """Make the index anew, empty; the next reconcile fills it."""
        with locked(self.home.lock(self.classification)):
            self.made_anew()

    def renew(self, keys: "ClassKeys") -> None:
        """Go on with *keys* that a changed header gives."""
        self.keys = keys
        self.opener = Opener(keys)

    def strange_sections(self) -> Sequence[str]:
        """Header sections of this class that no holder of its key wrote."""
        return self.keys.strange

    def close(self) -> None:
        """Close the index. The keys stay in this process's memory until it ends."""
        with contextlib.suppress(Exception):
            self.compartment.close()


Take = Callable[["Mapping[Classification, ClassKeys]", Progress | None], None]
"""Takes the keys of classes that were unlocked, and opens their indexes."""


@dataclass(slots=True)
class OpenClasses:
    """The unlocked classes of one vault."""

    home: Home
    classes: dict[Classification, OpenClass] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    """Objects that this device has seen and no longer finds: a rollback, or a lost file."""
    notes: list[str] = field(default_factory=list)
    """What a person should know about how the opening went."""
    rebuilt: list[Classification] = field(default_factory=list)
    """Classes whose index was damaged and has been rebuilt."""
    _told: set[str] = field(default_factory=set)

    def __iter__(self) -> Iterator[OpenClass]:
        """The open classes, lowest first."""
        return (self.classes[c] for c in Classification if c in self.classes)

    @property
    def compartments(self) -> list[Compartment]:
        """Their indexes, lowest class first."""
        return [c.compartment for c in self]

    def need(self, classification: Classification) -> OpenClass:
        """The open class of this name.

        Raises:
            Locked: it is not open.
        """
        if classification not in self.classes:
            raise Locked(f"{classification} is locked", remedy="give its passphrase or keyfile")
        return self.classes[classification]

    def load(self, classification: Classification, name: str) -> Revision | None:
        """A revision of an open class by name, or None where it is missing or not trusted."""
        return self.classes[classification].load(name)

    @contextlib.contextmanager
    def opening(self, classes: Sequence[Classification]) -> Iterator[Take]:  # noqa: ARG002 (others start workers)
        """Get ready to open *classes*; yields what takes their keys once they are known."""
        yield self.add

    def add(self, keys: "Mapping[Classification, ClassKeys]", progress: Progress | None = None) -> None:
        """Open the indexes of these classes and bring them in step with the disk."""
        for classification, class_keys in keys.items():
            compartment = self._open_index(classification, class_keys)
            self.classes[classification] = OpenClass(self.home, class_keys, compartment)
        self.reconcile(progress)

    def _open_index(self, classification: Classification, keys: "ClassKeys") -> Compartment:
        durable.make_directory(self.home.state)
        # Under the lock: two processes may find the index missing, old or damaged at the same time.
        with locked(self.home.lock(classification)):
            try:
                return _index(self.home, classification, keys)
            except Damaged:
                remove_index(self.home, classification)
                self.rebuilt.append(classification)
                return _index(self.home, classification, keys)

    def reconcile(self, progress: Progress | None = None) -> None:
        """Index what is new on disk, drop what was purged.

        A damaged index is made anew; a full disk leaves the index as it stands, with a note, so that reading
        and deleting still work.
        """
        if not any(opened.here for opened in self):
            return  # a class that is open in another process is brought in step there
        purged = self.home.purged(self._enrolled())
        with contextlib.suppress(StorageFailed):
            self.home.objects.remove(self.home.objects.present(purged))  # a purge that crashed half-way
        current = self.home.objects.fingerprint()  # before anything is listed: what comes later is found next time
        claimed: set[str] = set()
        reports = [self._reconcile(opened, purged, current, claimed, progress) for opened in self if opened.here]
        if any(r.listed for r in reports):
            self._compare_with_seen(reports, purged)

    def _reconcile(
        self,
        opened: OpenClass,
        purged: frozenset[str],
        current: Mapping[str, int],
        claimed: set[str],
        progress: Progress | None,
    ) -> Report:
        classification = opened.compartment.classification

        def bring_in_step() -> Report:
            compartment = opened.compartment
            return reconcile(self.home.objects, opened.opener, compartment, purged, current, claimed, progress)

        try:
            with locked(self.home.lock(classification)):
                _look_again_after_a_change(opened)
                try:
                    return bring_in_step()
                except Damaged:
                    opened.made_anew()
                    self.rebuilt.append(classification)
                    return bring_in_step()
        except StorageFailed as error:
            self.notes.append(f"{classification} may miss the newest entries: {error.message}")
            return Report()

    def _compare_with_seen(self, reports: Sequence[Report], purged: frozenset[str]) -> None:
        listed: frozenset[str] = frozenset().union(*(r.listed or frozenset() for r in reports))
        seen = read_seen(self.home, listed)
        on_disk = set(self.home.objects.names(listed))
        with contextlib.suppress(StorageFailed):
            # A name that a killed process left may not be durable yet; only what is may be missed later.
            self.home.objects.settle({name[:2] for name in on_disk - seen})
            remember_seen(self.home, sorted(on_disk - seen))
        gone = seen - on_disk - purged
        self.missing = tuple(sorted({*self.missing, *gone}))

    def attach(self) -> None:
        """Take up what was opened elsewhere since; in one process there is no elsewhere."""

    def take_notes(self) -> list[str]:
        """What a person should know of how the opening went; each thing is told once."""
        found = [*self.notes, *(f"the index of {c} was damaged and has been rebuilt" for c in self.rebuilt)]
        found += self.standing()
        fresh = [note for note in found if note not in self._told]
        self._told.update(found)
        self.notes.clear()
        return fresh

    def standing(self) -> list[str]:
        """What stays true, and is to be told to everybody who asks."""
        gone = len(self.missing)
        return [f"{gone} sealed file(s) seen before are gone; run: memory doctor"] if gone else []

    def moves_to_finish(self) -> list[tuple[Classification, str, tuple[str, ...]]]:
        """(old class, entry id, heads) of moves that crashed, or synced, half-way.

        Raises:
            StorageFailed, Damaged: it cannot be told now; do not call `moves_finished` then.
        """
        return [(c.classification, e, heads) for c, e, heads in unfinished_moves(self.compartments)]

    def moves_finished(self) -> None:
        """Record that the open classes were asked about what left them; only after the answers are durable."""
        names = {c.value for c in self.classes}
        for compartment in self.compartments:
            with contextlib.suppress(StorageFailed, Damaged):
                for entry, unasked in compartment.arrivals():
                    compartment.asked(entry, [n for n in unasked if n not in names])

    def index(self, by_class: Mapping[Classification, Sequence[Incoming]]) -> None:
        """Index revisions this process has just sealed, in one transaction a class."""
        for opened in self:
            own = opened.classification
            foreign = [i.name for c, many in by_class.items() if c is not own for i in many]
            opened.index(by_class.get(own, ()), foreign)

    def close(self) -> None:
        """Close every index. The keys stay in this process's memory until it ends."""
        self.lock(tuple(self.classes))

    def lock(self, classes: Iterable[Classification]) -> None:
        """Close these classes."""
        for classification in classes:
            if classification in self.classes:
                self.classes.pop(classification).close()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Make every open index anew from the sealed files."""
        self.home.objects.sweep()
        for opened in self:
            opened.rebuild()
        self.reconcile(progress)

    def _enrolled(self) -> dict[str, bytes]:
        return {d.id: d.public for opened in self if opened.here for d in opened.keys.header.devices}


def remove_index(home: Home, classification: Classification) -> None:
    """Delete the index of a class; the next opening builds it again from the sealed files."""
    path = home.database(classification)
    durable.remove_files([path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")])


def remember_seen(home: Home, names: Sequence[str]) -> None:
    """Note that this device has seen these objects.

    Best effort: the objects themselves are durable, and a missed note only weakens the detection of a rollback.
    """
    with contextlib.suppress(StorageFailed):
        durable.append_lines(home.state / "seen", names)


def read_seen(home: Home, only: frozenset[str] | None = None) -> set[str]:
    """Names of all objects this device has ever seen (or of those in the two-character directories *only*)."""
    try:
        lines = (home.state / "seen").read_text(encoding="ascii", errors="replace").split("\n")
    except FileNotFoundError:
        return set()
    wanted = lines[:-1] if only is None else [line for line in lines[:-1] if line[:2] in only]
    return {line for line in wanted if len(line) == 32}  # noqa: PLR2004 (a torn line is no name)


def _index(home: Home, classification: Classification, keys: "ClassKeys") -> Compartment:
    """The index of a class; one that is still under the key of an older generation is put under the newest."""
    path, salt = home.database(classification), bytes.fromhex(home.vault_id)
    newest = keys.newest.subkey("sqlcipher")
    try:
        return Compartment(classification, path, newest, salt)
    except Damaged:
        for root in keys.roots[1:]:
            with contextlib.suppress(Damaged):
                compartment = Compartment(classification, path, root.subkey("sqlcipher"), salt)
                compartment.rekey(newest, salt)
                return compartment
        raise


def _look_again_after_a_change(opened: OpenClass) -> None:
    """After a header change, what was put aside may open: pending devices are enrolled, generations are new."""
    compartment, keys = opened.compartment, opened.keys
    heads, generation = ",".join(keys.heads), str(keys.newest.generation)
    if compartment.meta("header") == heads:
        return
    kinds = ["pending"] if compartment.meta("generation") == generation else ["pending", "foreign"]
    compartment.retry(kinds, {"fingerprint": "{}", "generation": generation, "header": heads})
