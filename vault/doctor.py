"""Examine a vault: files against names, header against pins, index against files, model against its record.

Reads everything, changes nothing; `memory doctor --rebuild` is the facade's business.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vault.classification import Classification
from vault.errors import VaultError
from vault.home import Home
from vault.keys.sections import MAX_SIZE
from vault.models.runtime import EXTRA_COMMAND
from vault.models.store import ModelStore
from vault.names import name_of
from vault.opened import OpenClasses, read_seen
from vault.reconcile import Progress


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be (or, as ``info``, worth knowing)."""

    severity: str
    """``info``, ``warning`` or ``error``."""
    subject: str
    message: str
    remedy: str = ""


def examine(home: Home, opened: OpenClasses, models: ModelStore, progress: Progress | None) -> list[Finding]:
    """Everything found, worst last in no particular order; empty for a sound vault."""
    return [
        *_objects(home, progress),
        *_missing(home, opened),
        *_headers(home),
        *_indexes(opened),
        *_model(models, opened),
        *_permissions(home),
    ]


def _objects(home: Home, progress: Progress | None) -> Iterator[Finding]:
    store = home.objects
    names = sorted(store.names())
    for i, name in enumerate(names):
        if progress and i % 100 == 0:
            progress("checking files", i, len(names))
        try:
            sound = name_of(store.get(name)) == name
        except VaultError as error:
            yield Finding("error", name, error.message, error.remedy)
            continue
        if not sound:
            yield Finding(
                "error",
                f"objects/{name[:2]}/{name}.age",
                "content does not fit the name: the file is damaged",
                "restore this file from a backup, another device or git history",
            )


def _missing(home: Home, opened: OpenClasses) -> Iterator[Finding]:
    purged = home.purged(home.pinned_devices())
    gone = (read_seen(home) | set(opened.missing)) - set(home.objects.names()) - purged
    for name in sorted(gone):
        yield Finding(
            "error",
            f"objects/{name[:2]}/{name}.age",
            "this device has seen it and it is gone: lost, or the vault was rolled back",
            "restore it from a backup, another device or git history",
        )


def _headers(home: Home) -> Iterator[Finding]:
    for classification in Classification:
        for file in home.objects.damaged_sections(classification, MAX_SIZE):
            yield Finding("error", f"header/{file}", "content does not fit the name", "restore or delete it")
        present = {s.name for s in home.sections(classification)}
        pin = home.pins().get(classification)
        if pin is None:
            yield Finding(
                "info", classification, "never unlocked on this device: capture into it is not possible here",
                "unlock it once",
            )  # fmt: skip
        elif not set(pin.sections) <= present:
            yield Finding(
                "warning", classification, "the header is not the one this device pinned", "unlock it to check why"
            )


def _indexes(opened: OpenClasses) -> Iterator[Finding]:
    for open_class in opened:
        compartment = open_class.compartment
        subject = compartment.classification.value
        for name in open_class.strange_sections():
            yield Finding(
                "warning", f"header/{subject}.{name}.toml", "not written by anyone who holds the key", "delete it"
            )
        for line in compartment.integrity():
            yield Finding("error", subject, f"index: {line}", "run: memory doctor --rebuild")
        for skipped in compartment.skipped():
            pending = skipped.kind == "pending"
            yield Finding(
                "warning",
                f"objects/{skipped.name[:2]}/{skipped.name}.age",
                f"{'waiting' if pending else 'quarantined'} ({skipped.kind}): {skipped.detail}",
                "unlock on the device that wrote it, then sync" if pending else "it is kept, and never shown as yours",
            )
        for device, seq in compartment.clones():
            yield Finding(
                "warning", f"device {device}", f"wrote two revisions as number {seq}: its state was copied",
                "give each machine a state directory of its own",
            )  # fmt: skip
    for classification in opened.rebuilt:
        yield Finding("info", classification, "its index was damaged and has been rebuilt")


def _model(models: ModelStore, opened: OpenClasses) -> Iterator[Finding]:
    try:
        active = models.active("embedder")
    except VaultError as error:
        yield Finding("error", "model", error.message, error.remedy)
        return
    if active is None:
        yield Finding(
            "warning", "model", "no local model: search works by words only, rules classify", "memory model install"
        )
        return
    import importlib.util

    if importlib.util.find_spec("llama_cpp") is None:
        yield Finding("warning", "model", "llama-cpp-python is not installed", EXTRA_COMMAND)
    waiting = sum(c.waiting() for c in opened.compartments)
    if waiting:
        yield Finding("info", "model", f"{waiting} entries wait for their vectors", "memory doctor --embed")


def _permissions(home: Home) -> Iterator[Finding]:
    import os

    if os.name == "nt":
        return
    for path in (home.path, home.state, home.state / "device.key"):
        if path.exists() and Path(path).stat().st_mode & 0o077:
            yield Finding("warning", str(path), "other users can read it", f"chmod go-rwx {path}")
