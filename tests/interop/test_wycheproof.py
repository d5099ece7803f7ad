"""Project Wycheproof's vectors through the product's own wrappers of HKDF, X25519, ChaCha20-Poly1305 and Ed25519."""

import json
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vault.classification import Classification
from vault.keys import bech32, device, roots
from vault.keys.roots import Root

ARCHIVE = Path(__file__).resolve().parents[3] / "shared" / "data" / "wycheproof.tar.gz"


def rows_of(name: str) -> list[dict[str, Any]]:
    """All tests of one file, each with its group's fields; or a skip."""
    if not ARCHIVE.is_file():
        pytest.skip("the Wycheproof vectors (wycheproof.tar.gz) are not beside the repository")
    with tarfile.open(ARCHIVE) as archive:
        table = json.load(archive.extractfile(f"wy/{name}_test.json"))
    rows = [group | test for group in table["testGroups"] for test in group["tests"]]
    assert len(rows) == table["numberOfTests"]
    return rows


def h(text: str) -> bytes:
    """Hex to bytes."""
    return bytes.fromhex(text)


def giving(value: bytes) -> Callable[..., bytes]:
    """A function that gives *value* whatever it is asked."""
    return lambda *_: value


def test_hkdf():
    """`hkdf` gives the expected bytes, and refuses lengths that HKDF cannot give."""
    for row in rows_of("hkdf_sha256"):
        try:
            found = roots.hkdf(h(row["ikm"]), salt=h(row["salt"]), info=h(row["info"]), length=row["size"])
        except ValueError:
            assert row["result"] == "invalid", row["tcId"]
        else:
            assert row["result"] == "valid", row["tcId"]
            assert found.hex() == row["okm"], row["tcId"]


def x25519(scalar: bytes, point: bytes) -> bytes:
    """RFC 7748's ladder in plain integers: an independent reference."""
    p = 2**255 - 19
    k = (int.from_bytes(scalar, "little") & ~7 & (1 << 254) - 1) | 1 << 254
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3 = 1, 0, x1, 1
    for bit in range(254, -1, -1):
        swap = k >> bit & 1
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        e, f = a * a - b * b, d * a + c * b
        x2, z2 = a * a * b * b % p, e * (a * a + 121665 * e) % p
        x3, z3 = f * f % p, x1 * (d * a - c * b) ** 2 % p
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, "little")


def test_x25519_recipients(monkeypatch):
    """A recipient is the public key of its scalar, for every private key of the set.

    The set gives shared secrets, not public keys; so the ladder above is first held against those.
    """
    rows = rows_of("x25519")
    nine = (9).to_bytes(32, "little")
    scalars = set()
    for row in rows[::4]:
        assert x25519(h(row["private"]), h(row["public"])).hex() == row["shared"], row["tcId"]
        scalars.add(row["private"])
    root = Root("00" * 16, Classification.GENERAL, 1, bytes(32))
    for scalar in sorted(scalars):
        monkeypatch.setattr(Root, "subkey", giving(h(scalar)))
        assert root.recipient() == bech32.encode("age", x25519(h(scalar), nine))


def test_chacha20_poly1305_as_used(monkeypatch):
    """`open_old_roots` returns exactly the authentic plaintexts of whole roots and refuses everything else."""
    outcomes: Counter[str] = Counter()
    for row in rows_of("chacha20_poly1305"):
        monkeypatch.setattr(Root, "subkey", giving(h(row["key"])))
        monkeypatch.setattr(roots, "_old_roots_aad", giving(h(row["aad"])))
        plain = h(row["msg"])
        newest = Root("00" * 16, Classification.GENERAL, len(plain) // 32 + 1, bytes(32))
        authentic = row["result"] != "invalid" and len(h(row["iv"])) == 12
        try:
            found = b"".join(r.secret for r in roots.open_old_roots(newest, h(row["iv"] + row["ct"] + row["tag"])))
        except ValueError as error:
            reason = str(error)
            assert reason == ("wrong number of old roots" if authentic else "old roots do not open"), row["tcId"]
            assert not authentic or len(plain) % 32
        else:
            reason = "opened"
            assert authentic, row["tcId"]
            assert found == plain, row["tcId"]
        outcomes[reason] += 1
    assert set(outcomes) == {"opened", "wrong number of old roots", "old roots do not open"}


def test_ed25519():
    """`verify` accepts every valid signature and no invalid one."""
    found: Counter[bool] = Counter()
    for row in rows_of("ed25519"):
        accepted = device.verify(h(row["publicKey"]["pk"]), h(row["sig"]), h(row["msg"]))
        assert accepted == (row["result"] == "valid"), (row["tcId"], row["comment"])
        found[accepted] += 1
    assert found[True] > 50 < found[False]


def test_a_lax_verifier_is_noticed(monkeypatch):
    """Positive control: a verifier that ignores the upper half of S (malleability) fails the Ed25519 set."""
    order = 2**252 + 27742317777372353535851937790883648493
    strict = device.verify

    def lax(public: bytes, signature: bytes, message: bytes) -> bool:
        s = int.from_bytes(signature[32:64], "little") % order
        return strict(public, signature[:32] + s.to_bytes(32, "little"), message)

    monkeypatch.setattr(device, "verify", lax)
    with pytest.raises(AssertionError):
        test_ed25519()
