"""Classes, indexes and the model in other processes, behind the faces they have in this one.

A front end that holds these cannot tell, and need not know, where a class is open.
"""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vault.agent import wire
from vault.agent.channel import Channel
from vault.agent.client import connect
from vault.classification import Classification
from vault.compartment.compartment import Compartment
from vault.compartment.filters import Filters
from vault.compartment.records import Incoming
from vault.entry import Entry
from vault.errors import Locked, VaultError
from vault.opened import OpenClass
from vault.reading import Reader

if TYPE_CHECKING:
    from vault.classify.reasons import Reasons
    from vault.classify.verdict import Verdict
    from vault.entry import Revision
    from vault.keys.unlocked import ClassKeys
    from vault.preparing import Draft, Prepared
    from vault.reconcile import Progress
    from vault.search.hit import Hit
    from vault.search.query import Query
    from vault.search.request import Request

VERBS = frozenset(name for name, value in vars(Compartment).items() if callable(value) and name[0] != "_") - {
    "apply", "close", "each", "forget", "having", "known", "rekey", "remember", "retry", "skip",
}  # fmt: skip
"""What a client may ask an index: its verbs, less those that bring revisions in or keep the worker's own books."""
MAX_LENT = 8
AT_ONCE = 50
"""Entries asked for in one message: each may have 1 MiB."""
INDEX_AT_ONCE = 512
"""Names of sealed files told to a worker in one message."""


class RemoteCompartment(Compartment):
    """The index of a class that is open in a worker."""

    def __init__(self, classification: Classification, channel: Channel) -> None:
        """Ask the worker at the other end of *channel*."""
        self.classification = classification
        self.channel = channel

    def close(self) -> None:
        """End the connection; the class stays open in the agent."""
        self.channel.close()

    def ask(self, verb: str, *args: Any, **named: Any) -> Any:
        """The worker's answer.

        Raises:
            Locked: the class was locked since this connection began.
        """
        try:
            return self.channel.ask(verb, *args, **named)
        except wire.Gone:
            raise self._locked() from None

    def tell(self, verb: str, *args: Any) -> None:
        """Have the worker do something that nobody waits for.

        Raises:
            Locked: as `ask`.
        """
        try:
            self.channel.tell(verb, *args)
        except wire.Gone:
            raise self._locked() from None

    def lent(self) -> int:
        """The connection, for another process to ask over while we do not.

        Raises:
            Locked: as `ask`.
        """
        return self.channel.connection.fileno()

    def _locked(self) -> Locked:
        return Locked(f"{self.classification} was locked meanwhile", remedy="run: memory unlock")

    def entries(self, filters: Filters, limit: int, offset: int = 0) -> list[Entry]:
        """As in `Compartment`, in several messages where there are many."""
        found: list[Entry] = []
        while len(found) < limit:
            wanted = min(AT_ONCE, limit - len(found))
            some = self.ask("entries", filters, wanted, offset + len(found))
            found += some
            if len(some) < wanted:
                break
        return found

    def fetch(self, rowids: Iterable[int]) -> dict[int, Entry]:
        """As in `Compartment`, in several messages where there are many."""
        wanted = list(rowids)
        found: dict[int, Entry] = {}
        for start in range(0, len(wanted), AT_ONCE):
            found |= self.ask("fetch", wanted[start : start + AT_ONCE])
        return found

    def forget(self, names: Sequence[str], load: Callable[[str], "Revision | None"]) -> None:  # noqa: ARG002
        """As in `Compartment`; the worker opens revisions itself."""
        self.ask("forget", list(names))


def _verb(name: str) -> Callable[..., Any]:
    def ask(self: RemoteCompartment, *args: Any, **named: Any) -> Any:
        return self.ask(name, *args, **named)

    ask.__name__ = name
    ask.__doc__ = f"As `Compartment.{name}`, in the worker."
    return ask


for _name in sorted(VERBS - set(vars(RemoteCompartment))):
    setattr(RemoteCompartment, _name, _verb(_name))


@contextmanager
def _lent(compartment: Compartment) -> Iterator[int]:
    """A connection over which another process may ask *compartment* its verbs.

    One that is open in this process answers from a thread, while the lender waits and does nothing with it.
    """
    if isinstance(compartment, RemoteCompartment):
        yield compartment.lent()
        return
    ours, theirs = socket.socketpair()
    answering = threading.Thread(target=_answer, args=(compartment, ours), daemon=True)
    answering.start()
    try:
        yield theirs.fileno()
    finally:
        theirs.close()
        with suppress(OSError):
            ours.shutdown(socket.SHUT_RDWR)
        answering.join()


def _answer(compartment: Compartment, asked: socket.socket) -> None:
    """Answer what comes over *asked* until it closes."""
    with asked, suppress(wire.Gone):
        while True:
            (number, verb, (args, named)), _ = wire.receive(asked)
            try:
                if verb not in VERBS:
                    raise VaultError(f"an index knows no {str(verb)[:30]}", remedy=wire.OTHER_VERSION)
                reply = ["value", getattr(compartment, verb)(*args, **named), []]
            except VaultError as error:
                reply = wire.failure(error)
            wire.send(asked, [number, reply])


