"""``memory init`` and ``memory key`` as a person meets them: at a terminal, and by files from a script.

About 30 s: some of it runs production's Argon2, and every command is a process of its own.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pyrage
import pytest
from software_key import SoftwareKey

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
from program import Program, fast_directory, finish

from memory_cli import factors, kit
from memory_cli.report import Report
from vault.classification import Classification
from vault.errors import InvalidInput, NotFound, WrongPassphrase
from vault.keys import authenticator, keyslots, stretching
from vault.layout import lay_out

CODE = r"(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}"
NO_KEYFILE: dict[str, str | None] = {"MEMORY_KEYFILE": None}


@pytest.fixture
def bare() -> Iterator[Program]:
    """The program in a home without a vault."""
    with fast_directory() as place:
        yield Program(place)


@pytest.fixture
def memory(bare: Program) -> Program:
    """The program with a vault that a keyfile opens."""
    return bare.init()


def spare(program: Program, name: str = "spare") -> Path:
    """Another keyfile."""
    path = program.root / name
    path.write_bytes(name.encode() * 16)
    return path


def kinds(program: Program, **env: str | None) -> list[tuple[str, str]]:
    """(class, kind) of every slot of the open classes."""
    rows = program("key", "list", "--json", env=env).ok().json
    return sorted((r["class"], r["kind"]) for r in rows)


def typed_back(child: pexpect.spawn, group: str) -> str:
    """Read the kit on the terminal and type its first code back; gives it."""
    child.expect(rf"type the {group} code once[^:]*: ")
    code = re.search(rf"{group} +({CODE})", child.before.decode())
    assert code, child.before
    child.sendline(code[1].lower())
    return code[1]


# -- at a terminal ------------------------------------------------------------------------------------


def test_init_offers_a_second_factor_and_the_class_then_needs_both(bare: Program) -> None:
    """A path is made into a keyfile; ultrasecret then asks for it, and opens with passphrase and keyfile only.

    This runs production's Argon2 a few times (some seconds).
    """
    child = bare.on_terminal("init", env=NO_KEYFILE)
    typed = {"vault": "alpha one", "secret": "beta two", "ultrasecret": "gamma three"}
    for group, words in typed.items():
        for more in ("", ", again"):
            child.expect_exact(f"new {group} passphrase{more}: ")
            child.sendline(words)
    child.expect_exact("keyfile as second factor for ultrasecret")
    child.sendline(str(bare.root / "ultra.key"))
    typed_back(child, "vault")
    code, rest = finish(child)
    assert code == 0, rest
    assert (bare.root / "ultra.key").stat().st_mode & 0o777 == 0o600

    child = bare.on_terminal("key", "test", env=NO_KEYFILE)
    child.expect_exact("passphrase: ")
    child.sendline(typed["ultrasecret"])
    child.expect_exact("keyfile for ultrasecret (path, or nothing): ")
    child.sendline(str(bare.root / "ultra.key"))
    code, seen = finish(child)
    assert code == 0, seen
    assert b"passphrase+keyfile" in seen
    assert seen.count(b"ultrasecret") == 2

    words = bare.root / "words"
    words.write_text(typed["ultrasecret"])
    alone = bare("key", "test", "--file", words, env=NO_KEYFILE)
    assert (alone.code, alone.out) == (12, "")
    assert alone.err == "memory: no keyslot opened (check the passphrase, keyfile or recovery code)\n"


def test_rotate_asks_for_every_keyslot_and_hands_out_a_kit(memory: Program) -> None:
    """A secret that is given stays, nothing typed drops it by name; the kit is typed back; all is read afterwards."""
    entry = memory.add("the heron stands still", "-c", "secret")
    kept, dropped = spare(memory, "kept"), spare(memory, "dropped")
    for file in (kept, dropped):
        memory("key", "add", "keyfile", "--file", file).ok()
    child = memory.on_terminal("key", "rotate", "secret", "--reseal")
    child.expect(r"keyfile of keyslot \w{8} \(keyfile, secret\), or nothing to drop it: ")
    child.sendline(str(kept))
    child.expect(r"keyfile of keyslot \w{8} \(keyfile, secret\), or nothing to drop it: ")
    child.sendline("")
    child.expect(r"will not open secret any more: \w{8} \(keyfile\)")
    child.expect_exact("make a new key, and drop 1 keyslot(s)? [y/N] ")
    child.sendline("y")
    code = typed_back(child, "vault")
    ended, rest = finish(child)
    assert ended == 0, rest
    assert b"1 revision(s) sealed again" in rest
    for file, opens in ((memory.keyfile, True), (kept, True), (dropped, False)):
        found = memory("list", "-c", "secret", "--json", env={"MEMORY_KEYFILE": str(file)})
        assert (found.code == 0) is opens, (file, found.err)
        if opens:
            assert [row["id"] for row in found.json] == [entry]
    kit_file = memory.root / "kit"
    kit_file.write_text(f"my kit\n{code}\n")
    assert memory("key", "test", "recovery", "--file", kit_file, "--json").ok().json[0]["class"] == "secret"


@pytest.mark.parametrize("answer", ["n", "\x03"])
def test_a_rotation_that_is_not_confirmed_changes_nothing(memory: Program, answer: str) -> None:
    """No, or Ctrl-C, leaves every file of the header as it was."""
    header = {p.name: p.read_bytes() for p in (memory.vault / "header").iterdir()}
    child = memory.on_terminal("key", "rotate", "general")
    child.expect_exact("[y/N] ")
    child.send(answer + ("\r" if answer == "n" else ""))
    code, _ = finish(child)
    assert code in {3, 130}
    assert {p.name: p.read_bytes() for p in (memory.vault / "header").iterdir()} == header


def test_recover_at_the_terminal(memory: Program) -> None:
    """The code is typed, a new passphrase twice; it opens from then on."""
    kit_file = memory.root / "kit"
    memory("key", "kit", "--file", kit_file).ok()
    child = memory.on_terminal("key", "recover", env=NO_KEYFILE)
    child.expect_exact("recovery code: ")
    child.sendline(re.search(CODE, kit_file.read_text())[0])
    for more in ("", ", again"):
        child.expect_exact(f"new vault passphrase{more}: ")
        child.sendline("brand new words")
    code, rest = finish(child)
    assert code == 0, rest
    assert b"brand new words" not in rest
    words = memory.root / "words"
    words.write_text("brand new words\n")
    found = memory("key", "test", "--json", env={"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_FILE": str(words)}).ok().json
    assert [row["kind"] for row in found] == ["passphrase"] * 5


# -- by files -----------------------------------------------------------------------------------------


def test_the_way_to_a_remote_and_a_second_device(memory: Program) -> None:
    """Passphrase, kit, harden; then a fresh device recovers with the kit and has a keyslot of its own."""
    words, other, kit_file = (memory.root / name for name in ("words", "other", "kit"))
    words.write_text("first words")
    other.write_text("second words")
    memory("key", "add", "passphrase", "--file", words).ok()
    memory("key", "kit", "--file", kit_file).ok()
    by_words: dict[str, str | None] = {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_FILE": str(words)}
    hardened = memory("key", "harden", env=by_words).ok()
    assert "passphrase+device" in hardened.out
    assert "git history" in hardened.err
    fresh: dict[str, str | None] = {"XDG_STATE_HOME": str(memory.root / "state2")}
    stolen = memory("key", "list", env=by_words | fresh)
    assert stolen.code == 12
    assert stolen.err == (
        "memory: no keyslot opened (check the passphrase, keyfile or recovery code; "
        "a hardened vault opens on a new device by its recovery kit: memory key recover)\n"
    )
    memory("key", "recover", "--code-file", kit_file, "--new-passphrase-file", other, env=fresh | NO_KEYFILE).ok()
    there = {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_FILE": str(other)}
    assert len(memory("key", "list", "--json", env=there | fresh).ok().json) == 5 * 4
    assert memory("key", "list", env=there).code == 12
    assert memory("key", "list", env=by_words).code == 0


def test_an_identity_file_opens_by_keyfile_option(memory: Program) -> None:
    """A second person's age identity, given where a keyfile is given, opens what was wrapped to it."""
    identity = pyrage.x25519.Identity.generate()
    file = memory.root / "identity.txt"
    file.write_text(f"# created: today\n{identity}\n")
    added = memory("key", "add", "recipient", str(identity.to_public()))
    assert added.ok().out.count(str(identity.to_public())) == 5
    memory.add("for both of us")
    found = memory("list", "--json", env={"MEMORY_KEYFILE": str(file)}).ok()
    assert len(found.json) == 1
    assert memory("key", "test", "identity", "--file", file).ok().out.count("recipient") == 5


