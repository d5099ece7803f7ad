"""Interoperation with the `age` command, both ways, and with plain pyrage where the command is missing."""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vault.classification import Classification
from vault.entry import Revision
from vault.keys.device import load_or_create
from vault.keys.roots import Root
from vault.keys.sections import Header
from vault.keys.unlocked import ClassKeys
from vault.names import name_of
from vault.seal import Opener, SealFault, decrypt, seal

VAULT = "0f" * 16
SIZES = (0, 1, 1024, 65535, 65536, 65537, 1024 * 1024)


@pytest.fixture(scope="session")
def age() -> str:
    """The `age` command; installed where apt and the rights allow it, else a skip."""
    found = shutil.which("age")
    if not found and os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-qq", "age"], capture_output=True, check=False, timeout=200)
        found = shutil.which("age")
    return found or pytest.skip("the age command is not installed: apt install age")


@pytest.fixture
def root() -> Root:
    """A class's root."""
    return Root.new(VAULT, Classification.CONFIDENTIAL)


def revision(body: str, device: str) -> Revision:
    """A revision with *body*."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return Revision(VAULT, Classification.CONFIDENTIAL, "0" * 16, device, (), 1, now, now, body, title="Ω", tags=("a",))


@pytest.mark.parametrize("size", SIZES)
def test_age_opens_what_we_seal(size, age, root, tmp_path):
    """`age -d -i identity.txt FILE` prints the readable Markdown without us, at every chunk boundary."""
    key = load_or_create(tmp_path / "device.key")
    body = ("line\n" * (size // 5 + 1))[:size]
    (tmp_path / "file").write_bytes(seal(revision(body, key.device.id), root.recipient(), key).data)
    (tmp_path / "identity").write_text(root.identity() + "\n")
    plain = subprocess.run(
        [age, "-d", "-i", tmp_path / "identity", tmp_path / "file"], capture_output=True, check=True
    ).stdout
    front, _, rest = plain.partition(b"\n---\n")
    assert front.startswith(b"---\nvault: ")
    assert 'title: "Ω"'.encode() in front.split(b"\n")
    assert rest.startswith(body.encode() + b"\n<!-- memory-sig v1 ")
    assert not rest[len(body) + 1 :].partition(b"\n")[2].strip(b" ")


@pytest.mark.parametrize("size", SIZES)
def test_we_open_what_age_seals(size, age, root):
    """Our way into age files reads what the command sealed to our recipient, and calls it unsigned."""
    text = os.urandom(size)
    sealed = subprocess.run([age, "-r", root.recipient()], input=text, capture_output=True, check=True).stdout
    import pyrage

    assert decrypt(sealed, [pyrage.x25519.Identity.from_str(root.identity())]) == text
    header = Header(VAULT, Classification.CONFIDENTIAL, 1, root.recipient())
    with pytest.raises(SealFault) as caught:
        Opener(ClassKeys((root,), header, ())).open(name_of(sealed), sealed)
    assert caught.value.kind == "unsigned"


def test_a_wrong_identity_is_refused_by_age_too(age, root, tmp_path):
    """Positive control: with another class's identity the command opens nothing."""
    key = load_or_create(tmp_path / "device.key")
    (tmp_path / "file").write_bytes(seal(revision("text", key.device.id), root.recipient(), key).data)
    (tmp_path / "identity").write_text(Root.new(VAULT, Classification.SECRET).identity() + "\n")
    done = subprocess.run([age, "-d", "-i", tmp_path / "identity", tmp_path / "file"], capture_output=True, check=False)
    assert done.returncode
    assert not done.stdout


@pytest.mark.parametrize(
    "text",
    ["a note from a stranger", '---\ntitle: "a note from a stranger"\n---\nbody\n'],
    ids=["plain", "with front matter"],
)
def test_a_stranger_sealed_to_us(text, age, new_vault, tmp_path):
    """What anyone seals to our public recipient is quarantined: listed, not searchable, not deleted."""
    v = new_vault()
    mine = v.capture("a note of my own", classification="general")
    recipient = v.home.pins()[Classification.GENERAL].recipient
    v.close()
    sealed = subprocess.run([age, "-r", recipient], input=text.encode(), capture_output=True, check=True).stdout
    name = name_of(sealed)
    file = tmp_path / "v" / "objects" / name[:2] / f"{name}.age"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(sealed)
    v = new_vault(reopen=True)
    assert [h.entry.id for h in v.search("note")] == [mine.id]
    assert v.search("stranger") == []
    assert [e.id for e in v.entries()] == [mine.id]
    findings = [f for f in v.examine() if name in f.subject]
    assert len(findings) == 1
    assert "quarantined (unsigned)" in findings[0].message
    v.close()
    new_vault(reopen=True)
    assert Path(file).read_bytes() == sealed
