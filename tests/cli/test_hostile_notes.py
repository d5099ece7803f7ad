"""Hostile notes on a real pty: nothing but our own bold, dim and reset ever reaches the terminal (T24)."""

import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from program import Program, fast_directory, finish

import vault
from vault import preparing
from vault.vault import Vault

E = "\x1b"
ATTACKS = (
    f"{E}[2J{E}[H", f"{E}[31mred{E}[0m", f"{E}[8mhidden", f"{E}[1A{E}[2Kup", f"{E}[6n", f"{E}[c", f"{E}[?1049h",
    f"{E}[?25l", f"{E}[20t", f"{E}[21t", f"{E}[>c", f"{E}[=c", f"{E}[5i", f"{E}[1;1H", f"{E}[?1000h", f"{E}[200~",
    f"{E}]0;title\x07", f"{E}]2;title{E}\\", f"{E}]8;;http://evil.example\x07click{E}]8;;\x07",
    f"{E}]8;;file:///etc/passwd{E}\\x{E}]8;;{E}\\", f"{E}]52;c;cHduZWQ=\x07", f"{E}]52;p;?\x07", f"{E}]4;1;?\x07",
    f"{E}]1337;File=inline=1:AAAA\x07", f"{E}]9;notify\x07", f"{E}]50;font\x07", f"{E}]unfinished",
    f'{E}P$q"p{E}\\', f"{E}P+q544e{E}\\", f"{E}_Ga=T;AAAA{E}\\", f"{E}^pm{E}\\", f"{E}Xsos{E}\\", f"{E}c", f"{E}7{E}8",
    f"{E}(0lqk{E}(B", f"{E}#8", f"{E}%G", f"{E}{E}[31m", f"{E}", f"[31m{E}", f"{E}[38;2;1;2;3", "\x9b31m", "\x9d0;t\x9c",
    "\x90q\x9c", "\x85next", "\x84", "good\rEVIL", "a\bb\b\b", "bell\x07", "\x0e\x0f", "\x7f\x7f", "\x00nul", "\x0b\x0c",
    "\u202eevil\u202c", "\u2066iso\u2069", "\u200f\u200e", "\u061c", "\U000e0001\U000e0041\U000e007f", "\u2028\u2029",
    "[bold red]rich[/]", "[@click=app.quit]x[/]", "[link=http://evil.example]x[/link]", "[/nothing]", "\\[x]",
    f"{E}\r{E}\n[1m", f"**{E}[31m**", f"{E}[0{E}[31mm", f"{E}]{E}]0;x\x07", "\u001b\u005b\u0033\u0031m",
)  # fmt: skip
OURS = re.compile(r"\x1b\[[012]m")
PROGRESS = re.compile(r"\x1b\[(?:\?25[lh]|2K|1A|[0-9;]*m)|\r(?!\n)")
"""What Rich's progress bar needs in addition, on stderr, when an import takes long."""


def offences(seen: bytes, *, progress: bool = False) -> list[str]:
    """What came to the terminal and should not have."""
    text = seen.decode("utf-8", "surrogateescape")
    text = OURS.sub("", PROGRESS.sub("", text) if progress else text).replace("\r\n", "\n")
    return [repr(ch) for ch in text if not harmless(ch)]


