"""The recovery kit: one page to print, with a code for each group and what to do with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from memory_cli import prompt
from memory_cli.report import Report
from vault.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from vault.classification import Classification
    from vault.keys.keyslots import Secret

_PAGE = """memory recovery kit

vault  {vault}
id     {id}
made   {date}

Keep this on paper, away from the computer. Each code opens what is named below it, without a passphrase.

{codes}
To use it: memory key recover        unlocks with a code and sets a new passphrase
To try it: memory key test recovery  says what a code opens, and changes nothing

Without this program: while it still runs, write the keys out and keep them as safe as this page,
  memory key export CLASS --identity FILE
and with age (age-encryption.org), which needs nothing of ours, every file below objects/ can be read:
  age -d -i FILE objects/xx/NAME.age
What a code opens is laid down in docs/format.md, section 2.2: a keyslot in header/, which holds such a key.
"""


@dataclass(frozen=True, slots=True)
class Code:
    """A new recovery code, as it is printed and as it opens."""

    printed: str
    secret: "Secret"
    classes: "Sequence[Classification]"
    """What it opens."""


def new_codes(groups: "Mapping[str, Sequence[Classification]]") -> dict[str, Code]:
    """A fresh code for each passphrase group (or for the named part of it)."""
    from vault.keys import keyslots

    made = {}
    for group, classes in groups.items():
        printed = keyslots.new_recovery_code()
        made[group] = Code(printed, keyslots.recovery_code(printed), classes)
    return made


def page(codes: Mapping[str, Code], vault: Path, vault_id: str) -> str:
    """The kit as text, one page."""
    rows = "".join(
        f"{group:12} {code.printed}\n{'':12} opens {', '.join(code.classes)}\n\n" for group, code in codes.items()
    )
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return _PAGE.format(vault=vault, id=vault_id, date=today, codes=rows)


def hand_over(report: Report, codes: Mapping[str, Code], file: Path | None, vault: Path, vault_id: str) -> None:
    """Give the person the kit before anything depends on it: what they cannot note down must not be needed.

    Raises:
        Conflict: *file* exists; Aborted: a code was not typed back right; InvalidInput: no file and no terminal.
    """
    text = page(codes, vault, vault_id)
    if file is not None:
        from vault import durable

        if file.expanduser().exists():
            raise Conflict(f"{file} exists already", remedy="choose another file for the recovery kit")
        durable.write_file(file.expanduser(), text.encode())
        report.note(f"memory: the recovery kit is in {file}; print it and delete the file")
        return
    if not prompt.has_terminal():  # a code that nobody reads must not end in a log
        raise InvalidInput("there is no terminal to show the recovery kit at", remedy="give a file for it")
    from vault.keys.keyslots import recovery_code

    report.tell(text)
    group, code = next(iter(codes.items()))
    prompt.type_back(group, lambda typed: recovery_code(typed) == code.secret)
