"""The only writer of stdout and stderr: data, notes, errors with their exit codes, progress.

stdout carries data and nothing else. On a terminal every string passes `safe_text`; into a pipe or file,
data goes out as it is. Exit codes are a promise: never renumbered.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vault import errors
from vault.text import safe_text

if TYPE_CHECKING:
    from vault.reconcile import Progress

EXIT_CODES: dict[type[errors.VaultError], tuple[int, str]] = {
    errors.InvalidInput: (2, "usage: the input cannot be taken as it is"),
    errors.Aborted: (3, "aborted by you"),
    errors.NoVault: (10, "no vault there"),
    errors.VaultBusy: (11, "vault busy"),
    errors.WrongPassphrase: (12, "wrong passphrase, keyfile or recovery code"),
    errors.Damaged: (13, "damaged or tampered"),
    errors.NotFound: (14, "not found"),
    errors.Conflict: (15, "conflict: it exists already or changed"),
    errors.ModelMissing: (16, "local model missing"),
    errors.Locked: (17, "locked"),
    errors.Refused: (18, "refused by clearance"),
    errors.StorageFailed: (19, "input/output error"),
}
OTHER_CODES = {0: "ok", 1: "unexpected error", 130: "interrupted"}


def exit_code(error: errors.VaultError) -> int:
    """The exit code of an error, by its class or the nearest base."""
    return next((EXIT_CODES[c][0] for c in type(error).__mro__ if c in EXIT_CODES), 1)


class Report:
    """Where a command says what it has to say."""

    def __init__(self, *, quiet: bool = False) -> None:
        """*quiet* drops notes and progress; errors are always said."""
        self.quiet = quiet
        self.to_terminal = sys.stdout.isatty()
        self.colour = self.to_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    # -- data -----------------------------------------------------------------------------------------

    def out(self, text: str = "", end: str = "\n") -> None:
        """One piece of data on stdout."""
        shown = safe_text(text) if self.to_terminal else text
        try:
            sys.stdout.write(shown + end)
        except UnicodeEncodeError:  # a locale that is not UTF-8
            encoding = sys.stdout.encoding or "ascii"
            sys.stdout.write((shown + end).encode(encoding, "backslashreplace").decode(encoding))

    def styled(self, text: str, *, bold: bool = False, dim: bool = False) -> str:
        """*text* for a line on stdout; plain where there is no colour. Pass the result to `line`."""
        clean = safe_text(text, newlines=False)
        if not self.colour or not (bold or dim):
            return clean
        return f"\x1b[{'1' if bold else '2'}m{clean}\x1b[0m"

    def line(self, *parts: str) -> None:
        """One line made of `styled` parts: already safe, so that our own styling survives."""
        sys.stdout.write("".join(parts) + "\n")

    def highlighted(self, snippet: str) -> str:
        """A snippet for a line: its ``**`` marks become bold where there is colour."""
        clean = safe_text(snippet, newlines=False)
        if not self.colour:
            return clean
        parts = clean.split("**")
        return "".join(f"\x1b[1m{part}\x1b[0m" if i % 2 else part for i, part in enumerate(parts))

    def json(self, value: Any) -> None:
        """A JSON document on stdout, readable, with controls escaped so that a terminal is safe too."""
        self.out(dumps(value, indent=2))

    def rows(self, rows: Iterable[dict[str, Any]], style: str, *, zero: bool = False) -> None:
        """Rows as ``json`` (one array), ``jsonl``, ``tsv`` or, with *zero*, ids ended by NUL."""
        if zero:
            for row in rows:
                self.out(str(row["id"]), end="\0")
        elif style == "jsonl":
            for row in rows:
                self.out(dumps(row))
        elif style == "tsv":
            for row in rows:
                cells = (", ".join(v) if isinstance(v, list) else v for v in row.values() if not isinstance(v, dict))
                self.out("\t".join("" if c is None else " ".join(str(c).split()) for c in cells))
        else:
            self.json(list(rows))

    # -- everything else ------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """A line for the person on stderr."""
        if not self.quiet:
            _stderr(safe_text(text))

    def tell(self, text: str) -> None:
        """What must reach the person even when quiet: a recovery kit."""
        _stderr(safe_text(text))

    def warn(self, text: str) -> None:
        """A line for the person on stderr that quiet does not drop."""
        _stderr(f"memory: {safe_text(text, newlines=False)}")

    def error(self, error: errors.VaultError) -> int:
        """Say what went wrong and what helps; gives the exit code."""
        remedy = f" ({error.remedy})" if error.remedy else ""
        self.warn(f"{error.message}{remedy}")
        return exit_code(error)

    @contextmanager
    def progress(self) -> "Iterator[Progress]":
        """A progress bar on stderr for work that takes over a second; a no-op where nobody looks."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda _phase, _done, _total: None
            return
        bar = _Bar()
        try:
            yield bar.update
        finally:
            bar.stop()


class _Bar:
    """Rich's progress bar, shown once the work has taken longer than a moment."""

    DELAY = 0.7

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}

    def update(self, phase: str, done: int, total: int | None) -> None:
        if self._progress is None:
            if time.monotonic() - self._started < self.DELAY:
                return
            self._progress = self._make()
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(safe_text(phase, newlines=False), total=total)
        self._progress.update(self._tasks[phase], completed=done, total=total)

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    @staticmethod
    def _make() -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        progress.start()
        return progress


def dumps(value: Any, indent: int | None = None) -> str:
    """JSON with readable non-ASCII, but nothing that a terminal would act on."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    if safe_text(text) == text:
        return text
    return "".join(ch if ch in "\n\t" or safe_text(ch) == ch else _escaped(ch) for ch in text)


def _escaped(ch: str) -> str:
    return json.dumps(ch)[1:-1] if ch != "\x7f" else "\\u007f"


def _stderr(text: str) -> None:
    try:
        try:
            sys.stderr.write(text + "\n")
        except UnicodeEncodeError:
            sys.stderr.write(text.encode("ascii", "backslashreplace").decode() + "\n")
        sys.stderr.flush()
    except OSError:  # a full disk under stderr: what was done is done, and nobody can be told more
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
