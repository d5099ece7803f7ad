"""Writing: a new entry or another revision of one, in a field of the app.

Before a new entry is saved, the verdict is shown with its confidence and reason, and one key changes the class:
upward it could not be taken back later. What was typed stays in the field until it is safely kept.
"""

from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static, TextArea

from tui import pace, undo
from tui.keymap import bindings
from tui.line import SHORT
from tui.messages import Changed, Judged, Noted, NotKept
from tui.screens.asking import Confirm
from tui.screens.early import TypedEarly
from tui.thread import LATER, SOON
from tui.widgets.bars import KeyBar
from vault.classification import Classification
from vault.text import one_line, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.timer import Timer

    from tui.app import MemoryApp
    from vault.classify.verdict import Verdict
    from vault.entry import Entry
    from vault.vault import Vault

    Work = Callable[[Vault], list[Message]]


class Page(TextArea):
    """The text; what is pasted is cleaned."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("ctrl+home", "document(False)", show=False),
        Binding("ctrl+end", "document(True)", show=False),
    ]

    def action_document(self, end: bool) -> None:
        """To the beginning or the end of the text."""
        self.move_cursor(self.document.end if end else self.document.start)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":  # the base class would go to the next field
            event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        event.text = safe_text(event.text)
        await super()._on_paste(event)
        event.prevent_default()


class VerdictBar(Static, can_focus=True):
    """How the text would be filed; when it has the focus, a number changes the class and Enter saves."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        *(Binding(str(i), f"choose({i})", show=False) for i in range(1, len(Classification) + 1)),
        Binding("0", "choose(0)", show=False),
        Binding("enter", "agree", show=False),
        Binding("escape", "refuse", show=False),
    ]

    class Agreed(Message):
        """Save it so."""

    class Refused(Message):
        """Back to the text."""

    def __init__(self) -> None:
        super().__init__(id="verdict")
        self.verdict: Verdict | None = None
        self.chosen: Classification | None = None
        """What the person chose; None leaves it to the verdict."""

    def render(self) -> Content:
        """The verdict in two lines, the keys in a third while it has the focus."""
        if self.verdict is None:
            return Content.assemble(("how it will be filed shows here as you write", "$faint"))
        verdict = self.verdict
        label = self.chosen or verdict.label
        sure = "your choice" if self.chosen else f"{verdict.confidence:.0%}" if verdict.confidence else "unsure"
        tags = " ".join(f"#{safe_text(t, newlines=False)}" for t in verdict.tags)
        lines = Content.assemble(
            (f"{label.value} ", f"bold $class-{label.value}"),
            (f"{sure}  ", "bold"),
            (tags, "$accent"),
            "\n",
            (safe_text(verdict.reasoning, newlines=False), "$faint"),
        )
        for warning in verdict.warnings:
            lines = lines.append(Content.assemble("\n", (f"! {safe_text(warning, newlines=False)}", "$class-secret")))
        return lines.append(Content.assemble("\n", self._keys())) if self.has_focus else lines

    def _keys(self) -> Content:
        keys: list[tuple[str, str] | str] = [("Enter", "bold"), " saves   ", ("Esc", "bold"), " back to the text   "]
        for i, classification in enumerate(Classification, 1):
            name = classification.value if self.size.width > 112 else SHORT[classification]  # noqa: PLR2004
            keys += [(str(i), "bold"), " ", (name, f"$class-{classification.value}"), "  "]
        return Content.assemble(*keys)

    def action_choose(self, number: int) -> None:
        """That class; 0 leaves it to the verdict again."""
        self.chosen = list(Classification)[number - 1] if number else None
        self.refresh(layout=True)

    def action_agree(self) -> None:
        """Save."""
        self.post_message(self.Agreed())

    def action_refuse(self) -> None:
        """Not yet."""
        self.post_message(self.Refused())

    def on_focus(self) -> None:
        """Show the keys."""
        self.refresh(layout=True)

    def on_blur(self) -> None:
        """Hide them."""
        self.refresh(layout=True)


