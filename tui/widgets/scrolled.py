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
