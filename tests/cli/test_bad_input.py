"""Bad input: one line that names the remedy, the right number, and nothing half-written."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from program import MODELS, Program, tree
from test_exit_codes import said_well

from vault.names import name_of

MIB = 2**20


def refused(program: Program, code: int, *args: str | Path, stdin: str | bytes = b"") -> str:
    """Run *args*, which must be refused with *code* in one line and leave nothing behind; gives the line."""
    before = tree(program.vault, program.root / "tmp", program.root / "runtime")
    done = program(*args, stdin=stdin)
    assert (done.code, done.out) == (code, ""), (done.code, done.out[:500], done.err[:500])
    assert said_well(done.err), done.err[:500]
    assert len(done.err) < 400
    assert tree(program.vault, program.root / "tmp", program.root / "runtime") == before
    return done.err


def objects(program: Program) -> list[Path]:
    """The sealed files."""
    return sorted(program.vault.glob("objects/*/*.age"))


def test_newer_format(memory: Program) -> None:
    """A vault of a newer version is refused with advice to upgrade, by readers and by captures."""
    preamble = memory.vault / "vault.toml"
    preamble.write_text(preamble.read_text().replace("format = 1", "format = 2"))
    assert "upgrade" in refused(memory, 13, "list")
    refused(memory, 13, "add", "text")


@pytest.mark.parametrize("damage", ["flip", "cut", "junk", "empty"])
def test_a_damaged_header(memory: Program, damage: str) -> None:
    """One class whose section is broken is not opened, whatever the damage, and nothing is sealed wrongly."""
    entry = memory.add("kept")
    (section,) = memory.vault.glob("header/general.*.toml")
    data = section.read_bytes()
    broken = {"flip": data[:100] + bytes([data[100] ^ 1]) + data[101:], "cut": data[:-40], "junk": b"\0" * 500}
    section.write_bytes(broken.get(damage, b""))
    done = memory("doctor", "--json")
    assert done.code == 13, done.err
    assert section.name in done.out
    shown = memory("show", entry)
    assert shown.code in {13, 14}, (shown.code, shown.out, shown.err)
    assert shown.out == ""
    assert said_well(shown.err) or "general" in shown.err, shown.err


def test_a_damaged_sealed_file_is_found_and_the_rest_stays(memory: Program) -> None:
    """A flipped byte in one file: doctor names that file and exits 13; the other entries go on."""
    memory.add("sound")
    (sound,) = objects(memory)
    memory.add("broken")
    (broken,) = set(objects(memory)) - {sound}
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(bytes(data))
    done = memory("doctor")
    assert done.code == 13
    assert broken.name in done.out
    assert sound.name not in done.out
    assert "sound" in memory("list").ok().out


def test_a_foreign_file_never_becomes_an_entry(memory: Program) -> None:
    """Junk under a right name, and a file of the right kind under a wrong name, are kept and never shown."""
    memory.add("mine")
    (mine,) = objects(memory)
    junk = b"age-encryption.org/v1\n-> X25519 " + b"A" * 200
    name = name_of(junk)
    (memory.vault / "objects" / name[:2]).mkdir(exist_ok=True)
    (memory.vault / "objects" / name[:2] / f"{name}.age").write_bytes(junk)
    wrong = mine.with_name(mine.name[:2] + "a" * 30 + ".age")
    wrong.write_bytes(mine.read_bytes())
    assert len(memory("list", "--json").ok().json) == 1
    assert wrong.name in memory("doctor").out
    assert len(objects(memory)) == 3


def test_invalid_utf8_on_a_pipe_and_in_a_file(shared: Program) -> None:
    """Refused with the command that converts it."""
    for data in (b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80"):
        assert "iconv" in refused(shared, 2, "add", stdin=data)
    latin = shared.root / "work" / "latin.txt"
    latin.write_bytes(b"caf\xe9")
    assert "iconv" in refused(shared, 2, "add", "--file", latin)


@pytest.mark.parametrize(
    "text",
    [
        "a\0b", "\ufeffbom", "e\u0301 and \u00e9", "שלום עולם", "\r\nlines\r", "---\nid: 1\n---\n", "\U000e0041tag", " lead",
        "<!-- memory-sig v1 x y -->\n   ", "trailing   \n\n\n", "\u2028sep\u2029", "\x1b]52;c;aGk=\x07", "名" * 400,
    ],
)  # fmt: skip
def test_odd_text_is_lossless(shared: Program, text: str) -> None:
    """What goes in by a pipe comes out byte for byte: NUL, BOM, both normal forms, RTL, CRLF, our own markers."""
    entry = shared("add", "--json", "-c", "general", stdin=text).ok().json["id"]
    assert shared("show", entry, "--format", "md").ok().raw == text.encode()
    assert shared("show", entry, "--json").ok().json["text"] == text


def test_an_argument_that_is_not_utf8(shared: Program) -> None:
    """A lone surrogate from the command line is refused, not stored as something else."""
    before = len(objects(shared))
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"memory_cli", b"add", b"caf\xe9"],
        env=shared.env, capture_output=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert said_well(done.stderr.decode())
    assert len(objects(shared)) == before


GENERATOR = "import os\nblock = b'x' * 1048576\ntry:\n    for _ in range(100): os.write(1, block)\nexcept OSError: pass"


def test_a_flood_on_stdin_is_refused_in_little_memory(shared: Program) -> None:
    """100 MB into `memory add` is refused after the first MiB, with 512 MiB of address space to spare."""
    before = objects(shared)
    with subprocess.Popen([sys.executable, "-c", GENERATOR], stdout=subprocess.PIPE) as flood:
        done = subprocess.run(
            [sys.executable, "-m", "memory_cli", "add"],
            env=shared.env, stdin=flood.stdout, capture_output=True, text=True, check=False, timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (512 * MIB, 512 * MIB)),
        )  # fmt: skip
        assert flood.stdout is not None
        flood.stdout.close()
    assert done.returncode == 2, done.stderr
    assert "import" in done.stderr
    assert said_well(done.stderr)
    assert objects(shared) == before


def test_exactly_one_mebibyte_is_taken_and_one_byte_more_is_not(shared: Program) -> None:
    """The limit is where the documentation says; edit has the same one."""
    entry = shared("add", "--json", "-c", "general", stdin=b"x" * MIB).ok().json["id"]
    assert "import" in refused(shared, 2, "add", "-c", "general", stdin=b"x" * (MIB + 1))
    refused(shared, 2, "edit", entry, "--stdin", stdin=b"y" * (MIB + 1))


def test_a_ten_megabyte_line(memory: Program) -> None:
    """As a file to add it is refused; in an import it is skipped with its place, and the rest is taken."""
    source = memory.root / "work" / "long.jsonl"
    source.write_text(json.dumps({"text": "a" * 10 * MIB}) + "\n" + json.dumps({"text": "short"}) + "\n")
    refused(memory, 2, "add", "--file", source)
    report = memory("import", "--json", source).ok().json
    assert (report["added"], len(report["skipped"])) == (1, 1)
    assert "1" in report["skipped"][0]["where"]


HOSTILE = {
    "bomb.md": "---\n" + "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)) + "---\nbody of the bomb\n",
    "code.md": "---\ntitle: !!python/object/apply:os.system ['touch /dev/shm/cli-owned']\n---\nbody of the code\n",
    "deep.md": "---\ntags: " + "[" * 5000 + "]" * 5000 + "\n---\nbody of the deep\n",
    "types.md": "---\ntitle: [1, 2]\ntags: {a: b}\ncreated: never\nclass: hidden\n---\nbody of the types\n",
    "open.md": "---\ntitle: never closed\nbody of the open\n",
    "many.md": "---\ntags: [" + ",".join(f"t{i}" for i in range(20_000)) + "]\n---\nbody of the many\n",
}  # fmt: skip


def test_hostile_front_matter(memory: Program) -> None:
    """Aliases, tags that run code, depth, wrong types, 20,000 tags: never code, never a crash, never lost silently."""
    folder = memory.root / "work" / "notes"
    folder.mkdir()
    for name, text in HOSTILE.items():
        (folder / name).write_text(text)
    report = memory("import", "--json", folder, timeout=30).ok().json
    skipped = " ".join(s["where"] for s in report["skipped"])
    listed = [memory("show", "--json", row["id"]).ok().json for row in memory("list", "--json").ok().json]
    for name in HOSTILE:
        body = f"body of the {name.removesuffix('.md')}"
        assert name in skipped or any(body in row["text"] for row in listed), name
    assert not Path("/dev/shm/cli-owned").exists()
    assert report["added"] == len(listed)


def test_links_out_of_an_import_folder_are_not_followed(memory: Program) -> None:
    """A symlink to a file or a folder outside, and a loop, bring nothing in; each is said."""
    outside = memory.root / "outside"
    outside.mkdir()
    (outside / "private.md").write_text("outsidemarker")
    folder = memory.root / "work" / "notes"
    folder.mkdir()
    (folder / "own.md").write_text("my own note")
    (folder / "file.md").symlink_to(outside / "private.md")
    (folder / "dir").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "dots.md").symlink_to("../../outside/private.md")
    report = memory("import", "--json", folder).ok().json
    assert report["added"] == 1, report
    assert memory("search", "--json", "outsidemarker").ok().json == []


NAMES = (b"n" * 252 + b".md", "é.md".encode(), "e\u0301.md".encode(), b"\xff\xfe.md", b"new\nline.md", "שלום.md".encode(), b"-c.md")


def test_odd_file_names(memory: Program) -> None:
    """255 bytes, both normal forms, bytes that are no UTF-8, a newline, a dash: each is taken or told, once."""
    folder = memory.root / "work" / "names"
    folder.mkdir()
    for i, name in enumerate(NAMES):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_text(f"file {i}")
    report = memory("import", "--json", "-c", "general", folder).ok().json
    assert report["added"] + len(report["skipped"]) == len(NAMES), report
    assert report["added"] >= len(NAMES) - 1
    again = memory("import", "--json", "-c", "general", folder).ok().json
    assert (again["added"], again["unchanged"]) == (0, report["added"])
    assert len(memory("list", "--json").ok().json) == report["added"]
    target = memory.root / "work" / "out"
    assert memory("export", "--json", "-y", target).ok().json["count"] == report["added"]
    assert len(list(target.rglob("*.md"))) == report["added"]
    odd = subprocess.run(
        [sys.executable.encode(), b"-m", b"memory_cli", b"import", b"--json", bytes(folder) + b"/" + NAMES[3]],
        env=memory.env, capture_output=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert odd.returncode in {0, 2, 14}, odd.stderr
    assert b"unexpected" not in odd.stderr


def test_import_of_what_is_not_there_or_not_known(shared: Program) -> None:
    """A missing path is 14, a file of no known kind is 2; both name what helps."""
    refused(shared, 14, "import", shared.root / "none")
    odd = shared.root / "work" / "odd.bin"
    odd.write_bytes(bytes(range(256)))
    refused(shared, 2, "import", odd)


def test_without_a_model_hybrid_degrades_and_says_so(shared: Program) -> None:
    """Search still finds by words, exit 0, with a note on stderr that names the one command; -q drops the note."""
    entry = shared.add("the heating engineer is Kowalski")
    done = shared("search", "--json", "kowalski").ok()
    assert [row["id"] for row in done.json] == [entry]
    assert "memory model install" in done.err
    assert shared("search", "-q", "kowalski").ok().err == ""
    assert shared("search", "-m", "keyword", "kowalski").ok().err == ""
    assert "words only" not in shared("search", "-m", "semantic", "kowalski").err


@pytest.mark.model
def test_a_corrupt_model(bare: Program) -> None:
    """A model with flipped bytes is not used: capture and search go on by words and say so; verify gives 13."""
    if not MODELS.exists():
        pytest.skip("the local model is not installed")
    copy = bare.root / "data" / "memory" / "models"
    shutil.copytree(MODELS, copy)
    (weights,) = copy.glob("*/*.gguf")
    with weights.open("r+b") as file:
        file.seek(weights.stat().st_size // 2)
        file.write(b"\xff" * 4096)
    bare.init()
    added = bare("add", "--json", "-c", "general", "the boiler").ok()
    verified = bare("model", "verify")
    assert verified.code == 13, (verified.out, verified.err)
    assert "DAMAGED" in verified.out
    found = bare("search", "--json", "boiler").ok()
    assert [row["id"] for row in found.json] == [added.json["id"]]
    assert "model" in added.err
    assert "model" in found.err
    semantic = bare("search", "-m", "semantic", "boiler")
    assert semantic.code in {13, 16}, (semantic.code, semantic.err)
    assert said_well(semantic.err), semantic.err


def read_only(program: Program, *args: str) -> "subprocess.CompletedProcess[str]":
    """Run ``memory *args`` where the vault directory is mounted read-only."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script, str(program.vault), sys.executable, "-m", "memory_cli", *args],
        env=program.env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_read_only_vault(memory: Program) -> None:
    """On a read-only file system capture and edit give 19 in one line; reading what is there goes on."""
    probe = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0"', str(memory.vault)]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this test needs the right to mount (permissions do not stop root)")
    entry = memory.add("readable")
    before = tree(memory.vault)
    for args in (("add", "new"), ("edit", entry, "--title", "T"), ("rm", entry), ("move", entry, "-c", "secret")):
        done = read_only(memory, *args)
        assert (done.returncode, done.stdout) == (19, ""), (args, done.stdout, done.stderr)
        assert "read-only" in done.stderr
        assert said_well(done.stderr)
    assert tree(memory.vault) == before
    assert "readable" in read_only(memory, "list").stdout


