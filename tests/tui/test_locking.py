"""Locks: what is open is seen, Ctrl-L leaves nothing behind, passphrases are asked for at the terminal."""

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from textual.widget import Widget
from textual.widgets import Input
from tui_rig import PASSPHRASE, ScriptedTerminal, run

from vault.classification import Classification
from vault.keys.keyslots import passphrase

CANARIES = ("canarybox", "zebrafish", "Kowalski", "Pancakes", "Router", "kitchen")


def held(app: Any) -> Iterator[str]:
    """Every string that the app, its screens, widgets, undo and threads hold, a few steps deep."""
    seen: set[int] = set()
    queue: list[tuple[Any, int]] = [(app, 0), (app.undo, 0), (app.thread, 0), *((n, 0) for n in app.query("*"))]
    queue += [(s, 0) for s in app.screen_stack] + [(n, 0) for s in app.screen_stack for n in s.query("*")]
    while queue:
        thing, depth = queue.pop()
        if id(thing) in seen or depth > 6:
            continue
        seen.add(id(thing))
        if isinstance(thing, str):
            yield thing
        elif isinstance(thing, dict):
            queue += [(part, depth + 1) for pair in list(thing.items()) for part in pair]
        elif isinstance(thing, (list, tuple, set, frozenset)):
            queue += [(part, depth + 1) for part in list(thing)]
        elif isinstance(thing, Widget) or type(thing).__module__.startswith(
            (
                "tui",
                "vault.browsing",
                "vault.entry",
                "vault.compartment.facets",
                "vault.search",
                "textual.strip",
                "rich.segment",
            )
        ):
            queue += [(part, depth + 1) for part in _parts(thing)]


def _parts(thing: Any) -> list[Any]:
    slots = [getattr(thing, name, None) for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*vars(thing).values(), *slots] if hasattr(thing, "__dict__") else slots


def leaked(app: Any) -> set[str]:
    """Canaries that something still holds or the screen still shows."""
    gc.collect()
    texts = list(held(app))
    shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
    return {c for c in CANARIES if c in shown or any(c in text for text in texts)}


def test_ctrl_l_leaves_nothing(running: Callable[..., Any]) -> None:
    """After Ctrl-L no widget, message, undo step or line of the screen holds a word of any entry."""

    async def story() -> None:
        async with running() as r:
            await r.search("home")
            r.stand_on("Router")
            await r.press("escape", "t")
            await r.type("more")
            await r.press("enter", rest=0.4)
            assert leaked(r.app) >= {"zebrafish", "Router"}  # the detector sees what is there
            await r.press("ctrl+l")
            assert await r.ask(lambda v: v.open_classes) == ()
            assert leaked(r.app) == set()
            assert "everything is locked" in r.screen_text
            assert r.app.browse.listing.text == ""

    run(story)


def test_ctrl_l_works_anywhere(running: Callable[..., Any]) -> None:
    """It closes whatever is open over the list, also while a field has the focus."""

    async def story() -> None:
        async with running() as r:
            for keys in (
                ["slash"],
                ["n"],
                ["h"],
                ["S"],
                ["L"],
                ["R"],
                ["K"],
                ["question_mark"],
                ["colon"],
                ["t"],
                ["m"],
            ):
                await r.press(*keys)
                await r.press("ctrl+l")
                assert r.app.screen is r.app.browse, keys
                assert not leaked(r.app), keys
                await r.press("U", "1")
                assert r.app.locks.opened, keys

    run(story)


def test_unlock_asks_at_the_terminal(running: Callable[..., Any]) -> None:
    """U asks the terminal for the passphrase of the class's group; there is no field to type it into."""

    async def story() -> None:
        async with running(locked=True) as r:
            assert r.titles == []
            await r.press("U", "1")
            assert r.terminal.asked == ["vault"]
            assert set(r.app.locks.opened) == {c for c in Classification if c.level < 3}
            assert "Salary talk" in r.titles
            assert "Router" not in r.titles
            assert not [w for w in r.app.screen.query(Input) if w.password]

    run(story)


