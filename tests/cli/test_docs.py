"""The documentation is true: its commands exist, its tables are the program's, its links lead somewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from program import REPOSITORY

from memory_cli.app import FAMILIES, arranged, build
from memory_cli.report import EXIT_CODES, OTHER_CODES
from vault.config import SETTINGS

PAGES = [p for p in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))) if p.exists()]
README = REPOSITORY / "README.md"
HIDDEN = {"ls", "cat", "find"}


def fenced(text: str) -> list[str]:
    """Code blocks that are shell (or say nothing of what they are)."""
    blocks: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        fence = re.match(r" *```(\w*)", line)
        if fence and not inside:
            blocks += [""] if fence[1] in {"", "sh", "bash", "console", "shell"} else []
            inside, kept = True, fence[1] in {"", "sh", "bash", "console", "shell"}
        elif fence:
            inside = False
        elif inside and kept:
            blocks[-1] += line
    return blocks


COMMAND = r"(?:\w+=\S* +)*(?:memory|mem) +(.*)"


def commands_in(text: str) -> list[list[str]]:
    """Argument lists of every ``memory`` command in the shell blocks of *text*."""
    lines = [line for block in fenced(text) for line in block.replace("\\\n", " ").splitlines()]
    return [words for line in lines for words in commands_of(line)]


def mentions_in(text: str) -> list[list[str]]:
    """Argument lists of every ``memory`` command in inline code; they may lack arguments."""
    return [words for line in re.findall(r"`((?:\w+=\S+ )*mem(?:ory)? [^`\n]+)`", text) for words in commands_of(line)]


def commands_of(line: str) -> list[list[str]]:
    """The ``memory`` commands of a shell line."""
    found = []
    for part in re.split(r"\|(?!\|)|&&|;(?=\s)|\$\(", line.strip().removeprefix("$ ")):
        match = re.fullmatch(COMMAND, part.strip())
        if match and '"$@"' not in match[1]:
            try:
                found.append(shlex.split(match[1].rstrip(")"), comments=True))
            except ValueError:
                found.append(match[1].split())
    return [words for words in found if words]


def parses(arguments: list[str]) -> str:
    """The parser's complaint about *arguments*, or nothing; no command runs."""
    import typer

    command = typer.main.get_command(build())
    words = [a for a in arranged(arguments) if a not in {"…", "..."}]
    words = words[: next((i for i, w in enumerate(words) if w in {"<", ">", ">>", "2>", "<<<"} or w[:1] in "<>"), None)]
    try:
        context = command.make_context("memory", list(words), resilient_parsing=False)
        while getattr(context.command, "commands", None):
            rest = [*context._protected_args, *context.args] if hasattr(context, "_protected_args") else context.args
            name, sub, rest = context.command.resolve_command(context, rest)
            assert sub is not None
            context = sub.make_context(name, rest, parent=context)
    except SystemExit:
        return ""
    except Exception as error:
        return "" if type(error).__name__ in {"Exit", "NoArgsIsHelpError"} else f"{type(error).__name__}: {error}"
    return ""


def test_the_reading_of_documents_notices() -> None:
    """Positive control: commands and options that do not exist are found in blocks, pipes and inline code."""
    page = "```sh\nls | memory add -t x\nA=1 memory frobnicate\n```\nand `memory list --no-such` or `memory key list`"
    found = commands_in(page) + mentions_in(page)
    assert found == [["add", "-t", "x"], ["frobnicate"], ["list", "--no-such"], ["key", "list"]]
    assert [bool(parses(f)) for f in found] == [False, True, True, False]
    assert commands_in("```\nmemory x\n```\nnot memory y\n```python\nmemory z\n```\nmemory w") == [["x"]]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_command_in_the_documents_parses(page: Path) -> None:
    """Whoever types what the page says is not told that there is no such thing."""
    text = page.read_text(encoding="utf-8")
    wrong = [(c, said) for c in commands_in(text) if (said := parses(c))]
    wrong += [(c, said) for c in mentions_in(text) if (said := parses(c)) and "Missing" not in said]
    assert not wrong, wrong


