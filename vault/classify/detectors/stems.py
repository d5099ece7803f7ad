"""Patterns that run only where they can match: each knows *stems*, pieces one of which every match must contain.

Looking for a hundred words with ``in`` is far faster than trying a pattern of a hundred words at each
character, and most texts contain none of them. The stems are read off the parsed pattern, so they never drift from it.
"""

import re
from collections.abc import Iterable, Iterator
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

_SHORTEST = 2
"""Characters a stem needs to be worth looking for."""


class Stemmed:
    """A compiled pattern with its stems."""

    def __init__(self, pattern: str, flags: int = 0, *, inline: bool = False) -> None:
        """Compile *pattern*; *inline* promises that no match goes past the end of a line."""
        self.pattern = re.compile(pattern, flags)
        self.stems = _fewest(_required(_parser.parse(pattern, flags)) or ())
        self._inline = inline

    def finditer(self, text: str, lower: str) -> Iterator[re.Match[str]]:
        """Matches in *text*, of which *lower* is the lower case."""
        if not self.stems:
            return self.pattern.finditer(text)
        if self._inline and len(lower) == len(text):  # a few letters change their length
            return self._in_lines(text, lower)
        return self.pattern.finditer(text) if any(stem in lower for stem in self.stems) else iter(())

    def _in_lines(self, text: str, lower: str) -> Iterator[re.Match[str]]:
        """Matches in the lines that contain a stem."""
        lines: dict[int, int] = {}
        for stem in self.stems:
            at = lower.find(stem)
            while at >= 0:
                end = text.find("\n", at)
                end = len(text) if end < 0 else end
                lines[text.rfind("\n", 0, at) + 1] = end
                at = lower.find(stem, end)
        for begin, end in sorted(lines.items()):
            yield from self.pattern.finditer(text, begin, end)


def _fewest(stems: Iterable[str]) -> tuple[str, ...]:
    """*stems* without those that contain another."""
    unique = set(stems)
    return tuple(sorted(s for s in unique if not any(other in s for other in unique - {s})))


def _required(nodes: Any) -> frozenset[str] | None:
    """Lower-case pieces of which every match of a sequence has at least one; None if it has no usable ones."""
    candidates: list[frozenset[str]] = []
    run = ""
    for code, argument in nodes:
        if code is _constants.LITERAL:
            run += chr(argument).lower()
            continue
        candidates.append(frozenset({run}))
        run = ""
        candidates.append(_of_node(code, argument) or frozenset({""}))
    candidates.append(frozenset({run}))
    best = max(candidates, key=lambda stems: (min(map(len, stems)), -len(stems)))
    return best if min(map(len, best)) >= _SHORTEST else None


def _of_node(code: Any, argument: Any) -> frozenset[str] | None:
    if code is _constants.SUBPATTERN:
        return _required(argument[3])
    if code in {_constants.MAX_REPEAT, _constants.MIN_REPEAT} and argument[0] > 0:
        return _required(argument[2])
    if code is _constants.BRANCH:
        branches = [_required(branch) for branch in argument[1]]
        return frozenset().union(*(b for b in branches if b)) if all(branches) else None
    return None
