"""Moves that crash between their two halves."""

from pathlib import Path

import vault
from vault.capture import again
from vault.classification import Classification
from vault.keys import keyslots

TWO = (Classification.GENERAL, Classification.SECRET)


def reopen(place: Path) -> vault.Vault:
    """The vault with only two of its classes open, so that an arrival is never asked about everywhere."""
    v = vault.open(place / "v", state=place / "s", models=place / "none")
    v.unlock([keyslots.keyfile((place / "key").read_bytes())], TWO)
    return v


def test_the_second_half_is_made_up_for_however_often_an_entry_moved(tmp_path: Path) -> None:
    """An entry that went to and fro, then crashed half-way: the next opening ends the move, every time."""
    (tmp_path / "key").write_bytes(b"k" * 64)
    vault.create(tmp_path / "v", keyfile=tmp_path / "key", state=tmp_path / "s", models=tmp_path / "none").close()
    with reopen(tmp_path) as v:
        entry = v.capture("to and fro", "general")
        v.move(entry.id, "secret")
    with reopen(tmp_path) as v:
        v.move(entry.id, "general")
    for target in (Classification.SECRET, Classification.GENERAL, Classification.SECRET):
        with reopen(tmp_path) as v:
            old = v.get(entry.id)
            v._writer.write([again(old, target, old.revisions)])  # and here the power went
        with reopen(tmp_path) as v:
            holding = [c.classification for c in v.opened.compartments if c.entry(entry.id)]
            assert holding == [target]
