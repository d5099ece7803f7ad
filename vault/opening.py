"""Open a vault that exists; the front door of the library beside `vault.layout`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vault import config as configuration
from vault import home as homes
from vault.errors import NotFound, VaultBusy
from vault.vault import Vault

if TYPE_CHECKING:
    from vault.agent.classes import Keeping
    from vault.config import Config
    from vault.keys.stretching import KdfLimits


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

    home = _home(path, state)
    settings = config or configuration.Config()
    vault = Vault(home, settings, ModelStore(Path(models) if models else configuration.models_path()), limits)
    given = [passphrase] if isinstance(passphrase, (bytes, bytearray)) else list(passphrase or ())
    secrets = [keyslots.passphrase(p) for p in given]
    if keyfile is not None:
        secrets.append(keyslots.keyfile(read_keyfile(Path(keyfile))))
    if secrets:
        vault.unlock(secrets)
    return vault


def connect(
    path: Path | str | None = None,
    state: Path | str | None = None,
    *,
    keeping: "Keeping | None" = None,
    models: Path | str | None = None,
    config: "Config | None" = None,
    limits: "KdfLimits | None" = None,
) -> Vault:
    """The vault at *path* with the classes that the agent has open for this terminal, and its loaded model.

    Without an agent it is as if opened with no secret. A later `Vault.unlock` opens classes in this process, or
    with *keeping* in the agent, which is then started if need be. Closing leaves the agent as it is.

    Args:
        path: the vault directory.
        state: as in `open_vault`.
        keeping: what an unlock is to leave open in the agent, and how long.
        models: as in `open_vault`.
        config: as in `open_vault`.
        limits: as in `open_vault`.

    Raises:
        NoVault, Conflict: as `vault.home.found`; Damaged: also where the agent's socket is not this user's.
    """
    from vault.agent.classes import AgentClasses
    from vault.agent.client import connect as connected
    from vault.agent.remote import RemoteReader
    from vault.models.store import ModelStore
    from vault.reading import Reader

    home = _home(path, state)
    settings = config or configuration.Config()
    store = ModelStore(Path(models) if models else configuration.models_path())
    reader = Reader(store, settings)
    opened = AgentClasses(home, notes=reader.notes, keeping=keeping)
    try:
        agent = connected()
        if agent is not None:
            with agent:
                if keeping is None:  # else what is open is to be opened anew, on the new terms
                    opened.take_over(agent.attach(home.vault_id, home.path))
            reader = RemoteReader(reader, settings.path)
    except VaultBusy as error:  # a capture must not fail for want of an agent
        reader.notes.append(f"{error.message}: going on without it")
    vault = Vault(home, settings, store, limits, opened=opened, reader=reader)
    vault.finish_moves()
    return vault


def _home(path: Path | str | None, state: Path | str | None) -> "homes.Home":
    where = Path(path) if path else configuration.vault_path()
    return homes.found(where, Path(state) if state else configuration.state_path())


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
