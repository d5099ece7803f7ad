"""``memory classify``: a verdict that keeps nothing, its reasons, the review at a terminal, the look again."""

import json

import pytest
from program import Program, finish, tree

PIN = "PIN of the bank card is 7402"


def configure(program: Program, text: str) -> None:
    """Write the settings of a home."""
    path = program.root / "config" / "memory" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_verdict_keeps_nothing(shared: Program) -> None:
    """The class, how sure, why; as JSON with the stages' words; nothing on disk changes."""
    shared("list").ok()
    before = tree(shared.vault)
    row = shared("classify", "--json", stdin=PIN).ok().json
    assert row["classification"] == "secret"
    assert row["stage"] == "detector"
    assert row["level"] == 3
    assert row["probabilities"] is None, "there is no model"
    assert set(row) >= {"confidence", "reasoning", "tags", "emotion", "uncertain", "warnings"}
    told = shared("classify", "-", stdin="Use `git rebase -i` to squash commits").ok()
    assert told.out.startswith("general")
    assert tree(shared.vault) == before
    assert shared("list", "--json").ok().json == []


def test_words_are_a_text_too_and_a_secret_among_them_is_warned_about(shared: Program) -> None:
    """Arguments are joined; what should not be in a shell's history is said."""
    done = shared("classify", *PIN.split()).ok()
    assert done.out.startswith("secret")
    assert "history" in done.err
    assert "history" not in shared("classify", "-", stdin=PIN).ok().err


def test_why_explains_and_never_repeats_the_secret(memory: Program) -> None:
    """Detectors by kind, rules by name, thresholds; the digits and words of the text are nowhere, in lines or JSON."""
    configure(memory, '[classify]\nnever_below = ["confidential /bank/"]\n')
    lines = memory("classify", "--why", "-", stdin=PIN).ok()
    rows = memory("classify", "--why", "--json", stdin=PIN).ok()
    for done in (lines, rows):
        assert "7402" not in done.out + done.err
        assert "classify.never_below rule 1" in done.out
    assert "found" in lines.out
    assert "unsure" in lines.out
    row = rows.json
    assert row["detectors"][0]["floor"] == "secret"
    assert row["head"] is None
    assert row["near"] == []
    assert row["thresholds"]["secret"] == 0.9
    assert row["fallback"] == "confidential"


def test_it_works_while_locked_and_says_what_does_not_count(shared: Program) -> None:
    """No secret at hand: a verdict all the same, with the classes that could not be asked."""
    done = shared("classify", "--why", "-", stdin="hm", env={"MEMORY_KEYFILE": None}).ok()
    assert "does not count: general, chronological, confidential, secret, ultrasecret" in done.err
    assert "does not count" not in shared("classify", "--why", "-", stdin="hm").ok().err


@pytest.mark.parametrize(
    "args", [("--review", "text"), ("--recheck", "--review"), ("--why", "--recheck"), ("--recheck",), ()]
)
def test_misuse_is_a_usage_error(shared: Program, args: tuple[str, ...]) -> None:
    """Modes exclude each other; no text, and a recheck that has nobody to ask, are 2."""
    assert shared("classify", *args).code == 2


def test_review_walks_accepts_moves_skips_and_quits(memory: Program) -> None:
    """A scripted terminal: every answer does what it says, wrong ones ask again, quitting leaves the rest."""
    ids = [memory.add(f"a line that says nothing, {word}", "--source", "x") for word in ("one", "two", "three", "four", "five")]
    listed = memory("classify", "--review", "--json").ok().json
    assert {row["id"] for row in listed} == set(ids)
    assert all(row["reasoning"].startswith("fallback") for row in listed)
    order = [row["id"] for row in listed]
    child = memory.on_terminal("classify", "--review")
    for answer in ("x", "a", "m", "nonsense", "m", "g", "v", "s", "q"):
        child.expect(r"\[a\]ccept.*\? |to which class\? ")
        child.sendline(answer)
    code, rest = finish(child)
    assert code == 0, rest
    shown = [memory("show", i, "--json").ok().json for i in order]
    assert [row["classification"] for row in shown] == ["confidential", "general", *["confidential"] * 3]
    assert ["explicit" in row["reasoning"] for row in shown] == [True, True, False, False, False]
    left = {row["id"] for row in memory("classify", "--review", "--json").ok().json}
    assert left == set(order[2:])


