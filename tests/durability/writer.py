"""One of several writers at once: ``writer.py <directory> <name> <count> locked|open`` prints the ids it was given."""

import sys
import time
from pathlib import Path

from rig import MARKER, Rig


def main() -> None:
    """Wait for the start signal, capture, print."""
    root, name, count, mode = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    rig = Rig(root)
    (root / f"ready-{name}").touch()
    while not (root / "go").exists():
        time.sleep(0.002)
    with rig.open(root / "place", locked=mode == "locked") as v:
        for n in range(count):
            print(v.capture(f"{MARKER} {name}-{n}", "general" if n % 2 else "secret").id)


main()
