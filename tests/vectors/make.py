"""Write the vectors of this directory, deterministically: `python tests/vectors/make.py`.

The writer here shares no code with the product. It builds every file byte by byte on the second reader's
primitives, with "random" bytes from a fixed stream, so that a run rewrites exactly what is committed.
"""

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

sys.path.insert(0, str(Path(__file__).parent.parent))
import second_reader as reader

HERE = Path(__file__).parent
CHEAP = {"memory_kib": 64, "iterations": 1, "lanes": 1}


class Stream:
    """Bytes that look random and are the same in every run."""

    def __init__(self, label: str) -> None:
        """Begin the stream of *label*."""
        self._label = label
        self._count = 0

    def __call__(self, size: int) -> bytes:
        """The next *size* bytes."""
        self._count += 1
        return hashlib.shake_256(f"memory vectors {self._label} {self._count}".encode()).digest(size)


fixed = Stream("fixed")
VAULT = fixed(16).hex()
OTHER_VAULT = fixed(16).hex()
ROOTS = {1: fixed(32), 2: fixed(32), 3: fixed(32)}
NOBODY = fixed(32)
KEYS = {name: Ed25519PrivateKey.from_private_bytes(fixed(32)) for name in "ABC"}
PUBLIC = {name: key.public_key().public_bytes_raw() for name, key in KEYS.items()}
DEVICE = {
    name: base64.b32encode(hashlib.sha256(public).digest()[:10]).decode().lower() for name, public in PUBLIC.items()
}
CLASS = "secret"


def b64(data: bytes) -> str:
    """As the vectors hold bytes."""
    return base64.b64encode(data).decode()


# -- age ----------------------------------------------------------------------------------------------


def age(plain: bytes, recipients: list[bytes], rand: Stream, *, before: bytes = b"", chunk: int = 65536) -> bytes:
    """An age file for raw X25519 public keys; *before* is put ahead of the first stanza."""
    file_key = rand(16)
    header = b"age-encryption.org/v1\n" + before
    for public in recipients:
        ephemeral = X25519PrivateKey.from_private_bytes(rand(32))
        share = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
        wrap = reader.hkdf(shared, share + public, b"age-encryption.org/v1/X25519")
        body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
        header += f"-> X25519 {b64(share).rstrip('=')}\n{b64(body).rstrip('=')}\n".encode()
    mac = hmac.digest(reader.hkdf(file_key, b"", b"header"), header + b"---", "sha256")
    nonce = rand(16)
    stream = ChaCha20Poly1305(reader.hkdf(file_key, nonce, b"payload"))
    parts = [plain[i : i + chunk] for i in range(0, len(plain), chunk)] or [b""]
    sealed = [stream.encrypt(n.to_bytes(11) + bytes([n == len(parts) - 1]), p, None) for n, p in enumerate(parts)]
    return header + f"--- {b64(mac).rstrip('=')}\n".encode() + nonce + b"".join(sealed)


def public_of(root: bytes, cls: str = CLASS, generation: int = 1, vault: str = VAULT) -> bytes:
    """The raw X25519 public key of a class."""
    return reader.scalar(root, vault, cls, generation).public_key().public_bytes_raw()


# -- revisions ----------------------------------------------------------------------------------------


def table(**changes: object) -> dict[str, object]:
    """The keys of an ordinary revision; None takes one away."""
    base = {
        "vault": VAULT,
        "entry": "0123456789abcdef",
        "parents": [],
        "class": CLASS,
        "device": DEVICE["A"],
        "seq": 1767225600000000,
        "created": "2026-01-01T00:00:00.000000Z",
        "updated": "2026-01-01T00:00:00.000001Z",
    }
    return {k: v for k, v in (base | {"class": CLASS} | changes).items() if v is not None}


def signed_part(keys: dict[str, object], body: str | bytes) -> bytes:
    """Front matter and body."""
    lines = "".join(f"{k}: {json.dumps(v, ensure_ascii=False)}\n" for k, v in keys.items())
    lines = "".join(f"\\u{ord(c):04x}" if c in "\u2028\u2029\ufeff\u0085" else c for c in lines)
    return f"---\n{lines}---\n".encode() + (body.encode() if isinstance(body, str) else body) + b"\n"


def with_signature(signed: bytes, *, key: str = "A", named: str = "A", prefix: bytes = b"memory/v1/rev\0") -> bytes:
    """*signed* and its signature line."""
    signature = b64(KEYS[key].sign(prefix + signed))
    return signed + f"<!-- memory-sig v1 {DEVICE[named]} {signature} -->\n".encode()


def padded(payload: bytes) -> bytes:
    """*payload* filled as it must be."""
    return payload.ljust(reader.padded_size(len(payload)), b" ")


