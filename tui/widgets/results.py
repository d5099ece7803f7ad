"""The list of what the person asked for: it asks the vault through a `Listing` and shows the answers as they come."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from tui import pace
from tui.listing import Listing
from tui.messages import Filled, Found, Listed, Noted, NotFound
from tui.widgets.entry_list import EntryList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.timer import Timer

    from tui.app import MemoryApp
    from vault.browsing import Order
    from vault.vault import Vault

MOST = 10_000
"""Entries that can be chosen at once."""


class Results(EntryList):
    """Entries that are listed or found: by words while somebody types, by all that the mode asks for in a pause."""

    app: "MemoryApp"

    @dataclass
    class Counted(Message):
        """How many there are, in words."""

        said: str

    class Settled(Message):
        """The person pauses: there is time for what nobody waits for."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id, empty="reading…")
        self.listing = Listing(self.app.thread, self.post_message)
        self._keep: str | None = None
        """Entry that the cursor should stand on when the answer is here."""
        self._place = 0
        """Line to go to, where lines are not known by their entries."""
        self._pause: Timer | None = None
        self._noted: set[str] = set()
        """What was said about questions; once is enough."""

    # -- asking ---------------------------------------------------------------------------------------

    def ask(self, text: str | None = None, keep: str | None = None) -> None:
        """Ask anew, for *text* if given; the cursor stays with entry *keep*."""
        if text is not None:
            self._place = 0
        self._keep = keep or (line.id if text is None and (line := self.line()) else None)
        self.listing.seen = self.seen
        self._wait(None if self.listing.ask(text) else self._settle)

    def ask_again(self, keep: str | None) -> None:
        """After a change: the same question, the cursor where it was or on entry *keep*."""
        self.chosen.clear()
        self._place = self.cursor
        self.ask(keep=keep)

    def forget(self) -> None:
        """Hold nothing of any entry, and expect nothing more."""
        self._wait(None)
        self._noted.clear()
        self.listing.forget()
        self.clear("everything is locked: U unlocks")
        self.post_message(self.Counted(""))

    def _wait(self, then: "Callable[[], object] | None") -> None:
        """Do *then* unless something is asked before."""
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(pace.PAUSE, then) if then is not None else None

    def _refine(self) -> None:
        self.listing.refine()
        self._pause = self.set_timer(pace.REST, self._settle)

    def _settle(self) -> None:
        self.post_message(self.Settled())

    # -- being answered -------------------------------------------------------------------------------

    @on(Listed)
    def _listed(self, message: Listed) -> None:
        if message.number != self.listing.number:
            return
        more = self.listing.order is not None
        self.listing.listed(message.order)
        self.empty = self._nothing()
        if more:
            self.grow(len(message.order))
        else:
            self.show(len(message.order))
            if self._keep is not None:
                self.go(self._place)
            self._place = 0
        whole = "" if message.order.whole else "+"
        what = "in the trash" if self.listing.trash else "entry" if len(message.order) == 1 else "entries"
        self.post_message(self.Counted(f"{len(message.order):,}{whole} {what}"))

    @on(Found)
    def _found(self, message: Found) -> None:
        if message.number != self.listing.number:
            return
        on_it = self.line()
        moved = self.cursor > 0
        keep = on_it.id if message.final and on_it is not None and moved else self._keep
        self.empty = self._nothing()
        self.show(len(message.lines), message.lines, keep=keep)
        if message.final:
            self._note(message.notes)
        else:  # only now: what is quick must not wait behind what is thorough
            self._wait(self._refine)
        more = "" if message.final else "+"
        self.post_message(self.Counted(f"{len(message.lines)}{more} hit{'s' if len(message.lines) != 1 else ''}"))

    def _note(self, notes: "Sequence[str]") -> None:
        for note in notes:
            if note not in self._noted:
                self._noted.add(note)
                self.app.post_message(Noted(note))

    @on(NotFound)
    def _not_found(self, message: NotFound) -> None:
        if message.number == self.listing.number:
            self.clear(message.text)
            self.post_message(self.Counted(""))

    @on(EntryList.Wanted)
    def _fetch(self, message: EntryList.Wanted) -> None:
        message.stop()
        self.listing.fill(message.first, message.end)

    @on(Filled)
    def _filled(self, message: Filled) -> None:
        if message.number == self.listing.number:
            self.fill(message.start, message.lines)

    def _nothing(self) -> str:
        """What an empty list says."""
        if not self.app.locks.opened:
            return "everything is locked: U unlocks"
        if self.listing.trash:
            return "the trash is empty"
        if self.listing.text.strip():
            return "nothing found: n keeps it as a new entry"
        return "no entries yet: n writes the first"

    # -- choosing -------------------------------------------------------------------------------------

    def choose(self) -> None:
        """Choose the entry under the cursor, or no longer, and go on to the next."""
        if (line := self.line()) is not None:
            self.chosen ^= {line.id}
            self.go(self.cursor + 1)
            self.refresh()

    def choose_all(self, then: "Callable[[], object]") -> None:
        """Choose all that are listed, or none; *then* is called when it is done."""

        def chose(ids: set[str]) -> None:
            self.chosen = ids
            self.refresh()
            then()

        if self.chosen:
            chose(set())
        elif self.listing.order is None:
            chose({line.id for line in self.lines})
        else:
            order = self.listing.order
            self.app.thread.ask(
                lambda vault: _ids(vault, order),
                lambda ids: self.app.call_from_thread(chose, ids),
                self.app.failing(),
            )


def _ids(vault: "Vault", order: "Order") -> set[str]:
    return {item.row.id for item in vault.browsing.window(order, 0, MOST) if item is not None}
