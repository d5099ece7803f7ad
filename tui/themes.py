"""Dark, light and colourless: three looks with one set of names, chosen for contrast at a glance and over ssh."""

from textual.theme import BUILTIN_THEMES, Theme

_COLOURS = {
    "primary": ("#8ab4f8", "#1f57c3"),
    "secondary": ("#5fc0cf", "#0b6f82"),
    "accent": ("#e3b04b", "#8a5a00"),
    "error": ("#f07f6a", "#b3311f"),
    "success": ("#8bd17c", "#2c7a1f"),
    "foreground": ("#dfe3ea", "#1d2129"),
    "background": ("#15181e", "#fbfbf9"),
    "panel": ("#1d222b", "#eef0f3"),
    "class-general": ("#93a1b8", "#55617a"),
    "class-ultrasecret": ("#d58cf0", "#8224a8"),
    "faint": ("#8b94a5", "#626a78"),
    "match": ("#ffd76a", "#a34700"),
    "rule": ("#39404d", "#c9ccd3"),
    "row": ("#2c3442", "#dde5f3"),
}
"""What it is the colour of → in the dark, in the light."""
_SAME = {
    "surface": "background",
    "warning": "accent",
    "class-chronological": "secondary",
    "class-confidential": "accent",
    "class-secret": "error",
    "footer-key-foreground": "primary",
}
"""What has the colour of something else → of what."""
_REVERSED = dict.fromkeys(("block-cursor-text-style", "input-cursor-text-style"), "reverse")
_DEFAULT = "ansi_default"


def _look(name: str, colours: dict[str, str], *, dark: bool = True) -> Theme:
    every = colours | {name: colours[same] for name, same in _SAME.items()}
    return Theme(
        name=name,
        dark=dark,
        primary=every.pop("primary"),
        secondary=every.pop("secondary"),
        accent=every.pop("accent"),
        warning=every.pop("warning"),
        error=every.pop("error"),
        success=every.pop("success"),
        foreground=every.pop("foreground"),
        background=every.pop("background"),
        surface=every.pop("surface"),
        panel=every.pop("panel"),
        variables=every,
    )


def _plain() -> Theme:
    """No colour at all, of nothing that Textual has a name for: cursors are reversed instead."""
    scrollbars = ("", "-hover", "-active", "-background", "-background-hover", "-background-active", "-corner-color")
    names = [*BUILTIN_THEMES["ansi-dark"].variables, *(f"scrollbar{part}" for part in scrollbars)]
    look = _look("plain", dict.fromkeys(_COLOURS, _DEFAULT))
    look.boost, look.ansi = _DEFAULT, True
    look.variables |= {**dict.fromkeys(names, _DEFAULT), **_REVERSED}
    look.variables |= dict.fromkeys(("input-cursor-background", "input-cursor-foreground"), _DEFAULT)
    return look


_LOOKS = (
    _look("dark", {name: dark for name, (dark, _) in _COLOURS.items()}),
    _look("light", {name: light for name, (_, light) in _COLOURS.items()}, dark=False),
    _plain(),
)
THEMES = {theme.name: theme for theme in _LOOKS}
"""Name (also the value of the setting ``tui.theme``) → theme."""
