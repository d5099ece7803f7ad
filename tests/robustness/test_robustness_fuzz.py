"""T11: hostile bytes at every parser (about 2 s each; `make soak` runs each for much longer).

A parser may refuse with its own error or answer; it may not raise anything else, and what it answers must hold.
"""

import os
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import vault
from vault import config, text
from vault import entry as envelope
from vault.classification import Classification
from vault.entry import Revision
from vault.errors import InvalidInput, VaultError
from vault.keys import keyslots, sections, slots, unlocked
from vault.keys.device import device_of
from vault.keys.roots import Root
from vault.keys.sections import Header
from vault.keys.stretching import KdfLimits, Stretched
from vault.names import CROCKFORD
from vault.seal import Opener, SealFault, decrypt, padded_size, seal
from vault.search.query import fts_words, parse
from vault.search.synonyms import synonyms
from vault.search.terms import groups

MANY = int(os.environ.get("FUZZ_EXAMPLES", "400"))
FUZZ = settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))
VAULT = "0" * 32
ROOT = Root(VAULT, Classification.GENERAL, 1, b"r" * 32)
SECRET = keyslots.keyfile(b"k" * 64)
SLOT = keyslots.wrap(ROOT, SECRET, "vault", None, Stretched(KdfLimits()))
HEADER = Header(VAULT, Classification.GENERAL, 1, ROOT.recipient(), (SLOT,), (device_of(b"d" * 32),))
SECTION = sections.render(HEADER, ROOT)


def spoilt(data: bytes) -> st.SearchStrategy[bytes]:
    """*data* with a few places cut, doubled or overwritten."""

    @st.composite
    def change(draw: st.DrawFn) -> bytes:
        found = bytearray(data)
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, max(0, len(found) - 1)))
            length = draw(st.integers(0, 12))
            found[at : at + length] = draw(st.binary(max_size=12) | st.just(bytes(found[at : at + 40])))
        return bytes(found)

    return change()


TOML_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=70)
    | st.sampled_from(["ab" * 32, "1" * 64]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@FUZZ
@given(st.binary(max_size=400) | spoilt(SECTION))
@example(SECTION)
@example(b"x = " + b"[" * 5000)
@example(SECTION.replace(b"generation = 1", b"generation = true"))
@example(SECTION.replace(b'"general"', b'"General"'))
def test_header_sections(data: bytes) -> None:
    """A section parses or is Damaged; no changed section is authentic."""
    try:
        section = sections.parse(data, VAULT)
    except VaultError:
        assert data != SECTION
        return
    if data == SECTION:
        return
    assert not section.is_authentic(ROOT)
    with suppress(VaultError):
        assert unlocked.unlock([section], [SECRET], Stretched(KdfLimits()), frozenset()) is None


@FUZZ
@given(
    st.dictionaries(
        st.sampled_from(["id", "kind", "group", "salt", "commitment", "wrapped", "kdf", "x"]), TOML_VALUES, max_size=8
    )
)
def test_keyslot_tables(changes: dict[str, object]) -> None:
    """A slot with any value anywhere is read or is a ValueError, and no other secret's root comes out of it."""
    try:
        slot = slots.slot_from_table({**SLOT.table(), **changes})
    except ValueError:
        return
    try:
        opened = keyslots.unwrap(slot, ROOT, SECRET, Stretched(KdfLimits()))
    except VaultError:
        return
    assert opened is None or opened.secret == ROOT.secret


@pytest.fixture(scope="module")
def sealed() -> bytes:
    """A genuine sealed file."""
    import pyrage

    return bytes(pyrage.encrypt(b"x" * 1024, [pyrage.x25519.Recipient.from_str(ROOT.recipient())]))


@FUZZ
@given(st.data())
def test_age_files(sealed: bytes, data: st.DataObject) -> None:
    """Any bytes: opened or a SealFault; a changed file never opens."""
    import pyrage

    head = b"age-encryption.org/v1\n"
    stanzas = st.lists(
        st.sampled_from([b"-> X25519 x\n", b"-> \n", b"aa\n", b"--- x\n", b"\n", b"-> ssh-rsa\n"]), max_size=150
    )
    tried = data.draw(spoilt(sealed) | st.binary(max_size=300) | stanzas.map(lambda s: head + b"".join(s)))
    assume(tried != sealed)
    identity = pyrage.x25519.Identity.from_str(ROOT.identity())
    with pytest.raises(SealFault) as fault:
        decrypt(tried, [identity])
    assert fault.value.kind in {"bounds", "foreign"}


TEXT = st.text(max_size=60) | st.text(alphabet="-\n: \"'\\{}[]\0\r\u2028\ufeff\x85é😀", max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (aware by timezones)
NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=32, max_size=32)
REVISIONS = st.builds(
    Revision,
    vault=st.just(VAULT),
    classification=st.sampled_from(Classification),
    entry=st.text(alphabet=CROCKFORD, min_size=16, max_size=16),
    device=st.just("a" * 16),
    parents=st.lists(NAMES, max_size=3).map(tuple),
    seq=st.integers(0, 2**62),
    created=MOMENTS,
    updated=MOMENTS,
    body=TEXT,
    title=TEXT,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    source=TEXT,
    source_id=TEXT,
    context=TEXT,
    confidence=st.none() | st.floats(0, 1),
    reasoning=TEXT,
    emotion=TEXT,
    metadata=st.dictionaries(TEXT, JSON, max_size=3),
    trust=st.sampled_from(["", "low"]),
    deleted=st.sampled_from(["", "trash", "moved"]),
    extra=st.dictionaries(st.from_regex(r"x_[a-z0-9_]{0,20}", fullmatch=True), JSON, max_size=3),
)


@FUZZ
@given(REVISIONS)
def test_a_revision_comes_back_from_its_envelope(revision: Revision) -> None:
    """Decoding what was encoded gives back everything that can be captured, and the front matter is YAML too."""
    import yaml

    data = envelope.encode(revision)
    assert envelope.decode(data) == revision
    front = data.split(b"\n---\n", 1)[0].removeprefix(b"---\n").decode()
    assert set(yaml.safe_load(front)) >= {"vault", "entry", "class"}


@FUZZ
@given(st.data())
def test_envelopes(data: st.DataObject) -> None:
    """Any bytes: a revision or a ValueError (or KeyError); a revision read is written again the same way."""
    genuine = envelope.encode(data.draw(REVISIONS))
    tried = data.draw(spoilt(genuine) | st.binary(max_size=200).map(lambda b: b"---\n" + b + b"\n---\nx\n"))
    try:
        revision = envelope.decode(tried)
    except (ValueError, KeyError):
        return
    try:
        again = envelope.encode(revision)
    except InvalidInput:
        return  # a lone surrogate, as an escape
    assert envelope.decode(again) == revision


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vault.Vault]:
    """A vault whose index hostile revisions and queries meet."""
    root = tmp_path_factory.mktemp("fuzz")
    (root / "k").write_bytes(b"k" * 64)
    with vault.create(root / "v", keyfile=root / "k", state=root / "s", models=root / "none") as v:
        v.capture("The quick brown fox, naïve café 東京タワー", "general", title="Fox", tags=["a"])
        v.capture("second [[link]]", "secret")
        yield v


