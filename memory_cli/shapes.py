"""How entries, hits and versions look as JSON rows and as lines; the JSON is a stable promise."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from memory_cli.report import Report
from vault.entry import Entry
from vault.text import one_line

if TYPE_CHECKING:
    from vault.changing import Version
    from vault.search.hit import Hit

STYLES = ("text", "json", "jsonl", "tsv", "md")


def headline(entry: Entry) -> str:
    """The title, or the first line that says something."""
    return entry.title or one_line(entry.text)


def captured(entry: Entry) -> dict[str, Any]:
    """What ``memory add --json`` prints."""
    return {
        "id": entry.id,
        "classification": entry.classification.value,
        "confidence": entry.confidence,
        "reasoning": entry.reasoning,
        "tags": list(entry.tags),
        "emotion": entry.emotion,
        "level": entry.level,
        "title": headline(entry),
        "created": moment(entry.created),
        "warnings": list(entry.warnings),
    }


def listed(entry: Entry) -> dict[str, Any]:
    """A row of ``memory list --json``."""
    return {
        "id": entry.id,
        "classification": entry.classification.value,
        "title": headline(entry),
        "created": moment(entry.created),
        "updated": moment(entry.updated),
        "tags": list(entry.tags),
        "source": entry.source,
        "conflict": entry.conflict,
        "metadata": dict(entry.metadata),
    }


def shown(entry: Entry) -> dict[str, Any]:
    """What ``memory show --json`` prints."""
    return {
        **captured(entry),
        "text": entry.text,
        "updated": moment(entry.updated),
        "source": entry.source,
        "source_id": entry.source_id,
        "context": entry.context,
        "metadata": dict(entry.metadata),
        "trust": entry.trust,
        "deleted": entry.deleted,
        "conflict": entry.conflict,
        "revisions": list(entry.revisions),
    }


def found(hit: "Hit", *, explain: bool = False) -> dict[str, Any]:
    """A row of ``memory search --json``."""
    row = {
        "id": hit.entry.id,
        "classification": hit.entry.classification.value,
        "title": headline(hit.entry),
        "snippet": hit.snippet,
        "score": round(hit.score, 6),
        "created": moment(hit.entry.created),
        "tags": list(hit.entry.tags),
        "source": hit.entry.source,
        "metadata": dict(hit.entry.metadata),
    }
    if explain:
        row["explain"] = {name: {"rank": leg.rank, "score": leg.score} for name, leg in hit.legs.items()}
    return row


def version_row(version: "Version") -> dict[str, Any]:
    """A row of ``memory history --json``."""
    return {
        "revision": version.name,
        "classification": version.entry.classification.value,
        "updated": moment(version.updated),
        "device": version.device,
        "kind": version.kind,
        "head": version.head,
        "title": headline(version.entry),
        "text": version.entry.text,
    }


def moment(when: datetime) -> str:
    """ISO 8601 in local time with its offset, to the second."""
    return when.astimezone().isoformat(timespec="seconds")


def day(when: datetime) -> str:
    """Local date and minute, for lines."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M")


def print_hits(report: Report, hits: "Sequence[Hit]", *, explain: bool) -> None:
    """Hits as two lines each; with *explain* how every leg saw them."""
    for hit in hits:
        report.line(
            report.styled(hit.entry.id[:8], bold=True),
            f"  {day(hit.entry.created)}  {hit.entry.classification.value:13}  ",
            report.styled(headline(hit.entry), bold=True),
        )
        report.line("          ", report.highlighted(hit.snippet))
        if explain:
            legs = "  ".join(f"{name} #{leg.rank} ({leg.score:.3f})" for name, leg in hit.legs.items())
            report.line("          ", report.styled(f"{hit.score:.4f}  {legs}", dim=True))


def print_entries(report: Report, entries: Sequence[Entry]) -> None:
    """One line an entry."""
    for entry in entries:
        tags = " ".join(f"#{t}" for t in entry.tags)
        mark = " (conflict)" if entry.conflict else ""
        report.line(
            report.styled(entry.id[:8], bold=True),
            f"  {day(entry.created)}  {entry.classification.value:13}  ",
            report.styled(headline(entry) + mark),
            "  " * bool(tags),
            report.styled(tags, dim=True),
        )


def print_markdown(report: Report, entries: Sequence[Entry]) -> None:
    """Whole entries as Markdown."""
    for entry in entries:
        report.out(f"# {headline(entry)}\n\n*{day(entry.created)} · {entry.classification} · {entry.id}*\n")
        report.out(entry.text.rstrip("\n") + "\n")
