"""What the browser can do to the entries that are chosen, or to the one under the cursor; all of it can be undone."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tui import undo
from tui.messages import Changed, Noted
from tui.screens.asking import AskLine, Confirm, PickClass
from vault.classification import Classification
from vault.text import safe_text

if TYPE_CHECKING:
    from tui.app import MemoryApp
    from tui.widgets.entry_list import EntryList
    from vault.entry import Entry
    from vault.vault import Vault

MOST = 10_000
"""Entries that can be chosen at once."""
_RAISED = (
    "what was sealed before stays in history under the old class; to be rid of it, purge the entry and write it anew"
)


class Changing:
    """The changing half of the browser."""

    if TYPE_CHECKING:
        app: MemoryApp
        entry: Entry | None
        listing: Any
        say: Callable[[str], None]
        with_entry: Callable[[Callable[[Entry], object]], None]

        @property
        def entries(self) -> EntryList:
            """The list."""
            ...

    # -- choosing -------------------------------------------------------------------------------------

    def action_select(self) -> None:
        """Choose the entry, or no longer, and go on to the next."""
        line = self.entries.line()
        if line is not None:
            self.entries.chosen ^= {line.id}
            self.entries.go(self.entries.cursor + 1)
            self.entries.refresh()
            self._say_chosen()

    def action_select_all(self) -> None:
        """Choose all that are listed, or none."""
        if self.entries.chosen:
            self.entries.chosen.clear()
        elif self.listing.order is None:
            self.entries.chosen = {line.id for line in self.entries.lines}
        else:
            self._choose_all(self.listing.order)
        self.entries.refresh()
        self._say_chosen()

    def _choose_all(self, order: Any) -> None:
        def ids(vault: "Vault") -> set[str]:
            found = vault.browsing.window(order, 0, MOST)
            return {item.row.id for item in found if item is not None}

        def chosen(found: set[str]) -> None:
            self.app.call_from_thread(self._chose, found)

        self.app.thread.ask(ids, chosen, self.app.failing())

    def _chose(self, ids: set[str]) -> None:
        self.entries.chosen = ids
        self.entries.refresh()
        self._say_chosen()

    def _say_chosen(self) -> None:
        number = len(self.entries.chosen)
        self.say(f"{number:,} chosen" if number else "")

    def _ids(self) -> list[str]:
        """The chosen entries in the list's order where that is known, else the one under the cursor."""
        if self.entries.chosen:
            return sorted(self.entries.chosen)
        line = self.entries.line()
        return [line.id] if line is not None else []

    def _change(self, work: "Callable[[Vault], Changed]") -> None:
        self.app.ask(work, self.app, reads=False)

    # -- tags -----------------------------------------------------------------------------------------

    def action_tag(self) -> None:
        """Ask for tags to put on and take off."""
        ids = self._ids()
        if ids:
            self.app.push_screen(
                AskLine(f"tags for {undo.entries(len(ids))}", "work -old: adds #work, takes #old off"),
                lambda said: self.tag(said, ids) if said else None,
            )

    def tag(self, said: str, ids: Sequence[str] | None = None) -> None:
        """Put tags on; those with a minus are taken off."""
        chosen = list(ids or self._ids())
        removed = {w[1:].casefold().lstrip("#") for w in said.split() if w.startswith("-")}
        added = [w.removeprefix("+").lstrip("#") for w in said.split() if not w.startswith("-")]

        def work(vault: "Vault") -> Changed:
            changes = []
            for entry_id in chosen:
                old = vault.get(entry_id, trash=False)
                tags = tuple(dict.fromkeys([*(t for t in old.tags if t not in removed), *added]))
                changes.append((old, vault.edit(old.id, tags=tags).tags))
            return Changed(f"tagged {undo.entries(len(chosen))}", undo.tagged(changes))

        self._change(work)

    # -- classes --------------------------------------------------------------------------------------

    def action_move(self) -> None:
        """Ask for the class to file them under."""
        ids = self._ids()
        if ids:
            self.app.push_screen(
                PickClass(f"file {undo.entries(len(ids))} under"), lambda to: self.move(to, ids) if to else None
            )

    def move(self, target: Classification, ids: Sequence[str] | None = None) -> None:
        """File entries under *target*."""
        chosen = list(ids or self._ids())

        def work(vault: "Vault") -> Changed:
            old = [vault.get(i, trash=False) for i in chosen]
            for entry in old:
                vault.move(entry.id, target)
            if any(target.level > e.level for e in old):
                self.app.post_message(Noted(f"raised to {target}: {_RAISED}"))
            return Changed(f"moved {undo.entries(len(old))} to {target}", undo.moved(old, target))

        self._change(work)

    # -- trash ----------------------------------------------------------------------------------------

    def action_trash(self) -> None:
        """Into the trash; in the trash, out of it."""
        ids = self._ids()
        if not ids:
            return

        def work(vault: "Vault") -> Changed:
            if self.listing.trash:
                for entry_id in ids:
                    vault.restore(entry_id)
                return Changed(f"restored {undo.entries(len(ids))}", undo.restored(ids))
            for entry_id in ids:
                vault.delete(entry_id)
            return Changed(f"put {undo.entries(len(ids))} in the trash (u undoes it)", undo.trashed(ids))

        self._change(work)

    # -- undo -----------------------------------------------------------------------------------------

    def action_undo(self) -> None:
        """Take the last change back."""
        self._again(self.app.undo.undo(), "undone")

    def action_redo(self) -> None:
        """Make it again."""
        self._again(self.app.undo.redo(), "done again")

    def _again(self, step: undo.Step | None, done: str) -> None:
        if step is None:
            self.say("nothing to undo" if done == "undone" else "nothing to do again")
            return

        def work(vault: "Vault") -> Changed:
            for call in step.back if done == "undone" else step.again:
                call(vault)
            return Changed(f"{step.name}: {done}")

        self._change(work)

    # -- writing --------------------------------------------------------------------------------------

    def action_create(self) -> None:
        """A new entry; what was searched for in vain is its beginning."""
        from tui.screens.editor import EditorScreen

        sought = " ".join(self.listing.terms) if not self.entries.total else ""
        text = self.listing.query.text if sought else ""
        self.app.push_screen(EditorScreen(text=f"{text}\n" if text else ""))

    def action_edit(self) -> None:
        """Edit the entry here, in the app."""
        from tui.screens.editor import EditorScreen

        self.with_entry(lambda entry: None if entry.deleted else self.app.push_screen(EditorScreen(entry)))

    def action_editor(self) -> None:
        """Edit it in the person's own editor, which may keep what it likes: not for secrets."""
        self.with_entry(self._edit_outside)

    def _edit_outside(self, entry: "Entry") -> None:
        if entry.deleted:
            return
        if entry.level > Classification.CONFIDENTIAL.level:
            self.app.show_error(f"{entry.classification} is edited here only", "press e")
            return
        from tui.screens.editor import EditorScreen

        text = self.app.aside(lambda terminal: terminal.edit(entry.text))
        if text is not None and text != entry.text and text.strip():
            screen = EditorScreen(entry, text=text)
            self.app.push_screen(screen)
            screen.call_after_refresh(screen.action_save)

    def action_history(self) -> None:
        """Its revisions."""
        from tui.screens.history import HistoryScreen

        self.with_entry(lambda entry: self.app.push_screen(HistoryScreen(entry)))

    # -- out ------------------------------------------------------------------------------------------

    def action_links(self) -> None:
        """Choose one of its links, see it whole, open it."""
        from tui.rendering import links
        from tui.screens.asking import PickOne

        def choose(entry: "Entry") -> None:
            if found := links(entry.text):
                self.app.push_screen(PickOne("open in the browser", found), self._open_link)
            else:
                self.say("no links here")

        self.with_entry(choose)

    def _open_link(self, address: str | None) -> None:
        if address is None:
            return

        def open_it(sure: bool | None) -> None:
            if sure:
                import webbrowser

                webbrowser.open(address)

        self.app.push_screen(Confirm(f"open {safe_text(address, newlines=False)}?"), open_it)

    def action_export(self) -> None:
        """Ask for a folder."""
        ids = self._ids()
        if ids:
            self.app.push_screen(
                AskLine(f"write {undo.entries(len(ids))} in clear to the folder", "~/clear"),
                lambda folder: self.export_to(folder) if folder else None,
            )

    def export_to(self, folder: str) -> None:
        """Write the chosen entries in clear, after a confirmation."""
        ids = self._ids()
        if not ids or not folder.strip():
            return
        self.app.push_screen(
            Confirm(f"write {undo.entries(len(ids))} in clear to {safe_text(folder, newlines=False)}?"),
            lambda sure: self.app.export(folder, ids) if sure else None,
        )

    def action_timeline(self) -> None:
        """Chronological entries by day."""
        from tui.screens.timeline import TimelineScreen

        self.app.push_screen(TimelineScreen())

    def action_review(self) -> None:
        """What wants a look."""
        from tui.screens.review import ReviewScreen

        self.app.push_screen(ReviewScreen())

    def action_stats(self) -> None:
        """Charts."""
        from tui.screens.stats import StatsScreen

        self.app.push_screen(StatsScreen())

    def action_locks(self) -> None:
        """The classes and their locks."""
        from tui.screens.locking import LocksScreen

        self.app.push_screen(LocksScreen())
