"""`memory` as a library: ``vault.create``, ``vault.open`` and what they give back.

Names load on first use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vault.classification import Classification
    from vault.classify.verdict import Verdict
    from vault.entry import Entry
    from vault.errors import VaultError
    from vault.layout import create
    from vault.opening import connect
    from vault.opening import open_vault as open  # noqa: A004
    from vault.search.hit import Hit
    from vault.vault import Vault

_PLACES = {
    "Classification": ("vault.classification", "Classification"),
    "Entry": ("vault.entry", "Entry"),
    "Hit": ("vault.search.hit", "Hit"),
    "Vault": ("vault.vault", "Vault"),
    "VaultError": ("vault.errors", "VaultError"),
    "Verdict": ("vault.classify.verdict", "Verdict"),
    "connect": ("vault.opening", "connect"),
    "create": ("vault.layout", "create"),
    "open": ("vault.opening", "open_vault"),
}
__all__ = ["Classification", "Entry", "Hit", "Vault", "VaultError", "Verdict", "connect", "create", "open"]


if not TYPE_CHECKING:  # a type checker is to know the names above and no others

    def __getattr__(name: str) -> Any:
        if name not in _PLACES:
            raise AttributeError(f"module 'vault' has no attribute {name!r}")
        from importlib import import_module

        module, attribute = _PLACES[name]
        return getattr(import_module(module), attribute)
