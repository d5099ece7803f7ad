"""What a passphrase costs: Argon2id, its bounds, and how dear a new vault makes it (`docs/format.md` section 2.2).

Argon2 is the only dear step of an unlock. Nothing here takes memory before its parameters were checked.
"""

import math
import os
import secrets
import time
from dataclasses import dataclass

from vault.errors import Damaged
from vault.keys.slots import RESTORE, KdfParams


@dataclass(frozen=True, slots=True)
class KdfLimits:
    """Bounds checked before Argon2 takes any memory. The default is production's; tests inject cheap ones."""

    min_memory_kib: int = 64 * 1024
    max_memory_kib: int = 4 * 1024 * 1024
    min_iterations: int = 3
    max_iterations: int = 16
    max_lanes: int = 16
    target_seconds: float = 1.0
    """What `calibrate` aims at for a new vault."""
    made_memory_kib: int = 1024 * 1024
    """What `calibrate` makes at most, so that a smaller device can still open it."""
    fresh_memory_kib: int = 0
    """What a new slot has at least, on any machine, if that is more than twice what is still accepted (which is 128 MiB
    in production); weaker slots are strengthened at the next unlock."""
    fresh_iterations: int = 0

    def check(self, params: KdfParams) -> None:
        """Refuse parameters outside the limits.

        Raises:
            Damaged: too weak to be ours, or so strong that obeying would be a denial of service.
        """
        fine = (
            self.min_memory_kib <= params.memory_kib <= self.max_memory_kib
            and self.min_iterations <= params.iterations <= self.max_iterations
            and 1 <= params.lanes <= self.max_lanes
            and len(params.salt) == 16  # noqa: PLR2004
        )
        if not fine:
            raise Damaged(
                "a keyslot asks for Argon2 parameters outside the limits",
                remedy=RESTORE,
            )

    def floor(self, params: KdfParams) -> KdfParams:
        """*params*, each cost at least what a new slot has; the same object where that changes nothing."""
        memory = max(params.memory_kib, min(2 * self.min_memory_kib, self.max_memory_kib), self.fresh_memory_kib)
        iterations = max(params.iterations, self.min_iterations, self.fresh_iterations)
        if (memory, iterations) == (params.memory_kib, params.iterations):
            return params
        return KdfParams(params.salt, memory, iterations, params.lanes)


class Stretched:
    """Passphrases stretched so far, so that one Argon2 run serves all classes of a passphrase group."""

    def __init__(self, limits: KdfLimits) -> None:
        """Obey *limits*."""
        self.limits = limits
        self._done: dict[tuple[bytes, KdfParams], bytes] = {}

    def of(self, passphrase: bytes, kdf: KdfParams) -> bytes:
        """Argon2id of *passphrase*: 32 bytes.

        Raises:
            Damaged: the parameters are outside the limits.
        """
        key = (passphrase, kdf)
        if key not in self._done:
            self.limits.check(kdf)
            self._done[key] = _argon2id(passphrase, kdf)
        return self._done[key]


def new_salt() -> bytes:
    """A fresh Argon2 salt for a passphrase group."""
    return secrets.token_bytes(16)


def calibrate(limits: KdfLimits) -> KdfParams:
    """Argon2 parameters that take about ``limits.target_seconds`` here, memory first (RFC 9106, section 4).

    The smallest run that a new slot may have is measured and memory scaled up from it, to at most 1 GiB and an eighth
    of this machine's memory. On a slow machine it stays the smallest, whatever it takes.
    """
    lanes = min(4, os.cpu_count() or 1)
    base = limits.floor(KdfParams(new_salt(), 0, 0, lanes))
    start = time.perf_counter()
    _argon2id(b"calibration", base)
    spent = max(time.perf_counter() - start, 1e-4)
    doublings = max(0, round(math.log2(limits.target_seconds / spent)))
    ceiling = min(limits.made_memory_kib, limits.max_memory_kib, max(base.memory_kib, _memory_kib() // 8))
    while doublings and base.memory_kib * 2**doublings > ceiling:
        doublings -= 1
    return KdfParams(base.salt, base.memory_kib * 2**doublings, base.iterations, lanes)


def _memory_kib() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    except (ValueError, OSError, AttributeError):
        return 2 * 1024 * 1024


def _argon2id(secret: bytes, params: KdfParams) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return Argon2id(
        salt=params.salt,
        length=32,
        iterations=params.iterations,
        lanes=params.lanes,
        memory_cost=params.memory_kib,
    ).derive(secret)
