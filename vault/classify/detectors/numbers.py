"""Numbers that identify a person or an account: cards, IBANs, identity, tax, passport and licence numbers.

A number with check digits speaks for itself where its shape is rare; where it could be any number, the
words before it must name it. A named number counts even if its check digits fail: a slip of the pen
gives away as much.
"""

# ruff: noqa: SIM905  (word lists are read as words, not as rows of quotes)

import re
from collections.abc import Iterator
from importlib import import_module

from vault.classify.detectors.detection import Detection, secret
from vault.classify.detectors.restraint import is_placeholder, is_taught
from vault.classify.detectors.stems import Stemmed

_CARD = re.compile(r"(?<![\w.:/=+-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|3[47]\d{2}([ -]?)\d{6}\2\d{5}|3[0689]\d{2}([ -]?)\d{6}\3\d{4})(?![\w/=-]|\.\d)")
_ISSUED = re.compile(r"4\d{12}(?:\d{3}){0,2}$|5[1-5]\d{14}$|2(?:2[2-9]|[3-6]\d|7[01])\d{13}$|3[47]\d{13}$|3(?:0[0-5]|[689]\d)\d{11}$|"
                     r"6(?:011|5\d\d|4[4-9]\d)\d{12}$|35(?:2[89]|[3-8]\d)\d{12}$|62\d{14,17}$|(?:50|5[6-9]|6\d)\d{14,17}$")  # fmt: skip
