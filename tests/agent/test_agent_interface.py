"""A class in another process answers as one in this process does: every verb, every type, the whole facade."""

import dataclasses
import inspect
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from desk import LOW, Desk
from hypothesis import given, settings
from hypothesis import strategies as st
from program import fast_directory

import vault
from vault.agent import wire
from vault.agent.remote import VERBS, RemoteClass, RemoteCompartment, RemoteReader
from vault.classification import Classification
from vault.compartment.candidates import Meaning, Probe, Term
from vault.compartment.compartment import Compartment
from vault.compartment.filters import Filters
from vault.config import Config
from vault.errors import VaultError
from vault.opened import OpenClass
from vault.reading import Reader

KEPT_BACK = {
    "apply": "revisions come in as sealed files, by name: `index`",
    "skip": "as apply", "retry": "as apply", "having": "as apply", "known": "as apply",
    "remember": "the worker's own books",
    "each": "an iterator; its reader asks for pages",
    "close": "ends the connection instead",
    "rekey": "takes a key; the worker has its own",
    "forget": "takes a function; the worker opens revisions itself",
}  # fmt: skip
"""Verbs of an index that cannot be asked over the wire as they are, and why."""


def test_every_verb_is_served_or_kept_back_on_purpose() -> None:
    """A verb that somebody adds to `Compartment` works through the agent, or is listed here with the reason."""
    public = {name for name, value in vars(Compartment).items() if callable(value) and not name.startswith("_")}
    assert public == VERBS | set(KEPT_BACK)
    assert not VERBS & set(KEPT_BACK)
    overridden = {name for name in vars(RemoteCompartment) if not name.startswith("_")}
    assert overridden >= VERBS | {"close", "forget"}


@pytest.mark.parametrize(
    ("near", "far", "same"),
    [
        (OpenClass, RemoteClass, {"classification", "index_names", "made_anew", "renew"}),
        (Reader, RemoteReader, set()),
    ],
)
def test_nothing_falls_through_to_this_process(near: type, far: type, same: set[str]) -> None:
    """What a class or a reader can do, its remote twin does over the wire, but for what is never asked of it."""
    public = {n for n, v in vars(near).items() if not n.startswith("_") and (callable(v) or isinstance(v, property))}
    assert public - set(vars(far)) == same


# -- the same answers ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(template: Path) -> Iterator[tuple[Compartment, Compartment]]:
    """One class with plenty in it, open in this process and in the agent, at the same time."""
    with fast_directory() as place, Desk.copied(template, place / "d").at_work() as desk, pytest.MonkeyPatch.context() as patch:
        for name, value in desk.env.items():
            if name.startswith("XDG_"):
                patch.setenv(name, value)
        with desk.alone(config=Config({"classify.fallback": "general"})) as v:
            moment = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
            for n in range(30):
                v.capture(
                    f"turn {n} of the ferry and the heron [[harbour {n % 3}]] ünïcödé 鷺", "general", tags=(f"t{n % 4}", "all"),
                    created=moment + timedelta(minutes=n), source="chat", metadata={"n": n, "attachments": [{"x": 1}]},
                )
            v.capture("nobody chose a class for this one")
            gone = v.capture("into the trash", "general").id
            v.delete(gone)
            v.edit(v.entries(limit=1)[0].id, "edited text of the heron")
            compartment = v.opened.need(Classification.GENERAL).compartment
            compartment.use_model("toy", 8)
            rows = compartment.unembedded(100)
            compartment.put_passages([(r, [(0, 4), (4, 9), (9, 12)], [packed(r), packed(r + 1)]) for r, _, _ in rows[:-2]])
            with desk.connect(LOW[:1]) as far:
                yield compartment, far.opened.need(Classification.GENERAL).compartment


def packed(seed: int) -> bytes:
    """A unit vector of eight float32."""
    import numpy as np

    vector = np.random.default_rng(seed).normal(size=8)
    return bytes((vector / np.linalg.norm(vector)).astype("<f4").tobytes())


