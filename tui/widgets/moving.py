"""Lists and pages that are moved through with ``j`` and ``k`` as well as with the arrows."""

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import OptionList


class Choices(OptionList):
    """A few things, one of which the cursor is on."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No paging where there is no room for a line: Textual's list would fall over it."""
        if action in {"page_down", "page_up"} and not self.scrollable_content_region:
            return False
        return super().check_action(action, parameters)


class Sheet(VerticalScroll):
    """More than fits, to be scrolled."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
    ]
