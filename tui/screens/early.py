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
        """A printable key that came to the screen itself, because nothing had the focus yet."""
        screen: DOMNode = self  # type: ignore[assignment]
        focused = getattr(self, "focused", None)
        typing = focused is None or isinstance(focused, (Input, TextArea))
        if not typing or not event.is_printable or event.character is None:
            return
        event.stop()
        self.early += event.character
        for field in screen.query("#page, #answer, #command"):
            if isinstance(field, Input):
                field.insert_text_at_cursor(self.early)
            elif isinstance(field, TextArea):
                field.insert(self.early)
            self.early = ""
