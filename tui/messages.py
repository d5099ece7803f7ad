"""Everything that the parts of the app tell each other.

Work on the vault's thread ends in one of these; handlers on the app's own thread change state. What only one screen
asks and answers stands beside that screen, as another `Told`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.screen import Screen

    from tui.line import Line
    from tui.undo import Step
    from vault.browsing import Facets, Order, Related
    from vault.changing import Version
    from vault.classification import Classification
    from vault.classify.verdict import Verdict
    from vault.entry import Entry
    from vault.vault import Vault


@dataclass
class Told(Message, bubble=False):
    """Something told to one part of the app, and to none above it."""

    def __init_subclass__(cls, **named: Any) -> None:
        """What is told so stays there."""
        super().__init_subclass__(**{"bubble": False, **named})


@dataclass
class Answer(Told):
    """The answer to a question; to one that is no longer asked, it is dropped."""

    number: int
    """Of the question."""


@dataclass
class Failed(Told):
    """A job ended with an error."""

    text: str
    """What went wrong, one line."""
    remedy: str = ""
    """What the person can do."""


class NotKept(Failed):
    """A text could not be saved; it is still in its field."""


@dataclass
class Noted(Told):
    """Something a person should know about how a thing was done."""

    text: str


# -- what is listed ---------------------------------------------------------------------------------------


@dataclass
class Listed(Answer):
    """The order of a listing is known."""

    order: "Order"


@dataclass
class Found(Answer):
    """A search found something."""

    lines: "Sequence[Line]"
    final: bool
    """False for the keyword results that come first."""
    notes: "Sequence[str]" = ()
    """What the vault noted about the question."""


@dataclass
class NotFound(Answer):
    """The question could not be answered."""

    text: str


@dataclass
class Filled(Answer):
    """Lines of a listing have been read."""

    start: int
    lines: "Sequence[Line | None]"


@dataclass
class Faceted(Answer):
    """How the entries found are spread."""

    facets: "Facets"


# -- one entry --------------------------------------------------------------------------------------------


@dataclass
class Opened(Told):
    """The whole of the entry under the cursor."""

    entry: "Entry"


@dataclass
class Neighboured(Told):
    """What stands near an entry."""

    entry_id: str
    related: "Related"


@dataclass
class Remembered(Told):
    """The revisions of an entry."""

    versions: "Sequence[Version]"


@dataclass
class Judged(Answer):
    """How a text would be filed."""

    verdict: "Verdict"


@dataclass
class Kept(Told):
    """What was written on a screen is safe."""

    screen: "Screen[None]"
    messages: "Sequence[Message]"
    """What follows from it."""


@dataclass
class Changed(Told):
    """Entries were changed; what shows them looks again."""

    what: str
    """What was done, for the status line."""
    step: "Step | None" = None
    """How to take it back; None for what is itself an undo."""
    show: str = ""
    """Id of the entry to stand on afterwards."""


# -- locks and long work ----------------------------------------------------------------------------------


@dataclass
class LocksChanged(Told):
    """Classes were opened or locked."""

    opened: "tuple[Classification, ...]"


@dataclass
class LocksSeen(Told):
    """What is open as the vault says, which others may have locked or unlocked."""

    opened: "tuple[Classification, ...]"
    known: "tuple[Classification, ...]"
    """What the app took to be open when it asked."""


@dataclass
class Progressed(Told):
    """Long work went on."""

    phase: str
    done: int
    total: int | None


@dataclass
class Finished(Told):
    """Long work ended."""

    summary: str
    failed: bool = False


def notes(vault: "Vault") -> list[str]:
    """What the vault noted while it was asked, each thing once; it forgets them."""
    found = list(dict.fromkeys(vault.notes))
    vault.notes.clear()
    return found
