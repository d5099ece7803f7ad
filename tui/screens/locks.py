"""Which classes are open, for how long, and what is in them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.widgets.option_list import Option

from tui.keymap import bindings
from tui.locks import span
from tui.messages import LocksChanged, Told
from tui.undo import entries
from tui.widgets.moving import Choices
from vault.classification import Classification

if TYPE_CHECKING:
    from tui.app import MemoryApp


@dataclass
class _Counted(Told):
    counts: dict[Classification, tuple[int, int]]
    """Class → entries that live and that are in the trash."""


class LocksScreen(ModalScreen[None]):
    """The five classes."""

    BINDINGS = [*bindings("locks"), Binding("escape,q,K", "dismiss", show=False)]  # noqa: RUF012 (Textual's way)
    app: "MemoryApp"

    def __init__(self) -> None:
        super().__init__(id="locks-screen")
        self._counts: dict[Classification, tuple[int, int]] = {}

    def compose(self) -> ComposeResult:
        """A line a class, and the keys."""
        with Vertical(classes="box"):
            yield Static("", id="lock-rule", classes="question")
            yield Choices(compact=True)
            yield Static(
                Content.assemble(
                    ("Enter", "bold"), " unlocks   ", ("l", "bold"), " locks everything   ", ("Esc", "bold"), " back"
                ),
                classes="keys",
            )

    def on_mount(self) -> None:
        """Count, and keep the times going."""
        self.query_one(Choices).focus()
        self._draw()
        self.set_interval(1.0, self._draw)
        self._count()

    def _count(self) -> None:
        self.app.ask(lambda v: _Counted(v.counts()), self, quiet=True)

    @on(_Counted)
    def _counted(self, message: _Counted) -> None:
        self._counts = message.counts
        self._draw()

    @on(LocksChanged)
    def _changed(self) -> None:
        self._count()

    def _draw(self) -> None:
        listed = self.query_one(Choices)
        place = listed.highlighted or 0
        options = [Option(self._said(c)) for c in Classification]
        listed.set_options(options)
        listed.highlighted = place
        left = self.app.locks.left
        self.query_one("#lock-rule", Static).update(
            "everything is locked" if not self.app.locks.opened
            else f"locks by itself in {span(left)} without a key" if left is not None
            else "stays open until you lock it"
        )  # fmt: skip

    def _said(self, classification: Classification) -> Content:
        since = self.app.locks.open_for(classification)
        state = "locked" if since is None else f"open for {span(since)}"
        living, trash = self._counts.get(classification, (0, 0))
        many = "" if since is None else entries(living) + (f", {trash:,} in the trash" if trash else "")
        return Content.assemble(
            ("● " if since is not None else "○ ", f"$class-{classification.value}"),
            (f"{classification.value:<14}", f"$class-{classification.value}"),
            (f"level {classification.level}  ", "$faint"),
            f"{state:<16}",
            (many, "$faint"),
        )

    @on(Choices.OptionSelected)
    def _selected(self) -> None:
        self.action_open_class()

    def action_open_class(self) -> None:
        """Unlock the class here."""
        wanted = list(Classification)[self.query_one(Choices).highlighted or 0]
        if wanted not in self.app.locks.opened:
            self.app.locking.unlock(wanted)

    def action_close_class(self) -> None:
        """Lock everything."""
        self.app.locking.lock()
