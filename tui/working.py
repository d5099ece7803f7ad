"""Long work on the vault's thread: it tells how far it is, lets reading in between, and can be stopped."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from tui.messages import Changed, Finished, Progressed
from tui.thread import VaultThread
from vault.errors import Aborted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vault.formats.interface import Exported
    from vault.reconcile import Progress
    from vault.transfer import ImportReport
    from vault.vault import Vault

_TELL = 0.1
"""Seconds between two words about progress."""


class Work:
    """One piece of long work."""

    def __init__(self, thread: VaultThread, post: Callable[[Message], object]) -> None:
        """It tells of itself by messages to *post*."""
        self._thread, self._post = thread, post
        self._told = 0.0
        self._stopped = False

    def stop(self) -> None:
        """Stop at the next chance; what was acknowledged stays."""
        self._stopped = True

    def progress(self, phase: str, done: int, total: int | None) -> None:
        """What the library calls between batches.

        Raises:
            Aborted: the person stopped it.
        """
        if self._stopped:
            raise Aborted(f"{phase} was stopped", remedy="what was done stays; the next run goes on")
        now = time.monotonic()
        if now - self._told >= _TELL or done == total:
            self._told = now
            self._post(Progressed(phase, done, total))
        self._thread.breathe()

    def begin(self, run: "Callable[[Vault, Progress], str]") -> None:
        """Have *run* done; it gives one line about what came of it."""

        def work(vault: "Vault") -> str:
            self.progress("beginning", 0, None)
            return run(vault, self.progress)

        def done(said: str) -> None:
            self._post(Finished(said))
            self._post(Changed(said))

        def failed(text: str, remedy: str) -> None:
            self._post(Finished(f"{text} ({remedy})" if remedy else text, failed=True))
            self._post(Changed(text))

        self._thread.ask(work, done, failed, reads=False)


def importing(path: str) -> "Callable[[Vault, Progress], str]":
    """Import a folder or file; *path* may have been dragged into the terminal, quotes and all."""
    place = Path(path.strip("'\" ")).expanduser()

    def run(vault: "Vault", progress: "Progress") -> str:
        return _said(vault.import_from(place, progress=progress))

    return run


def _said(report: "ImportReport") -> str:
    parts = [("added", report.added), ("updated", report.updated), ("unchanged", report.unchanged)]
    parts += [
        (name, n) for name, n in (("skipped", report.skipped), ("waiting for a locked class", report.waiting)) if n
    ]
    return "import: " + ", ".join(f"{n:,} {name}" for name, n in parts)


def exporting(folder: str, ids: Sequence[str]) -> "Callable[[Vault, Progress], str]":
    """Write entries, chosen by hand, in clear: a Markdown file each."""

    def run(vault: "Vault", progress: "Progress") -> str:
        from vault.formats import registry
        from vault.transfer import exported

        def items() -> "Iterator[Exported]":
            for done, entry_id in enumerate(ids):
                progress("exporting", done, len(ids))
                yield exported(vault.get(entry_id))

        count = registry.exporter("markdown").write(Path(folder).expanduser(), items())
        return f"{count:,} written in clear to {folder}"

    return run


def embedding(vault: "Vault", progress: "Progress") -> str:
    """Vectors for what waits for them."""
    return f"{vault.embed_waiting(progress):,} embedded"


def rebuilding(vault: "Vault", progress: "Progress") -> str:
    """Indexes anew."""
    classes = vault.rebuild(progress)
    if vault.models.active("embedder"):
        vault.embed_waiting(progress)
    return f"the indexes of {len(classes)} classes were made anew"