def test_the_first_kit_names_the_vault_that_is_then_made(bare: Program) -> None:
    """`init` hands the kit out before there is a vault; its id is that of the vault all the same."""
    file = bare.root / "kit"
    bare("init", "--keyfile", bare.keyfile, "-y", "--recovery-file", file).ok()
    vault_id = re.search(r'id = "(\w+)"', (bare.vault / "vault.toml").read_text())[1]
    assert f"id     {vault_id}\n" in file.read_text()


def test_a_kit_is_one_page_and_says_what_it_opens(memory: Program) -> None:
    """Name, id, date, a code for each group with its classes, and the way out without this program."""
    file = memory.root / "kit"
    memory("key", "kit", "vault", "--file", file).ok()
    text = file.read_text()
    vault_id = re.search(r'id = "(\w+)"', (memory.vault / "vault.toml").read_text())[1]
    assert len(text.splitlines()) < 60
    assert len(re.findall(CODE, text)) == 1
    for part in (str(memory.vault), vault_id, "general, chronological, confidential", "age -d -i", "memory key recover"):
        assert part in text
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("key", "kit"), 2, "no terminal to show the recovery kit"),
        (("key", "rotate", "nonsense", "-y"), 2, "no classification"),
        (("key", "rotate", "secret"), 2, "no terminal"),
        (("key", "reseal", "nonsense"), 2, "no classification"),
        (("key", "recover"), 2, "no terminal"),
        (("key", "recover", "--code-file", "/etc/hostname"), 2, "no recovery code"),
        (("key", "test", "telepathy"), 2, "cannot test"),
        (("key", "test", "recovery"), 2, "no terminal"),
        (("key", "add", "recipient"), 2, "goes with"),
        (("key", "add", "keyfile", "age1xyz"), 2, "goes with"),
        (("key", "add", "keyfile", "--second-factor", "x"), 2, "goes with a passphrase"),
        (("key", "add", "passphrase", "--group", "nowhere"), 17, "no open class"),
        (("key", "rotate", "secret", "-y", "--keep", "/no/such/file"), 14, "cannot read"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_a_remedy(memory: Program, args, code, says) -> None:
    """The right exit code, one line, no traceback, nothing changed."""
    header = {p.name: p.read_bytes() for p in (memory.vault / "header").iterdir()}
    done = memory(*args)
    assert done.code == code, done.err
    assert says in done.err
    assert len(done.err.splitlines()) == 1
    assert done.err.rstrip().endswith(")")
    assert {p.name: p.read_bytes() for p in (memory.vault / "header").iterdir()} == header


def test_a_rotation_does_not_lose_the_kit_unseen(memory: Program) -> None:
    """With -y and no file for the new kit it is refused while a recovery code opens the class; with one it goes on.

    A class that no code opens is rotated as before.
    """
    kit_file, new = memory.root / "kit", memory.root / "new"
    memory("key", "rotate", "secret", "-y").ok()
    memory("key", "kit", "--file", kit_file).ok()
    header = {p.name: p.read_bytes() for p in (memory.vault / "header").iterdir()}
    done = memory("key", "rotate", "secret", "-y")
    assert (done.code, done.err) == (
        2,
        "memory: the recovery kit would not open secret any more (give --file for a new one, or leave out -y)\n",
    )
    assert {p.name: p.read_bytes() for p in (memory.vault / "header").iterdir()} == header
    memory("key", "rotate", "secret", "-y", "--file", new).ok()
    for file, classes in ((kit_file, 4), (new, 1)):
        assert len(memory("key", "test", "recovery", "--file", file, "--json").ok().json) == classes


def test_harden_names_what_stays_open_to_guessing(bare: Program) -> None:
    """A group that was not hardened is warned of by slot and class, though it is locked."""
    code = keyslots.recovery_code(keyslots.new_recovery_code())
    slots = {group: [keyslots.passphrase(group.encode()), code] for group in keyslots.GROUPS}
    quick = stretching.KdfLimits(target_seconds=0.001)
    lay_out(bare.vault, slots, single=False, state=bare.root / "state" / "memory", limits=quick)
    (bare.root / "words").write_text("vault")
    by_words: dict[str, str | None] = {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_FILE": str(bare.root / "words")}
    (warning,) = [line for line in bare("key", "harden", env=by_words).ok().err.splitlines() if "guessing" in line]
    assert re.search(r"still open to guessing: \w{8} \(secret\), \w{8} \(ultrasecret\) \(remove them", warning)


WATCHED = """
import ctypes, runpy, sys
from memory_cli import factors
real = factors.new_keyfile
def watched(path):
    import resource
    print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0])
    return real(path)
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
factors.new_keyfile = watched
sys.argv = ["memory", "init", "--keyfile", "key", "-y"]
runpy.run_module("memory_cli", run_name="__main__")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel by prctl")
def test_init_is_hardened_before_it_has_a_secret(bare: Program) -> None:
    """The process is dumpable as any is (positive control), and neither that nor with core files at the first secret."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], env=bare.env, cwd=bare.root, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[:2] == ["1", "0 0"]


def test_hardening_without_a_passphrase_does_nothing(memory: Program) -> None:
    """A vault that only a keyfile opens has nothing to harden: that is said, and no secret is made."""
    done = memory("key", "harden").ok()
    assert "no plain passphrase" in done.err
    assert not (memory.state / "device.secret").exists()


def test_init_with_a_second_factor_needs_an_own_passphrase(bare: Program) -> None:
    """With one passphrase for everything there is nothing to combine the file with: refused, nothing made."""
    (bare.root / "w").write_text("words")
    env: dict[str, str | None] = {"MEMORY_KEYFILE": None, "MEMORY_PASSPHRASE_FILE": str(bare.root / "w")}
    done = bare("init", "--single-passphrase", "-y", "--second-factor", bare.root / "uk", env=env)
    assert done.code == 2
    assert "second factor" in done.err
    assert not bare.vault.exists()


# -- the parts, in process ----------------------------------------------------------------------------


def test_a_security_key_is_asked_once_for_all_classes(monkeypatch: pytest.MonkeyPatch, capsys: Any, new_vault) -> None:
    """One touch answers for every class of the group; without a key plugged in that is told."""
    key = SoftwareKey()
    monkeypatch.setattr(authenticator, "attached", lambda: [key])
    v = new_vault()
    second = factors.new_second(Report(), "fido2")
    plain = [s.slot.id for s in v.keyring.slots()]
    v.keyring.add(keyslots.both(keyslots.passphrase(b"correct horse"), second), "vault")
    v.keyring.remove(plain)
    touches = key.touches
    assert factors.ask_seconds(Report(), v.home, "vault") == [second]
    assert key.touches == touches + 1
    assert "touch your security key" in capsys.readouterr().err

    def none() -> list[Any]:
        raise NotFound("no security key is plugged in", remedy="plug it in and try again")

    monkeypatch.setattr(authenticator, "attached", none)
    with pytest.raises(NotFound, match="no security key"):
        factors.ask_seconds(Report(), v.home, "vault")


def test_nothing_is_asked_where_a_passphrase_is_enough(monkeypatch: pytest.MonkeyPatch, new_vault) -> None:
    """A group with a plain passphrase slot needs no second question."""
    monkeypatch.setattr(factors.prompt, "read_line", lambda _q: pytest.fail("it asked"))
    v = new_vault()
    v.keyring.add(keyslots.both(keyslots.passphrase(b"x"), keyslots.keyfile(b"k" * 32)), "vault")
    assert factors.ask_seconds(Report(), v.home, "vault") == []


def test_codes_are_found_in_a_kit(tmp_path: Path) -> None:
    """All codes of a page, in lower case or with spaces too; a page without any is told."""
    codes = kit.new_codes({"vault": [Classification.GENERAL], "secret": [Classification.SECRET]})
    page = tmp_path / "kit"
    page.write_text(kit.page(codes, Path("/v"), "ab" * 16))
    assert factors.recovery_codes(page) == [c.secret for c in codes.values()]
    page.write_text(codes["vault"].printed.lower().replace("-", " "))
    assert factors.recovery_codes(page) == [codes["vault"].secret]
    page.write_text("nothing here")
    with pytest.raises(InvalidInput, match="no recovery code"):
        factors.recovery_codes(page)


def test_two_typings_that_differ_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new passphrase that was mistyped once is not taken, and what was typed is overwritten."""
    typed = [bytearray(b"one"), bytearray(b"two")]
    answers = iter(typed)
    monkeypatch.setattr(factors.prompt, "read_passphrase", lambda _q: next(answers))
    with pytest.raises(WrongPassphrase, match="differ"):
        factors.ask_new_passphrase("vault")
    assert typed == [bytearray(3), bytearray(3)]
