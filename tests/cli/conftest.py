"""Fixtures of the command line tests: a program with an empty vault, without one, and with the model.

Homes lie in memory where that is possible: what is proved here is not the disk.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import MODELS, Program, fast_directory, with_model


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of the test's own."""
    with fast_directory() as path:
        yield path


@pytest.fixture
def bare(place: Path) -> Program:
    """The program in a home without a vault."""
    return Program(place)


@pytest.fixture
def memory(bare: Program) -> Program:
    """The program with a new, empty, words-only vault."""
    return bare.init()


@pytest.fixture(scope="module")
def shared() -> Iterator[Program]:
    """A vault for the whole module, for tests that change nothing in it."""
    with fast_directory() as path:
        yield Program(path).init()


@pytest.fixture
def modelled(bare: Program) -> Program:
    """The program with a new vault and the real model."""
    if not MODELS.exists() or importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("the local model is not installed")
    return with_model(bare).init()

