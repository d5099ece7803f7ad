"""Markdown in and out: real notes, other tools' habits, hostile folders, and the round trip."""

import os
import stat
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vault.classification import Classification
from vault.entry import MAX_TEXT
from vault.errors import Conflict, InvalidInput, NotFound
from vault.formats.interface import Exported, Item, Skipped
from vault.formats.markdown import MarkdownImporter
from vault.formats.markdown_export import MarkdownExporter, encode
from vault.formats.registry import EXPORTERS, IMPORTERS, exporter, importer_for

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ENTRY = Exported(id="0123456789abcdef", text="# Kabo\n\nbody\n", classification=Classification.SECRET)


def read(path: Path) -> list[Item | Skipped]:
    """Everything the importer says about *path*."""
    return list(MarkdownImporter().read(path))


def only(path: Path) -> Item:
    """The single item at *path*."""
    (item,) = read(path)
    assert isinstance(item, Item), item
    return item


def note(folder: Path, content: str | bytes, name: str = "note.md") -> Path:
    """A file in *folder*."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_real_collection_is_read_completely(tmp_path):
    """Every note of a developer's collection arrives, titled, dated by its file, verbatim."""
    archive = DATA / "til.tar.gz"
    if not archive.exists():
        pytest.skip("the shared data is not here: ../shared/data/til.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "til", filter="data")
    files = sorted((tmp_path / "til").rglob("*.md"))
    items = read(tmp_path / "til")
    assert len(items) == len(files) == MarkdownImporter().count(tmp_path / "til") >= 577
    assert all(isinstance(item, Item) and item.title and item.updated for item in items)
    assert {i.text for i in items if isinstance(i, Item)} == {f.read_bytes().decode() for f in files}
    assert len({i.source_id for i in items if isinstance(i, Item)}) == len(files)


def test_everything_a_note_says_about_itself(tmp_path):
    """Front matter, inline tags and links are read; the rest of the front matter stays in the metadata."""
    note(
        tmp_path,
        "---\ntitle: My: note\ntags: [Work, '#ops']\nkeywords: a, b\ncreated: 2024-01-05T10:30:00Z\n"
        "modified: 2024-02-01\naliases:\n  - other\nclassification: secret\n---\n\n# Heading\n#Work #new [[Plan|p]]\n".replace(
            "My: note", '"My: note"'
        ),
    )
    item = only(tmp_path)
    assert item.title == "My: note"
    assert item.tags == ("Work", "ops", "a", "b", "new")
    assert item.created == datetime(2024, 1, 5, 10, 30, tzinfo=UTC)
    assert item.updated == datetime(2024, 2, 1).astimezone()
    assert item.classification is Classification.SECRET
    assert item.text == "\n# Heading\n#Work #new [[Plan|p]]\n"
    assert item.metadata == {"front_matter": {"aliases": ["other"]}, "links": ["Plan"]}
    assert item.source == "markdown"


def test_title_from_heading_then_name_and_time_from_the_file(tmp_path):
    """Without front matter: the first heading, else the file's name; created is not guessed."""
    os.utime(note(tmp_path, "text\n# Heading\n", "a.md"), (1e9, 1e9))
    note(tmp_path, "just text #tag", "b c.txt")
    first, second = read(tmp_path)
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert (first.title, first.created, first.updated) == ("Heading", None, datetime.fromtimestamp(1e9, UTC))
    assert (second.title, second.tags) == ("b c", ())


@pytest.mark.parametrize("front", ["a: [\n", "a: &x 1\nb: *x\n", "- list\n", "a: 1\na: 2\n"])
def test_broken_front_matter_stays_in_the_text(tmp_path, front):
    """What cannot be read is not lost: the whole file is the body and the metadata says why."""
    whole = f"---\n{front}---\nbody\n"
    note(tmp_path, whole)
    item = only(tmp_path)
    assert item.text == whole
    assert item.metadata["front_matter"] == "unreadable"


def test_a_note_of_properties_only_keeps_them_as_text(tmp_path):
    """A body that is blank does not make a note vanish; an empty file is skipped with its reason."""
    note(tmp_path, "---\nstatus: open\n---\n", "a.md")
    note(tmp_path, " \n", "b.md")
    first, second = read(tmp_path)
    assert isinstance(first, Item)
    assert first.text == "---\nstatus: open\n---\n"
    assert second == Skipped("b.md", "there is no text in it")


def test_the_source_id_survives_a_move_of_the_folder(tmp_path):
    """The folder's name and the path below it, however and from wherever the folder is named."""
    note(tmp_path / "one" / "notes", "x", "sub/e\u0301.md")
    note(tmp_path / "two" / "notes", "x", "sub/é.md")
    first, second = only(tmp_path / "one" / "notes"), only(tmp_path / "two" / ".." / "two" / "notes")
    assert first.source_id == second.source_id == "notes/sub/é.md"
    top = note(tmp_path / "notes", "x", "top.md")
    assert only(top).source_id == only(tmp_path / "notes").source_id == "notes/top.md"


def test_names_that_differ_only_in_composition_stay_two(tmp_path):
    """NFC and NFD names beside each other (Linux allows it) get two ids."""
    note(tmp_path, "x", "é.md")
    note(tmp_path, "y", "e\u0301.md")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system does not tell the names apart")
    assert len({item.source_id for item in read(tmp_path) if isinstance(item, Item)}) == 2


def test_links_pipes_and_hidden_folders_are_not_followed(tmp_path):
    """Nothing outside the root is read, nothing blocks, and what is passed over is reported."""
    outside = note(tmp_path / "outside", "private")
    root = tmp_path / "root"
    note(root, "fine", "b.md")
    note(root, "hidden", ".obsidian/x.md")
    note(root, "hidden", ".secret.md")
    note(root, "an image", "c.png")
    (root / "a.md").symlink_to(outside)
    (root / "dir").symlink_to(outside.parent, target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    os.mkfifo(root / "pipe.md")
    found = read(root)
    assert [item.text for item in found if isinstance(item, Item)] == ["fine"]
    skipped = {item.where: item.reason for item in found if isinstance(item, Skipped)}
    assert set(skipped) == {"a.md", "dir", "loop", "pipe.md"}
    assert skipped["pipe.md"] == "not a regular file"
    assert "symbolic link" in skipped["a.md"]


def test_bytes_that_are_no_text_are_skipped_with_the_reason(tmp_path):
    """Broken UTF-8, NUL bytes and oversize are reported; BOMs and UTF-16 are read."""
    note(tmp_path, b"\xef\xbb\xbfwith bom", "a.md")
    note(tmp_path, "ütf-16".encode("utf-16"), "b.md")
    note(tmp_path, b"ok \xff", "c.md")
    note(tmp_path, b"PK\0\0", "d.md")
    note(tmp_path, "x" * (MAX_TEXT + 1), "e.md")
    note(tmp_path, "x" * MAX_TEXT, "f.md")
    note(tmp_path, b"x" * (5 << 20), "g.md")
    found = read(tmp_path)
    assert [i.text[:10] for i in found if isinstance(i, Item)] == ["with bom", "ütf-16", "x" * 10]
    reasons = [i.reason for i in found if isinstance(i, Skipped)]
    assert [
        any(word in reason for word in ("utf-8", "binary", "1 MiB", "too large")) for reason in reasons
    ] == [True] * 4


def test_a_name_that_is_not_utf8_is_imported_under_a_printable_one(tmp_path):
    """Any file name that Linux allows can be stored."""
    try:
        (tmp_path / os.fsdecode(b"\xff\n.md")).write_text("x")
    except OSError:
        pytest.skip("this file system refuses the name")
    item = only(tmp_path)
    (item.source_id + (item.title or "")).encode()
    assert "\\xff" in item.source_id


def test_order_is_always_the_same_and_depth_no_limit(tmp_path):
    """Sorted by folder and name; two hundred folders deep is fine."""
    for name in ("b/x.md", "a/y.md", "z.md", "a/b/c.md"):
        note(tmp_path / "r", name, name)
    assert [i.text for i in read(tmp_path / "r") if isinstance(i, Item)] == [
        "z.md",
        "a/y.md",
        "a/b/c.md",
        "b/x.md",
    ]
    note(tmp_path / "deep", "x", "d/" * 200 + "x.md")
    assert only(tmp_path / "deep").text == "x"


def test_a_path_that_is_not_there_is_named(tmp_path):
    """A typed error, from the reader and from the registry."""
    with pytest.raises(NotFound):
        read(tmp_path / "none")
    with pytest.raises(NotFound):
        importer_for(tmp_path / "none")


def test_the_registry_knows_each_format(tmp_path):
    """By path, by name, and a typed error with the names that exist."""
    assert importer_for(tmp_path).name == "markdown"
    assert importer_for(note(tmp_path, "{}", "x.JSONL")).name == "jsonl"
    assert importer_for(tmp_path / "x.JSONL", "markdown").name == "markdown"
    with pytest.raises(InvalidInput) as caught:
        importer_for(note(tmp_path, "", "x.exe"))
    assert "markdown" in caught.value.remedy
    with pytest.raises(InvalidInput):
        exporter("docx")
    assert exporter("jsonl").name == "jsonl"
    for family in (IMPORTERS, EXPORTERS):
        assert len({one.name for one in family}) == len(family)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=300)
    | st.text(alphabet="-\n :a[]{}&*!#`~\r\t|>'\"é\0", max_size=120).map(
        lambda t: f"---\n{t}\n---\nx".encode()
    )
)
def test_any_bytes_are_an_item_or_skipped(tmp_path, data):
    """No file content crashes the import, and no text is changed."""
    note(tmp_path, data)
    (found,) = read(tmp_path)
    if isinstance(found, Item):
        assert found.text.encode() in data or data.startswith((b"\xff\xfe", b"\xfe\xff"))


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(str.strip)
moments = st.integers(86_400, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
exported = st.builds(
    Exported,
    id=st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=16, max_size=16),
    text=st.one_of(
        texts, texts.map(lambda t: f"---\na: b\n---\n{t}"), texts.map(lambda t: f"# {t}\r\n#tag [[link]]")
    ),
    title=st.none() | texts,
    tags=st.lists(st.text("abcdé/-", min_size=1, max_size=8), max_size=4, unique=True).map(tuple),
    created=st.none() | moments,
    updated=st.none() | moments,
    source=st.text("abc", min_size=1, max_size=8),
    source_id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    classification=st.sampled_from(Classification),
    context=st.none() | texts,
    metadata=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), plain, max_size=3
    ),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(exported)
