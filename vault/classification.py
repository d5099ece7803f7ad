"""The five classifications, their levels, and the probabilities below which a verdict for each is uncertain.

Everything else in the library asks this module which class is above which; nobody compares names.
"""

from enum import StrEnum

from vault.errors import InvalidInput


class Classification(StrEnum):
    """How sensitive a memory is; each has its own keys, files and database."""

    GENERAL = "general"
    CHRONOLOGICAL = "chronological"
    CONFIDENTIAL = "confidential"
    SECRET = "secret"  # noqa: S105 (a name)
    ULTRASECRET = "ultrasecret"

    @property
    def level(self) -> int:
        """Security level 1 (lowest) to 4."""
        return LEVELS[self]


LEVELS = {
    Classification.GENERAL: 1,
    Classification.CHRONOLOGICAL: 1,
    Classification.CONFIDENTIAL: 2,
    Classification.SECRET: 3,
    Classification.ULTRASECRET: 4,
}

THRESHOLDS = {
    Classification.CHRONOLOGICAL: 0.70,
    Classification.GENERAL: 0.60,
    Classification.CONFIDENTIAL: 0.80,
    Classification.SECRET: 0.90,
    Classification.ULTRASECRET: 0.95,
}
"""Probability below which a verdict for the class is uncertain (`docs/classification.md`)."""

ALL = tuple(Classification)


def parse(name: str) -> Classification | None:
    """The class called *name* (any unique prefix, any case), or None."""
    wanted = name.strip().lower()
    found = [c for c in ALL if wanted and c.value.startswith(wanted)]
    exact = [c for c in found if c.value == wanted]
    return exact[0] if exact else found[0] if len(found) == 1 else None


def named(name: str) -> Classification:
    """As `parse`, for a name that must be one.

    Raises:
        InvalidInput: there is no such class.
    """
    found = parse(name)
    if found is None:
        raise InvalidInput(f"no classification {name[:30]!r}", remedy=f"use one of {', '.join(ALL)}")
    return found
