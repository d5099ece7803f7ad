"""The place to live in: search above, facets, list and entry below it, then the lines of locks and keys.

The keys of the browser meet their verbs here; what these do is said where their nouns are: `Panes` for what is
seen, `Chosen` for these entries, `Here` for this one.
"""

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input, Static

from tui.chosen import Chosen
from tui.here import Here
from tui.keymap import bindings
from tui.messages import Changed, Finished, LocksChanged, Progressed
from tui.widgets.bars import KeyBar, LockBar, WorkBar
from tui.widgets.facet_list import FacetList
from tui.widgets.fields import SearchField
from tui.widgets.panes import Panes
from tui.widgets.results import Results
from vault.search.search import MODES

if TYPE_CHECKING:
    from tui.app import MemoryApp
    from tui.listing import Listing


class BrowseScreen(Screen[None]):
    """List, preview, search."""

    BINDINGS = bindings("browse")
    app: "MemoryApp"

    def __init__(self) -> None:
        super().__init__(id="browse")

    def compose(self) -> ComposeResult:
        """Top line, three panes, two lines below."""
        with Horizontal(id="top"):
            yield Static("memory", id="name")
            yield Static("/", id="slash")
            yield SearchField(id="search", placeholder='search: words, "phrases", tag:… class:… after:…')
            yield Static("", id="mode")
        yield Panes(id="body")
        yield WorkBar(id="work")
        yield LockBar(id="locks")
        yield KeyBar("browse")

    def on_mount(self) -> None:
        """Begin with everything, newest first."""
        self.set_focus(self.results)  # at once: a focus that came later would take a search that has begun already
        self.panes.make_room()
        self._show_mode()
        self.panes.ask()

    # -- parts ----------------------------------------------------------------------------------------

    @property
    def panes(self) -> Panes:
        """What is seen."""
        return self.query_one("#body", Panes)

    @property
    def results(self) -> Results:
        """The list."""
        return self.panes.results

    @property
    def listing(self) -> "Listing":
        """What is listed."""
        return self.results.listing

    @property
    def chosen(self) -> Chosen:
        """These entries."""
        return Chosen(self.app, self.results, self.say)

    @property
    def here(self) -> Here:
        """This entry."""
        return Here(self.app, self.panes.preview, self.say)

    @property
    def bar(self) -> LockBar:
        """The line of the locks."""
        return self.query_one("#locks", LockBar)

    # -- searching ------------------------------------------------------------------------------------

    def search_for(self, text: str) -> None:
        """Put *text* into the field, which asks for it."""
        self.query_one("#search", SearchField).value = text

    @on(Input.Changed, "#search")
    def _typed(self, message: Input.Changed) -> None:
        if message.value != self.listing.text:
            self.panes.ask(message.value)

    @on(Input.Submitted, "#search")
    def _submitted(self, message: Input.Submitted) -> None:
        if self.results.total == 0 and message.value.strip():
            self.action_create()
        else:
            self.results.focus()

    @on(SearchField.Left)
    def _left(self, message: SearchField.Left) -> None:
        if message.step == 0:
            self.action_back()
        else:
            self.results.step(message.step)
            if message.step > 0:
                self.results.focus()

    @on(FacetList.Pressed)
    def _facet(self, message: FacetList.Pressed) -> None:
        self.search_for(self.listing.toggled(message.token))

    @on(Results.Counted)
    def _counted(self, message: Results.Counted) -> None:
        self.bar.count = message.said

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key of the search goes before all others, so that what is typed right after it meets the field."""
        if action == "search" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_search(self) -> None:
        """To the search field."""
        self.set_focus(self.query_one("#search"))

    def action_back(self) -> None:
        """One thing less: the field, the choice, its text, the trash."""
        if self.focused is not self.results:
            self.results.focus()
        elif self.results.chosen:
            self.results.chosen.clear()
            self.results.refresh()
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
        self.panes.ask()

    def action_show_trash(self) -> None:
        """The trash, or what is alive."""
        self.listing.trash = not self.listing.trash
        self.results.chosen.clear()
        self._show_mode()
        self.panes.ask()

    def _show_mode(self) -> None:
        said = "trash" if self.listing.trash else self.listing.mode
        self.query_one("#mode", Static).update(f"{said} ")

    def action_explain(self) -> None:
        """Ranks of the legs instead of snippets."""
        self.results.explain = not self.results.explain

    # -- moving and arranging -------------------------------------------------------------------------

    def action_down(self) -> None:
        """Down in what has the focus."""
        self.panes.moving.step(1)

    def action_up(self) -> None:
        """Up in it."""
        self.panes.moving.step(-1)

    def action_first(self) -> None:
        """To its beginning."""
        self.panes.moving.go_first()

    def action_last(self) -> None:
        """To its end."""
        self.panes.moving.go_last()

    def action_read(self) -> None:
        """The entry over the full width, or back."""
        self.panes.read()

    def action_facets(self) -> None:
        """Show or hide them."""
        self.panes.toggle_facets()

    def action_narrower(self) -> None:
        """Give the entry more room."""
        self.panes.widen(-1)

    def action_wider(self) -> None:
        """Give the list more room."""
        self.panes.widen(1)

    # -- these entries --------------------------------------------------------------------------------

    def action_select(self) -> None:
        """Choose the entry, or no longer."""
        self.chosen.choose()

    def action_select_all(self) -> None:
        """Choose all that are listed, or none."""
        self.chosen.choose_all()

    def action_tag(self) -> None:
        """Ask for tags to put on and take off."""
        self.chosen.ask_tags()

    def action_move(self) -> None:
        """Ask for the class to file them under."""
        self.chosen.ask_class()

    def action_trash(self) -> None:
        """Into the trash; in the trash, out of it."""
        self.chosen.trash()

    def action_export(self) -> None:
        """Ask for a folder."""
        self.chosen.ask_folder()

    def action_undo(self) -> None:
        """Take the last change back."""
        if step := self.app.undo.undo():
            self.app.change(step.taken_back)
        else:
            self.say("nothing to undo")

    def action_redo(self) -> None:
        """Make it again."""
        if step := self.app.undo.redo():
            self.app.change(step.made_again)
        else:
            self.say("nothing to do again")

    # -- this entry, and other screens ----------------------------------------------------------------

    def action_create(self) -> None:
        """A new entry; what was searched for in vain is its beginning."""
        from tui.screens.editor import EditorScreen

        sought = " ".join(self.listing.terms) if not self.results.total else ""
        text = self.listing.query.text if sought else ""
        self.app.push_screen(EditorScreen(text=f"{text}\n" if text else ""))

    def action_edit(self) -> None:
        """Edit the entry here, in the app."""
        self.here.edit()

    def action_editor(self) -> None:
        """Edit it in the person's own editor."""
        self.here.edit_outside()

    def action_history(self) -> None:
        """Its revisions."""
        self.here.show_history()

    def action_links(self) -> None:
        """Choose one of its links."""
        self.here.ask_link()

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
        from tui.screens.locks import LocksScreen

        self.app.push_screen(LocksScreen())

    # -- the outside ----------------------------------------------------------------------------------

    @on(Changed)
    def _changed(self, message: Changed) -> None:
        """Something was changed: read the list anew, the cursor where it was."""
        self.say(message.what)
        self.panes.ask_again(message.show)

    @on(LocksChanged)
    def _locks_changed(self) -> None:
        self.bar.opened = tuple(self.app.locks.opened)
        self.panes.ask()

    @on(Progressed)
    def _progressed(self, message: Progressed) -> None:
        self.query_one(WorkBar).show(message.phase, message.done, message.total)

    @on(Finished)
    def _finished(self) -> None:
        self.query_one(WorkBar).hide()

    def say(self, text: str) -> None:
        """What was done, in the line of the locks."""
        self.bar.say(text)

    def forget(self) -> None:
        """Hold nothing of any entry: what a lock demands."""
        self.panes.forget()
        self.search_for("")
        self.bar.count = self.bar.said = ""
        self.results.focus()