def test_an_exported_entry_comes_back_as_it_was(tmp_path_factory, entry):
    """Text, title, tags, times, class, source and metadata survive export and import, whatever they hold."""
    folder = tmp_path_factory.mktemp("round")
    assert MarkdownExporter().write(folder, [entry]) == 1
    fields = {name: getattr(entry, name) for name in Item.__dataclass_fields__}
    assert only(folder) == Item(**fields)


def test_files_are_private_safe_and_named_by_title_and_id(tmp_path):
    """0600 in 0700; no separator, no reserved name, at most 200 bytes, the class as folder."""
    target = tmp_path / "out"
    titles = ["../../etc/passwd", "CON", "a" * 500, "日本" * 200, "", None, "\x1b[31m\n", ".hidden", "-rf"]
    entries = [replace(ENTRY, id=f"{n:016d}", title=title) for n, title in enumerate(titles)]
    assert MarkdownExporter().write(target, entries) == len(entries)
    files = sorted((target / "secret").iterdir())
    assert len(files) == len(entries)
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE((target / "secret").stat().st_mode) == 0o700
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(file.name.encode()) <= 200
        assert not file.name.startswith((".", "-"))
        assert file.name.isprintable()
    assert (target / "secret" / "etc-passwd-0000000000000000.md").exists()
    assert {p.name for p in tmp_path.iterdir()} == {"out"}


