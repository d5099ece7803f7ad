"""Options that several commands share, so that they read and mean the same everywhere."""

from typing import Annotated

import typer

from vault.errors import InvalidInput
from vault.search.request import Request

Class = Annotated[
    str | None,
    typer.Option("--class", "-c", help="general, chronological, confidential, secret or ultrasecret (or a prefix)."),
]
Tags = Annotated[list[str] | None, typer.Option("--tag", "-t", help="A tag; may be repeated.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Style = Annotated[str, typer.Option("--format", help="text, json, jsonl, tsv or md.")]
Zero = Annotated[bool, typer.Option("--null", "-0", help="Only ids, each ended by NUL, for xargs -0.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", help="How many at most.", min=1, max=10_000)]
Source = Annotated[str | None, typer.Option("--source", help="Where it came from.")]
Since = Annotated[str | None, typer.Option("--since", help="Created from this date on (2026-03, yesterday, 2w).")]
Until = Annotated[str | None, typer.Option("--until", help="Created before this date.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")]


def style_of(style: str, json: bool, allowed: tuple[str, ...]) -> str:
    """The output style asked for.

    Raises:
        InvalidInput: not one of *allowed*.
    """
    chosen = "json" if json else style
    if chosen not in allowed:
        raise InvalidInput(f"no format {chosen[:20]!r} here", remedy=f"use one of {', '.join(allowed)}")
    return chosen


def query_of(
    words: list[str] | None,
    *,
    classification: str | None = None,
    tags: list[str] | None = None,
    source: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Request:
    """What was asked for: words and filters of `docs/query.md`, narrowed by options, which always hold.

    Raises:
        InvalidInput: an option's value is no class or no date.
    """
    asked = Request(" ".join(words or ()), classification, tuple(tags or ()), source, since, until)
    if classification or since or until:
        asked.query()  # what is wrong is said before anybody is asked for a passphrase
    return asked
