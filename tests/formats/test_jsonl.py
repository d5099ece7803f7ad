"""JSON Lines in and out."""

import json
import stat
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vault import durable
from vault.classification import Classification
from vault.errors import Conflict, InvalidInput, NotFound, StorageFailed
from vault.formats.interface import Exported, Item, Skipped
from vault.formats.jsonl import MAX_LINE, JsonlExporter, JsonlImporter, encode

ENTRY = Exported(
    id="0123456789abcdef", text="kabo\nlumi", title="T", tags=("a", "b"), created=datetime(2026, 1, 2, tzinfo=UTC),
    source="shell", source_id="7", classification=Classification.SECRET, context="at work", metadata={"x": [1.5, None]},
)  # fmt: skip


def read(path: Path, *lines: str | bytes) -> list[Item | Skipped]:
    """What the importer says about a file of these *lines*."""
    file = path / "x.jsonl"
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return list(JsonlImporter().read(file))


def test_objects_and_strings(tmp_path):
    """Every known key finds its place, unknown ones go into the metadata, a bare string is a text."""
    full = {
        "text": "t", "title": "T", "tags": ["#a"], "created": "2024-01-05T10:30:00Z", "id": 7, "source": "s",
        "classification": "Secret", "context": "c", "metadata": {"m": 1}, "author": "Ada", "updated": "soon",
    }  # fmt: skip
    first, second, third, fourth = read(
        tmp_path, json.dumps(full), '"just text"', "", '{"content": "c", "tags": "a, b"}', '{"body": "b"}'
    )
    assert first == Item(
        text="t", title="T", tags=("a",), created=datetime(2024, 1, 5, 10, 30, tzinfo=UTC), source="s", source_id="7",
        classification=Classification.SECRET, context="c", metadata={"author": "Ada", "updated": "soon", "m": 1},
    )  # fmt: skip
    assert isinstance(second, Item)
    assert isinstance(third, Item)
    assert isinstance(fourth, Item)
    assert (second.text, second.source, len(second.source_id)) == ("just text", "jsonl", 64)
    assert (third.text, third.tags, fourth.text) == ("c", ("a", "b"), "b")


def test_the_default_id_depends_on_the_text_alone(tmp_path):
    """The same text in another line or file is the same source."""
    first, second, other = read(tmp_path, '"a"', '{"text": "a", "title": "x"}', '"b"')
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert isinstance(other, Item)
    assert first.source_id == second.source_id != other.source_id


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("{", "json"), ("NaN", "json"), ('{"text": "a", "x": NaN}', "json"), ("[1]", "neither"), ("7", "neither"), ("null", "neither"),
        ("{}", "neither"), ('{"text": 5}', "neither"), ('{"text": " "}', "no text"), ("[" * 100_000, "deep"), (b'"\xff"', "utf-8"),
        ('{"text": "\\ud800"}', "surrogate"), ('{"text": "a", "title": "\\uD800"}', "surrogate"), ('{"text": "a", "classification": "top"}', "classification"),
        ('"' + "x" * (1 << 20) + 'y"', "1 MiB"), ('{"text": "a", "x": ' + "[" * 70 + "]" * 70 + "}", "deep"),
    ],
)  # fmt: skip
def test_a_bad_line_is_skipped_by_number_and_reading_goes_on(tmp_path, line, word):
    """Each kind of damage names its line and its reason, and the next line is read."""
    first, skipped, last = read(tmp_path, '"a"', line, '"b"')
    assert isinstance(skipped, Skipped)
    assert skipped.where == "line 2"
    assert word in skipped.reason
    assert isinstance(first, Item)
    assert isinstance(last, Item)
    assert last.text == "b"


def test_a_line_too_long_is_passed_over_without_being_held(tmp_path):
    """60 MB in one line cost no more memory than the limit, and the next line has its right number."""
    file = tmp_path / "x.jsonl"
    with file.open("wb") as out:
        for _ in range(60):
            out.write(b"x" * (1 << 20))
        out.write(b'\n"b"\n')
    tracemalloc.start()
    found = list(JsonlImporter().read(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0] == Skipped("line 1", "the line is longer than 10 MiB: split it")
    assert isinstance(found[1], Item)
    assert peak < 3 * MAX_LINE


def test_counting_and_bom(tmp_path):
    """Blank lines do not count; a byte order mark and Windows line ends do not matter."""
    assert [
        i.text for i in read(tmp_path, b'\xef\xbb\xbf"a"\r', b"  \r", b'"b"\r') if isinstance(i, Item)
    ] == ["a", "b"]
    assert JsonlImporter().count(tmp_path / "x.jsonl") == 2
    with pytest.raises(NotFound):
        list(JsonlImporter().read(tmp_path / "none.jsonl"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.recursive(st.none() | st.floats() | st.text(max_size=9), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(["text", "id", "tags", "created", "metadata", "title"]), x, max_size=4)).map(lambda v: json.dumps(v).encode()))  # fmt: skip
def test_any_bytes_are_items_or_skipped(tmp_path, data):
    """No file content crashes the import, and whatever comes out can be stored."""
    for found in read(tmp_path, data):
        if isinstance(found, Item):
            found.text.encode()
            json.dumps(found.metadata, allow_nan=False, ensure_ascii=False).encode()


safe = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(safe.filter(str.strip), safe, st.dictionaries(safe.filter(lambda k: k), st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | safe | st.lists(safe, max_size=2), max_size=3))  # fmt: skip
def test_an_exported_entry_comes_back_as_it_was(tmp_path_factory, text, title, metadata):
    """Every field survives, whatever characters it holds, line separators included."""
    file = tmp_path_factory.mktemp("round") / "out.jsonl"
    entry = replace(ENTRY, text=text, title=title or None, metadata=metadata)
    assert JsonlExporter().write(file, [entry, ENTRY]) == 2
    fields = {name: getattr(entry, name) for name in Item.__dataclass_fields__}
    assert next(iter(JsonlImporter().read(file))) == Item(**fields)
    assert file.read_bytes().count(b"\n") == 2


def test_keys_come_in_one_order_and_empty_ones_not_at_all():
    """The line is the same for the same entry, and any JSON reader reads it."""
    assert list(json.loads(encode(ENTRY))) == [
        "id", "text", "title", "tags", "created", "classification", "source", "source_id", "context", "metadata",
    ]  # fmt: skip
    assert list(json.loads(encode(Exported(id="abcd", text="x")))) == ["id", "text"]
    with pytest.raises(InvalidInput):
        encode(replace(ENTRY, text="\ud800"))


def test_the_file_is_private_complete_or_absent(tmp_path, monkeypatch):
    """0600; an existing file is kept unless overwriting; an error leaves nothing behind."""
    file = tmp_path / "new" / "out.jsonl"
    JsonlExporter().write(file, [ENTRY])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(Conflict):
        JsonlExporter().write(file, [ENTRY])
    assert JsonlExporter().write(file, [ENTRY, ENTRY], overwrite=True) == 2
    with pytest.raises(InvalidInput):
        JsonlExporter().write(tmp_path / "b.jsonl", [ENTRY, replace(ENTRY, text="\ud800")])
    monkeypatch.setattr(durable, "sync_fd", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(StorageFailed):
        JsonlExporter().write(tmp_path / "c.jsonl", [ENTRY])
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert len(file.read_bytes().splitlines()) == 2
