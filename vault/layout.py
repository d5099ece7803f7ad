"""Make a vault: built beside, renamed into place last, so that there is never half of one."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from vault import config as configuration
from vault import durable
from vault import home as homes
from vault.classification import Classification
from vault.errors import InvalidInput, VaultError
from vault.headers import new_headers
from vault.home import Home
from vault.keys import keyslots
from vault.keys.keyslots import GROUPS, Secret
from vault.keys.pins import Pin
from vault.keys.stretching import KdfLimits
from vault.names import name_of
from vault.objects import GITATTRIBUTES, GITIGNORE, ObjectStore
from vault.opening import open_vault, read_keyfile
from vault.vault import Vault


def create(
    path: Path | str | None = None,
    passphrase: bytes | None = None,
    state: Path | str | None = None,
    *,
    keyfile: Path | str | None = None,
    models: Path | str | None = None,
    config: "configuration.Config | None" = None,
    limits: KdfLimits | None = None,
) -> Vault:
    """Make a vault whose classes all open with one passphrase (or keyfile), and open it.

    Args:
        path: where; must not exist or be an empty directory.
        passphrase: 1 to 1,024 bytes.
        state: as for `vault.open`.
        keyfile: path of a file of 32 bytes to 64 KiB of randomness, beside or instead of the passphrase.
        models: as for `vault.open`.
        config: as for `vault.open`.
        limits: as for `vault.open`.

    Raises:
        Conflict: something is there already; InvalidInput: no secret given; StorageFailed.
    """
    secrets = [keyslots.passphrase(passphrase)] if passphrase is not None else []
    if keyfile is not None:
        secrets.append(keyslots.keyfile(read_keyfile(Path(keyfile))))
    lay_out(path, dict.fromkeys(GROUPS, secrets), single=True, state=state, limits=limits)
    return open_vault(path, passphrase, state, keyfile=keyfile, models=models, config=config, limits=limits)


def lay_out(
    path: Path | str | None,
    slots: Mapping[str, Sequence[Secret]],
    *,
    single: bool,
    state: Path | str | None = None,
    limits: KdfLimits | None = None,
    vault_id: str | None = None,
) -> Path:
    """Write the files of a new vault and pin and enrol this device for all classes; returns its path.

    Args:
        path: where.
        slots: passphrase group → secrets that open it.
        single: one group for all classes.
        state: the state root.
        limits: Argon2 bounds.
        vault_id: its id, where that was told before (`homes.new_id`); a new one otherwise.

    Raises:
        Conflict, InvalidInput, StorageFailed: nothing is at *path* then that was not before.
    """
    groups = ("vault",) if single else GROUPS
    if any(not slots.get(group) for group in groups):
        raise InvalidInput("a vault needs a passphrase or a keyfile", remedy="give one")
    root = Path(state) if state else configuration.state_path()
    home = homes.new(Path(path) if path else configuration.vault_path(), root, vault_id or homes.new_id())
    key = home.device_key()
    headers = new_headers(home.vault_id, key, slots, single, limits or KdfLimits())
    built = home.path.with_name(f"{home.path.name}{durable.TEMPORARY}{home.vault_id[:8]}")
    try:
        _write_tree(ObjectStore(built), home.vault_id, {c: data for c, (_, _, data) in headers.items()})
        home.store_pins({c: Pin(header.recipient, 1, (name_of(data),)) for c, (_, header, data) in headers.items()})
        homes.place(home, built)
    except BaseException:  # the rename itself may have happened, and only its fsync failed
        _take_back(home, built)
        raise
    return home.path


def _take_back(home: Home, built: Path) -> None:
    """Remove what a failed creation left; never another vault that came to the same path meanwhile."""
    with suppress(VaultError):
        if homes.read_preamble(home.path) == home.vault_id:
            shutil.rmtree(home.path, ignore_errors=True)
    shutil.rmtree(built, ignore_errors=True)
    shutil.rmtree(home.state, ignore_errors=True)


def _write_tree(store: ObjectStore, vault_id: str, sections: Mapping[Classification, bytes]) -> None:
    durable.make_directory(store.root)
    durable.make_directory(store.objects)
    durable.write_files(
        [
            (store.root / ".gitignore", GITIGNORE.encode()),
            (store.root / ".gitattributes", GITATTRIBUTES.encode()),
            (store.root / "vault.toml", homes.preamble(vault_id)),
        ]
    )
    store.put_sections({c.value: [data] for c, data in sections.items()})
