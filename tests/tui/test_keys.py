"""One table of actions: bindings, documentation, rebinding and the methods behind them agree."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from tui_rig import run

from tui.app import MemoryApp
from tui.commands import COMMANDS
from tui.keymap import ACTIONS, PLACES, PREFIX, bindings, rebound, setting, shown
from tui.screens.browse import BrowseScreen
from tui.screens.editor import EditorScreen
from tui.screens.history import HistoryScreen
from tui.screens.locks import LocksScreen
from tui.screens.review import ReviewScreen
from tui.screens.timeline import TimelineScreen
from vault.errors import InvalidInput

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "tui.md"
OWNERS = {
    "everywhere": MemoryApp,
    "browse": BrowseScreen,
    "editor": EditorScreen,
    "history": HistoryScreen,
    "review": ReviewScreen,
    "timeline": TimelineScreen,
    "locks": LocksScreen,
}


def test_every_action_has_its_method_and_place() -> None:
    """Nothing in the table leads nowhere, and no key has two meanings in one place."""
    assert set(OWNERS) == set(PLACES)
    for action in ACTIONS:
        assert callable(getattr(OWNERS[action.place], f"action_{action.name}")), action
    for place in PLACES:
        keys = [key for a in ACTIONS if a.place in {place, "everywhere"} for key in a.keys.split(",")]
        assert len(keys) == len(set(keys)), place
    assert len({setting(a) for a in ACTIONS}) == len(ACTIONS)


def test_bindings_are_the_table() -> None:
    """Every screen binds exactly its actions, under the ids that settings speak of."""
    for place, owner in OWNERS.items():
        ids = {b.id for b in owner.BINDINGS if isinstance(b, Binding) and b.id}
        assert ids == {setting(a) for a in ACTIONS if a.place == place}, place
        assert len(bindings(place)) == len(ids)


def test_the_documentation_is_the_table() -> None:
    """docs/tui.md lists exactly the actions with their keys, and the commands."""
    rows = re.findall(r"^\| (.+?) \| `([\w.]+)` \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    said = {name: (keys.replace("`", ""), words) for keys, name, words in rows}
    assert said == {setting(a).removeprefix(PREFIX): (shown(a.keys), a.help) for a in ACTIONS}
    commands = dict(re.findall(r"^\| `:([a-z].*?)` \| ([^`|]+?) \|$", PAGE.read_text(), re.MULTILINE))
    assert commands == {c.usage: c.help for c in COMMANDS.values()}


@pytest.mark.parametrize("settings", [{"tui.keys.flying": "f"}, {"tui.keys.create": " , "}])
def test_a_rebinding_that_makes_no_sense_is_refused(settings: dict[str, str]) -> None:
    """An unknown action or no key is an error with a remedy, before the app begins."""
    with pytest.raises(InvalidInput) as error:
        rebound(settings)
    assert error.value.remedy


def test_rebinding(running: Callable[..., Any]) -> None:
    """A rebound action answers to its new key and no longer to the old one; the bottom line shows the new one."""

    async def story() -> None:
        async with running(settings={"tui.keys.trash": "z"}) as r:
            assert "z trash" in r.screen_text
            await r.press("d")
            assert r.app.browse.results.total == 8
            await r.press("z")
            assert r.app.browse.results.total == 7

    run(story)
