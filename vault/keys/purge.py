"""Purge lists: device-signed names of objects that must never come back (`docs/format.md` section 4)."""

import tomllib
from collections.abc import Mapping, Sequence

from vault.keys.device import DeviceKey, device_of, verify
from vault.names import is_name

MAX_SIZE = 1024 * 1024


def render(vault_id: str, names: Sequence[str], key: DeviceKey) -> bytes:
    """A purge list for *names*, signed by this device."""
    import tomli_w

    ordered = sorted(set(names))
    table = {
        "format": 1,
        "vault": vault_id,
        "device": key.device.id,
        "public": key.device.public.hex(),
        "names": ordered,
        "signature": key.sign(_message(vault_id, ordered)).hex(),
    }
    return tomli_w.dumps(table).encode()


def names_in(data: bytes, vault_id: str, enrolled: Mapping[str, bytes]) -> frozenset[str]:
    """The names *data* purges, or none if it is not by an enrolled device (*enrolled*: id → public key)."""
    if len(data) > MAX_SIZE:
        return frozenset()
    try:
        table = tomllib.loads(data.decode())
        names = [str(n) for n in table["names"]]
        public = bytes.fromhex(table["public"])
        signature = bytes.fromhex(table["signature"])
        genuine = (
            table["format"] == 1
            and table["vault"] == vault_id
            and device_of(public).id == table["device"]
            and enrolled.get(table["device"]) == public
            and all(map(is_name, names))
            and verify(public, signature, _message(vault_id, names))
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, RecursionError):
        return frozenset()
    return frozenset(names) if genuine else frozenset()


def _message(vault_id: str, names: Sequence[str]) -> bytes:
    return b"memory/v1/purged\0" + vault_id.encode() + b"\0" + "\n".join(names).encode()
