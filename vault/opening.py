"""Open a vault that exists; the front door of the library beside `vault.layout`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vault import config as configuration
from vault import home as homes
from vault.errors import NotFound
from vault.vault import Vault

if TYPE_CHECKING:
    from vault.config import Config
    from vault.keys.keyslots import KdfLimits


def open_vault(
    path: Path | str | None = None,
    passphrase: bytes | Sequence[bytes] | None = None,
    state: Path | str | None = None,
    *,
    keyfile: Path | str | None = None,
    models: Path | str | None = None,
    config: "Config | None" = None,
    limits: "KdfLimits | None" = None,
) -> Vault:
    """Open the vault at *path* (default: `config.vault_path`); without a secret it stays locked.

    Args:
        path: the vault directory.
        passphrase: one passphrase or one per group (vault, secret, ultrasecret).
        state: this device's state root; default ``$XDG_STATE_HOME/memory``.
        keyfile: path of a keyfile slot's file.
        models: where the models are; default ``$XDG_DATA_HOME/memory/models``.
        config: settings; the defaults if None.
        limits: bounds on Argon2 parameters; production's if None.

    Raises:
        NoVault, Damaged, Conflict: as `vault.home.found`; WrongPassphrase: no secret fits.
    """
    from vault.keys import keyslots
    from vault.models.store import ModelStore

    home = homes.found(
        Path(path) if path else configuration.vault_path(), Path(state) if state else configuration.state_path()
    )
    vault = Vault(
        home,
        config or configuration.Config(),
        ModelStore(Path(models) if models else configuration.models_path()),
        limits,
    )
    given = [passphrase] if isinstance(passphrase, (bytes, bytearray)) else list(passphrase or ())
    secrets = [keyslots.passphrase(p) for p in given]
    if keyfile is not None:
        secrets.append(keyslots.keyfile(read_keyfile(Path(keyfile))))
    if secrets:
        vault.unlock(secrets)
    return vault


def read_keyfile(path: Path) -> bytes:
    """The bytes of a keyfile, at most one more than a keyfile may have.

    Raises:
        NotFound: it cannot be read.
    """
    from vault.keys.keyslots import KEYFILE_MAX

    try:
        with path.expanduser().open("rb") as file:
            return file.read(KEYFILE_MAX + 1)
    except OSError as error:
        raise NotFound(f"cannot read the keyfile {path}", remedy="check the path and its permissions") from error
