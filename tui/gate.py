"""The last gate before the terminal: a filter over every line of every widget.

Widgets draw only what has passed `safe_text`; should one ever be forgotten, its control characters end here.
"""

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from vault.text import safe_text

_ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e0fff]")
"""What `safe_text` takes out; most of what is drawn has none of it, and this tells so quickest."""


class Gate(LineFilter):
    """Lets through what a terminal only draws."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 (Textual's signature)
        """*segments* with every other character gone, and no terminal links."""
        return [_clean(segment) for segment in segments]


def _clean(segment: Segment) -> Segment:
    text, style, control = segment
    if (style is None or style.link is None) and not _ACTS.search(text):
        return segment
    clean = safe_text(text, newlines=True).replace("\n", " ").replace("\t", " ")
    return Segment(clean, style.update_link(None) if style is not None and style.link else style, control)
