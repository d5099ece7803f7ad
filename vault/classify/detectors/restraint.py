"""When *not* to believe a detector: placeholders, documented examples, references, ordinary identifiers.

Most text that looks like a secret is talk about one. Every detector asks here before it speaks, so
that a tutorial, a changelog or a page of commands stays an ordinary note.
"""

# ruff: noqa: SIM905  (word lists are read as words, not as rows of quotes)

import re
from collections import Counter
from itertools import pairwise
from math import log2

_STOCK = frozenset(
    """
    password password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword p4ssw0rd pa55word pa$$word
    passwort passwort123 passwd pwd secret secret1 secret123 s3cret s3cr3t supersecret mysecret topsecret
    mypassword mypass mypw mytoken changeme change_me change-me changeit changethis letmein hunter2 qwerty
    qwerty123 admin admin123 administrator root toor test test1 test123 test1234 testing testpass testpassword
    guest user username user123 foo bar baz foobar foobarbaz example dummy sample placeholder default demo
    abc abcd abc123 abcdef abcdefg abc123def456 abcd1234 1q2w3e4r 1q2w3e letmein123 welcome1 iloveyou monkey123
    todo tbd tba none null nil undefined true false yes no redacted hidden removed masked censored
    correcthorsebatterystaple correct-horse-battery-staple tr0ub4dor&3 postgres mysql mongo redis rabbitmq
    value string token apikey api_key api-key pass pw key bytes text str int bool optional required unset empty
    jbswy3dpehpk3pxp s3cretp@ssw0rd swordfish opensesame
    """.split()
)
_STOCK_PARTS = re.compile(
    r"example|placeholder|change[-_ ]?me|your[-_ ]|[-_]here\b|dummy|redacted|insert[-_]|replace[-_]?|my[-_]|"
    r"xxxx|\*\*\*|\.\.\.|…|0000000|1234567|abcdefg|deadbeef|cafebabe|foobar|lorem|todo|"
    r"not[-_]?(?:a[-_]?)?real|fake|\bsecret[-_]?key\b|"
    r"(?:password|passwort|secret|token|apikey|api_key|api-key)$|^(?:test|some|the|a|an|any)[-_]",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"^(?:[$%@&<{\[(~|\\!]|--?[a-z]|/|\.{1,2}/|https?:|file:|[a-z]+://)"  # variables, templates, flags, paths
    r"|[({\[][^)}\]]*[)}\]]|[(){}<>]|\$\{|\{\{|%\("  # calls, substitution
    r"|^[a-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+$|::|->|=>|://|\w\|\w"  # dotted names, scopes, addresses, choices
    r"|^[\w.+-]+@[\w-]+\.[\w.]+$"  # an address of mail
    r"|\.(?:json|ya?ml|toml|txt|md|py|js|ts|sh|env|key|pem|crt|log|conf|cfg|ini|com|org|net|io|dev|html?)[,;:]?$",
)
_ORDINARY = re.compile(
    r"""^(?:
        v?\d+(?:\.\d+)+[\w+-]*                                                        # a version, a number
      | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:t[\d:.]+z?)? | \d{1,2}[:.h]\d{2}(?:[:.]\d{2})?(?:am|pm)?   # date, time
      | \d+(?:st|nd|rd|th|x|am|pm|[smhdwy]|ms|min|hrs?|days?|kb|mb|gb|tb|kib|mib|gib|bits?|bytes?|px|%|k|m|€|\$)
      | \d+-(?:day|week|month|year|minute|hour|second|char|character|digit|letter|word|bit|byte|factor|step|time)\w*
      | (?:md|sha)-?\d+ | sha\d+-\d+ | oauth-?\d? | utf-?\d+ | base\d+ | x\.?509 | \d?fa | mfa | ipv\d | https?\d? | s3 | ec2
      | k8s | aes-?\d* | wpa\d?(?:-\w+)? | rfc-?\d+ | p-?256 | ed25519 | rsa-?\d* | argon2\w* | pbkdf2 | e2ee? | [1i]password
      | pkcs\d+ | fido2 | u2f | win\d+ | python\d* | jwt | openid | level\d | [a-z]{1,2}\d | q[1-4] | c\+\+ | hs256 | rs256
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
_UUID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)
_HEX = re.compile(r"^(?:0x)?[0-9a-f]{7,128}$")
_TAUGHT = re.compile(
    r"\b(?:examples?|e\.g|for instance|such as|tutorial|sample|dummy|placeholder|documented|documentation|docs|"
    r"test (?:card|number|key|value|data|vector)s?|fake|made[- ]up|not real|fictional|mock|fixture|stub|"
    r"beispiel\w*|z\. ?b\.|platzhalter|testnummer|exemples?|par exemple|ejemplos?|por ejemplo|esempi\w*|ad esempio|"
    r"exemplos?|por exemplo|voorbeeld\w*|przykład\w*|пример\w*|例|bijvoorbeeld|default password|standardpasswort|looks like|of the form|"
    r"in the form|format is)\b",
    re.IGNORECASE,
)
_DIGESTS = re.compile(
    r"\b(?:sha-?\d*|md5|commit|revision|hash|hashes|checksum|digest|fingerprint|etag|integrity|public|pubkey|uuid|guid|"
    r"blob|tree|parent|merge|prüfsumme|fingerabdruck|empreinte|huella|impronta|öffentlich\w*|publique?|pública|"
    r"address|adresse|txid|transaction|block)\b",
    re.IGNORECASE,
)
_FUNCTION_WORDS = frozenset(
    "a an the to of and or in on at by be is as if it not no do up out off per via for from with under over".split()
)


_SHORTEST = 3
_MACHINE_MADE = 20


def is_placeholder(value: str) -> bool:
    """Whether *value* stands for a secret instead of being one: ``changeme``, ``<API_KEY>``, ``xxxx``."""
    bare = value.strip(" \"'`.,;:!?)]}^%*_").casefold()
    if len(bare) < _SHORTEST or bare in _STOCK or _STOCK_PARTS.search(bare):
        return True
    characters = [ch for ch in bare if ch.isalnum()]
    return len(set(characters)) <= max(2, len(characters) // 8) or _is_sequence(characters)


def _is_sequence(characters: list[str]) -> bool:
    """``12345678``, ``abcdefgh``, ``87654321``: each next to the one before."""
    steps = {ord(b) - ord(a) for a, b in pairwise(characters)}
    return len(characters) > _SHORTEST + 1 and (steps <= {1, -9} or steps <= {-1, 9})


def is_reference(value: str) -> bool:
    """Whether *value* names where a secret is (variable, call, path, address) and is none itself."""
    return bool(_REFERENCE.search(value))


def is_ordinary(value: str) -> bool:
    """Whether *value* is a date, version, duration, algorithm, UUID or other harmless mix of signs."""
    return bool(_ORDINARY.match(value) or _UUID.match(value))


def is_taught(text: str, start: int, end: int, reach: int = 90) -> bool:
    """Whether the words around ``text[start:end]`` present it as an example."""
    return bool(_TAUGHT.search(text, max(0, start - reach), min(len(text), end + reach)))


def is_digest(text: str, start: int, reach: int = 50) -> bool:
    """Whether the words just before *start* announce a hash, a fingerprint or something public."""
    return bool(_DIGESTS.search(text, max(0, start - reach), start))


def entropy(value: str) -> float:
    """Shannon entropy of the characters of *value*, in bits per character."""
    counts = Counter(value)
    return -sum(n / len(value) * log2(n / len(value)) for n in counts.values()) if value else 0.0


def is_random(value: str) -> bool:
    """Whether *value* (20 characters or more, no spaces) was drawn by a machine rather than written."""
    if len(value) < _MACHINE_MADE or is_placeholder(value) or is_reference(value) or is_ordinary(value):
        return False
    kinds = sum((any(c.isdigit() for c in value), any(c.islower() for c in value), any(c.isupper() for c in value)))
    digits = sum(c.isdigit() for c in value)
    return kinds >= 2 and digits >= 2 and entropy(value) >= 3.2 and not _is_spoken(value)  # noqa: PLR2004 (hex has ≤ 4)


def _is_spoken(value: str) -> bool:
    """``some-feature-branch-2024``: joined words with a number, as identifiers and slugs are."""
    parts = [p for p in re.split(r"[-_./]", value) if p]
    words = sum(p.isalpha() and (p.islower() or p.istitle() or p.isupper()) for p in parts)
    return len(parts) > 2 and words * 3 >= len(parts) * 2  # noqa: PLR2004 (two of three)


def is_hex(value: str) -> bool:
    """Whether *value* is a number in hexadecimal as machines print them: a commit, a digest, an identifier, a key."""
    return bool(_HEX.match(value)) and not value.isdigit() and not value.isalpha()


def is_chosen(value: str) -> bool:
    """Whether *value* (one word) has the shape of a password a person chose.

    Letters with digits or signs, or at least three joined words that no sentence would join.
    """
    if not 5 <= len(value) <= 128 or is_placeholder(value) or is_reference(value) or is_ordinary(value):  # noqa: PLR2004
        return False
    letters = any(c.isalpha() for c in value)
    digits = any(c.isdigit() for c in value)
    signs = any(c in "!@#$%^&*+=?~§€" for c in value[1:])
    if letters and (digits or signs):
        return not (digits and re.fullmatch(r"[A-Za-z]+-?\d{1,2}", value) and len(value) < 7)  # noqa: PLR2004
    words = re.split(r"[-_.]", value)
    joined = len(words) >= 3 and all(len(w) > 1 and w.isalpha() for w in words)  # noqa: PLR2004
    return joined and "-" in value and not _FUNCTION_WORDS.intersection(w.casefold() for w in words)
