"""Rules for text that came from outside: what may reach a terminal, and how it is tidied.

``safe_text`` is the only gate to a terminal; every front end calls it on every string it did not write.
"""

import re
import unicodedata

_KEEP = frozenset("\n\t")
_TAG_BLOCK = range(0xE0000, 0xE1000)
"""Invisible tag characters: text that a person does not see and a program may obey."""
_ESCAPES = re.compile(
    "\x1b\\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\\\)?"  # OSC … BEL or ST (titles, links, clipboard)
    "|\x1b[PX^_][^\x1b]{0,4096}(?:\x1b\\\\)?"  # DCS, SOS, PM, APC strings
    "|\x1b\\[[0-?]{0,64}[ -/]{0,16}[@-~]?"  # CSI
    "|\x1b[ -/]{0,16}[0-~]?"  # two-byte escapes
    "|\x9d[^\x07\x9c]{0,4096}(?:\x07|\x9c)?"
    "|\x9b[0-?]{0,64}[ -/]{0,16}[@-~]?",
)
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe_text(text: str, *, newlines: bool = True) -> str:
    """*text* without anything that makes a terminal act or mislead.

    Removes ANSI/OSC/DCS sequences, C0 and C1 controls except tab and newline, bidirectional overrides,
    invisible tag characters (U+E0000 block), line/paragraph separators and lone surrogates. With
    ``newlines=False`` a newline becomes a space, for one-line contexts such as titles.
    """
    if text.isascii() and text.isprintable():
        return text
    stripped = _ESCAPES.sub("", text)
    kept = "".join(ch for ch in stripped.replace("\r\n", "\n") if _allowed(ch))
    return kept if newlines else " ".join(kept.split())


def _allowed(ch: str) -> bool:
    if ch in _KEEP:
        return True
    if ch in _BIDI or ord(ch) in _TAG_BLOCK:
        return False
    return unicodedata.category(ch) not in {"Cc", "Cs", "Zl", "Zp"}


def one_line(text: str, limit: int = 80) -> str:
    """The first line of *text* that says something, cut to *limit* characters, without Markdown marks."""
    for line in text[: 64 * 1024].splitlines():
        words = line.strip().lstrip("#>*-+ \t").rstrip("# ").strip()
        if words and not set(words) <= set("-=_*`~"):
            return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"
    return ""


def tidy_tag(tag: str) -> str:
    """A tag as it is kept: no ``#``, spaces as dashes, case folded, one line, at most 64 characters."""
    words = safe_text(tag, newlines=False).strip().lstrip("#").split()
    return "-".join(words).casefold().strip(",;")[:64]
