"""``edit rm restore move tag``: changing what is there."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import options, prompt, shapes
from memory_cli.intake import decoded, keeping
from memory_cli.session import Session
from vault.errors import Aborted, InvalidInput

if TYPE_CHECKING:
    from vault.entry import Entry

Id = Annotated[str, typer.Argument(metavar="ID", help="Id or unique beginning of 4 characters or more.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids or unique beginnings.")]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command("edit")(edit)
    app.command("rm")(rm)
    app.command("restore")(restore)
    app.command("move")(move)
    app.command("tag")(tag)


def edit(
    context: typer.Context,
    entry_id: Id,
    title: Annotated[str | None, typer.Option("--title", help="A new title.")] = None,
    created: Annotated[str | None, typer.Option("--created", help="A new date.")] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Take the new text from a pipe instead of the editor.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Change an entry in the editor; the older revision stays in its history.

    Examples:

        memory edit 7k2m

        memory edit 7k2m --title "Boiler, 2026"
    """
    session: Session = context.obj
    with session.open() as vault:
        old = vault.get(entry_id, trash=False)
        text, buffer = None, None
        if stdin:
            text = decoded(sys.stdin.buffer.read(2**20 + 1), "the piped text")
        elif title is None and created is None:
            text, buffer = _edited(session, old)
        with keeping(session.report, buffer):
            entry = vault.edit(old.id, text, title=title, created=created, base=old.revisions)
        if buffer is not None:
            buffer.discard()
    _say(session, [entry], json=json, verb="saved")


def _edited(session: Session, old: "Entry") -> "tuple[str, prompt.Buffer]":
    if not prompt.has_terminal():
        raise InvalidInput("there is no terminal for an editor", remedy="use --stdin or --title")
    buffer = prompt.Buffer(old.text)
    text = buffer.edit(session.config["capture.editor"])
    if text == old.text or not text.strip():
        buffer.discard()
        raise Aborted("nothing was changed")
    return text, buffer


def rm(
    context: typer.Context,
    ids: Ids,
    purge: Annotated[bool, typer.Option("--purge", help="Delete the sealed files for good.")] = False,
    yes: options.Yes = False,
    json: options.Json = False,
) -> None:
    """Put entries in the trash (`memory restore` brings them back).

    With --purge their files are deleted here and on devices that sync; copies in git history and backups
    remain, sealed.
    """
    session: Session = context.obj
    with session.open() as vault:
        entries = [vault.get(i) for i in ids]
        if purge:
            prompt.confirm(f"delete {len(entries)} entries for good?", yes=yes)
        gone = [vault.delete(e.id, purge=purge) for e in entries]
    if purge:
        session.report.note("memory: copies in git history and backups remain, sealed")
    _say(session, gone, json=json, verb="purged" if purge else "in the trash")


def restore(
    context: typer.Context,
    ids: Ids,
    revision: Annotated[str | None, typer.Option("--revision", help="Bring back this revision (see history).")] = None,
    json: options.Json = False,
) -> None:
    """Bring entries back from the trash, or an older revision of one."""
    session: Session = context.obj
    if revision is not None and len(ids) != 1:
        raise InvalidInput("--revision goes with one id", remedy="give one id")
    with session.open() as vault:
        entries = [vault.restore(i, revision) for i in ids]
    _say(session, entries, json=json, verb="restored")


def move(
    context: typer.Context,
    ids: Ids,
    classification: Annotated[str, typer.Option("--class", "-c", help="The class to file them under.")],
    json: options.Json = False,
) -> None:
    """File entries under another class: memory move 7k2m -c secret."""
    session: Session = context.obj
    with session.open() as vault:
        old = [vault.get(i, trash=False) for i in ids]
        entries = [vault.move(e.id, classification) for e in old]
    if any(new.level > before.level for new, before in zip(entries, old, strict=True)):
        session.report.warn(
            "raised, but what was sealed before stays in history under the old class "
            "(rm --purge and add it anew if it must go)"
        )
    _say(session, entries, json=json, verb="moved")


def tag(
    context: typer.Context,
    entry_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="An entry; without one, all tags.")] = None,
    changes: Annotated[list[str] | None, typer.Argument(help="tag or +tag adds, -tag removes.")] = None,
    json: options.Json = False,
) -> None:
    """List tags, or change those of an entry: memory tag 7k2m work -urgent."""
    session: Session = context.obj
    with session.open() as vault:
        if entry_id is None:
            counts = sorted(vault.tags().items(), key=lambda row: (-row[1], row[0]))
            if json:
                session.report.json([{"tag": name, "count": count} for name, count in counts])
            else:
                for name, count in counts:
                    session.report.line(f"{count:6}  ", session.report.styled(name))
            return
        entry = vault.get(entry_id, trash=False)
        if changes:
            removed = {c[1:].casefold() for c in changes if c.startswith("-")}
            added = [c.removeprefix("+") for c in changes if not c.startswith("-")]
            entry = vault.edit(entry.id, tags=[*(t for t in entry.tags if t not in removed), *added])
    if json:
        session.report.json(shapes.listed(entry))
    else:
        session.report.line(session.report.styled(" ".join(f"#{t}" for t in entry.tags)))


def _say(session: Session, entries: "list[Entry]", *, json: bool, verb: str) -> None:
    if json:
        rows = [shapes.captured(e) for e in entries]
        session.report.json(rows[0] if len(rows) == 1 else rows)
    else:
        for entry in entries:
            session.report.line(
                session.report.styled(entry.id[:8], bold=True),
                f"  {verb}  {entry.classification}  ",
                session.report.styled(shapes.headline(entry)),
            )
    for entry in entries:
        for warning in entry.warnings:
            session.report.warn(warning)
