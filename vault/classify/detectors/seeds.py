"""Wallet seed phrases (BIP-39 words in any of its languages), recovery keys of disks, backup codes."""

# ruff: noqa: SIM905  (word lists are read as words, not as rows of quotes)

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from vault.classify.detectors.detection import Detection, ultrasecret
from vault.classify.detectors.restraint import is_placeholder, is_taught
from vault.classify.detectors.stems import Stemmed

_WORD = re.compile("[^\\W\\d_](?:[^\\W\\d_]|[\u0300-\u036f\u3099\u309a]){0,23}")  # accents may stand apart
_PLAIN_WORD = re.compile("[a-z]+")
_LENGTHS = (24, 21, 18, 15, 12)
_SOME = 10
"""List words in a row that matter where a seed is announced: a word or two may be misspelt or smudged."""
_PROSE = frozenset(
    """
    about again all also always any before can come day decide easy end even ever every feel first give good great have
    hear help home hope idea just keep know learn leave like long make many maybe mean more much must need never
    new next night now off often once one only other over own people place please put same say session some still such
    sure take tell than that then there they thing this time today turn two until use very wait want way week what when
    where will wish word work world year you your
    """.split()
)
"""List words that sentences are made of. A drawn phrase has hardly one of them, a sentence has many."""
_SEED_CONTEXT = re.compile(
    r"seed|mnemoni|recovery|wallet|phrase|ledger|trezor|metamask|bitcoin|btc|ethereum|crypto|backup|words|coins|tattoo|"
    r"słów|słowa|plånbok|cüzdan|portfel|кошел|слова|wiederherstell|wörter|sicherung|récupération|mots|portefeuille|semilla|frase|palabras|recupera|parole|palavras|"
    r"herstel|woorden|助记词|復元|シード|니모닉",
    re.IGNORECASE,
)
_BITLOCKER = re.compile(r"(?<![\d-])(?:\d{6}[- ]){7}\d{6}(?![\d-])")
_DISK_KEY = re.compile(r"(?<![A-Z0-9-])(?:(?:[A-Z0-9]{4}-){5,6}[A-Z0-9]{4}|(?:[A-Z0-9]{5}-){4,7}[A-Z0-9]{5})(?![A-Z0-9-])")
_DISK_CONTEXT = re.compile(
    r"filevault|recovery|recover|disk|encrypt|luks|apple|icloud|mac(?:book|os)|vault|wiederherstell|récup|recupera|herstel",
    re.IGNORECASE,
)
_ACCOUNT_KEY = Stemmed(r"(?<![A-Z0-9-])A3-[A-Z0-9]{6}-[A-Z0-9]{6}(?:-[A-Z0-9]{5}){4}(?![A-Z0-9-])|(?<![A-Z0-9-])A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,6}){4,5}(?![A-Z0-9-])")
_CODES = Stemmed(
    r"(?:back-?\s?up|recovery|rescue|emergency|scratch|one-time|reserve)[ -]?(?:login |access )?codes?|"
    r"(?:2fa|mfa|two-factor)[ -]?codes|"
    r"(?:backup|wiederherstellungs|notfall|ersatz|sicherungs)-?\s?codes?|codes? de (?:secours|récupération|sauvegarde)|"
    r"códigos? de (?:recuperación|respaldo|recuperação|backup|segurança)|codici (?:di )?(?:backup|recupero|riserva)|"
    r"codice di (?:backup|recupero)|(?:back-?up|herstel|reserve)-?\s?codes?",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?<![\w/.:-])(?:\d{8}|\d{10}|\d{4}[ -]\d{4}|\d{3}[ -]\d{3}|\d{6}|[a-z0-9]{4,6}(?:-[a-z0-9]{4,6}){1,3}|[a-z0-9]{8,12})(?![\w/-])", re.IGNORECASE)
_REACH = 600


def find(text: str, lower: str) -> Iterator[Detection]:
    """Seed phrases, recovery keys and backup codes in *text*; all are ultrasecret."""
    yield from _phrases(text, lower)
    yield from _recovery_keys(text, lower)
    yield from _backup_codes(text, lower)


@lru_cache(maxsize=1)
def _languages() -> dict[str, int]:
    """Each BIP-39 word → bits of the languages whose list has it; the order of bits is the package's."""
    from mnemonic import Mnemonic

    bits: dict[str, int] = {}
    for position, language in enumerate(sorted(Mnemonic.list_languages())):
        for listed in Mnemonic(language).wordlist:
            word = unicodedata.normalize("NFKD", listed)  # two of the lists are not
            bits[word] = bits.get(word, 0) | 1 << position
    return bits


def _valid(words: list[str], mask: int) -> bool:
    """Whether *words* carry a right BIP-39 checksum in one of the languages of *mask*."""
    from mnemonic import Mnemonic

    names = sorted(Mnemonic.list_languages())
    return any(mask >> i & 1 and Mnemonic(name).check(" ".join(words)) for i, name in enumerate(names))


