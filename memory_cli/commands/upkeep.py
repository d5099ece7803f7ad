"""``init status doctor config completion``: a vault's life beside its contents."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory_cli import options, prompt
from memory_cli.session import Session, groups_to_ask
from vault import config as configuration
from vault.classification import Classification
from vault.errors import Conflict, InvalidInput, Locked, WrongPassphrase

if TYPE_CHECKING:
    from vault.doctor import Finding
    from vault.keys.keyslots import Secret
    from vault.vault import Vault

DAMAGED = 13


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command("init")(init)
    app.command("status")(status)
    app.command("doctor")(doctor)
    settings = typer.Typer(no_args_is_help=True, help="Settings: list, get, set, path.", rich_markup_mode=None)
    settings.command("list")(config_list)
    settings.command("get")(config_get)
    settings.command("set")(config_set)
    settings.command("path")(config_path)
    app.add_typer(settings, name="config")
    app.command("completion")(completion)


def init(
    context: typer.Context,
    single_passphrase: Annotated[
        bool, typer.Option("--single-passphrase", help="One passphrase for all classes instead of three.")
    ] = False,
    keyfile: Annotated[
        Path | None, typer.Option("--keyfile", help="A keyfile that opens everything; made if it does not exist.")
    ] = None,
    recovery_file: Annotated[
        Path | None,
        typer.Option("--recovery-file", help="Write the recovery kit to this file instead of the terminal."),
    ] = None,
    yes: options.Yes = False,
) -> None:
    """Make a vault.

    It asks for three passphrases: for the vault (general, chronological, confidential), for secret and for
    ultrasecret; then it prints a recovery kit, to be kept on paper.

    Examples:

        memory init

        MEMORY_PASSPHRASE_FILE=f memory init --single-passphrase -y --recovery-file kit.txt
    """
    session: Session = context.obj
    from vault.layout import lay_out
    from vault.models.store import ModelStore

    path = session.vault_path or configuration.vault_path()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Conflict(f"{path} exists already", remedy="use it, or choose another path with --vault")
    file_secret = _keyfile(keyfile)
    passphrases = _passphrases(session, single=single_passphrase, needed=file_secret is None, yes=yes)
    single = single_passphrase or not passphrases
    groups = groups_to_ask(single)
    slots: dict[str, list[Secret]] = {
        group: [*passphrases[i : i + 1], *([file_secret] if file_secret else [])] for i, group in enumerate(groups)
    }
    codes = _recovery_codes(groups) if recovery_file is not None or not yes else {}
    if codes:
        _hand_over(session, codes, recovery_file, path)
        slots = {group: [*many, codes[group][1]] for group, many in slots.items()}
    made = lay_out(path, slots, single=single)
    session.report.line(session.report.styled(f"vault made at {made}", bold=True))
    if not codes:
        session.report.note("memory: no recovery kit was made; make one with: memory key add recovery")
    first = "" if ModelStore(configuration.models_path()).active("embedder") else "memory model install (once), then: "
    session.report.note(f'memory: next: {first}memory add "…"')


def _keyfile(path: Path | None) -> "Secret | None":
    import secrets

    from vault import durable
    from vault.keys import keyslots
    from vault.opening import read_keyfile

    if path is None:
        return None
    if not path.expanduser().exists():
        durable.write_file(path.expanduser(), secrets.token_hex(32).encode() + b"\n")
    return keyslots.keyfile(read_keyfile(path))


def _passphrases(session: Session, *, single: bool, needed: bool, yes: bool) -> "list[Secret]":
    at_hand = [s for s in session.secrets_at_hand() if s.kind == "passphrase"]
    groups = groups_to_ask(single)
    if at_hand:
        if len(at_hand) < len(groups):
            raise InvalidInput(
                f"{len(at_hand)} passphrase(s) given, {len(groups)} needed ({', '.join(groups)})",
                remedy="give one file per group separated by ':', or --single-passphrase",
            )
        return _different(at_hand[: len(groups)])
    if not needed and (yes or not prompt.has_terminal()):
        return []
    return _different([_asked_twice(group) for group in groups])


def _asked_twice(group: str) -> "Secret":
    from vault.keys.keyslots import passphrase

    first = prompt.read_passphrase(f"new {group} passphrase: ")
    again = prompt.read_passphrase(f"new {group} passphrase, again: ")
    try:
        if first != again:
            raise WrongPassphrase("the two passphrases differ", remedy="start again")
        return passphrase(first)
    finally:
        first[:] = bytes(len(first))
        again[:] = bytes(len(again))


def _different(secrets: "Sequence[Secret]") -> "list[Secret]":
    if len({s.value for s in secrets}) != len(secrets):
        raise InvalidInput("two groups have the same passphrase", remedy="make them differ, or use --single-passphrase")
    return list(secrets)


def _recovery_codes(groups: Sequence[str]) -> "dict[str, tuple[str, Secret]]":
    from vault.keys import keyslots

    codes = {group: keyslots.new_recovery_code() for group in groups}
    return {group: (code, keyslots.recovery_code(code)) for group, code in codes.items()}


def _hand_over(session: Session, codes: "dict[str, tuple[str, Secret]]", file: Path | None, vault: Path) -> None:
    """Give the person the kit before the vault exists: what they cannot note down must not be needed."""
    lines = [
        "memory recovery kit",
        f"vault: {vault}",
        "",
        "Keep this on paper. Each code opens what its passphrase opens.",
        "",
    ]
    lines += [f"{group:12} {code}" for group, (code, _) in codes.items()]
    text = "\n".join(lines) + "\n"
    if file is not None:
        from vault import durable

        if file.exists():
            raise Conflict(f"{file} exists already", remedy="choose another --recovery-file")
        durable.write_file(file, text.encode())
        session.report.note(f"memory: the recovery kit is in {file}; print it and delete the file")
        return
    session.report.tell(text)
    from vault.keys.keyslots import recovery_code

    group, (_, secret) = next(iter(codes.items()))
    prompt.type_back(group, lambda typed: recovery_code(typed) == secret)


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
        {"key": s.key, "value": session.config[s.key], "default": s.default, "meaning": s.meaning}
        for s in configuration.SETTINGS.values()
    ]
    if json:
        session.report.json(rows)
        return
    for row in rows:
        session.report.line(
            f"{row['key']:34} {row['value']!s:14} ", session.report.styled(str(row["meaning"]), dim=True)
        )


def config_get(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="e.g. classify.fallback")],
    json: options.Json = False,
) -> None:
    """The value of a setting."""
    session: Session = context.obj
    if key not in configuration.SETTINGS:
        raise InvalidInput(f"no setting {key[:60]!r}", remedy="see: memory config list")
    if json:
        session.report.json({"key": key, "value": session.config[key]})
        return
    session.report.out(str(session.config[key]))


def config_set(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="e.g. classify.fallback")],
    value: Annotated[str, typer.Argument(help="The new value.")],
) -> None:
    """Change a setting."""
    session: Session = context.obj
    session.config.set(key, value)


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
