"""What a command does not need, it does not load: start-up time, and less that can see plaintext."""

import subprocess
import sys

import pytest
from program import Program

HEAVY = ("textual", "sqlcipher3", "llama_cpp", "numpy", "cryptography", "pyrage", "yaml", "sqlite_utils", "rich")
PROBE = """
import sys
sys.argv[0] = "memory"
from memory_cli.entry import main
try:
    main()
except SystemExit as end:
    code = end.code
else:
    code = 0
sys.stderr.write("LOADED " + " ".join(sorted({m.partition(".")[0] for m in sys.modules})) + "\\n")
sys.exit(code)
"""


def loaded(program: Program, *args: str, before: str = "") -> set[str]:
    """Top-level modules in the process after ``memory *args``, which succeeded."""
    done = subprocess.run(
        [sys.executable, "-c", before + PROBE, *args],
        env=program.env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("add", "--help"), ("search", "-h"), ("model", "--help")])
def test_help_loads_nothing_heavy(shared: Program, args: tuple[str, ...]) -> None:
    """Help and version answer before any of the heavy libraries is loaded."""
    assert not loaded(shared, *args) & set(HEAVY)


def test_version_does_not_even_load_the_parser(shared: Program) -> None:
    """`memory --version` is asked by scripts all the time."""
    assert "vault" not in loaded(shared, "--version")


def test_a_keyword_search_loads_what_it_needs(shared: Program) -> None:
    """Words need the encrypted index and the keys; no arrays, no model, no TUI, no YAML, no progress bar."""
    shared.add("the boiler man")
    modules = loaded(shared, "search", "-m", "keyword", "boiler")
    assert not modules & {"numpy", "llama_cpp", "textual", "sqlite_utils", "yaml", "rich", "watchdog", "markdown_it", "gguf"}
    assert modules >= {"sqlcipher3", "cryptography"}


def test_reading_needs_no_arrays(shared: Program) -> None:
    """`list`, `show` and `status` neither."""
    entry = shared.add("one more")
    for args in (("list",), ("show", entry), ("status",), ("history", entry)):
        assert not loaded(shared, *args) & {"numpy", "llama_cpp", "textual", "sqlite_utils", "yaml", "rich"}, args


def test_a_heavy_import_is_noticed(shared: Program) -> None:
    """Positive control: a build that imports numpy at module scope is caught."""
    assert "numpy" in loaded(shared, "--help", before="import numpy\n")
