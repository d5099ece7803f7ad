"""What wants a look: conflicts with both versions side by side, classes nobody was sure of, files put aside.

Accepting and correcting are revisions like any other, with the class as the person's own choice, so the
classifier learns from them and undo takes them back.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual.widgets.option_list import Option

from tui.keymap import bindings
from tui.line import Line, of_item
from tui.messages import Changed, LocksChanged, Told
from tui.screens.asking import PickClass
from tui.undo import Step, moved_back
from tui.widgets.bars import KeyBar
from tui.widgets.moving import Choices
from tui.widgets.reader import Reader
from vault.classification import Classification
from vault.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.app import MemoryApp
    from vault.entry import Entry
    from vault.vault import Vault

_REASONS = {
    "pending": "signed by a device that is not enrolled here yet; looked at again after each change of the header",
    "name": "its content does not fit its name: the file was altered or is not whole",
    "bounds": "it is larger or odder than a sealed file may be",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to look at."""

    kind: str
    """``conflict``, ``unsure`` or ``quarantined``."""
    line: Line | None
    """The entry; None for a file."""
    said: str
    """Its line in the list, safe to draw."""
    about: str = ""
    """For a file: what is wrong with it."""


@dataclass
class _Cases(Told):
    cases: list[Case]


@dataclass
class _Versions(Told):
    case: Case
    entries: "Sequence[Entry]"


