"""The transcripts beside this file: what people type and exactly what they see; they double as documentation.

In a transcript ``$`` begins a command, ``!`` a line on stderr, ``[exit N]`` tells a code other than 0 and ``#``
a remark. What differs from run to run is named: ``id-1`` is the first entry's id, in output and commands.
Write them anew with ``GOLDEN=write pytest tests/golden`` and read the diff.
"""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from program import Program, fast_directory

HERE = Path(__file__).parent
TRANSCRIPTS = sorted(HERE.glob("*.txt"))
SHELL = f'memory() {{ "{sys.executable}" -m memory_cli "$@"; }}\n'
ID = "[0-9a-hjkmnp-tv-z]"
NAME = "[a-z2-7]"


class Names:
    """What a run made up, by the names that the transcript has for it."""

    def __init__(self, root: Path) -> None:
        """Nothing is known yet but the home, which is ``~``."""
        self.root = str(root)
        self.real: dict[str, str] = {}

    def _of(self, kind: str, real: str, length: int = 8) -> str:
        for name, known in self.real.items():
            if name.startswith(f"{kind}-") and known[:length] == real[:length]:
                self.real[name] = max(known, real, key=len)
                return name
        name = f"{kind}-{sum(n.startswith(f'{kind}-') for n in self.real) + 1}"
        self.real[name] = real
        return name

    def typed(self, command: str) -> str:
        """*command* with the real ids in it."""
        return re.sub(r"\b(?:id|slot|rev)-\d+\b", lambda m: self.real.get(m[0], m[0]), command)

    def shown(self, text: str) -> str:
        """*text* as the transcript has it."""
        text = text.replace(self.root, "~")
        for kind, pattern in (
            ("slot", rf"(?m)^({NAME}{{8}})(?=  \w+ +(?:keyfile|passphrase|recovery))"),
            ("slot", rf'(?<="id": ")({NAME}{{8}})(?=",\s+"class")'),
            ("rev", rf"(?m)(?<=^[* ] )({NAME}{{8}})(?=  \d{{4}}-)"),
            ("rev", rf'(?<=")({NAME}{{32}})(?=")'),
            ("id", rf"(?m)^({ID}{{8}})(?=  )"),
            ("id", rf'(?<="id": ")({ID}{{16}})(?=")'),
            ("id", rf"(?m)(?<=^id {{7}})({ID}{{16}})$"),
        ):
            text = re.sub(pattern, lambda m, kind=kind: self._of(kind, m[1]), text)  # type: ignore[misc]
        for name, real in self.real.items():
            text = re.sub(rf"\b{real[:8]}(?:[0-9a-z]{{8}}|[0-9a-z]{{24}})?\b", name, text)
        return steady(text)


def steady(text: str) -> str:
    """*text* without what depends on clock, machine and chance."""
    now = datetime.now(UTC)
    for days, name in ((0, "TODAY"), (1, "YESTERDAY")):
        day = (now - timedelta(days=days)).strftime("%Y-%m-%d")
        text = text.replace(day, name)
    for pattern, name in (
        (r"TODAY([ T])\d\d:\d\d(:\d\d)?(\+00:00)?", r"TODAY\1NOW"),
        (r"\b[0-9a-f]{32}\b", "VAULT-ID"),
        (r"AGE-SECRET-KEY-1[0-9A-Z]+", "AGE-SECRET-KEY-1…"),
        (r"\b(?:[0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}\b", "XXXX-…-XXXX"),
        (r"(?<=device   )[a-z2-7]{16}", "DEVICE"),
        (r'(?<="device": ")[a-z2-7]{16}', "DEVICE"),
        (r"(?<=confidential   )[a-z2-7]{6}(?=  )|(?<=general        )[a-z2-7]{6}(?=  )|(?<=secret         )[a-z2-7]{6}(?=  )", "DEVICE"),
        (r"\b\d\.\d{4}(?=  )|(?<=\()-?\d+\.\d{3}(?=\))", "SCORE"),
        (r'(?<="score": )-?[\d.e-]+', "SCORE"),
        (r"memory \d+\.\d+\.\d+", "memory VERSION"),
    ):  # fmt: skip
        text = re.sub(pattern, name, text)
    return text


def replayed(program: Program, transcript: str) -> str:
    """*transcript* with what its commands print now."""
    names = Names(program.root)
    lines = []
    for remark, command in re.findall(r"(?m)^((?:# .*\n)*)\$ (.*)\n", transcript):
        lines.append(remark)
        done = subprocess.run(
            ["bash", "-c", SHELL + names.typed(command)],
            env=program.env, cwd=program.root / "work", capture_output=True, text=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        lines.append(f"$ {command}\n")
        lines += [f"{line}\n" for line in names.shown(done.stdout.rstrip("\n")).split("\n") if done.stdout]
        lines += [f"! {line}\n" for line in names.shown(done.stderr.rstrip("\n")).split("\n") if done.stderr]
        lines += [f"[exit {done.returncode}]\n"] if done.returncode else []
        lines.append("\n")
    return "".join(lines).rstrip("\n") + "\n"


def replay(path: Path) -> str:
    """The transcript at *path*, run in a home of its own."""
    transcript = path.read_text(encoding="utf-8")
    with fast_directory() as place:
        program = Program(place)
        if "memory init" not in transcript:
            program.init()
        return replayed(program, transcript)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda p: p.stem)
def test_transcript(path: Path) -> None:
    """The program says, line by line, what the transcript says it says."""
    found = replay(path)
    if os.environ.get("GOLDEN") == "write":
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_a_changed_word_is_noticed() -> None:
    """Positive control: a transcript with another word, another code or a missing line differs."""
    text = "$ memory show zzzz\n! memory: no entry zzzz\n[exit 14]\n"
    with fast_directory() as place:
        found = replayed(Program(place).init(), text)
    assert found != text.replace("14", "13")
    assert found != "$ memory show zzzz\n[exit 14]\n"
    assert "[exit 14]" in found


def test_every_command_is_in_a_transcript() -> None:
    """Each command of the program is shown at work somewhere here."""
    from memory_cli.app import FAMILIES

    text = "\n".join(p.read_text(encoding="utf-8") for p in TRANSCRIPTS)
    commands = {c for many in FAMILIES.values() for c in many}
    assert not [c for c in commands if not re.search(rf"(?m)^\$ .*memory (?:-\S+ )*{c}\b", text)]
