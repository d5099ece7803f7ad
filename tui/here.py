"""The entry that the cursor is on, and what is done with one entry at a time: edited, looked into, its links opened."""

from typing import TYPE_CHECKING

from tui.screens.asking import Confirm, PickOne
from vault.classification import Classification
from vault.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.app import MemoryApp
    from tui.widgets.preview import Preview
    from vault.entry import Entry


class Here:
    """What a person means by "this"."""

    def __init__(self, app: "MemoryApp", preview: "Preview", say: "Callable[[str], object]") -> None:
        """In *preview*; what there is not goes to *say*."""
        self._app, self._preview, self._say = app, preview, say

    def edit(self) -> None:
        """Edit it in the app."""
        self._preview.with_entry(self._edit)

    def _edit(self, entry: "Entry") -> None:
        from tui.screens.editor import EditorScreen

        if not self._in_trash(entry):
            self._app.push_screen(EditorScreen(entry))

    def edit_outside(self) -> None:
        """Edit it in the person's own editor, which may keep what it likes: not for secrets."""
        self._preview.with_entry(self._edit_outside)

    def _edit_outside(self, entry: "Entry") -> None:
        from tui.screens.editor import EditorScreen

        if self._in_trash(entry):
            return
        if entry.level > Classification.CONFIDENTIAL.level:
            self._app.show_error(f"{entry.classification} is edited here only", "press e")
            return
        text = self._app.aside(lambda terminal: terminal.edit(entry.text))
        if text is not None and text != entry.text and text.strip():
            screen = EditorScreen(entry, text=text)
            self._app.push_screen(screen)
            screen.call_after_refresh(screen.action_save)

    def _in_trash(self, entry: "Entry") -> bool:
        if entry.deleted:
            self._say("it is in the trash: d restores it")
        return entry.deleted

    def show_history(self) -> None:
        """Its revisions."""
        from tui.screens.history import HistoryScreen

        self._preview.with_entry(lambda entry: self._app.push_screen(HistoryScreen(entry)))

    def ask_link(self) -> None:
        """Choose one of its links, see it whole, open it."""
        self._preview.with_entry(self._ask_link)

    def _ask_link(self, entry: "Entry") -> None:
        from tui.rendering import links

        if found := links(entry.text):
            self._app.push_screen(PickOne("open in the browser", found), self._open_link)
        else:
            self._say("no links here")

    def _open_link(self, address: str | None) -> None:
        if address is None:
            return

        def open_it(sure: bool | None) -> None:
            if sure:
                import webbrowser

                webbrowser.open(address)

        self._app.push_screen(Confirm(f"open {safe_text(address, newlines=False)}?"), open_it)
