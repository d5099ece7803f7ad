"""How a text comes in, from arguments, a file, a pipe or the editor, and what is said once it is kept.

No parser of command lines is loaded here, so that a plain ``memory add`` need not wait for one.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memory_cli import shapes
from vault.classification import Classification
from vault.entry import MAX_TEXT
from vault.errors import Aborted, InvalidInput, NotFound, VaultError

if TYPE_CHECKING:
    from datetime import datetime

    from memory_cli.prompt import Buffer
    from memory_cli.report import Report
    from memory_cli.session import Session
    from vault.entry import Entry
    from vault.vault import Vault

SECRET_LEVEL = Classification.SECRET.level


def add(
    session: "Session",
    words: Sequence[str],
    *,
    file: Path | None = None,
    classification: str | None = None,
    tags: Sequence[str] = (),
    title: str | None = None,
    source: str | None = None,
    created: str | None = None,
    json: bool = False,
) -> None:
    """Keep the text that *words*, *file*, a pipe or the editor gives, and say how it was filed.

    Raises:
        VaultError: as `Vault.capture`; a text written in the editor is kept, and the error says where.
    """
    from vault.arguments import as_class, as_moment

    as_class(classification)  # what is wrong is said now, not after an evening in the editor
    as_moment(created)
    given = _given(session, words, file, created)
    with keeping(session.report, given.buffer), session.locked() as vault:
        entry = vault.capture(given.text, classification, title, tags, given.moment, source or given.origin)
        if given.buffer is not None:
            given.buffer.discard()
        _say(session, vault, entry, json=json, argument=given.origin == "shell")


@dataclass(frozen=True)
class _Given:
    """A text on its way in, and where it came from."""

    text: str
    origin: str
    moment: "datetime | str | None" = None
    buffer: "Buffer | None" = None
    """The editor's buffer, kept until the text is safe."""


def _given(session: "Session", words: Sequence[str], file: Path | None, created: str | None) -> _Given:
    if file is not None:
        return _Given(_from_file(file), "file", created)
    if words:
        moment, text = (created, " ".join(words)) if created else _dated(" ".join(words))
        return _Given(text, "shell", moment)
    if not sys.stdin.isatty():
        return _Given(decoded(sys.stdin.buffer.read(MAX_TEXT + 1), "the piped text"), "pipe", created)
    return _from_editor(session, created)


@contextmanager
def keeping(report: "Report", buffer: "Buffer | None") -> Iterator[None]:
    """Whatever goes wrong in here, say where the text of the editor still is."""
    try:
        yield
    except BaseException as error:
        if buffer is not None and buffer.path.exists():
            where = f"your text is kept in {buffer.path}"
            if isinstance(error, VaultError):
                error.remedy = "; ".join(filter(None, [error.remedy, where]))
            else:
                report.warn(where)
        raise


def _dated(text: str) -> "tuple[datetime | None, str]":
    if ":" not in text:
        return None, text
    from vault.search.dates import split_date_prefix

    found = split_date_prefix(text)
    return found or (None, text)


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return decoded(file.read(MAX_TEXT + 1), str(path))
    except OSError as error:
        raise NotFound(f"cannot read {path}", remedy="check the path and its permissions") from error


def decoded(data: bytes, what: str) -> str:
    """The text that *data* is; refused when an entry cannot hold it."""
    if len(data) > MAX_TEXT:
        raise InvalidInput(f"{what} is larger than 1 MiB, which an entry holds", remedy="use: memory import FILE")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{what} is not valid UTF-8", remedy="convert it first: iconv -f latin1 -t utf-8") from error


def _from_editor(session: "Session", created: str | None) -> _Given:
    from memory_cli.prompt import Buffer

    session.need_vault()  # before an evening is spent in the editor
    buffer = Buffer()
    text = buffer.edit(session.config["capture.editor"])
    if not text.strip():
        buffer.discard()
        raise Aborted("the text is empty, nothing was saved")
    return _Given(text, "editor", created, buffer)


def _say(session: "Session", vault: "Vault", entry: "Entry", *, json: bool, argument: bool) -> None:
    report = session.report
    if json:
        report.json(shapes.captured(entry))
    else:
        sure = "" if entry.confidence is None else f"  {entry.confidence:.2f}"
        report.line(
            report.styled(entry.id[:8], bold=True),
            f"  {entry.classification}{sure}  ",
            report.styled(shapes.headline(entry)),
        )
        report.note(f"memory: {entry.reasoning}")
    for warning in entry.warnings:
        report.warn(warning)
    if argument and entry.level >= SECRET_LEVEL:
        report.warn("this text was an argument: it may be in your shell's history (use a pipe, a file or the editor)")
    if entry.classification not in vault.open_classes:
        report.note(f"memory: {entry.classification} is locked: sealed now, searchable after the next unlock")
