"""Changing entries: tags, classes, trash, several at once; all of it undone and done again."""

from collections.abc import Callable
from typing import Any

from tui_rig import run


def test_tagging(running: Callable[..., Any]) -> None:
    """T puts tags on and takes them off; u takes that back, Ctrl-R makes it again."""

    async def story() -> None:
        async with running() as r:
            r.stand_on("Shopping")
            await r.press("t")
            await r.type("weekly -list")
            await r.press("enter")
            tags = lambda: r.ask(lambda v: set(v.entries("title:Shopping")[0].tags))  # noqa: E731
            assert await tags() == {"kitchen", "weekly"}
            await r.press("u")
            assert await tags() == {"kitchen", "list"}
            await r.press("ctrl+r")
            assert await tags() == {"kitchen", "weekly"}

    run(story)


def test_moving_up_warns_that_history_keeps_what_was(running: Callable[..., Any]) -> None:
    """M files an entry under another class; when that raises it, the older revision is named honestly."""

    async def story() -> None:
        async with running() as r:
            r.stand_on("Salary talk")
            await r.press("m", "4")
            assert {e.title for e in await r.ask(lambda v: v.entries("class:secret"))} == {"Salary talk", "Router"}
            assert "raised to secret" in r.screen_text
            assert r.app.browse.panes.preview.entry.title == "Salary talk"
            await r.press("u")
            assert [e.title for e in await r.ask(lambda v: v.entries("class:confidential"))] == ["Salary talk"]

    run(story)


def test_trash_and_back(running: Callable[..., Any]) -> None:
    """D puts into the trash, u brings back; D lists the trash, where d restores."""

    async def story() -> None:
        async with running() as r:
            r.stand_on("Router")
            await r.press("d")
            assert "Router" not in r.titles
            await r.press("u")
            assert "Router" in r.titles
            r.stand_on("Router")
            await r.press("d", "D")
            assert r.titles == ["Router"]
            assert "1 in the trash" in r.screen_text
            await r.press("d")
            assert r.titles == []
            await r.press("escape")
            assert "Router" in r.titles

    run(story)


def test_several_at_once_are_one_step(running: Callable[..., Any]) -> None:
    """Space chooses and goes on; a change goes to all that are chosen, and one undo takes it back."""

    async def story() -> None:
        async with running() as r:
            await r.press("G", "k", "space", "space")
            assert "2 chosen" in r.screen_text
            await r.press("d")
            assert not {"Pancakes", "Shopping"} & set(r.titles)
            assert r.app.browse.results.total == 6
            await r.press("u")
            assert r.app.browse.results.total == 8

    run(story)


def test_choosing_all_that_is_listed(running: Callable[..., Any]) -> None:
    """A chooses all of a listing, also those that were never drawn; Esc chooses none."""

    async def story() -> None:
        notes = [("general", f"note {i} of many", ()) for i in range(300)]
        async with running(notes=notes, size=(80, 24)) as r:
            await r.press("A")
            assert len(r.app.browse.results.chosen) == 300
            await r.press("escape")
            assert not r.app.browse.results.chosen
            await r.search("note")
            await r.press("escape", "A")
            assert len(r.app.browse.results.chosen) == 100  # the hits that there are

    run(story)


def test_nothing_to_undo_is_said(running: Callable[..., Any]) -> None:
    """Undo at the beginning says that there is nothing."""

    async def story() -> None:
        async with running() as r:
            await r.press("u")
            assert "nothing to undo" in r.screen_text

    run(story)


def test_export_of_the_chosen(running: Callable[..., Any], tmp_path: Any) -> None:
    """X writes what is chosen in clear, after a confirmation that names the place, and nothing else."""

    async def story() -> None:
        async with running() as r:
            r.stand_on("Pancakes")
            await r.press("x")
            await r.type(str(tmp_path / "out"))
            await r.press("enter")
            assert "in clear to" in r.screen_text
            assert not (tmp_path / "out").exists()
            await r.press("y")
            files = list((tmp_path / "out").rglob("*.md"))
            assert len(files) == 1
            assert "Flour" in files[0].read_text()

    run(story)


def test_a_link_opens_only_after_a_confirmation(running: Callable[..., Any], monkeypatch: Any) -> None:
    """O lists links; choosing one asks, and only yes opens it."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    async def story() -> None:
        async with running() as r:
            r.stand_on("Pancakes")
            await r.quiet()
            await r.press("o", "enter")
            assert "open https://example.org/pancakes?" in r.screen_text
            await r.press("n")
            assert not opened
            await r.press("o", "enter", "y")
            assert opened == ["https://example.org/pancakes"]

    run(story)


def test_a_quick_hand_acts_on_what_the_cursor_is_on(running: Callable[..., Any]) -> None:
    """A jump and at once ``e``: the editor has the entry under the cursor, not the one still shown beside the list."""

    async def story() -> None:
        async with running() as r:
            shown = r.app.browse.panes.preview.entry
            await r.pilot.press("G", "e")
            await r.quiet()
            last = r.app.browse.results.line()
            assert last is not None
            assert shown is not None
            assert shown.id != last.id
            assert r.app.screen.entry.id == last.id

    run(story)
