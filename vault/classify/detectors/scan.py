"""``detect``: every detector over one text, in time linear in its length.

Each finder also gets the text in lower case, and runs a pattern only where one of the pattern's *stems*, pieces that
every match must contain, is in it: most texts speak of nothing that could be a secret, and are done at once.
"""

from collections.abc import Callable, Iterator

from vault.classify.detectors import codes, credentials, keys, logins, numbers, seeds, tokens
from vault.classify.detectors.detection import Detection

LIMIT = 1 << 20
"""Characters scanned; an entry is at most 1 MiB, so nothing an entry can hold escapes."""

FINDERS: tuple[Callable[[str, str], Iterator[Detection]], ...] = (
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
    lower = scanned.lower()
    found = [detection for find in FINDERS for detection in find(scanned, lower)]
    found.sort(key=lambda d: (-d.floor.level, d.start, -d.end))
    kept: list[Detection] = []
    for detection in found:
        if not any(other.covers(detection) for other in kept[-64:]):
            kept.append(detection)
    return sorted(kept, key=lambda d: d.start)