_CARD_WORDS = re.compile(
    r"card|visa|master-?card|amex|american express|maestro|credit|debit|\bcvv|\bcvc|karte|carte|tarjeta|carta|cartão|kaart|bancomat|\bexp\b",
    re.IGNORECASE,
)
_TEST_CARDS = frozenset(
    """
    4111111111111111 4242424242424242 4012888888881881 4000056655665556 5555555555554444 2223003122003222
    5200828282828210 5105105105105100 378282246310005 371449635398431 6011111111111117 6011000990139424
    3056930009020004 36227206271667 3566002020360505 6200000000000005 4000000000000002 4000002500003155
    4917610000000000 5454545454545454 4444333322221111 30569309025904 38520000023237 3530111333300000
    4222222222222 4000000000009995 4000000000003220 5424000000000015 4007000000027 6304000000000000
    1234567812345670 4532015112830366 4539578763621486 378734493671000 5431111111111111 4988080000000000
    """.split()
)
_CVV = Stemmed(r"\b(?:cvv2?|cvc2?|cvn|prüfziffer|kartenprüfnummer)\b[\s:=#]{1,4}(\d{3,4})(?!\w)", re.IGNORECASE)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_TEST_IBANS = frozenset(
    """
    GB82WEST12345698765432 DE89370400440532013000 FR1420041010050500013M02606 GB29NWBK60161331926819
    NL91ABNA0417164300 ES9121000418450200051332 IT60X0542811101000000123456 BE68539007547034
    CH9300762011623852957 AT611904300234573201 PT50000201231234567890154 SE4550000000058398257466
    PL61109010140000071219812874 GB33BUKB20201555555555 DE75512108001245126199 FR7630006000011234567890189
    """.split()
)
_NAMED = (
    # what, the words that name it, its shape, the check of python-stdnum ("" where none exists), may it stand alone
    ("social security number", r"\bssn\b|social security|sozialversicherung\w*\snummer", r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}|\d{9}", "us.ssn", ""),
    ("German tax number", r"steuer-?\s?(?:id\w*|identifikationsnummer|nummer|nr)|\bidnr\b|\btax id\b|\btin\b", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "de.idnr", ""),
    ("German insurance number", r"sozialversicherungs|renten\w*versicherungs|sv-?nummer|\brvnr|krankenversicherten|versichertennummer", r"\d{2} ?\d{6} ?[A-Z] ?\d{3}|[A-Z]\d{9}", "", ""),
    ("Spanish identity number", r"\bdni\b|\bnie\b|\bnif\b|documento", r"[XYZ]?[ -]?\d{7,8}[ -]?[A-Z]", "es.nif", ""),
    ("Italian tax code", r"codice fiscale|\bcf\b|\bc\.f\.", r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", "it.codicefiscale", "alone"),
    ("French insurance number", r"sécu|sécurité sociale|\bnir\b|\binsee\b", r"[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3}(?: ?\d{2})?", "fr.nir", ""),
    ("Dutch citizen number", r"\bbsn\b|burgerservicenummer|sofi", r"\d{4}[ .]?\d{2}[ .]?\d{3}|\d{9}", "nl.bsn", ""),
    ("Brazilian tax number", r"\bcpf\b", r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{11}", "br.cpf", ""),
    ("Polish identity number", r"pesel", r"\d{11}", "pl.pesel", ""),
    ("British insurance number", r"national insurance|\bni\s?(?:number|no)|\bnino\b", r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]", "", ""),
    ("NHS number", r"\bnhs\b", r"\d{3} ?\d{3} ?\d{4}", "gb.nhs", ""),
    ("Swiss insurance number", r"\bahv|\bavs\b|sozialversicherung", r"756\.\d{4}\.\d{4}\.\d{2}", "ch.ssn", "alone"),
    ("Belgian national number", r"rijksregister|registre national|national number|\binsz\b|\bniss\b", r"\d{2}\.?\d{2}\.?\d{2}[- ]?\d{3}\.?\d{2}", "be.nn", ""),
    ("Portuguese tax number", r"\bnif\b|contribuinte|número fiscal", r"\d{3} ?\d{3} ?\d{3}", "pt.nif", ""),
    ("Swedish personal number", r"personnummer|personal number", r"(?:19|20)?\d{6}[-+ ]?\d{4}", "se.personnummer", ""),
    ("Danish personal number", r"\bcpr\b", r"\d{6}-?\d{4}", "dk.cpr", ""),
    ("Norwegian birth number", r"fødselsnummer|personnummer", r"\d{6} ?\d{5}", "no.fodselsnummer", ""),
    ("Finnish identity code", r"henkilötunnus|\bhetu\b", r"\d{6}[-+A]\d{3}[0-9A-Z]", "fi.hetu", ""),
    ("Irish PPS number", r"\bpps\b|\bppsn\b", r"\d{7}[A-W][A-I]?", "ie.pps", ""),
    ("Canadian insurance number", r"\bsin\b|social insurance", r"\d{3}[ -]?\d{3}[ -]?\d{3}", "ca.sin", ""),
    ("Indian identity number", r"aadh?aar", r"\d{4} ?\d{4} ?\d{4}", "in_.aadhaar", ""),
    ("Indian tax number", r"\bpan\b", r"[A-Z]{5}\d{4}[A-Z]", "in_.pan", ""),
    ("Mexican identity code", r"\bcurp\b", r"[A-Z]{4}\d{6}[A-Z]{6}[A-Z0-9]\d", "mx.curp", "alone"),
    ("passport number", r"pass?port|reisepass|\bpass-?nr|passeport|pasaporte|passaporto|passaporte|paspoort", r"[A-Z]{0,3} ?\d{6,9}[A-Z]?\d?|[CFGHJKLMNPRTVWXYZ0-9]{8,9}|\d{2}[A-Z]{2}\d{5}", "", ""),
    ("driving licence number", r"driv(?:er'?s?|ing)[- ]?licen[cs]e|führerschein|permis de conduire|(?:carnet|licencia|permiso) de conducir|patente di guida|\bpatente\b|carta de condução|\bcnh\b|rijbewijs", r"[A-Z0-9](?:[ -]?[A-Z0-9]){6,19}", "", ""),
    ("identity card number", r"personalausweis|ausweisnummer|\bid card\b|identity card|carte (?:nationale )?d'identité|carta d'identità|identiteitskaart|national id\b", r"[A-Z0-9]{8,14}|\d{3}[ -]\d{7}[ -]\d{2}", "", ""),
    ("bank account number", r"account (?:number|no\.?|nr)|\bacct\b|kontonummer|numéro de compte|número de cuenta|numero di conto|número da conta|rekeningnummer|sort code|routing (?:number|no)", r"\d{6,12}|\d{2}-\d{2}-\d{2}", "", ""),
)  # fmt: skip
_ZONE = re.compile(r"P[<A-Z][A-Z<]{3}[A-Z<]{20,40}\r?\n[A-Z0-9<]{9}\d[A-Z<]{3}\d{7}")
_SHAPES = [
    (kind, Stemmed(rf"(?:{words})(?P<gap>[^\d\n;!?]{{0,36}}?)(?<![\w.])(?P<id>{shape})(?![\w/]|[.,-]\d)", re.IGNORECASE, inline=True), check)
    for kind, words, shape, check, _ in _NAMED
]
_ALONE = [(kind, re.compile(rf"(?<![\w.]){shape}(?![\w/])"), check) for kind, _, shape, check, alone in _NAMED if alone]
_WEAK = frozenset({"pt.nif", "ca.sin", "in_.pan", "gb.nhs", "es.nif", "de.idnr", "dk.cpr", "pl.pesel", "fr.nir"})
"""Short names or shapes that other things have too: here the check digits must hold."""


def find(text: str, lower: str) -> Iterator[Detection]:
    """Payment cards, bank accounts and identity numbers in *text*; all are secret."""
    if not any(ch.isdigit() for ch in text):
        return
    yield from _cards(text, lower)
    yield from _accounts(text)
    yield from _identities(text, lower)


def _cards(text: str, lower: str) -> Iterator[Detection]:
    from stdnum import luhn

    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if digits in _TEST_CARDS or is_placeholder(digits) or len(set(digits)) < 5 or not _ISSUED.match(digits):  # noqa: PLR2004
            continue
        named = _CARD_WORDS.search(text, max(0, match.start() - 70), min(len(text), match.end() + 40))
        grouped = not match.group().isdigit()
        valid = luhn.is_valid(digits)
        if (valid and (named or grouped)) or (named and grouped and not is_taught(text, *match.span())):
            yield secret("payment card", *match.span(), "a payment card number" + (" whose check digit matches" if valid else ", so named"))
    for match in _CVV.finditer(text, lower):
        if not is_placeholder(match.group(1) + "x") and match.group(1) not in {"123", "1234"} and not is_taught(text, *match.span()):
            yield secret("payment card", *match.span(1), "the security code of a payment card")


def _accounts(text: str) -> Iterator[Detection]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        compact = re.sub(r"[ -]", "", match.group())
        valid = iban.is_valid(compact, check_country=False)
        named = re.search(r"iban|konto|account|compte|cuenta|conto|conta|rekening", text[max(0, match.start() - 40) : match.start()], re.IGNORECASE)
        shown = is_taught(text, *match.span()) or (compact in _TEST_IBANS and not named) or len(set(compact[4:])) < 3  # noqa: PLR2004
        enough = sum(ch.isdigit() for ch in compact) >= 10 and 15 <= len(compact) <= 34  # noqa: PLR2004
        if enough and not shown and (valid or (named and not is_placeholder(compact))):
            yield secret("bank account", *match.span(), "an IBAN" + (" whose check digits match" if valid else ", so named"))


def _identities(text: str, lower: str) -> Iterator[Detection]:
    for kind, pattern, check in _SHAPES:
        for match in pattern.finditer(text, lower):
            value = match.group("id")
            holds = bool(check) and bool(import_module(f"stdnum.{check}").is_valid(value))
            plain = not check.startswith(tuple(_WEAK)) if check else True
            if (holds or plain) and _is_number(value) and not is_taught(text, *match.span()):
                yield secret(kind, *match.span("id"), f"a {kind}" + (" whose check digits match" if holds else ", so named"))
    for kind, shape, check in _ALONE:
        for match in shape.finditer(text):
            if import_module(f"stdnum.{check}").is_valid(match.group()) and not is_taught(text, *match.span()):
                yield secret(kind, *match.span(), f"a {kind} whose check digits match")
    for match in _ZONE.finditer(text):
        yield secret("passport", *match.span(), "the machine-readable zone of a passport")


def _is_number(value: str) -> bool:
    """Enough different digits to be issued rather than made up, and no date."""
    digits = re.sub(r"\D", "", value)
    dated = re.fullmatch(r"(?:19|20)\d\d[01]\d[0-3]\d", digits) and value == digits
    made_up = digits in {"123456789", "078051120", "987654321", "219099999", "457555462"} or len(set(digits)) < 3  # noqa: PLR2004
    return len(digits) >= 5 and not made_up and not dated and not is_placeholder(digits)  # noqa: PLR2004
