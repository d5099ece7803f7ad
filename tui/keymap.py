"""Every action of the app: its name, keys, words and place. Bindings, help, palette and documentation come from here.

A screen asks `bindings("browse")` and implements ``action_<name>`` for each. A person rebinds an action with the
setting ``tui.keys.<name>``; `rebound` checks what they wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from vault.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can do."""

    name: str
    """Name of the ``action_`` method and of the setting."""
    keys: str
    """Default keys as Textual calls them, separated by commas."""
    help: str
    """What it does, in a few words."""
    place: str
    """The screen it belongs to; ``everywhere`` is the app."""
    hint: str = ""
    """One word for the bottom line; empty keeps it out of there."""
    priority: bool = False
    """Whether it goes before what has the focus."""


PLACES = {
    "everywhere": "Everywhere",
    "browse": "Browsing",
    "editor": "Writing",
    "history": "History",
    "review": "Review",
    "timeline": "Timeline",
    "locks": "Locks",
}
"""Place → its heading in the help."""

ACTIONS = (
    Action("lock", "ctrl+l", "lock every class and clear the screen", "everywhere", "lock", priority=True),
    Action("unlock", "U", "unlock a class: asks for a passphrase at the terminal", "everywhere"),
    Action("help", "question_mark,f1", "show all keys", "everywhere", "help"),
    Action("command", "colon", "type a command", "everywhere"),
    Action("stop", "ctrl+g", "stop the long work that is going on", "everywhere", priority=True),
    Action("theme", "T", "next theme: dark, light, no colour", "everywhere"),
    Action("quit", "ctrl+q", "leave", "everywhere", priority=True),
    Action("search", "slash", "search as you type", "browse", "search", priority=True),
    Action("create", "n", "write a new entry", "browse", "new"),
    Action("edit", "e", "edit the entry here", "browse", "edit"),
    Action("editor", "E", "edit it in $EDITOR (up to confidential)", "browse"),
    Action("read", "enter", "read the entry in full width", "browse"),
    Action("tag", "t", "tag the chosen entries", "browse", "tag"),
    Action("move", "m", "move the chosen entries to another class", "browse", "move"),
    Action("trash", "d,delete", "put the chosen entries in the trash, or restore them from it", "browse", "trash"),
    Action("undo", "u", "undo the last change", "browse", "undo"),
    Action("redo", "ctrl+r", "do it again", "browse"),
    Action("select", "space", "choose the entry, or no longer", "browse", "choose"),
    Action("select_all", "A", "choose all that are listed, or none", "browse"),
    Action("export", "x", "write the chosen entries in clear to a folder", "browse"),
    Action("history", "h", "show its history with what changed", "browse", "history"),
    Action("links", "o", "open one of its links, after a confirmation", "browse"),
    Action("mode", "M", "next search mode: hybrid, keyword, semantic", "browse"),
    Action("explain", "X", "show how each part of the search ranked the hits", "browse"),
    Action("facets", "f", "show or hide the facets", "browse", "facets"),
    Action("show_trash", "D", "list the trash, or what is alive again", "browse"),
    Action("timeline", "L", "chronological entries by day", "browse"),
    Action("review", "R", "conflicts, uncertain classes and quarantined files", "browse"),
    Action("stats", "S", "the vault in charts", "browse"),
    Action("locks", "K", "which classes are open, and for how long", "browse"),
    Action("back", "escape", "clear the search, or leave the trash", "browse"),
    Action("down", "j", "down", "browse"),
    Action("up", "k", "up", "browse"),
    Action("first", "g", "first", "browse"),
    Action("last", "G", "last", "browse"),
    Action("narrower", "less_than_sign", "make the list narrower", "browse"),
    Action("wider", "greater_than_sign", "make the list wider", "browse"),
    Action("save", "ctrl+s", "classify, show how it will be filed, then save", "editor", "save", priority=True),
    Action("cancel", "escape", "back without saving (asks if something was written)", "editor", "back"),
    Action("restore", "r", "bring this revision back", "history", "restore"),
    Action("accept", "a", "it is right: keep the class, or this version of a conflict", "review", "accept"),
    Action("other", "b", "keep the other version of a conflict", "review", "the other"),
    Action("both", "c", "keep both versions as two entries", "review", "both"),
    Action("correct", "m", "file it under another class", "review", "correct"),
    Action("every_class", "c", "chronological entries only, or all", "timeline", "all classes"),
    Action("close_class", "l", "lock everything", "locks", "lock"),
    Action("open_class", "enter,u", "unlock this class", "locks", "unlock"),
)
"""All of them; a name is unique within its place."""

PREFIX = "tui.keys."
"""Settings that rebind actions begin so; ``tui.keys.review.accept`` names the place where a name is not enough."""


def setting(action: Action) -> str:
    """The setting that rebinds *action*."""
    return (
        f"{PREFIX}{action.name}"
        if action.place in {"everywhere", "browse"}
        else f"{PREFIX}{action.place}.{action.name}"
    )


def bindings(place: str) -> list[BindingType]:
    """The bindings of a screen, with ids that `rebound` speaks of."""
    return [
        Binding(a.keys, a.name, a.help, show=False, priority=a.priority, id=setting(a))
        for a in ACTIONS
        if a.place == place
    ]


def rebound(settings: Mapping[str, str]) -> dict[str, str]:
    """Textual's keymap from the settings below ``tui.keys``; a letter is itself, other keys by their names.

    Raises:
        InvalidInput: a setting names no action, or gives no key.
    """
    known = {setting(a) for a in ACTIONS}
    found = {}
    for key, value in settings.items():
        if key not in known:
            raise InvalidInput(f"{key[:60]} names no action", remedy="docs/tui.md lists them")
        keys = ",".join(k.strip() for k in value.split(",") if k.strip())
        if not keys:
            raise InvalidInput(f"{key} gives no key", remedy="use e.g. x, ctrl+x or f5; several separated by commas")
        found[key] = keys
    return found


_NAMES = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "space": "Space",
    "enter": "Enter",
    "escape": "Esc",
    "delete": "Del",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}


def shown(keys: str) -> str:
    """*keys* as a person reads them: ``Ctrl-L``, ``/``, ``Esc``."""
    return " ".join(_shown(key) for key in keys.split(","))


def _shown(key: str) -> str:
    if key.startswith("ctrl+"):
        return f"Ctrl-{_shown(key[5:]).upper()}"
    return _NAMES.get(key, key if len(key) == 1 else key.capitalize())
