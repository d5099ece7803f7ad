"""Keyslots of one class alone changed, where the program changes those of a whole passphrase group."""

from vault.headers import exchanged, latest, rewrite
from vault.home import Home
from vault.keys import keyslots
from vault.keys.keyslots import Secret
from vault.keys.slots import KdfParams
from vault.keys.stretching import KdfLimits, Stretched
from vault.keys.unlocked import ClassKeys


def add_slot(
    home: Home, keys: ClassKeys, secret: Secret, kdf: KdfParams | None = None, limits: KdfLimits | None = None
) -> ClassKeys:
    """Let *secret* open the class too; its keys with the header that says so."""
    slot = keyslots.wrap(keys.newest, secret, "vault", kdf, Stretched(limits or KdfLimits()))
    with latest(home, [keys]) as (now,):
        return rewrite(home, [(now, now.newest, exchanged(now.header, [], [slot]))])[0]


def remove_slot(home: Home, keys: ClassKeys, slot_id: str) -> ClassKeys:
    """Take a slot away; its keys with the header that says so."""
    with latest(home, [keys]) as (now,):
        return rewrite(home, [(now, now.newest, exchanged(now.header, [slot_id], []))])[0]
