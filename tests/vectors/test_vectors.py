"""The format's vectors, read twice: by the product and by `tests/second_reader.py`, which shares no code with it."""

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vault.seal as sealing
from vault import home
from vault.classification import Classification
from vault.entry import Revision, stamp
from vault.errors import Damaged, NewerFormat
from vault.keys import bech32, keyslots, purge
from vault.keys.device import device_of
from vault.keys.keyslots import Secret
from vault.keys.roots import Root
from vault.keys.sections import Header, Section, parse
from vault.keys.slots import slot_from_table
from vault.keys.stretching import KdfLimits, Stretched
from vault.keys.unlocked import ClassKeys, unlock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import second_reader  # noqa: E402

CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
CHEAP_TUPLE = (64, 4 * 1024 * 1024, 1, 16, 16)


def load(name: str) -> Any:
    """A vector file of this directory."""
    return json.loads((HERE / name).read_text())


def cases(rows: list[dict[str, Any]]) -> Any:
    """One test per vector, under the vector's own name."""
    return pytest.mark.parametrize("case", rows, ids=[row["name"].replace(" ", "-") for row in rows])


def presented(shown: list[str]) -> tuple[Secret, tuple[Any, ...]]:
    """A vector's secret for the product and for the second reader."""
    kind, first, *second = shown[0], *map(bytes.fromhex, shown[1:])
    value = keyslots.passphrase(first).value if kind.startswith("passphrase") else first
    if kind == "recipient":
        value = bech32.encode("age-secret-key-", first).upper().encode()
    return Secret(kind, value, b"".join(second)), (kind, first, *second)


def verdict_of(read: Callable[[], Any]) -> tuple[str, Any]:
    """("ok", result) or (failure kind, None): the words of docs/format.md for the product's errors."""
    try:
        return "ok", read()
    except second_reader.Fault as fault:
        return fault.kind, None
    except sealing.SealFault as fault:
        return fault.kind, None
    except NewerFormat:
        return "newer", None
    except (Damaged, ValueError):
        return "damaged", None


# -- preamble -----------------------------------------------------------------------------------------


@cases(load("preambles.json"))
def test_preamble(case, tmp_path):
    """Both readers give the vault id, or refuse with the kind the vector names."""
    data = base64.b64decode(case["file"])
    (tmp_path / "vault.toml").write_bytes(data)
    wanted = (case["expect"], case["id"] or None)
    assert verdict_of(lambda: second_reader.read_preamble(data)) == wanted
    assert verdict_of(lambda: home.read_preamble(tmp_path)) == wanted


# -- keyslots -----------------------------------------------------------------------------------------


@cases(load("keyslots.json"))
def test_keyslot(case):
    """Both readers find the root, see that the secret does not fit, or see that the slot was altered."""
    cls, generation = case["class"], case["generation"]
    ours, theirs = presented(case["secret"])
    cheap = case["limits"] == "cheap"

    def first() -> str | None:
        frame = Root(case["vault"], Classification(cls), generation, b"")
        slot = slot_from_table(case["slot"])
        root = keyslots.unwrap(slot, frame, ours, Stretched(CHEAP if cheap else KdfLimits()))
        return root.secret.hex() if root else None

    def second() -> str | None:
        second_reader.check_slot(case["slot"])
        limits = CHEAP_TUPLE if cheap else second_reader.PRODUCTION
        root = second_reader.open_slot(case["slot"], case["vault"], cls, generation, theirs, limits)
        return root.hex() if root else None

    for read in (second, first):
        verdict, root = verdict_of(read)
        if (verdict, root) == ("ok", None):
            verdict = "wrong-secret"
        assert (verdict, root) == (case["expect"], case.get("root"))


# -- sections -----------------------------------------------------------------------------------------


def first_class(case: dict[str, Any]) -> Any:
    """The product's reading of a section vector."""
    found: list[Section] = []
    broken: Damaged | None = None
    for name, text in case["files"].items():
        data = base64.b64decode(text)
        try:
            section = parse(data, case["vault"])
            if (section.name, section.header.classification.value) == (name, case["class"]):
                found.append(section)
            else:
                broken = Damaged("not what its name says")
        except NewerFormat:
            raise
        except Damaged as error:
            broken = error
    if broken and not found:
        raise broken  # nothing readable is left
    keys = unlock(found, [presented(case["secret"])[0]], Stretched(CHEAP), frozenset())
    if keys is None:
        raise second_reader.Fault("wrong-secret")
    return {
        "roots": [r.secret.hex() for r in keys.roots],
        "recipient": keys.header.recipient,
        "devices": sorted(d.id for d in keys.header.devices),
        "slots": sorted(s.id for s in keys.header.slots),
    }


