"""Hostile notes on a real pty through every screen and widget: nothing in them acts, whatever is done with them.

Attacks are those of the command line's test; the long run has hundreds more, made of pieces of them at random and
put where Markdown has a place for them, and then presses keys, pastes and clicks at random among them.
"""

import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pexpect
import pytest
from tui_pty import Screen, offences

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))

from program import Program, fast_directory
from test_hostile_notes import ATTACKS

import vault
from vault import preparing
from vault.vault import Vault

MANY = 320
"""Attacks of the long run."""
FUZZED = 60.0
"""Seconds of random keys in the long run."""
CARRIERS = (
    "{}", "# {}", "> {}", "- [ ] {}", "`{}`", "```{}\n{}\n```", "**{}**", "[{}](http://x.example/{})", "<http://x.example/{}>",
    "![{}]({})", "[[{}]]", "| {} | b |\n|---|---|\n| {} | c |", "<b>{}</b>", "https://x.example/{}", "~~{}~~", "1. {}\n   {}",
    "[x]: http://x.example/{} '{}'\n\n[x]", "Setext {}\n===", "\\{}", "&#27;[31m{}", "needle {} needle",
)  # fmt: skip
"""Places of Markdown in which an attack stands."""


ENDS = ("\x07", "\x1b\\", "")
"""Ends of an operating system command."""


def attacks(count: int, seed: int) -> list[str]:
    """*count* attacks: the known ones, then others made at random of their pieces and of single controls."""
    chance = random.Random(seed)
    controls = [
        *map(chr, range(1, 32)),
        *map(chr, range(127, 160)),
        *"\u200b\u200e\u202a\u202e\u2066\u2069\ufeff\u2028",
    ]
    made = list(ATTACKS[:count])
    while len(made) < count:
        pieces = [
            chance.choice(
                (
                    chance.choice(ATTACKS),
                    chance.choice(controls),
                    f"\x1b[{chance.randint(0, 3000)};{chance.randint(0, 99)}{chr(chance.randint(64, 126))}",
                    f"\x1b[?{chance.randint(1, 2100)}{chance.choice('hl')}",
                    f"\x1b]{chance.randint(0, 1400)};{chance.choice(ATTACKS)}{chance.choice(ENDS)}",
                    f"[{chance.choice(('@click=app.quit', 'bold', 'link=file:///', '/', 'red on'))}]",
                    "text",
                )
            )
            for _ in range(chance.randint(2, 5))
        ]
        made.append("".join(pieces))
    return made


