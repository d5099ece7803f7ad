"""The shortest way of the two most frequent commands: a plain ``add``, and a search where the agent has the vault open.

An ``add`` takes what is named in `_ADD`, a search words, ``--json``, ``-n N`` and ``-q``. Anything else, and any doubt,
is left to the program, whose answer is the same; tests hold the two side by side. No parser is loaded here.
"""

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vault.agent.client import Agent

_SECRETS = ("MEMORY_KEYFILE", "MEMORY_PASSPHRASE_FILE", "MEMORY_PASSPHRASE_COMMAND")
"""With one of these at hand more may have to be opened than the agent has."""
_MOST = 10_000
_ADD = {
    "-c": "classification", "--class": "classification", "-t": "tags", "--tag": "tags",
    "--title": "title", "--source": "source",
}  # fmt: skip


def answered(arguments: list[str]) -> bool:
    """Do what *arguments* ask, if it is plain enough; False if that is for the program.

    Raises:
        VaultError: as the command does.
    """
    if arguments[:1] not in (["search"], ["find"], ["add"]):
        return False
    gc.disable()  # these end before a collection would pay
    if searched(arguments) or added(arguments):
        return True
    gc.enable()
    return False


def added(arguments: list[str]) -> bool:
    """``add`` with words or a pipe and the options of `_ADD`; False if that is for the program.

    Raises:
        VaultError: as ``memory add`` does.
    """
    if arguments[:1] != ["add"]:
        return False
    words: list[str] = []
    wish: dict[str, str] = {}
    tags: list[str] = []
    flags: set[str] = set()
    rest = iter(arguments[1:])
    for argument in rest:
        if name := _ADD.get(argument):
            value = next(rest, "-")
            if value.startswith("-"):
                return False
            if name == "tags":
                tags.append(value)
            else:
                wish[name] = value
        elif argument in {"--json", "-q", "--quiet"}:
            flags.add(argument)
        elif argument.startswith("-"):
            return False
        else:
            words.append(argument)
    from memory_cli import intake
    from memory_cli.report import Report
    from memory_cli.session import Session

    session = Session(report=Report(quiet=bool(flags - {"--json"})))
    intake.add(
        session,
        words,
        classification=wish.get("classification"),
        tags=tags,
        title=wish.get("title"),
        source=wish.get("source"),
        json="--json" in flags,
    )
    return True


def version() -> str:
    """The installed version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as of

    try:
        return of("memory-sealed")
    except PackageNotFoundError:
        return "unknown"


def searched(arguments: list[str]) -> bool:
    """Answer ``search WORDS…`` through the agent and print the hits; False if that is for the program to do.

    Raises:
        VaultError: as `memory search` does.
    """
    if not arguments or arguments[0] not in {"search", "find"} or any(os.environ.get(name) for name in _SECRETS):
        return False
    asked = _asked(arguments[1:])
    if asked is None:
        return False
    from vault.agent.client import connect

    agent = connect()
    if agent is None:
        return False
    with agent:
        return _answered(agent, *asked)


def _asked(arguments: list[str]) -> tuple[str, int | None, bool, bool] | None:
    """(words, limit, json, quiet), or None where there is anything that a parser should look at."""
    words: list[str] = []
    limit, json, quiet = None, False, False
    rest = iter(arguments)
    for argument in rest:
        if argument == "--json":
            json = True
        elif argument in {"-q", "--quiet"}:
            quiet = True
        elif argument in {"-n", "--limit"}:
            number = next(rest, "")
            if not number.isascii() or not number.isdigit() or not 1 <= int(number[:6]) <= _MOST:
                return None
            limit = int(number[:6])
        elif argument.startswith("-"):
            return None
        else:
            words.append(argument)
    text = " ".join(words)
    return None if not text.strip() or "class:" in text.lower() else (text, limit, json, quiet)


def _answered(agent: "Agent", text: str, limit: int | None, json: bool, quiet: bool) -> bool:
    from pathlib import Path

    from vault import config
    from vault.agent import wire
    from vault.agent.channel import Channel
    from vault.agent.hardening import no_core_dumps
    from vault.search.request import Request

    path = Path(os.path.realpath(config.vault_path()))
    attached = agent.attach(None, path)
    if not attached.classes:
        return False
    no_core_dumps()
    notes: list[str] = []
    lent = attached.classes
    try:
        channel = Channel(agent.model(config.models_path(), config.config_path()), notes)
        fds = [connection.fileno() for connection in lent.values()]
        asked = ([c.value for c in lent], Request(text), limit, None)
        hits = channel.ask("search", *asked, fds=fds, meanwhile=_load_what_prints)
    except wire.Gone:
        return False  # the program knows what to do without the agent
    _print(hits, notes, json=json, quiet=quiet)
    return True


def _load_what_prints() -> None:
    from memory_cli import report, shapes  # noqa: F401 (used by `_print`, which would wait for it)
    from vault.search import hit  # noqa: F401


def _print(hits: list[Any], notes: list[str], *, json: bool, quiet: bool) -> None:
    from memory_cli import shapes
    from memory_cli.report import Report

    report = Report(quiet=quiet)
    for note in dict.fromkeys(notes):
        report.note(f"memory: {note}")
    if json:
        report.rows((shapes.found(hit, explain=False) for hit in hits), "json")
    else:
        shapes.print_hits(report, hits, explain=False)
    sys.stdout.flush()
