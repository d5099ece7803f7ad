"""Bech32 encoding (BIP-173), the one codec we write, because age names its keys with it.

Only encoding is needed: age strings are handed to pyrage, which decodes them itself.
"""

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encode(prefix: str, data: bytes) -> str:
    """*data* as Bech32 under the lower-case human-readable *prefix*."""
    values = _to_five_bits(data)
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    polymod = _polymod([*expanded, *values, 0, 0, 0, 0, 0, 0]) ^ 1
    checksum = [(polymod >> 5 * (5 - i)) & 31 for i in range(6)]
    return prefix + "1" + "".join(_ALPHABET[v] for v in values + checksum)


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate(_GENERATOR):
            check ^= generator if (top >> i) & 1 else 0
    return check


def _to_five_bits(data: bytes) -> list[int]:
    bits = int.from_bytes(data)
    length = len(data) * 8
    padding = -length % 5
    bits <<= padding
    return [(bits >> shift) & 31 for shift in range(length + padding - 5, -1, -5)]