class ReviewScreen(Screen[None]):
    """Cases left, the case right."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        *bindings("review"),
        Binding("escape,q,R", "dismiss", show=False),
        Binding("u", "undo", show=False),
    ]
    app: "MemoryApp"

    def __init__(self) -> None:
        super().__init__(id="review")
        self._cases: list[Case] = []
        self._case: Case | None = None
        self._heads: Sequence[Entry] = ()

    def compose(self) -> ComposeResult:
        """Heading, cases, one or two versions, keys."""
        yield Static(" review", id="heading")
        with Horizontal(classes="panes"):
            yield Choices(id="cases", compact=True)
            with Vertical(id="case"):
                yield Static("", id="case-about")
                with Horizontal():
                    yield Reader(id="version-a")
                    yield Reader(id="version-b")
        yield KeyBar("review", leave="back")

    def on_mount(self) -> None:
        """What there is."""
        self._ask()

    def _ask(self) -> None:
        self.app.ask(lambda v: _Cases(_cases(v)), self)

    @on(_Cases)
    def _got(self, message: _Cases) -> None:
        listed = self.query_one(Choices)
        place = listed.highlighted or 0
        self._cases = message.cases
        listed.clear_options()
        listed.add_options([Option(_shown(case)) for case in message.cases])
        kinds = {kind: sum(c.kind == kind for c in message.cases) for kind in ("conflict", "unsure", "quarantined")}
        self.query_one("#heading", Static).update(
            Content(" review · " + " · ".join(f"{n:,} {_several(kind, n)}" for kind, n in kinds.items()))
        )
        if message.cases:
            listed.highlighted = min(place, len(message.cases) - 1)
            listed.focus()
        else:
            self._show(None, ())
            self.query_one("#case-about", Static).update("nothing wants a look")

    @on(Choices.OptionHighlighted)
    def _highlighted(self, message: Choices.OptionHighlighted) -> None:
        case = self._cases[message.option_index]
        self._case = case
        if case.line is None:
            self._show(case, ())
            return
        wanted = case.line.id
        self.app.ask(lambda v: _Versions(case, _versions(v, wanted)), self, group="case")

    @on(_Versions)
    def _got_versions(self, message: _Versions) -> None:
        if message.case is self._case:
            self._show(message.case, message.entries)

    def _show(self, case: Case | None, entries: "Sequence[Entry]") -> None:
        self._heads = entries
        first, second = self.query_one("#version-a", Reader), self.query_one("#version-b", Reader)
        two = case is not None and case.kind == "conflict" and len(entries) > 1
        second.display = two
        first.show(entries[0] if entries else None)
        second.show(entries[1] if two else None)
        about = ""
        if case is not None:
            about = {
                "conflict": "changed on two devices: a keeps the left, b the right, c both",
                "unsure": "nobody was sure of its class: a keeps it, m corrects it",
            }.get(case.kind, case.about)
        self.query_one("#case-about", Static).update(Content(about))

    # -- deciding -------------------------------------------------------------------------------------

    def action_accept(self) -> None:
        """It is right so; of a conflict, the left version is."""
        if self._case is not None and self._case.kind == "unsure" and self._heads:
            old = self._heads[0]
            self._do(lambda v: v.confirm(old.id), f"{old.classification} confirmed", _back_to(old))
        else:
            self._keep(0)

    def action_other(self) -> None:
        """The right version of a conflict."""
        self._keep(1)

    def _keep(self, place: int) -> None:
        if self._case is None or self._case.kind != "conflict" or len(self._heads) < 2:  # noqa: PLR2004 (a pair)
            return
        chosen = self._heads[place]
        self._do(lambda v: _settle(v, chosen), "conflict settled", _back_to(self._heads[1 - place]))

    def action_both(self) -> None:
        """The left version stays, the right one becomes an entry of its own."""
        if self._case is None or self._case.kind != "conflict" or len(self._heads) < 2:  # noqa: PLR2004 (a pair)
            return
        left, right = self._heads[:2]

        def both(vault: "Vault") -> None:
            vault.capture(
                right.text, right.classification, source=right.source, context=right.context, **_content(right)
            )
            _settle(vault, left)

        self._do(both, "both versions kept", ())

    def action_correct(self) -> None:
        """Another class."""
        if self._heads and self._case is not None and self._case.line is not None:
            old = self._heads[0]
            self.app.push_screen(PickClass("file it under"), lambda to: self._correct(old, to) if to else None)

    def _correct(self, old: "Entry", target: Classification) -> None:
        if target is old.classification:
            self.action_accept()
            return
        self._do(lambda v: v.move(old.id, target), f"moved to {target}", moved_back(old))

    def action_undo(self) -> None:
        """Take the last change back."""
        self.app.browse.action_undo()

    def _do(self, work: "Callable[[Vault], object]", done: str, back: "tuple[Callable[[Vault], object], ...]") -> None:
        def change(vault: "Vault") -> Changed:
            work(vault)
            return Changed(done, Step(done, back, (work,)) if back else None)

        self.app.change(change)

    @on(Changed)
    @on(LocksChanged)
    def _again(self) -> None:
        self._ask()


def _several(kind: str, number: int) -> str:
    return f"{kind}s" if kind == "conflict" and number != 1 else kind


def _cases(vault: "Vault") -> list[Case]:
    browsing = vault.browsing
    order = browsing.order("has:conflict")
    conflicts = [of_item(item) for item in browsing.window(order, 0, 500) if item is not None]
    cases = [Case("conflict", line, line.title) for line in conflicts]
    cases += [Case("unsure", line, line.title) for line in map(of_item, browsing.unsure())]
    for name, put_aside in browsing.quarantined():
        detail = safe_text(put_aside.detail, newlines=False)
        reason = _REASONS.get(put_aside.kind, f"failed the check of its {put_aside.kind}")
        about = f"{put_aside.name}\nkind: {safe_text(put_aside.kind)}\n{reason}\n{detail}\n"
        about += "It is not indexed, not shown as an entry and not deleted; `memory doctor` tells more."
        cases.append(Case("quarantined", None, f"{put_aside.name[:12]} ({name})", about))
    return cases


def _versions(vault: "Vault", entry_id: str) -> "list[Entry]":
    heads = [v.entry for v in vault.history(entry_id) if v.head and v.kind == "text"]
    return heads if len(heads) > 1 else [vault.get(entry_id)]


def _settle(vault: "Vault", chosen: "Entry") -> None:
    """A revision that follows all heads, with the content of one."""
    vault.edit(chosen.id, chosen.text, **_content(chosen))


def _content(entry: "Entry") -> dict[str, Any]:
    """What belongs to a text of an entry beside the text, as the vault takes it."""
    return {
        "title": entry.title,
        "tags": entry.tags,
        "created": entry.created,
        "metadata": dict(entry.metadata),
    }


def _back_to(old: "Entry") -> "tuple[Callable[[Vault], object], ...]":
    name = old.revisions[0]
    return (lambda vault: vault.restore(old.id, name),)


def _shown(case: Case) -> Content:
    mark = {"conflict": ("⚡ ", "$class-secret"), "unsure": ("? ", "$accent")}.get(case.kind, ("✗ ", "$error"))
    if case.line is None:
        return Content.assemble(mark, case.said)
    name = case.line.classification
    return Content.assemble(mark, (f"{name.value[:3]} ", f"$class-{name.value}"), case.said)