def test_ctrl_d_ends_a_review(memory: Program) -> None:
    """The end of input is quitting, not an error."""
    memory.add("a line that says nothing", "--source", "x")
    child = memory.on_terminal("classify", "--review")
    child.expect(r"\[a\]ccept.*\? ")
    child.sendeof()
    assert finish(child)[0] == 0


def test_an_empty_review_says_so(shared: Program) -> None:
    """Nothing uncertain: a note, and an empty array."""
    assert "nothing to review" in shared("classify", "--review").ok().err
    assert shared("classify", "--review", "--json").ok().json == []


def test_recheck_after_new_rules(memory: Program) -> None:
    """Proposals as lines and JSON; a dry run and JSON move nothing; -y moves all but what a person filed."""
    recipe = memory.add("soup of beetroot", "-t", "recipe")
    mine = memory.add("cake of beetroot", "-t", "recipe", "-c", "confidential")
    other = memory.add("a line that says nothing", "-t", "else")
    assert memory("classify", "--recheck", "--dry-run").ok().out == ""
    configure(memory, '[classify]\nalways = ["general #recipe"]\n')
    told = memory("classify", "--recheck", "--dry-run").ok().out
    assert "confidential → general: policy: classify.always rule 1" in told
    rows = memory("classify", "--recheck", "--json").ok().json
    assert [(row["id"], row["classification"], row["proposed"]) for row in rows] == [(recipe, "confidential", "general")]
    assert memory("show", recipe, "--json").ok().json["classification"] == "confidential"
    memory("classify", "--recheck", "-y").ok()
    classes = {i: memory("show", i, "--json").ok().json["classification"] for i in (recipe, mine, other)}
    assert classes == {recipe: "general", mine: "confidential", other: "confidential"}
    assert "where it would be filed today" in memory("classify", "--recheck", "-y").ok().err


def test_recheck_asks_one_by_one(memory: Program) -> None:
    """Yes moves, keep confirms and is not proposed again, skip leaves it for the next time."""
    ids = [memory.add(f"soup of {name}", "-t", "recipe") for name in ("beetroot", "leek", "pea")]
    configure(memory, '[classify]\nalways = ["general #recipe"]\n')
    child = memory.on_terminal("classify", "--recheck")
    for answer in ("y", "k", "s"):
        child.expect(r"\[y\]es.*\? ")
        child.sendline(answer)
    code, rest = finish(child)
    assert code == 0, rest
    classes = [memory("show", i, "--json").ok().json["classification"] for i in ids]
    assert sorted(classes) == ["confidential", "confidential", "general"]
    assert len(memory("classify", "--recheck", "--json").ok().json) == 1


def test_rules_are_set_and_shown(memory: Program) -> None:
    """`config set` takes several rules, `list` and `get` show them; a bad one is 2 and named."""
    memory("config", "set", "classify.never_below", "secret #bank", "confidential /falcon/").ok()
    memory("config", "set", "classify.source.shell", "general").ok()
    assert memory("config", "get", "classify.never_below").ok().out == "'secret #bank' 'confidential /falcon/'\n"
    rows = {row["key"]: row["value"] for row in memory("config", "list", "--json").ok().json}
    assert rows["classify.never_below"] == ["secret #bank", "confidential /falcon/"]
    assert rows["classify.source.shell"] == "general"
    assert "'secret #bank'" in memory("config", "list").ok().out
    bad = memory("config", "set", "classify.always", "general #ok", "secret /(/")
    assert bad.code == 2
    assert "classify.always rule 2" in bad.err
    assert memory("classify", "--json", "-", stdin="see #bank").ok().json["classification"] == "secret"


def test_a_correction_teaches_the_next_capture(modelled: Program) -> None:
    """With the real model: after one move the next note like it goes there too; `--why` names the entry."""
    text = "sauce base v7: less smoke, more plum, still too thin after an hour"
    first = json.loads(modelled("add", "--json", stdin=text).ok().raw)
    assert first["level"] == 1
    modelled("move", first["id"], "-c", "secret").ok()
    why = modelled("classify", "--why", "--json", stdin="the sauce is too thin, more plum and less smoke").ok().json
    assert why["classification"] == "secret"
    assert why["stage"] == "personal"
    assert why["near"][0]["id"] == first["id"]
    assert modelled("add", "--json", stdin="train to Leeds at 8:02").ok().json["level"] == 1
