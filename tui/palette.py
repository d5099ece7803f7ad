"""Every action for Ctrl-P, from the same table as keys and help."""

from functools import partial
from typing import TYPE_CHECKING, Any

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.widgets import OptionList

from tui.keymap import ACTIONS, PLACES, Action, setting, shown

if TYPE_CHECKING:
    from tui.app import MemoryApp


class Palette(CommandPalette):
    """Textual's palette, which as it is falls over a page key while its list has no room yet."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No paging in a list that is not drawn."""
        if action == "command_list" and not self.query_one(OptionList).scrollable_content_region:
            return False
        return super().check_action(action, parameters)


class Actions(Provider):
    """The actions of the browser, of this screen and of the app."""

    @property
    def _actions(self) -> list[Action]:
        here = self.screen.id or "browse"
        return [a for a in ACTIONS if a.place in {here, "everywhere"}]

    async def discover(self) -> Hits:
        """All of them."""
        for action in self._actions:
            yield DiscoveryHit(self._said(action), self._run(action))

    async def search(self, query: str) -> Hits:
        """Those that fit what was typed."""
        matcher = self.matcher(query)
        for action in self._actions:
            said = self._said(action)
            if (score := matcher.match(said)) > 0:
                yield Hit(score, matcher.highlight(said), self._run(action), help=PLACES[action.place])

    def _said(self, action: Action) -> str:
        app: MemoryApp = self.app  # type: ignore[assignment]
        return f"{action.help}  ({shown(app.rebinding.get(setting(action), action.keys))})"

    def _run(self, action: Action) -> "partial[Any]":
        target = "app" if action.place == "everywhere" else "screen"
        return partial(self.screen.run_action, f"{target}.{action.name}")
