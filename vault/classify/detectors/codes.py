"""Codes people write down in prose: doors, alarms, safes, cards, PINs, and Wi-Fi networks shared as a QR text."""

import re
from collections.abc import Iterator
from itertools import chain

from vault.classify.detectors.detection import Detection, secret, ultrasecret
from vault.classify.detectors.restraint import is_placeholder, is_reference, is_taught
from vault.classify.detectors.stems import Stemmed

_END = r"(?![\w.%/:-]|[€$£])"
_DIGITS = rf"(?P<code>[*#]?\d(?:[ -]?\d){{2,9}}[*#]?[A-Z]?|[*#]?[A-Z]\d{{3,8}}[*#]?|\d{{1,2}}(?:[^\S\n]?-[^\S\n]?\d{{1,2}}){{2,5}}|\d{{3,6}}[A-ZА-Я]\d{{0,4}}[*#]?|\d{{1,2}}[A-ZА-Я]\d{{1,4}}[A-Z]?[*#]?){_END}"
_IS = r"is now|is|was|ist|lautet|est|es|è|é|to|auf|jetzt|now|nu|heißt|är|er|on|jest|это"
_GIVEN = rf"(?P<link>[\"'`*_|)]{{0,3}}[^\S\n]{{0,3}}(?:[^\d\n:=;!?]{{0,44}}?)(?P<sign>[:=]|->|→|['’]s\b|\b(?:{_IS})\b|[^\S\n])[\"'`*_]{{0,3}}[^\S\n]{{0,4}}[\"'`„“«]?)"
PLACES = (
    r"door|gate|garage|alarm|entry|entrance|building|lobby|keypad|lock[^\S\n]?box|key[^\S\n]?box|key[^\S\n]?safe|locker|padlock|bike lock|intercom|elevator|"
    r"luggage|suitcase|front door|back door|security system|cabinet|shed|"
    r"haus(?:tür|türe|eingang)?|tür(?:e|en)?|tor|eingangs|garagen|alarm(?:anlagen?)?|schlüssel(?:kasten|safe|box)|schließfach|keller|zahlenschloss|fahrradschloss|"
    r"porte|portail|immeuble|alarme|entrée|coffre à clés|boîte à clés|cadenas|interphone|digicode|"
    r"puerta|portal|garaje|alarma|candado|portón|edificio|caja de llaves|"
    r"portone|cancello|allarme|lucchetto|cassetta|ingresso|"
    r"porta|portão|prédio|garagem|cadeado|cofre de chaves|"
    r"deur|voordeur|poort|hek|kluisje|sleutelkluis(?:je)?|fietsslot"
)
_KEPT = (
    r"card|bank card|tablet|phone|screen|karte|handy|carte(?: bleue)?|téléphone|tarjeta|móvil|carta|bancomat|telefono|cartão|telemóvel|celular|pas|bankpas|telefoon|"
    r"karty|telefonu|drzwi|domofonu|bramy|furtki|klatki|карты|телефона|двери|домофона|подъезда|калитки|kort(?:et)?|telefonen|port(?:en)?|dörren|larmet|døren|kapı|kapının"
)
"""What else a code can be of; only where it is called so, since these words also stand beside prices and sizes."""
_CODE = r"(?:pass)?codes?|combo|combination|zahlencode|zugangscode|geheimzahl|kombination|code|code secret|código|codice|combinaison|combinación|combinazione|combinação|combinatie|zahlenkombination|clave|senha|kod(?:en?)?|код"
_NAMED = Stemmed(
    rf"(?:\b(?:{PLACES}|{_KEPT})[- ]?(?:{_CODE}|koodi|kodu|şifresi)\b|"
    rf"\b(?:{_CODE})[^\S\n](?:for|to|of|für|zum|zur|fürs|vom|von|der|de|du|d'|des|del|de la|de l'|della|dello|do|da|van|voor|na|od|от|для|till|til|на)?[^\S\n]?(?:the |my |our |die |das |den |la |le |l'|el |il |o |a |de |het |our )?(?:[^\W\d]{{1,15}}[^\S\n]){{0,2}}?(?:{PLACES}|{_KEPT})\b|"
    rf"\bdigicode\b|\bdeurcode\b|\btürcode\b|\b(?:port|dörr|larm|dør|alarm)kode?n?\b|\b(?:oven|portin|hälyttimen|rapun) koodi\b|\bzahlenschloss\b|\bgeheimzahl\b)"
    rf"{_GIVEN}{_DIGITS}",
    re.IGNORECASE,
    inline=True,
)
_PIN = Stemmed(
    rf"(?:\bPIN(?![a-z])|\bPUK\b|(?i:\b(?:card|debit|credit|sim|phone|bank|atm|voicemail|iphone|ipad|karten|handy|bank|ec-?karten|sim-?karten|konto|geräte|telefon)[- ]?pin\b|\bpin[- ]?(?:code|number|nummer|kod|kode|koden|koodi|kodu)\b|"
    rf"\b(?:code|código|codice) pin\b|\bпин(?:-?код)?\b|\b(?:unlock|screen|phone|voicemail|entsperr|déverrouillage)[- ]?(?:code|lock)\b)|"
    rf"(?i:\b(?:my|new|old|the|by|neue|meine|die|mijn|nieuwe|mein|el|il|le|o|mon|mi|mio|meu|de|mój|min)[^\S\n])(?i:pin)\b|^\W{{0,3}}Pin\b|\bpin\b(?=[^\S\n]?(?::|=|(?:is|ist|est|es|è|é|for|of|für|fürs|der|vom|pour|para|per|voor|van|de|del|della|do|da|till)\b)))"
    rf"{_GIVEN}(?P<pin>\d{{4,8}}|\d(?: \d){{3,7}}|\d(?:-\d){{3,7}}){_END}",
    re.MULTILINE,
    inline=True,
)
_UNLOCKS = Stemmed(
    r"\b(?:phone|tablet|ipad|laptop|screen|handy|telefon|móvil|téléphone|telefono)\b[^\d\n.;?!]{0,16}?\b(?:unlocks? with|unlocks? by|opens with|geht mit|se desbloquea con|se déverrouille avec|si sblocca con)[^\S\n](?P<code>\d{4,8})(?![\w.%/:-])",
    re.IGNORECASE,
    inline=True,
)
_UNSPACED = Stemmed(
    r"(?:暗証番号|ドアコード|(?:門|玄関|ドア|オートロック|金庫|入口)の?(?:コード|番号|暗証番号)|(?:门|大门|门禁|门锁|银行卡|卡|手机|保险箱|保险柜)的?密码|密码|비밀번호|비번)"
    r"(?:は|是|为|為|：|:|은|는|가|이|[^\S\n]){0,3}(?P<code>[*#]?\d(?:[ -]?\d){3,9}[*#]?)(?![\d.%/:-])",
    inline=True,
)
"""Scripts that put no spaces between words, so that neither edges nor gaps can be asked for."""
_VAULTS = r"safe(?:'s)?|gun safe|strongbox|tresor|geldschrank|coffre(?:-fort)?|caja fuerte|cassaforte|cofre|kluis|brandkast|sejf|kassaskåp(?:et)?|сейф"
_SIDE = r"(?:[^\S\n](?:left|right|links|rechts|gauche|droite|izquierda|derecha|sinistra|destra|vänster|höger))?"
_TURNS = rf"\d{{1,2}}{_SIDE}(?:(?:[^\S\n]?[-–/][^\S\n]?|,?{_SIDE}[^\S\n])[LRlr]?\d{{1,2}}{_SIDE}){{2,5}}|\d{{4,8}}"
_SAFE = Stemmed(
    rf"\b(?:{_VAULTS})\b[^\d\n]{{0,60}}?(?P<safe>{_TURNS})(?![\w.%/:]|[€$£])|"
    rf"\b(?:{_CODE})[^\S\n][^\d\n]{{0,20}}?\b(?:{_VAULTS}|tresors?)\b[^\d\n]{{0,30}}?(?P<turns>{_TURNS})(?![\w.%/:]|[€$£])",
    re.IGNORECASE,
    inline=True,
)
_OPENS = re.compile(
    rf"\b(?:{_CODE})\b|combin|kombin|\bopens (?:with|at|on|to)\b|\bdial|\bturns?\b|left|right|links|rechts|\bgeht mit\b|öffnet|s'ouvre|se abre|si apre|\bopent|otwiera|öppnas|открыва",
    re.IGNORECASE,
)
_WIFI_QR = Stemmed(r"\bWIFI:(?=[^\n]{0,200}?\bP:(?P<wifi>[^;\n]{4,100});)[^\n]{0,250}")
_NOT_DOORS = re.compile(r"gpio|board|arduino|raspberry|connector|postal|zip|error|exit|status|http|area|country|promo|промо|discount|sconto|qr|pixel|count\b|attempts|\bpart\b|connector|header|port\b", re.IGNORECASE)
_UNIT = re.compile(r"\s?(?:years?|times|minutes?|hours?|days?|digits?|users?|people|pieces|lines|settings|combinations|litres?|seconds|people|€|\$|euros?|dollars?|mm|cm|m|km|kg|кг|mbit|uhr|mal|stellig|attempts?)\b", re.IGNORECASE)


