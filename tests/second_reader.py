"""A second reader of vaults, written from docs/format.md alone and sharing no code with the product.

It opens everything the format describes (preamble, sections, keyslots, sealed revisions, purge lists) and
names every failure. Even age is read here from its specification (c2sp.org/age), on the primitives of the
``cryptography`` package, so that an error shared with the product's libraries cannot hide.

    python tests/second_reader.py VAULT KEYFILE     prints every entry that the keyfile opens
"""

# One blank line between functions, so that the whole stays within 400 lines.
# fmt: off
import base64
import hashlib
import hmac
import json
import re
import sys
import tomllib
import unicodedata
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CLASSES = ("general", "chronological", "confidential", "secret", "ultrasecret")
NAME = re.compile(r"[a-z2-7]{32}")
PRODUCTION = (64 * 1024, 4 * 1024 * 1024, 3, 16, 16)  # Argon2: memory in KiB and iterations from, to; lanes

class Fault(Exception):
    """What is wrong, in one word of the format."""

    kind = property(lambda self: self.args[0])

def need(condition, kind="damaged"):
    """Fail with *kind* unless *condition* holds."""
    if not condition:
        raise Fault(kind)

def attempt(kind, action):
    """What *action* gives; *kind* names the failure if it cannot."""
    try:
        return action()
    except (ValueError, TypeError, RecursionError, InvalidTag, InvalidSignature) as error:
        raise Fault(kind) from error

def name_of(data):
    """160 bits of SHA-256 in base32."""
    return base64.b32encode(hashlib.sha256(data).digest()[:20]).decode().lower()

def hkdf(ikm, salt, info, length=32):
    """HKDF-SHA256."""
    return HKDF(SHA256(), length, salt, info).derive(ikm)

def toml(data, limit):
    """A bounded TOML file as a table."""
    need(len(data) <= limit)
    return attempt("damaged", lambda: tomllib.loads(data.decode()))

def of_hex(value, size, most=None):
    """*size* bytes (or up to *most*) from lower-case hex."""
    need(isinstance(value, str) and re.fullmatch(rf"([0-9a-f]{{2}}){{{size},{most or size}}}", value))
    return bytes.fromhex(value)

def read_preamble(data):
    """The vault id."""
    table = toml(data, 4096)
    need(table.get("magic") == "memory-vault")
    check_format(table.get("format"))
    return of_hex(table.get("id"), 16).hex()

def check_format(found):
    """Format 1 only; a higher number is newer."""
    need(type(found) is int and found >= 1)
    need(found == 1, "newer")

def subkey(root, vault_id, cls, generation, purpose):
    """A purpose's key from a root."""
    return hkdf(root, bytes.fromhex(vault_id), f"memory/v1/{purpose}/{cls}/{generation}".encode())

