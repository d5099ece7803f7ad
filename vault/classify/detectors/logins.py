"""Logins people jot down without naming the password: ``netflix: ana@… / Ravioli!9``, ``the gate takes 3-3-9-0``.

Here the value itself must look like nothing else, and the line must speak of a login or a lock.
"""

import re
from collections.abc import Iterator
from itertools import chain

from vault.classify.detectors.codes import PLACES
from vault.classify.detectors.detection import Detection, secret
from vault.classify.detectors.restraint import is_chosen, is_digest, is_ordinary, is_placeholder, is_taught
from vault.classify.detectors.stems import Stemmed

_LOGIN = Stemmed(
    r"\bwi-?fi\b|\bwlan\b|\blog(?:s|ged)?[ -]?in\b|\bsigns? in\b|\binlog|anmeld|\bcreds\b|(?<![-\w/])credentials|netflix|spotify|\brouter\b|\bportal\b|"
    r"\b(?:online|phone)[- ]?banking|\bthe word\b|das wort|le mot\b|la palabra|la parola|het woord|\bsvc\b|identifiant|\butente\b|usuario|"
    r"benutzer|gebruiker|anmeldename|guest network|gastnetz|\bjenkins\b|\bvpn\b|\bnas\b|\bsftp\b|box internet|\baccount:|\bcompte\b|хост|пользователь",
    re.IGNORECASE,
    inline=True,
)
_TOKEN = re.compile(r"(?<![^\s\"'«„“(/])[^\s\"'«»„“”()<>]{8,64}(?![^\s\"'»“”).,;:])")
_PAIR = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}[\"']?(?:\s?[/|,;:]\s?|\s)(?:(?:and then|then|und dann|dann|puis|y luego|e poi|poi|en dan|and|e|y|en|und|et|pw|pass)\s)?"
    r"[\"'`«„“]?([^\s\"'`»“”]{6,64})",
)
_OPTION = Stemmed(r"\s(?:-[pw]\s?|--pass(?:word)?[= ])(?:'([^'\n]{5,100})'|\"([^\"\n]{5,100})\")")
_TOLD = re.compile(r"(?<![\w.,:-])(?<!\d[ -])\d(?:([- ])\d)(?:\1\d){1,6}(?:\1[A-Z])?(?![\w.,:-]\d|\w| ?[%€$£×x])")
_LOCK = re.compile(
    rf"\b(?:{PLACES})\b|\block(?:s|ed)?\b|unlock|opens|keypad|tablet|mobile|immobili[sz]er|combination|schloss|öffnet|sblocca|si apre|se abre|abre\b|s'ouvre|"
    r"slot\b|\bpad\b|brievenbus|takaovi|portkod|box\b|cadeado|drzwi|furtka|домофон|kapı|dörr",
    re.IGNORECASE,
)
_NUMBER = Stemmed(
    rf"\b(?:{PLACES})\b[^\d\n.;?!]{{0,40}}?(?<![=/\d\w.])[\s\"'#*]([*#]?\d{{4,6}}[*#]?)(?![\w:/%-]|[.,]\d|\s?(?:€|\$|km|m\b|kg|uhr\b|people|users|mal\b|words|steps|years))",
    re.IGNORECASE,
    inline=True,
)
_ENTERED = Stemmed(
    rf"\b(?:{PLACES})\b[^\d\n.;?!]{{0,24}}?\b(?:open(?:s|ed)?(?: with| to| on)?|takes|wants|(?:un)?locks? with|works with|geht (?:auf )?mit|"
    r"öffnet (?:sich )?mit|s'ouvre avec|se abre con|abre (?:com|con)|si apre con|gaat open met)\s[\"'„]?([*#]?\d{4,8}[*#]?)(?![\w:/%-]|[.,]\d|\s?(?:€|\$|km|m\b|kg))",
    re.IGNORECASE,
    inline=True,
)
_REACH = 90


def find(text: str, lower: str) -> Iterator[Detection]:
    """Passwords beside a login, and digits beside a lock, in *text*; all are secret."""
    for match in _LOGIN.finditer(text, lower):
        yield from _near_login(text, match)
    for matches, reason in (
        (_PAIR.finditer(text) if "@" in text else (), "an account with its password"),
        (_OPTION.finditer(text, lower), "a password given to a command"),
    ):
        for match in matches:
            start, end = match.span(match.lastindex or 1)
            value = text[start:end].rstrip(".,;:!)")
            if _is_password(value) and not is_taught(text, match.start(), end):
                yield secret("password", start, start + len(value), reason)
    for match in _TOLD.finditer(text):
        if _LOCK.search(text, *_line(text, match)) and not is_taught(text, *match.span()):
            yield secret("door or alarm code", *match.span(), "digits told one by one beside a lock")
    for match in chain(_NUMBER.finditer(text, lower), _ENTERED.finditer(text, lower)):
        digits = match.group(1).strip("*#")
        year = len(digits) == 4 and digits[:2] in {"18", "19", "20"} and digits == match.group(1)  # noqa: PLR2004
        if not year and not is_placeholder(digits + "x") and not is_taught(text, *match.span()):
            yield secret("door or alarm code", *match.span(1), "a number beside a door or lock")


def _near_login(text: str, match: re.Match[str]) -> Iterator[Detection]:
    """Words after the mention of a login, on its line, that look like a password and nothing else."""
    stop = text.find("\n", match.end(), match.end() + _REACH)
    for token in _TOKEN.finditer(text, match.end(), stop if stop >= 0 else match.end() + _REACH):
        value = token.group().rstrip(".,;:!")
        if _is_password(value) and not is_digest(text, token.start(), 24) and not is_taught(text, *token.span()):
            yield secret("password", token.start(), token.start() + len(value), "what looks like a password beside a login")


def _line(text: str, match: re.Match[str]) -> tuple[int, int]:
    """Where the neighbourhood of *match* on its own line begins and ends."""
    begin = max(text.rfind("\n", 0, match.start()) + 1, match.start() - _REACH)
    stop = text.find("\n", match.end(), match.end() + 40)
    return begin, stop if stop >= 0 else match.end() + 40


def _is_password(value: str) -> bool:
    """Letters joined with digits or signs as a person would for a password; no name, path or slug."""
    if not is_chosen(value) or "@" in value[1:-1] or "/" in value or is_ordinary(value) or len(value) < 8:  # noqa: PLR2004
        return False
    digits = any(c.isdigit() for c in value)
    signs = any(c in "!#$%^&*+?~§€" for c in value[1:])
    parts = [part for part in re.split(r"[-_.]", value) if part]
    words = [part for part in parts if part.isalpha() and len(part) > 2]  # noqa: PLR2004
    trailing = bool(re.fullmatch(r"[^\W\d_]{6,30}\d{2,4}", value)) and not value.isupper()
    return (digits and signs) or (digits and len(words) >= 2 and parts[-1].isdigit()) or (signs and len(words) > 0) or trailing  # noqa: PLR2004
