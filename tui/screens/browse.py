"""The place to live in: search above, facets and entries left, the entry right, what stands near it below."""

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input, Static

from tui.keymap import bindings
from tui.line import of_item
from tui.listing import KINDS, Listing, NotFound
from tui.messages import (
    Changed,
    Faceted,
    Filled,
    Finished,
    Found,
    Listed,
    LocksChanged,
    Neighboured,
    Opened,
    Progressed,
)
from tui.screens.changing import Changing
from tui.thread import LATER
from tui.widgets.bars import KeyBar, LockBar, WorkBar
from tui.widgets.entry_list import EntryList
from tui.widgets.facet_list import FacetList
from tui.widgets.fields import SearchField
from tui.widgets.reader import Reader
from vault.search.search import MODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.timer import Timer

    from tui.app import MemoryApp
    from vault.browsing import Facets
    from vault.entry import Entry

WIDE = 110
"""Columns from which facets have room beside list and entry."""
PAUSE = 0.15
"""Seconds without a keystroke after which a search is completed."""
REST = 0.3
"""Seconds on one entry after which its neighbours are looked for."""
GLANCE = 0.06
"""Seconds on a line after which its entry is read: who runs through the list wants the list."""
TYPING = 0.2
"""The same while a query is being typed: who types wants the results."""
_STEP = 4


