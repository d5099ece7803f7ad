"""The open classes of a vault where some, or all, are open in the agent."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vault.agent.channel import Channel
from vault.agent.client import Agent, Attached, connect, started
from vault.agent.remote import RemoteClass, RemoteCompartment
from vault.classification import Classification
from vault.opened import OpenClasses, Take

if TYPE_CHECKING:
    from vault.keys.unlocked import ClassKeys


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the agent is to keep open, and how long."""

    terms: Mapping[Classification, tuple[float, float]]
    """Class → (seconds in all, seconds without use), 0 for no such limit."""
    all_terminals: bool = False
    """Whether other terminal sessions of the user may use it too."""


@dataclass
class AgentClasses(OpenClasses):
    """As `OpenClasses`; classes that the agent has open for this terminal are there from the start."""

    keeping: Keeping | None = None
    """Given where an unlock is to go to the agent; without it, it is for this process alone."""
    seconds: dict[Classification, float | None] = field(default_factory=dict)
    """Until the agent locks each class it has open."""

    def attach(self) -> None:
        """Take up what the agent has opened since, and let go of what it has locked."""
        agent = connect()
        row = {}
        if agent is not None:
            with agent:
                row = agent.open(self.home.path)
                if set(row) - set(self.classes):
                    self.take_over(agent.attach(self.home.vault_id, self.home.path))
        self.seconds = row
        self.lock_here([c.classification for c in self if not c.here and c.classification not in row])

    def take_over(self, attached: Attached) -> None:
        """Use what the agent has open."""
        self.seconds = dict(attached.seconds)
        for classification, connection in attached.classes.items():
            self.lock_here([classification])
            compartment = RemoteCompartment(classification, Channel(connection, self.notes))
            self.classes[classification] = RemoteClass(compartment)

    @contextmanager
    def opening(self, classes: Sequence[Classification]) -> Iterator[Take]:
        """As in `OpenClasses`: with `keeping`, workers start now, while the secret is still being stretched."""
        if self.keeping is None:
            yield self.add
            return
        terms = {c: limits for c, limits in self.keeping.terms.items() if c in classes}
        with started() as agent:
            pipes = agent.unlock(
                self.home.vault_id, self.home.path, terms, all_terminals=self.keeping.all_terminals
            )
            try:
                yield lambda keys, _progress: self._hand_over(agent, pipes, keys)
            finally:
                for pipe in pipes.values():
                    with suppress(OSError):
                        os.close(pipe)

    def _hand_over(
        self, agent: Agent, pipes: dict[Classification, int], keys: "Mapping[Classification, ClassKeys]"
    ) -> None:
        from vault.agent.keeper import hand_over

        for classification in list(pipes):
            pipe = pipes.pop(classification)
            if classification in keys:
                hand_over(pipe, self.home, keys[classification].newest)
            else:
                os.close(pipe)
        agent.opened()
        self.take_over(agent.attach(self.home.vault_id, self.home.path))

    def lock(self, classes: Iterable[Classification]) -> None:
        """As in `OpenClasses`, and in the agent: their workers are killed."""
        chosen = list(classes)
        self.lock_here(chosen)
        agent = connect()
        if agent is not None:
            with agent:
                agent.lock(self.home.vault_id, chosen)

    def lock_here(self, classes: Iterable[Classification]) -> None:
        """Hang up on these classes; the agent keeps them."""
        super().lock(classes)

    def close(self) -> None:
        """Hang up on every class; the agent keeps them."""
        self.lock_here(tuple(self.classes))
