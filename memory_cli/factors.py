"""Ask for what a keyslot needs: a passphrase, a keyfile, a security key, a recovery code.

Every secret comes from the terminal device or a file, never from an argument; what is typed goes into a
bytearray that is overwritten.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from memory_cli import prompt
from memory_cli.report import Report
from vault.classification import Classification
from vault.errors import InvalidInput, WrongPassphrase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vault.home import Home
    from vault.keys.keyslots import Secret
    from vault.keys.slots import Slot

FIDO2 = "fido2"
"""What is given in place of a file for a security key."""
_CODE = re.compile(r"\b(?:[0-9A-Za-z]{4}[- ]){7}[0-9A-Za-z]{4}\b")


class AtTerminal:
    """How a security key is asked for here."""

    def __init__(self, report: Report) -> None:
        """Say it on *report*."""
        self._report = report

    def touch(self) -> None:
        """Say that the key waits."""
        self._report.tell("memory: touch your security key")

    def pin(self) -> str | None:
        """The key's PIN, typed without echo."""
        typed = prompt.read_passphrase("PIN of the security key: ")
        try:
            return typed.decode(errors="replace") or None
        finally:
            typed[:] = bytes(len(typed))


def ask_passphrase(question: str) -> "Secret":
    """A passphrase, typed once."""
    from vault.keys.keyslots import passphrase

    typed = prompt.read_passphrase(question)
    try:
        return passphrase(typed)
    finally:
        typed[:] = bytes(len(typed))


def ask_new_passphrase(group: str) -> "Secret":
    """A new passphrase, typed twice.

    Raises:
        WrongPassphrase: the two differ.
    """
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


def ask_seconds(report: Report, home: "Home", group: str) -> "list[Secret]":
    """The second secrets that the keyslots of *group* need: nothing where a passphrase alone opens it."""
    from vault.factors import slots_on_disk

    by_class = [[s for s in slots_on_disk(home, c) if s.group == group] for c in Classification]
    needing = [slots for slots in by_class if slots and not any(s.kind == "passphrase" for s in slots)]
    asked: list[Secret] = []
    if any(s.kind == "passphrase+keyfile" for slots in needing for s in slots):
        path = prompt.read_line(f"keyfile for {group} (path, or nothing): ")
        asked += [keyfile(Path(path))] if path else []
    if not asked:
        asked += security_keys(report, (s for slots in needing for s in slots))
    return asked


def security_keys(report: Report, slots: "Iterable[Slot]") -> "list[Secret]":
    """What the plugged-in security keys give for *slots*.

    Raises:
        NotFound: no key is plugged in although one is needed; WrongPassphrase: its PIN was wrong.
    """
    from vault.factors import challenges

    questions = challenges(slots)
    if not questions:
        return []
    from vault.keys.authenticator import answer

    answers = (answer(question, AtTerminal(report)) for question in questions)
    return [found for found in answers if found is not None]


def new_second(report: Report, given: str) -> "Secret":
    """The second secret that a person chose for a new slot: a file (made if it is not there) or ``fido2``."""
    if given == FIDO2:
        from vault.keys.authenticator import enrol

        report.note("memory: touch your security key twice: once to enrol it, once to use it")
        return enrol(AtTerminal(report))
    return new_keyfile(Path(given))


def keyfile(path: Path) -> "Secret":
    """The content of a keyfile."""
    from vault.keys import keyslots
    from vault.opening import read_keyfile

    return keyslots.keyfile(read_keyfile(path))


def new_keyfile(path: Path) -> "Secret":
    """The content of a keyfile, which is made of random bytes if it is not there."""
    import secrets

    from vault import durable

    if not path.expanduser().exists():
        durable.write_file(path.expanduser(), secrets.token_hex(32).encode() + b"\n")
    return keyfile(path)


def passphrase_in(path: Path) -> "Secret":
    """The passphrase in a file; one trailing newline is not part of it."""
    from vault.keys import keyslots
    from vault.opening import read_keyfile

    return keyslots.passphrase(read_keyfile(path).removesuffix(b"\n").removesuffix(b"\r"))


def recovery_codes(path: Path | None) -> "list[Secret]":
    """The recovery codes in a file (a kit, or codes alone), or one typed at the terminal.

    Raises:
        InvalidInput: there is none in the file; WrongPassphrase: what was typed is none.
    """
    from vault.keys import keyslots
    from vault.opening import read_keyfile

    if path is None:
        return [keyslots.recovery_code(prompt.read_line("recovery code: "))]
    found = _CODE.findall(read_keyfile(path).decode(errors="replace"))
    if not found:
        raise InvalidInput(f"no recovery code in {path}", remedy="a code has 8 groups of 4 characters")
    return [keyslots.recovery_code(code) for code in found]