def test_exporting_again_updates_our_own_files(tmp_path):
    """The same export changes nothing; a new title or class moves the file; nothing stays behind."""
    MarkdownExporter().write(tmp_path, [ENTRY])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.md")}
    MarkdownExporter().write(tmp_path, [ENTRY])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.md")} == before
    MarkdownExporter().write(tmp_path, [replace(ENTRY, title="New", classification=Classification.GENERAL)])
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.md")] == [f"general/new-{ENTRY.id}.md"]


def test_a_foreign_file_is_never_overwritten_or_removed(tmp_path):
    """A file of that name that we did not write, a link, a file as target: Conflict and untouched."""
    path = note(tmp_path, "mine", f"secret/kabo-{ENTRY.id}.md")
    elsewhere = note(tmp_path, "mine too", f"general/old-{ENTRY.id}.md")
    with pytest.raises(Conflict):
        MarkdownExporter().write(tmp_path, [ENTRY])
    assert path.read_text() == "mine"
    assert MarkdownExporter().write(tmp_path, [ENTRY], overwrite=True) == 1
    assert elsewhere.read_text() == "mine too"
    with pytest.raises(Conflict):
        MarkdownExporter().write(elsewhere, [ENTRY])
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "secret").symlink_to(tmp_path / "general", target_is_directory=True)
    with pytest.raises(Conflict):
        MarkdownExporter().write(linked, [ENTRY])


@pytest.mark.parametrize(
    "entry",
    [replace(ENTRY, id="../x"), replace(ENTRY, text="\ud800"), replace(ENTRY, metadata={"x": float("nan")}), replace(ENTRY, metadata={"x": {1}})],
)  # fmt: skip
def test_what_the_format_cannot_hold_is_a_typed_error(tmp_path, entry):
    """A hostile id, a lone surrogate, NaN and non-JSON are InvalidInput, and no file appears."""
    with pytest.raises(InvalidInput):
        MarkdownExporter().write(tmp_path / "out", [entry])
    assert not list(tmp_path.rglob("*.md"))


def test_an_export_edited_by_hand_comes_back_edited(tmp_path):
    """Changes in the front matter count; an unknown class is not guessed lower but skipped."""
    text = encode(replace(ENTRY, tags=("a",))).decode()
    note(tmp_path, text.replace('["a"]', "[b, c]"), "x.md")
    assert only(tmp_path).tags == ("b", "c")
    note(tmp_path, text.replace('"secret"', '"sekret"'), "x.md")
    (found,) = read(tmp_path)
    assert isinstance(found, Skipped)
