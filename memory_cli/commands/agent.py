"""``unlock lock agent``: unlock once for a while, lock for real, and the agent itself."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import options, prompt
from memory_cli.session import GROUP_OF, Session
from vault.classification import Classification, named
from vault.errors import InvalidInput

if TYPE_CHECKING:
    from vault.agent.classes import Keeping

_NO_AGENT = "this system has no agent: every command asks for the passphrase itself"
_MINUTE, _HOUR = 60, 3600

Classes = Annotated[list[str] | None, typer.Argument(metavar="[CLASS]…", help="Classes, or their first letters.")]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command("unlock")(unlock)
    app.command("lock")(lock)
    group = typer.Typer(no_args_is_help=True, help="The agent: status, stop, install.", rich_markup_mode=None)
    group.command("status")(status)
    group.command("stop")(stop)
    group.command("install")(install)
    app.add_typer(group, name="agent")


def unlock(
    context: typer.Context,
    classes: Classes = None,
    ttl: Annotated[str | None, typer.Option("--ttl", help="Lock again after 90s, 15m, 8h, …; off: never.")] = None,
    idle: Annotated[str | None, typer.Option("--idle", help="Lock again after so long without use.")] = None,
    all_terminals: Annotated[
        bool, typer.Option("--all-terminals", help="For all your terminals, not only for this one.")
    ] = False,
    yes: options.Yes = False,
) -> None:
    """Open classes for a while, so that commands need not ask: by default general, chronological, confidential.

    The agent keeps them open for this terminal: 8 hours, secret 15 minutes, ultrasecret 5 minutes, unless
    --ttl or `memory config set agent.ttl.CLASS` says otherwise. Sleep, logout and `memory lock` end it sooner.

    Examples:

        memory unlock

        memory unlock secret --ttl 1h
    """
    from vault.agent import peer

    session: Session = context.obj
    chosen = [named(name) for name in classes or ()] or [c for c in Classification if c not in GROUP_OF]
    keeping = _keeping(session, chosen, ttl, idle, all_terminals=all_terminals)
    session.need_vault()
    if not peer.supported():
        session.report.note(f"memory: {_NO_AGENT}")
        return
    if not all_terminals and os.getsid(0) == os.getpid():
        raise InvalidInput(
            "this terminal session ends with this command, and what it opens with it", remedy="use --all-terminals"
        )
    if Classification.ULTRASECRET in chosen:
        seconds = keeping.terms[Classification.ULTRASECRET][0]
        prompt.confirm(f"keep ultrasecret open {_span(seconds)}?", yes=yes)
    with session.unlocking(keeping) as vault, session.report.progress() as progress:
        at_hand = session.secrets_at_hand()
        try:
            for group in dict.fromkeys(GROUP_OF.get(c, "vault") for c in chosen):
                wanted = [c for c in chosen if GROUP_OF.get(c, "vault") == group and c not in vault.open_classes]
                if wanted:
                    vault.unlock(at_hand or session.ask(vault, group), chosen if at_hand else wanted, progress)
        finally:  # a second passphrase that is wrong does not undo the first
            if vault.open_classes:
                _say_open(session, vault.open_classes, keeping)


def _keeping(
    session: Session, chosen: Sequence[Classification], ttl: str | None, idle: str | None, *, all_terminals: bool
) -> "Keeping":
    from vault.agent.classes import Keeping
    from vault.config import duration

    terms = {
        c: (duration(ttl or session.config[f"agent.ttl.{c}"]), duration(idle or session.config[f"agent.idle.{c}"]))
        for c in chosen
    }
    return Keeping(terms, all_terminals=all_terminals)


def _say_open(session: Session, opened: Sequence[Classification], keeping: "Keeping") -> None:
    where = "all terminals" if keeping.all_terminals else "this terminal"
    for seconds in dict.fromkeys(limits[0] for limits in keeping.terms.values()):
        names = [c.value for c in opened if c in keeping.terms and keeping.terms[c][0] == seconds]
        if names:
            said = session.report.styled(", ".join(names), bold=True)
            session.report.line(said, f"  open {_span(seconds)}, in {where}")
    closed = [c.value for c in keeping.terms if c not in opened]
    if closed:
        session.report.note(f"memory: still locked: {', '.join(closed)}")


def _span(seconds: float) -> str:
    """``8 h``, ``15 min``, ``90 s`` or ``until it is locked``, as one says it after "open"."""
    if not seconds:
        return "until it is locked"
    for size, unit in ((_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * size or seconds == size:
            return f"for {f'{seconds / size:.1f}'.removesuffix('.0')} {unit}"
    return f"for {seconds:.0f} s"


def lock(context: typer.Context, classes: Classes = None) -> None:
    """Lock classes (all of them) at once: the processes that hold their keys are killed.

    Examples:

        memory lock

        memory lock secret
    """
    from vault.agent.client import connect

    session: Session = context.obj
    chosen = [named(name) for name in classes or ()]
    agent = connect()
    locked: list[str] = []
    if agent is not None:
        with agent:
            locked = agent.lock(session.vault_id() if session.vault_path else None, chosen)
    session.report.note(f"memory: locked {', '.join(locked)}" if locked else "memory: nothing was open")


def status(context: typer.Context, json: options.Json = False) -> None:
    """What the agent keeps open, for whom and how long, and its processes."""
    from vault.agent.client import connect
    from vault.agent.peer import socket_path

    session: Session = context.obj
    agent = connect()
    rows = []
    if agent is not None:
        with agent:
            rows = agent.status()
    if json:
        session.report.json({"running": agent is not None, "socket": str(socket_path()), "workers": rows})
        return
    session.report.line(f"agent     {'running' if agent is not None else 'not running'}  {socket_path()}")
    for row in rows:
        left = "" if row["seconds"] is None else _span(row["seconds"])
        whose = "" if row["here"] else "  (another terminal's)"
        session.report.line(f"{row['name']:14} pid {row['pid']:<8} {left}{whose}")


def stop(context: typer.Context) -> None:
    """Lock everything and end the agent. The next `memory unlock` starts it again."""
    from vault.agent.client import connect

    session: Session = context.obj
    agent = connect()
    if agent is not None:
        with agent:
            agent.stop()
    session.report.note("memory: the agent has ended" if agent is not None else "memory: no agent was running")


def install(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--print", help="Print the unit; nothing is installed without you.")] = False,
) -> None:
    """Print a systemd user unit or a launchd agent, so that the session starts and ends the agent.

    Not needed: `memory unlock` starts it. With it, logout ends it for certain.

    Example:

        memory agent install --print > ~/.config/systemd/user/memory-agent.service
    """
    import sys

    from vault.agent.units import unit

    session: Session = context.obj
    if not show:
        raise InvalidInput("memory installs nothing into your session itself", remedy="use --print and put it there")
    session.report.out(unit(sys.platform, sys.executable), end="")
