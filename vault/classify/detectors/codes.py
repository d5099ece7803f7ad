"""Codes people write down in prose: doors, alarms, safes, PINs, and Wi-Fi networks shared as a QR text."""

import re
from collections.abc import Iterator

from vault.classify.detectors.detection import Detection, secret, ultrasecret
from vault.classify.detectors.restraint import is_placeholder, is_reference, is_taught
from vault.classify.detectors.stems import Stemmed

_DIGITS = r"(?P<code>[*#]?\d(?:[ -]?\d){2,9}[*#]?[A-Z]?|[*#]?[A-Z]\d{3,8}[*#]?|\d{1,2}(?:\s?-\s?\d{1,2}){2,5}|\d{3,6}[A-Z]\d{0,4}[*#]?|\d{2}[A-Z]\d{2,4}[*#]?)(?![\w.%/:-]|[€$£])"
_GIVEN = r"(?P<link>[\"'`*_|)]{0,3}[^\S\n]{0,3}(?:[^\d\n:=;!?]{0,44}?)(?:[:=]|->|→|\b(?:is now|is|was|ist|lautet|est|es|è|é|to|auf|jetzt|now|nu)\b|[^\S\n])[\"'`*_]{0,3}[^\S\n]{0,4}[\"'`„“«]?)"
PLACES = (
    r"door|gate|garage|alarm|entry|entrance|building|lobby|keypad|lock\s?box|key\s?box|key\s?safe|locker|padlock|bike lock|intercom|elevator|"
    r"luggage|suitcase|front door|back door|security system|cabinet|shed|"
    r"haus(?:tür|türe|eingang)?|tür(?:e|en)?|tor|eingangs|garagen|alarm(?:anlagen?)?|schlüssel(?:kasten|safe|box)|schließfach|keller|zahlenschloss|fahrradschloss|"
    r"porte|portail|immeuble|alarme|entrée|coffre à clés|boîte à clés|cadenas|interphone|digicode|"
    r"puerta|portal|garaje|alarma|candado|portón|edificio|caja de llaves|"
    r"portone|cancello|allarme|lucchetto|cassetta|ingresso|"
    r"porta|portão|prédio|garagem|cadeado|cofre de chaves|"
    r"deur|voordeur|poort|hek|kluisje|sleutelkluis(?:je)?|fietsslot"
)
_CODE = r"(?:pass)?codes?|combo|combination|zahlencode|zugangscode|geheimzahl|kombination|code|código|codice|combinaison|combinación|combinazione|combinação|combinatie|zahlenkombination"
_NAMED = Stemmed(
    rf"(?:\b(?:{PLACES})[- ]?(?:{_CODE})\b|\b(?:{_CODE})\s(?:for|to|of|für|zum|zur|fürs|vom|der|de|du|d'|des|del|de la|de l'|della|dello|do|da|van|voor)\s?(?:the |my |our |die |das |den |la |le |l'|el |il |o |a |de |het |our )?(?:[^\W\d]{{1,15}}\s){{0,2}}?(?:{PLACES})\b|\bdigicode\b|\bdeurcode\b|\btürcode\b)"
    rf"{_GIVEN}{_DIGITS}",
    re.IGNORECASE,
    inline=True,
)
_PIN = Stemmed(
    rf"(?:\bPIN(?![a-z])|\b(?:card|debit|credit|sim|phone|bank|atm|voicemail|iphone|ipad|karten|handy|bank|ec-?karten|sim-?karten|konto|geräte|telefon)[- ]?pin\b|\bpin[- ](?:code|number|nummer)\b|\bpin\b(?=\s?(?:is|:|ist|est|es|è|é|for|für|pour|para|per|voor|de la|della|do|da)\b)|\b(?:unlock|screen|phone|voicemail|entsperr|déverrouillage)[- ]?code\b|\bPUK\b)"
    rf"{_GIVEN}(?P<pin>\d{{4,8}})(?![\w.%/:-]|[€$£])",
    inline=True,
)
_SAFE = Stemmed(
    rf"\b(?:safe(?:'s)?|gun safe|strongbox|tresor|geldschrank|coffre(?:-fort)?|caja fuerte|cassaforte|cofre|kluis|brandkast|sejf)\b[^\d\n]{{0,60}}?"
    rf"(?P<safe>\d{{1,2}}(?:\s?[-–/ ]\s?[LRlr]?\d{{1,2}}){{2,5}}|\d{{4,8}})(?![\w.%/:]|[€$£])|"
    rf"\b(?:{_CODE})\s[^\d\n]{{0,20}}?\b(?:safe|strongbox|tresors?|coffre(?:-fort)?|caja fuerte|cassaforte|cofre|kluis)\b[^\d\n]{{0,30}}?"
    rf"(?P<turns>\d{{1,2}}(?:\s?[-–/ ]\s?[LRlr]?\d{{1,2}}){{2,5}}|\d{{4,8}})(?![\w.%/:]|[€$£])",
    re.IGNORECASE,
    inline=True,
)
_OPENS = re.compile(rf"{_CODE}|opens|dial|turn|left|right|links|rechts", re.IGNORECASE)
_WIFI_QR = Stemmed(r"\bWIFI:(?=[^\n]{0,200}?\bP:(?P<wifi>[^;\n]{4,100});)[^\n]{0,250}")
_NOT_DOORS = re.compile(r"gpio|board|arduino|raspberry|connector|postal|zip|error|exit|status|http|area|country|promo|discount|qr|pixel|port\b", re.IGNORECASE)
_UNIT = re.compile(r"\s?(?:years?|times|minutes?|hours?|days?|digits?|users?|people|€|\$|euros?|dollars?|km|kg|uhr|mal|stellig|attempts?)\b", re.IGNORECASE)


def find(text: str, lower: str) -> Iterator[Detection]:
    """Door, alarm and PIN codes (secret) and combinations of safes (ultrasecret) in *text*."""
    for pattern, group, kind in ((_NAMED, "code", "door or alarm code"), (_PIN, "pin", "PIN")):
        for match in pattern.finditer(text, lower):
            if _is_real(text, *match.span(group), match.start()):
                yield secret(kind, *match.span(group), f"a {kind} given in words")
    for match in _SAFE.finditer(text, lower):
        group = "safe" if match.group("safe") else "turns"
        if _OPENS.search(match.group()) and _is_real(text, *match.span(group), match.start()):
            yield ultrasecret("combination of a safe", *match.span(group), "the combination of a safe given in words")
    for match in _WIFI_QR.finditer(text, lower):
        value = match.group("wifi")
        if not is_placeholder(value) and not is_reference(value) and not is_taught(text, *match.span(), 40):
            yield secret("Wi-Fi password", *match.span("wifi"), "a Wi-Fi network with its password, as in a QR code")


def _is_real(text: str, start: int, end: int, announced: int) -> bool:
    """Not an example, a pin of a circuit, a postal or error code, a date or a quantity."""
    near = text[max(0, announced - 30) : start]
    value = text[start:end]
    dated = re.fullmatch(r"(?:19|20)\d\d-\d\d?-\d\d?", value)
    return not (dated or _NOT_DOORS.search(near) or _UNIT.match(text, end) or is_taught(text, announced, end, 60))
