"""The public API that scripts and benchmarks rely on: names, parameters and their defaults do not change."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import vault
from vault.search.hit import Hit

SIGNATURES = {
    "create": "path=None, passphrase=None, state=None",
    "open": "path=None, passphrase=None, state=None",
    "Vault.capture": "self, text, classification=None, title=None, tags=(), created=None, source='', context=None, metadata=None",
    "Vault.capture_many": "self, items",
    "Vault.search": "self, query, limit=10, mode='hybrid'",
    "Vault.classify": "self, text",
    "Vault.get": "self, entry_id",
    "Vault.edit": "self, entry_id, text=None",
    "Vault.move": "self, entry_id, classification",
    "Vault.delete": "self, entry_id",
    "Vault.restore": "self, entry_id, revision=None",
    "Vault.history": "self, entry_id",
    "Vault.close": "self",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_positional_parameters_are_as_promised(name: str) -> None:
    """Same names, order and defaults; more may follow by keyword only."""
    found: object = vault
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found)
    parameters = inspect.signature(found).parameters.values()
    shown = [
        p.name if p.default is p.empty else f"{p.name}={p.default!r}"
        for p in parameters
        if p.kind is not p.KEYWORD_ONLY
    ]
    assert ", ".join(shown) == SIGNATURES[name]
    assert all(p.default is not p.empty for p in parameters if p.kind is p.KEYWORD_ONLY)


def test_what_comes_back_has_the_promised_attributes() -> None:
    """Entries, hits and verdicts, as the design names them."""
    entry = {"id", "classification", "text", "title", "tags", "created", "updated", "source", "context", "confidence"}
    entry |= {"reasoning", "emotion", "metadata", "level", "conflict", "deleted", "warnings"}
    assert entry <= set(dir(vault.Entry))
    assert {"entry", "score", "snippet"} <= set(dir(Hit))
    assert {"label", "confidence", "reasoning", "tags", "emotion", "level", "stage"} <= set(dir(vault.Verdict))
    assert issubclass(vault.VaultError, Exception)
    assert [c.value for c in vault.Classification] == [
        "general",
        "chronological",
        "confidential",
        "secret",
        "ultrasecret",
    ]
    assert [c.level for c in vault.Classification] == [1, 1, 2, 3, 4]


def test_every_public_name_is_there_and_stays_what_it_is() -> None:
    """Whatever is imported first, and however often: `vault.create` and `vault.open` are functions."""
    code = (
        "import importlib, pkgutil, vault\n"
        "before = {n: getattr(vault, n) for n in vault.__all__}\n"
        "for m in pkgutil.iter_modules(vault.__path__): importlib.import_module(f'vault.{m.name}')\n"
        "assert all(getattr(vault, n) is before[n] for n in vault.__all__)\n"
        "import vault.vault, vault.layout\n"
        "assert callable(vault.create) and callable(vault.open)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent.parent)


def test_two_vaults_can_be_made_and_used_at_once(tmp_path: Path) -> None:
    """No hidden globals: one process, two vaults, two secrets."""
    (tmp_path / "k1").write_bytes(b"1" * 64)
    (tmp_path / "k2").write_bytes(b"2" * 64)
    common = {"state": tmp_path / "s", "models": tmp_path / "none"}
    with (
        vault.create(tmp_path / "a", keyfile=tmp_path / "k1", **common) as a,  # type: ignore[arg-type]
        vault.create(tmp_path / "b", keyfile=tmp_path / "k2", **common) as b,  # type: ignore[arg-type]
    ):
        ids = a.capture("in a", "general").id, b.capture("in b", "general").id
        assert [e.id for e in a.entries()] == [ids[0]]
        assert [e.id for e in b.entries()] == [ids[1]]


def test_importing_the_library_loads_nothing_heavy() -> None:
    """`import vault` alone costs no cipher, no database and no model."""
    code = (
        "import sys, vault; heavy = {'numpy', 'sqlcipher3', 'cryptography', 'pyrage', 'llama_cpp', 'yaml', 'typer', 'textual', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent.parent)


def test_the_library_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing on stdout or stderr, whatever is done."""
    (tmp_path / "k").write_bytes(b"1" * 64)
    with vault.create(tmp_path / "a", keyfile=tmp_path / "k", state=tmp_path / "s", models=tmp_path / "n") as v:
        entry = v.capture("hello", "general")
        v.edit(entry.id, "world")
        v.move(entry.id, "secret")
        v.search("world")
        v.delete(entry.id, purge=True)
        v.examine()
    assert capfd.readouterr() == ("", "")