def second_class(case: dict[str, Any]) -> Any:
    """The second reader's."""
    data = {name: base64.b64decode(text) for name, text in case["files"].items()}
    secret = presented(case["secret"])[1]
    found = second_reader.read_class(data, case["vault"], case["class"], secret, CHEAP_TUPLE)
    return {
        "roots": [found["roots"][g].hex() for g in sorted(found["roots"], reverse=True)],
        "recipient": found["recipient"],
        "devices": sorted(found["devices"]),
        "slots": sorted(found["slots"]),
    }


@cases(load("sections.json"))
def test_sections(case):
    """Both readers reach the same roots, recipient, devices and slots, or refuse with the same kind."""
    wanted = {k: case[k] for k in ("roots", "recipient", "devices", "slots")} if case["expect"] == "ok" else None
    assert verdict_of(lambda: second_class(case)) == (case["expect"], wanted)
    assert verdict_of(lambda: first_class(case)) == (case["expect"], wanted)


# -- sealed revisions ---------------------------------------------------------------------------------

REVISIONS = load("revisions.json")


def opener() -> sealing.Opener:
    """The product's opener for the vectors' class, devices and two generations."""
    roots = {int(g): bytes.fromhex(r) for g, r in REVISIONS["roots"].items()}
    made = [
        Root(REVISIONS["vault"], Classification(REVISIONS["class"]), g, roots[g]) for g in sorted(roots, reverse=True)
    ]
    devices = tuple(device_of(bytes.fromhex(public)) for public in REVISIONS["devices"].values())
    header = Header(REVISIONS["vault"], made[0].classification, 2, made[0].recipient(), devices=devices)
    return sealing.Opener(ClassKeys(tuple(made), header, ()))


def keys_of(revision: Revision) -> dict[str, Any]:
    """The front matter that a revision says again."""
    table = {
        "vault": revision.vault,
        "entry": revision.entry,
        "parents": list(revision.parents),
        "class": revision.classification.value,
        "device": revision.device,
        "seq": revision.seq,
        "created": stamp(revision.created),
        "updated": stamp(revision.updated),
    }
    plain = ("title", "source", "source_id", "context", "reasoning", "emotion", "trust", "deleted")
    table |= {k: getattr(revision, k) for k in plain if getattr(revision, k)}
    table |= {"tags": list(revision.tags)} if revision.tags else {}
    table |= {"metadata": dict(revision.metadata)} if revision.metadata else {}
    table |= {"confidence": revision.confidence} if revision.confidence is not None else {}
    return table | dict(revision.extra)


