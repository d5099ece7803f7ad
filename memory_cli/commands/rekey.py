"""``memory key kit|recover|harden|rotate|reseal``: replace what opens a group, and the keys behind it.

Everything is asked and shown before anything is written; what stops opening is named.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import factors, kit, options, prompt
from memory_cli.session import Session
from vault.classification import Classification
from vault.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vault.home import Home
    from vault.keyring import Exchange, SlotOfClass
    from vault.keys.keyslots import Secret
    from vault.rotation import Rotation
    from vault.vault import Vault

Groups = Annotated[
    list[str] | None, typer.Argument(metavar="[GROUP…]", help="vault, secret, ultrasecret; else what opens.")
]
Kept = Annotated[
    list[Path] | None, typer.Option("--keep", help="A file with another secret to keep: a keyfile or passphrase.")
]
NewKit = Annotated[Path | None, typer.Option("--file", help="Write the new recovery kit here.")]
Reseal = Annotated[bool, typer.Option("--reseal", help="Seal the old entries again under the new key.")]
Target = Annotated[str, typer.Argument(metavar="CLASS|GROUP", help="A class, or vault for all classes of its group.")]


def register(group: typer.Typer) -> None:
    """Add the commands of this file to ``memory key``."""
    for command in (kit_, recover, harden, rotate, reseal):
        group.command(command.__name__.rstrip("_"))(command)


def kit_(
    context: typer.Context,
    groups: Groups = None,
    file: Annotated[Path | None, typer.Option("--file", help="Write the kit here instead of the terminal.")] = None,
    json: options.Json = False,
) -> None:
    """Print a new recovery kit; the codes of the earlier one stop working.

    Examples:

        memory key kit vault secret ultrasecret
    """
    session: Session = context.obj
    with session.keyed(_classes_to_open(session, groups)) as vault:
        wanted = _groups(vault, groups)
        codes = kit.new_codes({g: _members(vault, g) for g in wanted})
        kit.hand_over(session.report, codes, file, vault.home.path, vault.home.vault_id)
        done = [vault.keyring.replace_recovery(codes[g].secret, g) for g in wanted]
    _print_exchange(session, done, json=json)


def recover(
    context: typer.Context,
    code_file: Annotated[
        Path | None, typer.Option("--code-file", help="A file with recovery codes (the kit), instead of typing one.")
    ] = None,
    new_passphrase_file: Annotated[
        str | None,
        typer.Option("--new-passphrase-file", help="File with the new passphrase; one per group, separated by ':'."),
    ] = None,
    second_factor: Annotated[
        str | None,
        typer.Option("--second-factor", metavar="FILE", help="Where one was needed: this keyfile now, or fido2."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Unlock with a recovery code and set a new passphrase in place of the forgotten one.

    On a new device of a hardened vault: this makes the device's own keyslot, and keeps those of other devices.

    Examples:

        memory key recover
    """
    from vault.keys import keyslots

    session: Session = context.obj
    with session.shut() as vault:
        vault.unlock(factors.recovery_codes(code_file))
        groups = list(vault.keyring.groups())
        secrets = _new_passphrases(groups, new_passphrase_file)
        for group in groups:  # everything is asked before anything is written
            second = _second_like_before(vault, group, second_factor)
            if second:
                secrets[group] = keyslots.both(secrets[group], factors.new_second(session.report, second))
        done = [vault.keyring.replace_passphrase(secrets[group], group) for group in groups]
    _print_exchange(session, done, json=json)


def _new_passphrases(groups: "Sequence[str]", files: str | None) -> "dict[str, Secret]":
    """One new passphrase for each group.

    Raises:
        InvalidInput: not as many files as groups, or the same passphrase twice.
    """
    if files is None:
        found = [factors.ask_new_passphrase(group) for group in groups]
    else:
        found = [factors.passphrase_in(Path(name)) for name in files.split(":") if name]
    if len(found) != len(groups):
        named = ", ".join(groups)
        raise InvalidInput(
            f"{len(found)} new passphrase(s) given, {len(groups)} needed ({named})", remedy="give one for each group"
        )
    if len({s.value for s in found}) != len(found):
        raise InvalidInput("two groups have the same passphrase", remedy="make them differ")
    return dict(zip(groups, found, strict=True))


