"""The entry that the cursor is on, and below it what stands near it in meaning and what links to it."""

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tui import pace
from tui.line import of_item
from tui.messages import Neighboured, Opened
from tui.thread import LATER
from tui.widgets.entry_list import EntryList
from tui.widgets.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.timer import Timer

    from tui.app import MemoryApp
    from vault.entry import Entry


class Preview(Vertical):
    """Reads the entry of a line once the cursor rests there; who acts on it at once acts on no other."""

    app: "MemoryApp"

    def __init__(self, terms: "Callable[[], tuple[str, ...]]", *, id: str) -> None:  # noqa: A002
        """*terms* gives the words that are marked in a text."""
        super().__init__(id=id)
        self.entry: Entry | None = None
        """What is shown."""
        self._terms = terms
        self._coming = ""
        """Id of the entry that is asked for, or will be."""
        self._then: Callable[[Entry], object] | None = None
        self._glance: Timer | None = None
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        """The entry over its neighbours."""
        yield Reader(id="reader", empty="")
        yield Static("", id="near-title")
        yield EntryList(id="near", empty="", tall=False, quiet=True)

    @property
    def reader(self) -> Reader:
        """The entry."""
        return self.query_one("#reader", Reader)

    @property
    def near(self) -> EntryList:
        """What stands near it."""
        return self.query_one("#near", EntryList)

    def glance(self, entry_id: str, wait: float) -> None:
        """The cursor is on an entry: read it if it is still there after *wait* seconds."""
        if self._glance is not None:
            self._glance.stop()
        self._coming = entry_id
        self._glance = self.set_timer(wait, lambda: self.open(entry_id))

    def hold(self) -> None:
        """Ask for nothing more by itself: the list is being asked for anew."""
        for timer in filter(None, (self._glance, self._rest)):
            timer.stop()

    def open(self, entry_id: str) -> None:
        """Show an entry."""
        self._coming = entry_id
        self.app.ask(lambda v: Opened(v.get(entry_id)), self, group="entry")

    def with_entry(self, act: "Callable[[Entry], object]") -> None:
        """*act* on the entry that the cursor is on: a quick hand must not change the one still shown."""
        if self._coming and (self.entry is None or self.entry.id != self._coming):
            self._then = act
            self.open(self._coming)
        elif self.entry is not None:
            act(self.entry)

    def clear(self) -> None:
        """Hold nothing any more."""
        self.hold()
        self.entry, self._coming, self._then = None, "", None
        self.reader.clear()
        self.near.clear()
        self.set_class(False, "-near")

    @on(Opened)
    def _opened(self, message: Opened) -> None:
        if message.entry.id != self._coming:
            return  # the cursor has gone on since
        self._coming = ""
        self.entry = message.entry
        self.reader.show(message.entry, self._terms())
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(pace.REST, self._look_around)
        then, self._then = self._then, None
        if then is not None:
            then(message.entry)

    def _look_around(self) -> None:
        if (entry := self.entry) is not None:
            self.app.ask(
                lambda v: Neighboured(entry.id, v.browsing.related(entry)),
                self,
                urgency=LATER,
                group="near",
                quiet=True,
            )

    @on(Neighboured)
    def _neighboured(self, message: Neighboured) -> None:
        if self.entry is None or self.entry.id != message.entry_id:
            return
        related = message.related
        links = [of_item(i) for i in related.backlinks]
        lines = [*links, *(line for i in related.near if (line := of_item(i)).id not in {link.id for link in links})]
        self.near.show(len(lines), lines)
        said = [f"{len(links)} link{'s' if len(links) != 1 else ''} here"] if links else []
        if len(lines) > len(links):
            said.append("near in meaning" if related.by_meaning else "near in words")
        self.query_one("#near-title", Static).update(f" {' · '.join(said).upper()}", layout=False)
        self.set_class(bool(lines), "-near")

    @on(EntryList.Highlighted)
    def _passed(self, message: EntryList.Highlighted) -> None:
        message.stop()  # neighbours are read when they are pressed

    @on(EntryList.Activated)
    def _pressed(self, message: EntryList.Activated) -> None:
        message.stop()
        self.open(message.line.id)
