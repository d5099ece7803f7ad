"""The other screens: history, review, timeline, charts, help, palette, command line, themes, long work."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tui_rig import NOTES, run

from tui.commands import COMMANDS
from tui.screens.help import HelpScreen
from tui.working import importing
from vault.browsing import Browsing
from vault.compartment.records import Skipped


def test_history_shows_what_changed_and_restores(running: Callable[..., Any]) -> None:
    """H lists revisions, the newest with its difference; r brings an older text back as a new revision."""

    async def story() -> None:
        async with running() as r:
            entry = (await r.ask(lambda v: v.entries("tag:list")))[0]
            await r.ask(lambda v: v.edit(entry.id, entry.text.replace("milk", "oat milk")))
            r.stand_on("Shopping")
            await r.quiet()
            await r.press("h")
            assert "- - milk" in r.screen_text
            assert "+ - oat milk" in r.screen_text
            await r.press("j", "r")
            assert (await r.ask(lambda v: v.get(entry.id))).text == entry.text
            assert len(await r.ask(lambda v: v.history(entry.id))) == 3
            await r.press("escape", "u")
            assert "oat milk" in (await r.ask(lambda v: v.get(entry.id))).text

    run(story)


def test_review_of_an_uncertain_class(running: Callable[..., Any]) -> None:
    """R lists what no stage was sure of; a confirms it and it is gone from there, m files it elsewhere."""

    async def story() -> None:
        async with running(notes=[*NOTES, (None, "nothing to go by", ()), (None, "nor here, really", ())]) as r:
            await r.press("R")
            assert "2 unsure" in r.screen_text
            await r.press("a")
            assert "1 unsure" in r.screen_text
            await r.press("m", "1")
            assert "0 unsure" in r.screen_text
            sure = [e for e in await r.ask(lambda v: v.entries()) if "no" in e.text and "go by" in e.text]
            assert sure[0].confidence == 1.0
            assert sure[0].reasoning.startswith("explicit")
            await r.press("u")
            assert "1 unsure" in r.screen_text

    run(story)


async def _conflict(r: Any) -> str:
    entry = (await r.ask(lambda v: v.entries("tag:list")))[0]

    def apart(v: Any) -> None:
        for text in ("# Shopping\n\nfrom the laptop", "# Shopping\n\nfrom the desktop"):
            v.edit(entry.id, text, base=entry.revisions)

    await r.ask(apart)
    return str(entry.id)


@pytest.mark.parametrize(("key", "kept", "count"), [("a", 1, 1), ("b", 1, 1), ("c", 2, 2)])
def test_review_of_a_conflict(running: Callable[..., Any], key: str, kept: int, count: int) -> None:
    """Both versions stand side by side; a and b keep one of them, c both, and the conflict is over."""

    async def story() -> None:
        async with running() as r:
            entry_id = await _conflict(r)
            await r.press("R")
            assert "1 conflict" in r.screen_text
            assert "from the laptop" in r.screen_text
            assert "from the desktop" in r.screen_text
            await r.press(key)
            assert "0 conflict" in r.screen_text
            texts = [e.text for e in await r.ask(lambda v: v.entries()) if "from the" in e.text]
            assert len(texts) == len(set(texts)) == kept == count
            assert not (await r.ask(lambda v: v.get(entry_id))).conflict

    run(story)


def test_review_of_a_file_that_was_put_aside(running: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarantined file is named with its reason; it has no text to show and nothing is offered to trust it."""
    aside = [("general", Skipped("abcdefgh" * 4, "signature", "not by an enrolled device\x1b[31m"))]
    monkeypatch.setattr(Browsing, "quarantined", lambda _self: aside)

    async def story() -> None:
        async with running() as r:
            await r.press("R")
            assert "1 quarantined" in r.screen_text
            assert "failed the check of its signature" in r.screen_text
            assert "\x1b" not in r.screen_text
            await r.press("a", "b", "c", "m")
            assert "1 quarantined" in r.screen_text

    run(story)


def test_the_timeline(running: Callable[..., Any]) -> None:
    """L shows chronological entries by day, the latest first; c shows all classes; other years stand below."""

    async def story() -> None:
        async with running() as r:
            await r.ask(lambda v: v.capture("Fog again", "general", created=datetime(2025, 3, 4, 9, tzinfo=UTC)))
            await r.press("L")
            assert "05 Mar 2026" in r.screen_text
            assert "Kowalski came" in r.screen_text
            assert "08 Mar 2026" not in r.screen_text
            await r.press("j", rest=0.1)
            assert "Fog over the water" in r.screen_text
            assert "Fog again" in r.screen_text
            await r.press("c")
            assert "08 Mar 2026" in r.screen_text

    run(story)


def test_the_charts(running: Callable[..., Any]) -> None:
    """S draws classes, months, days, tags and sources of what is open."""

    async def story() -> None:
        async with running(size=(140, 40)) as r:
            await r.press("S")
            for text in (
                "8 entries in 5 open classes",
                "PER MONTH",
                "A YEAR OF DAYS",
                "kitchen",
                "shell",
                "ultrasecret",
            ):
                assert text in r.screen_text, text
            await r.press("escape")
            assert r.app.screen is r.app.browse

    run(story)


