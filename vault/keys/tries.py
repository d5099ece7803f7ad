"""One secret tried at the keyslots of sections, and what that may cost where nobody vouches for them.

Argon2 is the only dear step, so what is bounded is the number of its runs, their memory and their iterations.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from vault.errors import Damaged
from vault.keys.keyslots import Secret, unwrap
from vault.keys.roots import Root
from vault.keys.sections import Section
from vault.keys.slots import RESTORE, KdfParams, Slot
from vault.keys.stretching import KdfLimits, Stretched

MAX_KDF_RUNS = 4
"""Distinct Argon2 parameter sets tried per secret and class: a planted section cannot buy more than this."""
MAX_RUNS_BESIDE = 2
"""The same for sections beside a pinned one, where the pinned slots' own parameters do not count."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What sections that nobody vouches for may cost."""

    runs: int
    """Distinct Argon2 parameter sets for one secret, beside those that are *free*."""
    memory_kib: int
    iterations: int
    free: frozenset[KdfParams]
    """Of the pinned slots: what they cost was spent already."""

    @classmethod
    def of(cls, known: Sequence[Section], limits: KdfLimits) -> "Bound":
        """No dearer than the *known* (pinned) slots once strengthened, or than any new slot where there are none."""
        free = frozenset(slot.kdf for s in known for slot in s.header.slots if slot.kdf)
        own = [limits.floor(kdf) for kdf in free]
        memory = max((kdf.memory_kib for kdf in own), default=limits.made_memory_kib)
        iterations = max((kdf.iterations for kdf in own), default=limits.max_iterations)
        return cls(MAX_RUNS_BESIDE if known else MAX_KDF_RUNS, memory, iterations, free)

    def check(self, tried: AbstractSet[KdfParams]) -> None:
        """Refuse to go on.

        Raises:
            Damaged: planted slots ask for too many Argon2 runs, or too dear ones.
        """
        if len(tried - self.free) > self.runs:
            raise Damaged("too many different keyslot parameters", remedy=RESTORE)
        if any(kdf.memory_kib > self.memory_kib or kdf.iterations > self.iterations for kdf in tried - self.free):
            raise Damaged("a keyslot asks for Argon2 parameters that no slot of this vault has", remedy=RESTORE)


class Tries:
    """One passphrase (alone and with second secrets) or other secret, tried at slots at a bounded cost."""

    def __init__(self, secrets: Sequence[Secret], stretched: Stretched, bound: Bound | None) -> None:
        """Try *secrets* within *bound*; without one, within the number of runs that pinned sections have."""
        self._secrets: dict[str, list[Secret]] = {}
        for secret in secrets:
            self._secrets.setdefault(secret.kind, []).append(secret)
        self._stretched = stretched
        self._bound = bound
        self._runs: set[KdfParams] = set()

    def roots(self, section: Section) -> Iterator[tuple[Slot, Root]]:
        """The slots of *section* that open, each with the root in it.

        Raises:
            Damaged: planted slots ask for too many Argon2 runs, or one that fits was altered.
        """
        header = section.header
        frame = Root(header.vault_id, header.classification, header.generation, b"")
        for slot in header.slots:
            for secret in self._secrets.get(slot.kind, ()):
                self._count(slot)
                root = unwrap(slot, frame, secret, self._stretched)
                if root is not None:
                    yield slot, root
                    break

    def _count(self, slot: Slot) -> None:
        if slot.kdf is None or slot.kdf in self._runs:
            return
        tried = self._runs | {slot.kdf}
        if self._bound:
            self._bound.check(tried)
        elif len(tried) > MAX_KDF_RUNS:
            raise Damaged("too many different keyslot parameters", remedy=RESTORE)
        self._runs = tried
