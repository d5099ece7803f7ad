"""Passwords, passphrases and keys that a person or a configuration names: ``password: …``, ``Kennwort ist …``.

A name of a credential, at most a short phrase, a sign or verb that gives it, then a value that has the
shape of one. The words around it decide between a login (secret) and what opens everything (ultrasecret).
"""

# ruff: noqa: SIM905  (word lists are read as words, not as rows of quotes)

import re
from collections.abc import Iterator

from vault.classify.detectors.detection import Detection, secret, ultrasecret
from vault.classify.detectors.restraint import (
    is_chosen,
    is_digest,
    is_ordinary,
    is_placeholder,
    is_random,
    is_reference,
    is_taught,
)
from vault.classify.detectors.stems import Stemmed

_SPOKEN = (
    r"pass-?\s?(?:word|phrase|code)|passwd|pwd|passwor[td]|kennwort|passphrase|mot de passe|phrase secrète|phrase de passe|"
    r"contraseña|contrasena|frase de contraseña|frase segreta|parola d'ordine|parola chiave|palavra-passe|palavra passe|"
    r"wachtwoord|wachtzin|hasło|пароль|lösenord(?:et)?|adgangskoden?|passord(?:et)?|salasana(?: on\b)?|heslo|şifre|jelszó|密码|パスワード|비밀번호|"
    r"sicherheitsschlüssel|netzwerkschlüssel|wlan-?schlüssel|network key|wpa2? key|wi-?fi key|netwerksleutel"
)
_SHORT = r"(?<![^\W_])(?:pass|pw|mdp|psk|senha|clave|sifra|passwort)|(?:smtp|db|mail|user|admin|root|require)pass"
_MACHINE = (
    r"\b(?:[a-z0-9]{1,20}[_.-]){0,4}(?:api[-_ ]?key|api[-_ ]?token|api[-_ ]?secret|access[-_ ]?token|auth[-_ ]?token|refresh[-_ ]?token|"
    r"bot[-_ ]?token|deploy[-_ ]?token|client[-_ ]?secret|app[-_ ]?secret|secret[-_ ]?(?:access[-_ ]?)?key|access[-_ ]?key|account[-_ ]?key|"
    r"signing[-_ ]?(?:key|secret)|webhook[-_ ]?secret|jwt[-_ ]?secret|encryption[-_ ]?key|license[-_ ]?key|session[-_ ]?(?:id|token|cookie|secret)|"
    r"secret|token|api-schlüssel|zugangsschlüssel|clé (?:d')?api|clave (?:de )?api|chiave api|chave (?:de )?api|api-sleutel)"
)
_MASTER = (
    r"master[- ]?(?:pass-?(?:word|phrase|wort|code)|key|kennwort|pw)|haupt(?:passwort|kennwort)|mot de passe (?:maître|principal)|"
    r"contraseña (?:maestra|principal)|password (?:principale|maestra)|senha (?:mestra|mestre)|palavra-passe mestra|hoofdwachtwoord|"
    r"recovery[- ](?:key|code|phrase|passphrase)|(?:keepass\w{0,4}|bitwarden|1password|lastpass|dashlane|enpass|nordpass|proton pass|vault) (?:master|main)|unseal key|root token|wiederherstellungsschlüssel|clé de (?:récupération|secours)|"
    r"clave de recuperación|chiave di (?:recupero|ripristino)|chave de recuperação|herstelsleutel|emergency kit"
)
_NAME = Stemmed(rf"(?P<master>{_MASTER})|(?P<token>{_MACHINE})|(?P<password>{_SPOKEN}|{_SHORT})", re.IGNORECASE, inline=True)
_GAP = (
    r"(?:_[a-z0-9]{1,12})?[\"'`*_|)]{0,3}"
    r"(?:\s(?:changed|updated|reset|nueva|nouveau|neu|nuova|nova|nieuw)\b)?(?:\s{1,3}(?:\([^()\n]{0,40}\)|(?:for|to|of|on|at|in|from|für|fürs|vom|von|zum|zur|im|am|beim|der|die|das|des|pour|de|du|des|от|для|на|до|till|til|do|för|"
    r"d'|à|au|sur|dans|para|del|da|do|no|na|di|della|dello|dell'|voor|van|het|per|il|la|le|el|here|now|hier)[\s']"
    r"[^\n:=;!?]{0,48}?)|,\s[^\n:=;.!?]{3,30})?[\"'`*_|]{0,3}"
)
_GIVEN = re.compile(
    _GAP + r"(?:(?P<sign>\s{0,4}(?::=|=>|==?|:|->|→|–|—|\||value\s?=)[*_]{0,2}\s{0,6})"
    r"|(?P<verb>\s{0,2}(?:是|为|は、?|은|는)\s{0,2}(?!\d+[^\x00-\x7f])|,?\s{1,3}(?:(?:(?:now )?it(?:'s|’s| is)|is|was|c['’]est|это|ist|lautet|est|es|è|é|será|sarà)(?: now| still| jetzt| ahora| adesso| agora| nu)?|set to|reset to|"
    r"changed to|to|auf|zu|op|wants|takes)\s{0,2}:?\s{1,3}))",
    re.IGNORECASE,
)
_NEXT = re.compile(r"(?:_[a-z0-9]{1,12})?[\"'`*_|)]{0,3}(?P<none>\s{1,2})")
_VALUE = re.compile(
    r"\"([^\"\n]{3,160})\"|'([^'\n]{3,160})'|`([^`\n]{3,160})`|«\s?([^»\n]{3,160}?)\s?»|[„“]([^“”\n]{3,160})[“”]|([^\s\"'`«„“]\S{2,200})"
)
_KEEPS = re.compile(
    r"master|vault|keepass|1password|bitwarden|lastpass|dashlane|proton ?pass|password manager|passwortmanager|passwort-manager|"
    r"gestionnaire de mots de passe|gestor de contraseñas|gestore (?:di )?password|gerenciador|wachtwoord(?:en)?(?:beheer|kluis)|tresor|"
    r"luks|veracrypt|truecrypt|filevault|bitlocker|cryptsetup|disk|drive encryption|full[- ]disk|festplatte|verschlüssel|disque|disco|"
    r"restic|borg|duplicity|encrypted|encryption|cifrad|crittograf|chiffr|gpg|pgp|ssh[- ]key|keyring|wallet|root ca|hardware key|yubikey|"
    r"backup drive|external drive|schijf|versleutel|recovery",
    re.IGNORECASE,
)
_STATES = frozenset(
    """
    required optional string text hidden incorrect invalid wrong unknown missing hashed encrypted same above below
    expired reset changed updated strength policy generator manager prompt field protected authentication login
    forgotten vergessen geändert falsch oublié obligatoire olvidada incorrecta dimenticata errata esquecida vergeten
    disabled enabled stored saved generated rotated revoked leaked unchanged needed verification confirmation
    """.split()
)


