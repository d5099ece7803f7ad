"""Fields to type in, which never hold a character that a terminal would act on. No passphrase ever goes in here."""

from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input

from vault.text import safe_text


class Field(Input):
    """One line; what is pasted is cleaned."""

    def __init__(self, *, id: str, placeholder: str = "", value: str = "") -> None:  # noqa: A002
        """*value* is what it begins with."""
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)

    def _on_paste(self, event: events.Paste) -> None:
        event.text = safe_text(event.text, newlines=False)
        if event.text:
            super()._on_paste(event)
        event.stop()
        event.prevent_default()


class SearchField(Field):
    """The query; arrows move in the list below it."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("down", "leave(1)", show=False),
        Binding("up", "leave(-1)", show=False),
        Binding("escape", "leave(0)", show=False),
    ]

    class Left(Message):
        """The person goes on in the list."""

        def __init__(self, step: int) -> None:
            """By *step* lines; 0 gives the search up."""
            super().__init__()
            self.step = step

    def action_leave(self, step: int) -> None:
        """Tell it."""
        self.post_message(self.Left(step))
