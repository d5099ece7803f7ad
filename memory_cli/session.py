"""What a command has at hand: the options before its name, and a vault opened as far as it needs.

Secrets come from a file descriptor, files, a command, a keyfile or the terminal; never from arguments or
the environment itself.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from memory_cli.report import Report
from vault import config as configuration
from vault.classification import Classification
from vault.errors import InvalidInput, Locked, NotFound, VaultError, WrongPassphrase

if TYPE_CHECKING:
    from vault.agent.classes import Keeping
    from vault.config import Config
    from vault.home import Home
    from vault.keys.keyslots import Secret
    from vault.vault import Vault

GROUP_OF = {Classification.SECRET: "secret", Classification.ULTRASECRET: "ultrasecret"}
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

    def options(self) -> list[str]:
        """The options before the command, for another run of the program."""
        given = (
            ("--vault", self.vault_path),
            ("--passphrase-file", self.passphrase_file),
            ("--passphrase-fd", self.passphrase_fd),
            ("--keyfile", self.keyfile),
        )
        return [word for name, value in given if value is not None for word in (name, str(value))]

    def need_vault(self) -> None:
        """Raise now what opening the vault would raise: NoVault, Damaged, Conflict."""
        self.vault_id()

    def vault_id(self) -> str:
        """The id of the vault at hand.

        Raises:
            NoVault, Damaged, Conflict: as opening it would.
        """
        from vault.home import found

        return found(self.vault_path or configuration.vault_path(), configuration.state_path()).vault_id

    @contextmanager
    def locked(self) -> "Iterator[Vault]":
        """The vault without asking for anything: open with what the agent has and what is at hand. For captures."""
        with self._vault() as vault:
            try:
                self._unlock_at_hand(vault, ())
            except (WrongPassphrase, NotFound, InvalidInput) as error:
                # A capture must not fail for want of a key that it does not need.
                self.report.warn(f"{error.message}: going on locked")
            yield vault
            self._notes(vault)

    @contextmanager
    def open(self, named: Iterable[Classification] = (), *, agent: bool = True) -> "Iterator[Vault]":
        """The vault opened with what the agent has and what is at hand, else by asking.

        Args:
            named: classes that must open.
            agent: whether classes that are open in the agent will do; what needs keys needs the secret itself.

        Raises:
            Locked: there is no secret and nobody to ask, or a named class stays locked;
            WrongPassphrase: what was given opens nothing.
        """
        with self._opened(named, agent=agent) as (vault, _):
            yield vault

    @contextmanager
    def keyed(self, named: Iterable[Classification] = ()) -> "Iterator[Vault]":
        """`open` in this process, for commands that need the keys themselves: the agent gives none away."""
        with self._opened(named, agent=False) as (vault, _):
            yield vault

    @contextmanager
    def holding(self, named: Iterable[Classification] = ()) -> "Iterator[tuple[Vault, list[Secret]]]":
        """`keyed` with the secrets that were given, for commands that make keyslots with them.

        Raises:
            Locked, WrongPassphrase: as `open`.
        """
        with self._opened(named, agent=False) as both:
            yield both

    @contextmanager
    def _opened(self, named: Iterable[Classification], *, agent: bool) -> "Iterator[tuple[Vault, list[Secret]]]":
        from memory_cli import prompt

        wanted = set(named)
        with self._vault(agent=agent) as vault:
            secrets = self._unlock_at_hand(vault, wanted)
            if not secrets and not vault.open_classes:
                if not prompt.has_terminal():
                    raise Locked(
                        "the vault is locked and there is no terminal to ask at",
                        remedy="run: memory unlock; in scripts set MEMORY_PASSPHRASE_FILE or MEMORY_KEYFILE",
                    )
                if not wanted or wanted - set(GROUP_OF):
                    secrets += self.ask(vault, "vault")
                    with self.report.progress() as progress:
                        vault.unlock(secrets, progress=progress)
            self._step_up(vault, wanted, secrets)
            yield vault, secrets
            self._notes(vault)

    def _unlock_at_hand(self, vault: "Vault", named: Iterable[Classification]) -> "list[Secret]":
        """Open what the secrets at hand open, and give those that were tried.

        What the agent has open makes passphrases unnecessary (they cost a second), unless a class was named.
        """
        had = vault.open_classes
        enough = bool(had) and set(named) <= set(had)
        secrets = [s for s in self.secrets_at_hand() if s.kind != "passphrase" or not enough]
        if secrets:
            with self.report.progress() as progress:
                try:
                    vault.unlock(secrets, progress=progress)
                except WrongPassphrase:
                    if not had:
                        raise
        return secrets

    @contextmanager
    def shut(self, *, agent: bool = False) -> "Iterator[Vault]":
        """The vault with nothing open, whatever is at hand; with *agent*, with what the agent has open."""
        with self._vault(agent=agent) as vault:
            yield vault
            self._notes(vault)

    def _step_up(self, vault: "Vault", wanted: set[Classification], secrets: "list[Secret]") -> None:
        from memory_cli import prompt

        for classification in sorted(wanted, key=lambda c: c.level):
            if classification in vault.open_classes:
                continue
            group = GROUP_OF.get(classification, "vault")
            if not prompt.has_terminal():
                raise Locked(f"{classification} is locked", remedy=f"give the {group} passphrase as well")
            asked = self.ask(vault, group)
            secrets += asked
            vault.unlock([*asked, *(s for s in secrets if s.kind != "passphrase")], [classification])

    def ask(self, vault: "Vault", group: str) -> "list[Secret]":
        """The passphrase of *group*, and the second secrets that its keyslots need."""
        from memory_cli import factors

        first = factors.ask_passphrase(f"{group} passphrase: ")
        return [first, *factors.ask_seconds(self.report, vault.home, group)]

    @contextmanager
    def _vault(self, *, agent: bool = True) -> "Iterator[Vault]":
        from vault.agent.hardening import harden
        from vault.opening import connect, open_vault

        harden()
        with (connect if agent else open_vault)(self.vault_path, config=self.config) as vault:
            try:
                yield vault
            except VaultError:
                self._notes(vault)
                raise

    @contextmanager
    def unlocking(self, keeping: "Keeping") -> "Iterator[Vault]":
        """The vault, with the agent taking what is unlocked in it."""
        from vault.agent.hardening import harden
        from vault.opening import connect

        harden()
        with connect(self.vault_path, config=self.config, keeping=keeping) as vault:
            yield vault
            self._notes(vault)

    def lock_in_agent(self, home: "Home", classes: Iterable[Classification]) -> None:
        """See that no process of the agent holds these classes open; a failure is said, and stops nothing."""
        from vault.agent.client import connect

        try:
            agent = connect()
            if agent is not None:
                with agent:
                    agent.lock(home.vault_id, list(classes))
        except VaultError as error:
            self.report.warn(f"the agent was not told ({error.message}): run memory lock")

    def _notes(self, vault: "Vault") -> None:
        for note in dict.fromkeys(vault.notes):
            self.report.note(f"memory: {note}")
        vault.notes.clear()

    def secrets_at_hand(self) -> "list[Secret]":
        """Secrets that need no asking, passphrases in the order of their groups.

        Raises:
            NotFound, InvalidInput: one was named and cannot be read.
        """
        passphrases = self._passphrases()
        keyfile = self.keyfile or (Path(value) if (value := os.environ.get("MEMORY_KEYFILE")) else None)
        if not passphrases and keyfile is None:
            return []
        from vault.keys import keyslots
        from vault.opening import read_keyfile

        secrets = [keyslots.passphrase(p) for p in passphrases]
        if keyfile is not None:
            content = read_keyfile(keyfile)
            secrets += [keyslots.keyfile(content), *keyslots.identities(content)]
        return secrets

    def _passphrases(self) -> Sequence[bytes]:
        if self.passphrase_fd is not None:
            return [_one(_read_fd(self.passphrase_fd))]
        files = self.passphrase_file or os.environ.get("MEMORY_PASSPHRASE_FILE")
        if files:
            return [_one(_read_file(Path(name).expanduser())) for name in files.split(":") if name]
        command = os.environ.get("MEMORY_PASSPHRASE_COMMAND")
        return [_one(_run(command))] if command else []


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
    import shlex
    import subprocess

    try:
        done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, check=False, timeout=300)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise NotFound("MEMORY_PASSPHRASE_COMMAND does not run", remedy="try it by hand") from error
    if done.returncode or not done.stdout:
        raise WrongPassphrase(f"MEMORY_PASSPHRASE_COMMAND ended with {done.returncode}", remedy="try it by hand")
    return done.stdout.split(b"\n", 1)[0]
