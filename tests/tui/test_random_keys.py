"""Random keys: whatever is pressed, in whatever order, the app goes on and the vault stays whole."""

import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from tui_rig import run

from vault.classification import Classification

KEYS = (
    *"jkgGntmdueEhXMfDLRSKATxouU?:/12345abcy",
    "enter", "escape", "space", "tab", "shift+tab", "up", "down", "left", "right", "pageup", "pagedown", "home", "end",
    "backspace", "delete", "ctrl+s", "ctrl+r", "ctrl+l", "ctrl+p", "ctrl+g", "f1", "less_than_sign", "greater_than_sign",
)  # fmt: skip


async def _press_at_random(r: Any, chance: random.Random, seconds: float) -> list[str]:
    pressed: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pressed.append(chance.choice(KEYS))
        await r.pilot.press(pressed[-1])
        assert r.app.failure is None, pressed[-30:]
        if chance.random() < 0.02:
            await r.pilot.resize_terminal(chance.randint(20, 200), chance.randint(5, 60))
        if not r.app.locks.opened and chance.random() < 0.3:
            r.app.locking.unlock(chance.choice(list(Classification)))
    return pressed


@pytest.mark.parametrize("seconds", [4.0, pytest.param(60.0, marks=pytest.mark.soak)])
def test_random_keys(
    running: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, seconds: float, tmp_path: Any
) -> None:
    """No key and no order of keys ends the app or harms an entry that nobody deleted for good."""
    seed = int(os.environ.get("KEYS_SEED", "7" if seconds < 10 else str(time.time_ns() % 10**6)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("webbrowser.open", lambda _address: True)

    async def story() -> None:
        async with running() as r:
            before = {e.id for e in await r.ask(lambda v: v.entries(limit=100))}
            await _press_at_random(r, random.Random(seed), seconds)
            r.app.action_lock()
            await r.quiet()
            for classification in Classification:
                if classification not in r.app.locks.opened:
                    r.app.locking.unlock(classification)
                    await r.quiet()
            left = await r.ask(lambda v: v.entries(limit=10_000) + v.entries(limit=10_000, trash=True))
            assert before <= {e.id for e in left}, seed
            assert not [f for f in await r.ask(lambda v: v.examine()) if f.severity == "error"], seed

    run(story)