def find(text: str, lower: str) -> Iterator[Detection]:
    """Named credentials in *text*; ultrasecret where the words say it opens a vault, a disk or other keys."""
    for match in _NAME.finditer(text, lower):
        for between in (_GIVEN.match(text, match.end()), _NEXT.match(text, match.end())):
            value = between and _VALUE.match(text, between.end())
            if between and value and (end := _value_end(text, value, str(match.lastgroup), str(between.lastgroup))):
                yield from _judged(text, match, str(match.lastgroup), value.start(value.lastindex or 0), end)
                break


def _value_end(text: str, value: re.Match[str], kind: str, how: str) -> int:
    """Where the secret that *value* begins ends, or 0 if it is none."""
    group = value.lastindex or 0
    start, given = value.start(group), value.group(group)
    if group == _BARE and not given.startswith(("<", "{", "[")):
        given = given.rstrip(".,;:!?)]}>\"'|*_")
    phrase = _passphrase(text, start, kind, how) if group == _BARE else given if " " in given else ""
    if phrase and how != "none" and kind != "token" and _is_phrase(phrase, quoted=group != _BARE):
        return start + len(phrase)
    real = " " not in given and _is_value(text, start, given, kind=kind, how=how, quoted=group != _BARE)
    return start + len(given) if real else 0


