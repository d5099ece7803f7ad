"""Everything that the parts of the app tell each other.

Work on the vault's thread ends in one of these; handlers on the app's own thread change state. An answer to a
question that is no longer asked carries an old number and is dropped.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass
class Failed(Message, bubble=False):
    """A job ended with an error."""

    text: str
    """What went wrong, one line."""
    remedy: str = ""
    """What the person can do."""


@dataclass
class Noted(Message, bubble=False):
    """Something a person should know about how a thing was done."""

    text: str


@dataclass
class Listed(Message, bubble=False):
    """The order of a listing is known."""

    number: int
    """Of the question."""
    order: "Order"


@dataclass
class Found(Message, bubble=False):
    """A search found something."""

    number: int
    lines: "Sequence[Line]"
    final: bool
    """False for the keyword results that come first."""


@dataclass
class Filled(Message, bubble=False):
    """Lines of a listing have been read."""

    number: int
    start: int
    lines: "Sequence[Line | None]"


@dataclass
class Opened(Message, bubble=False):
    """The whole of the entry under the cursor."""

    entry: "Entry"


@dataclass
class Neighboured(Message, bubble=False):
    """What stands near an entry."""

    entry_id: str
    related: "Related"


@dataclass
class Faceted(Message, bubble=False):
    """How the entries found are spread by one kind of facet."""

    number: int
    kind: str
    facets: "Facets"


@dataclass
class Judged(Message, bubble=False):
    """How a text would be filed."""

    number: int
    verdict: "Verdict"


@dataclass
class Kept(Message, bubble=False):
    """What was written on a screen is safe."""

    screen: "Screen[None]"
    messages: "Sequence[Message]"
    """What follows from it."""


@dataclass
class NotKept(Message, bubble=False):
    """A text could not be saved; it is still in its field."""

    text: str
    remedy: str


@dataclass
class Changed(Message, bubble=False):
    """Entries were changed; what shows them looks again."""

    what: str
    """What was done, for the status line."""
    step: "Step | None" = None
    """How to take it back; None for what is itself an undo."""
    show: str = ""
    """Id of the entry to stand on afterwards."""


@dataclass
class Remembered(Message, bubble=False):
    """The revisions of an entry."""

    versions: "Sequence[Version]"


@dataclass
class LocksChanged(Message, bubble=False):
    """Classes were opened or locked."""

    opened: "tuple[Classification, ...]"


@dataclass
class Progressed(Message, bubble=False):
    """Long work went on."""

    phase: str
    done: int
    total: int | None


@dataclass
class Finished(Message, bubble=False):
    """Long work ended."""

    summary: str
    failed: bool = False
