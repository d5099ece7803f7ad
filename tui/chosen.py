"""The entries that are chosen, or the one under the cursor, and what can be done to them; all of it can be undone."""

from typing import TYPE_CHECKING

from tui import undo
from tui.messages import Changed, Noted
from tui.screens.asking import AskLine, Confirm, PickClass
from vault.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.app import MemoryApp
    from tui.widgets.results import Results
    from vault.classification import Classification
    from vault.vault import Vault

    Change = Callable[[Vault], Changed]

_RAISED = (
    "what was sealed before stays in history under the old class; to be rid of it, purge the entry and write it anew"
)


class Chosen:
    """What a person means by "these"; each verb asks what it must know and is one step of undo."""

    def __init__(self, app: "MemoryApp", results: "Results", say: "Callable[[str], object]") -> None:
        """Of *results*; how many they are goes to *say*."""
        self._app, self._results, self._say = app, results, say

    @property
    def ids(self) -> list[str]:
        """Ids of the chosen entries, else of the one under the cursor."""
        if self._results.chosen:
            return sorted(self._results.chosen)
        line = self._results.line()
        return [line.id] if line is not None else []

    def choose(self) -> None:
        """Choose the entry, or no longer, and go on to the next."""
        self._results.choose()
        self._count()

    def choose_all(self) -> None:
        """Choose all that are listed, or none."""
        self._results.choose_all(self._count)

    def _count(self) -> None:
        number = len(self._results.chosen)
        self._say(f"{number:,} chosen" if number else "")

    # -- tags -----------------------------------------------------------------------------------------

    def ask_tags(self) -> None:
        """Ask for tags to put on and take off."""
        if ids := self.ids:
            self._app.push_screen(
                AskLine(f"tags for {undo.entries(len(ids))}", "work -old: adds #work, takes #old off"),
                lambda said: self.tag(said, ids) if said else None,
            )

    def tag(self, said: str, ids: "Sequence[str] | None" = None) -> None:
        """Put the tags in *said* on; those with a minus are taken off."""
        self._app.change(_tagging(ids or self.ids, said))

    # -- classes --------------------------------------------------------------------------------------

    def ask_class(self) -> None:
        """Ask for the class to file them under."""
        if ids := self.ids:
            self._app.push_screen(
                PickClass(f"file {undo.entries(len(ids))} under"), lambda to: self.move(to, ids) if to else None
            )

    def move(self, target: "Classification", ids: "Sequence[str] | None" = None) -> None:
        """File them under *target*."""
        self._app.change(_moving(ids or self.ids, target, self._raised))

    def _raised(self, target: "Classification") -> None:
        self._app.post_message(Noted(f"raised to {target}: {_RAISED}"))

    # -- trash ----------------------------------------------------------------------------------------

    def trash(self) -> None:
        """Into the trash; in the trash, out of it."""
        ids = self.ids
        many = undo.entries(len(ids))
        if ids and self._results.listing.trash:
            self._app.change(_each(ids, lambda v, i: v.restore(i), Changed(f"restored {many}", undo.restored(ids))))
        elif ids:
            done = Changed(f"put {many} in the trash (u undoes it)", undo.trashed(ids))
            self._app.change(_each(ids, lambda v, i: v.delete(i), done))

    # -- out ------------------------------------------------------------------------------------------

    def ask_folder(self) -> None:
        """Ask for a folder to write them to in clear."""
        if ids := self.ids:
            self._app.push_screen(
                AskLine(f"write {undo.entries(len(ids))} in clear to the folder", "~/clear"),
                lambda folder: self.export(folder, ids) if folder else None,
            )

    def export(self, folder: str, ids: "Sequence[str] | None" = None) -> None:
        """Write them in clear to *folder*, after a confirmation."""
        from tui.working import exporting

        chosen = ids or self.ids
        if chosen and folder.strip():
            self._app.push_screen(
                Confirm(f"write {undo.entries(len(chosen))} in clear to {safe_text(folder, newlines=False)}?"),
                lambda sure: self._app.begin(exporting(folder, chosen)) if sure else None,
            )


def _tagging(ids: "Sequence[str]", said: str) -> "Change":
    removed = {w[1:].casefold().lstrip("#") for w in said.split() if w.startswith("-")}
    added = [w.removeprefix("+").lstrip("#") for w in said.split() if not w.startswith("-")]

    def tag(vault: "Vault") -> Changed:
        changes = []
        for entry_id in ids:
            old = vault.get(entry_id, trash=False)
            tags = tuple(dict.fromkeys([*(t for t in old.tags if t not in removed), *added]))
            changes.append((old, vault.edit(old.id, tags=tags).tags))
        return Changed(f"tagged {undo.entries(len(ids))}", undo.tagged(changes))

    return tag


def _moving(ids: "Sequence[str]", target: "Classification", raised: "Callable[[Classification], object]") -> "Change":
    def move(vault: "Vault") -> Changed:
        old = [vault.get(i, trash=False) for i in ids]
        for entry in old:
            vault.move(entry.id, target)
        if any(target.level > e.level for e in old):
            raised(target)
        return Changed(f"moved {undo.entries(len(old))} to {target}", undo.moved(old, target))

    return move


def _each(ids: "Sequence[str]", do: "Callable[[Vault, str], object]", done: Changed) -> "Change":
    def change(vault: "Vault") -> Changed:
        for entry_id in ids:
            do(vault, entry_id)
        return done

    return change
