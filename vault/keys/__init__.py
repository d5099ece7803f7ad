"""Keys: roots and their subkeys, keyslots, header sections, pins, devices and purge lists.

Everything here is laid down in `docs/format.md` sections 1, 2, 4 and 5.
"""
