"""The person's own rules: what they decide, what they may not, and that a bad one is named."""

from pathlib import Path

import numpy as np
import pytest

from vault import config
from vault.classification import ALL, Classification
from vault.classify.classifier import Classifier
from vault.classify.reasons import About
from vault.errors import InvalidInput
from vault.policy import MAX_LENGTH, MAX_RULES, Rules, check_rules, parse_rules

G, CH, CO, S, U = ALL


class Says:
    """A head that says one thing of everything."""

    model_id, corpus = "toy", ""

    def __init__(self, **sure: float) -> None:
        self.row = {c: sure.get(c.value, 0.0) for c in ALL}

    def probabilities(self, *_: object) -> dict[Classification, float]:
        """Always the same."""
        return self.row


def classifier(head: object = None, **lists: object) -> Classifier:
    """A classifier under these rules."""
    always, never_below = (parse_rules(f"classify.{k}", lists.get(k, [])) for k in ("always", "never_below"))
    return Classifier(head, "toy", rules=Rules(always, never_below, lists.get("sources", {})))  # type: ignore[arg-type]


V = np.eye(3)[:1]
GENERAL = Says(general=0.97, chronological=0.03)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("secrt #bank", "no class 'secrt'"),
        ("secret bank", "does not say what it is about"),
        ("secret", "does not say what it is about"),
        ("secret #", "does not say what it is about"),
        ("secret //", "does not say what it is about"),
        ("", "no class ''"),
        ("secret /" + "x" * MAX_LENGTH + "/", "longer than"),
    ],
)
def test_a_bad_rule_is_named(line: str, said: str) -> None:
    """The message says which rule of which setting, shows it, and says what is wrong; the remedy shows the form."""
    with pytest.raises(InvalidInput) as caught:
        parse_rules("classify.always", ["general #recipe", line])
    assert "classify.always rule 2" in caught.value.message
    assert said in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("regex", ["(unclosed", "(?=ahead)", r"(a)\1", "[z-a]", "(?:(?:a{100}){100}){100}"])
def test_a_bad_regex_is_named(regex: str) -> None:
    """What RE2 cannot take in linear time is refused with its reason, when it is set and when it is used."""
    rules = parse_rules("classify.never_below", [f"secret /{regex}/"])
    with pytest.raises(InvalidInput, match=r"never_below rule 1: .* is no regular expression"):
        check_rules(rules)
    with pytest.raises(InvalidInput):
        classifier(never_below=[f"secret /{regex}/"]).classify("x")


@pytest.mark.parametrize("regex", ["(a+)+$", "(a|a)*b", "(.*a){20}", "(x+x+)+y"])
def test_no_regex_can_stall_a_capture(regex: str) -> None:
    """Expressions that take a backtracking engine longer than the universe answer at once."""
    assert classifier(always=[f"secret /{regex}/"]).classify("a" * 50_000 + "x" * 50_000 + "!").label is not U


def test_a_list_of_another_kind_or_too_many_is_refused() -> None:
    """A list of strings it must be, and a bounded one."""
    for wrong in ("secret #bank", [1], {"a": 1}, 7):
        with pytest.raises(InvalidInput, match="takes a list of rules"):
            parse_rules("classify.always", wrong)
    with pytest.raises(InvalidInput, match="more than"):
        parse_rules("classify.always", ["secret #x"] * (MAX_RULES + 1))


def test_always_decides_where_it_matches() -> None:
    """By a given tag, one below it, a hashtag, or an expression; the highest of several; otherwise the head."""
    toy = classifier(GENERAL, always=["confidential #work", "secret /project  *falcon/", "chronological /standup/"])
    assert toy.classify("x", V, about=About(tags=("work",))).label is CO
    assert toy.classify("x", V, about=About(tags=("Work/Clients",))).label is CO
    assert toy.classify("x #work", V).label is CO
    assert toy.classify("Project Falcon at the standup", V).label is S
    assert toy.classify("x", V, about=About(beside="context: project falcon")).label is S
    verdict = toy.classify("the standup", V)
    assert (verdict.label, verdict.stage, verdict.confidence) == (CH, "policy", 1.0)
    assert verdict.reasoning == "policy: classify.always rule 3 decides"
    assert toy.classify("x", V, about=About(tags=("workshop",))).stage == "head"


def test_no_rule_goes_below_a_detector() -> None:
    """A rule that says general, or a source's class, does not lower a card's PIN."""
    toy = classifier(GENERAL, always=["general /pin/"], sources={"shell": G})
    assert toy.classify("PIN of the bank card is 7402", V, about=About(source="shell")).label is S
    assert toy.classify("a pin for the map", V).stage == "policy", "positive control: it matches"


