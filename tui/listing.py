"""What is listed: the question that a person asks with the search field, and its answers as they come.

Words are answered at once by the word index, then, when the person pauses, by everything the mode asks for;
filters alone give an order of which only windows are read. Every question has a number, and answers to older
ones are dropped.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from textual.message import Message

from tui.line import of_hit, of_item
from tui.messages import Faceted, Filled, Found, Listed, NotFound, notes
from tui.spread import KINDS, Spread
from tui.thread import AT_ONCE, LATER, SOON, VaultThread
from vault.browsing import Order
from vault.classification import Classification
from vault.search.query import Query, parse
from vault.search.search import MODES
from vault.vault import Vault

FIRST = 30
"""Hits that a keystroke waits for, at most; fewer where fewer can be seen."""
ALL = 100
"""Hits that come when the person pauses."""
BEGINNING = 200
"""Entries of an order that come before all of it is known."""
_LEAST_PREFIX = 2

Post = Callable[[Message], object]


@dataclass
class Listing:
    """The present question and how far it is answered."""

    thread: VaultThread
    post: Post
    """Gives a message to the screen."""
    text: str = ""
    mode: str = MODES[0]
    trash: bool = False
    number: int = 0
    query: Query = field(default_factory=Query)
    order: Order | None = None
    """What is listed, where it is an order and not hits."""
    seen: int = FIRST
    """Hits that there is room for."""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def ask(self, text: str | None = None) -> bool:
        """Ask for *text* (the same again if None); whether it has words and `refine` should follow."""
        self.text = self.text if text is None else text
        self.number = next(self._numbers)
        self.query = as_you_type(self.text)
        self.order = None
        if self.query.has_text and not self.trash:
            mode = "semantic" if self.mode == "semantic" else "keyword"
            self._search(half_typed(self.query), min(FIRST, self.seen), mode, final=False)
            return True
        self._order(BEGINNING, AT_ONCE)
        return False

    def refine(self) -> None:
        """The person pauses: all that the mode finds."""
        self._search(self.query, ALL, self.mode, final=True)

    def forget(self) -> None:
        """Hold nothing; whatever is on its way is an answer to an older question."""
        self.number, self.text, self.query, self.order = next(self._numbers), "", Query(), None

    def _search(self, query: Query, limit: int, mode: str, *, final: bool) -> None:
        number = self.number

        def search(vault: Vault) -> Found:
            hits = vault.search(query, limit, mode)
            return Found(number, [of_hit(hit) for hit in hits], final, notes(vault))

        self.thread.ask(search, self.post, self._failed(number), urgency=SOON if final else AT_ONCE, group="list")

    def _order(self, limit: int | None, urgency: int) -> None:
        number, query, trash = self.number, self.query, self.trash

        def order(vault: Vault) -> Listed:
            found = vault.browsing.order(query, trash=trash, **({"limit": limit} if limit else {}))
            return Listed(number, found)

        self.thread.ask(order, self.post, self._failed(number), urgency=urgency, group="list")

    def listed(self, order: Order) -> None:
        """An order came; where it is only the beginning, the whole is asked for."""
        self.order = order
        if not order.whole:
            self._order(None, LATER)

    def fill(self, start: int, stop: int) -> None:
        """Ask for lines of the order."""
        order, number = self.order, self.number
        if order is None:
            return

        def window(vault: Vault) -> Filled:
            items = vault.browsing.window(order, start, stop)
            return Filled(number, start, [of_item(i) if i is not None else None for i in items])

        self.thread.ask(window, self.post, self._failed(number), urgency=AT_ONCE, group="window")

    def facets(self, classes: Iterable[Classification], post: Post) -> None:
        """Ask how what is found is spread over *classes*; the answer goes to *post*.

        Each question is about one kind in one class and is asked when the one before is answered: a keystroke waits
        for no more than that, and a newer question of the person ends the rest.
        """
        asked = [c for c in classes if self.query.classes is None or c in self.query.classes]
        pieces = [(kind, replace(self.query, classes=frozenset({c}))) for kind in KINDS for c in asked]
        self._spread(self.number, iter(pieces), Spread(), post)

    def _spread(self, number: int, pieces: Iterator[tuple[str, Query]], spread: Spread, post: Post) -> None:
        if number != self.number:
            return
        kind, query = next(pieces, ("", self.query))
        if not kind:
            post(Faceted(number, spread.facets()))
            return
        self.thread.ask(
            lambda vault: spread.add(kind, vault.browsing.facets(query, [kind])),
            lambda _none: self._spread(number, pieces, spread, post),
            lambda _text, _remedy: None,  # facets are a convenience: the list says what is wrong
            urgency=LATER,
            group="facets",
        )

    def _failed(self, number: int) -> Callable[[str, str], object]:
        return lambda text, remedy: self.post(NotFound(number, f"{text} ({remedy})" if remedy else text))

    @property
    def terms(self) -> tuple[str, ...]:
        """The words asked for, to mark them in a text."""
        phrases = (word for phrase in (*self.query.required, *self.query.title) for word in phrase.split())
        return (*self.query.words, *self.query.prefixes, *phrases)

    def toggled(self, token: str) -> str:
        """The text of the question with a filter put in or, if it is there, taken out."""
        words = self.text.split()
        if token in self.text:
            return " ".join(self.text.replace(token, " ").split())
        return " ".join([*words, token])


def as_you_type(text: str) -> Query:
    """The query of *text*; the word that is being typed may be the beginning of one."""
    query = parse(text)
    last = text.rpartition(" ")[2]
    if len(last) >= _LEAST_PREFIX and last in query.words:
        return replace(query, prefixes=(*query.prefixes, last))
    return query


def half_typed(query: Query) -> Query:
    """*query* without words that are beginnings too: who still types them asks for no synonyms and corrections."""
    return replace(query, words=tuple(word for word in query.words if word not in query.prefixes))
