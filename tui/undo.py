"""Undo and redo: a stack of changes that were made, each with the calls that take it back and make it again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.messages import Changed
from vault.classification import Classification
from vault.entry import Entry
from vault.vault import Vault

Call = Callable[[Vault], object]
DEPTH = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One change, as the person thinks of it; over several entries it is still one."""

    name: str
    """What was done, e.g. ``moved 3 entries to secret``."""
    back: tuple[Call, ...]
    """Calls that take it back, in their order."""
    again: tuple[Call, ...]

    def taken_back(self, vault: Vault) -> Changed:
        """Take it back."""
        return self._made(vault, self.back, "undone")

    def made_again(self, vault: Vault) -> Changed:
        """Make it again."""
        return self._made(vault, self.again, "done again")

    def _made(self, vault: Vault, calls: tuple[Call, ...], how: str) -> Changed:
        for call in calls:
            call(vault)
        return Changed(f"{self.name}: {how}")


class Undo:
    """What can be taken back, and what was."""

    def __init__(self) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []

    def did(self, step: Step) -> None:
        """Remember a change; what had been undone can no longer be redone."""
        self._done = [*self._done, step][-DEPTH:]
        self._undone.clear()

    def undo(self) -> Step | None:
        """The change to take back now."""
        return self._shift(self._done, self._undone)

    def redo(self) -> Step | None:
        """The change to make again now."""
        return self._shift(self._undone, self._done)

    def clear(self) -> None:
        """Forget everything: after a lock, nothing of what was open may be told."""
        self._done.clear()
        self._undone.clear()

    @staticmethod
    def _shift(source: list[Step], target: list[Step]) -> Step | None:
        if not source:
            return None
        target.append(source.pop())
        return target[-1]


def created(entry: Entry) -> Step:
    """A new entry."""
    return Step("new entry", (lambda v: v.delete(entry.id),), (lambda v: v.restore(entry.id),))


def edited(old: Entry, new: Entry) -> Step:
    """A new revision of the text; going back makes one more with the text as it was."""
    before, after, moved = old.revisions[0], new.revisions[0], old.classification is not new.classification
    back: tuple[Call, ...] = (lambda v: v.restore(old.id, before),)
    return Step(
        "edit",
        ((lambda v: v.move(old.id, old.classification)), *back) if moved else back,
        (lambda v: v.restore(old.id, after),),
    )


def tagged(changes: Sequence[tuple[Entry, tuple[str, ...]]]) -> Step:
    """Other tags: (entry before, its tags now)."""
    return Step(
        f"tags of {entries(len(changes))}",
        tuple(_retag(old.id, old.tags) for old, _ in changes),
        tuple(_retag(old.id, tags) for old, tags in changes),
    )


def moved(before: Sequence[Entry], target: Classification) -> Step:
    """Another class; going back is a move again, and history keeps both."""
    return Step(
        f"move of {entries(len(before))} to {target}",
        tuple(call for old in before for call in moved_back(old)),
        tuple(_move(old.id, target) for old in before),
    )


def trashed(ids: Sequence[str]) -> Step:
    """Into the trash."""
    return Step(f"trash of {entries(len(ids))}", tuple(map(_restore, ids)), tuple(map(_delete, ids)))


def restored(ids: Sequence[str]) -> Step:
    """Out of the trash."""
    return Step(f"restore of {entries(len(ids))}", tuple(map(_delete, ids)), tuple(map(_restore, ids)))


def moved_back(old: Entry) -> tuple[Call, ...]:
    """Back to the class and the reason it had: a correction that was a mistake must teach nothing."""
    return _move(old.id, old.classification), lambda v: v.restore(old.id, old.revisions[0])


def _retag(entry_id: str, tags: tuple[str, ...]) -> Call:
    return lambda v: v.edit(entry_id, tags=tags)


def _move(entry_id: str, target: Classification) -> Call:
    return lambda v: v.move(entry_id, target)


def _restore(entry_id: str) -> Call:
    return lambda v: v.restore(entry_id)


def _delete(entry_id: str) -> Call:
    return lambda v: v.delete(entry_id)


def entries(number: int) -> str:
    """How many entries, in words."""
    return "1 entry" if number == 1 else f"{number:,} entries"