def first_revision(case: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The product's reading."""
    revision = opener().open(case["called"], base64.b64decode(case["file"])).revision
    return keys_of(revision), revision.body


def second_revision(case: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The second reader's."""
    roots = {int(g): bytes.fromhex(r) for g, r in REVISIONS["roots"].items()}
    devices = {d: bytes.fromhex(p) for d, p in REVISIONS["devices"].items()}
    data = base64.b64decode(case["file"])
    return second_reader.open_revision(case["called"], data, roots, REVISIONS["vault"], REVISIONS["class"], devices)


@cases(REVISIONS["cases"])
def test_revision(case):
    """Both readers give the same keys and the same body, or the kind of the first check that fails."""
    wanted = (case["expect"], (case["keys"], case["body"]) if case["expect"] == "ok" else None)
    assert verdict_of(lambda: second_revision(case)) == wanted
    assert verdict_of(lambda: first_revision(case)) == wanted


@pytest.mark.parametrize(
    ("broken", "vector", "becomes"),
    [
        ("_genuine", "body changed after signing", "ok"),
        ("_genuine", "signed by another device's key", "ok"),
        ("name_of", "under another name", "ok"),
        ("padded_size", "a space too many", "ok"),
        ("precheck", "21 stanzas", "ok"),
    ],
)
def test_the_vectors_notice_a_missing_check(broken, vector, becomes, monkeypatch):
    """Positive control: with a check taken out of the product, its vector is accepted and the test above would fail."""
    case = next(c for c in REVISIONS["cases"] if c["name"] == vector)
    assert verdict_of(lambda: first_revision(case))[0] == case["expect"] != becomes
    fakes: dict[str, Callable[..., Any]] = {
        "_genuine": lambda *_: True,
        "name_of": lambda _: case["called"],
        "padded_size": lambda n: n + (1025 - n),
        "precheck": lambda _: None,
    }
    monkeypatch.setattr(sealing, broken, fakes[broken])
    assert verdict_of(lambda: first_revision(case))[0] == becomes


# -- purge lists and what is derived ------------------------------------------------------------------

PURGE = load("purge_lists.json")


@cases(PURGE["cases"])
def test_purge_list(case):
    """Both readers take the names of a genuine list and nothing from any other."""
    data = base64.b64decode(case["file"])
    devices = {d: bytes.fromhex(p) for d, p in PURGE["devices"].items()}
    assert second_reader.read_purge_list(data, PURGE["vault"], devices) == case["names"]
    assert purge.names_in(data, PURGE["vault"], devices) == frozenset(case["names"])


DERIVED = load("derived.json")


@pytest.mark.parametrize("row", DERIVED["keys"], ids=[f"{r['class']}-{r['generation']}" for r in DERIVED["keys"]])
def test_subkeys(row):
    """Every purpose, class and generation has the subkey, identity and recipient of the format."""
    root = Root(row["vault"], Classification(row["class"]), row["generation"], bytes.fromhex(row["root"]))
    assert {p: root.subkey(p).hex() for p in row["subkeys"]} == row["subkeys"]
    assert (root.identity(), root.recipient()) == (row["identity"], row["recipient"])


def test_subkeys_are_all_different():
    """No two purposes, classes or generations share a key."""
    keys = [k for row in DERIVED["keys"] for k in row["subkeys"].values()]
    assert len(set(keys)) == len(keys) == 60


@pytest.mark.parametrize(("prefix", "data", "text"), DERIVED["bech32"])
def test_bech32(prefix, data, text):
    """BIP-173's own valid strings of whole bytes come out of both encoders."""
    assert bech32.encode(prefix, bytes.fromhex(data)) == text
    assert second_reader.bech32(prefix, bytes.fromhex(data)) == text


def test_padding_table():
    """Padded sizes follow the format: 1 KiB, then Padmé, never more than 12 % above."""
    for n, total in DERIVED["padding"]:
        assert sealing.padded_size(n) == total
        assert n <= total <= max(1024, n * 1.12)


def test_vectors_are_what_their_maker_writes():
    """`make.py` writes exactly the committed files, so a vector cannot be edited into passing."""
    sys.path.insert(0, str(HERE))
    import make

    for name, text in make.files().items():
        assert (HERE / name).read_text() == text, name


def test_second_reader_is_independent():
    """It imports nothing of the project and stays small enough to be read whole."""
    text = (HERE.parent / "second_reader.py").read_text()
    assert len(text.splitlines()) <= 400
    assert not any(line.startswith(("import vault", "from vault", "import pyrage")) for line in text.splitlines())


def test_second_reader_reads_a_whole_vault(new_vault, tmp_path):
    """What the product writes (sections, slots, revisions, tombstones), the second reader reads."""
    v = new_vault()
    texts = {"general": "a walk\r\nby the lake \0 ", "ultrasecret": "ключ 🗝\n\n", "chronological": "x" * 5000}
    ids = {cls: v.capture(text, classification=cls, tags=["t"], metadata={"n": [1]}).id for cls, text in texts.items()}
    v.delete(ids["general"])
    v.move(ids["chronological"], "secret")
    opened, faults = second_reader.read_vault(tmp_path / "v", ("passphrase", b"correct horse"), CHEAP_TUPLE)
    assert not faults
    found = sorted((cls, table["entry"], table.get("deleted", ""), body) for cls, _, table, body in opened)
    assert found == sorted(
        [
            ("general", ids["general"], "", texts["general"]),
            ("general", ids["general"], "trash", ""),
            ("ultrasecret", ids["ultrasecret"], "", texts["ultrasecret"]),
            ("chronological", ids["chronological"], "", texts["chronological"]),
            ("chronological", ids["chronological"], "moved", ""),
            ("secret", ids["chronological"], "", texts["chronological"]),
        ]
    )