def _second_like_before(vault: "Vault", group: str, given: str | None) -> str:
    """The new second factor of a group that needed one so far; a weaker keyslot must be a choice."""
    kinds = {row.slot.kind for row in vault.keyring.slots() if row.slot.group == group}
    if not kinds & {"passphrase+keyfile", "passphrase+fido2"}:
        return ""
    if given is not None:
        return given
    if not prompt.has_terminal():
        raise InvalidInput(f"{group} has needed a second factor so far", remedy="give --second-factor")
    return prompt.read_line(f"second factor for {group} (path of a keyfile, fido2, or nothing for none): ")


def harden(context: typer.Context, groups: Groups = None, json: options.Json = False) -> None:
    """Make passphrases useless without this device: nobody can guess them from a copy of the vault.

    To be done before the first push to a remote. A new device then needs the recovery kit: memory key recover.

    Examples:

        memory key harden vault secret ultrasecret
    """
    session: Session = context.obj
    with session.holding(_classes_to_open(session, groups)) as (vault, secrets):
        done = vault.keyring.harden([s for s in secrets if s.kind == "passphrase"])
        left = vault.keyring.guessable()
    _print_exchange(session, [done], json=json)
    if left:
        ids = ", ".join(f"{row.slot.id} ({row.classification})" for row in left)
        session.report.warn(f"still open to guessing: {ids} (remove them, or harden their groups too)")
    if not done.added:
        session.report.note("memory: no plain passphrase keyslot was changed")


def rotate(
    context: typer.Context,
    target: Target,
    keep: Kept = None,
    file: NewKit = None,
    reseal: Reseal = False,
    yes: options.Yes = False,
    json: options.Json = False,
) -> None:
    """Give a class, or all classes of a group, a new key.

    It asks for the secret of every keyslot that is to stay; the others are dropped. New entries use the new key,
    old ones stay readable. The recovery codes so far stop working, and a new kit takes their place.

    Examples:

        memory key rotate secret

        memory key rotate vault --reseal
    """
    from vault.rotation import Rotation

    session: Session = context.obj
    with session.holding(_classes_of(_home(session), target)) as (vault, given):
        rotation = Rotation(vault.keyring, _classes_of(vault.home, target))
        if yes and file is None:
            _check_no_kit_is_lost(vault, rotation)
        secrets = [*given, *_kept(keep or []), *_own(vault)]
        if not yes and prompt.has_terminal():
            secrets = _ask_for_the_others(session, rotation, secrets)
        _confirm(session, rotation.plan(secrets).removed, yes=yes)
        codes = _new_kit(session, vault, rotation, file) if file is not None or not yes else {}
        session.lock_in_agent(vault.home, rotation.classes)  # the agent's index is under the old key
        done = rotation.carry_out(secrets, codes)
        session.lock_in_agent(vault.home, rotation.classes)
        _print_rotation(session, done, json=json)
        if not codes:
            session.report.note("memory: no recovery kit was made; make one with: memory key kit")
        if reseal:
            _reseal(session, rotation)


def _check_no_kit_is_lost(vault: "Vault", rotation: "Rotation") -> None:
    """Refuse to drop recovery codes where nobody sees the new ones.

    Raises:
        InvalidInput: a class has one.
    """
    rows = [r for r in vault.keyring.slots() if r.slot.kind == "recovery" and r.classification in rotation.classes]
    if rows:
        raise InvalidInput(
            f"the recovery kit would not open {rows[0].classification} any more",
            remedy="give --file for a new one, or leave out -y",
        )


def _new_kit(session: Session, vault: "Vault", rotation: "Rotation", file: Path | None) -> "dict[str, Secret]":
    codes = kit.new_codes(rotation.groups())
    kit.hand_over(session.report, codes, file, vault.home.path, vault.home.vault_id)
    return {group: code.secret for group, code in codes.items()}


def reseal(context: typer.Context, target: Target) -> None:
    """Seal entries that are still under an older key again, as new revisions. Can be interrupted and repeated."""
    from vault.rotation import Rotation

    session: Session = context.obj
    with session.keyed(_classes_of(_home(session), target)) as vault:
        _reseal(session, Rotation(vault.keyring, _classes_of(vault.home, target)))


def _reseal(session: Session, rotation: "Rotation") -> None:
    with session.report.progress() as progress:
        count = rotation.reseal(progress)
    session.report.note(f"memory: {count} revision(s) sealed again; the older files stay in history until purged")


# -- what opens, and what is asked ------------------------------------------------------------------------


def _home(session: Session) -> "Home":
    with session.shut() as vault:
        return vault.home