def test_a_full_disk(memory: Program) -> None:
    """With no space left a capture is 19, names the space, and leaves no piece behind."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("this test needs the right to mount")
    script = (
        'mount -t tmpfs -o size=64k none "$0/objects" && head -c 60000 /dev/zero >"$0/objects/fill"; '
        '"$@"; code=$?; find "$0/objects" -type f -not -name fill; exit $code'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, str(memory.vault), sys.executable, "-m", "memory_cli", "add", "x" * 9000],
        env=memory.env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (19, ""), (done.stdout, done.stderr)
    assert "space" in done.stderr
    assert said_well(done.stderr)


def test_a_copy_of_a_vault_is_not_taken_for_it(memory: Program) -> None:
    """A copy beside its living original is refused (15); another vault at a known path too (13)."""
    copy = memory.root / "copy"
    shutil.copytree(memory.vault, copy)
    done = memory("--vault", str(copy), "list")
    assert done.code == 15
    assert said_well(done.err)
    preamble = memory.vault / "vault.toml"
    preamble.write_text('magic = "memory-vault"\nformat = 1\nid = "' + "ab" * 16 + '"\n')
    done = memory("list")
    assert done.code == 13
    assert said_well(done.err)


def test_bad_configuration(bare: Program) -> None:
    """A broken or unknown setting is 2 and names the file or the key; a good one is kept."""
    assert bare("config", "set", "search.limit", "0").code == 2
    assert bare("config", "set", "no.such", "1").code == 2
    bare("config", "set", "search.limit", "7").ok()
    assert bare("config", "get", "search.limit").ok().out == "7\n"
    path = Path(bare("config", "path").ok().out.strip())
    path.write_text("search = [[[")
    done = bare("config", "list")
    assert done.code == 2
    assert said_well(done.err)
    assert str(path) in done.err


def test_an_index_that_is_gone_or_broken_is_made_again(memory: Program) -> None:
    """Deleting or overwriting a database loses nothing: the next command rebuilds it and says so."""
    entry = memory.add("still here")
    database = memory.state / "general.db"
    database.write_bytes(b"junk" * 4096)
    done = memory("list", "--json").ok()
    assert [row["id"] for row in done.json] == [entry]
    assert "rebuilt" in done.err
    for path in memory.state.glob("*.db*"):
        path.unlink()
    assert [row["id"] for row in memory("list", "--json").ok().json] == [entry]
