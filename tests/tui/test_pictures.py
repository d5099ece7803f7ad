"""Pictures of every screen, in two sizes and two themes, compared cell by cell with those that were looked at.

A picture is text: the rows of the screen, then for each row the letters of its styles, then what each letter
means. ``UPDATE_PICTURES=1`` writes them anew; look at the difference before you commit it.
"""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import pytest
from tui_rig import Running, run

from tui import clock
from tui.line import minute
from tui.screens import history
from tui.widgets import reader

PICTURES = Path(__file__).resolve().parent / "pictures"
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
STEPS: dict[str, tuple[str, ...]] = {
    "browse": (),
    "search": ("slash", *"milk"),
    "reading": ("G", "enter"),
    "new": ("n", *"password", "colon", "space", *"hunter2hunter2", "ctrl+s"),
    "edit": ("G", "e"),
    "history": ("G", "h"),
    "timeline": ("L",),
    "review": ("R",),
    "stats": ("S",),
    "locks": ("K",),
    "help": ("question_mark",),
    "command": ("colon", *"mo"),
    "move": ("m",),
    "trash-empty": ("D",),
    "nothing-found": ("slash", *"quixotic"),
    "locked": ("ctrl+l",),
}
"""Picture → keys that lead there."""
MOVING = (
    (re.compile(r"[a-z2-7]{8} · device [0-9a-z]{6}"), "aaaaaaaa · device aaaaaa"),
    (re.compile(r"open for \d+s *"), "open for 0s      "),
)
"""What differs from run to run, and what stands for it; as wide as it was."""


def picture(r: Running) -> str:
    """The screen as text."""
    rows, styles = [], []
    letters: dict[str, str] = {}
    for strip in r.app.screen._compositor.render_strips():
        rows.append(strip.text)
        line = ""
        for segment in strip:
            style = str(segment.style or "none")
            letters.setdefault(style, (ascii_letters + digits + "!#$%&()*+,-./:;<=>?@[]^_{|}~")[len(letters) % 89])
            line += letters[style] * segment.cell_length
        styles.append(line)
    text = "\n".join(rows)
    for pattern, still in MOVING:
        text = pattern.sub(still, text)
    legend = "\n".join(f"{letter} {style}" for style, letter in letters.items())
    return "\n".join([*(line.rstrip() for line in text.split("\n")), "", *styles, "", legend, ""])


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        ((80, 24), "dark"),
        ((140, 40), "light"),
        pytest.param((80, 24), "light", marks=pytest.mark.soak),
        pytest.param((140, 40), "dark", marks=pytest.mark.soak),
    ],
)
def test_pictures(
    running: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, theme: str, size: tuple[int, int]
) -> None:
    """Every screen looks as it did when somebody looked at it."""
    for module in (reader, history):
        monkeypatch.setattr(module, "minute", _still)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    differing = []

    async def story() -> None:
        async with running(size=size, settings={"tui.theme": theme, "tui.lock_after": 0}) as r:
            for name, keys in STEPS.items():
                await r.press(*keys[:-1])
                await r.press(*keys[-1:], rest=0.8)
                if not _same(f"{name}-{size[0]}x{size[1]}-{theme}.txt", picture(r)):
                    differing.append(name)
                await _back(r)

    run(story)
    assert not differing, f"look at these, then run with UPDATE_PICTURES=1: {differing}"


def _still(moment: datetime) -> str:
    return minute(min(moment, NOW))


def _same(name: str, seen: str) -> bool:
    path = PICTURES / name
    if os.environ.get("UPDATE_PICTURES"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(seen)
    return path.exists() and path.read_text() == seen


async def _back(r: Running) -> None:
    """To the list as it was at first."""
    while r.app.screen is not r.app.browse:
        r.app.pop_screen()
    browse = r.app.browse
    browse.panes.set_class(False, "-reading")
    browse.results.focus()
    if browse.listing.trash:
        browse.action_show_trash()
    browse.search_for("")
    await r.quiet()
    browse.results.go(0)
    await r.quiet()


def test_a_changed_screen_is_noticed(running: Callable[..., Any]) -> None:
    """Positive control: another theme or another word makes another picture."""

    async def story() -> None:
        async with running(settings={"tui.lock_after": 0}) as r:
            before = picture(r)
            assert picture(r) == before
            await r.press("T")
            assert picture(r) != before

    run(story)