def test_help_names_every_key_as_it_is_bound(running: Callable[..., Any]) -> None:
    """? lists every action of the table with its present keys, and every command."""

    async def story() -> None:
        async with running(settings={"tui.keys.create": "f6"}, size=(100, 120)) as r:
            await r.press("question_mark")
            assert isinstance(r.app.screen, HelpScreen)
            assert "F6" in r.screen_text
            assert "write a new entry" in r.screen_text
            for name in COMMANDS:
                assert f":{name}" in r.screen_text, name
            await r.press("escape", "f6")
            assert r.app.screen.id == "editor"
            await r.press("escape", "n")
            assert r.app.screen is r.app.browse  # the old key does nothing now

    run(story)


def test_the_palette_has_every_action(running: Callable[..., Any]) -> None:
    """Ctrl-P finds an action by its words and does it."""

    async def story() -> None:
        async with running() as r:
            await r.press("ctrl+p")
            await r.type("vault in charts", rest=0.3)
            await r.press("enter", rest=0.3)
            assert r.app.screen.id == "stats"

    run(story)


@pytest.mark.parametrize("keys", [("ctrl+p", "pagedown"), ("ctrl+p", "pageup"), ("m", "pagedown"), ("K", "pageup")])
def test_a_page_key_in_a_list_without_room(running: Callable[..., Any], keys: tuple[str, ...]) -> None:
    """In a window of three lines, where a list has no room, a page key does nothing, and the app goes on."""

    async def story() -> None:
        async with running(size=(40, 3)) as r:
            await r.press(*keys)
            await r.press("escape")
            assert r.app.failure is None
            assert r.app.screen is r.app.browse

    run(story)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (":search pancakes", "Pancakes"),
        (":mo", "did you mean"),
        (":fly", "no command"),
        (":tag", ":tag TAG -TAG"),
        (":theme light", ""),
        (":theme pink", "no theme"),
        (":move nowhere", "no classification"),
        (":stats", "PER MONTH"),
    ],
)
def test_the_command_line(running: Callable[..., Any], line: str, seen: str) -> None:
    """Commands do what they say; what is wrong is shown with what helps."""

    async def story() -> None:
        async with running() as r:
            await r.type(line)
            await r.press("enter", rest=0.4)
            assert seen in r.screen_text
            if "light" in line:
                assert r.app.theme == "light"

    run(story)


def test_tab_goes_from_pane_to_pane(running: Callable[..., Any]) -> None:
    """Tab reaches search, facets, list, entry and neighbours, and the mouse chooses a line."""

    async def story() -> None:
        async with running() as r:
            r.stand_on("Shopping")
            await r.quiet(0.5)
            seen = set()
            for _ in range(6):
                await r.press("tab")
                seen.add(r.app.focused.id)
            assert seen >= {"search", "facets", "list", "reader", "near"}
            await r.pilot.click("#list", offset=(5, 4))
            await r.quiet()
            assert r.app.browse.panes.preview.entry.title == "Salary talk"

    run(story)


def test_themes(running: Callable[..., Any]) -> None:
    """T goes through dark, light and plain; plain draws no colour at all."""

    async def story() -> None:
        async with running() as r:
            await r.press("T")
            assert r.app.theme == "light"
            await r.press("T", rest=0.2)
            assert r.app.theme == "plain"
            colours = {
                colour.name
                for strip in r.app.screen._compositor.render_strips()
                for segment in strip
                if segment.style is not None
                for colour in (segment.style.color, segment.style.bgcolor)
                if colour is not None
            }
            assert colours <= {"default"}
            await r.press("T")
            assert r.app.theme == "dark"

    run(story)


def test_an_import_shows_progress_and_can_be_stopped(running: Callable[..., Any], tmp_path: Path) -> None:
    """A long import can be stopped; what was taken stays, browsing goes on meanwhile, the next run takes the rest."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for i in range(300):
        (folder / f"{i}.md").write_text(f"# Note {i}\n\nA plain note about plain thing number {i}.\n")

    async def story() -> None:
        async with running(notes=()) as r:
            r.app.begin(importing(str(folder)))
            while not r.app.browse.query_one("#work").display:
                await r.pilot.pause(0.01)
            await r.pilot.press("ctrl+g")
            await r.quiet()
            assert "stopped" in r.screen_text
            some = r.app.browse.results.total
            assert 0 < some < 300
            r.app.begin(importing(str(folder)))
            await r.quiet()
            assert r.app.browse.results.total == 300
            assert f"{300 - some:,} added" in r.screen_text
            assert not r.app.browse.query_one("#work").display

    run(story)


def test_rebuild_and_a_missing_folder(running: Callable[..., Any]) -> None:
    """:rebuild makes the indexes anew; an import of nothing names the remedy and leaves no bar behind."""

    async def story() -> None:
        async with running() as r:
            await r.type(":rebuild")
            await r.press("enter")
            assert "made anew" in r.screen_text
            assert r.app.browse.results.total == 8
            await r.type(":import /nowhere/at/all")
            await r.press("enter")
            assert "→" in r.screen_text or "(" in r.screen_text
            assert r.app.work is None

    run(story)