F = Filters()
NARROW = Filters(tags=("t1",), after=datetime(2026, 3, 2, tzinfo=UTC), has=frozenset({"link", "attachment"}), sources=("chat",))
READING: dict[str, Callable[[Compartment], tuple[Any, ...]]] = {
    "skipped": lambda _: (),
    "meta": lambda _: ("fingerprint",),
    "arrivals": lambda _: (),
    "went_away": lambda _: ("chat", "x"),
    "heads": lambda c: (first(c),),
    "history": lambda c: (first(c),),
    "entry": lambda c: (first(c),),
    "ids": lambda c: (first(c)[:1], 50),
    "entries": lambda _: (NARROW, 20, 1),
    "page": lambda _: (F, 0, 12),
    "fetch": lambda c: (rowids(c),),
    "count": lambda _: (NARROW,),
    "by_source": lambda _: ("chat", ""),
    "tags": lambda _: (),
    "clones": lambda _: (),
    "integrity": lambda _: (),
    "statistics": lambda _: (['"heron"', '"nothing"', '"ferry"'],),
    "near_words": lambda _: (["herron", "feri"],),
    "candidates": lambda _: (
        Probe(F, 10, 30, ((Term('"heron"', 1.5, 30),), (Term('"ferry"', 1.0, 30),)), (Term('"eron"', 0.5, 1),), Meaning("toy", packed(3))),
    ),
    "ranked": lambda _: ("words", '"heron"', NARROW, 10),
    "nearest": lambda _: ("toy", packed(7), F, 10),
    "order": lambda _: (F, 100),
    "rows": lambda c: (rowids(c),),
    "tally": lambda _: (F, ["tag", "source", "month", "day"], 20),
    "on_this_day": lambda _: ("03-02", 20),
    "unsure": lambda _: (0.9, 20),
    "limit_cache": lambda _: (32,),
    "consult": lambda _: ("toy", [packed(3), packed(4)]),
    "carried": lambda c: (c.fetch([1])[1].id,),
    "unchosen": lambda _: (0, 10),
    "meaning": lambda c: (c.fetch([1])[1].id,),
    "mentions": lambda _: ([('"harbour"', "harbour 1")], 20),
    "unembedded": lambda _: (50,),
    "pending_passages": lambda _: (50,),
    "waiting": lambda _: (),
    "waiting_for": lambda _: ("toy", 8),
    "rowid": lambda c: (first(c),),
}  # fmt: skip
"""Verb → arguments that have something to find."""
WRITING = {"put_passages", "fill_passages", "use_model", "asked", "take", "look_again_from"}


def first(compartment: Compartment) -> str:
    """An id."""
    return compartment.entries(F, 1)[0].id


def rowids(compartment: Compartment) -> list[int]:
    """The first few."""
    return [rowid for rowid, _ in compartment.page(F, 0, 5)]


def test_every_verb_is_tried() -> None:
    """The table above knows every verb; one that is new is tried too, or this fails."""
    assert set(READING) | WRITING == VERBS


EMPTY_IS_RIGHT = {"limit_cache", "skipped", "arrivals", "went_away", "clones", "integrity"}


@pytest.mark.parametrize("verb", sorted(READING))
def test_a_verb_answers_the_same(both: tuple[Compartment, Compartment], verb: str) -> None:
    """Equal in value and in type, down to the items."""
    near, far = both
    arguments = READING[verb](near)
    expected, found = (getattr(c, verb)(*arguments) for c in both)
    assert found == expected
    assert typed(found) == typed(expected)
    assert expected or verb in EMPTY_IS_RIGHT, "a comparison of nothing with nothing"
    assert far is not near


