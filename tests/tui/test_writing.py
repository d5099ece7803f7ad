"""Writing: capture with the verdict before it is kept, search-or-create, editing, what happens when saving fails."""

from collections.abc import Callable
from typing import Any

import pytest
from tui_rig import ScriptedTerminal, run

from tui.screens.editor import EditorScreen
from vault.errors import StorageFailed
from vault.vault import Vault


def test_capture_shows_the_class_before_it_saves(running: Callable[..., Any]) -> None:
    """N writes; Ctrl-S shows class, confidence and reason and saves nothing; Enter saves; u takes it back."""

    async def story() -> None:
        async with running() as r:
            await r.press("n")
            await r.type("password: hunter2hunter2 for the pump")
            await r.press("ctrl+s")
            assert r.app.browse.results.total == 8
            assert "secret" in r.screen_text
            assert "detector" in r.screen_text
            await r.press("enter")
            assert r.app.screen is r.app.browse
            assert r.titles[0] == "password: hunter2hunter2 for the pump"
            assert r.app.browse.panes.preview.entry.classification == "secret"
            await r.press("u")
            assert r.app.browse.results.total == 8

    run(story)


def test_one_key_changes_the_class(running: Callable[..., Any]) -> None:
    """In front of the verdict a number chooses another class, and that one it is."""

    async def story() -> None:
        async with running() as r:
            await r.press("n")
            await r.type("a plain line")
            await r.press("ctrl+s", "5")
            assert "your choice" in r.screen_text
            await r.press("enter")
            entry = (await r.ask(lambda v: v.entries("class:ultrasecret")))[0]
            assert entry.text == "a plain line"
            assert entry.reasoning.startswith("explicit")

    run(story)


def test_escape_returns_to_the_text(running: Callable[..., Any]) -> None:
    """Esc in front of the verdict goes back to the text; Esc in the text asks before it throws anything away."""

    async def story() -> None:
        async with running() as r:
            await r.press("n")
            await r.type("half a thought")
            await r.press("ctrl+s", "escape")
            assert r.app.screen.page.has_focus
            await r.press("escape")
            assert "leave without saving?" in r.screen_text
            await r.press("n")
            assert r.app.screen.page.text == "half a thought"
            await r.press("escape", "y")
            assert r.app.screen is r.app.browse
            assert r.app.browse.results.total == 8

    run(story)


def test_search_or_create(running: Callable[..., Any]) -> None:
    """Enter on a search that finds nothing begins an entry with what was sought."""

    async def story() -> None:
        async with running() as r:
            await r.press("slash")
            await r.type("quixotic plumbing", rest=0.3)
            await r.press("enter")
            assert isinstance(r.app.screen, EditorScreen)
            assert r.app.screen.page.text.strip() == "quixotic plumbing"

    run(story)


def test_edit_in_place(running: Callable[..., Any]) -> None:
    """E opens the text, Ctrl-S keeps it as a new revision, u brings the old text back."""

    async def story() -> None:
        async with running() as r:
            r.stand_on("Shopping")
            await r.quiet()
            await r.press("e", "ctrl+end")
            await r.type("\n- sugar")
            await r.press("ctrl+s")
            assert r.app.browse.panes.preview.entry.text.endswith("- sugar")
            assert "sugar" in r.screen_text
            await r.press("u")
            assert "sugar" not in r.app.browse.panes.preview.entry.text
            await r.press("ctrl+r")
            assert "sugar" in r.app.browse.panes.preview.entry.text

    run(story)


def test_a_failed_save_keeps_the_text(running: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """When saving fails, the text stays in its field, the message names the remedy, and a second try saves it."""

    async def story() -> None:
        async with running() as r:
            await r.press("n")
            await r.type("worth keeping")
            with monkeypatch.context() as broken:
                broken.setattr(Vault, "capture", _full)
                await r.press("ctrl+s", "enter")
                assert r.app.screen.page.text == "worth keeping"
                assert "no space left" in r.screen_text
                assert "make room" in r.screen_text
            await r.press("ctrl+s", "enter")
            assert r.titles[0] == "worth keeping"

    run(story)


def _full(*_args: Any, **_named: Any) -> None:
    raise StorageFailed("no space left", remedy="make room")


def test_the_own_editor_is_for_what_is_not_secret(running: Callable[..., Any]) -> None:
    """Shift-E hands a confidential text to the person's editor and saves what comes back; never a secret one."""
    terminal = ScriptedTerminal(rewrite=lambda text: text + "\nfrom outside")

    async def story() -> None:
        async with running(terminal=terminal) as r:
            r.stand_on("Salary talk")
            await r.quiet()
            await r.press("E")
            assert r.app.browse.panes.preview.entry.text.endswith("from outside")
            r.stand_on("Router")
            await r.quiet()
            await r.press("E")
            assert "edited here only" in r.screen_text
            assert len(terminal.edited) == 1

    run(story)


def test_an_empty_text_is_not_kept(running: Callable[..., Any]) -> None:
    """Ctrl-S on nothing says so."""

    async def story() -> None:
        async with running() as r:
            await r.press("n", "ctrl+s")
            assert "there is no text to keep" in r.screen_text

    run(story)