def test_never_below_lifts_and_never_lowers() -> None:
    """What is lower is lifted, what is higher stays; suggested tags count, because they will be the entry's."""
    toy = classifier(GENERAL, never_below=["confidential #bank"])
    lifted = toy.classify("x", V, about=About(tags=("bank",)))
    assert (lifted.label, lifted.stage) == (CO, "policy")
    assert toy.classify("see the bank, the bank", V, vocabulary=["bank"]).label is CO
    assert classifier(Says(secret=1.0), never_below=["confidential #bank"]).classify("#bank", V).label is S


def test_an_explicit_class_wins_and_is_warned_about() -> None:
    """The person's word for this text stands above their rule for all; they are told."""
    toy = classifier(GENERAL, always=["secret #x"], never_below=["confidential #bank"])
    verdict = toy.classify("#bank #x", V, G)
    assert (verdict.label, verdict.stage) == (G, "explicit")
    assert verdict.warnings == ("filed as general as asked, although classify.never_below rule 1 says confidential",)


def test_a_sources_class_takes_the_place_of_the_fallback() -> None:
    """Only where nothing is sure: not over a sure head, and not below what the head takes for a secret."""
    shell = About(source="shell")
    unsure = Says(general=0.5, confidential=0.45, secret=0.05)
    assert classifier(unsure).classify("x", V, about=shell).label.level >= 2
    verdict = classifier(unsure, sources={"shell": G}).classify("x", V, about=shell)
    assert (verdict.label, verdict.stage, verdict.uncertain) == (G, "policy", True)
    assert classifier(unsure, sources={"shell": G}).classify("x", V).label.level >= 2
    assert classifier(Says(confidential=0.97, general=0.03), sources={"shell": G}).classify("x", V, about=shell).label is CO
    assert classifier(Says(secret=0.5, general=0.5), sources={"shell": G}).classify("x", V, about=shell).label is S
    assert classifier(GENERAL, sources={"shell": U}).classify("x", V, about=shell).label is G
    assert classifier(unsure, sources={"shell": S}).classify("x", V, about=shell).label is S
    assert classifier(None, sources={"shell": G}).classify("hm", about=shell).label is G


def test_reasons_name_the_rules() -> None:
    """Those that spoke, by setting and number; never their words."""
    toy = classifier(GENERAL, always=["general /falcon/"], never_below=["secret /falcon/", "confidential /crow/"])
    reasons = toy.weigh("falcon", V)
    assert reasons.rules == ("classify.always rule 1", "classify.never_below rule 1")
    assert "falcon" not in repr(reasons)


def test_settings_are_read_written_and_shown(tmp_path: Path) -> None:
    """Rules and sources survive the file; a list is listed; an empty one clears."""
    path = tmp_path / "config.toml"
    made = config.load(path)
    made.set("classify.never_below", "secret #bank", r"confidential /a\.b|'\"c/")
    made.set("classify.source.shell", "general")
    made.set("search.limit", "7")
    again = config.load(path)
    assert again["classify.never_below"] == ("secret #bank", r"confidential /a\.b|'\"c/")
    rules = again.rules()
    assert [r.classification for r in rules.never_below] == [S, CO]
    assert rules.sources == {"shell": G}
    assert {s.key: value for s, value in again.listed()}["classify.source.shell"] == "general"
    again.set("classify.never_below", "")
    assert config.load(path)["classify.never_below"] == ()


@pytest.mark.parametrize(
    ("key", "values", "said"),
    [
        ("classify.always", ["secret (x"], "does not say what it is about"),
        ("classify.always", ["secret /(x/"], "no regular expression"),
        ("classify.source.shell", ["open"], "classify.source.shell takes general |"),
        ("classify.source.", ["general"], "no setting"),
        ("search.limit", ["7", "8"], "takes one value"),
    ],
)
def test_what_cannot_be_set_leaves_the_file_alone(tmp_path: Path, key: str, values: list[str], said: str) -> None:
    """The key is named, and what was set before stays."""
    path = tmp_path / "config.toml"
    made = config.load(path)
    made.set("search.limit", "9")
    before = path.read_bytes()
    with pytest.raises(InvalidInput) as caught:
        made.set(key, *values)
    assert said in caught.value.message
    assert path.read_bytes() == before


def test_a_broken_rule_in_the_file_is_named(tmp_path: Path) -> None:
    """A hand-written file is checked as it is read."""
    path = tmp_path / "config.toml"
    path.write_text('[classify]\nalways = ["general #recipe", "sectret #bank"]\n')
    with pytest.raises(InvalidInput, match=r"classify\.always rule 2"):
        config.load(path)
