"""The app: what all screens share. `build_app` is the one way to make it, for the program and for tests.

The app's own thread draws and owns all state; everything that touches the vault runs on the vault's thread and
comes back as a message. Whatever goes wrong is shown as one line with its remedy.
"""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textual import events, on, work
from textual.app import App
from textual.filter import LineFilter, NoColor
from textual.message import Message
from textual.message_pump import MessagePump

from tui import locks
from tui.gate import Gate
from tui.keymap import bindings, rebound
from tui.locks import Locks
from tui.messages import Changed, Failed, Finished, Kept, LocksChanged, Noted, Progressed
from tui.palette import Actions
from tui.screens.browse import BrowseScreen
from tui.themes import THEMES
from tui.thread import AT_ONCE, LATER, SOON, VaultThread
from tui.undo import Undo
from tui.working import Work
from vault.classification import Classification
from vault.errors import Aborted, InvalidInput, VaultError
from vault.text import safe_text

if TYPE_CHECKING:
    from tui.screens.editor import EditorScreen
    from vault.entry import Entry
    from vault.keys.keyslots import Secret
    from vault.reconcile import Progress
    from vault.vault import Vault

_GROUPS = {Classification.SECRET: "secret", Classification.ULTRASECRET: "ultrasecret"}


LOOK = 3.0
"""Seconds after which the app looks again which classes are open in the agent."""


@dataclass
class _Seen(Message, bubble=False):
    """What is open, as the vault says."""

    opened: "tuple[Classification, ...]"
    known: "tuple[Classification, ...]"
    """What the app took to be open when it asked."""


class Terminal(Protocol):
    """The person at the terminal device, for what must not go through a field of the app."""

    has_agent: bool
    """Whether classes are opened in another process; if not, the app asks for secrets and opens them itself."""

    def unlock(self, classes: "Sequence[Classification]") -> bool:
        """Have *classes* opened in the agent, asking at the terminal device; False if nothing came of it."""
        ...

    def ask_secrets(self, group: str) -> "Sequence[Secret]":
        """What opens a passphrase group (vault, secret, ultrasecret), asked for at the terminal device."""
        ...

    def edit(self, text: str) -> str:
        """What the person's editor makes of *text*, in a buffer that is no disk."""
        ...


def build_app(
    vault: "Vault",
    terminal: Terminal,
    *,
    secrets: "Sequence[Secret]" = (),
    settings: Mapping[str, Any] | None = None,
) -> "MemoryApp":
    """The app on *vault*, which from now on is the app's alone.

    Args:
        vault: may be locked; *secrets* are tried once the first frame is drawn.
        terminal: asked for passphrases and for the person's editor.
        secrets: what was at hand.
        settings: those that begin with ``tui.``; the defaults where one is missing.

    Raises:
        InvalidInput: a setting makes no sense.
    """
    return MemoryApp(vault, terminal, secrets, settings or {})


