"""The evaluation is a script with its parts beside it: put them on the path as Python does for a script."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "eval"))
