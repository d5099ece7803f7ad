"""Markdown of an entry as lines to draw: nothing in it acts, nothing in it is hidden.

Text passes `safe_text`, raw HTML is shown as the text it is, links are drawn with their address and are no links
to the terminal. Rich and Markdown are imported here, so import this module only when something is to be read.
"""

import itertools
import re
from dataclasses import dataclass
from io import StringIO

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.segment import Segment
from rich.style import Style
from rich.syntax import Syntax
from rich.text import Text
from rich.theme import Theme
from textual.strip import Strip

from vault.text import safe_text

SHOWN = 64 * 1024
"""Characters of an entry that are drawn; more than that nobody reads in a preview."""
_LINK = re.compile(r"https?://[^\s<>()\[\]\"']{1,2000}")
_DEPTH = 18
_MORE = "\n\n---\n\n*… the text goes on; `e` opens all of it.*\n"


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of the theme in use, as Rich styles."""

    heading: str
    faint: str
    accent: str
    code: str
    match: str
    dark: bool


class _Heading(Heading):
    def __rich_console__(self, _console: Console, _options: ConsoleOptions) -> RenderResult:
        text = self.text.copy()
        text.justify = "left"
        yield text
        if self.tag == "h1":
            yield Text("─" * min(len(text), 60), style="markdown.hr")


class _Code(CodeBlock):
    def __rich_console__(self, _console: Console, _options: ConsoleOptions) -> RenderResult:
        yield Syntax(
            str(self.text).rstrip(),
            self.lexer_name,
            theme=self.theme,
            word_wrap=True,
            padding=(0, 1),
            background_color="default",
        )


class _Markdown(Markdown):
    elements = {**Markdown.elements, "heading_open": _Heading, "fence": _Code, "code_block": _Code}  # noqa: RUF012

    def __init__(self, text: str, *, dark: bool) -> None:
        super().__init__("", code_theme="ansi_dark" if dark else "ansi_light", hyperlinks=False)
        parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").enable("table")
        self.parsed = parser.parse(text)
        # Deeper than this the parser leaves text out; then the text as it was written is what counts.
        self.is_too_deep = any(token.level >= _DEPTH for token in self.parsed)
        for token in self.parsed:
            if token.children:
                token.children = _without_doubles(token.children)


def _without_doubles(tokens: list[Token]) -> list[Token]:
    """An address that links to itself is drawn once."""
    kept: list[Token] = []
    queue = list(tokens)
    while queue:
        if queue[0].type == "link_open" and len(queue) > 2 and queue[2].type == "link_close":  # noqa: PLR2004
            opened, inner, _ = queue[:3]
            if inner.content.strip("/") == str(opened.attrGet("href") or "").strip("/"):
                kept.append(inner)
                del queue[:3]
                continue
        kept.append(queue.pop(0))
    return kept


def render(text: str, width: int, look: Look, terms: tuple[str, ...] = ()) -> list[Strip]:
    """*text* as lines of *width* cells; words that begin like one of *terms* are marked."""
    clean = safe_text(text[:SHOWN]).expandtabs(4) + (_MORE if len(text) > SHOWN else "")
    console = Console(
        width=max(10, width),
        file=StringIO(),
        color_system="truecolor",
        force_terminal=True,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        theme=Theme(_styles(look)),
        _environ={},
    )
    try:
        markdown = _Markdown(clean, dark=look.dark)
        lines = console.render_lines(Text(clean) if markdown.is_too_deep else markdown, pad=False)
    except RecursionError:
        lines = console.render_lines(Text(clean), pad=False)
    while lines and not "".join(s.text for s in lines[0]).strip():
        lines.pop(0)
    pattern = matcher(terms)
    return [Strip(_marked(line, pattern, Style.parse(look.match)) if pattern else line) for line in lines]


def matcher(terms: tuple[str, ...]) -> re.Pattern[str] | None:
    """A pattern for the words of a query; a word of four letters or more also without its ending."""
    stems = [re.escape(t.rstrip("*")[: max(4, len(t) - 2)] if len(t) > 4 else t.rstrip("*")) for t in terms if t]  # noqa: PLR2004
    return re.compile(rf"\b(?:{'|'.join(stems)})\w*", re.IGNORECASE) if stems else None


def links(text: str) -> list[str]:
    """Addresses in *text*, each once, in their order; what is not plainly http or https is none."""
    return list(dict.fromkeys(address.rstrip(".,;:!?*_") for address in _LINK.findall(safe_text(text))))[:50]


def _marked(line: list[Segment], pattern: re.Pattern[str], style: Style) -> list[Segment]:
    """*line* with the matches of *pattern* styled, also across segments."""
    spans = [found.span() for found in pattern.finditer("".join(s.text for s in line))]
    if not spans:
        return line
    marked: list[Segment] = []
    at = 0
    for segment in line:
        cuts = {0, len(segment.text)}
        cuts |= {edge - at for span in spans for edge in span if at < edge < at + len(segment.text)}
        edges = sorted(cuts)
        for first, last in itertools.pairwise(edges):
            inside = any(start <= at + first < end for start, end in spans)
            base = segment.style or Style()
            marked.append(Segment(segment.text[first:last], base + style if inside else base))
        at += len(segment.text)
    return marked


def _styles(look: Look) -> dict[str, str]:
    return {
        "markdown.h1": f"bold {look.heading}",
        "markdown.h2": f"bold {look.heading}",
        "markdown.h3": f"bold {look.accent}",
        "markdown.h4": "bold",
        "markdown.h5": "bold",
        "markdown.h6": "bold",
        "markdown.hr": look.faint,
        "markdown.code": look.code,
        "markdown.code_block": look.code,
        "markdown.block_quote": f"italic {look.faint}",
        "markdown.item.bullet": look.accent,
        "markdown.item.number": look.accent,
        "markdown.link": f"underline {look.accent}",
        "markdown.link_url": f"underline {look.accent}",
        "markdown.table.border": look.faint,
        "markdown.table.header": "bold",
    }
