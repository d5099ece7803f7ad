"""Which classes are open, for how long, and what closes them.

The one place of the app that opens and closes classes. What the agent holds is gone with the process that held it;
keys that were unlocked in this process stay in its memory until it ends.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vault.classification import Classification
from vault.vault import Vault

if TYPE_CHECKING:
    from vault.keys.keyslots import Secret
    from vault.reconcile import Progress


CACHE = 20
"""MiB of pages that each class may hold in this process: 100,000 entries are browsed within 200 MiB."""


@dataclass(slots=True)
class Locks:
    """What is open, since when, and when it will be locked."""

    after: float
    """Seconds without a key or click after which everything is locked; 0 never."""
    clock: Callable[[], float] = time.monotonic
    opened: dict[Classification, float] = field(default_factory=dict)
    """Open class → when it was opened."""
    touched: float = 0.0
    """When the person was last seen."""

    def learn(self, classes: Iterable[Classification]) -> None:
        """These are open now, and no others."""
        now = self.clock()
        self.opened = {c: self.opened.get(c, now) for c in classes}
        self.touched = now

    def touch(self) -> None:
        """The person is there."""
        self.touched = self.clock()

    @property
    def left(self) -> float | None:
        """Seconds until the lock falls; None if it does not."""
        if not self.opened or not self.after:
            return None
        return max(0.0, self.touched + self.after - self.clock())

    def open_for(self, classification: Classification) -> float | None:
        """Seconds that a class has been open; None where it is locked."""
        since = self.opened.get(classification)
        return None if since is None else self.clock() - since


def unlock(
    vault: Vault, secrets: "Sequence[Secret]", classes: Sequence[Classification], progress: "Progress"
) -> tuple[Classification, ...]:
    """Open *classes* with what was given; returns all that are open."""
    before = set(vault.open_classes)
    opened = vault.unlock(secrets, classes, progress)
    for compartment in vault.opened.compartments:
        if compartment.classification not in before:  # opened in this process, which stays for hours
            compartment.limit_cache(CACHE)
    return opened


def lock(vault: Vault) -> tuple[Classification, ...]:
    """Close every class."""
    vault.lock()
    return vault.open_classes


def span(seconds: float) -> str:
    """A time for people: ``42s``, ``9m``, ``2h 05m``."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{int(seconds)}s"
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"  # noqa: PLR2004
