"""Which formats there are, and which one reads a given path."""

from pathlib import Path

from vault.errors import InvalidInput, NotFound
from vault.formats.interface import Exporter, Importer
from vault.formats.jsonl import JsonlExporter, JsonlImporter
from vault.formats.markdown import MarkdownImporter
from vault.formats.markdown_export import MarkdownExporter

IMPORTERS: tuple[Importer, ...] = (JsonlImporter(), MarkdownImporter())
"""In the order they are asked: the pickiest first, Markdown (any folder) last."""
EXPORTERS: tuple[Exporter, ...] = (MarkdownExporter(), JsonlExporter())


def importer_for(path: Path, name: str | None = None) -> Importer:
    """The importer called *name*, else the first that accepts *path*.

    Raises:
        InvalidInput: no such format, or none that reads *path*.
        NotFound: *path* does not exist.
    """
    if not path.exists():
        raise NotFound(f"there is no {path}", remedy="check the path")
    found = [i for i in IMPORTERS if (i.name == name if name is not None else i.accepts(path))]
    if found:
        return found[0]
    known = ", ".join(sorted(i.name for i in IMPORTERS))
    what = f"format {name}" if name is not None else f"the format of {path.name}"
    raise InvalidInput(f"{what} is not known", remedy=f"name one of: {known}")


def exporter(name: str) -> Exporter:
    """The exporter called *name*.

    Raises:
        InvalidInput: no such format.
    """
    for found in EXPORTERS:
        if found.name == name:
            return found
    known = ", ".join(sorted(e.name for e in EXPORTERS))
    raise InvalidInput(f"format {name} is not known", remedy=f"name one of: {known}")
