"""A small vault to be broken: made once, copied for every try, opened with a keyfile, words only.

It lies on a memory file system where there is one, because what is proved here is the order of calls and
not the disk.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import vault
from vault.classification import Classification
from vault.errors import NotFound
from vault.keys import keyslots

CLASSES = (Classification.GENERAL, Classification.SECRET)
"""The classes that the trials use: two are enough for a move, and open faster than five."""
GONE = ("gone", "", "")
MARKER = "quokkaplain"
"""Every text holds it; no file of a vault may."""
State = tuple[str, str, str]
"""(``living``, ``trash`` or ``gone``; class; text) of an entry."""


@contextmanager
def fast_directory() -> Iterator[Path]:
    """A directory of our own, in memory if possible."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as path:
        yield Path(path)


def crashed(script: str, root: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a crasher beside this file on *root*, in an interpreter of its own that knows no other home."""
    here = Path(__file__).parent
    return subprocess.run(
        [sys.executable, str(here / script), str(root), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=here.parent.parent,
        timeout=7000,
        env={"PYTHONPATH": str(here.parent.parent), "HOME": str(root), "PATH": "/usr/bin:/bin", **environment},
    )


class Rig:
    """Makes and opens vaults at ``<place>/v`` with state at ``<place>/state``."""

    def __init__(self, root: Path) -> None:
        """Keep the keyfile at *root*; made if it is not there."""
        self.root = root
        self.keyfile = root / "key"
        if not self.keyfile.exists():
            self.keyfile.write_bytes(b"k" * 64)
        self.secret = keyslots.keyfile(self.keyfile.read_bytes())

    def create(self, place: Path) -> vault.Vault:
        """A new vault."""
        return vault.create(place / "v", keyfile=self.keyfile, state=place / "state", models=self.root / "none")

    def open(self, place: Path, *secrets: keyslots.Secret, locked: bool = False) -> vault.Vault:
        """The vault at *place* with the trial's classes open."""
        v = vault.open(place / "v", state=place / "state", models=self.root / "none")
        try:
            if not locked:
                v.unlock(secrets or [self.secret], CLASSES)
        except BaseException:
            v.close()
            raise
        return v

    def copy(self, template: Path, place: Path) -> Path:
        """*template* at a new place, as if it had always been there."""
        shutil.copytree(template, place)
        (place / "state" / "vaults.toml").unlink(missing_ok=True)
        return place


def state_of(v: vault.Vault, entry_id: str) -> State:
    """How an entry stands."""
    try:
        entry = v.get(entry_id)
    except NotFound:
        return GONE
    holding = [c for c in v.opened.compartments if (e := c.entry(entry_id)) and not e.deleted]
    assert len(holding) <= 1, f"half a move: {entry_id} lives in {[c.classification for c in holding]}"
    return ("trash" if entry.deleted else "living", entry.classification.value, entry.text)


def all_entries(v: vault.Vault) -> dict[str, State]:
    """Every entry of the open classes, the trash included."""
    ids = {e.id for trash in (False, True) for e in v.entries(limit=100_000, trash=trash)}
    return {i: state_of(v, i) for i in ids}


def errors(v: vault.Vault) -> list[str]:
    """What `examine` calls an error."""
    return [f"{f.subject}: {f.message}" for f in v.examine() if f.severity == "error"]


def plaintext(place: Path) -> list[str]:
    """Files that hold readable text of an entry."""
    return [str(p) for p in place.rglob("*") if p.is_file() and MARKER.encode() in p.read_bytes()]