def _classes_of(home: "Home", target: str) -> list[Classification]:
    """The classes that a class or group means in this vault.

    Raises:
        InvalidInput: neither; NotFound: no class belongs to the group.
    """
    from vault.arguments import as_class
    from vault.factors import slots_on_disk
    from vault.keys.keyslots import GROUPS

    found = [c for c in Classification if any(s.group == target for s in slots_on_disk(home, c))]
    if found:
        return found
    if target in GROUPS and target not in set(Classification):
        raise NotFound(f"no class belongs to the group {target}", remedy="name a class")
    named = as_class(target)
    return [] if named is None else [named]


def _classes_to_open(session: Session, groups: "Iterable[str] | None") -> list[Classification]:
    home = _home(session)
    return [c for group in groups or () for c in _classes_of(home, group)]


def _groups(vault: "Vault", named: "Sequence[str] | None") -> list[str]:
    groups = list(named or vault.keyring.groups())
    for group in groups:
        vault.keyring.members(group)
    return groups


def _members(vault: "Vault", group: str) -> list[Classification]:
    return [o.compartment.classification for o in vault.keyring.members(group)]


def _kept(files: "Sequence[Path]") -> "list[Secret]":
    """What a file to keep can be: a passphrase, and a keyfile if it is long enough."""
    secrets: list[Secret] = []
    for path in files:
        for reading in (factors.passphrase_in, factors.keyfile):
            with suppress(InvalidInput):  # too long for the one, or too short for the other
                secrets.append(reading(path))
    return secrets


def _own(vault: "Vault") -> "list[Secret]":
    from vault.factors import device_secret

    own = device_secret(vault.home)
    return [own] if own else []


def _ask_for_the_others(session: Session, rotation: "Rotation", secrets: "list[Secret]") -> "list[Secret]":
    """Ask for the secret of each keyslot that would be dropped; nothing typed drops it."""
    passed: set[str] = set()
    while True:
        rest = [r for r in rotation.plan(secrets).removed if r.slot.id not in passed and _can_be_asked(r, secrets)]
        if not rest:
            return secrets
        row = rest[0]
        alike = [r for r in rest if (r.slot.kind, r.slot.group) == (row.slot.kind, row.slot.group)]
        firsts = {r.classification: r for r in reversed(alike)}  # one of each class: the same secret, most likely
        passed |= {r.slot.id for r in firsts.values()}
        secrets = [*secrets, *_asked(session, row, ", ".join(firsts))]


def _can_be_asked(row: "SlotOfClass", secrets: "Sequence[Secret]") -> bool:
    here = any(s.kind == "device" and s.label == row.slot.device for s in secrets)
    return here or row.slot.kind in {"passphrase", "keyfile", "passphrase+keyfile", "passphrase+fido2"}


def _asked(session: Session, row: "SlotOfClass", classes: str) -> "list[Secret]":
    from vault.keys import keyslots

    kind = row.slot.kind
    which = f"keyslot {row.slot.id} ({kind}, {classes})"
    secrets: list[Secret] = []
    if kind.startswith("passphrase"):
        typed = prompt.read_passphrase(f"passphrase of {which}, or nothing to drop it: ")
        if not typed:
            return []
        secrets.append(keyslots.passphrase(typed))
        typed[:] = bytes(len(typed))
    if kind.endswith("keyfile"):
        path = prompt.read_line(f"keyfile of {which}, or nothing to drop it: ")
        return [*secrets, factors.keyfile(Path(path))] if path else []
    return [*secrets, *factors.security_keys(session.report, [row.slot])]


def _confirm(session: Session, dropped: "Sequence[SlotOfClass]", *, yes: bool) -> None:
    for row in dropped:
        of = f" of {row.slot.device}" if row.slot.device else ""
        session.report.warn(f"will not open {row.classification} any more: {row.slot.id} ({row.slot.kind}{of})")
    prompt.confirm(f"make a new key, and drop {len(dropped)} keyslot(s)?", yes=yes)


# -- output -----------------------------------------------------------------------------------------------


def _print_exchange(session: Session, done: "Sequence[Exchange]", *, json: bool) -> None:
    from memory_cli.commands.key import HISTORY, print_slots

    print_slots(session, [row for each in done for row in each.added], json=json)
    gone = [row.slot.id for each in done for row in each.removed]
    if gone:
        session.report.warn(f"removed {', '.join(gone)}; {HISTORY}")


def _print_rotation(session: Session, done: "Exchange", *, json: bool) -> None:
    from memory_cli.commands.key import print_slots

    print_slots(session, done.added, json=json)
    session.report.warn("older entries still open with the older keyslots and a copy of the older header")
