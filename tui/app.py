"""The app: what all screens share. `build_app` is the one way to make it, for the program and for tests.

The app's own thread draws and owns all state; everything that touches the vault runs on the vault's thread and
comes back as a message. Whatever goes wrong is shown as one line with its remedy.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual import events, on, work
from textual.app import App
from textual.filter import LineFilter, NoColor

from tui.gate import Gate
from tui.keymap import bindings, rebound
from tui.locking import Locking
from tui.locks import Locks
from tui.messages import Changed, Failed, Finished, Kept, LocksChanged, LocksSeen, Noted, Progressed
from tui.palette import Actions, Palette
from tui.screens.browse import BrowseScreen
from tui.screens.early import TypedEarly
from tui.terminal import Aside
from tui.themes import THEMES
from tui.thread import SOON, VaultThread
from tui.undo import Undo
from tui.working import Work
from vault.classification import Classification
from vault.errors import InvalidInput, VaultError
from vault.text import safe_text

if TYPE_CHECKING:
    from textual.message import Message
    from textual.message_pump import MessagePump

    from tui.screens.editor import EditorScreen
    from tui.terminal import Terminal
    from vault.keys.keyslots import Secret
    from vault.reconcile import Progress
    from vault.vault import Vault

LOOK = 3.0
"""Seconds after which the app looks again which classes are open in the agent."""


def build_app(
    vault: "Vault",
    terminal: "Terminal",
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
        self, vault: "Vault", terminal: "Terminal", secrets: "Sequence[Secret]", settings: Mapping[str, Any]
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
        self.locking = Locking(self)
        self.undo = Undo()
        self.work: Work | None = None
        self.theme = "plain" if self.no_color else str(settings.get("tui.theme", "dark"))
        self.aside = Aside(self, terminal)
        self._secrets = secrets

    # -- life -----------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """The browser, then the keys that are at hand."""
        self.browse = BrowseScreen()
        await self.push_screen(self.browse)
        self.set_interval(1.0, self.locking.tick)
        self.set_interval(LOOK, self.locking.look)
        self.set_timer(0.5, self._warm)
        if self._secrets:
            self.locking.unlock_with(self._secrets, tuple(Classification))
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

    def forget(self) -> None:
        """Hold nothing of any entry: what a lock demands."""
        self.undo.clear()
        self.clear_notifications()
        self._clipboard = ""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line of every widget passes on its way to the terminal."""
        colourless = [self._colourless] if self.theme == "plain" else []
        return [self._gate, *super().get_line_filters(), *colourless]

    async def on_event(self, event: events.Event) -> None:
        """Whoever presses or clicks is there; a key that the screen before did not want is meant for this one."""
        if isinstance(event, (events.Key, events.MouseDown, events.MouseScrollDown, events.MouseScrollUp)):
            self.locks.touch()
        if not self._taken(event):
            await super().on_event(event)

    def _taken(self, event: events.Event) -> bool:
        if not isinstance(event, events.Key) or not event.is_forwarded:
            return False
        return isinstance(self.screen, TypedEarly) and self.screen.take(event)

    # -- what goes wrong ------------------------------------------------------------------------------

    async def run_action(self, *arguments: Any, **named: Any) -> bool:
        """As ever, but what goes wrong on purpose is shown."""
        try:
            return await super().run_action(*arguments, **named)
        except VaultError as error:
            self.show_error(error.message, error.remedy)
            return True

    def show_error(self, text: str, remedy: str) -> None:
        """One line about what went wrong, one about what helps."""
        said = f"{text}\n→ {remedy}" if remedy else text
        self.notify(safe_text(said), severity="error", markup=False, timeout=10)

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
        to: "MessagePump",
        *,
        urgency: int = SOON,
        group: str = "",
        reads: bool = True,
        quiet: bool = False,
    ) -> None:
        """Have *run* done on the vault's thread and its message posted to *to*; *quiet* drops errors."""
        failed = (lambda _text, _remedy: None) if quiet else self.failing()
        self.thread.ask(run, to.post_message, failed, urgency=urgency, group=group, reads=reads)

    def change(self, run: "Callable[[Vault], Changed]") -> None:
        """Have *run* change entries; every screen hears of it, and undo knows its step."""
        self.ask(run, self, reads=False)

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

    @on(Changed)
    def _changed(self, message: Changed) -> None:
        if message.step is not None and self.locks.opened:  # what ends after a lock leaves nothing behind
            self.undo.did(message.step)
        for screen in self.screen_stack:
            screen.post_message(Changed(message.what, None, message.show))

    # -- locks ----------------------------------------------------------------------------------------

    def action_lock(self) -> None:
        """Everything shut, nothing left to see."""
        self.locking.lock()

    def action_unlock(self) -> None:
        """Ask which class, then for its passphrase at the terminal."""
        self.locking.ask_class()

    @on(LocksSeen)
    def _locks_seen(self, message: LocksSeen) -> None:
        self.locking.seen(message)

    @on(LocksChanged)
    def _locks_changed(self, message: LocksChanged) -> None:
        self.locking.changed(message.opened)

    # -- help, commands, looks ------------------------------------------------------------------------

    def action_command_palette(self) -> None:
        """Every action, by its words."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

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
        self.browse.panes.preview.reader.redraw()

    # -- long work ------------------------------------------------------------------------------------

    def begin(self, run: "Callable[[Vault, Progress], str]") -> None:
        """Begin long work, one at a time, which tells how far it is and can be stopped."""
        if self.work is not None:
            self.show_error("other long work is still going on", "wait for it, or stop it with Ctrl-G")
            return
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

    def stop_work(self) -> None:
        """Stop long work at the next chance."""
        if self.work is not None:
            self.work.stop()

    def action_stop(self) -> None:
        """Stop it."""
        self.stop_work()
