"""Fixtures of the agent's tests: every test has a runtime directory and an agent of its own, and leaves no process."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from desk import Desk, furnished
from program import fast_directory


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A vault with entries in every class, made once and copied for every test."""
    with fast_directory() as place:
        yield furnished(place)


@pytest.fixture
def desk(template: Path) -> Iterator[Desk]:
    """A home with a copy of the template, and no agent yet; whatever runs there at the end is ended."""
    with fast_directory() as place, Desk.copied(template, place / "d").at_work() as desk:
        yield desk


@pytest.fixture
def within(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk, with this process's environment pointing at it, so that the library finds its agent."""
    for name, value in desk.env.items():
        if name.startswith("XDG_"):
            monkeypatch.setenv(name, value)
    return desk
