"""Machine credentials that announce themselves: known prefixes, JWT, authorization headers, connection strings."""

import re
from collections.abc import Iterator
from itertools import chain

from vault.classify.detectors.detection import Detection, secret
from vault.classify.detectors.restraint import entropy, is_placeholder, is_reference, is_taught
from vault.classify.detectors.stems import Stemmed

_EDGE = r"(?<![A-Za-z0-9_])"
# Name → shape, from the issuers' own documentation of their token formats.
_PREFIXED = {
    "AWS access key": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    "GitHub token": r"(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{40,255})",
    "GitLab token": r"(?:gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|imt)-[A-Za-z0-9_.-]{18,100}|GR1348941[A-Za-z0-9_-]{20})",
    "Slack token": r"(?:xox[abeoprs]-[A-Za-z0-9-]{12,250}|xapp-\d-[A-Za-z0-9-]{20,250})",
    "Slack webhook": r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{30,100}",
    "Discord webhook": r"https://(?:\w{1,10}\.)?discord(?:app)?\.com/api/webhooks/\d{15,21}/[A-Za-z0-9_-]{40,100}",
    "Stripe key": r"(?:(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{14,250}|whsec_[A-Za-z0-9+/=]{24,100})",
    "OpenAI key": r"sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,250}",
    "Anthropic key": r"sk-ant-[A-Za-z0-9_-]{20,250}",
    "Google key": r"(?:AIza[A-Za-z0-9_-]{33,40}|ya29\.[A-Za-z0-9_-]{20,500}|GOCSPX-[A-Za-z0-9_-]{20,40}|1//0[A-Za-z0-9_-]{30,150})",
    "npm token": r"npm_[A-Za-z0-9]{30,60}",
    "PyPI token": r"pypi-[A-Za-z0-9_-]{40,500}",
    "SendGrid key": r"SG\.[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{30,60}",
    "Twilio key": r"SK[0-9a-f]{32}(?![A-Za-z0-9])",
    "Telegram bot token": r"\d{8,10}:[A-Za-z0-9_-]{34,36}(?![A-Za-z0-9_-])",
    "Mailgun key": r"key-[0-9a-f]{32}(?![A-Za-z0-9])",
    "Mailchimp key": r"[0-9a-f]{32}-us\d{1,2}(?![A-Za-z0-9])",
    "Hugging Face token": r"hf_[A-Za-z0-9]{30,50}",
    "DigitalOcean token": r"do[opr]_v1_[0-9a-f]{60,70}",
    "Shopify token": r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{30,40}",
    "Square token": r"(?:sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,50}|EAAA[A-Za-z0-9_-]{58,62})",
    "Databricks token": r"dapi[0-9a-f]{32}",
    "Vault token": r"hv[sbr]\.[A-Za-z0-9_-]{20,250}",
    "Tailscale key": r"tskey-[a-z]{2,10}-[A-Za-z0-9-]{16,100}",
    "Docker token": r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,60}",
    "Grafana token": r"gl(?:sa|c)_[A-Za-z0-9_=+/]{28,250}",
    "Linear key": r"lin_(?:api|oauth)_[A-Za-z0-9]{30,60}",
    "Notion token": r"(?:ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43})(?![A-Za-z0-9])",
    "Atlassian token": r"ATATT3[A-Za-z0-9_=+/-]{60,250}",
    "New Relic key": r"NR(?:AK|II|JS)-[A-Za-z0-9]{20,50}",
    "Postman key": r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    "RubyGems key": r"rubygems_[0-9a-f]{48}",
    "Terraform token": r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}",
    "Azure key": r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,90}={0,2}",
    "Doppler token": r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,60}",
    "Netlify token": r"nfp_[A-Za-z0-9]{36}",
    "Supabase key": r"sb(?:p|_secret)_[A-Za-z0-9_]{20,60}",
    "Sentry token": r"sntr(?:ys|yu)_[A-Za-z0-9_=+/]{40,250}",
    "Fly.io token": r"fo1_[A-Za-z0-9_-]{40,60}",
    "Groq key": r"gsk_[A-Za-z0-9]{40,60}",
}
_TOKEN = re.compile(_EDGE + "(?:" + "|".join(f"(?P<k{i}>{shape})" for i, shape in enumerate(_PREFIXED.values())) + ")")
_NAMES = list(_PREFIXED)
_RUN = re.compile(r"[A-Za-z0-9_+/=.:-]{17,}")
"""What every one of the shapes is made of, and the length of the shortest; prose has few."""
_JWT = Stemmed(_EDGE + r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{10,2000}")
_JWT_TAUGHT = "eyJzdWIiOiIxMjM0NTY3ODkwIiwi"
"""How the payload of the example on jwt.io begins."""
_HEADER = Stemmed(
    r"\b(?:authorization|x-api-key|x-auth-token|private-token|proxy-authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
    r"(?:(?:bearer|basic|token|apikey|bot|key)\s{1,4})?([A-Za-z0-9+/=._~-]{12,4000})",
    re.IGNORECASE,
)
_BEARER = Stemmed(r"\bbearer\s{1,4}([A-Za-z0-9+/=._~-]{20,4000})", re.IGNORECASE)
_BASIC = Stemmed(r"\bcurl\b[^\n]{0,200}?\s(?:-u|--user)\s{0,2}[\"']?[^\s:\"']{1,64}:([^\s\"'@]{4,128})")
_SSHPASS = Stemmed(r"\bsshpass\s{1,3}-p\s{0,2}(\"[^\"\n]{4,100}\"|'[^'\n]{4,100}'|[^\s\"']{4,100})")
_URL = Stemmed(r"\b([a-z][a-z0-9+.-]{1,20})://([^\s:/@\"'<>`]{0,100}):([^\s/\"'<>`]{2,200})@([^\s/\"'<>`:,)]{1,200})", re.IGNORECASE)
_SHOWN_HOST = re.compile(r"example|localhost|^127\.|^0\.0\.0\.0|^\[?::1|^(?:host|hostname|server|db|database|postgres|mysql|redis|mongo)$", re.IGNORECASE)


def find(text: str, lower: str) -> Iterator[Detection]:
    """Tokens, headers and connection strings in *text*; all are secret."""
    for match in chain.from_iterable(_TOKEN.finditer(text, *run.span()) for run in _RUN.finditer(text)):
        kind = _NAMES[int(str(match.lastgroup)[1:])]
        if not _is_shown(match.group()):
            yield secret(kind, *match.span(), f"the shape of a {kind}")
    for match in _JWT.finditer(text, lower):
        if _JWT_TAUGHT not in match.group() and "..." not in match.group():
            yield secret("signed token", *match.span(), "a JSON web token")
    yield from _headers(text, lower)
    yield from _logins(text, lower)


def _is_shown(token: str) -> bool:
    """Documentation writes tokens with EXAMPLE, a run of one sign, or the alphabet."""
    body = re.split(r"[-_.:/]", token)[-1]
    tail = body if len(body) >= 12 else token[-24:]  # noqa: PLR2004
    flat = entropy(tail) < 2.5 or bool(re.search(r"(.)\1{5}", token))  # noqa: PLR2004 (drawn ones have > 3)
    digits = sum(c.isdigit() for c in token[3:])
    plain = token.startswith("sk-") and digits <= 4 and not (digits and any(c.isupper() for c in token[3:]))  # noqa: PLR2004
    return flat or plain or bool(re.search(r"example|your|xxxx|\.\.\.|placeholder|abcdef|12345678|redacted|4eC39HqLyj", token, re.IGNORECASE))


def _headers(text: str, lower: str) -> Iterator[Detection]:
    for pattern in (_HEADER, _BEARER):
        for match in pattern.finditer(text, lower):
            value = match.group(1)
            mixed = any(c.isdigit() for c in value) and entropy(value) >= 3  # noqa: PLR2004 (words have less)
            shown = is_placeholder(value) or is_reference(value) or _JWT_TAUGHT in value
            if mixed and not shown and not _is_shown(value):
                yield secret("authorization header", *match.span(1), "a credential in an authorization header")


def _logins(text: str, lower: str) -> Iterator[Detection]:
    for pattern, kind in ((_BASIC, "login on a command line"), (_SSHPASS, "password on a command line")):
        for match in pattern.finditer(text, lower):
            value = match.group(1).strip("\"'")
            if not is_placeholder(value) and not is_reference(value) and not is_taught(text, *match.span(), 40):
                yield secret(kind, *match.span(1), "a password given to a command")
    for match in _URL.finditer(text, lower) if "@" in text else ():
        _, user, password, host = match.groups()
        shown = is_placeholder(password) or is_reference(password) or password.casefold() == user.casefold()
        local = bool(_SHOWN_HOST.search(host))
        strong = len(password) >= 10 and any(c.isdigit() for c in password) and entropy(password) >= 3  # noqa: PLR2004
        if not shown and not password.isdigit() and "example" not in host.lower() and (not local or strong):
            yield secret("connection string", *match.span(), "a connection string with its password")
