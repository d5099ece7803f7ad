"""A view that scrolls over drawn lines, and whose length may change at every keystroke."""

from textual.geometry import Size
from textual.reactive import Reactive
from textual.scroll_view import ScrollView


class Scrolled(ScrollView):
    """A scroll view whose length is its own affair: only its scrollbar changes with it, not the whole screen."""

    virtual_size = Reactive(Size(0, 0), layout=False)

    def watch_virtual_size(self, _old: Size, new: Size) -> None:
        """Move the scrollbar; arrange the screen anew only where this view is as high as what it holds."""
        self._scroll_update(new)
        if self.styles.is_auto_height:
            self.refresh(layout=True)

    def step(self, by: int) -> None:
        """*by* lines down, or up with less than none; with a cursor, it is the cursor that moves."""
        self.scroll_relative(y=by, animate=False)

    def go_first(self) -> None:
        """To the beginning."""
        self.scroll_home(animate=False)

    def go_last(self) -> None:
        """To the end."""
        self.scroll_end(animate=False)