def typed(value: Any) -> Any:
    """The types in a value."""
    if isinstance(value, dict):
        return {k: typed(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [typed(each) for each in value]
    if dataclasses.is_dataclass(value):
        return type(value), [typed(getattr(value, f.name)) for f in dataclasses.fields(value)]
    return type(value)


def test_writing_verbs_write(both: tuple[Compartment, Compartment]) -> None:
    """Passages given through the agent are there for both; another model drops them."""
    near, far = both
    waiting = near.waiting()
    ((rowid, _, body), *_) = far.unembedded(1)
    far.put_passages([(rowid, [(0, 5), (5, len(body))], [packed(1)])])
    assert near.waiting() == waiting
    ((passage, _, _), *_) = far.pending_passages(1)
    far.fill_passages([passage], [packed(2)])
    carried = far.carried(far.fetch([1])[1].id)
    assert carried is not None
    far.take("0" * 16, carried)
    assert near.waiting() == far.waiting() == waiting - 1
    assert far.use_model("toy", 8) is False
    assert far.use_model("other", 8) is True
    assert near.waiting_for("other", 8) == far.waiting_for("other", 8) == near.count(F)
    far.asked("0" * 16, [])
    far.look_again_from("a mark")
    assert near.meta("recheck") == "a mark"


def test_errors_are_the_same(both: tuple[Compartment, Compartment]) -> None:
    """What a verb raises, it raises on this side too, by class and words; a wrong call ends nothing."""
    near, far = both
    for verb, arguments in (("ranked", ("words", '"unbalanced', F, 5)), ("tally", (F, ["tag"], "x"))):
        said = []
        for compartment in (near, far):
            with pytest.raises(Exception) as caught:
                getattr(compartment, verb)(*arguments)
            said.append((type(caught.value), str(caught.value)) if isinstance(caught.value, VaultError) else VaultError)
        assert said[0] == said[1] or isinstance(caught.value, VaultError)
    with pytest.raises(VaultError):
        far.ask("count", "not filters")
    assert far.count(F) == near.count(F)


# -- the facade ---------------------------------------------------------------------------------------


def facade(v: vault.Vault) -> dict[str, Any]:
    """Everything that a front end reads of a vault."""
    ids = [e.id for e in v.entries(limit=100)]
    queries = ("heron", "boiler OR ferry", '"spare key"', "herron", "tag:all", "harb*", "-heron harbour", "title:x", "ünï")
    return {
        "entries": v.entries(limit=100),
        "trash": v.entries(trash=True),
        "get": [v.get(i[:8]) for i in ids],
        "history": [v.history(i) for i in ids],
        "tags": v.tags(),
        "counts": v.counts(),
        "search": [[(h.entry, h.snippet, h.legs) for h in v.search(q, 20, "keyword")] for q in queries],
        "figures": v.browsing.figures(),
        "classify": [v.classify(t) for t in ("my password is hunter2hunter2", "a heron")],
        "why": v.why("the pin of my card is 4711, says Kowalski"),
        "uncertain": v.uncertain(),
        "order": v.browsing.window(v.browsing.order("harbour OR all"), 0, 50),
        "related": [v.browsing.related(v.get(i)) for i in ids[:3]],
        "this day": v.browsing.on_this_day(datetime.now().astimezone().date()),
        "unsure": v.browsing.unsure(),
        "quarantined": v.browsing.quarantined(),
        "findings": v.examine(),
        "notes": list(v.notes),
    }


def test_the_whole_facade_reads_the_same(within: Desk) -> None:
    """Listing, searching, history, tags, counts, figures, findings: in process and through the agent."""
    with within.alone() as v:
        expected = facade(v)
    every = tuple(Classification)
    with within.connect(every) as v:
        assert not any(c.here for c in v.opened)
        found = facade(v)
    for name, value in expected.items():
        assert found[name] == value, name


def test_the_whole_facade_changes_the_same(within: Desk) -> None:
    """Capture, edit, retag, move, delete, restore, purge, import, rebuild through the agent; read in this process."""
    with within.connect(tuple(Classification)) as v:
        entry = v.capture("first words #x", "general", title="a title", tags=("one",), metadata={"k": [1, {"z": None}]})
        assert v.get(entry.id).metadata == {"k": [1, {"z": None}]}
        v.edit(entry.id, "second words", tags=("two",))
        v.confirm(entry.id)
        assert list(v.recheck().pages()) is not None
        moved = v.move(entry.id, "secret")
        assert moved.classification is Classification.SECRET
        kept = v.capture("to be restored", "confidential").id
        v.delete(kept)
        assert [e.id for e in v.entries(trash=True)] == [kept]
        v.restore(kept)
        gone = v.capture("to be purged", "general").id
        v.delete(gone, purge=True)
        (within.root / "in.jsonl").write_text("".join(json.dumps({"text": f"imported {n}"}) + "\n" for n in range(70)))
        assert v.import_from(within.root / "in.jsonl").added == 70
        v.rebuild()
        through = {e.id: e for e in v.entries(limit=1000)}
        hits = [h.entry.id for h in v.search("words", mode="keyword")]
    with within.alone() as v:
        assert {e.id: e for e in v.entries(limit=1000)} == through
        assert entry.id in hits
        assert [h.kind for h in v.history(entry.id)].count("moved") == 1
        assert gone not in through
        assert [f for f in v.examine() if f.severity == "error"] == []


def test_deep_metadata_comes_through(within: Desk) -> None:
    """Metadata as deep as an entry may have it is listed through the agent as in this process."""
    deep: Any = "bottom"
    for _ in range(400):
        deep = {"a": [deep]}
    with within.alone() as v:
        entry = v.capture("deep", "general", metadata={"m": deep})
    with within.connect(LOW) as v:
        assert v.get(entry.id).metadata == {"m": deep}
        assert v.capture("deep too", "general", metadata={"m": deep}).id


# -- the wire -----------------------------------------------------------------------------------------

moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), None]))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False), st.binary(), moments,
    st.text(st.characters()), st.sampled_from(list(Classification)),
)  # fmt: skip
keys = st.one_of(st.text(), st.integers(), st.booleans(), st.sampled_from(list(Classification)), st.tuples(st.text()))
plain = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(keys, inner), st.lists(inner).map(tuple), st.frozensets(st.text()),
        st.sampled_from("tmsbdco").flatmap(lambda tag: inner.map(lambda value: {tag: value})),
    ),
    max_leaves=20,
)  # fmt: skip