def poison(v: Vault, strings: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries whose every part holds an attack, as another device could write them; also in trash, history, conflict."""
    monkeypatch.setattr(preparing, "tidy_title", lambda draft: draft.title or "")
    monkeypatch.setattr(preparing.text_rules, "tidy_tag", lambda tag: tag)
    begin = datetime(2026, 3, 1, 9, tzinfo=UTC)
    for i, attack in enumerate(strings):
        carrier = CARRIERS[i % len(CARRIERS)].replace("{}", attack)
        entry = v.capture(
            f"needle {carrier}\n\nline {attack} two https://x.example/{i}/{attack}",
            ("general", "chronological", "confidential")[i % 3],
            title=f"title {attack} {i}" if i % 2 else None,
            tags=[f"tag{attack}{i}"],
            source=f"src{attack}{i % 5}",
            context=f"context {attack}",
            metadata={f"key{attack}": f"value{attack}"},
            created=begin - timedelta(days=365 * (i % 2) + i % 40),
        )
        if i % 10 == 1:
            v.edit(entry.id, entry.text + f"\nmore {attack}")
        elif i % 10 == 2:
            v.delete(entry.id)
        elif i % 10 == 3:
            for text in ("left", "right"):
                v.edit(entry.id, f"{text} {attack}\n{entry.text}", base=entry.revisions)
        elif i % 10 == 4:
            v.capture(f"nothing to go by, {attack}", None, title=f"unsure {attack}")


@pytest.fixture(
    scope="module", params=[len(ATTACKS), pytest.param(MANY, marks=pytest.mark.soak)], ids=["known", "many"]
)
def strings(request: pytest.FixtureRequest) -> list[str]:
    """The attacks of this run."""
    return attacks(request.param, int(os.environ.get("ATTACK_SEED", "7")))


@pytest.fixture(scope="module")
def poisoned(strings: list[str]) -> Iterator[Program]:
    """A vault full of them."""
    with fast_directory() as place, pytest.MonkeyPatch.context() as monkeypatch:
        program = Program(place).init()
        with vault.open(
            program.vault, state=place / "state" / "memory", models=place / "none", keyfile=program.keyfile
        ) as v:
            poison(v, strings, monkeypatch)
        yield program


INVISIBLE = {a for a in ATTACKS if a.isprintable()}
"""Attacks on Rich and Textual: a terminal only draws them."""
DRAWN_SO = {"\x1b[1;1H", "\x1b[?25l"}
"""What Textual itself sends all the time."""


@pytest.mark.parametrize("attack", sorted(set(ATTACKS) - INVISIBLE - DRAWN_SO))
def test_the_reading_of_the_terminal_notices(attack: str) -> None:
    """Positive control: attacks that come raw are offences; what Textual sends to begin, draw and end is none."""
    assert offences(20 * attack.encode("utf-8", "surrogateescape"))
    assert not offences(b"\x1b[?1049h\x1b[?25l\x1b[1;38;2;1;2;3;48;2;4;5;6mx\x1b[0m\x1b[12;1H\x1b[?2026l\x1b[?1049l")


def begun(program: Program, *command: str) -> Screen:
    """The app, with the list of what is in the vault on the screen."""
    screen = Screen(program, *command)
    screen.wait("needle")
    return screen


def walk(screen: Screen, steps: Sequence[tuple[str, str]], rest: float = 0.3) -> None:
    """Press the keys of each step, which must show its text (empty: nothing in particular)."""
    for keys, shown in steps:
        seen = screen.press(keys, rest)
        end = time.monotonic() + 10
        while shown.encode() not in seen and time.monotonic() < end:
            seen += screen.press("", 0.2)
        assert shown.encode() in seen, (keys, shown, seen[-300:])


def finish(screen: Screen) -> None:
    """The app is still there, leaves when told to, and nothing that came offends."""
    assert screen.child.isalive()
    screen.end()
    assert screen.child.exitstatus == 0
    assert not offences(screen.seen), offences(screen.seen)[:10]


def test_every_entry_in_the_browser(poisoned: Program, strings: list[str]) -> None:
    """List, preview and neighbours of each; then hits with snippets, ranks, the whole width, facets and their filters."""
    screen = begun(poisoned)
    for _ in strings:
        screen.press("j", 0.06)
    walk(
        screen,
        [
            ("g", ""), ("/needle", "hits"), ("\x1b", ""), ("X", "words"), ("G", ""), ("k", ""), ("X", ""), ("\r", ""), ("j", ""),
            ("\r", ""), ("\x1b", ""), ("\x1b", ""), ("A", "chosen"), ("\x1b", ""), ("D", "in the trash"), ("j", ""), ("D", ""),
        ],
    )  # fmt: skip
    screen.press("g")
    for place in range(5, 40, 5):
        screen.click(5, place)  # a facet, or a heading of them
        screen.press("\x1b", 0.15)
        screen.press("\x1b", 0.15)
        screen.click(40, place)  # a line
        screen.click(100, place)  # text of an entry
    screen.press("\t\t\t", 0.4)
    finish(screen)


def test_the_other_screens(poisoned: Program) -> None:
    """Editor, history with differences, timeline, charts, review with conflicts, locks, help."""
    screen = begun(poisoned)
    steps = [("j" * 10, "")]
    steps += [("e", "editing"), ("x\x1b", "leave without saving"), ("y", "")]
    steps += [("/more", "hit"), ("\x1b", ""), ("h", "history"), ("j", ""), ("\x1b", ""), ("\x1b", "")]
    steps += [
        ("L", "timeline"),
        ("c", "all entries"),
        *[("jjj", "")] * 4,
        ("\t", ""),
        ("j", ""),
        ("\t", ""),
        ("j", ""),
        ("\x1b", ""),
    ]
    steps += [("S", "PER MONTH"), ("j", ""), ("j", ""), ("\x1b", "")]
    steps += [("R", "conflict"), *[("jjj", "")] * 4, ("m", "file it under"), ("\x1b", ""), ("\x1b", "")]
    steps += [("K", "open for"), ("\x1b", ""), ("?", "Everywhere"), ("\x1b", ""), ("T", ""), ("T", ""), ("T", "")]
    walk(screen, steps)
    finish(screen)


def test_questions_and_fields(poisoned: Program, strings: list[str]) -> None:
    """Attacks pasted into every field, and told back in questions, warnings, errors and the command line."""
    screen = begun(poisoned)
    for attack in strings[:: len(strings) // (20 if len(strings) >= MANY else 2)]:
        walk(screen, [("/", "")], 0.1)
        screen.paste(f"a {attack} b")
        screen.press("\x1b", 0.3)
        screen.press("\x1b", 0.3)
        for opens in ("t", "x", ":import /nowhere/", ":tag ", ":export out", ":"):
            screen.press(opens, 0.1)
            screen.paste(attack, 0.1)
            screen.press("\r", 0.25)
            screen.press("\x1b", 0.15)  # a question that came of it, or the choice of what is listed
            screen.press("\x1b", 0.15)
    walk(screen, [("n", "new entry")])
    for attack in strings[:60]:
        screen.paste(f"{attack} password: hunter2hunter2\n", 0.02)
    walk(screen, [("\x13", "back to the text"), ("1\r", "kept as"), ("u", "undone")], 0.6)
    walk(screen, [("/https", ""), ("\x1b", ""), ("o", "open in the browser"), ("\r", "yes"), ("n", "")])
    walk(screen, [("\x10", ""), ("tag", ""), ("\x1b", "")])
    finish(screen)


RAW = """
import sys
import tui.gate, tui.line, tui.rendering, tui.widgets.reader
for module in (tui.gate, tui.line, tui.rendering, tui.widgets.reader):
    module.safe_text = lambda text, **_: text.replace("\\n", " ") if _ else text
from memory_cli.entry import main
main()
"""


def test_an_app_that_draws_raw_is_caught(poisoned: Program) -> None:
    """Positive control: with `safe_text` as identity the same keys offend."""
    screen = begun(poisoned, sys.executable, "-c", RAW)
    for _ in range(30):
        screen.press("j", 0.08)
    screen.end()
    assert offences(screen.seen)


KEYS = (
    *"jjjjkgGntmduehXMfDLRSKATxo?/12345abcy", "\r", "\x1b", " ", "\t", "\x1b[Z", "\x1b[A", "\x1b[B", "\x1b[5~", "\x1b[6~",
    "\x7f", "\x13", "\x12", "\x10", "\x07",
)  # fmt: skip
"""All keys but those that lock, leave or step aside."""


@pytest.mark.parametrize("seconds", [3.0, pytest.param(FUZZED, marks=pytest.mark.soak)])
def test_random_hands_among_hostile_notes(poisoned: Program, strings: list[str], seconds: float) -> None:
    """Keys, pastes, clicks and sizes at random: the app goes on, and the terminal only ever draws."""
    seed = int(os.environ.get("KEYS_SEED", "7" if seconds < 10 else str(time.time_ns() % 10**6)))
    chance = random.Random(seed)
    screen = begun(poisoned)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        what = chance.random()
        if what < 0.8:
            screen.press(chance.choice(KEYS), 0.04)
        elif what < 0.9:
            screen.paste(chance.choice(strings), 0.06)
        elif what < 0.98:
            screen.click(chance.randint(1, 140), chance.randint(1, 40), 0.06)
        else:
            screen.child.setwinsize(chance.randint(10, 50), chance.randint(40, 160))
        assert screen.child.isalive(), seed
    for _ in range(6):
        screen.press("\x1b", 0.2)
    try:
        finish(screen)
    except (AssertionError, pexpect.ExceptionPexpect) as error:
        raise AssertionError(f"seed {seed}") from error
