"""Small questions over the screen: yes or no, a line, a class, one of a few. Escape always means no answer."""

from typing import Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static
from textual.widgets.option_list import Option

from tui.screens.early import TypedEarly
from tui.widgets.fields import Field
from tui.widgets.moving import Choices
from vault.classification import Classification
from vault.text import safe_text

T = TypeVar("T")
_ESCAPE = Binding("escape", "dismiss_none", show=False)


class _Question(ModalScreen[T | None], Generic[T]):
    BINDINGS = [_ESCAPE]  # noqa: RUF012 (Textual's way)

    def action_dismiss_none(self) -> None:
        """No answer."""
        self.dismiss(None)


class Confirm(_Question[bool]):
    """Yes or no; only ``y`` is yes."""

    BINDINGS = [Binding("y", "yes", show=False), Binding("n", "dismiss_none", show=False)]  # noqa: RUF012

    def __init__(self, question: str) -> None:
        """*question* ends with a question mark."""
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and its keys."""
        with Vertical(classes="box"):
            yield Static(Content(self._question), classes="question")
            yield Static(Content.assemble(("y", "bold"), " yes    ", ("n", "bold"), " no"), classes="keys")

    def action_yes(self) -> None:
        """Go on."""
        self.dismiss(True)


class AskLine(TypedEarly, _Question[str]):
    """One line of text. Never a passphrase."""

    def __init__(self, question: str, example: str = "", value: str = "") -> None:
        """*example* stands in the empty field."""
        super().__init__()
        self._question, self._example, self._value = question, example, value

    def compose(self) -> ComposeResult:
        """The question and a field."""
        with Vertical(classes="box"):
            yield Static(Content(self._question), classes="question")
            yield Field(id="answer", placeholder=self._example, value=self._value)
            yield Static(Content.assemble(("Enter", "bold"), " goes on    ", ("Esc", "bold"), " back"), classes="keys")

    @on(Input.Submitted)
    def _said(self, message: Input.Submitted) -> None:
        self.dismiss(message.value.strip() or None)


class PickOne(_Question[str]):
    """One of a few strings."""

    def __init__(self, question: str, choices: list[str]) -> None:
        """*choices* are shown cleaned and given back as they are."""
        super().__init__()
        self._question, self._choices = question, choices

    def compose(self) -> ComposeResult:
        """The question and the choices."""
        with Vertical(classes="box"):
            yield Static(Content(self._question), classes="question")
            yield Choices(*(Option(Content(safe_text(c, newlines=False))) for c in self._choices), compact=True)

    def on_mount(self) -> None:
        """Begin at the first."""
        self.query_one(Choices).highlighted = 0

    @on(Choices.OptionSelected)
    def _picked(self, message: Choices.OptionSelected) -> None:
        self.dismiss(self._choices[message.option_index])


class PickClass(_Question[Classification]):
    """One of the five classes, by number or arrow."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding(str(i), f"pick({i})", show=False) for i in range(1, len(Classification) + 1)
    ]

    def __init__(self, question: str, classes: tuple[Classification, ...] = tuple(Classification)) -> None:
        """*classes* are those to choose from."""
        super().__init__()
        self._question, self._offered = question, classes

    def compose(self) -> ComposeResult:
        """The question and the classes."""
        with Vertical(classes="box"):
            yield Static(Content(self._question), classes="question")
            yield Choices(
                *(
                    Option(
                        Content.assemble(
                            (f"{list(Classification).index(c) + 1}  ", "bold"), (c.value, f"$class-{c.value}")
                        )
                    )
                    for c in self._offered
                ),
                compact=True,
            )

    def action_pick(self, number: int) -> None:
        """By its number."""
        wanted = list(Classification)[number - 1]
        if wanted in self._offered:
            self.dismiss(wanted)

    def on_mount(self) -> None:
        """Begin at the first."""
        self.query_one(Choices).highlighted = 0

    @on(Choices.OptionSelected)
    def _picked(self, message: Choices.OptionSelected) -> None:
        self.dismiss(self._offered[message.option_index])
