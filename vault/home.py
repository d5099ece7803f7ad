"""Where a vault lives: its directory, its preamble, and this device's state for it.

Answers "which vault is this, and is it the one I know at this path?" before any key is touched.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vault import durable
from vault.classification import Classification
from vault.errors import Conflict, Damaged, NewerFormat, NotFound, NoVault
from vault.keys import pins, purge
from vault.keys.device import DeviceKey, load_or_create
from vault.keys.pins import Pin
from vault.locks import locked
from vault.objects import ObjectStore, read_bounded

if TYPE_CHECKING:
    from vault.keys.sections import Section

FORMAT = 1
_MAX_PREAMBLE = 4096
_ID_LENGTH = 32


@dataclass(slots=True)
class Home:
    """The files of one vault and the state this device keeps for it."""

    path: Path
    vault_id: str
    state_root: Path

    @property
    def state(self) -> Path:
        """This vault's own state directory."""
        return self.state_root / self.vault_id

    @property
    def objects(self) -> ObjectStore:
        """The synced files."""
        return ObjectStore(self.path)

    def is_there(self) -> bool:
        """Whether the vault still stands at its path."""
        return (self.path / "vault.toml").exists()

    def database(self, classification: Classification) -> Path:
        """The index of a class."""
        return self.state / f"{classification}.db"

    def lock(self, classification: Classification) -> Path:
        """The lock of a class's index and header."""
        return self.state / f"{classification}.lock"

    def sequence(self, classification: Classification) -> Path:
        """The lock that holds a class's last sequence number; apart, so that captures never wait for indexing."""
        return self.state / f"{classification}.seq"

    def device_key(self) -> DeviceKey:
        """This device's signing key, made on first use."""
        return load_or_create(self.state / "device.key")

    def pins(self) -> dict[Classification, Pin]:
        """What this device has verified of each class."""
        return pins.load(self.state / "pins.toml")

    def store_pins(self, found: Mapping[Classification, Pin]) -> None:
        """Remember what was verified of these classes; the others stay as they are."""
        with locked(self.state / "pins.lock"):
            pins.store(self.state / "pins.toml", {**self.pins(), **found})

    def sections(self, classification: Classification) -> "list[Section]":
        """The readable header sections of a class, not yet authenticated."""
        from vault.keys.sections import MAX_SECTIONS, MAX_SIZE, parse

        found = []
        for data in self.objects.sections(classification, MAX_SECTIONS, MAX_SIZE).values():
            try:
                section = parse(data, self.vault_id)
            except Damaged:
                continue  # the pins tell whether one that matters is missing; doctor lists the file
            if section.header.classification is classification:
                found.append(section)
        return found

    def has_newer_section(self, classification: Classification) -> bool:
        """Whether a header section of a class is of a format this version does not know."""
        from vault.keys.sections import MAX_SECTIONS, MAX_SIZE, parse

        for data in self.objects.sections(classification, MAX_SECTIONS, MAX_SIZE).values():
            try:
                parse(data, self.vault_id)
            except NewerFormat:
                return True
            except Damaged:
                continue
        return False

    def purged(self, enrolled: dict[str, bytes]) -> frozenset[str]:
        """Names that must never come back, by lists that an enrolled device signed."""
        lists = self.objects.purge_lists(purge.MAX_SIZE)
        return frozenset().union(*(purge.names_in(data, self.vault_id, enrolled) for data in lists))

    def pinned_devices(self) -> dict[str, bytes]:
        """Id → public key of the devices enrolled in any pinned section; needs no key."""
        devices: dict[str, bytes] = {}
        for classification, pin in self.pins().items():
            for section in self.sections(classification):
                if section.name in pin.sections:
                    devices |= {d.id: d.public for d in section.header.devices}
        return devices


def found(path: Path, state_root: Path) -> Home:
    """The vault at *path*, if it is the one this device knows there.

    Raises:
        NoVault: none there; Damaged: another vault stands at a known path, or the preamble is damaged;
        Conflict: a copy of a known vault whose original still exists.
    """
    path = path.expanduser().resolve()
    vault_id = read_preamble(path)
    known = pins.load_paths(state_root / "vaults.toml")
    if known.get(str(path), vault_id) != vault_id:
        raise Damaged(
            f"another vault than the one known stands at {path}",
            remedy="restore the right one, or remove this path from vaults.toml in the state directory",
        )
    if str(path) not in known:
        with locked(state_root / "vaults.lock"):
            _adopt(path, vault_id, state_root, pins.load_paths(state_root / "vaults.toml"))
    return Home(path, vault_id, state_root)


def _adopt(path: Path, vault_id: str, state_root: Path, known: dict[str, str]) -> None:
    for other in [p for p, i in known.items() if i == vault_id]:
        try:
            alive = read_preamble(Path(other)) == vault_id
        except (NoVault, Damaged):
            alive = False
        if alive:
            raise Conflict(
                f"this is a copy of the vault at {other}",
                remedy=f"use the original, or move it away if {path} is to replace it",
            )
        del known[other]
    pins.store_paths(state_root / "vaults.toml", known | {str(path): vault_id})


def read_preamble(path: Path) -> str:
    """The vault id in the preamble below *path*.

    Raises:
        NoVault: no preamble; NewerFormat; Damaged.
    """
    try:
        data = read_bounded(path / "vault.toml", _MAX_PREAMBLE)
    except NotFound as error:
        raise NoVault(f"no vault at {path}", remedy="make one with: memory init") from error
    try:
        table = tomllib.loads(data.decode())
        if table["magic"] != "memory-vault":
            raise ValueError("wrong magic")
        if type(table["format"]) is int and table["format"] > FORMAT:
            raise NewerFormat(f"vault format {table['format']} is newer than this version", remedy="upgrade memory")
        if (
            type(table["format"]) is not int
            or table["format"] != FORMAT
            or len(table["id"]) != _ID_LENGTH
            or bytes.fromhex(table["id"]).hex() != table["id"]
        ):
            raise ValueError("not a preamble of format 1")
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path / 'vault.toml'} is damaged", remedy="restore it from a backup or from git") from error
    return str(table["id"])


def new_id() -> str:
    """A random id for a new vault: 128 bits in hexadecimal."""
    return os.urandom(_ID_LENGTH // 2).hex()


def new(path: Path, state_root: Path, vault_id: str) -> Home:
    """A home for a vault that does not exist yet.

    Raises:
        Conflict: something is at *path* already.
    """
    path = path.expanduser().resolve()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Conflict(f"{path} exists already", remedy="choose another path, or use the vault that is there")
    return Home(path, vault_id, state_root)


def preamble(vault_id: str) -> bytes:
    """The preamble file of a vault."""
    return f'magic = "memory-vault"\nformat = {FORMAT}\nid = "{vault_id}"\n'.encode()


def place(home: Home, built: Path) -> None:
    """Remember the path, then move the finished tree *built* to it: the last step of `create`."""
    with locked(home.state_root / "vaults.lock"):
        known = pins.load_paths(home.state_root / "vaults.toml")
        pins.store_paths(home.state_root / "vaults.toml", known | {str(home.path): home.vault_id})
        try:
            if home.path.is_dir():
                home.path.rmdir()
            durable.rename(built, home.path)
        except BaseException:
            pins.store_paths(home.state_root / "vaults.toml", known)
            raise