def revisions() -> list[dict[str, object]]:
    """Sealed revisions, good and bad."""
    cases: list[dict[str, object]] = []
    rand = Stream("revisions")
    ours = [public_of(ROOTS[2], generation=2)]

    def file(name: str, expect: str, data: bytes, *, called: str | None = None, **more: object) -> None:
        cases.append(
            {"name": name, "expect": expect, "called": called or reader.name_of(data), "file": b64(data), **more}
        )

    def plain(name: str, expect: str, text: bytes, **more: object) -> None:
        file(name, expect, age(text, ours, rand), **more)

    def good(name: str, body: str = "The safe is behind the blue door.", **changes: object) -> None:
        keys = table(**changes)
        plain(name, "ok", padded(with_signature(signed_part(keys, body))), keys=keys, body=body)

    def bad_front(name: str, front: bytes, expect: str = "envelope", body: bytes = b"text") -> None:
        plain(name, expect, padded(with_signature(b"---\n" + front + b"---\n" + body + b"\n")))

    def changed(name: str, expect: str = "envelope", **changes: object) -> None:
        plain(name, expect, padded(with_signature(signed_part(table(**changes), "text"))))

    # Accepted.
    good("an ordinary revision")
    good("empty body", "")
    full = {
        "title": "Ωmega – 保険 🗝", "tags": ["work", "a tag", "日本"], "source": "shell", "source_id": "x/1", "context": "c",
        "confidence": 0.75, "reasoning": "r", "emotion": "neutral", "metadata": {"a": [1, 2.5, None, {"b": "c"}]},
        "trust": "low", "parents": ["a" * 32, "b234567" + "c" * 25],
    }  # fmt: skip
    good("every key", **full)
    good("confidence as a whole number", confidence=1)
    good("confidence of nothing", confidence=0)
    good("keys of a later version", future_key={"deep": [1]}, z9="x")
    good("128 keys", **{f"k{i}": i for i in range(120)})
    good("a key of 64 characters", **{"k" * 64: 1})
    good("tombstone: trash", "", deleted="trash", parents=["a" * 32])
    good("tombstone: moved", "", deleted="moved", parents=["a" * 32])
    good("separators and byte order mark in the title", title="a\u2028b\u2029c\ufeffd\u0085e")
    copy = with_signature(signed_part(table(), "x"))[-140:].decode()
    good("body with a signature-like line", f"before\n{copy.strip()}\nafter")
    good("body that ends with a signature-like line", f"before\n{copy.strip()}")
    good("body that ends with a signature-like line and spaces", f"before\n{copy.strip()}\n   ")
    good("body with NUL", "a\0b\0")
    good("body with CRLF and lone CR", "a\r\nb\rc\r\n")
    good("body with trailing spaces and newlines", "a  \n\n   \n\t\n  ")
    good("body of spaces", " " * 40)
    good("body of newlines", "\n" * 12)
    good("body that begins with a fence", "---\nkey: 1\n---\ntext\n---")
    good("body in NFD, right to left, with emoji", "e\u0301 é שלום \u202e 👩‍👩‍👧 𝒳 \ufeff \u2028 \x1b[31m")
    empty = len(with_signature(signed_part(table(), "")))
    for n in (1023, 1024, 1025, 1088, 1089, 2047, 2048, 2049, 4097, 65536, 65537):
        good(f"payload of {n} bytes", "é" + "x" * (n - empty - 2))
    old = padded(with_signature(signed_part(table(), "older")))
    file("sealed to generation 1", "ok", age(old, [public_of(ROOTS[1])], rand), keys=table(), body="older")
    grease = b"-> kitchen-grease a b\nc2FsdA\n-> empty-grease\n\n"
    file("with stanzas of unknown kinds", "ok", age(old, ours, rand, before=grease), keys=table(), body="older")
    twenty = b"".join(b"-> g%d\n\n" % i for i in range(19))
    file("with twenty stanzas", "ok", age(old, ours, rand, before=twenty), keys=table(), body="older")

    # name, bounds, foreign.
    sound = age(old, ours, rand)
    file("under another name", "name", sound, called="a" * 32)
    file("one bit flipped under its old name", "name", flip(sound, len(sound) - 1), called=reader.name_of(sound))
    file("cut short under its old name", "name", sound[:-1], called=reader.name_of(sound))
    file("21 stanzas", "bounds", age(old, ours, rand, before=twenty + b"-> g\n\n"))
    file("header of 2.5 KiB", "bounds", age(old, ours, rand, before=b"-> g " + b"a" * 2300 + b"\n\n"))
    file("a header that never ends", "bounds", b"age-encryption.org/v1\n" + b"-> a\n\n" * 400)
    file("another class's", "foreign", age(old, [public_of(ROOTS[2], "general", 2)], rand))
    file("another vault's", "foreign", age(old, [public_of(ROOTS[2], CLASS, 2, OTHER_VAULT)], rand))
    file("a later generation's", "foreign", age(old, [public_of(ROOTS[3], CLASS, 3)], rand))
    file("nobody's", "foreign", age(old, [public_of(NOBODY)], rand))
    file("no age file", "foreign", b"just text, and long enough to be something else\n" * 20)
    file("an empty file", "foreign", b"")
    file("age version 2", "foreign", sound.replace(b"/v1\n", b"/v2\n", 1))
    file("payload bit flipped, renamed", "foreign", flip(sound, len(sound) - 300))
    file("header MAC flipped, renamed", "foreign", flip(sound, sound.find(b"\n--- ") + 8))
    file("tag cut short, renamed", "foreign", sound[:-1])
    file("payload cut off, renamed", "foreign", sound[: sound.find(b"\n--- ") + 60])
    long = padded(with_signature(signed_part(table(), "y" * 66000)))
    whole = age(long, ours, rand)
    cut = whole.find(b"\n--- ") + 5 + 43 + 1 + 16 + 65536 + 16
    file("cut at a chunk's end, renamed", "foreign", whole[:cut])
    file("bytes after the last chunk, renamed", "foreign", sound + b"x")

    # envelope.
    keys = signed_part(table(), "")[4:].partition(b"---\n")[0]
    bad_front("a key twice", keys + b"seq: 2\n")
    bad_front("129 keys", keys + b"".join(b"k%d: 1\n" % i for i in range(121)))
    bad_front("a key in capitals", keys + b'Title: "x"\n')
    bad_front("a key of 65 characters", keys + b"k" * 65 + b": 1\n")
    bad_front("a key that begins with a digit", keys + b"9k: 1\n")
    bad_front("no space after the colon", keys + b'title:"x"\n')
    bad_front("YAML, not JSON", keys + b"title: it is YAML\n")
    bad_front("NaN", keys + b"confidence: NaN\n")
    bad_front("half a JSON value", keys + b'metadata: {"a": [1\n')
    bad_front("an empty line", keys + b"\n")
    bad_front("front matter that is not UTF-8", keys + b'title: "\xff"\n')
    bad_front("body that is not UTF-8", keys, body=b"\xff\xfe")
    plain("front matter that never ends", "envelope", padded(with_signature(b"---\n" + keys + b"text\n")))
    for key in reader.REQUIRED:
        changed(f"without {key}", **{key: None})
    changed("entry id with letters that Crockford leaves out", entry="il0123456789abcd")
    changed("entry id too short", entry="0123456789abcde")
    changed("seq as text", seq="1")
    changed("seq as a fraction", seq=1.5)
    changed("seq as a truth value", seq=True)
    changed("seq below zero", seq=-1)
    changed("seq of more than 63 bits", seq=2**63)
    good("the largest seq", seq=2**63 - 1)
    bad_front("a lone surrogate in a text", keys + b'title: "\\ud800"\n')
    bad_front("a lone surrogate deep in the metadata", keys + b'metadata: {"a": [{"b": "\\udfff"}]}\n')
    bad_front("a number beyond all bounds", keys + b"confidence: 1e999\n")
    changed("parents that are no names", parents=["../../etc/passwd"])
    changed("parents as text", parents="a" * 32)
    changed("tags as text", tags="work")
    changed("tags with a number", tags=[1])
    changed("metadata as a list", metadata=[1])
    changed("confidence as a truth value", confidence=True)
    changed("confidence above one", confidence=1.5)
    changed("title as a number", title=1)
    changed("an unknown tombstone", deleted="gone")
    changed("created with a space for the T", created="2026-01-01 00:00:00.000000Z")
    changed("created without a zone", created="2026-01-01T00:00:00.000000")
    changed("updated in another zone", updated="2026-01-01T00:00:00.00+00:00")
    changed("updated in a month that is not", updated="2026-13-01T00:00:00.000000Z")

    # padding.
    payload = with_signature(signed_part(table(), "text"))
    larger = with_signature(signed_part(table(), "z" * 900))
    plain("a space too many", "padding", padded(payload) + b" ")
    plain("a space too few", "padding", padded(payload)[:-1])
    plain("no padding", "padding", payload)
    plain("a whole step too many", "padding", padded(larger) + b" " * 64)
    plain("padded with NUL", "padding", payload.ljust(1024, b"\0"))
    plain("padded with tabs", "padding", payload.ljust(1024, b"\t"))
    plain("something hidden in the padding", "padding", payload.ljust(1000, b" ") + b"x".ljust(24, b" "))

    # vault, class, unsigned, device, pending, signature.
    changed("made for another vault", "vault", vault=OTHER_VAULT)
    changed("moved from another class", "class", **{"class": "general"})
    naked = signed_part(table(), "text")
    plain("no signature line", "unsigned", naked.ljust(1024, b" "))
    plain("plain text sealed to the recipient", "unsigned", b"hello from anyone\n")
    plain("nothing sealed to the recipient", "unsigned", b"")
    plain("a note with front matter of its own", "unsigned", b"---\ntitle: hello\n---\ntext\n")
    plain("an envelope that is broken and unsigned", "unsigned", signed_part(table(seq="1"), "text").ljust(1024))
    plain("text after the signature line", "unsigned", padded(payload + b"more\n"))
    plain("a signature line one character short", "unsigned", padded(payload[:-7] + payload[-6:]))
    plain("two devices named", "device", padded(with_signature(naked, named="C")))
    unknown = signed_part(table(device=DEVICE["B"]), "text")
    plain("by a device not enrolled", "pending", padded(with_signature(unknown, key="B", named="B")))
    plain("signed by another device's key", "signature", padded(with_signature(naked, key="B")))
    plain("body changed after signing", "signature", padded(payload.replace(b"\ntext\n", b"\nTEXT\n")))
    plain("key changed after signing", "signature", padded(payload.replace(b"seq: 1767", b"seq: 1768")))
    plain("signed without the context", "signature", padded(with_signature(naked, prefix=b"")))
    plain("signed as a purge list", "signature", padded(with_signature(naked, prefix=b"memory/v1/purged\0")))
    at = payload.rfind(b"== -->") - 1
    twin = bytes([_noncanonical(payload[at])])
    plain("signature in a second base64 spelling", "signature", padded(payload[:at] + twin + payload[at + 1 :]))
    return cases


