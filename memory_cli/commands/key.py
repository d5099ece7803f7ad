"""``memory key list|add|remove|export|test``: who can open what. What replaces secrets is in `rekey`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import factors, kit, options, prompt
from memory_cli.commands import rekey
from memory_cli.session import Session
from vault.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vault.keyring import SlotOfClass
    from vault.keys.keyslots import Secret
    from vault.vault import Vault

HISTORY = "copies of the old header in git history and backups still open with it"
_KINDS = "use passphrase, recovery, keyfile or recipient"


Kind = Annotated[str, typer.Argument(help="passphrase, recovery, keyfile or recipient.")]
Recipient = Annotated[
    str | None, typer.Argument(metavar="[age1…]", help="With recipient: whose identity is to open it.")
]
Group = Annotated[str, typer.Option("--group", help="vault, secret or ultrasecret: which classes it opens.")]
File = Annotated[
    Path | None,
    typer.Option("--file", help="The keyfile, the file of the new passphrase, or where the recovery kit goes."),
]
SecondFactor = Annotated[
    str | None,
    typer.Option(
        "--second-factor",
        metavar="FILE",
        help="With passphrase: opens only with this keyfile too (made if not there), or a security key: fido2.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Keyslots: list, test, add, replace, remove, rotate, export.", rich_markup_mode=None
    )
    for name, command in (("list", list_), ("add", add), ("remove", remove), ("export", export), ("test", drill)):
        group.command(name)(command)
    rekey.register(group)
    app.add_typer(group, name="key")


def list_(context: typer.Context, json: options.Json = False) -> None:
    """The keyslots of the open classes."""
    session: Session = context.obj
    with session.keyed() as vault:
        rows = vault.keyring.slots()
    print_slots(session, rows, json=json)


def print_slots(session: Session, rows: "Sequence[SlotOfClass]", *, json: bool) -> None:
    """Keyslots on stdout, one a line."""
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
        of = r.slot.device or r.slot.recipient
        report.line(
            report.styled(r.slot.id, bold=True),
            f"  {r.classification.value:13}  {report.styled(r.slot.kind):18}  {report.styled(r.slot.group)}{kdf}",
            f"  {report.styled(of)}" if of else "",
        )


def add(
    context: typer.Context,
    kind: Kind,
    recipient: Recipient = None,
    group: Group = "vault",
    file: File = None,
    second_factor: SecondFactor = None,
    json: options.Json = False,
) -> None:
    """Add a way to unlock a group of classes.

    Examples:

        memory key add passphrase --second-factor ~/usb/memory.key --group ultrasecret

        memory key add keyfile --file ~/usb/memory.key --group secret

        memory key add recipient age1…

        memory key add recovery --file kit.txt
    """
    session: Session = context.obj
    if (kind == "recipient") != (recipient is not None):
        raise InvalidInput("an age recipient goes with the kind recipient", remedy="memory key add recipient age1…")
    if second_factor is not None and kind != "passphrase":
        raise InvalidInput("a second factor goes with a passphrase", remedy="leave it out, or add a passphrase")
    with session.keyed() as vault:
        vault.keyring.members(group)
        secret = _new_secret(session, vault, kind, group, file, recipient)
        if second_factor is not None:
            secret = _with(session, secret, second_factor)
        rows = vault.keyring.add(secret, group)
    print_slots(session, rows, json=json)


def _with(session: Session, secret: "Secret", second: str) -> "Secret":
    from vault.keys import keyslots

    return keyslots.both(secret, factors.new_second(session.report, second))


def _new_secret(
    session: Session, vault: "Vault", kind: str, group: str, file: Path | None, recipient: str | None
) -> "Secret":
    from vault.keys import keyslots

    if kind == "keyfile":
        if file is None:
            raise InvalidInput("which keyfile?", remedy="give --file")
        return factors.keyfile(file)
    if kind == "passphrase":
        return factors.passphrase_in(file) if file is not None else factors.ask_new_passphrase(group)
    if kind == "recipient":
        return keyslots.recipient(recipient or "")
    if kind == "recovery":
        classes = [o.compartment.classification for o in vault.keyring.members(group)]
        codes = kit.new_codes({group: classes})
        kit.hand_over(session.report, codes, file, vault.home.path, vault.home.vault_id)
        return codes[group].secret
    raise InvalidInput(f"no keyslot kind {kind[:20]!r}", remedy=_KINDS)


def remove(
    context: typer.Context,
    slot_ids: Annotated[list[str], typer.Argument(metavar="SLOT…", help="Ids of `memory key list`.")],
    yes: options.Yes = False,
    json: options.Json = False,
) -> None:
    """Take keyslots away. The last one of a class stays."""
    session: Session = context.obj
    with session.keyed() as vault:
        prompt.confirm(f"remove {len(slot_ids)} keyslot(s)?", yes=yes)
        rows = vault.keyring.remove(slot_ids)
    print_slots(session, rows, json=json)
    session.report.warn(f"removed; {HISTORY}")


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
    with session.keyed([named]) as vault:
        prompt.confirm(f"write the key of {named} in clear to {identity}?", yes=yes)
        if identity.exists():
            raise Conflict(f"{identity} exists already", remedy="choose another file")
        lines = [f"# memory, class {named}: whoever has this reads all of it", *vault.keyring.identities(named)]
        durable.write_file(identity, ("\n".join(lines) + "\n").encode())
    session.report.note(f"memory: keep {identity} as safe as the vault itself")


def drill(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="passphrase, recovery, keyfile or identity.")] = "passphrase",
    file: Annotated[
        Path | None, typer.Option("--file", help="The keyfile, the recovery kit, or the file of the passphrase.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Say what a secret opens. Nothing is unlocked and nothing changes.

    A drill for the recovery kit: whoever tries it once a year knows that it works.

    Examples:

        memory key test

        memory key test recovery

        memory key test keyfile --file ~/usb/memory.key
    """
    from vault.attempt import tried
    from vault.keyring import SlotOfClass

    session: Session = context.obj
    with session.shut() as vault:
        presented = _presented(session, vault, kind, file)
        found = tried(vault.home, presented, vault.keyring.limits)
    print_slots(session, [SlotOfClass(c, slot) for c, slots in found.items() for slot in slots], json=json)


def _presented(session: Session, vault: "Vault", kind: str, file: Path | None) -> "list[Secret]":
    from vault.keys import keyslots
    from vault.opening import read_keyfile

    at_hand = session.secrets_at_hand()
    if kind == "recovery":
        return factors.recovery_codes(file)
    if kind == "identity" and file is not None:
        return keyslots.identities(read_keyfile(file))
    if kind == "keyfile":
        return [factors.keyfile(file)] if file is not None else [s for s in at_hand if s.kind == kind]
    if kind != "passphrase":
        raise InvalidInput(f"cannot test {kind[:20]!r}", remedy="use passphrase, recovery, keyfile or identity --file")
    if file is not None:
        return [factors.passphrase_in(file), *(s for s in at_hand if s.kind == "keyfile")]
    if any(s.kind == "passphrase" for s in at_hand):
        return at_hand
    asked = factors.ask_passphrase("passphrase: ")
    seconds = [s for g in keyslots.GROUPS for s in factors.ask_seconds(session.report, vault.home, g)]
    return [asked, *at_hand, *seconds]