def harmless(ch: str) -> bool:
    """Whether a terminal only draws *ch*."""
    if ch in "\n\t":
        return True
    bidi = unicodedata.bidirectional(ch) in {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    marks = ch in "\u200e\u200f\u061c" or 0xE0000 <= ord(ch) <= 0xE0FFF
    return not bidi and not marks and unicodedata.category(ch) not in {"Cc", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("attack", [a for a in ATTACKS if not a.isprintable()])
def test_the_reading_of_the_terminal_notices(attack: str) -> None:
    """Positive control: each attack, printed raw, is an offence; our own styling is not."""
    assert offences(attack.encode("utf-8", "surrogateescape"))
    assert not offences(b"\x1b[1mbold\x1b[0m \x1b[2mdim\x1b[0m plain\r\n")


def hostile(v: Vault, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Entries whose body, title, tags, source and metadata hold every attack, as another device could write them."""
    monkeypatch.setattr(preparing, "tidy_title", lambda draft: draft.title or "")
    monkeypatch.setattr(preparing.text_rules, "tidy_tag", lambda tag: tag)
    return [
        v.capture(
            f"needle {attack} body {i}\n\nline {attack} two",
            "general",
            title=f"title {attack} {i}" if i % 2 else None,
            tags=[f"tag{attack}{i}"],
            source=f"src{attack}",
            context=f"context {attack}",
            metadata={f"key{attack}": f"value{attack}"},
        ).id
        for i, attack in enumerate(ATTACKS)
    ]


@pytest.fixture(scope="module")
def poisoned() -> Iterator[tuple[Program, list[str]]]:
    """A vault full of hostile notes: the program and the ids."""
    with fast_directory() as place, pytest.MonkeyPatch.context() as monkeypatch:
        program = Program(place).init()
        state = place / "state" / "memory"
        with vault.open(program.vault, state=state, models=place / "none", keyfile=program.keyfile) as v:
            ids = hostile(v, monkeypatch)
            for gone in ids[::10]:
                v.delete(v.capture(v.get(gone).text, "general", title=v.get(gone).title).id)
            for edited in ids[1::10]:
                v.edit(edited, v.get(edited).text + "\nmore")
        yield program, ids


COMMANDS = (
    ("list", "-n", "500"), ("list", "-n", "500", "--json"), ("list", "-n", "500", "--format", "tsv"),
    ("list", "-n", "500", "--format", "md"), ("list", "-n", "500", "--format", "jsonl"),
    ("search", "-n", "500", "needle"), ("search", "-n", "500", "--explain", "needle", "body"),
    ("search", "-n", "500", "--json", "needle"), ("search", "-n", "500", "--format", "md", "needle"),
    ("trash",), ("trash", "--json"), ("tag",), ("tag", "--json"), ("status",), ("doctor",),
)  # fmt: skip


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_lists(poisoned: tuple[Program, list[str]], args: tuple[str, ...]) -> None:
    """Every listing of every attack, in every format."""
    program, _ = poisoned
    code, seen = program.seen_on_terminal(*args, env={"COLUMNS": "500"})
    assert code == 0, seen[-500:]
    assert not offences(seen), offences(seen)[:10]
    assert len(seen) > (60 if args[0] in {"status", "doctor"} else 200)


def test_entries(poisoned: tuple[Program, list[str]]) -> None:
    """`show` in its formats, `history` and `tag ID`, of all of them."""
    program, ids = poisoned
    for style in ("text", "md", "json"):
        code, seen = program.seen_on_terminal("show", "--format", style, *ids)
        assert code == 0, seen[-500:]
        assert seen.count(b"needle") >= len(ids)
        assert not offences(seen), (style, offences(seen)[:10])
    for args in (("history", ids[1]), ("history", ids[1], "--json"), ("tag", ids[2]), ("tag", ids[2], "--json")):
        code, seen = program.seen_on_terminal(*args)
        assert code == 0, seen
        assert not offences(seen), (args, offences(seen)[:10])


def test_what_is_typed_and_echoed_in_messages(poisoned: tuple[Program, list[str]]) -> None:
    """Arguments that come back in an error are cleaned too: ids, dates, classes, paths, settings, formats."""
    program, _ = poisoned
    typo = f"{E}]0;t\x07{E}[31m\x9b2J\rEVIL"  # the parser leaves bidi controls in: the person typed them
    attack = f"{typo}\u202e"
    for args in (
        ("show", f"abcd{attack}"), ("list", "--since", attack), ("list", "-c", attack), ("config", "get", attack),
        ("import", attack), ("list", "--format", attack), ("completion", attack), ("key", "add", attack),
        ("search", f"class:{attack}", f"after:{attack}"), ("--vault", attack, "list"), ("--keyfile", attack, "list"),
        ("model", "use", attack), ("add", "--file", attack), ("list", f"--{typo}"), (typo,), ("list", "-n", typo),
        ("restore", "abcd", "--revision", attack), ("add", "--created", attack, "text"),
    ):  # fmt: skip
        _, seen = program.seen_on_terminal(*args)
        assert not offences(seen), (args, offences(seen)[:10], seen)


def test_the_report_of_an_import(memory: Program) -> None:
    """File names with attacks in them, as taken and as skipped, and the titles that come of them."""
    folder = memory.root / "work" / "notes"
    folder.mkdir()
    for i, attack in enumerate(ATTACKS):
        name = attack.replace("/", "_").replace("\0", "")
        (folder / f"{i}{name}.md").write_bytes(f"# {attack}\nneedle {attack}".encode() if i % 3 else b"\xff\xfe bad")
    code, seen = memory.seen_on_terminal("import", folder, "-c", "general")
    assert code == 0, seen
    assert b"skipped" in seen
    assert not offences(seen, progress=True), offences(seen, progress=True)[:10]
    for args in (("list", "-n", "500"), ("search", "needle", "-n", "500"), ("tag",)):
        code, seen = memory.seen_on_terminal(*args)
        assert code == 0, seen
        assert not offences(seen), offences(seen)[:10]


RAW = """
import memory_cli.report, vault.text
memory_cli.report.safe_text = lambda text, **_: text
from memory_cli.entry import main
main()
"""


@pytest.mark.parametrize("args", [("list", "-n", "500"), ("search", "-n", "500", "needle"), ("trash",), ("tag",)])
def test_a_program_that_prints_raw_is_caught(poisoned: tuple[Program, list[str]], args: tuple[str, ...]) -> None:
    """Positive control: with `safe_text` as identity the same commands offend."""
    program, _ = poisoned
    assert offences(raw(program, *args))


def test_a_program_that_shows_raw_is_caught(poisoned: tuple[Program, list[str]]) -> None:
    """Positive control for `show` and `history`."""
    program, ids = poisoned
    for args in (("show", *ids), ("history", ids[1]), ("tag", ids[2])):
        assert offences(raw(program, *args)), args[0]


def raw(program: Program, *args: str | Path) -> bytes:
    """What the terminal gets from the program without its gate."""
    child = pexpect.spawn(
        sys.executable, ["-c", RAW, *map(str, args)], env=program.env, dimensions=(40, 200), timeout=60
    )
    return finish(child)[1]