def find(text: str, lower: str) -> Iterator[Detection]:
    """Door, alarm and PIN codes (secret) and combinations of safes (ultrasecret) in *text*."""
    unlocked, unspaced = _UNLOCKS.finditer(text, lower), _UNSPACED.finditer(text, lower)
    for matches, group, kind in (
        (_NAMED.finditer(text, lower), "code", "door or alarm code"),
        (_PIN.finditer(text, lower), "pin", "PIN"),
        (chain(unlocked, unspaced), "code", "PIN"),
    ):
        for match in matches:
            if _is_real(text, match, group):
                yield secret(kind, *match.span(group), f"a {kind} given in words")
    for match in _SAFE.finditer(text, lower):
        group = "safe" if match.group("safe") else "turns"
        if _OPENS.search(match.group()) and _is_real(text, match, group):
            yield ultrasecret("combination of a safe", *match.span(group), "the combination of a safe given in words")
    for match in _WIFI_QR.finditer(text, lower):
        value = match.group("wifi")
        if not is_placeholder(value) and not is_reference(value) and not is_taught(text, *match.span(), 40):
            yield secret("Wi-Fi password", *match.span("wifi"), "a Wi-Fi network with its password, as in a QR code")


def _is_real(text: str, match: re.Match[str], group: str) -> bool:
    """Not an example, a pin of a circuit, a postal or error code, a date, a year in passing or a quantity."""
    start, end = match.span(group)
    near = text[max(0, match.start() - 30) : start]
    dated = re.fullmatch(r"(?:19|20)\d\d-\d\d?-\d\d?", match.group(group))
    passing = re.fullmatch(r"19\d\d|20[0-4]\d", match.group(group)) and not (match.groupdict().get("sign") or "").strip()
    quiet = dated or passing or _NOT_DOORS.search(near) or _UNIT.match(text, end)
    return not (quiet or is_taught(text, match.start(), end, 60))
