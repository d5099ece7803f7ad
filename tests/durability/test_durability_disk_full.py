"""T6: a real file system that is full (needs root for a small tmpfs; about 5 s)."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from rig import GONE, MARKER, Rig, errors, state_of

import vault
from vault.errors import StorageFailed

BALLAST = 384 * 1024
"""What the person deletes elsewhere on the disk."""


@contextmanager
def small_disk(kib: int) -> Iterator[Path]:
    """A tmpfs of *kib* KiB; the test is skipped where none can be mounted."""
    with TemporaryDirectory() as path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", path]
        if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("no right to mount a tmpfs")
        try:
            yield Path(path)
        finally:
            subprocess.run(["umount", "-l", path], check=True)


def fill(rig: Rig, place: Path, limit: int = 5000) -> dict[str, str]:
    """Capture until the disk is full: id → text of what was acknowledged."""
    kept: dict[str, str] = {}
    failures = 0
    with rig.open(place) as v:
        for n in range(limit):
            text = f"{MARKER} {n} " + "x" * (n % 7 * 700)
            try:
                kept[v.capture(text, "general").id] = text
            except StorageFailed as error:
                assert error.remedy  # noqa: PT017 (it may or may not raise)
                failures += 1
                if failures > 5:
                    return kept
    raise AssertionError("the disk never filled up")


def on_full_disk(kib: int) -> None:
    """Fill a disk of *kib* KiB; read; try to purge; free a little by other means; then everything works."""
    with small_disk(kib) as disk, TemporaryDirectory() as other:
        rig, place, ballast = Rig(Path(other)), disk / "place", disk / "something else"
        place.mkdir()
        rig.create(place).close()
        ballast.write_bytes(bytes(BALLAST))
        with rig.open(place) as v:
            first = [v.capture(f"{MARKER} early {n}", "general").id for n in range(8)]
        kept = fill(rig, place)
        assert kept
        purged: list[str] = []
        with rig.open(place) as v:  # opening and reading need no room
            unread = [i for i in first if state_of(v, i)[0] != "living"]
            assert unread == []
            assert v.search(MARKER)
            with suppress(StorageFailed):  # with no byte left it may refuse, but must say so
                for entry in first[:4]:
                    v.delete(entry, purge=True)
                    purged.append(entry)
        ballast.unlink()
        with rig.open(place) as v:
            assert all(state_of(v, i) == GONE for i in purged)
            assert lost(v, kept) == []
            assert errors(v) == []
            v.delete(first[5], purge=True)
            assert v.delete(first[6]).deleted
            assert state_of(v, v.capture(f"{MARKER} again", "general").id)[0] == "living"
        with rig.open(place) as v:
            assert state_of(v, first[5]) == GONE
            assert lost(v, kept) == []


def lost(v: vault.Vault, kept: dict[str, str]) -> list[str]:
    """Acknowledged entries that are not as they were acknowledged."""
    return [i for i, text in kept.items() if state_of(v, i) != ("living", "general", text)]


@pytest.mark.parametrize("kib", [2048, 2500, 3072, 4096])
def test_a_full_disk_loses_nothing_and_can_be_emptied(kib: int) -> None:
    """Typed errors only, nothing acknowledged lost; reading needs no room; with a little room all works again."""
    on_full_disk(kib)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kib", range(1792, 1792 + 64 * 61, 61))
def test_a_full_disk_of_any_size_soak(kib: int) -> None:
    """64 sizes, so that the disk is full at 64 different steps."""
    on_full_disk(kib)
