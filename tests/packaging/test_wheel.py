"""What is shipped: the wheel has its data and not the tests, and works installed, away from the checkout."""

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from importlib.metadata import version
from pathlib import Path

import pytest
from program import REPOSITORY, Program, fast_directory

PACKAGES = ("memory_cli", "tui", "vault")
SOURCE = ("pyproject.toml", "README.md", "LICENSE")


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run *command*, which must succeed; gives stdout."""
    done = subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory for the whole module."""
    with fast_directory() as path:
        yield path


@pytest.fixture(scope="module")
def wheel(place: Path) -> Path:
    """The wheel, built from a copy of what git would hand out, so that nothing is left in the checkout."""
    checkout = place / "checkout"
    checkout.mkdir()
    for name in (*PACKAGES, "tests"):
        shutil.copytree(REPOSITORY / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
    for name in SOURCE:
        if (REPOSITORY / name).exists():
            shutil.copy(REPOSITORY / name, checkout / name)
    (checkout / "README.md").touch()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-deps"]
    backend = int(version("setuptools").partition(".")[0]) >= 77
    alone = ["--no-index", "--no-build-isolation"] if backend else []  # else pip fetches the backend
    done = subprocess.run([*pip, *alone, "-w", place / "dist", "."], cwd=checkout, capture_output=True, text=True, check=False)
    if not backend and "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("needs setuptools >= 77 here, or an index to fetch it from")
    assert done.returncode == 0, done.stderr[-2000:]
    (built,) = (place / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(place: Path, wheel: Path) -> Path:
    """A clean environment with the wheel and, beside it, the libraries of this one; gives its ``bin``."""
    environment = place / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=place)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", "-q")
    run(*pip, "--no-deps", "--no-index", wheel, cwd=place)
    (packages,) = environment.glob("lib/python*/site-packages")
    # Directories named in a .pth are searched, but their own .pth files (an editable install's) are not read.
    (packages / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return environment / "bin"


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    """Modules and data (the head's weights, word lists, py.typed, styles); no tests, benchmarks or leftovers."""
    with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if ".dist-info/" not in n}
    here = {
        str(p.relative_to(REPOSITORY))
        for package in PACKAGES
        for p in (REPOSITORY / package).rglob("*")
        if p.is_file() and "__pycache__" not in p.parts and not p.name.startswith(".")
    }
    assert here - names == set(), "not packaged"
    assert {n.split("/")[0] for n in names} == set(PACKAGES)
    assert {"vault/classify/head.npz", "vault/py.typed", "memory_cli/py.typed", "tui/py.typed"} <= names


def test_the_metadata(wheel: Path) -> None:
    """Name, Python versions, both scripts, and a base install without a compiled model."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        (scripts,) = [n for n in archive.namelist() if n.endswith(".dist-info/entry_points.txt")]
        facts = Parser().parsestr(archive.read(metadata).decode())
        entry_points = archive.read(scripts).decode()
    assert facts["Name"] == "memory-sealed"
    assert facts["Requires-Python"] == ">=3.11"
    needed = [r for r in facts.get_all("Requires-Dist") or [] if "extra ==" not in r]
    assert not [r for r in needed if r.startswith(("llama", "gguf", "torch"))]
    assert "memory = memory_cli.entry:main" in entry_points
    assert "mem = memory_cli.entry:main" in entry_points


def test_it_works_installed(installed: Path, place: Path) -> None:
    """From another directory: both names, init, add, search, doctor; the code is the environment's, not the checkout's."""
    program = Program(place / "home")
    env = program.env | {"MEMORY_KEYFILE": str(program.keyfile)}
    away = place / "home" / "work"
    code = "import vault, memory_cli, tui; print(vault.__file__, memory_cli.__file__, tui.__file__)"
    found = run(installed / "python", "-c", code, cwd=away, env=env).split()
    assert all(Path(f).is_relative_to(place / "venv") for f in found), found
    assert run(installed / "memory", "--version", cwd=away, env=env).startswith("memory 0.")
    run(installed / "memory", "init", "--keyfile", program.keyfile, "-y", cwd=away, env=env)
    run(installed / "mem", "add", "the boiler man is Kowalski", cwd=away, env=env)
    assert "Kowalski" in run(installed / "memory", "search", "boiler", cwd=away, env=env)
    assert "Kowalski" in run(installed / "python", "-m", "memory_cli", "list", cwd=away, env=env)
    run(installed / "memory", "doctor", cwd=away, env=env)
    api = "import vault\nwith vault.open() as v:\n    print(v.classify('my password is hunter2hunter2').label)"
    assert run(installed / "python", "-c", api, cwd=away, env=env).strip() == "secret"


def test_a_missing_file_is_noticed(wheel: Path, place: Path) -> None:
    """Positive control: a wheel without the head's weights fails the comparison."""
    poor = place / "poor.whl"
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(poor, "w") as target:
        for name in source.namelist():
            if not name.endswith("head.npz"):
                target.writestr(name, source.read(name))
    with pytest.raises(AssertionError, match="not packaged"):
        test_every_file_of_the_packages_is_in_the_wheel(poor)
