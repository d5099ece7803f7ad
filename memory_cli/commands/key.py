"""``memory key list|add|remove|export``: who can open what."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import options, prompt
from memory_cli.session import Session
from vault.errors import Conflict, InvalidInput, WrongPassphrase

if TYPE_CHECKING:
    from vault.keyring import SlotOfClass
    from vault.keys.keyslots import Secret

_HISTORY = "copies of the old header in git history and backups still open with it"


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    group = typer.Typer(no_args_is_help=True, help="Keyslots: list, add, remove, export.", rich_markup_mode=None)
    for name, command in (("list", list_), ("add", add), ("remove", remove), ("export", export)):
        group.command(name)(command)
    app.add_typer(group, name="key")


def list_(context: typer.Context, json: options.Json = False) -> None:
    """The keyslots of the open classes."""
    session: Session = context.obj
    with session.open() as vault:
        rows = vault.keyring.slots()
    _print(session, rows, json=json)


def _print(session: Session, rows: "list[SlotOfClass]", *, json: bool) -> None:
    report = session.report
    if json:
        report.json(
            [
                {"id": r.slot.id, "class": r.classification.value, "kind": r.slot.kind, "group": r.slot.group}
                for r in rows
            ]
        )
        return
    for r in rows:
        kdf = f"  Argon2id {r.slot.kdf.memory_kib // 1024} MiB × {r.slot.kdf.iterations}" if r.slot.kdf else ""
        report.line(
            report.styled(r.slot.id, bold=True), f"  {r.classification.value:13}  {r.slot.kind:10}  {r.slot.group}{kdf}"
        )


def add(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="passphrase, recovery or keyfile.")],
    group: Annotated[
        str, typer.Option("--group", help="vault, secret or ultrasecret: which classes it opens.")
    ] = "vault",
    file: Annotated[
        Path | None,
        typer.Option("--file", help="The keyfile, the file of the new passphrase, or where the recovery kit goes."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Add a way to unlock a group of classes.

    Examples:

        memory key add passphrase

        memory key add keyfile --file ~/usb/memory.key --group secret

        memory key add recovery --file kit.txt
    """
    session: Session = context.obj
    with session.open() as vault:
        secret = _new_secret(session, kind, group, file)
        rows = vault.keyring.add(secret, group)
    _print(session, rows, json=json)


def _new_secret(session: Session, kind: str, group: str, file: Path | None) -> "Secret":
    from vault.keys import keyslots
    from vault.opening import read_keyfile

    if kind == "keyfile":
        if file is None:
            raise InvalidInput("which keyfile?", remedy="give --file")
        return keyslots.keyfile(read_keyfile(file))
    if kind == "passphrase":
        if file is not None:
            return keyslots.passphrase(read_keyfile(file).removesuffix(b"\n"))
        first, again = (prompt.read_passphrase(f"new {group} passphrase{more}: ") for more in ("", ", again"))
        if first != again:
            raise WrongPassphrase("the two passphrases differ", remedy="start again")
        return keyslots.passphrase(first)
    if kind == "recovery":
        code = keyslots.new_recovery_code()
        _hand_over(session, group, code, file)
        return keyslots.recovery_code(code)
    raise InvalidInput(f"no keyslot kind {kind[:20]!r}", remedy="use passphrase, recovery or keyfile")


def _hand_over(session: Session, group: str, code: str, file: Path | None) -> None:
    from vault import durable
    from vault.keys import keyslots

    text = f"memory recovery kit\n\n{group:12} {code}\n"
    if file is None:
        session.report.tell(text)
        if prompt.has_terminal():
            prompt.type_back(group, lambda typed: keyslots.recovery_code(typed) == keyslots.recovery_code(code))
    elif file.exists():
        raise Conflict(f"{file} exists already", remedy="choose another --file")
    else:
        durable.write_file(file, text.encode())


def remove(
    context: typer.Context,
    slot_ids: Annotated[list[str], typer.Argument(metavar="SLOT…", help="Ids of `memory key list`.")],
    yes: options.Yes = False,
    json: options.Json = False,
) -> None:
    """Take keyslots away. The last one of a class stays."""
    session: Session = context.obj
    with session.open() as vault:
        prompt.confirm(f"remove {len(slot_ids)} keyslot(s)?", yes=yes)
        rows = vault.keyring.remove(slot_ids)
    _print(session, rows, json=json)
    session.report.warn(f"removed; {_HISTORY}")


def export(
    context: typer.Context,
    classification: Annotated[str, typer.Argument(metavar="CLASS", help="The class whose key to export.")],
    identity: Annotated[Path, typer.Option("--identity", help="Where to write the age identity.")],
    yes: options.Yes = False,
) -> None:
    """Write a class's key as an age identity: `age -d -i FILE OBJECT` then reads it without us."""
    from vault import durable
    from vault.arguments import as_class

    session: Session = context.obj
    named = as_class(classification)
    assert named is not None  # noqa: S101 (as_class gives None only for None)
    with session.open([named]) as vault:
        prompt.confirm(f"write the key of {named} in clear to {identity}?", yes=yes)
        if identity.exists():
            raise Conflict(f"{identity} exists already", remedy="choose another file")
        lines = [f"# memory, class {named}: whoever has this reads all of it", *vault.keyring.identities(named)]
        durable.write_file(identity, ("\n".join(lines) + "\n").encode())
    session.report.note(f"memory: keep {identity} as safe as the vault itself")