class BrowseScreen(Changing, Screen[None]):
    """List, preview, search."""

    BINDINGS = bindings("browse")
    app: "MemoryApp"

    def __init__(self) -> None:
        super().__init__(id="browse")
        self.listing = Listing(self.app.thread, self.post_message)
        self.entry: Entry | None = None
        self._coming = ""
        self._then: Callable[[Entry], object] | None = None
        self._keep: str | None = None
        self._pause: Timer | None = None
        self._rest: Timer | None = None
        self._glance: Timer | None = None
        self._facets_wanted: bool | None = None
        self._facets: tuple[int, Facets] | None = None
        """Of which question, and as far as it is answered."""
        self._list_width = 0

    def compose(self) -> ComposeResult:
        """Top line, three panes, two lines below."""
        with Horizontal(id="top"):
            yield Static("memory", id="name")
            yield Static("/", id="slash")
            yield SearchField(id="search", placeholder='search: words, "phrases", tag:… class:… after:…')
            yield Static("", id="mode")
        with Horizontal(id="body"):
            yield FacetList(id="facets")
            yield EntryList(id="list", empty="reading…")
            with Vertical(id="right"):
                yield Reader(id="reader", empty="")
                yield Static("", id="near-title")
                yield EntryList(id="near", empty="", tall=False, quiet=True)
        yield WorkBar(id="work")
        yield LockBar(id="locks")
        yield KeyBar("browse")

    def on_mount(self) -> None:
        """Begin with everything, newest first."""
        self.set_focus(self.entries)  # at once: a focus that came later would take a search that has begun already
        self._arrange()
        self._show_mode()
        self.refresh_list()

    # -- parts ----------------------------------------------------------------------------------------

    @property
    def entries(self) -> EntryList:
        """The list."""
        return self.query_one("#list", EntryList)

    @property
    def near(self) -> EntryList:
        """What stands near the entry."""
        return self.query_one("#near", EntryList)

    @property
    def reader(self) -> Reader:
        """The entry."""
        return self.query_one("#reader", Reader)

    @property
    def bar(self) -> LockBar:
        """The line of the locks."""
        return self.query_one("#locks", LockBar)

    # -- asking and being answered --------------------------------------------------------------------

    def refresh_list(self, text: str | None = None, keep: str | None = None) -> None:
        """Ask anew, for *text* if given; the cursor stays with entry *keep*."""
        self._keep = keep or (line.id if text is None and (line := self.entries.line()) else None)
        for timer in filter(None, (self._pause, self._glance, self._rest)):
            timer.stop()
        self.listing.seen = self.entries.seen
        if not self.listing.ask(text):
            self._pause = self.set_timer(PAUSE, self._ask_facets)

    def _paused(self) -> None:
        self.listing.refine()
        self._pause = self.set_timer(REST, self._ask_facets)

    def _ask_facets(self) -> None:
        if self.query_one("#facets").display:
            self.listing.facets()

    @on(Listed)
    def _listed(self, message: Listed) -> None:
        if message.number != self.listing.number:
            return
        more = self.listing.order is not None
        self.listing.listed(message.order)
        self._empty()
        if more:
            self.entries.grow(len(message.order))
        else:
            self.entries.show(len(message.order), keep=None)
            self._return_to(message.order.keys, len(message.order))
        whole = "" if message.order.whole else "+"
        self.bar.count = f"{len(message.order):,}{whole} {'in the trash' if self.listing.trash else 'entries'}"

    def _return_to(self, _keys: object, total: int) -> None:
        """After a change the list is read anew; the cursor goes back to where it was."""
        if self._keep is not None and total:
            self.entries.go(self._place)
        self._place = 0

    _place = 0

    @on(Found)
    def _found(self, message: Found) -> None:
        if message.number != self.listing.number:
            return
        lines = message.lines
        on_it = self.entries.line()
        moved = self.entries.cursor > 0
        keep = on_it.id if message.final and on_it is not None and moved else self._keep
        self._empty()
        self.entries.show(len(lines), lines, keep=keep)
        if not message.final and self._pause is not None:
            self._pause.stop()
        if not message.final:  # only now: what is quick must not wait behind what is thorough
            self._pause = self.set_timer(PAUSE, self._paused)
        more = "" if message.final else "+"
        self.bar.count = f"{len(lines)}{more} hits"

    @on(NotFound)
    def _not_found(self, message: NotFound) -> None:
        if message.number == self.listing.number:
            self.entries.clear(message.text)
            self.bar.count = ""

    @on(EntryList.Wanted)
    def _wanted(self, message: EntryList.Wanted) -> None:
        if message.listed is self.entries:
            self.listing.fill(message.first, message.end)

    @on(Filled)
    def _filled(self, message: Filled) -> None:
        if message.number == self.listing.number:
            self.entries.fill(message.start, message.lines)

    def _empty(self) -> None:
        locked = not self.app.locks.opened
        if locked:
            text = "everything is locked: U unlocks"
        elif self.listing.trash:
            text = "the trash is empty"
        elif self.listing.text.strip():
            text = "nothing found: n keeps it as a new entry"
        else:
            text = "no entries yet: n writes the first"
        self.entries.empty = text

    # -- one entry ------------------------------------------------------------------------------------

    @on(EntryList.Highlighted)
    def _highlighted(self, message: EntryList.Highlighted) -> None:
        if message.listed is self.entries:
            if self._glance is not None:
                self._glance.stop()
            if message.line is None:
                self._show_nothing()
            else:
                wanted = self._coming = message.line.id
                typing = isinstance(self.focused, SearchField)
                self._glance = self.set_timer(TYPING if typing else GLANCE, lambda: self.open(wanted))

    @on(EntryList.Activated)
    def _activated(self, message: EntryList.Activated) -> None:
        if message.listed is self.near:
            self.open(message.line.id)
        else:
            self.action_read()

    def with_entry(self, act: "Callable[[Entry], object]") -> None:
        """*act* on the entry that the cursor is on: a quick hand must not change the one still shown beside it."""
        if self._coming and (self.entry is None or self.entry.id != self._coming):
            self._then = act
            self.open(self._coming)
        elif self.entry is not None:
            act(self.entry)

    def open(self, entry_id: str) -> None:
        """Show an entry on the right."""
        self._coming = entry_id
        self.app.ask(lambda v: Opened(v.get(entry_id)), self, group="entry")

    @on(Opened)
    def _opened(self, message: Opened) -> None:
        if message.entry.id != self._coming:
            return  # the cursor has gone on since
        self._coming = ""
        self.entry = message.entry
        self.reader.show(message.entry, self.listing.terms)
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._look_around)
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
        said = [f"{len(links)} link here"] if links else []
        if len(lines) > len(links):
            said.append("near in meaning" if related.by_meaning else "near in words")
        self.query_one("#near-title", Static).update(f" {' · '.join(said).upper()}", layout=False)
        self.set_class(bool(lines), "-near")

    def _show_nothing(self) -> None:
        for timer in filter(None, (self._glance, self._rest)):
            timer.stop()
        self.entry, self._coming, self._then = None, "", None
        self.reader.clear()
        self.near.clear()
        self.set_class(False, "-near")

    # -- searching ------------------------------------------------------------------------------------

    @on(Input.Changed, "#search")
    def _typed(self, message: Input.Changed) -> None:
        if message.value != self.listing.text:
            self._place = 0
            self.refresh_list(message.value)

    @on(SearchField.Left)
    def _left(self, message: SearchField.Left) -> None:
        if message.step == 0:
            self.action_back()
        else:
            self.entries.go(self.entries.cursor + message.step)
            if message.step > 0:
                self.entries.focus()

    @on(Input.Submitted, "#search")
    def _submitted(self, message: Input.Submitted) -> None:
        if self.entries.total == 0 and message.value.strip():
            self.action_create()
        else:
            self.entries.focus()

    def search_for(self, text: str) -> None:
        """Put *text* into the field and ask for it."""
        self.query_one("#search", SearchField).value = text

    @on(FacetList.Pressed)
    def _facet(self, message: FacetList.Pressed) -> None:
        self.search_for(self.listing.toggled(message.token))

    @on(Faceted)
    def _faceted(self, message: Faceted) -> None:
        if message.number != self.listing.number:
            return
        known = self._facets[1] if self._facets is not None and self._facets[0] == message.number else message.facets
        field = KINDS[message.kind]
        facets = replace(known, **{field: getattr(message.facets, field)})
        self._facets = message.number, facets
        if message.kind == list(KINDS)[-1]:
            self.query_one("#facets", FacetList).show(facets, frozenset(self.listing.text.split()))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key of the search goes before all others, so that what is typed right after it meets the field."""
        if action == "search" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_search(self) -> None:
        """To the search field."""
        self.set_focus(self.query_one("#search"))

    def action_back(self) -> None:
        """One thing less: the field, its text, the trash, the choice."""
        if self.focused is not self.entries:
            self.entries.focus()
        elif self.entries.chosen:
            self.entries.chosen.clear()
            self.entries.refresh()
        elif self.listing.text:
            self.search_for("")
        elif self.listing.trash:
            self.action_show_trash()

    def action_mode(self) -> None:
        """The next mode."""
        self.set_mode(MODES[(MODES.index(self.listing.mode) + 1) % len(MODES)])

    def set_mode(self, mode: str) -> None:
        """Search in *mode* from now on."""
        self.listing.mode = mode
        self._show_mode()
        self.refresh_list()

    def _show_mode(self) -> None:
        said = "trash" if self.listing.trash else self.listing.mode
        self.query_one("#mode", Static).update(f"{said} ")

    def action_explain(self) -> None:
        """Ranks of the legs instead of snippets."""
        self.entries.explain = not self.entries.explain

    def action_show_trash(self) -> None:
        """The trash, or what is alive."""
        self.listing.trash = not self.listing.trash
        self.entries.chosen.clear()
        self._show_mode()
        self.refresh_list()

    # -- moving and arranging -------------------------------------------------------------------------

    def action_down(self) -> None:
        """Down in what has the focus."""
        self._step(1)

    def action_up(self) -> None:
        """Up in it."""
        self._step(-1)

    def _step(self, step: int) -> None:
        if isinstance(self.focused, Reader):
            self.focused.scroll_relative(y=step, animate=False)
        elif isinstance(self.focused, FacetList):
            self.focused.action_step(step)
        else:
            listed = self.focused if isinstance(self.focused, EntryList) else self.entries
            listed.go(listed.cursor + step)

    def action_first(self) -> None:
        """To the beginning."""
        if isinstance(self.focused, Reader):
            self.focused.scroll_home(animate=False)
        else:
            self.entries.go(0)

    def action_last(self) -> None:
        """To the end."""
        if isinstance(self.focused, Reader):
            self.focused.scroll_end(animate=False)
        else:
            self.entries.go(self.entries.total - 1)

    def action_read(self) -> None:
        """The entry over the full width, or back; in the near list, the entry there."""
        if self.focused is self.near and (line := self.near.line()) is not None:
            self.open(line.id)
            return
        reading = not self.has_class("-reading")
        self.set_class(reading, "-reading")
        (self.reader if reading else self.entries).focus()

    def action_facets(self) -> None:
        """Show or hide them."""
        self._facets_wanted = not self.query_one("#facets").display
        self._arrange()
        if self._facets_wanted:
            self._ask_facets()

    def action_narrower(self) -> None:
        """Give the entry more room."""
        self._widen(-_STEP)

    def action_wider(self) -> None:
        """Give the list more room."""
        self._widen(_STEP)

    def _widen(self, by: int) -> None:
        self._list_width = max(24, min(self.entries.size.width + by, self.size.width - 30))
        self.entries.styles.width = self._list_width

    def on_resize(self) -> None:
        """As many panes as there is room for."""
        self._arrange()

    def _arrange(self) -> None:
        wide = self.app.size.width >= WIDE
        facets = self.query_one("#facets")
        shown = facets.display
        facets.display = wide if self._facets_wanted is None else self._facets_wanted
        self.set_class(not wide and facets.display, "-crowded")
        if facets.display and not shown:
            self._ask_facets()

    # -- the outside ----------------------------------------------------------------------------------

    @on(Changed)
    def _changed(self, message: Changed) -> None:
        """Something was changed: read the list anew, the cursor where it was."""
        self.entries.chosen.clear()
        self._place = self.entries.cursor
        self.say(message.what)
        self.refresh_list(keep=message.show or (self.entry.id if self.entry else None))
        if self.entry is not None:
            self.open(message.show or self.entry.id)

    @on(LocksChanged)
    def _locks_changed(self) -> None:
        self.bar.opened = tuple(self.app.locks.opened)
        self.refresh_list()

    @on(Progressed)
    def _progressed(self, message: Progressed) -> None:
        self.query_one(WorkBar).show(message.phase, message.done, message.total)

    @on(Finished)
    def _finished(self) -> None:
        self.query_one(WorkBar).hide()

    def say(self, text: str) -> None:
        """What was done, in the line of the locks."""
        self.bar.said = text
        self.set_timer(8.0, lambda: self._unsay(text))

    def _unsay(self, text: str) -> None:
        if self.bar.said == text:
            self.bar.said = ""

    def forget(self) -> None:
        """Hold nothing of any entry: what a lock demands."""
        self.listing.forget()
        self.entries.clear("everything is locked: U unlocks")
        self._show_nothing()
        self.query_one("#facets", FacetList).show(None)
        self._facets = None
        self.search_for("")
        self.bar.count = ""
        self.bar.said = ""
        self.set_class(False, "-reading")
        self.entries.focus()
