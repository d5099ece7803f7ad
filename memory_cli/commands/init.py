"""``init``: make a vault, its secrets and its recovery kit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import factors, kit, options, prompt
from memory_cli.session import Session
from vault import config as configuration
from vault.classification import Classification
from vault.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vault.keys.keyslots import Secret


SinglePassphrase = Annotated[
    bool, typer.Option("--single-passphrase", help="One passphrase for all classes instead of three.")
]
Keyfile = Annotated[
    Path | None, typer.Option("--keyfile", help="A keyfile that opens everything; made if it does not exist.")
]
SecondFactor = Annotated[
    str | None,
    typer.Option(
        "--second-factor",
        metavar="FILE",
        help="ultrasecret opens only with its passphrase and this keyfile (made if it does not exist), "
        "or with a security key: fido2.",
    ),
]
RecoveryFile = Annotated[
    Path | None, typer.Option("--recovery-file", help="Write the recovery kit to this file instead of the terminal.")
]


def register(app: typer.Typer) -> None:
    """Add this family's command."""
    app.command("init")(init)


def init(
    context: typer.Context,
    single_passphrase: SinglePassphrase = False,
    keyfile: Keyfile = None,
    second_factor: SecondFactor = None,
    recovery_file: RecoveryFile = None,
    yes: options.Yes = False,
) -> None:
    """Make a vault.

    It asks for three passphrases: for the vault (general, chronological, confidential), for secret and for
    ultrasecret, and for a second factor for ultrasecret; then it prints a recovery kit, to be kept on paper.

    Examples:

        memory init

        MEMORY_PASSPHRASE_FILE=f memory init --single-passphrase -y --recovery-file kit.txt
    """
    from vault.agent.hardening import harden
    from vault.home import new_id
    from vault.layout import lay_out

    session: Session = context.obj
    harden()
    path = session.vault_path or configuration.vault_path()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Conflict(f"{path} exists already", remedy="use it, or choose another path with --vault")
    slots = _slots(session, keyfile, second_factor, single=single_passphrase, yes=yes)
    vault_id = new_id()
    codes = kit.new_codes(_classes(list(slots))) if recovery_file is not None or not yes else {}
    if codes:
        kit.hand_over(session.report, codes, recovery_file, path, vault_id)
        slots = {group: [*many, codes[group].secret] for group, many in slots.items()}
    made = lay_out(path, slots, single=len(slots) == 1, vault_id=vault_id)
    _say_what_is_next(session, made, kit_made=bool(codes))


def _say_what_is_next(session: Session, made: Path, *, kit_made: bool) -> None:
    from vault.models.store import ModelStore

    session.report.line(session.report.styled(f"vault made at {made}", bold=True))
    if not kit_made:
        session.report.note("memory: no recovery kit was made; make one with: memory key kit")
    first = "" if ModelStore(configuration.models_path()).active("embedder") else "memory model install (once), then: "
    session.report.note(f'memory: next: {first}memory add "…"')


def _slots(
    session: Session, keyfile: Path | None, second_factor: str | None, *, single: bool, yes: bool
) -> "dict[str, list[Secret]]":
    """What is to open each group: its passphrase, alone or with the second factor, and the keyfile.

    Raises:
        InvalidInput, WrongPassphrase: what was given or typed does not do.
    """
    from vault.keys.keyslots import GROUPS

    file_secret = factors.new_keyfile(keyfile) if keyfile else None
    passphrases = _passphrases(session, single=single, needed=file_secret is None, yes=yes)
    groups = GROUPS[:1] if single or not passphrases else GROUPS
    second = _second(session, second_factor, ask=not yes, apart=len(passphrases) == len(groups) > 1)
    slots = dict(zip(groups, map(_alone, passphrases), strict=False))
    if second is not None:
        slots[groups[-1]] = [_both(passphrases[-1], second)]
    return {group: [*slots.get(group, []), *([file_secret] if file_secret else [])] for group in groups}


def _alone(secret: "Secret") -> "list[Secret]":
    return [secret]


def _both(passphrase: "Secret", second: "Secret") -> "Secret":
    from vault.keys import keyslots

    return keyslots.both(passphrase, second)


def _classes(groups: "Sequence[str]") -> dict[str, tuple[Classification, ...]]:
    from vault.headers import GROUPED

    return dict(GROUPED) if len(groups) > 1 else {groups[0]: tuple(Classification)}


def _second(session: Session, given: str | None, *, ask: bool, apart: bool) -> "Secret | None":
    """The second factor of ultrasecret: the one given, or asked for where there is somebody to ask.

    Raises:
        InvalidInput: one was given, and ultrasecret has no passphrase of its own.
    """
    if given is not None and not apart:
        raise InvalidInput(
            "a second factor goes with a passphrase for ultrasecret", remedy="leave out --single-passphrase"
        )
    if given is None and ask and apart and prompt.has_terminal():
        given = prompt.read_line("keyfile as second factor for ultrasecret (path, fido2, or nothing to skip): ") or None
    return None if given is None else factors.new_second(session.report, given)


def _passphrases(session: Session, *, single: bool, needed: bool, yes: bool) -> "list[Secret]":
    from vault.keys.keyslots import GROUPS

    at_hand = [s for s in session.secrets_at_hand() if s.kind == "passphrase"]
    groups = GROUPS[:1] if single else GROUPS
    if at_hand:
        if len(at_hand) < len(groups):
            raise InvalidInput(
                f"{len(at_hand)} passphrase(s) given, {len(groups)} needed ({', '.join(groups)})",
                remedy="give one file per group separated by ':', or --single-passphrase",
            )
        return _different(at_hand[: len(groups)])
    if not needed and (yes or not prompt.has_terminal()):
        return []
    return _different([factors.ask_new_passphrase(group) for group in groups])


def _different(secrets: "Sequence[Secret]") -> "list[Secret]":
    if len({s.value for s in secrets}) != len(secrets):
        raise InvalidInput("two groups have the same passphrase", remedy="make them differ, or use --single-passphrase")
    return list(secrets)
