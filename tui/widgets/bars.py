"""The lines above and below: which classes are open, what happened last, which keys matter here."""

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from tui.keymap import ACTIONS, setting, shown
from vault.classification import Classification


class LockBar(Static):
    """Every class with its state, and how long it will stay open."""

    opened: reactive[tuple[Classification, ...]] = reactive(())
    left: reactive[str] = reactive("")
    """Time until the lock falls; empty when it does not."""
    said: reactive[str] = reactive("")
    """What was done last."""
    count: reactive[str] = reactive("")

    def render(self) -> Content:
        """Open classes full, locked ones hollow, the rest of the line for what was done."""
        wide = self.size.width >= 120  # noqa: PLR2004
        parts: list[Content | tuple[str, str] | str] = [" "]
        for classification in Classification:
            is_open = classification in self.opened
            name = classification.value if wide else classification.value[:4]
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
    """The keys that matter in this place."""

    def __init__(self, place: str, *, id: str = "keys") -> None:  # noqa: A002
        """For the screen called *place*."""
        super().__init__(id=id)
        self._place = place

    def render(self) -> Content:
        """Key and word, as many as there is room for."""
        rebinding = getattr(self.app, "rebinding", {})
        line = Content(" ")
        here = [a for a in ACTIONS if a.hint and a.place == self._place]
        for action in [*here, *(a for a in ACTIONS if a.hint and a.place == "everywhere")]:
            keys = shown(rebinding.get(setting(action), action.keys).split(",")[0])
            more = Content.assemble((keys, "$footer-key-foreground bold"), " ", (action.hint, "$faint"), "  ")
            if line.cell_length + more.cell_length > self.size.width:
                break
            line = line.append(more)
        return line


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