@given(plain)
@settings(max_examples=300, deadline=None)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    """Whatever is nested in whatever: equal, and of the same types; what looks like a tag stays what it was."""
    found = through(value)
    assert found == value
    assert typed(found) == typed(value)


def through(value: Any) -> Any:
    """*value* on the other side."""
    return wire.parse(json.dumps(wire._plain(value), ensure_ascii=False).encode("utf-8", "surrogatepass"))


def value_types() -> list[type]:
    """Every dataclass that may cross."""
    found = []
    for name in sorted(wire._MODULES):
        members = vars(import_module(name)).values()
        found += [m for m in members if inspect.isclass(m) and dataclasses.is_dataclass(m) and m.__module__ == name]
    return found


@pytest.mark.parametrize("kind", value_types(), ids=lambda kind: kind.__qualname__)
def test_every_value_type_crosses(kind: type) -> None:
    """An object of each type that may cross, with something in every field, comes back equal and of its type."""
    samples = {
        f.name: {"k": ["v", {"z": None}]} if f.name in {"metadata", "extra"} else value
        for f, value in zip(
            dataclasses.fields(kind), (("x", 1), "text", frozenset({"a"}), 3, b"\0\xff", None, 2.5, {"k": ["v"]}) * 5, strict=False
        )
        if f.init
    }
    value = kind(**samples)
    found = through([value, (value,)])
    assert found == [value, (value,)]
    assert type(found[0]) is kind


def test_what_is_not_named_does_not_cross() -> None:
    """Neither out (a type of ours that is not listed) nor in (a type that exists elsewhere)."""
    from vault.home import Home

    with pytest.raises(TypeError):
        through(Home(Path("/x"), "id", Path("/y")))
    for name in ("vault.home:Home", "os:stat_result", "vault.entry:re", "vault.entry:Any", "vault.entry:Entry.level", "subprocess:Popen"):
        with pytest.raises(wire.Gone):
            wire.parse(json.dumps({"o": [name, 1, 2, 3]}).encode())


def test_every_error_crosses() -> None:
    """By class, words and remedy; one that is none of ours comes as the base."""
    from vault import errors

    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, VaultError):
            found = wire.raised(through(wire.failure(kind("words", remedy="what to do"))))
            assert (type(found), found.message, found.remedy) == (kind, "words", "what to do")
    assert type(wire.raised(["error", "Path", "words", ""])) is VaultError
