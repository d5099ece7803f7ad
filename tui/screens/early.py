"""Keys that are typed before a screen's field is there go into it all the same."""

from typing import TYPE_CHECKING

from textual.widgets import Input, TextArea

if TYPE_CHECKING:
    from textual import events
    from textual.dom import DOMNode


class TypedEarly:
    """For screens with one field to type in: what is typed ahead is neither lost nor taken for a shortcut."""

    early = ""
    """What came before there was a field."""

    def on_key(self, event: "events.Key") -> None:
        """A key that came to the screen itself, because nothing had the focus yet."""
        self.take(event)

    def on_mount(self) -> None:
        """The field is there."""
        self._fill()

    def take(self, event: "events.Key") -> bool:
        """Take a printable key that nobody wanted, unless something else than the field has the focus."""
        focused = getattr(self, "focused", None)
        typing = focused is None or isinstance(focused, (Input, TextArea))
        if not typing or not event.is_printable or event.character is None:
            return False
        event.stop()
        self.early += event.character
        self._fill()
        return True

    def _fill(self) -> None:
        screen: DOMNode = self  # type: ignore[assignment]
        for field in screen.query("#page, #answer, #command") if self.early else ():
            if isinstance(field, Input):
                field.insert_text_at_cursor(self.early)
            elif isinstance(field, TextArea):
                field.insert(self.early)
            self.early = ""
