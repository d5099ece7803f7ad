"""The way in: a plain search or capture is answered at once, the rest by the program; every error leaves through here.

Building commands takes longer than a search through the agent does, so `fast` is asked first.
"""

import os
import sys
from contextlib import suppress

from memory_cli import fast


def main() -> None:
    """Run the program; what goes wrong ends with its exit code and one line."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before we began
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123, SIM115
    _die_quietly_with_the_pipe()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads and the model's would get in each other's way
    try:
        try:
            _do(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 (the boundary: nothing gets past it with a traceback)
        sys.exit(_fail(error))


def _do(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        sys.stdout.write(f"memory {fast.version()}\n")
    elif "_MEMORY_COMPLETE" not in os.environ and fast.answered(arguments):
        _leave()
    else:
        from memory_cli.app import run

        run(arguments)


def _leave() -> None:
    """End now. Everything is closed; taking a whole interpreter apart would cost a tenth of a plain command's time."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _die_quietly_with_the_pipe() -> None:
    """``memory list | head`` ends as every other program does; what was acknowledged is durable already."""
    with suppress(ImportError, AttributeError, ValueError):
        from signal import SIG_DFL, SIGPIPE, signal

        signal(SIGPIPE, SIG_DFL)


def _give_up_unwritten_output() -> None:
    """Where stdout takes no more, the interpreter would try once more at its end, and end with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _fail(error: Exception) -> int:
    from pathlib import Path

    from memory_cli.report import Report
    from vault.errors import StorageFailed, VaultError

    if isinstance(error, OSError):
        _give_up_unwritten_output()
        reason = (error.strerror or type(error).__name__).lower()
        error = StorageFailed(f"{error.filename or 'input/output'}: {reason}", remedy="check path, space, permissions")
    if isinstance(error, VaultError):
        return Report().error(error)
    # No text of the exception: it may hold what somebody typed.
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else "?"
    Report().warn(f"unexpected {type(error).__name__} at {place} (please report this; nothing acknowledged is lost)")
    return 1
