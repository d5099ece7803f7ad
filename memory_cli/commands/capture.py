"""``memory add``."""

from pathlib import Path
from typing import Annotated

import typer

from memory_cli import intake, options


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command("add")(add)


def add(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(help="The text; may begin with a date: 'yesterday at 9am: …'.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Take the text from this file.")] = None,
    classification: options.Class = None,
    tags: options.Tags = None,
    title: Annotated[str | None, typer.Option("--title", help="A title (default: the text's heading).")] = None,
    source: options.Source = None,
    created: Annotated[
        str | None, typer.Option("--created", help="When it happened: 2026-03-02, 2026-03-02T09:30.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Keep a text. Works while the vault is locked; never asks for a passphrase.

    The text comes from --file, else the arguments, else a pipe, else the editor.

    Examples:

        memory add "Anna's birthday is on 3 May" -t family

        journalctl -u nginx -n 100 | memory add -t ops --title "nginx, after the update"

        memory add 'yesterday at 9am: the boiler was repaired'
    """
    intake.add(
        context.obj,
        words or (),
        file=file,
        classification=classification,
        tags=tags or (),
        title=title,
        source=source,
        created=created,
        json=json,
    )