@pytest.mark.parametrize(
    "line",
    [
        f"seq: {10**30}",
        f"confidence: {10**400}",
        "confidence: 1e999",
        'title: "\\ud800"',
        'tags: ["\\ud800"]',
        'metadata: {"a": "\\udfff"}',
        f'metadata: {{"n": {10**30}}}',
        'source: "\\u0000"',
        'created: "0001-01-01T00:00:00.000000Z"',
        'created: "9999-99-99T00:00:00.000000Z"',
        f'entry: "{"0" * 15}\\u0131"',
    ],
)
def test_a_signed_revision_with_odd_values_is_indexed_or_quarantined(tmp_path: Path, line: str) -> None:
    """An enrolled device that misbehaves (stolen, or of a later version) never makes a vault impossible to open."""
    from dataclasses import fields
    from unittest import mock

    (tmp_path / "k").write_bytes(b"k" * 64)
    where = {"keyfile": tmp_path / "k", "state": tmp_path / "s", "models": tmp_path / "none"}
    with vault.create(tmp_path / "v", **where) as v:  # type: ignore[arg-type]
        kept = v.capture("kept", "general")
        key = line.split(":", maxsplit=1)[0]
        old = v.opened.load(Classification.GENERAL, kept.revisions[0])
        assert old is not None
        assert fields(old)
        other = replace(old, entry="1" * 16, confidence=0.5, title="t", tags=("t",), metadata={"a": 1}, source="s")
        written = re.sub(rb"(?m)^" + key.encode() + rb": .*$", lambda _: line.encode(), envelope.encode(other), count=1)
        with mock.patch("vault.entry.encode", return_value=written):
            data = seal(other, v.home.pins()[Classification.GENERAL].recipient, v.home.device_key())
        v.home.objects.put([data.data])
    with vault.open(tmp_path / "v", **where) as v:  # type: ignore[arg-type]
        assert v.get(kept.id).text == "kept"
        taken = {"1" * 16} & {e.id for e in v.entries()} or v.opened.need(Classification.GENERAL).compartment.skipped()
        assert taken, "neither indexed nor quarantined"
        v.rebuild()
        for entry in v.entries():
            v.history(entry.id)
        assert [f for f in v.examine() if f.severity == "error"] == []


