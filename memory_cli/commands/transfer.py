"""``import`` and ``export``: thousands at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import options, prompt
from memory_cli.session import Session

if TYPE_CHECKING:
    from vault.transfer import ImportReport

_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command("import")(import_)
    app.command("export")(export)


def import_(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Folders of Markdown, or Markdown and JSONL files.")],
    format_name: Annotated[
        str | None, typer.Option("--format", help="markdown or jsonl (default: by looking).")
    ] = None,
    classification: options.Class = None,
    tags: options.Tags = None,
    source: options.Source = None,
    dry_run: options.DryRun = False,
    json: options.Json = False,
) -> None:
    """Import notes; running it again updates what changed and leaves the rest alone.

    It can be interrupted at any time: what was acknowledged stays, and the next run goes on.

    Examples:

        memory import ~/notes

        memory import chat.jsonl -t chat --dry-run
    """
    session: Session = context.obj
    reports = []
    with session.open() as vault:
        for path in paths:
            with session.report.progress() as progress:
                reports.append(
                    vault.import_from(
                        path,
                        format_name=format_name,
                        classification=classification,
                        tags=tags or (),
                        source=source or "",
                        dry_run=dry_run,
                        progress=progress,
                    )
                )
    for path, report in zip(paths, reports, strict=True):
        _say(session, path, report, dry_run=dry_run, json=json)


def _say(session: Session, path: Path, report: "ImportReport", *, dry_run: bool, json: bool) -> None:
    out = session.report
    by_class = {c.value: n for c, n in sorted(report.by_class.items(), key=lambda row: row[0].level)}
    if json:
        out.json(
            {
                "path": str(path),
                "dry_run": dry_run,
                "added": report.added,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "waiting": report.waiting,
                "skipped": [{"where": s.where, "reason": s.reason} for s in report.notes],
                "by_class": by_class,
            }
        )
    else:
        would = "would be " if dry_run else ""
        out.line(
            out.styled(str(path), bold=True),
            f"  {report.added} {would}added, {report.updated} {would}updated, {report.unchanged} unchanged, "
            f"{report.skipped} skipped",
        )
        for name, count in by_class.items():
            out.line(f"  {count:6}  {name}")
    if report.waiting:
        out.warn(f"{report.waiting} belong to a locked class and were not taken (import again with it unlocked)")
    for skipped in report.notes[:_SHOWN] if not json else ():
        out.note(f"  skipped {skipped.where}: {skipped.reason}")
    if report.skipped > _SHOWN and not json:
        out.note(f"  … and {report.skipped - _SHOWN} more; --json lists them")


def export(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(help="A folder for markdown, a file for jsonl.")],
    query: Annotated[
        list[str] | None, typer.Argument(help="Filters: only these entries (default: all open ones).")
    ] = None,
    format_name: Annotated[str, typer.Option("--format", help="markdown or jsonl.")] = "markdown",
    classification: options.Class = None,
    tags: options.Tags = None,
    since: options.Since = None,
    until: options.Until = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are not an export of ours.")
    ] = False,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    json: options.Json = False,
) -> None:
    """Write entries in clear, private to you (0600).

    Examples:

        memory export ~/clear --yes

        memory export work.jsonl tag:work --format jsonl -y
    """
    session: Session = context.obj
    asked = options.query_of(query, classification=classification, tags=tags, since=since, until=until)
    if not dry_run:
        prompt.confirm(f"write entries in clear to {target}?", yes=yes)
    with session.open(asked.named) as vault, session.report.progress() as progress:
        count = vault.export_to(
            target, format_name=format_name, query=asked, dry_run=dry_run, overwrite=overwrite, progress=progress
        )
    if json:
        session.report.json({"path": str(target), "count": count, "dry_run": dry_run})
    else:
        session.report.line(
            session.report.styled(str(target), bold=True), f"  {count} {'would be ' if dry_run else ''}exported"
        )
