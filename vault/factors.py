"""What opens a class, told before it is open: the keyslots it says it has, and this device's own second secret.

But for what this device has pinned, nothing of it is authenticated yet: it may decide what a person is asked for, and
no more.
"""

from collections.abc import Iterable, Sequence

from vault import durable
from vault.classification import Classification
from vault.errors import Damaged
from vault.home import Home
from vault.keys import keyslots
from vault.keys.keyslots import Secret
from vault.keys.slots import Fido2Params, Slot

_MAX_CHALLENGES = 4
"""Authenticator questions put for one unlock: planted slots cannot keep a person touching their key."""


def slots_on_disk(home: Home, classification: Classification, *, pinned: bool = False) -> list[Slot]:
    """The keyslots that a class says it has, unlocked or not: by its pinned sections if they are there, else by all.

    What others only claim may decide what a person is asked for, never what a new slot is made of: for that,
    only what is *pinned* counts.
    """
    pin = home.pins().get(classification)
    sections = home.sections(classification)
    known = [s for s in sections if pin and s.name in pin.sections]
    return list({slot.id: slot for s in known or ([] if pinned else sections) for slot in s.header.slots}.values())


def challenges(slots: Iterable[Slot]) -> list[Fido2Params]:
    """What an authenticator must be asked before *slots* can open with passphrase and FIDO2; a few at most."""
    return list(dict.fromkeys(slot.fido2 for slot in slots if slot.fido2))[:_MAX_CHALLENGES]


def device_secret(home: Home, *, make: bool = False) -> Secret | None:
    """This device's second secret for two-secret slots; None where it has none and is not to *make* one.

    Raises:
        Damaged: it is not what it must be; StorageFailed: it cannot be made.
    """
    path = home.state / "device.secret"
    if make and not path.exists():
        import secrets

        durable.create_file(path, secrets.token_bytes(keyslots.SECOND_SIZE))
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Damaged(f"cannot read {path}", remedy="check its owner and permissions") from error
    return keyslots.device_secret(content, home.device_key().device.id)


def with_device(home: Home, secrets: Sequence[Secret]) -> list[Secret]:
    """*secrets*, and this device's own where a passphrase may need it."""
    own = device_secret(home) if any(s.kind == "passphrase" for s in secrets) else None
    return [*secrets, own] if own and not any(s.kind == "device" for s in secrets) else list(secrets)
