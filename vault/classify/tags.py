"""Up to five tags for a text: its own #hashtags, then the person's own tags, then its keywords.

The person's tags come by name, where the text says them, and by meaning, where the text is like what they tagged so.
A tag that differs from one of theirs only in spelling is taken in their spelling.
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
NEAR = 0.55
"""Cosine with the mean of a tag's entries from which the tag fits. On 577 notes with one topic each, the topics
found so are right in 58 of 100 cases, and many of the others are neighbours of the right one."""
BY_MEANING = 2
_READ = 64 * 1024
_KEYWORDS = 3
_SEPARATORS = frozenset("-_./' ")
_PLURALS = (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", ""))
_STEM = 2
"""A word of no more letters than this has no plural."""
_HASHTAG = re.compile(r"(?<![\w&/#.])#([^\W\d_][\w/-]{1,39})")
_COLOUR = re.compile(r"[0-9a-f]{3,8}", re.IGNORECASE)
_CODE = re.compile(r"```[^`]{0,20000}```|`[^`\n]{1,200}`|https?://\S{1,500}|<[^<>\n]{1,300}>")
_WORD = re.compile(r"[^\W\d_][^\W_]*(?:-[^\W\d_]+)*")


def tags(
    text: str,
    detections: Sequence[Detection] = (),
    vocabulary: Sequence[str] = (),
    near: Sequence[tuple[str, float]] = (),
) -> tuple[str, ...]:
    """Tags of *text*, best first, lower case, none twice.

    Args:
        text: what to tag.
        detections: what must not show in a tag.
        vocabulary: the tags the person uses, the most used first.
        near: (tag, cosine of the text with the mean of its entries), for those that may be told at its class.
    """
    prose = _CODE.sub(lambda m: " " * len(m.group()), text[:_READ])
    spans = [(d.start, d.end) for d in detections]
    visible = "".join(_blank_out(prose, spans)) if spans else prose
    found: dict[str, None] = {}
    for tag in _candidates(visible, vocabulary, near, keywords=not spans):
        if tag:
            found.setdefault(own_spelling(tag, vocabulary) or tag)
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


def _candidates(
    text: str, vocabulary: Iterable[str], near: Sequence[tuple[str, float]], *, keywords: bool
) -> Iterator[str]:
    yield from hashtags(text)
    words = Counter(word.casefold() for word in _WORD.findall(text))
    yield from sorted((slug(w) for w in set(vocabulary) if w.casefold() in words), key=lambda w: (-words[w], w))
    yield from [tag for tag, cosine in sorted(near, key=lambda pair: -pair[1]) if cosine >= NEAR][:BY_MEANING]
    if keywords:
        yield from _frequent(words)


def hashtags(text: str) -> list[str]:
    """The #hashtags of *text*, as tags."""
    return [slug(m.group(1)) for m in _HASHTAG.finditer(text[:_READ]) if not _COLOUR.fullmatch(m.group(1))]


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


def folded(tag: str) -> str:
    """*tag* without what spellings differ in: case, accents, separators, the plural."""
    letters = unicodedata.normalize("NFKD", tag.casefold())
    bare = "".join(c for c in letters if c not in _SEPARATORS and not unicodedata.combining(c))
    for ending, instead in _PLURALS:
        if (
            len(bare) - len(ending) + len(instead) > _STEM
            and bare.endswith(ending)
            and not bare.endswith(("ss", "us", "is"))
        ):
            return bare.removesuffix(ending) + instead
    return bare


def own_spelling(tag: str, vocabulary: Sequence[str]) -> str | None:
    """The tag of *vocabulary* that *tag* is another spelling of; None where there is none, or it is one itself."""
    if tag in vocabulary:
        return None
    letter, bare = _first(tag), folded(tag)
    return next((own for own in vocabulary if _first(own) == letter and folded(own) == bare), None)


def _first(tag: str) -> str:
    return unicodedata.normalize("NFKD", tag[:1].casefold())[:1]
