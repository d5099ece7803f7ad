"""Dark, light and colourless: three looks with one set of names, chosen for contrast at a glance and over ssh."""

from textual.theme import BUILTIN_THEMES, Theme

_DARK = {
    "class-general": "#93a1b8",
    "class-chronological": "#5fc0cf",
    "class-confidential": "#e3b04b",
    "class-secret": "#f07f6a",
    "class-ultrasecret": "#d58cf0",
    "faint": "#8b94a5",
    "match": "#ffd76a",
    "rule": "#39404d",
    "row": "#2c3442",
    "footer-key-foreground": "#8ab4f8",
}
_LIGHT = {
    "class-general": "#55617a",
    "class-chronological": "#0b6f82",
    "class-confidential": "#8a5a00",
    "class-secret": "#b3311f",
    "class-ultrasecret": "#8224a8",
    "faint": "#626a78",
    "match": "#a34700",
    "rule": "#c9ccd3",
    "row": "#dde5f3",
    "footer-key-foreground": "#1f57c3",
}
_PLAIN = dict.fromkeys([*_DARK], "ansi_default")

DARK = Theme(
    name="dark",
    primary="#8ab4f8",
    secondary="#5fc0cf",
    accent="#e3b04b",
    warning="#e3b04b",
    error="#f07f6a",
    success="#8bd17c",
    foreground="#dfe3ea",
    background="#15181e",
    surface="#15181e",
    panel="#1d222b",
    dark=True,
    variables=_DARK,
)
LIGHT = Theme(
    name="light",
    primary="#1f57c3",
    secondary="#0b6f82",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#b3311f",
    success="#2c7a1f",
    foreground="#1d2129",
    background="#fbfbf9",
    surface="#fbfbf9",
    panel="#eef0f3",
    dark=False,
    variables=_LIGHT,
)
PLAIN = Theme(
    name="plain",
    primary="ansi_default",
    secondary="ansi_default",
    accent="ansi_default",
    warning="ansi_default",
    error="ansi_default",
    success="ansi_default",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    ansi=True,
    variables={
        **dict.fromkeys(BUILTIN_THEMES["ansi-dark"].variables, "ansi_default"),
        **_PLAIN,
        "block-cursor-text-style": "reverse",
        "input-cursor-text-style": "reverse",
        "input-cursor-background": "ansi_default",
        "input-cursor-foreground": "ansi_default",
        "scrollbar": "ansi_default",
        "scrollbar-hover": "ansi_default",
        "scrollbar-active": "ansi_default",
        "scrollbar-background": "ansi_default",
        "scrollbar-background-hover": "ansi_default",
        "scrollbar-background-active": "ansi_default",
        "scrollbar-corner-color": "ansi_default",
    },
)
THEMES = {theme.name: theme for theme in (DARK, LIGHT, PLAIN)}
"""Name (also the value of the setting ``tui.theme``) → theme."""
