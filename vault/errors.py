"""What can go wrong, one class per cause.

The library raises these and formats nothing: a front end decides on words, colours and exit codes.
Every error carries a one-line message in lower case and, where the person can act, the remedy.
No message ever contains a passphrase, a key or the text of an entry.
"""

import errno


class VaultError(Exception):
    """Base of everything this library raises on purpose."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        """Keep *message* (one line, lower case) and *remedy* (what the person can do next)."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class InvalidInput(VaultError):
    """The caller's input cannot be taken as it is (too large, not UTF-8, ambiguous id, bad date)."""


class Aborted(VaultError):
    """The person said no, or left an editor empty."""


class NoVault(VaultError):
    """There is no vault at that path, or another vault than the one known there."""


class VaultBusy(VaultError):
    """Another process has held a lock for longer than we wait."""


class WrongPassphrase(VaultError):
    """No keyslot opened. The message is constant and tells nothing about which or how many exist."""


class Damaged(VaultError):
    """A file is not what its name, MAC, signature or format promises."""


class NewerFormat(Damaged):
    """Written by a newer version; we refuse rather than guess."""


class NotFound(VaultError):
    """No such entry among the open classes (or no such file, model, slot)."""


class Conflict(VaultError):
    """The thing exists already, or changed under us."""


class ModelMissing(VaultError):
    """The local model, or the extra that runs it, is not installed or not usable."""


class Locked(VaultError):
    """A class that was named is locked."""


class Refused(VaultError):
    """A clearance does not allow this."""


class StorageFailed(VaultError):
    """The file system refused (full, read-only, failing); nothing was acknowledged."""

    @property
    def is_full(self) -> bool:
        """Whether it refused for want of space."""
        cause = self.__cause__
        return isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT}
