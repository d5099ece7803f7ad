"""``status doctor config completion``: a vault's life beside its contents."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory_cli import options, prompt
from memory_cli.session import Session
from vault import config as configuration
from vault.classification import Classification
from vault.errors import InvalidInput, Locked

if TYPE_CHECKING:
    from vault.doctor import Finding
    from vault.vault import Vault

DAMAGED = 13


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command("status")(status)
    app.command("doctor")(doctor)
    settings = typer.Typer(no_args_is_help=True, help="Settings: list, get, set, path.", rich_markup_mode=None)
    settings.command("list")(config_list)
    settings.command("get")(config_get)
    settings.command("set")(config_set)
    settings.command("path")(config_path)
    app.add_typer(settings, name="config")
    app.command("completion")(completion)


def status(context: typer.Context, json: options.Json = False) -> None:
    """What is open, how much is in it, which model is in use. Asks for nothing."""
    session: Session = context.obj
    with session.locked() as vault:
        facts = _facts(vault)
    report = session.report
    if json:
        report.json(facts)
        return
    report.line(report.styled(facts["vault"], bold=True), "  ", report.styled(facts["id"], dim=True))
    report.line(f"device   {facts['device']}")
    report.line("model    ", report.styled(facts["model"] or "none (words only): memory model install"))
    for name in Classification:
        row = facts["classes"][name.value]
        state = f"{row['entries']} entries, {row['trash']} in the trash" if row["open"] else "locked"
        report.line(f"{name.value:14} {state}")


def _facts(vault: "Vault") -> dict[str, Any]:
    counts = vault.counts()
    active = vault.models.active("embedder")
    return {
        "vault": str(vault.home.path),
        "id": vault.home.vault_id,
        "device": vault.home.device_key().device.id,
        "model": active.name if active else None,
        "waiting_for_vectors": sum(c.waiting() for c in vault.opened.compartments),
        "classes": {
            c.value: {
                "open": c in counts,
                "entries": counts[c][0] if c in counts else None,
                "trash": counts[c][1] if c in counts else None,
            }
            for c in Classification
        },
    }


def doctor(
    context: typer.Context,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the indexes anew from the sealed files.")] = False,
    embed: Annotated[bool, typer.Option("--embed", help="Give entries that wait for vectors theirs.")] = False,
    json: options.Json = False,
) -> None:
    """Examine the vault: files, header, indexes, model. Exits 13 if something is damaged.

    Nothing is changed, unless --rebuild or --embed says so; the sealed files never are.
    """
    session: Session = context.obj
    closed = not prompt.has_terminal() and not session.secrets_at_hand()
    with session.locked() if closed else session.open() as vault, session.report.progress() as progress:
        if rebuild:
            if not vault.open_classes:
                raise Locked("every class is locked: no index can be made anew", remedy="give a passphrase or keyfile")
            vault.rebuild(progress)
        if embed or (rebuild and vault.models.active("embedder")):
            vault.embed_waiting(progress)
        findings = vault.examine(progress)
        locked = vault.locked_classes
    _print_findings(session, findings, json=json)
    if locked and not json:
        session.report.note(f"memory: locked and so not looked into: {', '.join(locked)}")
    if any(f.severity == "error" for f in findings):
        raise typer.Exit(DAMAGED)


def _print_findings(session: Session, findings: "list[Finding]", *, json: bool) -> None:
    report = session.report
    if json:
        report.json(
            [{"severity": f.severity, "subject": f.subject, "message": f.message, "remedy": f.remedy} for f in findings]
        )
        return
    for f in findings:
        remedy = f"  → {f.remedy}" if f.remedy else ""
        said = report.styled(f"{f.message}{remedy}")
        report.line(f"{f.severity:8} ", report.styled(f.subject, bold=True), "  ", said)
    if not findings:
        report.line("everything is sound")


def config_list(context: typer.Context, json: options.Json = False) -> None:
    """All settings with their values and meanings."""
    session: Session = context.obj
    rows = [
        {"key": s.key, "value": value, "default": s.default, "meaning": s.meaning}
        for s, value in session.config.listed()
    ]
    if json:
        session.report.json(rows)
        return
    for row in rows:
        session.report.line(
            f"{row['key']:34} ",
            session.report.styled(f"{_as_text(row['value']):14} "),
            session.report.styled(str(row["meaning"]), dim=True),
        )


def config_get(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="e.g. classify.fallback")],
    json: options.Json = False,
) -> None:
    """The value of a setting."""
    session: Session = context.obj
    known = {s.key: value for s, value in session.config.listed()}
    if key not in known:
        raise InvalidInput(f"no setting {key[:60]!r}", remedy="see: memory config list")
    if json:
        session.report.json({"key": key, "value": known[key]})
        return
    session.report.out(_as_text(known[key]))


def _as_text(value: Any) -> str:
    """A list of rules with one rule quoted after the other, as `config set` takes it; anything else as it is."""
    return " ".join(f"'{rule}'" for rule in value) if isinstance(value, tuple) else str(value)


def config_set(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="e.g. classify.fallback")],
    values: Annotated[list[str], typer.Argument(metavar="VALUE…", help="The new value; for rules, each of them.")],
) -> None:
    """Change a setting.

    Examples:

        memory config set classify.source.shell general

        memory config set classify.never_below 'secret #bank' 'confidential /project falcon/'
    """
    session: Session = context.obj
    session.config.set(key, *values)


def config_path(context: typer.Context) -> None:
    """Where the settings are."""
    session: Session = context.obj
    session.report.out(str(configuration.config_path()))


def completion(context: typer.Context, shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")]) -> None:
    """Print a completion script: memory completion bash >> ~/.bashrc."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    if shell not in {"bash", "zsh", "fish"}:
        raise InvalidInput(f"no completion for {shell[:20]!r}", remedy="use bash, zsh or fish")
    session: Session = context.obj
    script = get_completion_script(prog_name="memory", complete_var="_MEMORY_COMPLETE", shell=shell)
    session.report.out(script + os.linesep if not script.endswith("\n") else script, end="")