class RemoteClass(OpenClass):
    """A class that is open in a worker; its keys are nowhere else."""

    here = False

    def __init__(self, compartment: RemoteCompartment) -> None:
        """The class whose index *compartment* asks."""
        self.compartment = compartment
        self._channel = compartment

    @property
    def keys(self) -> "ClassKeys":  # type: ignore[override]
        """Not here.

        Raises:
            Locked: always; what needs keys needs the secret, not the agent.
        """
        name = self.compartment.classification
        raise Locked(f"the keys of {name} are with the agent and stay there", remedy="give the passphrase or keyfile")

    def load(self, name: str) -> "Revision | None":
        """As in `OpenClass`."""
        return self._channel.ask("load", name)  # type: ignore[no-any-return]

    def index(self, own: Sequence[Incoming], foreign: Sequence[str]) -> None:
        """As in `OpenClass`; the worker opens and checks the sealed files itself.

        They are safe already: what is locked or lost meanwhile is indexed at the next opening. Of the files of other
        classes it is only told, because nothing waits for that.
        """
        names = [i.name for i in own]
        with suppress(Locked):
            for start in range(0, len(names), INDEX_AT_ONCE):
                self._channel.ask("index", names[start : start + INDEX_AT_ONCE], [])
            for start in range(0, len(foreign), INDEX_AT_ONCE):
                self._channel.tell("index", [], list(foreign[start : start + INDEX_AT_ONCE]))

    def rebuild(self) -> None:
        """As in `OpenClass`, and filled at once."""
        self._channel.ask("rebuild")

    def strange_sections(self) -> Sequence[str]:
        """As in `OpenClass`."""
        return self._channel.ask("strange_sections")  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the connection; the class stays open in the agent."""
        self.compartment.close()


class RemoteReader(Reader):
    """The model that is loaded in the agent. Where the agent is gone, it is loaded here: a capture must not fail."""

    def __init__(self, here: Reader, config: Path | None) -> None:
        """Ask the agent when first asked, about texts read by the settings at *config*; *here* stands in."""
        super().__init__(here.models, here.config)
        self.notes = here.notes
        self._here = here
        self._config = config
        self._connected: Channel | None = None
        self._gone = False

    def close(self) -> None:
        """End the connection, and free what was loaded here."""
        if self._connected is not None:
            self._connected.close()
        self._here.close()

    @property
    def _channel(self) -> Channel | None:
        if self._connected is None and not self._gone:
            agent = connect()
            self._gone = agent is None
            if agent is not None:
                with agent:
                    self._connected = Channel(agent.model(self.models.directory, self._config), self.notes)
        return self._connected

    def _ask(self, verb: str, *args: Any, **named: Any) -> Any:
        channel = self._channel
        if channel is not None:
            try:
                return channel.ask(verb, *args, **named)
            except wire.Gone:
                self._lost()
        return getattr(self._here, verb)(*args)

    def model(self) -> tuple[str, int] | None:
        """As in `Reader`."""
        return self._ask("model")  # type: ignore[no-any-return]

    def prepare(
        self, compartments: Sequence[Compartment], drafts: "Sequence[Draft]", vocabulary: Sequence[str]
    ) -> "list[Prepared]":
        """As in `Reader`; what cannot be an entry might not cross, so it is refused before."""
        from vault.preparing import check

        checked = [check(d) for d in drafts]
        return self._lend(  # type: ignore[no-any-return]
            "prepare", compartments, checked, list(vocabulary), meanwhile=_load_what_seals
        )

    def why(self, compartments: Sequence[Compartment], draft: "Draft", vocabulary: Sequence[str]) -> "Reasons":
        """As in `Reader`."""
        from vault.preparing import check

        return self._lend("why", compartments, check(draft), list(vocabulary))  # type: ignore[no-any-return]

    def recheck(
        self, compartments: Sequence[Compartment], place: int, after: int, vocabulary: Sequence[str]
    ) -> "tuple[int | None, int, list[tuple[Entry, Verdict]]]":
        """As in `Reader`."""
        return self._lend("recheck", compartments, place, after, list(vocabulary))  # type: ignore[no-any-return]

    def judged_by(self) -> str:
        """As in `Reader`."""
        return self._ask("judged_by")  # type: ignore[no-any-return]

    def embed_waiting(self, compartments: Sequence[Compartment], progress: "Progress | None" = None) -> int:
        """As in `Reader`."""
        return self._lend("embed_waiting", compartments, progress=progress)  # type: ignore[no-any-return]

    def search(
        self, compartments: Sequence[Compartment], query: "str | Query | Request", limit: int, mode: str
    ) -> "list[Hit]":
        """As in `Reader`."""
        return self._lend("search", compartments, query, limit, mode)  # type: ignore[no-any-return]

    def _lend(
        self,
        verb: str,
        compartments: Sequence[Compartment],
        *args: Any,
        meanwhile: Callable[[], object] | None = None,
        **named: Any,
    ) -> Any:
        """Ask with *compartments* lent for as long as it takes."""
        channel = self._channel
        if channel is None or len(compartments) > MAX_LENT:
            return getattr(self._here, verb)(compartments, *args, **named)
        classes = [c.classification.value for c in compartments]
        try:
            with ExitStack() as lent:
                fds = [lent.enter_context(_lent(c)) for c in compartments]
                return channel.ask(verb, classes, *args, fds=fds, meanwhile=meanwhile, **named)
        except wire.Gone:
            self._lost()
            return getattr(self._here, verb)(compartments, *args, **named)

    def _lost(self) -> None:
        self._connected, self._gone = None, True
        self.notes.append("the agent's model is gone; it is loaded here")


def _load_what_seals() -> None:
    """What a capture needs next, loaded while the model reads."""
    import pyrage  # noqa: F401
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: F401

    from vault import seal  # noqa: F401
