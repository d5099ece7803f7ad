"""Looking through: list, search as you type, preview, facets, what stands near."""

from collections.abc import Callable
from typing import Any

from textual import events
from tui_rig import NAMES, run


def test_the_list_shows_everything_newest_first(running: Callable[..., Any]) -> None:
    """The first frame lists all open entries, newest first, and previews the first."""

    async def story() -> None:
        async with running() as r:
            assert r.titles[:2] == ["Will", "Router"]
            assert r.app.browse.results.total == 8
            assert "canarybox" in r.screen_text
            assert "8 entries" in r.screen_text

    run(story)


def test_results_come_as_you_type(running: Callable[..., Any]) -> None:
    """Each keystroke narrows; the word being typed may be the beginning of one; matches are marked."""

    async def story() -> None:
        async with running() as r:
            await r.press("slash")
            await r.type("panc")
            assert "Pancakes" in r.titles
            assert "Will" not in r.titles
            assert "hits" in r.screen_text
            await r.quiet(0.6)
            await r.press("escape", "escape")
            assert r.app.browse.results.total == 8

    run(story)


def test_filters_are_the_query_language_of_the_command_line(running: Callable[..., Any]) -> None:
    """Fields work in the field; a filter alone lists, newest first."""

    async def story() -> None:
        async with running() as r:
            await r.search("tag:kitchen")
            assert r.titles == ["Shopping", "Pancakes"]
            await r.search("tag:kitchen -milk eggs")
            assert r.titles == []
            await r.search("class:secret")
            assert r.titles == ["Router"]

    run(story)


def test_moving(running: Callable[..., Any]) -> None:
    """J k g G and the arrows move the cursor, and the preview follows."""

    async def story() -> None:
        async with running() as r:
            await r.press("j", "j", "down")
            assert r.app.browse.panes.preview.entry.title == "Boiler repaired"
            await r.press("k")
            assert r.app.browse.panes.preview.entry.title == "Salary talk"
            await r.press("G")
            assert r.app.browse.panes.preview.entry.title == "Pancakes"
            await r.press("g")
            assert r.app.browse.panes.preview.entry.title == "Will"

    run(story)


def test_facets_filter_and_unfilter(running: Callable[..., Any]) -> None:
    """A press on a facet puts its filter into the query, another takes it out."""

    async def story() -> None:
        async with running() as r:
            await r.quiet(0.6)
            assert "kitchen" in r.screen_text
            r.app.browse.query_one("#facets").focus()
            await r.press("down", "enter", rest=0.6)
            assert r.app.browse.listing.text == "class:chronological"
            assert r.titles == ["Boiler repaired", "Walk by the river"]
            await r.press("enter", rest=0.6)
            assert r.app.browse.listing.text == ""

    run(story)


def test_backlinks_and_neighbours(running: Callable[..., Any]) -> None:
    """Under an entry stands what links to it with [[…]], and what is near in words where there is no model."""

    async def story() -> None:
        async with running() as r:
            r.stand_on("Shopping")
            await r.quiet(0.5)
            assert "1 LINK HERE" in r.screen_text
            assert next(line.title for line in r.app.browse.panes.preview.near.lines) == "Pancakes"

    run(story)


def test_modes(running: Callable[..., Any]) -> None:
    """M goes through the modes; semantic without a model says what is missing instead of failing."""

    async def story() -> None:
        async with running() as r:
            await r.press("M", "M")
            assert r.app.browse.listing.mode == "semantic"
            await r.search("pancakes")
            assert "model" in r.app.browse.results.empty
            await r.press("escape", "M")
            assert r.app.browse.listing.mode == "hybrid"

    run(story)


def test_explain(running: Callable[..., Any]) -> None:
    """X shows the rank that each leg gave."""

    async def story() -> None:
        async with running() as r:
            await r.search("pancakes")
            await r.press("escape", "X")
            assert "words #1" in r.screen_text

    run(story)


def test_reading_takes_the_width(running: Callable[..., Any]) -> None:
    """Enter gives the entry the whole width and gives it back."""

    async def story() -> None:
        async with running() as r:
            before = r.app.browse.panes.preview.reader.size.width
            await r.press("enter")
            assert r.app.browse.panes.preview.reader.size.width > before + 30
            await r.press("enter")
            assert r.app.browse.panes.preview.reader.size.width == before

    run(story)


def test_small_screens(running: Callable[..., Any]) -> None:
    """At 80×24 list and preview stand side by side, and facets come on demand in place of the preview."""

    async def story() -> None:
        async with running(size=(80, 24)) as r:
            assert not r.app.browse.query_one("#facets").display
            assert "canarybox" in r.screen_text
            await r.press("f", rest=0.6)
            assert "CLASS" in r.screen_text
            await r.press("f")
            assert "canarybox" in r.screen_text

    run(story)


def test_keys_sent_at_once_land_in_a_new_text(running: Callable[..., Any]) -> None:
    """What is typed right after n is the text, to the letter, also what would be a shortcut anywhere else."""

    async def story() -> None:
        async with running() as r:
            for key in "nTuna: the?":
                r.app.post_message(events.Key(NAMES.get(key, key), key))
            await r.quiet(0.5)
            assert r.app.screen.page.text == "Tuna: the?"
            assert r.app.theme == "dark"

    run(story)


def test_keys_sent_at_once_land_in_the_search_field(running: Callable[..., Any]) -> None:
    """What is typed right after / meets the field, and no letter of it is taken for a shortcut; / itself can be typed."""

    async def story() -> None:
        async with running() as r:
            for key in "/boiler/":
                r.app.post_message(events.Key(NAMES.get(key, key), key))
            await r.quiet(0.5)
            assert r.app.screen is r.app.browse
            assert r.app.browse.query_one("#search").value == "boiler/"
            assert r.titles == ["Boiler repaired"]

    run(story)
