"""What a command has at hand: the options before its name, and a vault opened as far as it needs.

Secrets come from a file descriptor, files, a command, a keyfile or the terminal; never from arguments or
the environment itself.
"""

import os
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from memory_cli.report import Report
from vault import config as configuration
from vault.classification import Classification
from vault.errors import InvalidInput, Locked, NotFound, VaultError, WrongPassphrase

if TYPE_CHECKING:
    from vault.config import Config
    from vault.keys.keyslots import Secret
    from vault.vault import Vault

GROUP_NAMES = {"vault": "vault", "secret": "secret", "ultrasecret": "ultrasecret"}
_GROUP_OF = {Classification.SECRET: "secret", Classification.ULTRASECRET: "ultrasecret"}
_MAX_SECRET = 4096


@dataclass
class Session:
    """One run of the program."""

    vault_path: Path | None = None
    passphrase_file: str | None = None
    passphrase_fd: int | None = None
    keyfile: Path | None = None
    report: Report = field(default_factory=Report)

    @cached_property
    def config(self) -> "Config":
        """The person's settings."""
        return configuration.load(configuration.config_path())

    def need_vault(self) -> None:
        """Raise now what opening the vault would raise: NoVault, Damaged, Conflict."""
        from vault.home import found

        found(self.vault_path or configuration.vault_path(), configuration.state_path())

    @contextmanager
    def locked(self) -> "Iterator[Vault]":
        """The vault without asking for anything: open only with what is at hand. For captures."""
        with self._vault() as vault:
            try:
                secrets = self.secrets_at_hand()
                if secrets:
                    with self.report.progress() as progress:
                        vault.unlock(secrets, progress=progress)
            except (WrongPassphrase, NotFound, InvalidInput) as error:
                # A capture must not fail for want of a key that it does not need.
                self.report.warn(f"{error.message}: going on locked")
            yield vault
            self._notes(vault)

    @contextmanager
    def open(self, named: Iterable[Classification] = ()) -> "Iterator[Vault]":
        """The vault opened with what is at hand, else by asking; classes that are *named* must open.

        Raises:
            Locked: there is no secret and nobody to ask, or a named class stays locked;
            WrongPassphrase: what was given opens nothing.
        """
        from memory_cli import prompt

        wanted = set(named)
        with self._vault() as vault:
            secrets = self.secrets_at_hand()
            if not secrets and not prompt.has_terminal():
                raise Locked(
                    "the vault is locked and there is no terminal to ask at",
                    remedy="set MEMORY_PASSPHRASE_FILE, MEMORY_PASSPHRASE_COMMAND or MEMORY_KEYFILE",
                )
            with self.report.progress() as progress:
                if secrets:
                    vault.unlock(secrets, progress=progress)
                elif not wanted or wanted - set(_GROUP_OF):
                    vault.unlock([self._ask("vault")], progress=progress)
                self._step_up(vault, wanted)
            yield vault
            self._notes(vault)

    def _step_up(self, vault: "Vault", wanted: set[Classification]) -> None:
        from memory_cli import prompt

        for classification in sorted(wanted - set(vault.open_classes), key=lambda c: c.level):
            group = _GROUP_OF.get(classification, "vault")
            if not prompt.has_terminal():
                raise Locked(f"{classification} is locked", remedy=f"give the {group} passphrase as well")
            vault.unlock([self._ask(group)], [classification])

    def _ask(self, group: str) -> "Secret":
        from memory_cli import prompt
        from vault.keys.keyslots import passphrase

        typed = prompt.read_passphrase(f"{group} passphrase: ")
        try:
            return passphrase(typed)
        finally:
            typed[:] = bytes(len(typed))

    @contextmanager
    def _vault(self) -> "Iterator[Vault]":
        from vault.opening import open_vault

        _no_core_dumps()
        with open_vault(self.vault_path, config=self.config) as vault:
            try:
                yield vault
            except VaultError:
                self._notes(vault)
                raise

    def _notes(self, vault: "Vault") -> None:
        for note in dict.fromkeys(vault.notes):
            self.report.note(f"memory: {note}")
        vault.notes.clear()

    def secrets_at_hand(self) -> "list[Secret]":
        """Secrets that need no asking, passphrases in the order of their groups.

        Raises:
            NotFound, InvalidInput: one was named and cannot be read.
        """
        from vault.keys import keyslots
        from vault.opening import read_keyfile

        secrets = [keyslots.passphrase(p) for p in self._passphrases()]
        keyfile = self.keyfile or (Path(value) if (value := os.environ.get("MEMORY_KEYFILE")) else None)
        if keyfile is not None:
            secrets.append(keyslots.keyfile(read_keyfile(keyfile)))
        return secrets

    def _passphrases(self) -> Sequence[bytes]:
        if self.passphrase_fd is not None:
            return [_one(_read_fd(self.passphrase_fd))]
        files = self.passphrase_file or os.environ.get("MEMORY_PASSPHRASE_FILE")
        if files:
            return [_one(_read_file(Path(name).expanduser())) for name in files.split(":") if name]
        command = os.environ.get("MEMORY_PASSPHRASE_COMMAND")
        return [_one(_run(command))] if command else []


def _no_core_dumps() -> None:
    """A crash must not leave keys and texts on disk."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def groups_to_ask(single: bool) -> tuple[str, ...]:
    """The passphrases that a new vault needs."""
    return ("vault",) if single else tuple(GROUP_NAMES)


def _one(raw: bytes) -> bytes:
    """A passphrase from a file: one trailing newline is not part of it."""
    if len(raw) > _MAX_SECRET:
        raise InvalidInput("a passphrase file has at most 4 KiB", remedy="put nothing but the passphrase in it")
    return raw.removesuffix(b"\n").removesuffix(b"\r")


def _read_fd(fd: int) -> bytes:
    try:
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(_MAX_SECRET + 1)
    except OSError as error:
        raise NotFound(f"cannot read file descriptor {fd}", remedy="open it, as in 3<file") from error


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SECRET + 1)
    except OSError as error:
        raise NotFound(f"cannot read the passphrase file {path}", remedy="check the path and permissions") from error


def _run(command: str) -> bytes:
    try:
        done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, check=False, timeout=300)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise NotFound("MEMORY_PASSPHRASE_COMMAND does not run", remedy="try it by hand") from error
    if done.returncode or not done.stdout:
        raise WrongPassphrase(f"MEMORY_PASSPHRASE_COMMAND ended with {done.returncode}", remedy="try it by hand")
    return done.stdout.split(b"\n", 1)[0]
