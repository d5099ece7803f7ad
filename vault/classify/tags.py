"""Up to five tags for a text: its own #hashtags, then words the person has used as tags, then its keywords.

A tag is shown where a body is not, so nothing inside a detection becomes one, and a text that holds a
credential gets no keywords at all: the neighbourhood of a secret is too close to it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files

from vault.classify.detectors import Detection

MOST = 5
"""Tags a text gets at most."""
_READ = 64 * 1024
_KEYWORDS = 3
_HASHTAG = re.compile(r"(?<![\w&/#.])#([^\W\d_][\w/-]{1,39})")
_COLOUR = re.compile(r"[0-9a-f]{3,8}", re.IGNORECASE)
_CODE = re.compile(r"```[^`]{0,20000}```|`[^`\n]{1,200}`|https?://\S{1,500}|<[^<>\n]{1,300}>")
_WORD = re.compile(r"[^\W\d_][^\W_]*(?:-[^\W\d_]+)*")


def tags(text: str, detections: Sequence[Detection] = (), vocabulary: Iterable[str] = ()) -> tuple[str, ...]:
    """Tags of *text*, best first, lower case, none twice; *vocabulary* are the tags the person uses."""
    prose = _CODE.sub(lambda m: " " * len(m.group()), text[:_READ])
    spans = [(d.start, d.end) for d in detections]
    visible = "".join(_blank_out(prose, spans)) if spans else prose
    found: dict[str, None] = {}
    for tag in _candidates(visible, vocabulary, keywords=not spans):
        if tag:
            found.setdefault(tag)
        if len(found) == MOST:
            break
    return tuple(found)


def _blank_out(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[str]:
    done = 0
    for start, end in sorted(spans):
        yield text[done : max(done, start)]
        yield " " * (min(end, len(text)) - max(done, start))
        done = max(done, end)
    yield text[done:]


def _candidates(text: str, vocabulary: Iterable[str], *, keywords: bool) -> Iterator[str]:
    for match in _HASHTAG.finditer(text):
        if not _COLOUR.fullmatch(match.group(1)):
            yield slug(match.group(1))
    words = Counter(word.casefold() for word in _WORD.findall(text))
    yield from sorted((slug(w) for w in set(vocabulary) if w.casefold() in words), key=lambda w: (-words[w], w))
    if keywords:
        yield from _frequent(words)


def _frequent(words: Counter[str]) -> list[str]:
    """Words that return: at least twice, and more than one in two hundred."""
    total = sum(words.values())
    often = [
        (-count, word)
        for word, count in words.items()
        if count >= 2 and count * 200 >= total and len(word) > 3 and word not in stop_words()  # noqa: PLR2004
    ]
    return [slug(word) for _, word in sorted(often)[:_KEYWORDS]]


def slug(word: str) -> str:
    """*word* as a tag: lower case, NFC, inner spaces as hyphens."""
    return "-".join(unicodedata.normalize("NFC", word).casefold().split()).strip("-/")


@lru_cache(maxsize=1)
def stop_words() -> frozenset[str]:
    """Words too common to be a tag, in the languages the classifier knows."""
    return frozenset(files("vault.classify").joinpath("stopwords.txt").read_text(encoding="utf-8").split())
