"""What the word index holds of a text beside its words: pairs of characters, and the words inside names.

Its tokenizer sees neither words in scripts that are written without spaces nor those in ``camelCase`` names.
"""

import re
from collections.abc import Iterator
from functools import cache

MAX_PARTS = 200_000
"""Characters of a text that ``parts`` is worked out from."""
_NAME = r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]{2,63}(?![A-Za-z0-9])"
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word of a ``camelCase`` name ends and the next begins."""


def parts(text: str) -> str:
    """What the word index holds of *text* beside its words; empty for most texts.

    A run of a script without spaces becomes its pairs of characters and its last character, so that a word of
    two or more is a phrase and a single character a beginning. A ``camelCase`` name becomes its words.
    """
    text = text[:MAX_PARTS]
    names = dict.fromkeys(re.findall(_NAME, text))
    found = [" ".join(HUMP.split(name)) for name in names if HUMP.search(name)]
    if not text.isascii():
        found += [" ".join(pairs(run)) for run in spaceless(text)]
    return "\n".join(found)


def pairs(run: str) -> Iterator[str]:
    """The overlapping pairs of characters of *run*, then its last character."""
    yield from (run[at : at + 2] for at in range(len(run) - 1))
    yield run[-1]


def spaceless(text: str) -> list[str]:
    """The stretches of *text* in scripts that are written without spaces."""
    return _spaceless_pattern().findall(text)


@cache
def _spaceless_pattern() -> re.Pattern[str]:
    """Compiled only where a text can match: a large class takes a while."""
    return re.compile(
        "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
    )