class EditorScreen(TypedEarly, Screen[None]):
    """A text being written."""

    BINDINGS = bindings("editor")
    app: "MemoryApp"

    def __init__(self, entry: "Entry | None" = None, text: str | None = None) -> None:
        """Edit *entry*, or write a new one; *text* is what to begin with instead of the entry's."""
        super().__init__(id="editor")
        self.entry = entry
        self._was = entry.text if entry else ""
        begin = text if text is not None else self._was
        self._begin = safe_text(begin)
        self._cleaned = self._begin != begin
        self._number = 0
        self._judged = -1
        self._pause: Timer | None = None
        self._saving = False

    def compose(self) -> ComposeResult:
        """Heading, text, verdict, keys."""
        old = self.entry
        what = (
            "new entry"
            if old is None
            else f"editing · {old.classification} · {safe_text(old.title or one_line(old.text), newlines=False)}"
        )
        yield Static(Content(f" {what}"), id="heading")
        yield Page(self._begin, id="page", soft_wrap=True, tab_behavior="indent", show_line_numbers=False)
        if old is None:
            yield VerdictBar()
        yield Static("", id="trouble")
        yield KeyBar("editor")

    def on_mount(self) -> None:
        """Write at once."""
        page = self.page
        page.focus()
        if self.entry is None:
            page.move_cursor(page.document.end)
            self._wait()
        if self._cleaned:
            self._trouble("invisible control characters are left out here, and go if you save", "")

    @property
    def page(self) -> Page:
        """The text."""
        return self.query_one("#page", Page)

    @property
    def dirty(self) -> bool:
        """Whether something would be lost."""
        return self.page.text.strip() != self._begin.strip() or (
            self.entry is not None and self._begin != safe_text(self._was)
        )

    # -- judging --------------------------------------------------------------------------------------

    @on(TextArea.Changed)
    def _typed(self) -> None:
        self._number += 1
        self._wait()

    def _wait(self) -> None:
        if self.entry is None:
            if self._pause is not None:
                self._pause.stop()
            self._pause = self.set_timer(pace.JUDGING, lambda: self._judge(LATER))

    def _judge(self, urgency: int) -> None:
        text, number = self.page.text, self._number
        if text.strip():
            self.app.ask(lambda v: Judged(number, v.classify(text)), self, urgency=urgency, group="judge", quiet=True)

    @on(Judged)
    def _verdict(self, message: Judged) -> None:
        if message.number == self._number and self.entry is None:
            bar = self.query_one(VerdictBar)
            bar.verdict = message.verdict
            self._judged = message.number
            bar.refresh(layout=True)

    # -- saving ---------------------------------------------------------------------------------------

    def action_save(self) -> None:
        """First the verdict, then, once more, the saving; an edited entry is saved at once."""
        if not self.page.text.strip():
            self._trouble("there is no text to keep", "Esc goes back")
        elif self.entry is not None or self.query_one(VerdictBar).has_focus:
            self._save()
        else:
            if self._judged != self._number:
                self._judge(SOON)
            self.set_focus(self.query_one(VerdictBar))

    @on(VerdictBar.Agreed)
    def _save(self) -> None:
        if self._saving:
            return
        self._saving = True
        self.app.thread.ask(self.job(), self.app.kept(self), self._not_kept, reads=False)

    def job(self) -> "Work":
        """What saves the text as it is now; for the vault's thread."""
        text, entry = self.page.text, self.entry
        if entry is not None:
            return lambda vault: _edit(vault, entry, text)
        chosen = self.query_one(VerdictBar).chosen
        return lambda vault: _capture(vault, text, chosen)

    def _not_kept(self, text: str, remedy: str) -> None:
        self.post_message(NotKept(text, remedy))

    @on(NotKept)
    def _still_here(self, message: NotKept) -> None:
        self._saving = False
        self._trouble(f"not saved: {message.text}", message.remedy or "your text is still here")
        self.page.focus()

    @on(VerdictBar.Refused)
    def _back_to_text(self) -> None:
        self.page.focus()

    def action_cancel(self) -> None:
        """Leave; what was written and not saved only after a confirmation."""
        if self.dirty:
            self.app.push_screen(Confirm("leave without saving?"), self._leave)
        else:
            self.dismiss()

    def _leave(self, sure: bool | None) -> None:
        if sure:
            self.dismiss()

    def _trouble(self, text: str, remedy: str) -> None:
        said = f"{text} ({remedy})" if remedy else text
        self.query_one("#trouble", Static).update(Content(safe_text(said, newlines=False)))
        self.set_class(True, "-trouble")


def _edit(vault: "Vault", old: "Entry", text: str) -> list[Message]:
    new = vault.edit(old.id, text, base=old.revisions)
    return [*map(Noted, new.warnings), Changed("saved", undo.edited(old, new), show=new.id)]


def _capture(vault: "Vault", text: str, chosen: Classification | None) -> list[Message]:
    new = vault.capture(text, chosen, source="tui")
    shut = new.classification not in vault.open_classes
    later = [Noted(f"{new.classification} is locked: sealed now, searchable after the next unlock")] if shut else []
    step = None if shut else undo.created(new)
    return [
        *map(Noted, new.warnings),
        *later,
        Changed(f"kept as {new.classification}", step, show="" if shut else new.id),
    ]
