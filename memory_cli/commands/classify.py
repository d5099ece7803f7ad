"""``classify``: how a text would be filed and why; what nobody was sure of; what would be filed elsewhere today."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory_cli import options, prompt, shapes
from memory_cli.intake import SECRET_LEVEL, decoded
from memory_cli.session import Session
from vault.entry import MAX_TEXT
from vault.errors import Aborted, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from memory_cli.report import Report
    from vault.classification import Classification
    from vault.classify.reasons import Reasons
    from vault.classify.verdict import Verdict
    from vault.entry import Entry
    from vault.rechecking import Proposal, Recheck
    from vault.vault import Vault

REVIEWED = 50
"""Entries that one review shows at most, unless -n says otherwise."""


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command("classify")(classify)


def classify(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="TEXT…", help="The text; - or a pipe for stdin.")] = None,
    why: Annotated[bool, typer.Option("--why", help="Tell what led to it.")] = False,
    review: Annotated[bool, typer.Option("--review", help="Walk the entries whose class is least certain.")] = False,
    recheck: Annotated[
        bool, typer.Option("--recheck", help="Propose moves after another model, new rules or corrections.")
    ] = False,
    limit: options.Limit = None,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
) -> None:
    """Say how a text would be filed, and keep nothing of it; or look again at what was filed.

    What you file yourself (-c, move, a review) teaches: texts near it follow.

    Examples:

        memory classify "the door code is now 4711"

        memory classify --why - < note.md

        memory classify --review

        memory classify --recheck --dry-run
    """
    session: Session = context.obj
    if sum((review, recheck, bool(words) or why)) > 1:
        raise InvalidInput("a text, --review and --recheck exclude each other", remedy="give one of them")
    if review:
        _review(session, limit or REVIEWED, json=json)
    elif recheck:
        _recheck(session, yes=yes, dry_run=dry_run, json=json)
    else:
        _classify(session, words, why=why, json=json)


# -- one text --------------------------------------------------------------------------------------------


def _classify(session: Session, words: list[str] | None, *, why: bool, json: bool) -> None:
    text = _text_of(words)
    with session.locked() as vault:
        reasons = vault.why(text)
        locked = vault.locked_classes
    verdict = reasons.verdict
    report = session.report
    if json:
        report.json(verdict_row(verdict) | (reasons_row(reasons) if why else {}))
    else:
        report.line(
            report.styled(verdict.label.value, bold=True),
            f"  {verdict.confidence:.2f}  ",
            report.styled(" ".join([f"#{t}" for t in verdict.tags] + [verdict.emotion])),
        )
        report.line(report.styled(verdict.reasoning, dim=True))
        if why:
            _explain(report, reasons)
    for warning in verdict.warnings:
        report.warn(warning)
    if why and locked:
        report.note(f"memory: locked, so what you filed there does not count: {', '.join(locked)}")
    if words and words != ["-"] and verdict.level >= SECRET_LEVEL:
        report.warn("this text was an argument: it may be in your shell's history (use a pipe or a file)")


def _text_of(words: list[str] | None) -> str:
    if words and words != ["-"]:
        return " ".join(words)
    if not words and sys.stdin.isatty():
        raise InvalidInput("there is no text", remedy="give one, or - to type it and end with Ctrl-D")
    return decoded(sys.stdin.buffer.read(MAX_TEXT + 1), "the piped text")


def _explain(report: "Report", reasons: "Reasons") -> None:
    rows = [("found", f"{hit.kind}: at least {hit.floor} ({hit.reason})") for hit in reasons.hits]
    rows += [("rule", name) for name in reasons.rules]
    after = reasons.verdict.probabilities
    if reasons.head is not None:
        rows.append(("head", _percents(reasons.head)))
    if after is not None and after != reasons.head:
        rows.append(("with yours", _percents(after)))
    for near in reasons.neighbours:
        counted = f"counts {near.weight:.1f}" if near.weight else "too far to count"
        rows.append(("near", f"{near.entry[:8]} {near.classification}, cosine {near.cosine:.2f}, {counted}"))
    rows.append(("unsure", "below " + ", ".join(f"{c} {p:.2f}" for c, p in reasons.thresholds.items())))
    rows.append(("otherwise", reasons.fallback.value))
    for name, said in rows:
        report.line(report.styled(f"{name:11}", dim=True), report.styled(said))


def _percents(probabilities: "Any") -> str:
    return ", ".join(f"{c} {p:.2f}" for c, p in sorted(probabilities.items(), key=lambda row: -row[1]))


def verdict_row(verdict: "Verdict") -> dict[str, Any]:
    """What ``memory classify --json`` prints; the keys it shares with ``memory add --json`` mean the same."""
    return {
        "classification": verdict.label.value,
        "confidence": verdict.confidence,
        "reasoning": verdict.reasoning,
        "tags": list(verdict.tags),
        "emotion": verdict.emotion,
        "level": verdict.level,
        "stage": verdict.stage,
        "uncertain": verdict.uncertain,
        "warnings": list(verdict.warnings),
        "probabilities": _numbers(verdict.probabilities),
    }


def reasons_row(reasons: "Reasons") -> dict[str, Any]:
    """What ``--why`` adds to it."""
    return {
        "detectors": [{"kind": h.kind, "floor": h.floor.value, "reason": h.reason} for h in reasons.hits],
        "rules": list(reasons.rules),
        "head": _numbers(reasons.head),
        "near": [
            {
                "id": n.entry,
                "classification": n.classification.value,
                "cosine": round(n.cosine, 4),
                "weight": round(n.weight, 2),
            }
            for n in reasons.neighbours
        ],
        "thresholds": _numbers(reasons.thresholds),
        "fallback": reasons.fallback.value,
    }


def _numbers(by_class: "Any") -> dict[str, float] | None:
    return None if by_class is None else {c.value: round(p, 4) for c, p in by_class.items()}


# -- what was filed --------------------------------------------------------------------------------------


def _review(session: Session, limit: int, *, json: bool) -> None:
    with session.open() as vault:
        entries = vault.uncertain(limit)
        if json:
            session.report.json([shapes.captured(entry) for entry in entries])
            return
        if not entries:
            session.report.note("memory: there is nothing to review")
            return
        for place, entry in enumerate(entries, 1):
            _show(session.report, entry, f"{place}/{len(entries)}", f"{entry.classification}: {entry.reasoning}")
            if _ask(_reviewing(vault, entry, session.report)) == "q":
                return


def _recheck(session: Session, *, yes: bool, dry_run: bool, json: bool) -> None:
    mode = "tell" if dry_run or (json and not yes) else "move" if yes else "ask"
    if mode == "ask" and not prompt.has_terminal():
        raise InvalidInput("this asks before it moves and there is no terminal", remedy="add --dry-run, or -y for all")
    with session.open() as vault, session.report.progress() as progress:
        job = vault.recheck(progress if mode != "ask" else None)  # a bar would write over the questions
        rows = _rechecked(session.report, vault, job, mode, json=json)
    if json:
        session.report.json(rows)
    elif not rows:
        session.report.note("memory: every entry is where it would be filed today")


def _rechecked(report: "Report", vault: "Vault", job: "Recheck", mode: str, *, json: bool) -> list[dict[str, Any]]:
    """What was proposed; *mode* is ``tell``, ``move`` (all of it) or ``ask``."""
    rows: list[dict[str, Any]] = []
    answered = mode != "tell"
    for page in job.pages():
        for proposal in page.proposals:
            rows.append(_proposal_row(proposal))
            if not json:
                _show_proposal(report, proposal)
            if mode == "move":
                job.move(proposal)
            elif mode == "ask":
                answer = _ask(_deciding(vault, proposal))
                if answer == "q":
                    return rows
                answered = answered and answer != "s"
        if answered:  # a page counts as looked at only while no question was left open
            job.settle(page)
    if answered:
        job.finish()
    return rows


def _proposal_row(proposal: "Proposal") -> dict[str, Any]:
    entry, verdict = proposal.entry, proposal.verdict
    return {
        "id": entry.id,
        "classification": entry.classification.value,
        "proposed": verdict.label.value,
        "confidence": verdict.confidence,
        "reasoning": verdict.reasoning,
        "title": shapes.headline(entry),
    }


def _show_proposal(report: "Report", proposal: "Proposal") -> None:
    entry, verdict = proposal.entry, proposal.verdict
    _show(report, entry, "", f"{entry.classification} → {verdict.label}: {verdict.reasoning}")


def _show(report: "Report", entry: "Entry", place: str, said: str) -> None:
    report.line(report.styled(" ".join(filter(None, [place, entry.id[:8]])), bold=True), "  ", report.styled(said))
    report.line("    ", report.styled(shapes.headline(entry)))


def _ask(answers: "dict[str, tuple[str, Callable[[], object]]]") -> str:
    """Ask until one of *answers* was given and done; its letter. The end of input is quitting."""
    question = " ".join(f"[{word[0]}]{word[1:]}" for word, _ in answers.values()) + "? "
    while True:
        try:
            letter = prompt.read_line(question)[:1].lower()
        except Aborted:
            return "q"
        if letter in answers and answers[letter][1]() is not None:
            return letter


def _reviewing(vault: "Vault", entry: "Entry", report: "Report") -> "dict[str, tuple[str, Callable[[], object]]]":
    return {
        "a": ("accept", lambda: vault.confirm(entry.id)),
        "m": ("move", lambda: _moved(vault, entry)),
        "v": ("view", lambda: report.out(entry.text)),
        "s": ("skip", lambda: True),
        "q": ("quit", lambda: True),
    }


def _deciding(vault: "Vault", proposal: "Proposal") -> "dict[str, tuple[str, Callable[[], object]]]":
    entry = proposal.entry
    return {
        "y": ("yes", lambda: vault.move(entry.id, proposal.verdict.label)),
        "k": ("keep it here", lambda: vault.confirm(entry.id)),
        "s": ("skip", lambda: True),
        "q": ("quit", lambda: True),
    }


def _moved(vault: "Vault", entry: "Entry") -> "Entry | None":
    """Ask for a class and move *entry* there; None where none was named."""
    target = _named(prompt.read_line("to which class? "))
    return None if target is None else vault.move(entry.id, target)


def _named(typed: str) -> "Classification | None":
    from vault.classification import parse

    return parse(typed)