def _phrases(text: str, lower: str) -> Iterator[Detection]:
    """Long runs of list words of one language; digits and punctuation may stand between."""
    known = _languages()
    if not _may_hold_phrase(lower, known):
        return
    run: list[tuple[str, int, int]] = []
    mask = 0
    for match in _WORD.finditer(text):
        word = unicodedata.normalize("NFKD", match.group().lower())
        bits = known.get(word, 0)
        apart = bool(run) and match.start() - run[-1][2] > 16  # noqa: PLR2004 ("\n  12.  " and room to spare)
        if bits and not apart and mask & bits:
            run.append((word, *match.span()))
            mask &= bits
            continue
        yield from _judge(text, run, mask)
        run, mask = ([(word, *match.span())], bits) if bits else ([], 0)
    yield from _judge(text, run, mask)


def _may_hold_phrase(lower: str, known: dict[str, int]) -> bool:
    """Whether enough list words of any language follow each other; far cheaper than to look where and of which."""
    words = _PLAIN_WORD.findall(lower) if lower.isascii() else _WORD.findall(unicodedata.normalize("NFKD", lower))
    length = 0
    for word in words:
        length = length + 1 if word in known else 0
        if length == _SOME:
            return True
    return False


def _judge(text: str, run: list[tuple[str, int, int]], mask: int) -> Iterator[Detection]:
    if len(run) < _SOME:
        return
    run = run[:200]
    words = [word for word, _, _ in run]
    if len(set(words)) * 4 < len(words) * 3:  # the test vectors of BIP-39 repeat themselves; drawn phrases hardly do
        return
    if sum(word in _PROSE for word in words) >= max(3, len(words) // 5):
        return
    start, end = run[0][1], run[-1][2]
    for size in _LENGTHS:
        for first in range(min(len(words) - size + 1, 40)):
            if _valid(words[first : first + size], mask):
                yield ultrasecret("seed phrase", start, end, f"{size} words of a wallet seed whose checksum matches")
                return
    around = text[max(0, start - 120) : start] + text[end : end + 120]
    enough = len(run) >= min(_LENGTHS) or _SEED_CONTEXT.search(around)
    if enough and not is_taught(text, start, end, 60):
        yield ultrasecret("seed phrase", start, end, f"{len(words)} words of a wallet word list in a row")


def _recovery_keys(text: str, lower: str) -> Iterator[Detection]:
    for match in _BITLOCKER.finditer(text):
        groups = [int(group) for group in re.split("[- ]", match.group())]
        checked = all(group % 11 == 0 and group < 720896 for group in groups) and len(set(groups)) > 2  # noqa: PLR2004
        near = re.search(r"bitlocker|recovery|wiederherst|récup|recuper|herstel", text[max(0, match.start() - 160) : match.end() + 60], re.IGNORECASE)
        if checked or (near and len(set(groups)) > 4 and not is_placeholder(match.group())):  # noqa: PLR2004
            yield ultrasecret("disk recovery key", *match.span(), "48 digits of a BitLocker recovery key")
    for match in _DISK_KEY.finditer(text):
        near = _DISK_CONTEXT.search(text, max(0, match.start() - 80), match.start())
        licence = re.search(r"licen[cs]e|serial|product key|lizenz|seriennummer", text[max(0, match.start() - 80) : match.start()], re.IGNORECASE)
        mixed = any(c.isdigit() for c in match.group()) and any(c.isalpha() for c in match.group())
        if near and mixed and not licence and not is_placeholder(match.group()):
            yield ultrasecret("disk recovery key", *match.span(), "a recovery key, by its shape and the words before it")
    for match in _ACCOUNT_KEY.finditer(text, lower):
        if not is_placeholder(match.group()[3:]):
            yield ultrasecret("account key", *match.span(), "the secret key of a password manager's account")


def _backup_codes(text: str, lower: str) -> Iterator[Detection]:
    last = 0
    for match in _CODES.finditer(text, lower):
        if match.start() < last:
            continue
        window = text[match.end() : match.end() + _REACH]
        codes = [m for m in _CODE.finditer(window) if _is_code(m.group())]
        near = [m for m in codes if m.start() <= 60]  # noqa: PLR2004 ("for GitHub, printed in May:")
        if not near or (len(codes) < 2 and not re.search(r"[:=]|\b(?:is|ist|est|es|è|é)\b", window[: near[0].start()])):  # noqa: PLR2004
            continue
        last = match.end() + codes[-1].end()
        if not is_taught(text, match.start(), match.end() + near[0].end(), 40):
            yield ultrasecret("backup codes", match.end() + near[0].start(), last, "codes that get past the second factor")


def _is_code(value: str) -> bool:
    digits = sum(ch.isdigit() for ch in value)
    compact = re.sub(r"[ -]", "", value)
    dated = re.fullmatch(r"(?:19|20)\d{6}|(?:19|20)\d\d[- ]\d{4}|\d{1,4}-\d{1,2}-\d{1,4}", value)
    grouped = "-" in value and value.count("-") <= 3 and digits >= 1  # noqa: PLR2004
    return not dated and not is_placeholder(value) and (digits == len(compact) or digits >= 2 or grouped)  # noqa: PLR2004
