"""Facets, list and entry side by side: how wide each is, and what of one leads to the others."""

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from tui import pace
from tui.messages import Faceted
from tui.widgets.entry_list import EntryList
from tui.widgets.facet_list import FacetList
from tui.widgets.fields import SearchField
from tui.widgets.preview import Preview
from tui.widgets.results import Results
from tui.widgets.scrolled import Scrolled

if TYPE_CHECKING:
    from tui.app import MemoryApp

WIDE = 110
"""Columns from which facets have room beside list and entry."""
_STEP = 4
_LEAST_LIST, _LEAST_ENTRY = 24, 30
"""Columns that list and entry keep."""


class Panes(Horizontal):
    """The three panes; as many of them are seen as there is room for."""

    app: "MemoryApp"

    def __init__(self, *, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._facets_wanted: bool | None = None
        """Whether the person wants facets; None leaves it to the width."""

    def compose(self) -> ComposeResult:
        """From left to right."""
        results = Results(id="list")
        yield FacetList(id="facets")
        yield results
        yield Preview(lambda: results.listing.terms, id="right")

    @property
    def facets(self) -> FacetList:
        """How what is listed is spread."""
        return self.query_one("#facets", FacetList)

    @property
    def results(self) -> Results:
        """The list."""
        return self.query_one("#list", Results)

    @property
    def preview(self) -> Preview:
        """The entry under the cursor."""
        return self.query_one("#right", Preview)

    @property
    def moving(self) -> Scrolled:
        """What the keys move in: the pane that has the focus, else the list."""
        focused = self.screen.focused
        return focused if isinstance(focused, Scrolled) else self.results

    # -- contents -------------------------------------------------------------------------------------

    def ask(self, text: str | None = None) -> None:
        """List anew, for *text* if given."""
        self.preview.hold()
        self.results.ask(text)

    def ask_again(self, show: str) -> None:
        """After a change: the same list and entry, or the entry *show*."""
        self.preview.hold()
        here = self.preview.entry
        self.results.ask_again(show or (here.id if here else None))
        if here is not None:
            self.preview.open(show or here.id)

    def forget(self) -> None:
        """Hold nothing of any entry: what a lock demands."""
        self.results.forget()
        self.preview.clear()
        self.facets.show(None)
        self.set_class(False, "-reading")

    @on(EntryList.Highlighted)
    def _highlighted(self, message: EntryList.Highlighted) -> None:
        if message.line is None:
            self.preview.clear()
        else:
            typing = isinstance(self.screen.focused, SearchField)
            self.preview.glance(message.line.id, pace.TYPING if typing else pace.GLANCE)

    @on(EntryList.Activated)
    def _activated(self) -> None:
        self.read()

    @on(Results.Settled)
    def _ask_facets(self) -> None:
        if self.facets.display:
            self.results.listing.facets(self.app.locks.opened, self.post_message)

    @on(Faceted)
    def _faceted(self, message: Faceted) -> None:
        listing = self.results.listing
        if message.number == listing.number:
            self.facets.show(message.facets, frozenset(listing.text.split()))

    # -- room -----------------------------------------------------------------------------------------

    def read(self) -> None:
        """The entry over the full width, or back; in the list of neighbours, the entry there."""
        near = self.preview.near
        if self.screen.focused is near and (line := near.line()) is not None:
            self.preview.open(line.id)
            return
        reading = not self.has_class("-reading")
        self.set_class(reading, "-reading")
        (self.preview.reader if reading else self.results).focus()

    def toggle_facets(self) -> None:
        """Show or hide them."""
        self._facets_wanted = not self.facets.display
        self.make_room()

    def widen(self, steps: int) -> None:
        """Give the list more room, or with less than none the entry."""
        width = self.results.size.width + steps * _STEP
        self.results.styles.width = max(_LEAST_LIST, min(width, self.size.width - _LEAST_ENTRY))

    def on_resize(self) -> None:
        """As many panes as there is room for."""
        self.make_room()

    def make_room(self) -> None:
        """Facets where they are wanted or have room; in a narrow window they take the entry's."""
        wide = self.app.size.width >= WIDE
        shown = self.facets.display
        self.facets.display = wide if self._facets_wanted is None else self._facets_wanted
        self.set_class(not wide and self.facets.display, "-crowded")
        if self.facets.display and not shown:
            self._ask_facets()
