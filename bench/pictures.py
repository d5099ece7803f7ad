"""Pictures of the app for README and documentation: ``python bench/pictures.py [FOLDER]`` writes SVG files.

The notes of `examples/notes` are imported into a throw-away vault. Needs the local model to look as it should; does
without it.
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY)]

from interface import Nobody  # noqa: E402 (the path comes first)

import vault  # noqa: E402 (the path comes first)
from tui import clock  # noqa: E402 (the path comes first)
from tui.app import MemoryApp, build_app  # noqa: E402 (the path comes first)
from vault.keys.stretching import KdfLimits  # noqa: E402 (the path comes first)
from vault.models.store import ModelStore  # noqa: E402 (the path comes first)

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
PICTURES: dict[str, tuple[str, tuple[int, int], tuple[str, ...]]] = {
    "browse": ("dark", (120, 32), ()),
    "search": ("dark", (120, 32), ("slash", *"boil")),
    "search-light": ("light", (120, 32), ("slash", *"garden")),
    "capture": (
        "dark",
        (100, 24),
        ("n", *"the", "space", *"alarm", "space", *"code", "space", *"is", "space", *"4711", "ctrl+s"),
    ),
    "stats": ("dark", (120, 36), ("S",)),
    "timeline": ("light", (120, 30), ("L",)),
    "help": ("dark", (80, 24), ("question_mark",)),
}
"""Picture → theme, size and the keys that lead there."""


async def draw(v: vault.Vault, name: str, target: Path) -> None:
    """One picture."""
    theme, size, keys = PICTURES[name]
    app: MemoryApp = build_app(v, Nobody(), settings={"tui.theme": theme})
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.6)
        for key in keys:
            await pilot.press(key)
        for _ in range(200):
            await pilot.pause(0.02)
            if app.thread.idle:
                break
        await pilot.pause(1.2)
        svg = app.export_screenshot(title="memory")
    (target / f"{name}.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


def main() -> None:
    """All of them."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs" / "pictures"
    target.mkdir(parents=True, exist_ok=True)
    clock.now = lambda: NOW
    limits = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
    with tempfile.TemporaryDirectory() as place:
        models = REPOSITORY / ".build" / "models"
        models = models if ModelStore(models).active("embedder") else Path(place) / "none"
        with vault.create(f"{place}/v", passphrase=b"x", state=f"{place}/s", models=models, limits=limits) as v:
            v.import_from(REPOSITORY / "examples" / "notes")
            for name in PICTURES:
                asyncio.run(draw(v, name, target))
                sys.stderr.write(f"{name}\n")


if __name__ == "__main__":
    main()
