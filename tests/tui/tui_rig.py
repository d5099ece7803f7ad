"""The app on throw-away vaults: a scripted terminal, notes of every class, and patience until everything is quiet."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from textual.pilot import Pilot

import vault
from tui.app import MemoryApp
from vault.classification import Classification
from vault.errors import Aborted
from vault.keys.keyslots import Secret, passphrase

PASSPHRASE = b"correct horse"
HASTE = 0.15
"""Share of its usual delays that the app waits in tests."""
NOTES = (
    ("general", "# Pancakes\n\nFlour, milk and eggs. See [[Shopping]] and https://example.org/pancakes.", ("kitchen",)),
    ("general", "# Shopping\n\n- flour\n- milk\n- eggs for the pancakes", ("kitchen", "list")),
    ("general", "# SSH tunnels\n\n```sh\nssh -L 8080:localhost:80 host\n```\n\nForwards a port.", ("ops",)),
    ("chronological", "# Walk by the river\n\nFog over the water, then sun.", ("diary",)),
    ("chronological", "# Boiler repaired\n\nKowalski came at nine.", ("home",)),
    ("confidential", "# Salary talk\n\nMoved to March.", ("work",)),
    ("secret", "# Router\n\nThe admin word is zebrafish.", ("home",)),
    ("ultrasecret", "# Will\n\nIt lies in the canarybox.", ()),
)


@dataclass
class ScriptedTerminal:
    """A terminal whose person has made up their mind before."""

    secret: bytes | None = PASSPHRASE
    """What they type as a passphrase; None for nothing."""
    rewrite: Callable[[str], str] = str.upper
    """What they do in their editor."""
    asked: list[str] = field(default_factory=list)
    """Groups whose passphrase was asked for, or classes that another process should open."""
    edited: list[str] = field(default_factory=list)

    has_agent: bool = False
    """Whether classes are opened in another process; here it is `opens` that does it."""
    opens: Callable[[Sequence[Classification]], bool] = lambda _classes: False
    """What comes of it; False for nothing."""

    def unlock(self, classes: Sequence[Classification]) -> bool:
        """The passphrase, typed into another process."""
        self.asked += [c.value for c in classes]
        return self.opens(classes)

    def ask_secrets(self, group: str) -> Sequence[Secret]:
        """The passphrase."""
        self.asked.append(group)
        if self.secret is None:
            raise Aborted("no passphrase was typed")
        return [passphrase(self.secret)]

    def edit(self, text: str) -> str:
        """The editor."""
        self.edited.append(text)
        return self.rewrite(text)


@dataclass
class Running:
    """An app that runs, and the hands on it."""

    app: MemoryApp
    pilot: Pilot[None]
    vault: vault.Vault
    terminal: ScriptedTerminal

    async def quiet(self, rest: float = 0.0) -> None:
        """Until nothing is asked of the vault any more and every message is handled; *rest* passes timers."""
        if rest:
            await asyncio.sleep(HASTE * rest)
        calm = 0
        for _ in range(1500):
            await self.pilot._wait_for_screen()
            busy = not self.app.thread.idle or any(w.is_running for w in self.app.workers)
            calm = 0 if busy else calm + 1
            if calm > 2:
                await asyncio.sleep(HASTE * 0.25)  # a glance at the line under the cursor
                await self.pilot.pause()
                if self.app.thread.idle and not any(w.is_running for w in self.app.workers):
                    return
            await asyncio.sleep(0.003)
        raise AssertionError("the app does not come to rest")

    async def press(self, *keys: str, rest: float = 0.0) -> None:
        """Press keys, one after the other, and wait for what comes of it."""
        await self.pilot.press(*keys)
        await self.quiet(rest)

    async def type(self, text: str, rest: float = 0.0) -> None:
        """Type text."""
        await self.press(*(NAMES.get(ch, ch) for ch in text), rest=rest)

    async def search(self, text: str) -> None:
        """Search for *text*, till everything is found."""
        await self.press("slash")
        self.app.browse.search_for(text)
        await self.quiet(0.3)

    @property
    def titles(self) -> list[str]:
        """Titles that the list holds, in its order."""
        listed = self.app.browse.results
        return [line.title for i in range(listed.total) if (line := listed.line(i)) is not None]

    @property
    def screen_text(self) -> str:
        """What stands on the screen."""
        rows = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in rows)

    async def ask(self, job: Callable[[vault.Vault], Any]) -> Any:
        """Ask the vault something on its thread."""
        answers: list[Any] = []
        self.app.thread.ask(job, answers.append, lambda text, remedy: answers.append(AssertionError(text, remedy)))
        await self.quiet()
        if isinstance(answers[0], AssertionError):
            raise answers[0]
        return answers[0]

    def stand_on(self, title: str) -> None:
        """Put the cursor on an entry."""
        self.app.browse.results.go(self.titles.index(title))


NAMES = {
    " ": "space", "/": "slash", ":": "colon", "-": "minus", "\n": "enter", ".": "full_stop", "#": "number_sign",
    "?": "question_mark", ",": "comma", '"': "quotation_mark", "*": "asterisk", "~": "tilde", "'": "apostrophe",
}  # fmt: skip


def run(story: Callable[[], Any]) -> None:
    """Run an async story to its end."""
    asyncio.run(story())
