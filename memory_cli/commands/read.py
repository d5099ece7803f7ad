"""``list show search history``: reading what is open."""

from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import options, shapes
from memory_cli.session import Session
from vault.errors import InvalidInput

if TYPE_CHECKING:
    from vault.entry import Entry

Query = Annotated[list[str] | None, typer.Argument(help="Words and filters; see `memory search --help`.")]


def register(app: typer.Typer) -> None:
    """Add this family's commands and their aliases."""
    app.command("list")(list_)
    app.command("ls", hidden=True)(list_)
    app.command("trash", help="What is in the trash (as `list --trash`).")(trash)
    app.command("show")(show)
    app.command("cat", hidden=True)(show)
    app.command("search")(search)
    app.command("find", hidden=True)(search)
    app.command("history")(history)


def list_(
    context: typer.Context,
    query: Query = None,
    classification: options.Class = None,
    tags: options.Tags = None,
    source: options.Source = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: options.Limit = None,
    offset: Annotated[int, typer.Option("--offset", help="Skip this many.", min=0)] = 0,
    trash: Annotated[bool, typer.Option("--trash", help="What is in the trash.")] = False,
    json: options.Json = False,
    style: options.Style = "text",
    null: options.Zero = False,
) -> None:
    """List entries, newest first.

    Examples:

        memory list -t work --since 2w

        memory list -c secret --json
    """
    session: Session = context.obj
    chosen = options.style_of(style, json, shapes.STYLES)
    asked = options.query_of(query, classification=classification, tags=tags, source=source, since=since, until=until)
    with session.open(asked.named) as vault:
        entries = vault.entries(asked, limit=limit or session.config["list.limit"], offset=offset, trash=trash)
    _print_entries(session, entries, chosen, null=null)


def trash(
    context: typer.Context, limit: options.Limit = None, json: options.Json = False, style: options.Style = "text"
) -> None:
    """What is in the trash."""
    list_(context, limit=limit, trash=True, json=json, style=style)


def _print_entries(session: Session, entries: "list[Entry]", style: str, *, null: bool) -> None:
    report = session.report
    if null or style in {"json", "jsonl", "tsv"}:
        report.rows((shapes.listed(e) for e in entries), style, zero=null)
    elif style == "md":
        shapes.print_markdown(report, entries)
    else:
        shapes.print_entries(report, entries)


def show(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(help="Ids or unique beginnings of 4 characters or more.")],
    classification: options.Class = None,
    json: options.Json = False,
    style: Annotated[str, typer.Option("--format", help="text, json, or md (the body alone, verbatim).")] = "text",
) -> None:
    """Show entries whole.

    Examples:

        memory show 7k2m

        memory show 7k2m --format md > note.md
    """
    session: Session = context.obj
    from vault.arguments import as_class

    chosen = options.style_of(style, json, ("text", "json", "md"))
    with session.open(filter(None, [as_class(classification)])) as vault:
        entries = [vault.get(i) for i in ids]
    if chosen == "json":
        rows = [shapes.shown(e) for e in entries]
        session.report.json(rows[0] if len(rows) == 1 else rows)
        return
    for entry in entries:
        if chosen == "text":
            _print_head(session, entry)
        session.report.out(entry.text, end="" if chosen == "md" else "\n")


def _print_head(session: Session, entry: "Entry") -> None:
    report = session.report
    created, updated = shapes.moment(entry.created), shapes.moment(entry.updated)
    facts = [
        ("id", entry.id),
        ("class", f"{entry.classification} (level {entry.level})"),
        ("created", created),
        ("updated", updated if updated != created else ""),
        ("tags", " ".join(f"#{t}" for t in entry.tags)),
        ("source", " ".join(filter(None, [entry.source, entry.source_id]))),
        ("context", entry.context),
        ("emotion", entry.emotion),
        ("why", entry.reasoning),
        ("state", ", ".join(filter(None, ["in the trash" * entry.deleted, "conflict" * entry.conflict]))),
    ]
    report.line(report.styled(shapes.headline(entry), bold=True))
    for name, value in facts:
        if value:
            report.line(report.styled(f"{name:9}", dim=True), report.styled(value))
    report.line()


def search(
    context: typer.Context,
    query: Annotated[list[str], typer.Argument(help='Words, "phrases", -exclusions, pref*, and filters.')],
    classification: options.Class = None,
    tags: options.Tags = None,
    source: options.Source = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: options.Limit = None,
    mode: Annotated[str | None, typer.Option("--mode", "-m", help="hybrid, keyword or semantic.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show how each leg of the search ranked it.")] = False,
    exit_status: Annotated[bool, typer.Option("--exit-status", help="Exit 14 when nothing is found.")] = False,
    json: options.Json = False,
    style: options.Style = "text",
    null: options.Zero = False,
) -> None:
    """Find entries by words and by meaning.

    Bare words rank, quotes require, - excludes, * completes. Filters: title: tag: class: source: after:
    before: on: has:

    Examples:

        memory search who repairs the heating

        memory search tesla OR edison -car 'edi*' tag:history after:2026-01

        memory search '"exact phrase"' -m keyword --json
    """
    session: Session = context.obj
    chosen = options.style_of(style, json, shapes.STYLES)
    asked = options.query_of(query, classification=classification, tags=tags, source=source, since=since, until=until)
    if asked == options.query_of(None):
        raise InvalidInput("there is nothing to search for", remedy="give a word or a filter")
    with session.open(asked.named) as vault:
        hits = vault.search(asked, limit or session.config["search.limit"], mode or session.config["search.mode"])
    if null or chosen in {"json", "jsonl", "tsv"}:
        session.report.rows((shapes.found(h, explain=explain) for h in hits), chosen, zero=null)
    elif chosen == "md":
        shapes.print_markdown(session.report, [h.entry for h in hits])
    else:
        shapes.print_hits(session.report, hits, explain=explain)
    if exit_status and not hits:
        raise typer.Exit(14)


def history(
    context: typer.Context,
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="Id or unique beginning.")],
    json: options.Json = False,
) -> None:
    """All revisions of an entry, newest first.

    Bring one back with: memory restore ID --revision NAME
    """
    session: Session = context.obj
    with session.open() as vault:
        versions = vault.history(entry_id)
    report = session.report
    if json:
        report.json([shapes.version_row(v) for v in versions])
        return
    for version in versions:
        mark = "*" if version.head else " "
        what = {"trash": "(put in the trash)", "moved": "(moved to another class)"}.get(version.kind, "")
        report.line(
            f"{mark} ",
            report.styled(version.name[:8], bold=True),
            f"  {shapes.day(version.updated)}  {version.entry.classification.value:13}  {version.device[:6]}  ",
            report.styled(what or shapes.headline(version.entry)),
        )
