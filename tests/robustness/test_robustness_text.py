"""T26: difficult text is kept byte for byte, or refused with a typed error; never changed, never lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

import vault
from vault.errors import InvalidInput, NotFound, VaultError

NFC, NFD = "caf\u00e9 \u1e69", "cafe\u0301 s\u0323\u0307"
TEXTS = {
    "nul": "before\0after",
    "nul first": "\0x",
    "nfc": NFC,
    "nfd": NFD,
    "rtl": "שלום עולם مرحبا \u202eevil\u202c",
    "crlf": "one\r\ntwo\r\n",
    "cr": "one\rtwo\r",
    "trailing": "text   \n\n\t \n",
    "leading": "\n\n   text",
    "no newline": "text",
    "bom": "\ufefftext",
    "front matter": '---\nvault: "x"\n---\nbody\n',
    "only fences": "---\n---\n---",
    "signature": "x\n<!-- memory-sig v1 aaaaaaaaaaaaaaaa " + "A" * 86 + "== -->\n",
    "spaces to the end": "x" + " " * 5000,
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f",
    "separators": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "non-characters": "\ufffe\uffff\ufdd0\U0001ffff",
    "astral": "𝕿𝖊𝖘𝖑𝖆 👩‍👩‍👧‍👦 \U000e0041",
    "private": "\ue000\U0010fffd",
    "ansi": "\x1b[31mred\x1b]0;title\x07",
    "replacement": "\ufffd",
    "padded exactly": "y" * (1024 - 700),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_text_comes_back_as_it_was(new_vault: Callable[..., vault.Vault], text: str) -> None:
    """Through capture, close, opening, rebuilding and editing, every character is as it was given."""
    v = new_vault()
    entry = v.capture(text, "general", metadata={"m": text}, context=text, source="s")
    assert v.get(entry.id).text == text
    v.close()
    v = new_vault(reopen=True)
    assert v.get(entry.id).text == text
    v.rebuild()
    found = v.get(entry.id)
    assert (found.text, found.metadata, found.context) == (text, {"m": text}, text)
    assert v.edit(entry.id, tags=["t"]).text == text
    assert v.history(entry.id)[-1].entry.text == text
    v.search(text[:200])


def test_compositions_stay_two_texts(new_vault: Callable[..., vault.Vault]) -> None:
    """NFC and NFD are not normalised into each other, and each is found by the other's spelling."""
    v = new_vault()
    a, b = v.capture(NFC, "general"), v.capture(NFD, "general")
    assert (v.get(a.id).text, v.get(b.id).text) == (NFC, NFD)
    assert {h.entry.id for h in v.search("café")} == {a.id, b.id}


@pytest.mark.parametrize(
    "given",
    [
        {"text": "a\ud800b"},
        {"text": "x", "context": "\udfff"},
        {"text": "x", "title": "\ud800"},
        {"text": "x", "tags": ["\ud800"]},
        {"text": "x", "source": "\ud800"},
        {"text": "x", "metadata": {"k": "\ud800"}},
        {"text": "x", "metadata": {"\ud800": 1}},
        {"text": "x", "metadata": {"k": b"bytes"}},
        {"text": ""},
        {"text": " \n\t"},
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_refused(new_vault: Callable[..., vault.Vault], given: dict[str, object]) -> None:
    """Lone surrogates, bytes in metadata, nothing at all: InvalidInput with a remedy, and nothing is stored."""
    v = new_vault()
    with pytest.raises(InvalidInput) as refused:
        v.capture(classification="general", **given)  # type: ignore[arg-type]
    assert refused.value.remedy
    assert v.entries() == []


@pytest.mark.parametrize("field", ["title", "tags"])
def test_titles_and_tags_lose_what_would_harm(new_vault: Callable[..., vault.Vault], field: str) -> None:
    """Controls are taken out of titles and tags, which are ours to tidy."""
    v = new_vault()
    harm = "o\x00k\x1b[31m\u202e"
    entry = v.capture("x", "general", **{field: [harm] if field == "tags" else harm})  # type: ignore[arg-type]
    found = v.get(entry.id)
    assert (found.tags if field == "tags" else (found.title,)) == ("ok",)


@pytest.mark.parametrize("hostile", ["\ud800\ud800\ud800\ud800", "\0\0\0\0", "%%%%", "''''", "💥💥💥💥", "a" * 10_000])
def test_a_strange_id_is_not_found(new_vault: Callable[..., vault.Vault], hostile: str) -> None:
    """Any text where an id belongs: a typed error."""
    v = new_vault()
    v.capture("x", "general")
    for verb in (v.get, v.delete, v.restore, v.history, lambda i: v.edit(i, "y"), lambda i: v.move(i, "secret")):
        with pytest.raises((NotFound, InvalidInput)):
            verb(hostile)
    for query in (hostile, f"tag:{hostile}", f"source:{hostile}", f"title:{hostile}"):
        v.search(query)
        v.entries(query)


def test_files_with_strange_names_are_imported_or_reported(
    new_vault: Callable[..., vault.Vault], tmp_path: Path
) -> None:
    """255-byte names, names that are no UTF-8, two compositions of one name, and files that are no UTF-8."""
    folder = tmp_path / "in"
    folder.mkdir()
    names = [
        b"n" * 252 + b".md",
        b"\xff\xfe.md",
        "e\u0301.md".encode(),
        "\u00e9.md".encode(),
        b"a\nb.md",
        b"\x1b[31m.md",
    ]
    for name in names:
        (Path(folder) / name.decode("utf-8", "surrogateescape")).write_bytes(b"body of " + name.hex().encode())
    (folder / "latin.md").write_bytes(b"caf\xe9")
    v = new_vault()
    report = v.import_from(folder)
    assert (report.added, report.skipped) == (len(names), 1)
    assert {e.text for e in v.entries()} == {f"body of {n.hex()}" for n in names}
    again = v.import_from(folder)
    assert (again.added, again.updated, again.unchanged) == (0, 0, len(names))
    assert v.export_to(tmp_path / "out") == len(names)


def test_every_error_is_one_line_in_lower_case(new_vault: Callable[..., vault.Vault]) -> None:
    """The message of a refusal never carries the text that was refused."""
    v = new_vault()
    for text in ("", "Secret\ud800Words", "A" * (1 << 20) + "B"):
        with pytest.raises(VaultError) as refused:
            v.capture(text)
        assert "\n" not in refused.value.message
        assert refused.value.message[0].islower() or refused.value.message[0].isdigit()
        assert "Secret" not in refused.value.message
