"""The ``:`` commands: a name, what follows it, and what it does. The palette offers them as well."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui import working
from vault import classification
from vault.errors import InvalidInput
from vault.search.search import MODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.app import MemoryApp


@dataclass(frozen=True, slots=True)
class Command:
    """Something to type after the colon."""

    usage: str
    """Name and arguments."""
    help: str
    run: "Callable[[MemoryApp, str], object]"
    """Given the app and what stands after the name."""
    needs: bool = False
    """Whether it makes no sense without arguments."""

    @property
    def name(self) -> str:
        """Its first word."""
        return self.usage.split()[0]


def _move(app: "MemoryApp", said: str) -> None:
    target = classification.parse(said)
    if target is None:
        raise InvalidInput(f"no classification {said[:30]!r}", remedy=f"use one of {', '.join(classification.ALL)}")
    app.browse.chosen.move(target)


def _mode(app: "MemoryApp", said: str) -> None:
    found = [mode for mode in MODES if mode.startswith(said.strip())]
    if len(found) != 1:
        raise InvalidInput(f"no search mode {said[:20]!r}", remedy=f"use one of {', '.join(MODES)}")
    app.browse.set_mode(found[0])


_ALL = (
    Command("search QUERY", "search, as in the field", lambda app, said: app.browse.search_for(said)),
    Command("new", "write a new entry", lambda app, _: app.browse.action_create()),
    Command("edit", "edit the entry here", lambda app, _: app.browse.action_edit()),
    Command("tag TAG -TAG", "put tags on and take them off", lambda app, said: app.browse.chosen.tag(said), needs=True),
    Command("move CLASS", "file under another class", _move, needs=True),
    Command("trash", "put in the trash", lambda app, _: app.browse.action_trash()),
    Command("undo", "undo the last change", lambda app, _: app.browse.action_undo()),
    Command("redo", "do it again", lambda app, _: app.browse.action_redo()),
    Command("mode MODE", "hybrid, keyword or semantic", _mode, needs=True),
    Command("theme NAME", "dark, light or plain", lambda app, said: app.use_theme(said.strip()), needs=True),
    Command("import PATH", "import a folder or file", lambda app, said: app.begin(working.importing(said)), needs=True),
    Command("export FOLDER", "write the chosen entries in clear", lambda app, to: app.browse.chosen.export(to), True),
    Command("embed", "give entries that wait for vectors theirs", lambda app, _: app.begin(working.embedding)),
    Command("rebuild", "make the indexes anew from the sealed files", lambda app, _: app.begin(working.rebuilding)),
    Command("lock", "lock everything", lambda app, _: app.action_lock()),
    Command("unlock", "unlock a class", lambda app, _: app.action_unlock()),
    Command("timeline", "chronological entries by day", lambda app, _: app.browse.action_timeline()),
    Command("review", "what wants a look", lambda app, _: app.browse.action_review()),
    Command("stats", "the vault in charts", lambda app, _: app.browse.action_stats()),
    Command("help", "all keys", lambda app, _: app.action_help()),
    Command("quit", "leave", lambda app, _: app.exit()),
)
COMMANDS = {command.name: command for command in _ALL}
"""Name → command; any unique beginning of a name is enough."""


def run(app: "MemoryApp", line: str) -> None:
    """Do what *line* says.

    Raises:
        InvalidInput: no such command, or something is missing.
    """
    name, _, said = line.strip().removeprefix(":").partition(" ")
    if not name:
        return
    found = [c for c in COMMANDS.values() if c.name.startswith(name)]
    exact = COMMANDS.get(name)
    if exact is None and len(found) != 1:
        names = ", ".join(c.name for c in found)
        raise InvalidInput(f"no command {name[:20]!r}", remedy=f"did you mean {names}?" if names else "? lists them")
    command = exact or found[0]
    if command.needs and not said.strip():
        raise InvalidInput(f"{command.name} wants more", remedy=f":{command.usage}")
    command.run(app, said.strip())