_BARE = 6


def _judged(text: str, match: re.Match[str], kind: str, start: int, end: int) -> Iterator[Detection]:
    line = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 100)
    if is_taught(text, match.start(), end, 70):
        return
    around = text[line : match.start()] + text[match.end() : start] + " " + _rest(text, end)
    if kind == "master":
        yield ultrasecret("master secret", start, end, "a master password or recovery key with its value")
    elif kind == "password" and _KEEPS.search(around):
        yield ultrasecret("master secret", start, end, "a password with its value, and words of what protects everything")
    elif kind == "password":
        yield secret("password", start, end, "a password with its value")
    else:
        yield secret("key or token", start, end, "a key or token with its value")


def _rest(text: str, end: int) -> str:
    """What follows a value on its line, a little way."""
    stop = text.find("\n", end, end + 60)
    return text[end : stop if stop >= 0 else end + 60]


def _passphrase(text: str, start: int, kind: str, how: str) -> str:
    """The rest of the line, where words could be a passphrase written without quotes."""
    if kind == "token" or how != "sign":
        return ""
    line = text[start : start + 160].split("\n", 1)[0]
    return line.rstrip(" .*_`\"'") if " " in line else ""


def _is_phrase(phrase: str, *, quoted: bool) -> bool:
    """Three (bare: four) to twelve short words that form no sentence; bare ones all in lower case."""
    words = phrase.split()
    plain = all(re.fullmatch(r"\w{1,14}", word) for word in words)
    common = sum(word.casefold() in _COMMON or word.casefold() in _STATES for word in words)
    shaped = quoted or all(word.islower() and word.isalpha() for word in words)
    return 4 - quoted <= len(words) <= 12 and plain and shaped and not common and not is_placeholder("".join(words)[:64])  # noqa: PLR2004


_COMMON = frozenset(
    """
    a an the to of and or in on at by be is as if it not no do up out off via for from with under over you your my his
    their this that these are was were will can could should must when where which who how same use using only used
    der die das und oder ist nicht mit für auf von zum zur ein eine einen den dem des wird muss kann nur auch wenn
    le la les un une et ou est pas avec pour sur dans du de des que qui ne se il elle on doit peut
    el los las una y o es no con para en del que se lo su debe puede il lo gli uno e è non con per che si deve può
    os as um uma ou não com por em da do dos das que deve pode het een en of is niet met voor op van dat wordt moet kan
    """.split()
)


def _is_value(text: str, start: int, value: str, *, kind: str, how: str, quoted: bool) -> bool:
    bare = value.casefold()
    if is_placeholder(value) or is_reference(value) or is_ordinary(value) or bare in _STATES:
        return False
    if is_digest(text, start, 24) and kind == "token":
        return False
    if kind == "token":
        return (is_random(value) or (how != "none" and len(value) >= 12 and is_chosen(value) and _is_mixed(value)))  # noqa: PLR2004
    if how == "none":
        return is_chosen(value) and _is_mixed(value) and bool(quoted or "-" in value or len(value) >= 8)  # noqa: PLR2004
    digits = value.isdigit() and 6 <= len(value) <= 16  # noqa: PLR2004
    if is_chosen(value) or digits:
        return True
    written = value.isalpha() and quoted and 5 <= len(value) <= 40  # noqa: PLR2004
    return written and how == "verb" and not is_taught(text, start, start + len(value))


def _is_mixed(value: str) -> bool:
    """Digits or signs beside letters, and not one word with its number."""
    letters = sum(c.isalpha() for c in value)
    return letters > 0 and (any(c.isdigit() for c in value) or any(c in "!@#$%^&*+=?~§" for c in value))
