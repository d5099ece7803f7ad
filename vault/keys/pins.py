"""Pins: what this device has verified and will not let the synced tree talk it out of.

Captures are sealed only to a pinned recipient; whoever can write the remote can therefore not redirect
them. `vaults.toml` remembers which vault lives at which path (`docs/format.md` section 5).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vault import durable
from vault.classification import Classification
from vault.errors import Damaged

MAX_SIZE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pin:
    """What this device knows of one class."""

    recipient: str
    generation: int
    sections: tuple[str, ...]
    """Names of the sections of the effective header."""


def load(path: Path) -> dict[Classification, Pin]:
    """The pins at *path*; none if the file is missing.

    Raises:
        Damaged: the file is not ours.
    """
    table = _read(path)
    try:
        return {
            Classification(name): Pin(str(row["recipient"]), int(row["generation"]), tuple(row["sections"]))
            for name, row in table.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path) from error


def store(path: Path, pins: Mapping[Classification, Pin]) -> None:
    """Write *pins* durably."""
    import tomli_w

    table = {
        c.value: {"recipient": p.recipient, "generation": p.generation, "sections": list(p.sections)}
        for c, p in pins.items()
    }
    durable.write_file(path, tomli_w.dumps(table).encode())


def load_paths(path: Path) -> dict[str, str]:
    """Vault path → vault id, as last seen on this device."""
    table = _read(path)
    return {str(k): str(v) for k, v in table.get("vaults", {}).items()}


def store_paths(path: Path, known: Mapping[str, str]) -> None:
    """Write the vault paths durably."""
    import tomli_w

    durable.write_file(path, tomli_w.dumps({"vaults": dict(known)}).encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except FileNotFoundError:
        return {}
    if len(data) > MAX_SIZE:
        raise _damaged(path)
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> Damaged:
    return Damaged(
        f"{path} is damaged", remedy="delete it: the next unlock pins again what it can verify with your secret"
    )