class MemoryApp(App[None]):
    """The whole of it."""

    TITLE = "memory"
    CSS_PATH = "theme.tcss"
    BINDINGS = bindings("everywhere")
    COMMANDS = {Actions}  # noqa: RUF012 (Textual's way)
    ENABLE_COMMAND_PALETTE = True
    browse: BrowseScreen
    """The screen below all others."""

    def __init__(
        self, vault: "Vault", terminal: Terminal, secrets: "Sequence[Secret]", settings: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self._gate = Gate()
        self._colourless = NoColor()
        for theme in THEMES.values():
            self.register_theme(theme)
        self.rebinding = rebound({k: v for k, v in settings.items() if k.startswith("tui.keys.")})
        self.set_keymap(self.rebinding)
        self.thread = VaultThread(vault)
        self.locks = Locks(60.0 * float(settings.get("tui.lock_after", 15)))
        self.undo = Undo()
        self.work: Work | None = None
        self.theme = "plain" if self.no_color else str(settings.get("tui.theme", "dark"))
        self._terminal = terminal
        self._secrets = secrets
        self._rescued: list[tuple[Entry | None, str]] = []

    # -- life -----------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """The browser, then the keys that are at hand."""
        self.browse = BrowseScreen()
        await self.push_screen(self.browse)
        self.set_interval(1.0, self._tick)
        self.set_interval(LOOK, self._look)
        self.set_timer(0.5, self._warm)
        if self._secrets:
            self._unlock(self._secrets, tuple(Classification))
            self._secrets = ()
        else:
            self.ask(lambda v: LocksChanged(v.open_classes), self)

    @work(thread=True, exit_on_error=False)
    def _warm(self) -> None:
        """Import what the next keys may need, so that none of them waits for it."""
        import tui.rendering
        import tui.screens.editor  # noqa: F401 (both for what importing leaves behind)

        gc.freeze()  # what is here stays: looking through all of it again and again would hold up the screen

    def on_unmount(self) -> None:
        """End the vault's thread."""
        self.thread.stop()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line of every widget passes on its way to the terminal."""
        colourless = [self._colourless] if self.theme == "plain" else []
        return [self._gate, *super().get_line_filters(), *colourless]

    async def on_event(self, event: events.Event) -> None:
        """Whoever presses or clicks is there."""
        if isinstance(event, (events.Key, events.MouseDown, events.MouseScrollDown, events.MouseScrollUp)):
            self.locks.touch()
        await super().on_event(event)

    async def run_action(self, *arguments: Any, **named: Any) -> bool:
        """As ever, but what goes wrong on purpose is shown."""
        try:
            return await super().run_action(*arguments, **named)
        except VaultError as error:
            self.show_error(error.message, error.remedy)
            return True

    def _fatal_error(self) -> None:
        """Leave without a traceback: it would show what is in memory; `failure` tells what it was."""
        self.bell()
        self._close_messages_no_wait()

    @property
    def failure(self) -> Exception | None:
        """What ended the app unexpectedly."""
        return self._exception

    # -- asking the vault -----------------------------------------------------------------------------

    def ask(
        self,
        run: "Callable[[Vault], Message]",
        to: MessagePump,
        *,
        urgency: int = SOON,
        group: str = "",
        reads: bool = True,
        quiet: bool = False,
    ) -> None:
        """Have *run* done on the vault's thread and its message posted to *to*; *quiet* drops errors."""
        failed = (lambda _text, _remedy: None) if quiet else self.failing()
        self.thread.ask(run, to.post_message, failed, urgency=urgency, group=group, reads=reads)

    def failing(self) -> Callable[[str, str], object]:
        """Shows an error; for the vault's thread."""
        return lambda text, remedy: self.post_message(Failed(text, remedy))

    def kept(self, screen: "EditorScreen") -> "Callable[[list[Message]], object]":
        """Closes *screen* and goes on with what followed from saving; for the vault's thread."""
        return lambda messages: self.post_message(Kept(screen, messages))

    @on(Kept)
    def _kept(self, message: Kept) -> None:
        if message.screen in self.screen_stack:
            message.screen.dismiss()
        for each in message.messages:
            self.post_message(each)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.show_error(message.text, message.remedy)

    @on(Noted)
    def _noted(self, message: Noted) -> None:
        self.notify(safe_text(message.text), markup=False, timeout=8)

    def show_error(self, text: str, remedy: str) -> None:
        """One line about what went wrong, one about what helps."""
        said = f"{text}\n→ {remedy}" if remedy else text
        self.notify(safe_text(said), severity="error", markup=False, timeout=10)

    @on(Changed)
    def _changed(self, message: Changed) -> None:
        if message.step is not None:
            self.undo.did(message.step)
        for screen in self.screen_stack:
            screen.post_message(Changed(message.what, None, message.show))

    # -- locks ----------------------------------------------------------------------------------------

    def action_lock(self) -> None:
        """Everything shut, nothing left to see; what was being written is kept first."""
        rescues = self._blank()
        self.locks.learn(())
        self.browse.bar.opened = ()
        self.thread.forget()

        def lock(vault: "Vault") -> LocksChanged:
            self._keep(vault, rescues)
            return LocksChanged(locks.lock(vault))

        self.ask(lock, self, urgency=AT_ONCE, reads=False)

    def _blank(self) -> "Sequence[tuple[Entry | None, str, Callable[[Vault], object]]]":
        """Nothing left to see; returns what was being written: entry, text and the job that saves it."""
        from tui.screens.editor import EditorScreen

        if self.work is not None:
            self.work.stop()
        editors = [s for s in self.screen_stack if isinstance(s, EditorScreen) and s.dirty]
        rescues = [(s.entry, s.page.text, s.job()) for s in editors if s.page.text.strip()]
        while len(self.screen_stack) > 1 and self.screen is not self.browse:
            self.pop_screen()
        self.browse.forget()
        self.undo.clear()
        self.clear_notifications()
        self._clipboard = ""
        return rescues

    def _keep(self, vault: "Vault", rescues: "Sequence[tuple[Entry | None, str, Callable[[Vault], object]]]") -> None:
        """Save what was being written; what cannot be saved stays in memory, and is back after an unlock."""
        for entry, text, job in rescues:
            try:
                job(vault)
            except VaultError:
                self._rescued.append((entry, text))

    def _look(self) -> None:
        """Whether classes were opened or locked elsewhere, as with `memory lock` in another window."""
        known = tuple(self.locks.opened)
        self.thread.ask(
            lambda v: _Seen(v.attach(), known),
            self.post_message,
            lambda _text, _remedy: None,  # an agent that is busy now answers the next time
            urgency=LATER,
            group="locks",
            reads=False,
        )

    @on(_Seen)
    def _seen(self, message: _Seen) -> None:
        now = set(self.locks.opened)
        if set(message.known) != now or set(message.opened) == now:
            return  # it was locked or unlocked here in the meantime, or nothing changed
        if now - set(message.opened):
            rescues = self._blank()
            self.locks.learn(message.opened)

            def keep(vault: "Vault") -> LocksChanged:
                self._keep(vault, rescues)
                return LocksChanged(vault.open_classes)

            self.ask(keep, self, urgency=AT_ONCE, reads=False)
        else:
            self.post_message(LocksChanged(message.opened))

    def action_unlock(self) -> None:
        """Ask which class, then for its passphrase at the terminal."""
        from tui.screens.asking import PickClass

        shut = tuple(c for c in Classification if c not in self.locks.opened)
        if not shut:
            self.browse.say("everything is open")
        elif len({_GROUPS.get(c, "vault") for c in shut}) == 1:
            self.unlock(shut[0])
        else:
            self.push_screen(PickClass("unlock", shut), lambda c: self.unlock(c) if c else None)

    def unlock(self, classification: Classification) -> None:
        """Read the passphrase of its group from the terminal device, never from a field."""
        group = _GROUPS.get(classification, "vault")
        classes = tuple(c for c in Classification if _GROUPS.get(c, "vault") == group and c not in self.locks.opened)
        if self._terminal.has_agent:
            self.aside(lambda terminal: terminal.unlock(classes))
            self.ask(lambda v: LocksChanged(v.attach()), self, reads=False)
        elif secrets := self.aside(lambda terminal: terminal.ask_secrets(group)):
            self._unlock(secrets, classes)

    def _unlock(self, secrets: "Sequence[Secret]", classes: tuple[Classification, ...]) -> None:
        self.browse.say("unlocking…")
        work = Work(self.thread, self.browse.post_message)

        def open_them(vault: "Vault") -> LocksChanged:
            try:
                opened = locks.unlock(vault, secrets, classes, work.progress)
            finally:
                self.browse.post_message(Finished(""))
            for note in dict.fromkeys(vault.notes):
                self.post_message(Noted(note))
            vault.notes.clear()
            return LocksChanged(opened)

        self.ask(open_them, self, reads=False)

    @on(LocksChanged)
    def _locks_changed(self, message: LocksChanged) -> None:
        self.locks.learn(message.opened)
        self.browse.say("")
        self._tick()
        for screen in self.screen_stack:
            screen.post_message(LocksChanged(message.opened))
        back = [r for r in self._rescued if message.opened and (r[0] is None or r[0].classification in message.opened)]
        if back:
            from tui.screens.editor import EditorScreen

            for entry, text in back:
                self.push_screen(EditorScreen(entry, text=text))
            self._rescued = [r for r in self._rescued if r not in back]

    def _tick(self) -> None:
        if not self.browse.is_attached:
            return
        left = self.locks.left
        self.browse.bar.left = "" if left is None else locks.span(left)
        if left == 0.0:
            self.action_lock()

    def aside(self, ask: "Callable[[Terminal], Any]") -> Any:
        """Leave the screen to *ask* the person at the terminal; None where they do not answer."""
        try:
            with self._suspended():
                return ask(self._terminal)
        except Aborted:
            return None
        except VaultError as error:
            self.show_error(error.message, error.remedy)
            return None
        finally:
            self.locks.touch()
            self.refresh(layout=True)

    @contextmanager
    def _suspended(self) -> Iterator[None]:
        if self._driver is not None and self._driver.can_suspend:
            with self.suspend():
                yield
        else:
            yield  # no terminal of ours is in use, as in tests

    # -- the rest -------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """All keys."""
        from tui.screens.help import HelpScreen

        self.push_screen(HelpScreen())

    def action_command(self) -> None:
        """The command line."""
        from tui.screens.command_line import CommandLine

        self.push_screen(CommandLine(), self._command)

    def _command(self, line: str | None) -> None:
        from tui.commands import run

        try:
            run(self, line or "")
        except VaultError as error:
            self.show_error(error.message, error.remedy)

    def action_theme(self) -> None:
        """The next theme."""
        names = list(THEMES)
        self.use_theme(names[(names.index(self.theme) + 1) % len(names)])

    def use_theme(self, name: str) -> None:
        """Look like *name*.

        Raises:
            InvalidInput: there is no such theme.
        """
        if name not in THEMES:
            raise InvalidInput(f"no theme {name[:20]!r}", remedy=f"use one of {', '.join(THEMES)}")
        self.theme = name
        self.browse.reader.redraw()

    # -- long work ------------------------------------------------------------------------------------

    def import_from(self, path: str) -> None:
        """Import a folder or file; it may be dragged into the terminal, quotes and all."""
        from tui.working import importing

        self._begin(importing(str(Path(path.strip("'\" ")))))

    def export(self, folder: str, ids: Sequence[str]) -> None:
        """Write entries in clear."""
        from tui.working import exporting

        self._begin(exporting(folder, ids))

    def embed(self) -> None:
        """Vectors for what waits for them."""
        from tui.working import embedding

        self._begin(embedding)

    def rebuild(self) -> None:
        """Indexes anew."""
        from tui.working import rebuilding

        self._begin(rebuilding)

    def _begin(self, run: "Callable[[Vault, Progress], str]") -> None:
        if self.work is not None:
            raise InvalidInput("other long work is still going on", remedy="wait for it, or stop it with Ctrl-G")
        self.work = Work(self.thread, self.post_message)
        self.work.begin(run)

    @on(Progressed)
    def _progressed(self, message: Progressed) -> None:
        self.browse.post_message(Progressed(message.phase, message.done, message.total))

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self.work = None
        self.browse.post_message(Finished(message.summary))
        if message.summary:
            self.notify(
                safe_text(message.summary),
                severity="error" if message.failed else "information",
                markup=False,
                timeout=10,
            )

    def action_stop(self) -> None:
        """Stop long work at the next chance."""
        if self.work is not None:
            self.work.stop()
