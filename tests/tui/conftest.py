"""The fixture that starts the app; what it hands out is in `tui_rig`."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tui_rig import HASTE, NOTES, Running, ScriptedTerminal

import vault
from tui import pace
from tui.app import build_app


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory in memory, where there is one: these tests are not about the disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None, prefix="tui-") as path:
        yield Path(path)


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the app nor Textual's pilot waits as long as for a person."""
    for name in ("PAUSE", "REST", "GLANCE", "TYPING", "JUDGING"):
        monkeypatch.setattr(pace, name, HASTE * getattr(pace, name))
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.002)
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 0.001)


@pytest.fixture
def running(new_vault: Callable[..., vault.Vault]) -> Callable[..., Any]:
    """A context manager that runs the app on a vault with `NOTES`."""

    @asynccontextmanager
    async def start(
        *,
        size: tuple[int, int] = (120, 36),
        notes: Sequence[tuple[str, str, tuple[str, ...]]] = NOTES,
        settings: dict[str, Any] | None = None,
        locked: bool = False,
        terminal: ScriptedTerminal | None = None,
        opened: vault.Vault | None = None,
    ) -> AsyncIterator[Running]:
        v = opened or new_vault()
        for day, (classification, text, tags) in enumerate(notes if opened is None else ()):
            v.capture(
                text,
                classification,
                tags=tags,
                created=datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(days=day),
                source="shell",
            )
        if locked:
            v.lock()
        person = terminal or ScriptedTerminal()
        app = build_app(v, person, settings=settings or {})
        async with app.run_test(size=size, notifications=True) as pilot:
            r = Running(app, pilot, v, person)
            await r.quiet()
            yield r

    return start