def slug(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links name files that exist, anchors name headings."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), (page.name, target)
        if anchor:
            headings = re.findall(r"(?m)^#+ (.+)$", file.read_text(encoding="utf-8"))
            assert anchor in {slug(h) for h in headings}, (page.name, target)


def whole_text() -> str:
    """All pages."""
    return "\n".join(p.read_text(encoding="utf-8") for p in PAGES)


def test_the_exit_codes_are_documented() -> None:
    """The README's table is the program's, number by number and word by word."""
    rows = dict(re.findall(r"(?m)^\| `?(\d{1,3})`? \| (.*?) \|$", README.read_text(encoding="utf-8")))
    table = {str(code): meaning for code, meaning in [*EXIT_CODES.values(), *OTHER_CODES.items()]}
    assert set(rows) == set(table)
    assert not [(rows[code], meaning) for code, meaning in table.items() if not rows[code].startswith(meaning)]


def test_the_settings_are_documented() -> None:
    """Every key of the configuration is named somewhere, and no key that does not exist."""
    named = set(re.findall(r"`((?:classify|search|capture|list|agent|tui)\.[a-z_.]+)`", whole_text()))
    named = {n for n in named if not n.startswith(("tui.keys.", "classify.source.")) and not n.endswith((".", ".md"))}
    known = set(SETTINGS)
    assert named <= known, named - known
    spelled = {k for k in known if k.startswith("classify.threshold.")}
    assert known - named <= (spelled if any(k in named for k in spelled) else set()), known - named


def test_every_command_has_help() -> None:
    """One line of what it does, for commands, groups and their members; the ones with options have examples."""
    import typer

    root = typer.main.get_command(build())
    everything = dict(root.commands.items())
    for name, command in root.commands.items():
        everything |= {f"{name} {sub}": c for sub, c in getattr(command, "commands", {}).items()}
    assert {n for many in FAMILIES.values() for n in many} <= set(everything)
    for name, command in everything.items():
        assert command.help, name
        assert len(command.help.strip()) > 8, name
    for name in ("init", "add", "list", "show", "search", "edit", "import", "export"):
        assert "memory " in everything[name].help, name


def test_environment_variables_are_documented() -> None:
    """Every MEMORY_… variable the program reads is named in the documents."""
    source = "".join(p.read_text() for d in ("memory_cli", "vault") for p in (REPOSITORY / d).rglob("*.py"))
    read = set(re.findall(r'environ(?:\.get\(|\[)"(MEMORY_[A-Z_]+)"', source))
    assert read
    assert not {v for v in read if v not in whole_text()}


def test_the_transcripts_are_clean() -> None:
    """No path of this machine is in them."""
    for path in (REPOSITORY / "tests" / "golden").glob("*.txt"):
        assert not re.search(r"/dev/shm|/tmp/|/work/|/root/|/home/", path.read_text()), path.name


@pytest.mark.parametrize("script", sorted((REPOSITORY / "examples").glob("*.sh")), ids=lambda p: p.name)
def test_example_scripts_are_shell(script: Path) -> None:
    """They parse, and the commands in them exist."""
    subprocess.run(["bash", "-n", str(script)], check=True)
    wrong = [(c, said) for c in commands_in(f"```sh\n{script.read_text()}\n```") if (said := parses(c))]
    assert not wrong, wrong


def test_python_minus_m_and_the_scripts_are_one_program() -> None:
    """``memory``, ``mem`` and ``python -m memory_cli`` are declared and start the same."""
    import tomllib

    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"memory": "memory_cli.entry:main", "mem": "memory_cli.entry:main"}
    done = subprocess.run([sys.executable, "-m", "memory_cli", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("memory ")