def _noncanonical(character: int) -> int:
    """The base64 character that decodes to the same bits before ``==``."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return letters[letters.index(character) ^ 1]


def flip(data: bytes, at: int) -> bytes:
    """*data* with one bit changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


# -- keyslots and sections ----------------------------------------------------------------------------

PASSPHRASE = ("passphrase", "correct hörse".encode())
RECOVERY = ("recovery", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
KEYFILE = ("keyfile", fixed(48))
WITH_KEYFILE = ("passphrase+keyfile", PASSPHRASE[1], KEYFILE[1])
WITH_DEVICE = ("passphrase+device", PASSPHRASE[1], fixed(32))
WITH_FIDO2 = ("passphrase+fido2", PASSPHRASE[1], fixed(32))
IDENTITY = ("recipient", fixed(32))
SECRETS = (PASSPHRASE, RECOVERY, KEYFILE, IDENTITY, WITH_KEYFILE, WITH_DEVICE, WITH_FIDO2)
Presented = tuple[str, bytes] | tuple[str, bytes, bytes]
"""Kind and bytes (for ``recipient`` the scalar of the identity), and the second secret of a pair."""


def shown(secret: Presented) -> list[str]:
    """A secret as the vectors hold it."""
    return [secret[0], *(part.hex() for part in secret[1:])]


def public_of_scalar(scalar: bytes) -> bytes:
    """The raw X25519 public key of an identity."""
    return X25519PrivateKey.from_private_bytes(scalar).public_key().public_bytes_raw()


def own_fields(rand: Stream, secret: Presented) -> tuple[dict[str, object], bytes]:
    """The fields that only this kind of slot has, and the share in its age file."""
    if secret[0] == "recipient":
        share, public = rand(32), public_of_scalar(secret[1])
        return {"recipient": reader.bech32("age", public), "sealed": age(share, [public], rand).hex()}, share
    fields: dict[str, object] = {}
    if secret[0] == "passphrase+device":
        fields["device"] = DEVICE["A"]
    if secret[0] == "passphrase+fido2":
        fields["fido2"] = {"credential": rand(64).hex(), "salt": rand(32).hex(), "uv": True}
    return fields, b""


def slot(
    rand: Stream, secret: Presented, root: bytes, generation: int = 1, group: str = "secret", **kdf: int
) -> dict[str, object]:
    """A keyslot."""
    row: dict[str, object] = {
        "id": base64.b32encode(rand(5)).decode().lower(), "kind": secret[0], "group": group, "salt": rand(32).hex(),
    }  # fmt: skip
    fields, share = own_fields(rand, secret)
    row |= fields
    material = share or secret[1]
    if secret[0].startswith("passphrase"):
        row["kdf"] = {"salt": rand(16).hex(), **(CHEAP | kdf)}
        cost = row["kdf"]
        material = Argon2id(
            salt=bytes.fromhex(cost["salt"]), length=32, iterations=cost["iterations"], lanes=cost["lanes"],
            memory_cost=cost["memory_kib"],
        ).derive(material)  # fmt: skip
    if len(secret) > 2:
        pair = b"".join(len(part).to_bytes(4) + part for part in (material, secret[2]))
        material = reader.hkdf(pair, b"", f"memory/v1/factors/{secret[0]}".encode())
    out = reader.hkdf(material, bytes.fromhex(row["salt"]), b"memory/v1/keyslot", 64)
    bound = row | {"vault": VAULT, "class": CLASS, "generation": generation}
    aad = json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()
    wrapped = ChaCha20Poly1305(out[:32]).encrypt(bytes(12), root, aad)
    return row | {"commitment": out[32:].hex(), "wrapped": wrapped.hex()}


def keyslots() -> list[dict[str, object]]:
    """Single keyslots against a secret."""
    cases: list[dict[str, object]] = []
    rand = Stream("keyslots")
    made = {s[0]: slot(rand, s, ROOTS[1]) for s in SECRETS}
    secrets = {s[0]: s for s in SECRETS}

    def case(name: str, expect: str, row: dict[str, object], secret: Presented, **frame: object) -> None:
        context = {"vault": VAULT, "class": CLASS, "generation": 1, "limits": "cheap"} | frame
        cases.append(
            {"name": name, "expect": expect, "slot": row, "secret": shown(secret), **context}
            | ({"root": ROOTS[1].hex()} if expect == "ok" else {})
        )

    for kind, row in made.items():
        secret = secrets[kind]
        case(f"{kind} opens", "ok", row, secret)
        other = b"Z" * (32 if kind in {"recovery", "recipient"} else 40)
        case(f"{kind}: another secret", "wrong-secret", row, (kind, other, *secret[2:]))
        case(f"{kind}: commitment altered", "wrong-secret", row | {"commitment": "00" * 32}, secret)
        case(f"{kind}: wrapped root altered", "damaged", row | {"wrapped": "00" + str(row["wrapped"])[2:]}, secret)
        case(f"{kind}: salt altered", "wrong-secret", row | {"salt": "00" * 32}, secret)
        case(f"{kind}: id altered", "damaged", row | {"id": "aaaaaaaa"}, secret)
        case(f"{kind}: group altered", "damaged", row | {"group": "vault"}, secret)
        case(f"{kind}: from another vault", "damaged", row, secret, vault=OTHER_VAULT)
        case(f"{kind}: from another class", "damaged", row, secret, **{"class": "general"})
        case(f"{kind}: from another generation", "damaged", row, secret, generation=2)
    second_factors(made, case)
    recipients(made["recipient"], case)
    case("another kind's slot is not tried", "wrong-secret", made["recovery"], KEYFILE)
    as_keyfile = made["recovery"] | {"kind": "keyfile"}
    case("kind altered", "damaged", as_keyfile, ("keyfile", RECOVERY[1]))
    case(
        "Argon2 parameters added to a keyfile slot",
        "damaged",
        made["keyfile"] | {"kdf": made["passphrase"]["kdf"]},
        KEYFILE,
    )
    row = made["passphrase"]
    case("passphrase in NFD", "ok", row, ("passphrase", "correct ho\u0308rse".encode()))
    case(
        "passphrase that is not UTF-8",
        "ok",
        slot(rand, ("passphrase", b"\xff\xfepw"), ROOTS[1]),
        ("passphrase", b"\xff\xfepw"),
    )
    for field, value in (("salt", "00" * 16), ("memory_kib", 72), ("iterations", 2), ("lanes", 2)):
        altered = row | {"kdf": row["kdf"] | {field: value}}
        case(f"Argon2 {field} altered", "wrong-secret", altered, PASSPHRASE)
    strong = {"salt": "00" * 16, "memory_kib": 64 * 1024, "iterations": 3, "lanes": 1}
    for name, change in (
        ("memory below the limit", {"memory_kib": 64 * 1024 - 1}),
        ("memory above the limit", {"memory_kib": 4 * 1024 * 1024 + 1}),
        ("4 TiB of memory", {"memory_kib": 2**32}),
        ("2 iterations", {"iterations": 2}),
        ("17 iterations", {"iterations": 17}),
        ("no lanes", {"lanes": 0}),
        ("17 lanes", {"lanes": 17}),
    ):
        case(f"limits: {name}", "damaged", row | {"kdf": strong | change}, PASSPHRASE, limits="production")
    no_kdf = {k: v for k, v in row.items() if k != "kdf"}
    case("a passphrase slot without Argon2 parameters", "damaged", no_kdf, PASSPHRASE)
    case("Argon2 memory as text", "damaged", row | {"kdf": row["kdf"] | {"memory_kib": "64"}}, PASSPHRASE)
    case("salt too short", "damaged", made["keyfile"] | {"salt": "00" * 31}, KEYFILE)
    case("wrapped root too short", "damaged", made["keyfile"] | {"wrapped": "00" * 47}, KEYFILE)
    case("no commitment", "damaged", {k: v for k, v in made["keyfile"].items() if k != "commitment"}, KEYFILE)
    return cases


def second_factors(made: dict[str, dict[str, object]], case: Callable[..., None]) -> None:
    """Both secrets or nothing, and nothing can be taken from what a slot declares."""
    for secret in (WITH_KEYFILE, WITH_DEVICE, WITH_FIDO2):
        kind, words, second = secret
        row = made[kind]
        own = {k: v for k, v in row.items() if k not in {"device", "fido2"}}
        case(f"{kind}: another second secret", "wrong-secret", row, (kind, words, bytes(32)))
        case(f"{kind}: the second secret cut", "wrong-secret", row, (kind, words, second[:-1]))
        case(f"{kind}: no second secret", "wrong-secret", row, (kind, words, b""))
        case(f"{kind}: the passphrase alone is not tried", "wrong-secret", row, PASSPHRASE)
        case(f"{kind}: declared as a passphrase slot", "wrong-secret", row | {"kind": "passphrase"}, PASSPHRASE)
        case(f"{kind}: stripped to a passphrase slot", "wrong-secret", own | {"kind": "passphrase"}, PASSPHRASE)
        case(f"{kind}: declared as a keyfile slot", "wrong-secret", row | {"kind": "keyfile"}, ("keyfile", second))
        for other in (WITH_KEYFILE[0], WITH_DEVICE[0], WITH_FIDO2[0]):
            if other != kind:
                needed = {k: made[other][k] for k in ("device", "fido2") if k in made[other]}
                case(f"{kind}: declared as {other}", "wrong-secret", row | needed | {"kind": other}, (other, words, second))
        for field, value in (("salt", "00" * 16), ("memory_kib", 72), ("iterations", 2), ("lanes", 2)):
            case(f"{kind}: Argon2 {field} altered", "wrong-secret", row | {"kdf": row["kdf"] | {field: value}}, secret)
        strong = row["kdf"] | {"memory_kib": 2**32, "iterations": 3}
        case(f"{kind}: 4 TiB of memory", "damaged", row | {"kdf": strong}, secret, limits="production")
    plain = made["passphrase"]
    claimed = {"kind": "passphrase+keyfile"}
    case("a passphrase slot declared as one with a keyfile", "wrong-secret", plain | claimed, WITH_KEYFILE)
    moved = WITH_KEYFILE[1] + WITH_KEYFILE[2][:1], WITH_KEYFILE[2][1:]
    case("a byte moved between the two secrets", "wrong-secret", made["passphrase+keyfile"], (WITH_KEYFILE[0], *moved))
    two = made["passphrase+device"]
    case("the device's id altered", "damaged", two | {"device": DEVICE["B"]}, WITH_DEVICE)
    case("no device's id", "damaged", {k: v for k, v in two.items() if k != "device"}, WITH_DEVICE)
    case("a device's id too long", "damaged", two | {"device": "a" * 17}, WITH_DEVICE)
    case("a device's id added to a passphrase slot", "damaged", plain | {"device": DEVICE["A"]}, PASSPHRASE)
    key = made["passphrase+fido2"]
    for name, change in (
        ("credential altered", {"credential": "00" * 64}),
        ("salt altered", {"salt": "00" * 32}),
        ("verification stripped", {"uv": False}),
        ("verification as a number", {"uv": 1}),
        ("credential of 15 bytes", {"credential": "00" * 15}),
        ("credential of 1,024 bytes", {"credential": "00" * 1024}),
        ("salt too short", {"salt": "00" * 31}),
    ):
        case(f"fido2: {name}", "damaged", key | {"fido2": key["fido2"] | change}, WITH_FIDO2)
    case("fido2: no question", "damaged", {k: v for k, v in key.items() if k != "fido2"}, WITH_FIDO2)
    case("fido2: a question added to a passphrase slot", "damaged", plain | {"fido2": key["fido2"]}, PASSPHRASE)


def recipients(row: dict[str, object], case: Callable[..., None]) -> None:
    """A slot for an age identity: what is in the age file is bound, and bounded."""
    rand = Stream("recipients")
    other = slot(rand, IDENTITY, ROOTS[1])
    public, stranger = public_of_scalar(IDENTITY[1]), public_of_scalar(bytes(range(32)))
    sealed = bytes.fromhex(str(row["sealed"]))
    named = {"recipient": reader.bech32("age", stranger)}

    def holding(share: bytes, to: bytes = public, **kw: bytes) -> dict[str, object]:
        return row | {"sealed": age(share, [to], rand, **kw).hex()}

    case("recipient: another name for it", "damaged", row | named, IDENTITY)
    case("recipient: another slot's age file", "wrong-secret", row | {"sealed": other["sealed"]}, IDENTITY)
    case("recipient: an age file for somebody else", "wrong-secret", holding(bytes(32), stranger), IDENTITY)
    case("recipient: an age file with another share", "wrong-secret", holding(bytes(32)), IDENTITY)
    case("recipient: a share of 31 bytes", "wrong-secret", holding(bytes(31)), IDENTITY)
    case("recipient: nothing in the age file", "wrong-secret", holding(b""), IDENTITY)
    case("recipient: the age file altered", "wrong-secret", row | {"sealed": flip(sealed, len(sealed) - 1).hex()}, IDENTITY)
    case("recipient: the age file cut", "wrong-secret", row | {"sealed": sealed[:-1].hex()}, IDENTITY)
    case("recipient: no age file", "wrong-secret", row | {"sealed": "00" * 200}, IDENTITY)
    grease = b"-> grease " + b"a" * 900 + b"\n\n"
    case("recipient: an age file over 1 KiB", "damaged", holding(bytes(32), before=grease), IDENTITY)
    case("recipient: an age file of 99 bytes", "damaged", row | {"sealed": "00" * 99}, IDENTITY)
    case("recipient: without its age file", "damaged", {k: v for k, v in row.items() if k != "sealed"}, IDENTITY)
    case("recipient: without its name", "damaged", {k: v for k, v in row.items() if k != "recipient"}, IDENTITY)
    case("recipient: a name that is none", "damaged", row | {"recipient": "age1" + "b" * 58}, IDENTITY)
    as_keyfile = {k: v for k, v in row.items() if k not in {"recipient", "sealed"}} | {"kind": "keyfile"}
    case("recipient: declared as a keyfile slot", "wrong-secret", as_keyfile, ("keyfile", IDENTITY[1]))


def inline(value: object) -> str:
    """A TOML value on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {inline(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def section(root: bytes = ROOTS[1], generation: int = 1, *, mac_root: bytes | None = None, **changes: object) -> bytes:
    """A section file; None takes a field away."""
    fields = {
        "format": 1, "vault": VAULT, "class": CLASS, "generation": generation, "parents": [],
        "recipient": reader.recipient(root, VAULT, CLASS, generation), "removed_slots": [], "removed_devices": [],
        "devices": [device("A")], "slots": [],
    }  # fmt: skip
    fields = {k: v for k, v in (fields | changes).items() if v is not None}
    return maced("".join(f"{k} = {inline(v)}\n" for k, v in fields.items()).encode(), mac_root or root, generation)


def maced(signed: bytes, root: bytes = ROOTS[1], generation: int = 1) -> bytes:
    """*signed* and its MAC line."""
    key = reader.subkey(root, VAULT, CLASS, generation, "header-mac")
    mac = hmac.new(key, b"memory/v1/header\0" + signed, hashlib.sha256).hexdigest()
    return signed + f'mac = "{mac}"\n'.encode()


def device(name: str) -> dict[str, str]:
    """An enrolled device's row."""
    return {"id": DEVICE[name], "public": PUBLIC[name].hex()}


def old_roots(rand: Stream, newest: int, count: int | None = None, label: int | None = None) -> str:
    """Roots 1 … newest − 1 under the newest, in hex."""
    key = ChaCha20Poly1305(reader.subkey(ROOTS[newest], VAULT, CLASS, newest, "old-roots"))
    nonce = rand(12)
    plain = b"".join(ROOTS[g] for g in range(1, (count or newest - 1) + 1))
    aad = f"memory/v1/old-roots/{CLASS}/{label or newest}".encode()
    return (nonce + key.encrypt(nonce, plain, aad)).hex()


def sections() -> list[dict[str, object]]:
    """The section files of a class against a secret."""
    cases: list[dict[str, object]] = []
    rand = Stream("sections")
    key, code, words = (slot(rand, s, ROOTS[1]) for s in (KEYFILE, RECOVERY, PASSPHRASE))

    def case(
        name: str, expect: str, *files: bytes, secret: Presented = KEYFILE, names: list[str] | None = None,
        roots: int = 1, devices: str = "A", slots: list[dict[str, object]] | None = None,
    ) -> None:  # fmt: skip
        found = dict(zip(names or map(reader.name_of, files), map(b64, files), strict=True))
        row: dict[str, object] = {
            "name": name, "expect": expect, "vault": VAULT, "class": CLASS, "files": found,
            "secret": shown(secret),
        }  # fmt: skip
        if expect == "ok":
            row |= {
                "roots": [ROOTS[g].hex() for g in range(roots, 0, -1)],
                "recipient": reader.recipient(ROOTS[roots], VAULT, CLASS, roots),
                "devices": sorted(DEVICE[d] for d in devices),
                "slots": sorted(s["id"] for s in slots or [key]),
            }
        cases.append(row)

    base = section(slots=[key])
    name = reader.name_of(base)
    case("keyfile", "ok", base)
    case("recovery code", "ok", section(slots=[key, code]), secret=RECOVERY, slots=[key, code])
    case("passphrase", "ok", section(slots=[words]), secret=PASSPHRASE, slots=[words])
    case("three kinds of slots", "ok", section(slots=[words, code, key]), slots=[words, code, key])
    case("another keyfile", "wrong-secret", base, secret=("keyfile", b"K" * 32))
    case("a passphrase where there is only a keyfile slot", "wrong-secret", base, secret=PASSPHRASE)
    case("no slots at all", "wrong-secret", section())
    loose = b"# a comment\n" + base.rpartition(b"mac = ")[0].replace(b" = ", b"   =  ") + b"\n\n"
    case("other spacing under a right MAC", "ok", maced(loose))

    # Generations.
    key2, code2 = slot(rand, KEYFILE, ROOTS[2], 2), slot(rand, RECOVERY, ROOTS[2], 2)
    key3 = slot(rand, KEYFILE, ROOTS[3], 3)
    second = section(ROOTS[2], 2, parents=[name], old_roots=old_roots(rand, 2), slots=[key2])
    third = section(ROOTS[3], 3, parents=[], old_roots=old_roots(rand, 3), slots=[key3])
    case("generation 2 with its old root", "ok", second, roots=2, slots=[key2])
    case("generation 3 with two old roots", "ok", third, roots=3, slots=[key3])
    case("generation 2 beside the section it replaces", "ok", second, base, roots=2, slots=[key2])
    case(
        "generation 2 beside another head of generation 1",
        "ok",
        second,
        section(slots=[key, code]),
        roots=2,
        slots=[key2],
    )
    removing = section(removed_slots=[code2["id"]], slots=[key])
    both = section(ROOTS[2], 2, old_roots=old_roots(rand, 2), slots=[key2, code2])
    case("a slot removed in generation 1 is not removed in 2", "ok", both, removing, roots=2, slots=[key2, code2])
    device_gone = section(removed_devices=[DEVICE["C"]], slots=[key])
    with_two = {"devices": [device("A"), device("C")], "old_roots": old_roots(rand, 2), "slots": [key2]}
    case("a device removed in generation 1 is gone in 2", "ok", section(ROOTS[2], 2, **with_two), device_gone, roots=2, slots=[key2])
    backwards = section(parents=[reader.name_of(second)], slots=[key])
    case("a section of generation 1 replaces none of 2", "ok", second, backwards, roots=2, slots=[key2])
    for label, sealed in (
        ("altered", flip(bytes.fromhex(old_roots(rand, 2)), 20).hex()),
        ("of another generation", old_roots(rand, 2, label=3)),
        ("too many", old_roots(rand, 2, count=2)),
        ("cut to nothing", "00" * 5),
        ("missing", None),
    ):
        case(f"old roots {label}", "damaged", section(ROOTS[2], 2, old_roots=sealed, slots=[key2]))

    case("generation 2, and the old one's secret with its old section", "ok", second, base, roots=2, slots=[key2])
    old_only = section(slots=[key, code])
    case("what only the old generation has a slot for", "ok", second, old_only, secret=RECOVERY, slots=[key, code])
    dropping = section(ROOTS[2], 2, old_roots=old_roots(rand, 2), removed_slots=[code["id"]], slots=[key2])
    case("a slot dropped by a rotation, alone", "wrong-secret", dropping, secret=RECOVERY)

    # More kinds of slots.
    for each in (WITH_KEYFILE, WITH_DEVICE, WITH_FIDO2, IDENTITY):
        row = slot(rand, each, ROOTS[1])
        case(f"{each[0]} in a section", "ok", section(slots=[row, key]), secret=each, slots=[row, key])
        later = slot(rand, each, ROOTS[2], 2)
        turned = section(ROOTS[2], 2, old_roots=old_roots(rand, 2), removed_slots=[row["id"]], slots=[later])
        case(f"{each[0]} in generation 2", "ok", turned, secret=each, roots=2, slots=[later])
        case(f"{each[0]} beside the section it replaces", "ok", turned, section(slots=[row]), secret=each, roots=2, slots=[later])
        moved = section(slots=[{**row, "group": "vault"}, key])
        case(f"{each[0]} moved to another group", "damaged", moved, secret=each)
    pair = slot(rand, WITH_KEYFILE, ROOTS[1])
    case("passphrase where both are wanted", "wrong-secret", section(slots=[pair]), secret=PASSPHRASE)
    case("keyfile where both are wanted", "wrong-secret", section(slots=[pair]), secret=KEYFILE)
    stripped = {**pair, "kind": "passphrase"}
    case("second factor stripped under a right MAC", "wrong-secret", section(slots=[stripped]), secret=PASSPHRASE)
    swapped = [{**pair, "kind": words["kind"]}, {**words, "kind": pair["kind"]}]
    case("kinds swapped between two slots, passphrase", "wrong-secret", section(slots=swapped), secret=PASSPHRASE)
    case("kinds swapped between two slots, both", "wrong-secret", section(slots=swapped), secret=WITH_KEYFILE)

    # Heads and removal.
    with_c = section(slots=[key], devices=[device("A"), device("C")])
    with_b = section(slots=[key, code], devices=[device("A"), device("B")])
    case("two heads are united", "ok", with_c, with_b, devices="ABC", slots=[key, code])
    case("a replaced section counts no more", "ok", with_c, section(parents=[reader.name_of(with_c)], slots=[key]))
    case(
        "a slot removed in the other head", "ok", section(removed_slots=[code["id"]], slots=[key]), with_b, devices="AB"
    )
    case("a device removed in the other head", "ok", section(removed_devices=[DEVICE["C"]], slots=[key]), with_c)
    without_code = section(parents=[reader.name_of(with_b)], removed_slots=[code["id"]], slots=[key])
    case("a removed slot, replayed with its old section", "wrong-secret", without_code, with_b, secret=RECOVERY)
    case("listed and removed at once", "wrong-secret", section(removed_slots=[key["id"]], slots=[key]))
    case("a forged section beside a true one", "ok", base, section(slots=[], mac_root=NOBODY, devices=[device("B")]))
    case("a broken file beside a true one", "ok", base, b"\xff not toml")
    case("another vault's section beside a true one", "ok", base, section(vault=OTHER_VAULT, slots=[key, code]))
    future = {"id": "zzzzzzzz", "kind": "fido2", "group": "secret", "credential": "AAAA", "counter": 7}
    case("a slot of an unknown kind is skipped", "ok", section(slots=[future, key]), slots=[future, key])
    labelled = future | {"label": "clé 🔑", "uv": True, "kdf": {"n": 1}}
    case(
        "a slot of an unknown kind with all sorts of fields",
        "ok",
        section(slots=[key, labelled]),
        slots=[key, labelled],
    )
    old_shape = {**key, "id": "yyyyyyyy", "kind": "two-secret"}
    case("an unknown kind that looks like ours", "ok", section(slots=[old_shape, key]), slots=[old_shape, key])

    # Tampering by one who can write the tree.
    case("MAC altered", "damaged", base[:-4] + bytes([base[-4] ^ 1 if base[-4] != ord("a") else ord("b")]) + base[-3:])
    case(
        "MAC in capitals",
        "damaged",
        base.rpartition(b'"')[0].rpartition(b'"')[0] + b'"' + base[-67:-3].upper() + b'x"\n',
    )
    case(
        "recipient swapped",
        "damaged",
        base.replace(*(reader.recipient(r, VAULT, CLASS, 1).encode() for r in (ROOTS[1], NOBODY))),
    )
    case("device added", "damaged", base.replace(b"devices = [", b"devices = [" + inline(device("B")).encode() + b", "))
    case("MAC by another root", "damaged", section(slots=[key], mac_root=NOBODY))
    case(
        "recipient of another root under a right MAC",
        "damaged",
        section(slots=[key], recipient=reader.recipient(NOBODY, VAULT, CLASS, 1)),
    )
    slot_of_other_id = section(slots=[{**key, "id": "aaaaaaaa"}])
    case("slot id altered under a right MAC", "damaged", slot_of_other_id)
    case("slot moved to another generation", "damaged", section(ROOTS[1], 2, old_roots=old_roots(rand, 2), slots=[key]))
    case("under another name", "damaged", base, names=["a" * 32])
    case("a byte after the MAC line", "damaged", base + b"\n")
    case("a key after the MAC line", "damaged", base + b"x = 1\n")
    case("no line feed at the end", "damaged", base[:-1])
    case("no MAC", "damaged", base.rpartition(b"mac = ")[0])
    case("MAC line first", "damaged", base[-72:] + base[:-72])

    # Ill-formed, under a right MAC.
    case("format 2", "newer", section(format=2, slots=[key]))
    case("format 0", "damaged", section(format=0, slots=[key]))
    case("format as text", "damaged", section(format="1", slots=[key]))
    case("format as a truth value", "damaged", section(format=True, slots=[key]))
    case("no format", "damaged", section(format=None, slots=[key]))
    case("another vault", "damaged", section(vault=OTHER_VAULT, slots=[key]))
    case("an unknown class", "damaged", section(**{"class": "topsecret"}, slots=[key]))
    case("generation 0", "damaged", section(generation=1, slots=[key]).replace(b"generation = 1", b"generation = 0"))
    case("generation 257", "damaged", section(generation=257, slots=[key]))
    case(
        "65 slots",
        "damaged",
        section(slots=[{**key, "id": f"aaaaaa{a}{b}"} for a in "abcdefghi" for b in "abcdefgh"][:65]),
    )
    case("257 devices", "damaged", section(slots=[key], devices=[device("A")] * 257))
    case("parents that are no names", "damaged", section(slots=[key], parents=["../x"]))
    case(
        "a device id that is not its key's",
        "damaged",
        section(slots=[key], devices=[device("A") | {"id": DEVICE["B"]}]),
    )
    case("a device without a key", "damaged", section(slots=[key], devices=[{"id": DEVICE["A"]}]))
    case("slots as text", "damaged", section(slots="none"))
    case("no recipient", "damaged", section(slots=[key], recipient=None))
    case("a slot with a short salt", "damaged", section(slots=[key | {"salt": "00"}]))
    case("not UTF-8", "damaged", maced(b"\xff\xfe\n"))
    case("not TOML", "damaged", maced(b"format = \n"))
    case("an empty file", "damaged", b"")
    return cases


# -- the rest -----------------------------------------------------------------------------------------


def preambles() -> list[dict[str, object]]:
    """Preambles."""
    sound = f'magic = "memory-vault"\nformat = 1\nid = "{VAULT}"\n'
    texts = {
        "an ordinary preamble": ("ok", sound),
        "other spacing": ("ok", "# hello\n" + sound.replace(" = ", "=")),
        "format 2": ("newer", sound.replace("format = 1", "format = 2")),
        "format 2 with fields to come": ("newer", sound.replace("format = 1", "format = 2\nx = 1")),
        "format 0": ("damaged", sound.replace("format = 1", "format = 0")),
        "format below zero": ("damaged", sound.replace("format = 1", "format = -1")),
        "format as text": ("damaged", sound.replace("format = 1", 'format = "1"')),
        "format as a fraction": ("damaged", sound.replace("format = 1", "format = 1.0")),
        "format as a truth value": ("damaged", sound.replace("format = 1", "format = true")),
        "no format": ("damaged", sound.replace("format = 1\n", "")),
        "no magic": ("damaged", sound.replace('magic = "memory-vault"\n', "")),
        "another magic": ("damaged", sound.replace("memory-vault", "Memory-Vault")),
        "no id": ("damaged", sound.partition("id =")[0]),
        "id too short": ("damaged", sound.replace(VAULT, VAULT[:-2])),
        "id too long": ("damaged", sound.replace(VAULT, VAULT + "00")),
        "id in capitals": ("damaged", sound.replace(VAULT, VAULT.upper())),
        "id that is not hex": ("damaged", sound.replace(VAULT, "g" * 32)),
        "id as a number": ("damaged", sound.replace(f'"{VAULT}"', "12")),
        "larger than 4 KiB": ("damaged", sound + "#" * 4096),
        "empty": ("damaged", ""),
        "cut": ("damaged", sound[:-3]),
        "not TOML": ("damaged", "memory-vault 1"),
    }
    return [
        {"name": n, "expect": e, "file": b64(t.encode()), "id": VAULT if e == "ok" else ""}
        for n, (e, t) in texts.items()
    ] + [{"name": "not UTF-8", "expect": "damaged", "file": b64(b"\xff" + sound.encode()), "id": ""}]


def purge_lists() -> list[dict[str, object]]:
    """Purge lists against the enrolled device A."""
    names = sorted(reader.name_of(bytes([i])) for i in range(3))

    def made(
        key: str = "A", prefix: str = "memory/v1/purged\0", sign: list[str] | None = None, **changes: object
    ) -> bytes:
        vault = str(changes.get("vault", VAULT))
        message = f"{prefix}{vault}\0".encode() + "\n".join(names if sign is None else sign).encode()
        fields = {
            "format": 1, "vault": vault, "device": DEVICE[key], "public": PUBLIC[key].hex(), "names": names,
            "signature": KEYS[key].sign(message).hex(),
        }  # fmt: skip
        return "".join(f"{k} = {inline(v)}\n" for k, v in (fields | changes).items()).encode()

    lists = {
        "an ordinary list": (names, made()),
        "one name": (names[:1], made(names=names[:1], sign=names[:1])),
        "no names": ([], made(names=[], sign=[])),
        "by a device not enrolled": ([], made("B")),
        "by B in the name of A": ([], made("B", device=DEVICE["A"])),
        "by B with A's public key": ([], made("B", device=DEVICE["A"], public=PUBLIC["A"].hex())),
        "for another vault": ([], made(vault=OTHER_VAULT)),
        "a name added": ([], made(names=[*names, "a" * 32])),
        "a name taken away": ([], made(names=names[1:])),
        "names in another order": ([], made(names=names[::-1])),
        "something that is no name": ([], made(names=["../x"], sign=["../x"])),
        "two names in one line": ([], made(names=["\n".join(names)])),
        "format 2": ([], made(format=2)),
        "signed without the context": ([], made(prefix="")),
        "signed as a revision": ([], made(prefix="memory/v1/rev\0")),
        "no signature": ([], made(signature="")),
        "not TOML": ([], b"names = ["),
        "not UTF-8": ([], b"\xff"),
    }
    return [{"name": n, "names": found, "file": b64(data)} for n, (found, data) in lists.items()]


def identity(root: bytes, cls: str, generation: int) -> str:
    """The age identity of a class."""
    return reader.bech32("age-secret-key-", reader.subkey(root, VAULT, cls, generation, "age-x25519")).upper()


def derived() -> dict[str, object]:
    """Subkeys, identities, padding and Bech32."""
    purposes = ("age-x25519", "sqlcipher", "header-mac", "old-roots")
    keys = [
        {
            "vault": VAULT, "class": cls, "generation": g, "root": ROOTS[g].hex(),
            "subkeys": {p: reader.subkey(ROOTS[g], VAULT, cls, g, p).hex() for p in purposes},
            "identity": identity(ROOTS[g], cls, g), "recipient": reader.recipient(ROOTS[g], VAULT, cls, g),
        }
        for cls in reader.CLASSES
        for g in ROOTS
    ]  # fmt: skip
    sizes = [
        *range(1020, 1160, 3),
        1024,
        1025,
        2047,
        2048,
        2049,
        65535,
        65536,
        65537,
        2**20,
        2**20 + 1,
        2**26 - 1,
        2**26,
    ]
    return {
        "keys": keys,
        "padding": [[n, reader.padded_size(n)] for n in (0, 1, *sizes)],
        # The valid strings of BIP-173 whose data is whole bytes: prefix, hex, string.
        "bech32": [
            ["a", "", "a12uel5l"],
            ["an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio", "",
             "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs"],
            ["abcdef", "00443214c74254b635cf84653a56d7c675be77df", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"],
            ["1", "00" * 51, "11" + "q" * 82 + "c8247j"],
            ["split", "c5f38b70305f519bf66d85fb6cf03058f3dde463ecd7918f2dc743918f2d",
             "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w"],
            ["?", "", "?1ezyfcl"],
        ],
    }  # fmt: skip


def files() -> dict[str, str]:
    """File name → text of every vector file."""
    context = {
        "vault": VAULT, "class": CLASS, "roots": {"1": ROOTS[1].hex(), "2": ROOTS[2].hex()},
        "devices": {DEVICE[d]: PUBLIC[d].hex() for d in "AC"},
    }  # fmt: skip
    content = {
        "preambles.json": preambles(),
        "keyslots.json": keyslots(),
        "sections.json": sections(),
        "revisions.json": context | {"cases": revisions()},
        "purge_lists.json": {"vault": VAULT, "devices": {DEVICE["A"]: PUBLIC["A"].hex()}, "cases": purge_lists()},
        "derived.json": derived(),
    }
    return {name: json.dumps(value, ensure_ascii=True, indent=1) + "\n" for name, value in content.items()}


if __name__ == "__main__":
    for file_name, text in files().items():
        (HERE / file_name).write_text(text)
