"""Fixtures shared by all tests: cheap key stretching, throw-away vaults, a closed-off home."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import vault
from vault.keys.stretching import KdfLimits

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared" / "data"
CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)


@pytest.fixture(autouse=True)
def _closed_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's own vault, configuration or models."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("DATA", "STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "runtime"))
    for name in ("MEMORY_VAULT", "MEMORY_PASSPHRASE_FILE", "MEMORY_PASSPHRASE_COMMAND", "MEMORY_KEYFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def new_vault(tmp_path: Path) -> Iterator[Callable[..., vault.Vault]]:
    """Make (or open again) words-only vaults below the test's own directory."""
    opened: list[vault.Vault] = []

    def make(name: str = "v", *, reopen: bool = False, secret: bytes | None = b"correct horse") -> vault.Vault:
        verb = vault.open if reopen else vault.create
        v = verb(
            tmp_path / name,
            passphrase=secret,
            state=tmp_path / f"{name}-state",
            models=tmp_path / "no-models",
            limits=CHEAP,
        )
        opened.append(v)
        return v

    yield make
    for v in opened:
        v.close()
