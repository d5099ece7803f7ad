"""One thing a detector recognised. No field ever holds the secret itself, only where it is."""

from dataclasses import dataclass

from vault.classification import Classification


@dataclass(frozen=True, slots=True)
class Detection:
    """A credential, key or number found in a text, and the lowest class that may hold it."""

    kind: str
    """What it is, in a word or two: ``"payment card"``; stable, shown to people."""
    floor: Classification
    """``secret`` or ``ultrasecret``; a text with this inside is never filed lower without a warning."""
    start: int
    """First character, as an index into the scanned text."""
    end: int
    """One past the last character."""
    reason: str
    """Why it was taken for real, in one line; fixed words, never part of the text."""

    def covers(self, other: "Detection") -> bool:
        """Whether *other* lies inside this one and asks for no more."""
        return self.start <= other.start and other.end <= self.end and other.floor.level <= self.floor.level


def secret(kind: str, start: int, end: int, reason: str) -> Detection:
    """A detection with the floor ``secret``."""
    return Detection(kind, Classification.SECRET, start, end, reason)


def ultrasecret(kind: str, start: int, end: int, reason: str) -> Detection:
    """A detection with the floor ``ultrasecret``."""
    return Detection(kind, Classification.ULTRASECRET, start, end, reason)
