"""Private keys: PEM and PGP blocks, PuTTY files, age identities, wallet keys, one-time-password seeds."""

import re
from collections.abc import Iterator
from hashlib import sha256

from vault.classify.detectors.detection import Detection, ultrasecret
from vault.classify.detectors.restraint import entropy, is_digest, is_placeholder, is_taught
from vault.classify.detectors.stems import Stemmed

_PEM = Stemmed(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(r"(?:[A-Za-z0-9+/=]|\s|\\n|\\r|[:,>\"'|-]|\.(?!\.)){0,4000}")
_PUTTY = Stemmed(r"PuTTY-User-Key-File-\d[^\n]{0,80}\n(?:[^\n]{0,200}\n){1,400}?Private-Lines: \d+\r?\n[A-Za-z0-9+/]{16}")
_AGE = Stemmed(r"\bAGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{40,}\b", re.IGNORECASE)
_EXTENDED = Stemmed(r"\b[xyztuv]prv[1-9A-HJ-NP-Za-km-z]{70,120}\b")
_NOSTR = Stemmed(r"\bnsec1[02-9ac-hj-np-z]{50,60}\b")
_WIF = re.compile(r"(?<![A-Za-z0-9])[5KL9c][1-9A-HJ-NP-Za-km-z]{50,51}(?![A-Za-z0-9])")
_HEX = re.compile(r"(?<![A-Za-z0-9])(?:0x)?[0-9a-f]{64}(?![A-Za-z0-9])", re.IGNORECASE)
_RAW = re.compile(r"(?<![A-Za-z0-9+/_-])[1-9A-HJ-NP-Za-km-z]{86,88}(?![A-Za-z0-9+/_-])|(?<![A-Za-z0-9])S[A-Z2-7]{55}(?![A-Za-z0-9])|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])")
_LONG = re.compile(r"[A-Za-z0-9+/]{43}")
"""The shortest of the raw keys has so many."""
_OTPAUTH = Stemmed(r"\botpauth(?:-migration)?://[^\s\"'<>]{8,2000}", re.IGNORECASE)
_OTP_SEED = Stemmed(
    r"(?:\b2fa|\bmfa|totp|hotp|\botp\b|authenticator|two[- ]factor|zwei[- ]?faktor|double authentification|"
    r"dos factores|due fattori|dois fatores|setup key)"
    r"[^\n]{0,60}?[\s:=\"'`(]((?:[A-Z2-7]{4}[ -]?){3,16}[A-Z2-7]{1,4}=*|(?:[a-z2-7]{4} ){3,16}[a-z2-7]{1,4})(?![A-Za-z0-9])",
)
_PRIVATE = re.compile(
    r"priv(?:ate|ater?|ée?|ada?|ata)?[ _-]?(?:key|schlüssel|wif)|clé privée|clave privada|chiave privata|chave privada|"
    r"privésleutel|secret[ _-]?key|\bwif\b|sweep|cold wallet|paper wallet|deployer|validator key|signing key|\bprivkey|genkey|hot_signer",
    re.IGNORECASE,
)
_WALLET = re.compile(r"wallet|bitcoin|btc|ethereum|\beth\b|solana|stellar|monero|ledger|metamask|phantom", re.IGNORECASE)
_BASE58 = {ch: i for i, ch in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}


def find(text: str, lower: str) -> Iterator[Detection]:
    """Private keys and one-time-password seeds in *text*; all are ultrasecret."""
    yield from _blocks(text, lower)
    yield from _encoded(text, lower)
    yield from _wallet_keys(text)
    yield from _one_time(text, lower)


def _blocks(text: str, lower: str) -> Iterator[Detection]:
    done = 0
    for match in _PEM.finditer(text, lower):
        if match.start() < done:
            continue
        body = _BODY.match(text, match.end())
        done = body.end() if body else match.end()
        inner = "" if body is None else re.sub(r"\\[nr]|[^A-Za-z0-9+/=]", "", body.group())
        if len(inner) >= 40 and not is_placeholder(inner[:80]) and entropy(inner[:400]) > 3.5:  # noqa: PLR2004 (base64)
            yield ultrasecret("private key block", match.start(), done, "a private key in a PEM or PGP block")  # fmt: skip
    for match in _PUTTY.finditer(text, lower):
        yield ultrasecret("private key block", *match.span(), "a PuTTY private key file")


def _encoded(text: str, lower: str) -> Iterator[Detection]:
    """Keys whose own prefix says what they are."""
    for pattern, kind, reason in (
        (_AGE, "age identity", "a secret key of age"),
        (_EXTENDED, "wallet key", "an extended private key of a wallet"),
        (_NOSTR, "private key", "a Nostr secret key"),
    ):
        for match in pattern.finditer(text, lower):
            if not is_placeholder(match.group()[16:]):
                yield ultrasecret(kind, *match.span(), reason)


def _wallet_keys(text: str) -> Iterator[Detection]:
    if not _LONG.search(text):
        return
    for match in _WIF.finditer(text):
        if _checks_out(match.group()):
            yield ultrasecret("wallet key", *match.span(), "a wallet import key whose checksum matches")
        elif _announced(text, match.start()) and not is_placeholder(match.group()):
            yield ultrasecret("wallet key", *match.span(), "a wallet import key, by the words before it")
    for match in (*_HEX.finditer(text), *_RAW.finditer(text)):
        if _announced(text, match.start()) and not is_placeholder(match.group().removeprefix("0x")):
            yield ultrasecret("wallet key", *match.span(), "a raw private key, by the words before it")


def _announced(text: str, start: int) -> bool:
    """Whether the words before *start* call what follows a private key, and not a hash or an example."""
    near = text[max(0, start - 70) : start]
    private = _PRIVATE.search(near)
    wallet = private is None and re.search(r"\bkey|schlüssel|clé|clave|chiave|chave|seed", near) and _WALLET.search(near)
    return bool(private or wallet) and not re.search(r"public|hash|checksum|commit", near, re.IGNORECASE)


def _checks_out(key: str) -> bool:
    """Base58Check (Bitcoin wiki, "Wallet import format"): the last 4 bytes repeat a double SHA-256."""
    number = 0
    for ch in key:
        number = number * 58 + _BASE58[ch]
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return sha256(sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def _one_time(text: str, lower: str) -> Iterator[Detection]:
    for match in _OTPAUTH.finditer(text, lower):
        seed = re.search(r"(?:secret|data)=([A-Za-z0-9+/%=]{8,})", match.group())
        if seed and not is_placeholder(seed.group(1)) and "jbswy3dp" not in seed.group(1).lower():
            yield ultrasecret("one-time-password seed", *match.span(), "an otpauth address with its seed")
    for match in _OTP_SEED.finditer(text, lower):
        seed_text = re.sub(r"[ -]", "", match.group(1))
        mixed = any(ch.isdigit() for ch in seed_text) or " " in match.group(1)
        real = len(seed_text) >= 16 and mixed and not is_placeholder(seed_text) and "JBSWY3DP" not in seed_text.upper()  # noqa: PLR2004
        if real and not match.group(1).islower() and not is_taught(text, *match.span(1)) and not is_digest(text, match.start(1)):
            yield ultrasecret("one-time-password seed", *match.span(1), "the seed of a one-time password")
