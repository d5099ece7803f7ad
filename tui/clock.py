"""The present, as the app shows it; in one place so that pictures in tests can stand still."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware."""
    return datetime.now(UTC)
