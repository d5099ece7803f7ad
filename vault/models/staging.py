"""Building a model beside the others and making it appear at once.

Promises: one installation at a time per directory, a killed one leaves nothing that the next does not
sweep, and a published model is complete and on the disk.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vault import durable
from vault.models.record import ModelInfo, to_json

WEIGHTS = "model.gguf"
RECORD = "model.json"


@contextmanager
def exclusive(directory: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Be the only one to change the models in *directory*; calls *waiting* once if another is at it.

    Raises:
        StorageFailed: the directory cannot be made or written.
    """
    import fcntl

    try:
        durable.make_directory(directory)
        lock = (directory / ".lock").open("w")
    except OSError as error:
        durable.fail(error, directory)
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in directory.glob(f"{durable.TEMPORARY}*"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
        yield


@contextmanager
def building(directory: Path) -> Iterator[Path]:
    """A place below *directory* to build a model in; gone afterwards, whatever happens.

    Raises:
        StorageFailed: no space, or no permission.
    """
    place = directory / f"{durable.TEMPORARY}{os.getpid()}-build"
    try:
        durable.make_directory(place)
        yield place
    except OSError as error:
        durable.fail(error, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def publish(place: Path, directory: Path, info: ModelInfo) -> None:
    """Make the model whose weights lie in *place* appear in *directory*, replacing a damaged one."""
    with (place / WEIGHTS).open("rb") as file:
        durable.sync_fd(file.fileno())
    durable.write_file(place / RECORD, to_json(info))
    final = directory / info.name
    if final.exists():  # rename cannot replace a directory that is not empty
        durable.rename(final, _doomed(directory, info.name))
    durable.rename(place, final)


def withdraw(directory: Path, name: str) -> None:
    """Make the model *name* disappear from *directory*, at once."""
    durable.rename(directory / name, _doomed(directory, name))
    shutil.rmtree(_doomed(directory, name), ignore_errors=True)


def _doomed(directory: Path, name: str) -> Path:
    return directory / f"{durable.TEMPORARY}{os.getpid()}-{name}"
