"""``memory stats``: the vault in numbers, the plain twin of the app's charts."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from memory_cli import options
from memory_cli.session import Session

if TYPE_CHECKING:
    from vault.browsing import Figures

_BAR = 30
_TOP = 10
_MONTHS = 12
_WEEKS = 26
_SHADES = ".:+#@"


def register(app: typer.Typer) -> None:
    """Add this family's command."""
    app.command("stats")(stats)


def stats(context: typer.Context, json: options.Json = False) -> None:
    """Entries per class, month and day, top tags and sources; of what is open.

    Examples:

        memory stats

        memory stats --json
    """
    session: Session = context.obj
    with session.open() as vault:
        figures = vault.browsing.figures()
    if json:
        session.report.json(_row(figures))
    else:
        _print(session, figures)


def _row(figures: "Figures") -> dict[str, Any]:
    facets = figures.facets
    return {
        "entries": facets.total,
        "classes": {c.value: n for c, n in facets.classes},
        "months": {m: {c.value: n for c, n in counts.items()} for m, counts in figures.by_month.items()},
        "days": dict(reversed(facets.days)),
        "tags": dict(facets.tags),
        "sources": dict(facets.sources),
    }


def _print(session: Session, figures: "Figures") -> None:
    report, facets = session.report, figures.facets
    report.line(report.styled(f"{facets.total:,} entries", bold=True))
    months = [(m, sum(counts.values())) for m, counts in figures.by_month.items()][-_MONTHS:]
    for heading, rows in (
        ("class", [(c.value, n) for c, n in facets.classes]),
        ("month", months),
        ("tag", list(facets.tags[:_TOP])),
        ("source", [(name or "(none)", n) for name, n in facets.sources[:_TOP]]),
    ):
        if rows:
            report.line()
            report.line(report.styled(f"by {heading}", bold=True))
            most = max(n for _, n in rows) or 1
            for name, n in rows:
                bar = "#" * max(1 if n else 0, round(_BAR * n / most))
                report.line(f"  {n:8,}  ", report.styled(f"{name[:24]:24}"), "  ", report.styled(bar, dim=True))
    _print_days(session, dict(facets.days))


def _print_days(session: Session, days: dict[str, int]) -> None:
    """The last half year as seven lines of weeks, Monday first; a heavier sign is more."""
    report, today = session.report, datetime.now().astimezone().date()
    first = today - timedelta(days=today.weekday() + 7 * (_WEEKS - 1))
    shown = [first + timedelta(days=i) for i in range((today - first).days + 1)]
    most = max((days.get(f"{day}", 0) for day in shown), default=0)
    if not most:
        return
    report.line()
    report.line(report.styled(f"by day since {first}", bold=True))
    for weekday, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")):
        signs = (_sign(days.get(f"{day}", 0), most) for day in shown if day.weekday() == weekday)
        report.line(f"  {name}  ", report.styled("".join(signs)))


def _sign(count: int, most: int) -> str:
    return _SHADES[(len(_SHADES) - 1) * count // most] if count else " "
