"""The piece of an entry that shows why it was found.

``snippet`` gives one line of plain text in which every match is wrapped in ``**`` and no other ``**``
occurs. It never is empty for an entry that has text or a title, and its time grows linearly with the
body. What it returns is still the entry's own text: a front end passes it through ``safe_text``.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from vault.search.query import Query

_WORD = re.compile(r"[^\W_]+")
_SPACELESS = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_ENDINGS = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ings",
    "ing",
    "ies",
    "ied",
    "ely",
    "ed",
    "es",
    "ly",
    "er",
    "s",
)
_ANY_ENDING = "(?:ations?|ating|ated|ates?|ments?|ings?|ie[sd]|i?e[ds]|e?ly|ers?|[eysi])?"
_WHOLE_ENDING = "(?:ations?|ments?|ings?|ed|(?<=[sxzh])es|ly|ers?|s)?"
"""After a word that was not shortened: *past* is not *paste*."""
_LEAST_STEM = 3
_MAX_MATCHES = 20_000
_NOISE = (
    (re.compile(r"(?m)^[ \t]*(?:[-*_=][ \t]?){3,}$"), ""),
    (re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+(?:\[[ xX]\][ \t])?)"), ""),
    (re.compile(r"(?m)^[ \t]*(?:`{3,}|~{3,})[^\n]*$"), " "),
    (re.compile(r"!?\[\[([^\[\]|\n]{1,300})(?:\|([^\[\]\n]{1,300}))?\]\]"), r"\1 \2"),
    (re.compile(r"<!--[^>]{0,300}-->"), " "),
    (re.compile(r"`+"), ""),
)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\s]{0,600}(?:[ \t]\"[^\"\n]{0,200}\")?\)")
_STARS = re.compile(r"\*{2,}")

Match = tuple[int, int, int]
"""Start, end, and which term of the query it is."""


def snippet(body: str, query: Query, limit: int = 160, title: str = "") -> str:
    """The best *limit* characters of *body* for *query*, on one line, matches wrapped in ``**``.

    The window with the most different terms wins, then the one with the most matches, then the first.
    Without any match it is the beginning of the body, else the title.

    Args:
        body: the Markdown text of the entry.
        query: what was searched for.
        limit: length without the marks, in characters; an ellipsis counts.
        title: not repeated when the body begins with it as a heading.
    """
    pattern = _pattern(query)
    found = _matches(body, pattern, normal=False)
    at = _best(found, limit)
    if found:
        left, right = _whole(body, max(0, at - 2 * limit)), at + 4 * limit
    else:
        left, right = 0, max(16 * limit, 4096)
    around = body[left:right] if found else _without_heading(body[:right], title)
    cut_left, cut_right = left > 0, right < len(body)
    text = _plain(around, links=False)
    if "](" in around:  # a match may be inside a link's address
        text = max(
            (text, _plain(around, links=True)), key=lambda plain: len({term for *_, term in _matches(plain, pattern)})
        )
    if not text:
        text = (
            _plain(body[: 64 * 1024], links=True)
            or _plain(title, links=True)
            or _STARS.sub("*", " ".join(body.split()))
        )
        cut_left = cut_right = False
    return _window(text, pattern, limit, cut_left=cut_left, cut_right=cut_right)


def best_place(body: str, query: Query, width: int) -> int:
    """Where the *width* characters of *body* begin that hold most of *query*; 0 where nothing matches."""
    return _best(_matches(body, _pattern(query), normal=False), width)


@lru_cache(maxsize=4)
def _pattern(query: Query) -> re.Pattern[str] | None:
    """One alternation of all terms, in folded form; the group that matched tells which term."""
    terms = [*query.required, *query.title, *query.words, *(f"{prefix}*" for prefix in query.prefixes)]
    branches = [branch for term in terms if (branch := _branch(_fold(unicodedata.normalize("NFC", term))))]
    return re.compile("|".join(f"({branch})" for branch in branches)) if branches else None


def _branch(term: str) -> str:
    words = _WORD.findall(term)
    if not words:
        return ""
    if not term.isascii() and re.search(_SPACELESS, term):
        return re.escape(term.rstrip("*"))
    parts = [re.escape(_stem(word)) + _ending(word) for word in words]
    if term.endswith("*"):
        parts[-1] = re.escape(words[-1]) + r"[^\W_]*"
    joined = r"[\W_]{1,8}".join(parts)
    return rf"(?<![^\W_]){joined}(?![^\W_])"


def _stem(word: str) -> str:
    """*word* without its English ending, and without a doubled last consonant (``runn``)."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM and not word.endswith("ss"):
            word = word.removesuffix(ending)
            if len(word) > _LEAST_STEM and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if len(word) > _LEAST_STEM and word[-1] in "ey" else word