WORDS = st.sampled_from(
    [
        "fox",
        "OR",
        "AND",
        "NOT",
        "NEAR(",
        ")",
        '"',
        "-",
        "*",
        "tag:",
        "title:",
        "class:",
        "after:",
        "has:",
        "^",
        "{",
        "}",
        "+",
        "東京",
        "é",
    ]
)
QUERIES = st.text(max_size=60) | st.lists(WORDS | st.text(max_size=6), max_size=12).flatmap(
    lambda parts: st.sampled_from([" ", ""]).map(lambda gap: gap.join(parts))
)


@FUZZ
@given(QUERIES)
@example('"')
@example("title:*")
@example('-"')
@example("\x00")
@example("\ud800 fox")
@example("after:9999 before:0001")
@example("after:99999999-01-01")
@example("tag:\ud800")
def test_queries(indexed: vault.Vault, query: str) -> None:
    """Any text is a legal query: it parses, it searches, it lists; at most a class that is locked is an error."""
    parsed = parse(query)
    fts_words(parsed), groups(parsed, synonyms())
    hits = indexed.search(query, limit=5, mode="keyword")
    assert len(hits) <= 2
    assert all(h.snippet for h in hits)
    indexed.entries(query)


@FUZZ
@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            [
                "\x1b",
                "[",
                "]",
                "0;",
                "8;;",
                "\x07",
                "\\",
                "P",
                "m",
                "31",
                "\x9b",
                "\x9d",
                "\x9c",
                "\u202e",
                "\U000e0041",
                "a",
                "\n",
                "\r",
                "\u2028",
                "\ud800",
                "\u061c",
            ]
        ),
        max_size=30,
    ).map("".join),
    st.booleans(),
)
@example("\x1b\x1b[[31mm", True)
@example("\x1b\x1b]]0;x\x07", True)
def test_safe_text(given_text: str, newlines: bool) -> None:
    """Nothing that makes a terminal act or mislead is left, at once: doing it again changes nothing."""
    out = text.safe_text(given_text, newlines=newlines)
    for ch in out:
        assert unicodedata.category(ch) not in {"Cc", "Cs", "Zl", "Zp"} or ch in "\n\t"
        assert unicodedata.bidirectional(ch) not in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        assert not 0xE0000 <= ord(ch) <= 0xE0FFF
    assert newlines or "\n" not in out
    assert text.safe_text(out, newlines=newlines) == out
    out.encode()


def test_control_a_safe_text_that_forgets_something_is_caught() -> None:
    """Positive control: the property does find a raw escape, a bidi override and a tag character."""
    real = text.safe_text
    for forgotten in ("\x1b", "\u202e", "\U000e0041"):
        text.safe_text = lambda t, forgotten=forgotten, **k: forgotten if forgotten in t else real(t, **k)
        try:
            with pytest.raises((AssertionError, BaseExceptionGroup)):
                test_safe_text()
        finally:
            text.safe_text = real


@FUZZ
@given(
    st.binary(max_size=200)
    | st.dictionaries(st.sampled_from([*config.SETTINGS, "x", "search"]), st.text(max_size=20), max_size=4).map(
        lambda d: "".join(f"{k} = {v}\n" for k, v in d.items()).encode("utf-8", "replace")
    )
)
@example(b"search.limit = true")
@example(b"search.limit = 1e400")
@example(b"search.limit = nan")
@example(b"classify.threshold.secret = nan")
@example(b"classify.threshold.secret = inf")
@example(b"search = 5")
@example(b"a = " + b"[" * 5000)
@example(b"search.limit = 99999999999999999999999")
@example(b"search.mode = []")
def test_config_files(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """A file loads with legal values only, or is InvalidInput."""
    path = tmp_path_factory.getbasetemp() / "config.toml"
    path.write_bytes(data)
    try:
        loaded = config.load(path)
    except InvalidInput as error:
        assert error.remedy  # noqa: PT017 (it may or may not raise)
        return
    tomllib.loads(data.decode())
    for key, setting in config.SETTINGS.items():
        value = loaded[key]
        assert type(value) is type(setting.default)
        assert isinstance(value, (str, tuple)) or setting.bounds[0] <= value <= setting.bounds[1]
    loaded.thresholds(), loaded.fallback()


@FUZZ
@given(st.integers(1, 2**40))
def test_padding(length: int) -> None:
    """Never shorter, at most 12 % longer above the floor, and padding twice is padding once."""
    size = padded_size(length)
    assert max(length, 1024) <= size <= max(1024, length * 1.12)
    assert padded_size(size) == size


def test_control_an_opener_reports_every_kind(tmp_path: Path) -> None:
    """Positive control of the seal faults: a class of another vault is not this one's."""
    with pytest.raises(SealFault) as fault:
        Opener(unlocked.ClassKeys((ROOT,), HEADER, ("x",))).open("a" * 32, b"x")
    assert fault.value.kind == "name"
