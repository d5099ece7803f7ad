"""One entry to read: a head of facts and its Markdown, drawn line by line."""

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.message import Message
from textual.strip import Strip

from tui.line import minute
from tui.widgets.strip_view import StripView
from vault.entry import Entry
from vault.text import one_line, safe_text


class Reader(StripView):
    """Shows an entry; empty until given one."""

    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's way)
        "reader--title",
        "reader--faint",
        "reader--accent",
        "reader--code",
        "reader--match",
        "reader--general",
        "reader--chronological",
        "reader--confidential",
        "reader--secret",
        "reader--ultrasecret",
    }

    @dataclass
    class Rendered(Message):
        """The lines of an entry at a width."""

        entry: Entry
        width: int
        strips: list[Strip]

    def __init__(self, *, id: str, empty: str = "") -> None:  # noqa: A002
        """*empty* is what is shown when there is nothing to read."""
        super().__init__(id=id, empty=empty)
        self.entry: Entry | None = None
        self._terms: tuple[str, ...] = ()
        self._drawn = 0
        self._same = False
        """Whether what is shown is the entry shown before, and the view may stay where it is."""

    def show(self, entry: Entry | None, terms: tuple[str, ...] = ()) -> None:
        """Read *entry*; its words that begin like *terms* are marked."""
        self._same = entry is not None and self.entry is not None and entry.id == self.entry.id
        self.entry, self._terms = entry, terms
        if entry is None:
            self.draw(())
        else:
            self._render_entry(entry, self.text_width, terms)

    def clear(self, empty: str | None = None) -> None:
        """Hold nothing any more."""
        self.empty = self.empty if empty is None else empty
        self.workers.cancel_node(self)
        self.show(None)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _render_entry(self, entry: Entry, width: int, terms: tuple[str, ...]) -> None:
        from tui.rendering import Look, render

        colours = self.app.theme_variables
        look = Look(
            heading=_rich(colours["primary"]),
            faint=_rich(colours["faint"]),
            accent=_rich(colours["accent"]),
            code=_rich(colours["secondary"]),
            match=f"bold reverse {_rich(colours['match'])}",
            dark=self.app.current_theme.dark,
        )
        body = render(_without_title(entry), width, look, terms)
        self.post_message(self.Rendered(entry, width, body))

    def on_reader_rendered(self, message: "Reader.Rendered") -> None:
        """Draw it, unless another entry has come since."""
        message.stop()
        if message.entry is self.entry:
            self._drawn = message.width
            self.draw([*self._head(message.entry), Strip([]), *message.strips], top=not self._same)
            self._same = True

    def on_resize(self) -> None:
        """Text is wrapped to the width."""
        if self.entry is not None and self.text_width != self._drawn:
            self._render_entry(self.entry, self.text_width, self._terms)

    def redraw(self) -> None:
        """The theme changed."""
        if self.entry is not None:
            self._render_entry(self.entry, self.text_width, self._terms)

    def _head(self, entry: Entry) -> list[Strip]:
        def style(name: str) -> Style:
            return self.get_component_rich_style(f"reader--{name}", partial=True)

        faint = style("faint")
        title = safe_text(entry.title or one_line(entry.text, 200), newlines=False)
        sure = "" if entry.confidence is None else f" {entry.confidence:.0%}"
        rows = _wrapped(title or "(no words)", self.text_width, style("title"))
        facts = [
            Segment(entry.classification.value, style(entry.classification.value) + Style(bold=True)),
            Segment(f"{sure} · {minute(entry.created)}", faint),
        ]
        if entry.conflict:
            facts.append(Segment(" · conflict (R)", style("secret")))
        if entry.deleted:
            facts.append(Segment(" · in the trash", style("secret")))
        rows.append(Strip(facts))
        about = [" ".join(f"#{safe_text(t, newlines=False)}" for t in entry.tags)]
        about += [f"from {safe_text(entry.source, newlines=False)}"] if entry.source else []
        if said := " · ".join(filter(None, about)):
            rows += _wrapped(said, self.text_width, style("accent"))
        kept = f"kept {minute(entry.updated)}" if minute(entry.updated) != minute(entry.created) else ""
        for text in filter(None, [entry.context, " · ".join(filter(None, [entry.reasoning, kept]))]):
            rows += _wrapped(safe_text(text, newlines=False), self.text_width, faint)
        return rows


def _without_title(entry: Entry) -> str:
    """The text without a first heading that says the title, which stands in the head already."""
    first, _, rest = entry.text.lstrip("\n").partition("\n")
    return rest.lstrip("\n") if entry.title and first.strip() == f"# {entry.title}" else entry.text


def _wrapped(text: str, width: int, style: Style) -> list[Strip]:
    """*text* over as many lines as it takes, at most three."""
    from rich.cells import chop_cells

    lines, line = [], ""
    for word in text.split():
        for piece in chop_cells(word, width) or [word]:
            joined = f"{line} {piece}" if line else piece
            if len(joined) > width:
                lines.append(line)
                line = piece
            else:
                line = joined
    lines.append(line)
    return [Strip([Segment(each, style)]) for each in lines[:3]]


def _rich(colour: str) -> str:
    """A theme's colour as Rich calls it."""
    return "default" if colour.startswith("ansi_default") else colour.removeprefix("ansi_").lower()