def bech32(prefix, data):
    """BIP-173."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    values, state = [int(bits[i : i + 5], 2) for i in range(0, len(bits), 5)], 1
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    for value in [*spread, *values, 0, 0, 0, 0, 0, 0]:
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= term * (top >> bit & 1)
    state ^= 1
    return prefix + "1" + "".join(alphabet[v] for v in [*values, *((state >> 5 * i) & 31 for i in range(5, -1, -1))])

def scalar(root, vault_id, cls, generation):
    """The X25519 secret of a class."""
    return X25519PrivateKey.from_private_bytes(subkey(root, vault_id, cls, generation, "age-x25519"))

def recipient(root, vault_id, cls, generation):
    """The public ``age1…`` of a class."""
    return bech32("age", scalar(root, vault_id, cls, generation).public_key().public_bytes_raw())

def old_roots(root, vault_id, cls, generation, sealed):
    """Roots 1 … generation − 1."""
    key, aad = subkey(root, vault_id, cls, generation, "old-roots"), f"memory/v1/old-roots/{cls}/{generation}".encode()
    plain = attempt("damaged", lambda: ChaCha20Poly1305(key).decrypt(sealed[:12], sealed[12:], aad))
    need(len(plain) == 32 * (generation - 1))
    return [plain[i : i + 32] for i in range(0, len(plain), 32)]

def material(slot, secret, limits):
    """What goes into HKDF for a presented secret: (kind, bytes), or (kind, passphrase, second secret)."""
    kind, value, *second = secret
    if kind == "recipient":  # here the X25519 scalar of the identity
        with suppress(Fault):
            share = age_decrypt(bytes.fromhex(slot["sealed"]), [X25519PrivateKey.from_private_bytes(value)])
            return share if len(share) == 32 else None
    need(kind != "keyfile" or 32 <= len(value) <= 64 * 1024, "wrong-secret")
    if not kind.startswith("passphrase"):
        return value if kind != "recipient" else None
    with suppress(UnicodeDecodeError):
        value = unicodedata.normalize("NFC", value.decode()).encode()
    kdf = slot["kdf"]
    memory, iterations, lanes = kdf["memory_kib"], kdf["iterations"], kdf["lanes"]
    need(limits[0] <= memory <= limits[1] and limits[2] <= iterations <= limits[3] and 1 <= lanes <= limits[4])
    argon2 = Argon2id(salt=bytes.fromhex(kdf["salt"]), length=32, iterations=iterations, lanes=lanes, memory_cost=memory)
    stretched = argon2.derive(value)
    parts = b"".join(len(part).to_bytes(4) + part for part in (stretched, *second))
    return hkdf(parts, b"", f"memory/v1/factors/{kind}".encode()) if second else stretched

FIELDS = {  # of some kinds; bound wherever they stand
    "kdf": lambda v: need(type(v) is dict and of_hex(v.get("salt"), 16)
                          and all(type(v.get(k)) is int for k in ("memory_kib", "iterations", "lanes"))),
    "device": lambda v: need(isinstance(v, str) and 0 < len(v) <= 16 and v.isascii()),
    "fido2": lambda v: need(type(v) is dict and of_hex(v.get("credential"), 16, 1023)
                            and of_hex(v.get("salt"), 32) and type(v.get("uv")) is bool),
    "recipient": lambda v: need(isinstance(v, str) and re.fullmatch("age1[02-9ac-hj-np-z]{58}", v)),
    "sealed": lambda v: of_hex(v, 100, 1024),
}
SLOTS = {"passphrase": ["kdf"], "recovery": [], "keyfile": [], "recipient": ["recipient", "sealed"],
         **{f"passphrase+{second}": ["kdf", second] for second in ("keyfile", "device", "fido2")}}

def check_slot(slot):
    """The fields of a slot of a known kind."""
    need(isinstance(slot, dict) and isinstance(slot.get("id"), str) and isinstance(slot.get("kind"), str))
    if slot["kind"] not in SLOTS:
        return
    need(re.fullmatch(r"[a-z2-7]{8}", slot["id"]) and isinstance(slot.get("group"), str))
    for field, size in (("salt", 32), ("commitment", 32), ("wrapped", 48)):
        of_hex(slot.get(field), size)
    need(all(field in slot for field in SLOTS[slot["kind"]] if field != "keyfile"))
    for field in FIELDS.keys() & slot.keys():
        FIELDS[field](slot[field])

def open_slot(slot, vault_id, cls, generation, secret, limits=PRODUCTION):
    """The root in a slot, or None where the secret does not fit; *secret* as in `material`."""
    found = material(slot, secret, limits) if slot["kind"] == secret[0] else None
    if found is None:
        return None
    out = hkdf(found, bytes.fromhex(slot["salt"]), b"memory/v1/keyslot", 64)
    if not hmac.compare_digest(out[32:], bytes.fromhex(slot["commitment"])):
        return None
    bound = {k: slot[k] for k in ("id", "kind", "group", "salt", *FIELDS) if k in slot}
    bound |= {"vault": vault_id, "class": cls, "generation": generation}
    aad, wrapped = json.dumps(bound, sort_keys=True, separators=(",", ":")).encode(), bytes.fromhex(slot["wrapped"])
    return attempt("damaged", lambda: ChaCha20Poly1305(out[:32]).decrypt(bytes(12), wrapped, aad))

def read_section(name, data, vault_id, cls):
    """(table, signed bytes) of a section; its MAC is for later."""
    need(name_of(data) == name)
    table = toml(data, 256 * 1024)
    check_format(table.get("format"))
    need(table.get("vault") == vault_id and table.get("class") == cls)
    need(type(table.get("generation")) is int and 1 <= table["generation"] <= 256)
    last = f'mac = "{of_hex(table.get("mac"), 32).hex()}"\n'.encode()
    need(data.endswith(b"\n" + last) and isinstance(table.get("recipient"), str))
    most = {"parents": 4096, "removed_slots": 4096, "removed_devices": 4096, "slots": 64, "devices": 256}
    need(all(isinstance(table.get(field), list) and len(table[field]) <= m for field, m in most.items()))
    need(all(isinstance(x, str) for field in ("parents", "removed_slots", "removed_devices") for x in table[field]))
    need(all(map(NAME.fullmatch, table["parents"])))
    for slot in table["slots"]:
        check_slot(slot)
    for device in table["devices"]:
        public = of_hex(device.get("public") if isinstance(device, dict) else None, 32)
        need(device.get("id") == base64.b32encode(hashlib.sha256(public).digest()[:10]).decode().lower())
    return table, data[: -len(last)]

def is_valid(section, root, vault_id, cls):
    """Whether MAC and recipient are right."""
    table, signed = section
    key = subkey(root, vault_id, cls, table["generation"], "header-mac")
    mac = hmac.digest(key, b"memory/v1/header\0" + signed, "sha256").hex()
    return mac == table["mac"] and table["recipient"] == recipient(root, vault_id, cls, table["generation"])

def read_class(files, vault_id, cls, secret, limits=PRODUCTION):
    """Roots (generation → bytes), recipient, devices (id → public), slots (ids) from section files and one secret."""
    sections = {}
    for name, data in files.items():
        try:
            sections[name] = read_section(name, data, vault_id, cls)
        except Fault as fault:
            need(fault.kind != "newer", "newer")
    need(sections or not files)
    for table, signed in sorted(sections.values(), key=lambda s: -s[0]["generation"]):
        generation = table["generation"]
        for slot in table["slots"]:
            if (root := open_slot(slot, vault_id, cls, generation, secret, limits)) is None:
                continue
            need(is_valid((table, signed), root, vault_id, cls))
            roots = {generation: root}
            if generation > 1:
                roots |= enumerate(old_roots(root, vault_id, cls, generation, bytes.fromhex(table.get("old_roots", ""))), 1)
            found = effective(sections, roots, vault_id, cls)
            if slot["id"] in found["slots"]:
                return found
    raise Fault("wrong-secret")

def effective(sections, roots, vault_id, cls):
    """The union of the heads of the highest generation, less what any valid section removed."""
    known = {n: s for n, s in sections.items() if s[0]["generation"] in roots}
    valid = {n: s[0] for n, s in known.items() if is_valid(s, roots[s[0]["generation"]], vault_id, cls)}
    replaced = {p for t in valid.values() for p in t["parents"] if valid.get(p, t)["generation"] <= t["generation"]}
    heads = [t for n, t in valid.items() if n not in replaced and t["generation"] == max(roots)]
    need(heads)
    gone = {x for t in valid.values() for x in t["removed_devices"]}
    gone |= {x for t in valid.values() for x in t["removed_slots"] if t["generation"] == max(roots)}
    return {"roots": roots, "recipient": heads[0]["recipient"],
        "devices": {d["id"]: bytes.fromhex(d["public"]) for t in heads for d in t["devices"] if d["id"] not in gone},
        "slots": {s["id"] for t in heads for s in t["slots"]} - gone}

def plain_base64(text):
    """Canonical base64 without padding."""
    raw = attempt("foreign", lambda: base64.b64decode(text + b"=" * (-len(text) % 4), validate=True))
    need(base64.b64encode(raw).rstrip(b"=") == text, "foreign")
    return raw

def age_header(data):
    """(stanzas as (arguments, body), bytes under the MAC, MAC, payload)."""
    head, mark, rest = data.partition(b"\n--- ")
    mac, line_feed, payload = rest.partition(b"\n")
    need(mark and line_feed, "foreign")
    stanzas, lines = [], head.split(b"\n")[1:]
    while lines:
        arguments = lines[0][3:].split(b" ")
        need(lines.pop(0).startswith(b"-> "), "foreign")
        need(all(a and all(33 <= c <= 126 for c in a) for a in arguments), "foreign")
        body, more = b"", b"-" * 64
        while len(more) == 64:  # a shorter line, even an empty one, ends the body
            need(lines and len(lines[0]) <= 64, "foreign")
            body += (more := lines.pop(0))
        stanzas.append((arguments, plain_base64(body)))
    need(stanzas, "foreign")
    return stanzas, head + b"\n---", plain_base64(mac), payload

def age_file_key(stanzas, secrets):
    """The file key that one of the X25519 *secrets* unwraps."""
    for arguments, body in stanzas:
        if arguments[0] != b"X25519":
            continue
        need(len(arguments) == 2 and len(body) == 32, "foreign")
        share = plain_base64(arguments[1])
        public = attempt("foreign", lambda raw=share: X25519PublicKey.from_public_bytes(raw))
        for secret in secrets:
            # An all-zero result, from a point of low order, is refused.
            shared = attempt("foreign", lambda s=secret, p=public: s.exchange(p))
            wrap = hkdf(shared, share + secret.public_key().public_bytes_raw(), b"age-encryption.org/v1/X25519")
            with suppress(InvalidTag):
                return ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)
    raise Fault("foreign")

def age_decrypt(data, secrets):
    """The plaintext of an age file that one of the X25519 *secrets* opens."""
    need(len(data) <= 64 * 1024 * 1024, "bounds")
    need(data.startswith(b"age-encryption.org/v1\n"), "foreign")
    end = data[:2048].find(b"\n---")
    need(end >= 0 and data[:end].count(b"\n-> ") <= 20, "bounds")
    stanzas, covered, mac, payload = age_header(data)
    file_key = age_file_key(stanzas, secrets)
    need(len(file_key) == 16, "foreign")
    expected = hmac.digest(hkdf(file_key, b"", b"header"), covered, "sha256")
    need(hmac.compare_digest(expected, mac) and len(payload) >= 32, "foreign")
    stream = ChaCha20Poly1305(hkdf(file_key, payload[:16], b"payload"))
    chunks = [payload[i : i + 65552] for i in range(16, len(payload), 65552)]
    plain = []
    for number, chunk in enumerate(chunks):
        nonce = number.to_bytes(11) + bytes([number == len(chunks) - 1])
        plain.append(attempt("foreign", lambda n=nonce, c=chunk: stream.decrypt(n, c, None)))
        need(plain[-1] or number == 0, "foreign")
    return b"".join(plain)

SIGNATURE = re.compile(rb"<!-- memory-sig v1 ([a-z2-7]{16}) ([A-Za-z0-9+/]{86}==) -->")

def is_moment(value):
    """``YYYY-MM-DDTHH:MM:SS.ffffffZ``."""
    with suppress(ValueError, TypeError):
        return re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{6}Z", value) and datetime.fromisoformat(value)

TEXTS = ("vault", "device", "title", "source", "source_id", "context", "reasoning", "emotion", "trust")
KINDS = {
    "class": lambda v: v in CLASSES,
    "entry": lambda v: isinstance(v, str) and re.fullmatch("[0-9a-hjkmnp-tv-z]{16}", v),
    "parents": lambda v: isinstance(v, list) and all(isinstance(p, str) and NAME.fullmatch(p) for p in v),
    "seq": lambda v: type(v) is int and 0 <= v < 2**63,
    **dict.fromkeys(("created", "updated"), is_moment),
    "tags": lambda v: isinstance(v, list) and all(isinstance(t, str) for t in v),
    "confidence": lambda v: type(v) in (int, float) and 0 <= v <= 1,
    "metadata": lambda v: isinstance(v, dict),
    "deleted": lambda v: v in ("", "trash", "moved"),
    **dict.fromkeys(TEXTS, lambda v: isinstance(v, str)),
}
REQUIRED = ("vault", "class", "entry", "device", "parents", "seq", "created", "updated")

def padded_size(n):
    """1 KiB, then Padmé."""
    if n <= 1024:
        return 1024
    step = 2 ** ((e := n.bit_length() - 1) - e.bit_length())
    return -(-n // step) * step

def read_envelope(signed, kind):
    """(table, body) of the signed bytes; *kind* is what to call a failure."""
    need(signed.startswith(b"---\n") and signed.endswith(b"\n"), kind)
    front, mark, body = signed[3:].partition(b"\n---\n")
    need(mark and body.endswith(b"\n") and len(front) <= 2**20, kind)
    table = {}
    for line in attempt(kind, lambda: front[1:].decode().split("\n")):
        key, colon, value = line.partition(": ")
        need(colon and re.fullmatch("[a-z][a-z0-9_]{0,63}", key) and key not in table, kind)
        table[key] = attempt(kind, lambda v=value: json.loads(v, parse_constant=int))
        attempt(kind, json.dumps(table[key], ensure_ascii=False).encode)  # no lone surrogate
    text = attempt(kind, body[:-1].decode)
    need(len(table) <= 128 and all(key in table for key in REQUIRED), kind)
    need(all(check(table[key]) for key, check in KINDS.items() if key in table), kind)
    return table, text

def open_revision(name, data, roots, vault_id, cls, devices):
    """(table, body) of a sealed revision; *roots* is generation → root, *devices* id → public."""
    need(name_of(data) == name, "name")
    plain = age_decrypt(data, [scalar(root, vault_id, cls, g) for g, root in roots.items()])
    filling = plain[plain.rfind(b"\n") + 1 :]
    payload = plain[: len(plain) - len(filling)]
    start = payload.rfind(b"\n", 0, -1) + 1
    found = SIGNATURE.fullmatch(payload[start:-1])
    signed = payload[:start] if found else payload
    # Without a signature line either, it is nothing that a writer of this format made.
    table, body = read_envelope(signed, "envelope" if found else "unsigned")
    if found:
        need(not filling.strip(b" ") and len(plain) == padded_size(len(payload)), "padding")
    need(table["vault"] == vault_id, "vault")
    need(table["class"] == cls, "class")
    need(found, "unsigned")
    need(table["device"] == found[1].decode(), "device")
    need(table["device"] in devices, "pending")
    need(base64.b64encode(signature := base64.b64decode(found[2])) == found[2], "signature")
    need(verifies(devices[table["device"]], signature, b"memory/v1/rev\0" + signed), "signature")
    return table, body

def verifies(public, signature, message):
    """Ed25519."""
    with suppress(InvalidSignature):
        return Ed25519PublicKey.from_public_bytes(public).verify(signature, message) is None

def read_purge_list(data, vault_id, devices):
    """The names a list purges; none if it does not count."""
    try:
        table = toml(data, 1024 * 1024)
        check_format(table.get("format"))
        need(table.get("vault") == vault_id and isinstance(table.get("names"), list))
        need(all(isinstance(n, str) and NAME.fullmatch(n) for n in table["names"]))
        need(devices.get(table.get("device")) == (public := of_hex(table.get("public"), 32)))
        message = b"memory/v1/purged\0" + vault_id.encode() + b"\0" + "\n".join(table["names"]).encode()
        need(verifies(public, of_hex(table.get("signature"), 64), message))
    except Fault:
        return []
    return table["names"]

def read_vault(path, secret, limits=PRODUCTION):
    """(class, name, table, body) of everything that *secret* opens, and (name, kind) of what it does not."""
    vault_id = read_preamble((path / "vault.toml").read_bytes())
    opened, faults = [], []
    for cls in CLASSES:
        sections = {p.name.split(".")[1]: p.read_bytes() for p in (path / "header").glob(f"{cls}.*.toml")}
        keys = read_class(sections, vault_id, cls, secret, limits)
        for file in sorted((path / "objects").glob("??/*.age")):
            try:
                found = open_revision(file.stem, file.read_bytes(), keys["roots"], vault_id, cls, keys["devices"])
                opened.append((cls, file.stem, *found))
            except Fault as fault:
                faults += [(file.stem, fault.kind)] if fault.kind != "foreign" else []
    return opened, faults

if __name__ == "__main__":
    for _, _, keys, text in read_vault(Path(sys.argv[1]), ("keyfile", Path(sys.argv[2]).read_bytes()))[0]:
        print(json.dumps(keys, ensure_ascii=False), text, sep="\n")
