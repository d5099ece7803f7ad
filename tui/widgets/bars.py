"""The lines above and below: which classes are open, what happened last, which keys matter here."""

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from tui.keymap import ACTIONS, Action, setting, shown
from tui.line import SHORT
from vault.classification import Classification

SAID = 8.0
"""Seconds that the line of the locks says what was done."""


class LockBar(Static):
    """Every class with its state, and how long it will stay open."""

    opened: reactive[tuple[Classification, ...]] = reactive(())
    left: reactive[str] = reactive("")
    """Time until the lock falls; empty when it does not."""
    said: reactive[str] = reactive("")
    """What was done last."""
    count: reactive[str] = reactive("")

    def say(self, text: str) -> None:
        """What was done, for a while."""
        self.said = text
        self.set_timer(SAID, lambda: self._unsay(text))

    def _unsay(self, text: str) -> None:
        if self.said == text:
            self.said = ""

    def render(self) -> Content:
        """Open classes full, locked ones hollow, the rest of the line for what was done."""
        wide = self.size.width >= 120  # noqa: PLR2004
        parts: list[Content | tuple[str, str] | str] = [" "]
        for classification in Classification:
            is_open = classification in self.opened
            name = classification.value if wide else SHORT[classification]
            style = f"$class-{classification.value}" if is_open else "$faint"
            parts += [(f"{'●' if is_open else '○'} {name}", style), "  "]
        if self.left:
            parts += [(f"locks in {self.left}", "$faint"), "  "]
        if self.said:
            parts += [(self.said, "bold")]
        line = Content.assemble(*parts)
        room = self.size.width - line.cell_length - len(self.count) - 1
        if room < 1:
            return line.truncate(max(1, self.size.width - len(self.count) - 2), ellipsis=True).append(f" {self.count}")
        return line.append(" " * room).append(self.count)


class KeyBar(Static):
    """The keys that matter in this place; those that matter everywhere have their room first."""

    def __init__(self, place: str, *, leave: str = "", id: str = "keys") -> None:  # noqa: A002
        """For the screen called *place*, which Escape leaves if *leave* says so in a word."""
        super().__init__(id=id)
        self._place, self._leave = place, leave

    def render(self) -> Content:
        """Key and word, as many as there is room for."""
        last = [self._hint("Esc", self._leave)] if self._leave else []
        last += [self._of(action) for action in ACTIONS if action.hint and action.place == "everywhere"]
        line, room = Content(" "), self.size.width - sum(hint.cell_length for hint in last)
        for hint in (self._of(action) for action in ACTIONS if action.hint and action.place == self._place):
            if line.cell_length + hint.cell_length > room:
                break
            line = line.append(hint)
        return Content.assemble(line, *last)

    def _of(self, action: Action) -> Content:
        rebinding = getattr(self.app, "rebinding", {})
        return self._hint(shown(rebinding.get(setting(action), action.keys).split(",")[0]), action.hint)

    def _hint(self, key: str, word: str) -> Content:
        return Content.assemble((key, "$footer-key-foreground bold"), " ", (word, "$faint"), "  ")


class WorkBar(Static):
    """How far long work is; not there while there is none."""

    def show(self, phase: str, done: int, total: int | None) -> None:
        """A bar where the end is known, else the count."""
        self.display = True
        width = max(10, self.size.width // 3)
        filled = width * done // total if total else 0
        bar = ("━" * filled, "$accent"), ("─" * (width - filled if total else 0), "$faint")
        many = f"{done:,} of {total:,}" if total else f"{done:,}" if done else "…"
        self.update(Content.assemble((f" {phase}  ", "bold"), *bar, f"  {many}  ", ("Ctrl-G stops", "$faint")))

    def hide(self) -> None:
        """It is over."""
        self.display = False
