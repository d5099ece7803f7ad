"""T25: what is far too large, too deep or too many meets a named error or a bounded answer (about 15 s)."""

from pathlib import Path

import pytest
from bounded import refusal, run


def test_control_the_guards_catch_hang_and_hunger(tmp_path: Path) -> None:
    """Positive control: a piece of work that takes 2 GiB, or never ends, does not pass."""
    with pytest.raises(AssertionError, match="MemoryError"):
        run(tmp_path, "x = bytearray(2 << 30)")
    with pytest.raises(AssertionError, match="ended with -"):
        run(tmp_path, "while True: pass", seconds=1)


def test_a_header_section_of_14_mb_is_refused(tmp_path: Path) -> None:
    """A planted section beyond the bound is never parsed, does not keep the vault shut, and doctor names it."""
    code = """
        make().close()
        data = b'format = 1\\nx = "' + b"a" * 14_000_000 + b'"\\n'
        from vault.names import name_of
        (here / "v" / "header" / f"general.{name_of(data)}.toml").write_bytes(data)
        from vault.errors import Damaged
        with reopen() as v:
            if any(name_of(data) in finding.subject for finding in v.examine()):
                raise Damaged("listed")
    """
    assert refusal(tmp_path, code) == "Damaged"


def test_argon2_asking_for_four_tebibytes_is_refused_before_any_is_taken(tmp_path: Path) -> None:
    """The limits are checked first; production's limits, as a planted header would meet them."""
    code = """
        from vault.keys import keyslots, stretching
        kdf = keyslots.KdfParams(b"s" * 16, 4 * 1024**3, 3, 1)
        keyslots.material(keyslots.passphrase(b"x"), kdf, stretching.Stretched(KdfLimits()))
    """
    assert refusal(tmp_path, code) == "Damaged"


def test_an_object_of_70_mb_is_put_aside(tmp_path: Path) -> None:
    """A planted object beyond 64 MiB is quarantined by its size; everything else is there."""
    code = """
        import hashlib, base64
        with make() as v:
            kept = v.capture("kept", "general").id
        data = b"age-encryption.org/v1\\n" + bytes(70_000_000)
        from vault.names import name_of
        name = name_of(data)
        (here / "v" / "objects" / name[:2]).mkdir(exist_ok=True)
        (here / "v" / "objects" / name[:2] / f"{name}.age").write_bytes(data)
        del data
        with reopen() as v:
            kinds = {s.kind for c in v.opened.compartments for s in c.skipped()}
            print(v.get(kept).text, len(v.entries()), sorted(kinds))
    """
    assert run(tmp_path, code) == "kept 1 ['bounds']"


def test_a_query_of_200000_tokens_answers(tmp_path: Path) -> None:
    """It is read as far as the bound, says so, and searches."""
    code = """
        with make() as v:
            v.capture("a tesla coil", "general")
            for query in ("tesla " * 200_000, '"' * 200_000, "-a " * 200_000, "tag:x " * 200_000, "a*" * 200_000):
                v.search(query)
            print(len(v.search("tesla " * 200_000)), len(v.notes) > 0)
    """
    assert run(tmp_path, code) == "1 True"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("line.jsonl", "b'{\"text\": \"' + b'a' * 10_500_000 + b'\"}\\n'"),
        ("line.md", "b'# t\\n' + b'a' * 10_500_000"),
        ("words.md", "b'word ' * 200_000"),
        ("quotes.md", "b'> ' * 400_000 + b'x'"),
        ("lists.md", "b''.join(b' ' * n + b'- x\\n' for n in range(1400))"),
        ("brackets.md", "b'[' * 900_000"),
        ("stars.md", "b'*a_' * 300_000"),
        ("deep.jsonl", "b'{\"text\": \"x\", \"m\": ' + b'[' * 500_000 + b']' * 500_000 + b'}\\n'"),
        ("front.md", "b'---\\nx: ' + b'[' * 60_000 + b']' * 60_000 + b'\\n---\\nbody\\n'"),
        ("tags.md", "b'---\\ntags: [' + b'a, ' * 1_000_000 + b'b]\\n---\\nbody\\n'"),
        ("hashtags.md", "b'body ' + b'#a1b2 ' * 160_000"),
        ("tags.jsonl", 'b\'{"text": "x", "tags": [\' + b\'"t",\' * 1_000_000 + b\'"z"]}\\n\''),
    ],
    ids=lambda v: v if v.endswith(("md", "jsonl")) else "",
)
def test_a_hostile_file_is_imported_or_skipped(tmp_path: Path, name: str, content: str) -> None:
    """However large a line or deep the nesting: the import ends, counts what it left out, and takes the next one."""
    code = f"""
        (here / "in").mkdir()
        (here / "in" / {name!r}).write_bytes({content})
        with make() as v:
            report = v.import_from(here / "in" / {name!r})
            assert report.added + report.skipped == 1, report
            for e in v.entries(): v.search(e.text[:900])
            (here / "in" / "next.md").write_text("all is well")
            print(v.import_from(here / "in" / "next.md").added)
    """
    assert run(tmp_path, code) == "1"


