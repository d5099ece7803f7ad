"""Values that formats share: times, tags and plain JSON.

Sources are other people's files. What is not what it should be becomes None or an error of type
`ValueError`, never a crash, and numbers that Python would write differently stay text.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime

from vault.classification import Classification
from vault.entry import MAX_TEXT
from vault.errors import InvalidInput

MAX_TAGS = 256
"""More tags than this on one entry are noise; the text still has them."""
MAX_DEPTH = 64
_MILLISECONDS = 1e11
"""A larger number is milliseconds: as seconds it would lie after the year 5138."""
_SLASHED = re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})")
_OFFSET = re.compile(r" (?=[+-][0-9]{2}:?[0-9]{2}$)")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_SPLIT = re.compile(r"[,;\s]+(?=#)|[,;]")


def when(value: object) -> datetime | None:
    """The aware moment that *value* says: ISO 8601 (naive is local time), or Unix seconds or milliseconds."""
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000 if abs(value) > _MILLISECONDS else value).astimezone()
        if isinstance(value, str):
            text = _OFFSET.sub("", _SLASHED.sub(r"\1-\2-\3", value.strip()))
            return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
    return None


def tags_in(value: object) -> list[str]:
    """The tags in *value*: a list, or one string separated by commas (or by blanks before each ``#``)."""
    if isinstance(value, str):
        return [tag for part in _SPLIT.split(value) if (tag := part.strip().lstrip("#").strip())]
    if isinstance(value, list):
        return [tag for item in value if isinstance(item, str | int | float) for tag in _one_tag(item)]
    return []


def _one_tag(item: object) -> list[str]:
    tag = ("true" if item else "false") if isinstance(item, bool) else str(item).strip().lstrip("#").strip()
    return [tag] if tag else []


def unique_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """*tags* in their order, each once whatever its case, at most `MAX_TAGS`."""
    seen: dict[str, str] = {}
    for tag in tags:
        seen.setdefault(tag.casefold(), tag)
        if len(seen) == MAX_TAGS:
            break
    return tuple(seen.values())


def class_named(value: object) -> Classification | None:
    """The class whose full name *value* is; a prefix is not enough to decide what a file may become."""
    name = value.strip().lower() if isinstance(value, str) else ""
    return next((found for found in Classification if found.value == name), None)


def read_json(text: str) -> object:
    """*text* as JSON in which every number means itself.

    ``NaN`` and ``Infinity`` are refused; a number that Python would write otherwise (``1.10``, ``1e999``)
    is kept as text.

    Raises:
        ValueError: not JSON, or nested deeper than `MAX_DEPTH`.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=number, parse_int=number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if depth(value) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    return value


def number(text: str) -> int | float | str:
    """*text* as the int or float that is written exactly so, else as it is."""
    try:
        value = float(text) if set(text) & set(".eE") else int(text)
    except ValueError:  # more digits than Python reads
        return text
    return value if repr(value) == text else text


def depth(value: object) -> int:
    """How deep lists and dicts nest in *value* (a plain value: 0), without recursion."""
    level, row = 0, [value]
    while row := [child for parent in row for child in _children(parent)]:
        level += 1
        if level > MAX_DEPTH:
            break
    return level


def write_json(value: object) -> str:
    """*value* as one line of JSON that is YAML too, for any reader of YAML.

    Raises:
        InvalidInput: not plain JSON.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput("metadata must be plain JSON", remedy="use strings, numbers, lists") from error
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def unfit(text: str) -> str:
    """Why *text* cannot be the text of an entry, or an empty string."""
    if not text.strip():
        return "there is no text in it"
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        return "the text holds a lone surrogate: save it as valid utf-8"
    return "the text is longer than 1 MiB: split it" if size > MAX_TEXT else ""


def _children(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
