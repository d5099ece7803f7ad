"""What a text speaks of and what it seems to hold: groups of words, things shaped like a secret, and how near they are.

A vector of meaning and counts of letters cannot tell "opens with 4471" from "opened at 1630" out of a few
thousand examples; the distance of a code-like number to a word like "gate" can. None of this decides
anything: it is what the head sees beside the vector (``docs/classification.md``). The words are in ``cues.txt``.
numpy is imported at module scope, so import this module only where a vector is at hand.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from math import exp

import numpy as np
from numpy.typing import NDArray

from vault.classify.detectors.restraint import is_chosen, is_hex, is_ordinary, is_random

READ = 1000
"""Characters read; the vectors of passages speak for the rest."""
_WORD = re.compile(r"[^\W\d_](?:[^\W_]|['’](?=\w))*|\d+\w*")
_SPELT = (
    "zero|one|two|three|four|five|six|seven|eight|nine|oh|double|star|hash|pound|null|eins|zwei|zwo|drei|vier|fünf|"
    "sechs|sieben|acht|neun|stern|raute|zéro|un|deux|trois|quatre|cinq|sept|huit|neuf|étoile|dièse|cero|uno|dos|tres|"
    "cuatro|cinco|seis|siete|ocho|nueve|due|tre|quattro|cinque|sei|sette|otto|nove|um|dois|três|quatro|sete|oito|nul|"
    "een|twee|drie|vijf|zes|zeven|negen|zwei|dwa|trzy|cztery|pięć|sześć|siedem|osiem"
)
_UNIT = (
    r"[€$£%°]|(?:km|m|kg|g|mg|ml|l|cm|mm|ms|px|mb|gb|kcal|uhr|am|pm|people|users|words|steps|years?|pages|euros?|"
    r"dollars|pounds|percent|times|minutes|hours|days)\b"
)
_VALUES = {
    "number": r"(?<![\w.,:/€$£+-])[*#]?(?!(?:19|20)\d\d(?!\d))\d{3,12}[*#]?[A-Za-z]?"
    rf"(?![\w:/%]|[.,-]\d|\s?(?:{_UNIT}))",
    "told": r"(?<![\w.,])(?:[A-Z]\d|\d|[*#])(?:\s?[- ,]\s?(?:\d{1,2}|[A-Z]|[*#]|star|hash)){2,7}(?![\w/:.])|"
    rf"\b(?:{_SPELT})(?:[ ,-]{{1,2}}(?:{_SPELT})){{2,15}}\b",
    "turns": r"\b\d{1,3}(?:\s?[-–/,]\s?(?:[LRlr]\s?)?\d{1,3}){2,5}\b(?!\.\d)",
    "quoted": r"[\"„“«‹「『]\s?[^\"“”»›」』\n]{3,90}[\"“”»›」』]|(?<!\w)'[^'\n]{4,80}'(?!\w)|`[^`\n]{3,60}`",
    "phrase": r"(?::|->|→|=|–|—)\s{1,3}(?:[^\W\d_]{1,14}[ ,]{1,2}){2,11}[^\W\d_]{1,14}\d{0,4}[.!]?(?=$|[\n(]|[.;,] )",
    "joined": r"(?<![\w/@.#-])[^\W_]{2,14}(?:[-._+&][^\W_]{1,14}){2,9}(?![\w/@]|\.\w)",
    "grouped": r"(?<![\w-])(?=[\w -]{0,40}\d)[A-Z0-9]{2,6}(?:[ -][A-Z0-9]{2,6}){1,7}(?![\w-])",
}
"""Shapes a secret can have; each is common in harmless texts too."""
_SHAPES = tuple(
    (name, re.compile(shape, re.IGNORECASE if name in {"number", "told"} else re.MULTILINE))
    for name, shape in _VALUES.items()
)
_KINDS = (*_VALUES, "chosen", "random", "hex", "listed")
_RUN = re.compile(r"[^\W\d_]+|[.;:!?\n]")
_LISTED = 6
"""Words in a row without one of grammar from which they look like a drawn phrase or a list."""
_NEAR = ("login", "token", "lock", "opens", "master", "identity", "confide", "embargo")
"""Groups whose distance to each kind of value is measured."""
_SCALE = 30.0
"""Characters over which nearness falls to 1/e."""
_MOST = 3
_SHORT = 20
"""Words up to which a group or a value counts in full; beyond, less: a page has numbers and talk near each other."""
GRAMMAR = frozenset(
    "a an the to of and or in on at by be is as if it not no do so up out off for from with my we he she me us was are "  # noqa: SIM905
    "am i you that this but had has have der die das und oder ist auf mit für ein eine ich wir er sie es den dem nicht "
    "le la les un une des et ou est en de du que qui je nous il elle el los las y o con por mi yo se lo gli e è di da "
    "che non per os um uma na no em com não het van op een ik wij niet we i z się to nie jest och att det som "
    "på".split()
)
"""Words that hold a sentence together, in several languages."""
Span = tuple[int, int]


def cues(text: str) -> NDArray[np.float64]:
    """The features of *text*, shape ``(size(),)``, each 0 to 1: groups, kinds of values, nearness of the two."""
    text = text[:READ]
    spoken, words = _spoken(text)
    values = _values(text)
    weight = (_SHORT / max(_SHORT, words)) ** 0.5
    row = [min(len(spans), _MOST) / _MOST * weight for spans in spoken]
    groups = [spoken[names().index(group)] for group in _NEAR]
    for kind in _KINDS:
        row.append(min(len(values[kind]), _MOST) / _MOST * weight)
        row += [_nearness(values[kind], spans) * weight for spans in groups]
    return np.array(row)


def size() -> int:
    """How many features there are."""
    return len(names()) + len(_KINDS) * (1 + len(_NEAR))


def names() -> tuple[str, ...]:
    """The groups, in the order of ``cues.txt``."""
    return _lexicon()[0]


@lru_cache(maxsize=1)
def _lexicon() -> tuple[tuple[str, ...], dict[str, frozenset[int]], dict[str, frozenset[int]]]:
    """Names of the groups; whole words and pairs → groups; beginnings → groups."""
    groups: list[str] = []
    whole: dict[str, frozenset[int]] = {}
    begin: dict[str, frozenset[int]] = {}
    for line in files("vault.classify").joinpath("cues.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        name, *entries = line.split()
        groups.append(name)
        for entry in entries:
            place, key = (begin, entry[:-1]) if entry.endswith("*") else (whole, entry.replace("_", " "))
            place[key] = place.get(key, frozenset()) | {len(groups) - 1}
    return tuple(groups), whole, begin


def _spoken(text: str) -> tuple[list[list[Span]], int]:
    """Where each group is spoken of, and the number of words."""
    found: list[list[Span]] = [[] for _ in names()]
    before = ""
    count = 0
    for match in _WORD.finditer(text):
        word = match.group().lower().replace("’", "'")
        for group in _groups(before, word):
            found[group].append(match.span())
        before = word
        count += 1
    return found, count


def _groups(before: str, word: str) -> frozenset[int]:
    _, whole, begin = _lexicon()
    parts = [whole.get(word), whole.get(f"{before} {word}"), *(begin.get(word[:k]) for k in range(2, len(word) + 1))]
    return frozenset().union(*(part for part in parts if part))


def _values(text: str) -> dict[str, list[Span]]:
    """Where things of each kind stand."""
    values = {name: [match.span() for match in shape.finditer(text)] for name, shape in _SHAPES}
    length, run = max(_runs(text), key=lambda found: found[0])
    values |= {"chosen": [], "random": [], "hex": [], "listed": [run] if length >= _LISTED else []}
    for match in re.finditer(r"\S+", text):
        token = match.group().strip("\"'.,;:()!?“”„«»")
        if is_hex(token):
            values["hex"].append(match.span())
        elif is_random(token):
            values["random"].append(match.span())
        elif len(token) >= 6 and is_chosen(token) and not is_ordinary(token):  # noqa: PLR2004
            values["chosen"].append(match.span())
    return values


def _runs(text: str) -> Iterator[tuple[int, Span]]:
    """Runs of words that no grammar holds together: their length and place; at least an empty one."""
    length, start, end = 0, 0, 0
    for match in _RUN.finditer(text):
        word = match.group().lower()
        if 3 <= len(word) <= 11 and word not in GRAMMAR:  # noqa: PLR2004 (list words are of such length)
            length, start, end = length + 1, start if length else match.start(), match.end()
            continue
        yield length, (start, end)
        length = 0
    yield length, (start, end)


def _nearness(values: list[Span], words: list[Span]) -> float:
    """1 where a value touches a word of the group, less with the characters between; a word inside does not count."""
    gaps = [
        max(start - after, before - end, 0)
        for start, end in values
        for before, after in words
        if not (before >= start and after <= end)
    ]
    return exp(-min(gaps) / _SCALE) if gaps else 0.0
