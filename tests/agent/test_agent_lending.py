"""Classes open in this process are lent to the agent's model as those in the agent are: nothing is loaded twice."""

import importlib.util
from typing import Any

import pytest
from desk import LOW, Desk
from program import MODELS, Program, with_model

from vault.agent import wire
from vault.classification import Classification
from vault.compartment.filters import Filters

S = Classification.SECRET


def test_a_class_that_is_open_here_is_lent_too(within: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Low classes in the agent, secret here: one search and one verdict ask both, and this process loads nothing."""
    with within.connect(LOW):
        pass
    with within.connect() as v:
        v.unlock([within.secret], [S])
        assert {c.classification for c in v.opened if c.here} == {S}

        def loaded_here(*_: Any, **__: Any) -> None:
            raise AssertionError

        for verb in ("search", "prepare", "why", "recheck", "judged_by"):
            monkeypatch.setattr(v.reader._here, verb, loaded_here)  # type: ignore[attr-defined]
        found = {h.entry.classification for h in v.search("heron", 20, "keyword")}
        assert found == {Classification.GENERAL, S}
        assert v.why("a heron").verdict == v.classify("a heron")
        assert v.capture("a line that says nothing").id
        assert list(v.recheck().pages())
        assert v.search("heron", 20, "keyword"), "the class here answers again when it is no longer lent"


def test_what_a_class_was_only_told_is_not_taken_for_an_answer(within: Desk) -> None:
    """After a capture the other classes are told of the new file; the next questions get their own answers."""
    with within.connect(LOW) as v:
        entry = v.capture("the heron stood in the reeds", "general")
        others = [c for c in v.opened.compartments if c.classification is not entry.classification]
        assert all(len(c.channel._told) == 1 for c in others)  # type: ignore[attr-defined]
        assert entry.id in {h.entry.id for h in v.search("heron reeds", 20, "keyword")}
        assert all(c.heads(entry.id) == [] for c in others)
        assert all(not c.channel._told for c in others)  # type: ignore[attr-defined]
        again = v.capture("the heron flew off", "general")
        assert {e.id for e in v.entries(limit=1000)} >= {entry.id, again.id}


def test_tells_do_not_pile_up(within: Desk) -> None:
    """However much a class is told without being asked, both sides go on."""
    with within.connect(LOW[:1]) as v:
        (compartment,) = v.opened.compartments
        for n in range(600):
            compartment.tell("index", [], [f"{n:032}"] * 20)  # type: ignore[attr-defined]
        assert compartment.count(Filters()) >= 0


def test_an_answer_that_a_dead_lender_left_is_not_taken_for_ours(within: Desk) -> None:
    """A process to which a connection was lent asked, and died before its answer came: ours are our own all the same."""
    with within.connect(LOW[:1]) as v:
        (compartment,) = v.opened.compartments
        entry = v.capture("the heron stood in the reeds", "general")
        wire.send(compartment.channel.connection, [7, "tags", [[], {}]])  # type: ignore[attr-defined]
        assert compartment.entry(entry.id).text == "the heron stood in the reeds"
        assert compartment.count(Filters()) == len(compartment.entries(Filters(), 1000))


def test_a_failure_of_a_lent_class_is_its_error(within: Desk) -> None:
    """What a class that is open here cannot do reaches the asker as the error it is."""
    from vault.errors import VaultError

    with within.connect(LOW):
        pass
    with within.connect() as v:
        v.unlock([within.secret], [S])
        secret = v.opened.need(S).compartment
        secret.db.execute("DROP TABLE words")
        with pytest.raises(VaultError):
            v.search("heron", 20, "keyword")


@pytest.mark.skipif(not MODELS.exists() or importlib.util.find_spec("llama_cpp") is None, reason="no local model")
def test_a_correction_teaches_through_the_agent(within: Desk) -> None:
    """With the model in the agent: a move in one process moves the next verdict, and its vectors crossed."""
    memory: Program = with_model(within)
    first = memory("add", "--json", stdin="sauce base v7: less smoke, more plum, still too thin after an hour").ok().json
    assert first["level"] == 1
    memory("unlock", "--all-terminals", "general", "secret").ok()
    within.keyless("move", first["id"], "-c", "secret").ok()
    why = within.keyless("classify", "--why", "--json", stdin="the sauce is too thin, more plum and less smoke").ok().json
    assert (why["classification"], why["stage"]) == ("secret", "personal")
    assert why["near"][0]["id"] == first["id"]
    within.keyless("lock", "secret").ok()
    assert within.keyless("classify", "--json", stdin="the sauce is too thin, more plum and less smoke").ok().json["level"] == 1
