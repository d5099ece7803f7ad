"""The program: which family of commands to load, and the options before them.

Only the family that is asked for is imported, because building all commands takes longer than a search.
"""

import os
import re
import sys
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from memory_cli import fast, quick

FAMILIES = {
    "capture": ("add",),
    "read": ("list", "ls", "show", "cat", "search", "find", "history", "trash"),
    "change": ("edit", "rm", "restore", "move", "tag"),
    "classify": ("classify",),
    "transfer": ("import", "export"),
    "init": ("init",),
    "upkeep": ("status", "doctor", "config", "completion"),
    "model": ("model",),
    "key": ("key",),
    "agent": ("unlock", "lock", "agent"),
    "stats": ("stats",),
}
_FAMILY_OF = {command: family for family, commands in FAMILIES.items() for command in commands}
_ANYWHERE = {"--vault", "--passphrase-file", "--passphrase-fd", "--keyfile", "--quiet", "-q"}
_OWN = {"init": {"--keyfile"}}
"""Options that a command has under the same name for itself."""
_FLAGS = {"--quiet", "-q"}
_QUERYING = {"search", "find", "list", "ls", "tag", "export"}
_VALUED = {
    "-c", "--class", "-t", "--tag", "--source", "--since", "--until",
    "-n", "--limit", "-m", "--mode", "--format", "--offset",
}  # fmt: skip
_SHORT = {"-0", "-h", "-y"}
_WITH_VALUE = {"--vault", "--passphrase-file", "--passphrase-fd", "--keyfile"}
_HELP = """A second brain for people who live in a terminal.

Everything is sealed under the key of its classification; a local model files it; you find it again by
words and by meaning.

\b
    memory init                          make a vault
    memory add "the boiler man is Kowalski"
    journalctl -u ssh -n 50 | memory add -t ops
    memory search "who fixes the heating"
"""


def build(command: str | None = None) -> typer.Typer:
    """The application with the family of *command*, with every family (None), or with none of them (empty)."""
    quick.apply()
    app = typer.Typer(
        name="memory",
        help=_HELP,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_options)
    family = _FAMILY_OF.get(command or "")
    for name in [family] if family else () if command == "" else FAMILIES:
        import_module(f"memory_cli.commands.{name}").register(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"memory {fast.version()}\n")
        raise typer.Exit


def _options(
    context: typer.Context,
    vault: Annotated[
        Path | None, typer.Option("--vault", help="Vault directory (default: $MEMORY_VAULT, else the data directory).")
    ] = None,
    passphrase_file: Annotated[
        str | None,
        typer.Option("--passphrase-file", help="File with the passphrase; one per group, separated by ':'."),
    ] = None,
    passphrase_fd: Annotated[
        int | None, typer.Option("--passphrase-fd", help="Read the passphrase from this file descriptor.")
    ] = None,
    keyfile: Annotated[Path | None, typer.Option("--keyfile", help="Unlock with this keyfile.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes and no progress on stderr.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    from memory_cli.report import Report
    from memory_cli.session import Session

    context.obj = Session(vault, passphrase_file, passphrase_fd, keyfile, Report(quiet=quiet))
    if context.invoked_subcommand is None:
        _alone(context)


def _alone(context: typer.Context) -> None:
    """No command: the app where somebody sits at both ends, the help otherwise."""
    if not _at_terminal():
        sys.stdout.write(context.get_help() + "\n")
        return
    from memory_cli.commands.tui import run

    run(context)


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _command_at(arguments: list[str]) -> int | None:
    """Where the first word is that is not an option or an option's value."""
    skip = False
    for at, argument in enumerate(arguments):
        if skip:
            skip = False
        elif argument in _WITH_VALUE:
            skip = True
        elif not argument.startswith("-"):
            return at
    return None


def arranged(arguments: list[str]) -> list[str]:
    """*arguments* with options where the parser wants them and words where the person meant words.

    Global options may stand anywhere; and in commands that take a query, ``-car`` excludes a word, although
    a parser would read it as ``-c ar``.
    """
    at = _command_at(arguments)
    if at is None:
        return arguments
    before, command, after = arguments[:at], arguments[at], arguments[at + 1 :]
    options: list[str] = []
    words: list[str] = []
    queue = iter(after)
    for argument in queue:
        name = argument.partition("=")[0]
        if argument == "--":
            words += ["--", *queue]
        elif name in _ANYWHERE - _OWN.get(command, set()):
            before += [argument] if "=" in argument or name in _FLAGS else [argument, *islice(queue, 1)]
        elif command in _QUERYING and not _is_option(argument):
            words.append(argument)
        else:
            options += [argument, *(islice(queue, 1) if command in _QUERYING and argument in _VALUED else ())]
    if command in _QUERYING and words and "--" not in words:
        words.insert(0, "--")
    return [*before, command, *options, *words]


def _is_option(argument: str) -> bool:
    return argument.startswith("--") or argument in _VALUED | _SHORT or re.fullmatch(r"-n\d+", argument) is not None


def run(arguments: list[str]) -> None:
    """Parse *arguments* and do what they say."""
    if "_MEMORY_COMPLETE" in os.environ:  # the shell asks what may come next
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    at = _command_at(arguments)
    alone = at is None and _at_terminal() and not {"-h", "--help"} & set(arguments)
    command = "" if alone else arguments[at] if at is not None else None
    build(command)(arranged(arguments), prog_name="memory")
