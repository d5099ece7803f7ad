"""``memory add``: from arguments, a file, a pipe or the editor."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import options, shapes
from memory_cli.session import Session
from vault.classification import Classification
from vault.entry import MAX_TEXT
from vault.errors import Aborted, InvalidInput, NotFound, VaultError

if TYPE_CHECKING:
    from datetime import datetime

    from memory_cli.prompt import Buffer
    from memory_cli.report import Report
    from vault.entry import Entry
    from vault.vault import Vault

SECRET_LEVEL = Classification.SECRET.level


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command("add")(add)


def add(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(help="The text; may begin with a date: 'yesterday at 9am: …'.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Take the text from this file.")] = None,
    classification: options.Class = None,
    tags: options.Tags = None,
    title: Annotated[str | None, typer.Option("--title", help="A title (default: the text's heading).")] = None,
    source: options.Source = None,
    created: Annotated[
        str | None, typer.Option("--created", help="When it happened: 2026-03-02, 2026-03-02T09:30.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Keep a text. Works while the vault is locked; never asks for a passphrase.

    The text comes from --file, else the arguments, else a pipe, else the editor.

    Examples:

        memory add "Anna's birthday is on 3 May" -t family

        journalctl -u nginx -n 100 | memory add -t ops --title "nginx, after the update"

        memory add 'yesterday at 9am: the boiler was repaired'
    """
    session: Session = context.obj
    from vault.arguments import as_class, as_moment

    as_class(classification)  # what is wrong is said now, not after an evening in the editor
    as_moment(created)
    captured = _capture_of(session, words, file, created)
    with keeping(session.report, captured.buffer), session.locked() as vault:
        entry = vault.capture(
            captured.text, classification, title, tags or (), captured.moment, source or captured.origin
        )
        if captured.buffer is not None:
            captured.buffer.discard()
        _say(session, vault, entry, json=json, argument=captured.origin == "shell")


@dataclass(frozen=True)
class _Captured:
    """A text on its way in, and where it came from."""

    text: str
    origin: str
    moment: "datetime | str | None" = None
    buffer: "Buffer | None" = None
    """The editor's buffer, kept until the text is safe."""


def _capture_of(session: Session, words: list[str] | None, file: Path | None, created: str | None) -> _Captured:
    if file is not None:
        return _Captured(_from_file(file), "file", created)
    if words:
        moment, text = (created, " ".join(words)) if created else _dated(" ".join(words))
        return _Captured(text, "shell", moment)
    if not sys.stdin.isatty():
        return _Captured(decoded(sys.stdin.buffer.read(MAX_TEXT + 1), "the piped text"), "pipe", created)
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


def _from_editor(session: Session, created: str | None) -> _Captured:
    from memory_cli.prompt import Buffer

    session.need_vault()  # before an evening is spent in the editor
    buffer = Buffer()
    text = buffer.edit(session.config["capture.editor"])
    if not text.strip():
        buffer.discard()
        raise Aborted("the text is empty, nothing was saved")
    return _Captured(text, "editor", created, buffer)


def _say(session: Session, vault: "Vault", entry: "Entry", *, json: bool, argument: bool) -> None:
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