def _ending(word: str) -> str:
    stem = _stem(word)
    ending = _WHOLE_ENDING if stem == word else _ANY_ENDING
    return f"{re.escape(stem[-1])}?{ending}" if len(word) >= _LEAST_STEM else ""


def _fold(text: str) -> str:
    """*text* in lower case without accents, character for character (offsets stay valid)."""
    if text.isascii():
        return text.lower()
    table = {}
    for character in set(text):
        folded = unicodedata.normalize("NFD", character.lower())[0]
        if folded != character:
            table[ord(character)] = folded
    return text.translate(table)


def _matches(text: str, pattern: re.Pattern[str] | None, *, normal: bool = True) -> list[Match]:
    """Where *pattern* matches; *normal* says that *text* is composed (NFC) already."""
    if pattern is None:
        return []
    folded = _fold(text)
    if not normal and not text.isascii():  # decomposed accents would tear words apart; keep the offsets
        folded = "".join(_composed(folded))
    found = []
    for match in pattern.finditer(folded):
        found.append((match.start(), match.end(), match.lastindex or 0))
        if len(found) == _MAX_MATCHES:
            break
    return found


def _composed(text: str) -> Iterator[str]:
    """*text* with combining marks moved behind their word as spaces: same length, words in one piece."""
    at = 0
    for run in re.finditer(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*", text):
        yield text[at : run.start()]
        bare = "".join(character for character in run[0] if not "\u0300" <= character <= "\u036f")
        yield bare + " " * (len(run[0]) - len(bare))
        at = run.end()
    yield text[at:]


def _best(matches: list[Match], width: int) -> int:
    """Start of the best window of *width* characters: most terms, then most matches, then the first."""
    inside: Counter[int] = Counter()
    best, at, first = (0, 0), 0, 0
    for start, end, term in matches:
        inside[term] += 1
        while matches[first][0] < min(end - width, start):
            gone = matches[first][2]
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            first += 1
        score = (len(inside), inside.total())
        if score > best:
            best, at = score, matches[first][0]
    return at


def _plain(text: str, *, links: bool) -> str:
    """*text* on one line without Markdown marks; with ``links=False`` a link is only its text."""
    text = unicodedata.normalize("NFC", text)
    for noise, kept in _NOISE:
        text = noise.sub(kept, text)
    if not links:
        text = _LINK.sub(r"\1", text)
    return " ".join(_STARS.sub("", text).split())


def _without_heading(text: str, title: str) -> str:
    first, _, rest = text.lstrip().partition("\n")
    same = first.lstrip("# ").strip() == title.strip()
    return rest if title and same and rest.strip() else text


def _window(text: str, pattern: re.Pattern[str] | None, limit: int, *, cut_left: bool, cut_right: bool) -> str:
    """Cut *text* to *limit* around its best matches, wrap them, and say with ``…`` what is cut."""
    matches = _matches(text, pattern)
    room = max(limit - 2, 1)  # two ellipses
    start, end = 0, len(text)
    if len(text) > room:
        best = _best(matches, room * 3 // 4)
        start = _boundary(text, max(0, min(best - room // 4, len(text) - room)), forward=True)
        start = min(start, best) if matches else 0
        end = start + room
        end = len(text) if end >= len(text) else _boundary(text, end, forward=False)
        if end <= start:
            end = _whole(text, start + room)
    pieces, at = [], start
    for left, right, _ in matches:
        if start <= left and right <= end:
            pieces += [text[at:left].rstrip("*"), "**", text[left:right].strip(), "**"]
            at = right + (len(text[right:]) - len(text[right:].lstrip("*")))
    shown = "".join([*pieces, text[at:end]]).strip()
    return ("…" if start or cut_left else "") + shown + ("…" if end < len(text) or cut_right else "")


def _boundary(text: str, at: int, *, forward: bool) -> int:
    """The nearest gap between words from *at*, up to 24 characters away; else one between characters."""
    if at in {0, len(text)}:
        return at
    for step in range(24):
        near = at + step if forward else at - step
        if not 0 < near < len(text):
            break
        if text[near - 1].isspace() or text[near].isspace():
            return near
    return _whole(text, at)


def _whole(text: str, at: int) -> int:
    """*at* or the next place that does not tear a character from its marks (or a surrogate from its pair)."""
    while 0 < at < len(text) and (_joins(text[at]) or text[at - 1] == "\u200d"):
        at += 1
    return min(at, len(text))


def _joins(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Mn", "Mc", "Me"}
        or character == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\udc00" <= character <= "\udfff"
    )
