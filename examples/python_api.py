"""Create a vault, capture three entries and search them, all from Python.

Run it with ``python examples/python_api.py``; the vault lives in a temporary directory.
"""

import tempfile
from pathlib import Path

import vault

NOTES = (
    ("Slugs do not cross a bed that is dry by dusk, so water in the morning.", ("garden",)),
    ("A backup is a rumour until something has been restored from it.", ("ops", "backup")),
    ("One millimetre of rain on one square metre is one litre.", ("garden", "water")),
)


def main() -> None:
    """Print how each note was classified, then what a search finds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vault"
        with vault.create(path, passphrase=b"only for this example") as v:
            for text, tags in NOTES:
                e = v.capture(text, tags=tags)
                print(e.id, e.classification, *e.tags)

            hits = v.search("rain water", limit=5)
            for hit in hits:
                print(f"{hit.score:.3f}", hit.entry.title, hit.snippet, sep="\t")


if __name__ == "__main__":
    main()
