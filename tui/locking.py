"""Locking and unlocking, as the person, the clock or another window wants it.

What was being written is saved before a lock; what cannot be saved waits in memory and is back after an unlock.
"""

from typing import TYPE_CHECKING

from tui import locks
from tui.messages import Finished, LocksChanged, LocksSeen, Noted, notes
from tui.thread import AT_ONCE, LATER
from tui.working import Work
from vault.classification import Classification
from vault.errors import VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.app import MemoryApp
    from vault.entry import Entry
    from vault.keys.keyslots import Secret
    from vault.vault import Vault

    Rescue = tuple[Entry | None, str, Callable[[Vault], object]]
    """What was being written: its entry, its text and the job that saves it."""

_GROUPS = {Classification.SECRET: "secret", Classification.ULTRASECRET: "ultrasecret"}


class Locking:
    """Who opens and shuts the classes of an app, and sees to it that nothing of a shut one is left to see."""

    def __init__(self, app: "MemoryApp") -> None:
        """For *app*."""
        self._app = app
        self._rescued: list[tuple[Entry | None, str]] = []

    # -- shut -----------------------------------------------------------------------------------------

    def lock(self) -> None:
        """Everything shut, nothing left to see; what was being written is kept first."""
        rescues = self._blank()
        self._app.locks.learn(())
        self._app.browse.bar.opened = ()
        self._app.thread.forget()

        def lock(vault: "Vault") -> LocksChanged:
            self._keep(vault, rescues)
            return LocksChanged(locks.lock(vault))

        self._app.ask(lock, self._app, urgency=AT_ONCE, reads=False)

    def tick(self) -> None:
        """A second has gone: show how many are left, and lock after the last."""
        if not self._app.browse.is_attached:
            return
        left = self._app.locks.left
        self._app.browse.bar.left = "" if left is None else locks.span(left)
        if left == 0.0:
            self.lock()

    def _blank(self) -> "Sequence[Rescue]":
        """Nothing left to see; returns what was being written."""
        from tui.screens.editor import EditorScreen

        app = self._app
        app.stop_work()
        editors = [s for s in app.screen_stack if isinstance(s, EditorScreen) and s.dirty]
        rescues = [(s.entry, s.page.text, s.job()) for s in editors if s.page.text.strip()]
        while len(app.screen_stack) > 1 and app.screen is not app.browse:
            app.pop_screen()
        app.browse.forget()
        app.forget()
        return rescues

    def _keep(self, vault: "Vault", rescues: "Sequence[Rescue]") -> None:
        for entry, text, job in rescues:
            try:
                job(vault)
            except VaultError:
                self._rescued.append((entry, text))

    # -- as others left it ----------------------------------------------------------------------------

    def look(self) -> None:
        """Whether classes were opened or locked elsewhere, as with `memory lock` in another window."""
        known = tuple(self._app.locks.opened)
        self._app.ask(
            lambda v: LocksSeen(v.attach(), known),
            self._app,
            urgency=LATER,
            group="locks",
            reads=False,
            quiet=True,  # an agent that is busy now answers the next time
        )

    def seen(self, message: LocksSeen) -> None:
        """What came of looking."""
        now = set(self._app.locks.opened)
        if set(message.known) != now or set(message.opened) == now:
            return  # it was locked or unlocked here in the meantime, or nothing changed
        if now - set(message.opened):
            rescues = self._blank()
            self._app.locks.learn(message.opened)

            def keep(vault: "Vault") -> LocksChanged:
                self._keep(vault, rescues)
                return LocksChanged(vault.open_classes)

            self._app.ask(keep, self._app, urgency=AT_ONCE, reads=False)
        else:
            self._app.post_message(LocksChanged(message.opened))

    # -- open -----------------------------------------------------------------------------------------

    def ask_class(self) -> None:
        """Ask which class to unlock, where there is more than one answer."""
        from tui.screens.asking import PickClass

        shut = tuple(c for c in Classification if c not in self._app.locks.opened)
        if not shut:
            self._app.browse.say("everything is open")
        elif len({_GROUPS.get(c, "vault") for c in shut}) == 1:
            self.unlock(shut[0])
        else:
            self._app.push_screen(PickClass("unlock", shut), lambda c: self.unlock(c) if c else None)

    def unlock(self, classification: Classification) -> None:
        """Read the passphrase of its group from the terminal device, never from a field."""
        group, opened = _GROUPS.get(classification, "vault"), self._app.locks.opened
        classes = tuple(c for c in Classification if _GROUPS.get(c, "vault") == group and c not in opened)
        if self._app.aside.has_agent:
            self._app.aside(lambda terminal: terminal.unlock(classes))
            self._app.ask(lambda v: LocksChanged(v.attach()), self._app, reads=False)
        elif secrets := self._app.aside(lambda terminal: terminal.ask_secrets(group)):
            self.unlock_with(secrets, classes)

    def unlock_with(self, secrets: "Sequence[Secret]", classes: tuple[Classification, ...]) -> None:
        """Open *classes* in this process with what is given."""
        app = self._app
        app.browse.say("unlocking…")
        work = Work(app.thread, app.browse.post_message)

        def open_them(vault: "Vault") -> LocksChanged:
            try:
                opened = locks.unlock(vault, secrets, classes, work.progress)
            finally:
                app.browse.post_message(Finished(""))
            for note in notes(vault):
                app.post_message(Noted(note))
            return LocksChanged(opened)

        app.ask(open_them, app, reads=False)

    def changed(self, opened: tuple[Classification, ...]) -> None:
        """Classes were opened or shut: everything on the screen looks again, and what was rescued is back."""
        self._app.locks.learn(opened)
        self._app.browse.say("")
        self.tick()
        for screen in self._app.screen_stack:
            screen.post_message(LocksChanged(opened))
        back = [r for r in self._rescued if opened and (r[0] is None or r[0].classification in opened)]
        if back:
            from tui.screens.editor import EditorScreen

            for entry, text in back:
                self._app.push_screen(EditorScreen(entry, text=text))
            self._rescued = [r for r in self._rescued if r not in back]
