"""The C2SP/CCTV age vectors through the product's only way into an age file, against one pinned table."""

import hashlib
import json
import sys
import tarfile
import zlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pyrage
import pytest

import vault.seal as sealing

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import second_reader  # noqa: E402

ARCHIVE = HERE.parents[2] / "shared" / "data" / "cctv-age.tar.gz"
SELECTION = HERE.parent / "vectors" / "cctv_selection.json"
DEVIATIONS = {"stanza_missing_body", "stanza_missing_final_line"}
"""pyrage takes an old form of stanzas without their short last line; MAC and payload still verify."""
TABLE = {
    ("x25519", "success", "success"): 14,
    ("x25519", "no match", "foreign"): 3,
    ("x25519", "HMAC failure", "foreign"): 1,
    ("x25519", "header failure", "foreign"): 29,
    ("x25519", "header failure", "success"): 2,  # DEVIATIONS
    ("x25519", "payload failure", "foreign"): 18,
    # Armor and passphrases are not of our format: refused, whatever they hold.
    ("scrypt", "success", "foreign"): 1,
    ("scrypt", "no match", "foreign"): 4,
    ("scrypt", "header failure", "foreign"): 20,
    ("armor", "success", "foreign"): 6,
    ("armor", "no match", "foreign"): 1,
    ("armor", "header failure", "foreign"): 2,
    ("armor", "payload failure", "foreign"): 1,
    ("armor", "armor failure", "foreign"): 22,
    ("post-quantum", "", "skipped"): 19,
}


class Vector(NamedTuple):
    """One CCTV file, taken apart."""

    name: str
    kind: str
    expect: str
    payload: str
    identities: tuple[str, ...]
    file: bytes


def parse(name: str, data: bytes) -> Vector:
    """A vector from its file."""
    head, file = data.split(b"\n\n", 1)
    rows = [line.split(": ", 1) for line in head.decode().split("\n")]
    table = dict(rows)
    identities = tuple(value for key, value in rows if key == "identity")
    kind = "armor" if "armored" in table else "scrypt" if "passphrase" in table else "x25519"
    if any("-PQ-" in identity for identity in identities):
        kind = "post-quantum"
    file = zlib.decompress(file) if table.get("compressed") == "zlib" else file
    return Vector(name, kind, table["expect"], table.get("payload", ""), identities, file)


def shipped() -> list[Vector]:
    """The selection that lies in the repository."""
    return [parse(name, text.encode("latin-1")) for name, text in json.loads(SELECTION.read_text()).items()]


def everything() -> list[Vector]:
    """All vectors, or a skip."""
    if not ARCHIVE.is_file():
        pytest.skip("the CCTV vectors (cctv-age.tar.gz) are not beside the repository; the shipped ones ran")
    with tarfile.open(ARCHIVE) as archive:
        members = [m for m in archive if m.isfile() and "/testdata/" in m.name]
        return [parse(Path(m.name).name, archive.extractfile(m).read()) for m in members]


def outcome(vector: Vector, decrypt=None) -> str:
    """``success`` (and the very payload), a failure kind, or what went wrong in between."""
    if vector.kind == "post-quantum":
        return "skipped"
    identities = [pyrage.x25519.Identity.from_str(i) for i in vector.identities]
    try:
        plain = (decrypt or sealing.decrypt)(vector.file, identities)
    except sealing.SealFault as fault:
        return fault.kind
    right = not vector.payload or hashlib.sha256(plain).hexdigest() == vector.payload
    return "success" if right else "wrong plaintext"


def row(vector: Vector, found: str) -> tuple[str, str, str]:
    """Where a vector is counted in the table."""
    return vector.kind, "" if vector.kind == "post-quantum" else vector.expect, found


def test_all_vectors_give_exactly_the_pinned_table():
    """Every one of the 143 vectors ends as pinned; the only successes that should fail are the two deviations."""
    found = {v: outcome(v) for v in everything()}
    assert Counter(row(v, o) for v, o in found.items()) == TABLE
    assert {v.name for v, o in found.items() if o == "success" != v.expect} == DEVIATIONS


def test_shipped_vectors_end_as_they_must():
    """The selection covers every kind of failure and passes without the archive."""
    vectors = shipped()
    assert {row(v, outcome(v)) for v in vectors} <= set(TABLE)
    assert {v.expect for v in vectors} >= {"success", "no match", "HMAC failure", "header failure", "payload failure"}
    assert all(
        (outcome(v) == "success") == (v.expect == "success" or v.name in DEVIATIONS)
        for v in vectors
        if v.kind == "x25519"
    )


def test_second_reader_follows_the_specification_without_deviations():
    """Our independent age reader opens exactly the vectors that the specification accepts."""
    for vector in shipped():
        if vector.kind != "x25519":
            continue
        secrets = [second_reader.X25519PrivateKey.from_private_bytes(raw(i)) for i in vector.identities]
        try:
            plain = second_reader.age_decrypt(vector.file, secrets)
        except second_reader.Fault:
            assert vector.expect != "success", vector.name
        else:
            assert vector.expect == "success", vector.name
            assert hashlib.sha256(plain).hexdigest() == vector.payload


def raw(identity: str) -> bytes:
    """The 32 bytes of an age identity."""
    number = 0
    data = identity.lower().split("1", 1)[1][:-6]
    for letter in data:
        number = number << 5 | "qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(letter)
    return (number >> len(data) * 5 % 8).to_bytes(32)


def test_a_reader_that_releases_early_plaintext_is_noticed():
    """Positive control: a reader that returns the chunks before a bad one fails the table."""

    def hasty(file, identities) -> bytes:
        try:
            return sealing.decrypt(file, identities)
        except sealing.SealFault:
            if b"\n--- " not in file:
                raise
            return b"plaintext so far"

    vectors = [v for v in shipped() if v.expect == "payload failure"]
    assert vectors
    assert all(outcome(v) == "foreign" for v in vectors)
    assert not any(row(v, outcome(v, hasty)) in TABLE for v in vectors)


def test_a_reader_that_truncates_is_noticed():
    """Positive control: a reader that loses the end of the plaintext does not count as success."""
    cut = [v for v in shipped() if v.expect == "success" and v.kind == "x25519"]
    assert cut
    results = {outcome(v, lambda file, ids: sealing.decrypt(file, ids)[:-1]) for v in cut if sealing_length(v)}
    assert results == {"wrong plaintext"}


def sealing_length(vector: Vector) -> int:
    """How long the plaintext of a vector that opens is."""
    return len(sealing.decrypt(vector.file, [pyrage.x25519.Identity.from_str(i) for i in vector.identities]))
