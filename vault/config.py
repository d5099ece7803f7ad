"""Settings: one table of keys with their types, defaults and meaning, read from ``config.toml``.

The table is the truth for the loader, for ``memory config`` and for the documentation.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vault.classification import THRESHOLDS, Classification
from vault.errors import InvalidInput

if TYPE_CHECKING:
    from vault.policy import Rules

_MAX_SIZE = 64 * 1024
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,6})\s*([smhd]?)")


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the configuration."""

    key: str
    default: str | float | int | tuple[str, ...]
    """A tuple stands for a list of rules, see `vault.policy`."""
    meaning: str
    choices: tuple[str, ...] = ()
    """Allowed values of a text setting; empty means any."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """Smallest and largest value of a number."""
    is_duration: bool = False
    """Whether the text is one that `duration` reads."""


_CLASSES = tuple(c.value for c in Classification)
_MEANING = {
    Classification.GENERAL: "probability that level 1 needs, else the text goes to the fallback; below it, uncertain",
}
SETTINGS = {
    s.key: s
    for s in (
        Setting("classify.fallback", "confidential", "class of a text that no stage is sure about", _CLASSES),
        *(
            Setting(
                f"classify.threshold.{c}",
                THRESHOLDS[c],
                _MEANING.get(c, f"probability below which a verdict for {c} is uncertain"),
            )
            for c in Classification
        ),
        Setting("classify.always", (), "rules that decide: CLASS #tag or CLASS /regex/"),
        Setting("classify.never_below", (), "rules that set a lowest class: CLASS #tag or CLASS /regex/"),
        Setting("search.limit", 10, "hits shown when -n is not given", bounds=(1, 1000)),
        Setting("search.mode", "hybrid", "how search works by default", ("hybrid", "keyword", "semantic")),
        Setting("search.rerank", 20, "first hits that a reranker in use reads again; 0 none", bounds=(0, 50)),
        Setting("capture.editor", "", "editor for `memory add` and `edit` (default: $VISUAL, $EDITOR, vi)"),
        *(
            Setting(
                f"agent.ttl.{c}",
                ttl,
                f"how long the agent keeps {c} open at most (90s, 15m, 8h; off: no end)",
                is_duration=True,
            )
            for c, ttl in zip(Classification, ("8h", "8h", "8h", "15m", "5m"), strict=True)
        ),
        *(
            Setting(
                f"agent.idle.{c}",
                "off",
                f"how long the agent keeps {c} open without use (as agent.ttl)",
                is_duration=True,
            )
            for c in Classification
        ),
        Setting("list.limit", 50, "entries listed when -n is not given", bounds=(1, 100_000)),
        Setting("tui.theme", "dark", "how the app looks", ("dark", "light", "plain")),
        Setting("tui.lock_after", 15, "minutes without a key until the app locks; 0 never", bounds=(0, 1440)),
    )
}
REBINDING = "tui.keys."
"""Settings that begin so give an action of the app other keys; `docs/tui.md` lists the actions."""
SOURCE = "classify.source."
"""Settings that begin so name the class of a source's texts that nothing else is sure about."""
_OPEN = {
    REBINDING: Setting(f"{REBINDING}ACTION", "", "keys of an action of the app"),
    SOURCE: Setting(f"{SOURCE}NAME", "", "class of texts from this source that no stage is sure about", _CLASSES),
}
"""Families of settings whose last part is the person's to name."""