def test_with_an_agent_the_keys_stay_out_of_the_app(running: Callable[..., Any]) -> None:
    """U has another process open the classes of a group, and only then looks what is open; no secret comes here."""
    terminal = ScriptedTerminal(has_agent=True)

    async def story() -> None:
        async with running(terminal=terminal) as r:
            await r.press("ctrl+l")
            await r.press("U", "4")
            assert terminal.asked == ["secret"]
            assert not r.app.locks.opened

            def opens(classes: Sequence[Classification]) -> bool:
                r.vault.unlock([passphrase(PASSPHRASE)], classes)
                return True

            terminal.opens = opens
            await r.press("U", "4")
            assert set(r.app.locks.opened) == {Classification.SECRET}
            assert r.titles == ["Router"]

    run(story)


def test_a_wrong_passphrase_is_said(running: Callable[..., Any]) -> None:
    """It leaves the class locked, with the remedy."""

    async def story() -> None:
        async with running(locked=True, terminal=ScriptedTerminal(secret=b"wrong")) as r:
            await r.press("U", "1")
            assert not r.app.locks.opened
            assert "no keyslot opened" in r.screen_text
            r.terminal.secret = None
            await r.press("U", "1")
            assert not r.app.locks.opened

    run(story)


def test_the_app_locks_itself(running: Callable[..., Any]) -> None:
    """After the set time without a key everything is locked and the screen is blank."""

    async def story() -> None:
        async with running(settings={"tui.lock_after": 5}) as r:
            assert "locks in 4m" in r.screen_text or "locks in 5m" in r.screen_text
            r.app.locks.clock = lambda: r.app.locks.touched + 301
            r.app.locking.tick()
            await r.quiet()
            assert not r.app.locks.opened
            assert leaked(r.app) == set()

    run(story)


def test_what_was_being_written_is_kept_before_the_lock(running: Callable[..., Any]) -> None:
    """An edit and a new text that were not saved become revisions, and are there after the next unlock."""

    async def story() -> None:
        async with running() as r:
            r.stand_on("Shopping")
            await r.quiet()
            await r.press("e")
            await r.type("yeast ")
            await r.press("ctrl+l")
            assert leaked(r.app) == set()
            await r.press("U", "1")
            found = await r.ask(lambda v: v.search("yeast", mode="keyword"))
            assert found[0].entry.text.startswith("yeast # Shopping")

    run(story)


def test_the_locks_are_seen(running: Callable[..., Any]) -> None:
    """K shows each class with how long it has been open and what is in it; Enter unlocks one."""

    async def story() -> None:
        async with running() as r:
            await r.press("K")
            assert "open for" in r.screen_text
            assert "3 entries" in r.screen_text
            await r.press("l")
            assert not r.app.locks.opened
            await r.press("K", "enter")
            assert Classification.GENERAL in r.app.locks.opened

    run(story)


def test_classes_locked_and_opened_elsewhere_are_noticed(
    running: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the agent locks is gone from the screen and the line of the locks, what it opens comes; a draft stays."""

    async def story() -> None:
        async with running() as r:
            everything = tuple(r.app.locks.opened)
            taken = dict(r.vault.opened.classes)
            r.stand_on("Will")
            await r.quiet(0.5)
            await r.press("e")
            await r.type("draft ")
            assert leaked(r.app) >= {"canarybox"}

            def attach() -> tuple[Classification, ...]:
                r.vault.opened.classes.pop(Classification.ULTRASECRET, None)
                return r.vault.open_classes

            monkeypatch.setattr(r.vault, "attach", attach)
            r.app.locking.look()
            await r.quiet(0.5)
            assert Classification.ULTRASECRET not in r.app.browse.bar.opened
            assert r.app.screen is r.app.browse
            assert "Will" not in r.titles
            assert "Router" in r.titles
            assert "canarybox" not in r.screen_text

            def opened_again() -> tuple[Classification, ...]:
                r.vault.opened.classes.update(taken)
                return r.vault.open_classes

            monkeypatch.setattr(r.vault, "attach", opened_again)
            r.app.locking.look()
            await r.quiet(0.5)
            assert r.app.browse.bar.opened == everything
            assert r.app.screen.page.text.startswith("draft ")

    run(story)
