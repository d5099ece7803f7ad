"""Settings: one table of keys with their types, defaults and meaning, read from ``config.toml``.

The table is the truth for the loader, for ``memory config`` and for the documentation.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vault import durable
from vault.classification import THRESHOLDS, Classification
from vault.errors import InvalidInput

_MAX_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the configuration."""

    key: str
    default: str | float | int
    meaning: str
    choices: tuple[str, ...] = ()
    """Allowed values of a text setting; empty means any."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """Smallest and largest value of a number."""


_CLASSES = tuple(c.value for c in Classification)
_MEANING = {
    Classification.GENERAL: "probability needed for general or chronological",
    Classification.CHRONOLOGICAL: "confidence needed to take an instruct model's word for chronological",
}
SETTINGS = {
    s.key: s
    for s in (
        Setting("classify.fallback", "confidential", "class of a text that no stage is sure about", _CLASSES),
        *(
            Setting(
                f"classify.threshold.{c}", THRESHOLDS[c], _MEANING.get(c, f"probability needed for {c} or above")
            )
            for c in Classification
        ),
        Setting("search.limit", 10, "hits shown when -n is not given", bounds=(1, 1000)),
        Setting("search.mode", "hybrid", "how search works by default", ("hybrid", "keyword", "semantic")),
        Setting("capture.editor", "", "editor for `memory add` and `edit` (default: $VISUAL, $EDITOR, vi)"),
        Setting("list.limit", 50, "entries listed when -n is not given", bounds=(1, 100_000)),
    )
}


class Config:
    """The settings in force: the file's over the defaults."""

    def __init__(self, values: Mapping[str, Any] | None = None, path: Path | None = None) -> None:
        """Take *values* (flat keys) as read from *path*."""
        self._values = dict(values or {})
        self.path = path

    def __getitem__(self, key: str) -> Any:
        """The value of a known key."""
        return self._values.get(key, SETTINGS[key].default)

    def thresholds(self) -> dict[Classification, float]:
        """The level rule's thresholds."""
        return {c: float(self[f"classify.threshold.{c}"]) for c in Classification}

    def fallback(self) -> Classification:
        """The class of what no stage is sure about."""
        return Classification(self["classify.fallback"])

    def set(self, key: str, text: str) -> None:
        """Set *key* to what *text* says and write the file durably.

        Raises:
            InvalidInput: unknown key or a value out of bounds.
        """
        import tomli_w

        if self.path is None:
            raise InvalidInput("this configuration has no file", remedy="give its path")
        self._values[key] = checked(key, text)
        nested: dict[str, Any] = {}
        for name, value in self._values.items():
            *tables, last = name.split(".")
            place = nested
            for table in tables:
                place = place.setdefault(table, {})
            place[last] = value
        durable.write_file(self.path, tomli_w.dumps(nested).encode())


def checked(key: str, value: Any) -> str | float | int:
    """*value* as the type that *key* has.

    Raises:
        InvalidInput: naming the key and what it takes.
    """
    setting = SETTINGS.get(key)
    if setting is None:
        raise InvalidInput(f"no setting {key[:60]!r}", remedy="see: memory config list")
    if isinstance(setting.default, str):
        if not isinstance(value, str) or (setting.choices and value not in setting.choices):
            raise InvalidInput(f"{key} takes {' | '.join(setting.choices) or 'text'}", remedy="memory config list")
        return value
    low, high = setting.bounds
    kind = type(setting.default)
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or isinstance(value, bool) or not low <= number <= high:
        raise InvalidInput(f"{key} takes a number from {low:g} to {high:g}", remedy="memory config list")
    return number


def load(path: Path) -> Config:
    """The configuration in the file at *path*; the defaults if there is none.

    Raises:
        InvalidInput: not TOML, an unknown key or an illegal value, named.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SIZE + 1)
    except FileNotFoundError:
        return Config(path=path)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}", remedy="check its permissions") from error
    try:
        if len(data) > _MAX_SIZE:
            raise ValueError("too large")
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not valid TOML", remedy="mend or delete it") from error
    return Config({key: checked(key, value) for key, value in _flat(table)}, path)


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in table.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return rows


def config_path() -> Path:
    """``$XDG_CONFIG_HOME/memory/config.toml``."""
    return _xdg("XDG_CONFIG_HOME", ".config") / "memory" / "config.toml"


def vault_path() -> Path:
    """``$MEMORY_VAULT``, else ``$XDG_DATA_HOME/memory/vault``."""
    named = os.environ.get("MEMORY_VAULT")
    return Path(named).expanduser() if named else _xdg("XDG_DATA_HOME", ".local/share") / "memory" / "vault"


def models_path() -> Path:
    """``$XDG_DATA_HOME/memory/models``."""
    return _xdg("XDG_DATA_HOME", ".local/share") / "memory" / "models"


def state_path() -> Path:
    """``$XDG_STATE_HOME/memory``."""
    return _xdg("XDG_STATE_HOME", ".local/state") / "memory"


def _xdg(variable: str, default: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path.home() / default