class Config:
    """The settings in force: the file's over the defaults."""

    def __init__(self, values: Mapping[str, Any] | None = None, path: Path | None = None) -> None:
        """Take *values* (flat keys) as read from *path*."""
        self._values = dict(values or {})
        self.path = path

    def __getitem__(self, key: str) -> Any:
        """The value of a known key."""
        return self._values.get(key, SETTINGS[key].default)

    def under(self, table: str) -> dict[str, Any]:
        """Every setting of a table, with the defaults: full key → value."""
        known = [key for key in SETTINGS if key.startswith(f"{table}.")]
        return {key: self[key] for key in known} | {k: v for k, v in self._values.items() if k.startswith(f"{table}.")}

    def thresholds(self) -> dict[Classification, float]:
        """Probabilities below which a verdict is uncertain."""
        return {c: float(self[f"classify.threshold.{c}"]) for c in Classification}

    def fallback(self) -> Classification:
        """The class of what no stage is sure about."""
        return Classification(self["classify.fallback"])

    def rules(self) -> "Rules":
        """The person's own rules of filing.

        Raises:
            InvalidInput: one is none, named.
        """
        from vault.policy import Rules, parse_rules

        sources = {k.removeprefix(SOURCE): Classification(v) for k, v in self._values.items() if k.startswith(SOURCE)}
        always, never_below = (parse_rules(k, self[k]) for k in ("classify.always", "classify.never_below"))
        return Rules(always, never_below, sources)

    def listed(self) -> list[tuple[Setting, Any]]:
        """Every setting with its value: the known ones, then what the person named in the open families."""
        named = [(replace(found, key=k), v) for k, v in self._values.items() if (found := _family(k)) is not None]
        return [(setting, self[key]) for key, setting in SETTINGS.items()] + named

    def set(self, key: str, *texts: str) -> None:
        """Set *key* to what *texts* say (one text, or any number of rules) and write the file durably.

        Raises:
            InvalidInput: unknown key or a value out of bounds.
        """
        import tomli_w

        if self.path is None:
            raise InvalidInput("this configuration has no file", remedy="give its path")
        value = checked(key, _said(key, texts))
        if isinstance(value, tuple):
            from vault.policy import check_rules, parse_rules

            check_rules(parse_rules(key, value))
        self._values[key] = value
        nested: dict[str, Any] = {}
        for name, value in self._values.items():
            *tables, last = name.split(".")
            place = nested
            for table in tables:
                place = place.setdefault(table, {})
            place[last] = value
        from vault import durable

        durable.write_file(self.path, tomli_w.dumps(nested).encode())


def _family(key: str) -> Setting | None:
    return next((s for name, s in _OPEN.items() if key.startswith(name) and key != name), None)


def _said(key: str, texts: Sequence[str]) -> str | tuple[str, ...]:
    setting = SETTINGS.get(key)
    if setting is not None and isinstance(setting.default, tuple):
        return tuple(text for text in texts if text.strip())
    if len(texts) != 1:
        raise InvalidInput(f"{key[:60]} takes one value", remedy="quote it if it holds spaces")
    return texts[0]


def checked(key: str, value: Any) -> str | float | int | tuple[str, ...]:
    """*value* as the type that *key* has.

    Raises:
        InvalidInput: naming the key and what it takes.
    """
    setting = _family(key) or SETTINGS.get(key)
    if setting is None:
        raise InvalidInput(f"no setting {key[:60]!r}", remedy="see: memory config list")
    if isinstance(setting.default, tuple):
        from vault.policy import parse_rules

        parse_rules(key, value)
        return tuple(value)
    if isinstance(setting.default, str):
        if not isinstance(value, str) or (setting.choices and value not in setting.choices):
            raise InvalidInput(f"{key} takes {' | '.join(setting.choices) or 'text'}", remedy="memory config list")
        if setting.is_duration:
            duration(value)
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


def duration(text: str) -> float:
    """Seconds in ``90s``, ``15m``, ``8h``, ``1d`` or a bare number of minutes; ``off`` is 0: no end.

    Raises:
        InvalidInput: it is no such text.
    """
    if text.strip() == "off":
        return 0.0
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or int(found[1]) == 0:
        raise InvalidInput(f"{text[:20]!r} is no duration", remedy="use e.g. 90s, 15m or 8h")
    return float(int(found[1]) * _UNITS[found[2] or "m"])


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
    import tomllib  # only where there is a file to read

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