def test_a_million_tags_are_refused(tmp_path: Path) -> None:
    """An entry takes 100."""
    assert (
        refusal(tmp_path, "make().capture('x', 'general', tags=(f't{n}' for n in range(1_000_000)))") == "InvalidInput"
    )


def test_text_beyond_a_mebibyte_is_refused_and_exactly_one_is_kept(tmp_path: Path) -> None:
    """The bound counts bytes of UTF-8, and the longest text comes back whole."""
    code = """
        v = make()
        text = "ä" * (512 * 1024)
        e = v.capture(text, "general")
        assert v.get(e.id).text == text
        v.close()
        with reopen() as v:
            assert v.get(e.id).text == text
            v.capture(text + "a", "general")
    """
    assert refusal(tmp_path, code) == "InvalidInput"


@pytest.mark.parametrize(
    "value",
    [
        *(f"deep({n})" for n in (50, 200, 400, 600, 800, 900, 940, 960, 980, 990, 1500, 100_000)),
        '{"x": "a" * (17 * 1024 * 1024)}',
        '{"x": "\\ud800"}',
        '{"x": float("nan")}',
        '{"x": 10**5000}',
        '{"x": 10**400}',
        '{"x": {1, 2}}',
        '{f"k{n}": n for n in range(200_000)}',
    ],
)
def test_metadata_is_kept_as_it_was_or_refused(tmp_path: Path, value: str) -> None:
    """Too deep, too large, not JSON: refused before anything is written, or readable at the next opening."""
    code = f"""
        def deep(n):
            found = {{}}
            for _ in range(n): found = {{"a": found}}
            return found
        v = make()
        given = {value}
        try:
            e = v.capture("x", "general", metadata=given)
        except InvalidInput:
            print("fine")
        else:
            v.close()
            v = reopen()
            v.rebuild()  # the sealed file is the truth
            try:
                found = v.get(e.id).metadata
            except NotFound:
                sys.exit("acknowledged, and lost when the index was built anew")
            v.edit(e.id, "y")
            v.export_to(here / "out.jsonl", format_name="jsonl")
            print("fine" if json.dumps(found) == json.dumps(given) else "changed")
    """
    assert run(tmp_path, code) == "fine"


@pytest.mark.parametrize("field", ["source", "context", "title"])
def test_long_fields_are_kept_or_refused(tmp_path: Path, field: str) -> None:
    """17 MiB of source, context or title never make an entry that is acknowledged and then unreadable."""
    code = f"""
        v = make()
        try:
            e = v.capture("x", "general", {field}="a" * (17 * 1024 * 1024))
        except InvalidInput:
            print("fine")
        else:
            v.close()
            v = reopen()
            v.rebuild()
            print("fine" if [e.text for e in v.entries()] == ["x"] else "lost")
    """
    assert run(tmp_path, code) == "fine"
