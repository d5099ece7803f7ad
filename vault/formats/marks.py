"""What a Markdown body says about itself: headings, ``#tags`` and ``[[links]]`` outside code.

A line scanner, linear in the size of the text. It knows fenced code and inline code and nothing else of
Markdown: enough to tell a tag from a comment in a shell script.
"""

import re
from dataclasses import dataclass

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(?=\S)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*")
_TICKS = re.compile("`+")
_TAG = re.compile(r"(?<!\S)#([\w/-]+)")
_LINK = re.compile(r"\[\[([^\[\]\n]{1,512})\]\]")
_MAX_LINKS = 256
_MAX_TITLE = 500
_MAX_TAG = 128


@dataclass(frozen=True)
class Marks:
    """What was found in a body."""

    heading: str
    """Text of the first heading, or empty."""
    tags: tuple[str, ...]
    """Inline tags without ``#``, in their order, nested ones as ``a/b``."""
    links: tuple[str, ...]
    """Targets of wikilinks, each once, without alias and section."""


def scan(text: str) -> Marks:
    """Find the marks of *text*."""
    heading, before, fence = "", "", ""
    tags: dict[str, None] = {}
    links: dict[str, None] = {}
    for line in text.split("\n"):
        opened = _FENCE.match(line)
        if fence:
            if opened and opened[1].startswith(fence) and not line[opened.end() :].strip():
                fence = ""
            continue
        if opened and not (opened[1][0] == "`" and "`" in line[opened.end() :]):
            fence, before = opened[1], ""
            continue
        if not heading:
            heading = _heading(line, before)
            before = line
        if "#" in line or "[[" in line:
            _collect(_without_code(line), tags, links)
    return Marks(heading, tuple(tags), tuple(links))


def _heading(line: str, before: str) -> str:
    if found := _HEADING.match(line):
        name = line[found.end() :].strip()
        closed = name.rstrip("#")
        return (closed if closed.endswith((" ", "\t")) else name).strip()[:_MAX_TITLE]
    if (
        before.strip()
        and not before.lstrip().startswith((">", "-", "*", "|"))
        and _UNDERLINE.fullmatch(line.rstrip())
    ):
        return before.strip()[:_MAX_TITLE]
    return ""


def _collect(line: str, tags: dict[str, None], links: dict[str, None]) -> None:
    for found in _TAG.finditer(line):
        tag = found[1].strip("/-")
        if tag and len(tag) <= _MAX_TAG and not tag.replace("/", "").replace("-", "").isdecimal():
            tags[tag] = None
    for found in _LINK.finditer(line):
        target = found[1].partition("|")[0].partition("#")[0].strip()
        if target and len(links) < _MAX_LINKS:
            links[target] = None


def _without_code(line: str) -> str:
    """*line* with its inline code replaced by blanks: runs of as many backticks pair up."""
    runs = list(_TICKS.finditer(line))
    last = {len(run[0]): place for place, run in enumerate(runs)}
    kept, at, place = [], 0, 0
    while place < len(runs):
        width = len(runs[place][0])
        if last[width] > place:
            other = next(n for n in range(place + 1, len(runs)) if len(runs[n][0]) == width)
            kept.append(line[at : runs[place].start()] + "\0")  # no blank: `a`#b is no tag
            at, place = runs[other].end(), other
        place += 1
    return "".join([*kept, line[at:]])
