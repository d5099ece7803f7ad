"""``detect``: every detector over one text, in time linear in its length."""

from collections.abc import Callable, Iterator

from vault.classify.detectors import codes, credentials, keys, logins, numbers, seeds, tokens
from vault.classify.detectors.detection import Detection

LIMIT = 1 << 20
"""Characters scanned; an entry is at most 1 MiB, so nothing an entry can hold escapes."""

FINDERS: tuple[Callable[[str], Iterator[Detection]], ...] = (
    keys.find,
    seeds.find,
    tokens.find,
    credentials.find,
    codes.find,
    logins.find,
    numbers.find,
)


def detect(text: str) -> list[Detection]:
    """What of *text* needs protection for certain, in order of place; empty for most texts.

    Precise rather than complete: placeholders, documented examples, hashes and talk about secrets
    give nothing. A detection inside another of the same or a higher floor is left out.
    """
    scanned = text[:LIMIT]
    found = [detection for find in FINDERS for detection in find(scanned)]
    found.sort(key=lambda d: (-d.floor.level, d.start, -d.end))
    kept: list[Detection] = []
    for detection in found:
        if not any(other.covers(detection) for other in kept[-64:]):
            kept.append(detection)
    return sorted(kept, key=lambda d: d.start)
