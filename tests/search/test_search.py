"""What a search finds in a real vault, and in which order."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vault.classification import Classification
from vault.compartment import candidates
from vault.compartment.compartment import Compartment
from vault.models.store import ModelStore
from vault.reading import Reader
from vault.search import fuse
from vault.search.query import parse
from vault.search.search import Found
from vault.vault import Vault

Make = Callable[..., Vault]
CONCEPTS = (("kayak", "canoe", "boat"), ("bread", "loaf", "bakery"), ("tax", "invoice"), ("sun", "summer"))


class ConceptEmbedder:
    """Texts about the same concepts are near; what names none of them lies apart from all."""

    model_id, dims = "concepts", 8

    def embed(self, texts: list[str]) -> Any:
        """One direction a concept; the fifth for texts without any."""
        rows = []
        for text in texts:
            row = [float(sum(word in text.lower() for word in concept)) for concept in CONCEPTS]
            rows.append([*row, 0.0 if any(row) else 1.0, 0.0, 0.0, 0.0])
        found = np.array(rows, dtype=np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def embed_with_peaks(self, texts: list[str], probes: Any) -> Any:
        """The vectors, and no peaks."""
        return self.embed(texts), np.zeros((len(texts), len(probes)), dtype=np.float32)

    def embed_one(self, text: str) -> Any:
        """The vector of one text."""
        return self.embed([text])[0]

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split()) + 2

    def close(self) -> None:
        """Nothing to free."""


class ConceptModels(ModelStore):
    """A store with the embedder above."""

    def load_embedder(self) -> Any:
        """The embedder above."""
        return ConceptEmbedder()


def keep(v: Vault, *texts: str, **more: Any) -> None:
    """Capture *texts* as general ones, in this order."""
    items = [{"text": text, "classification": "general", "tags": ("t",), **more} for text in texts]
    for _ in v.capture_many(items):
        pass


def texts(v: Vault, query: str, **how: Any) -> list[str]:
    """The texts found, best first."""
    return [hit.entry.text for hit in v.search(query, **how)]


def with_meaning(v: Vault, tmp_path: Path) -> Vault:
    """*v* with an embedder that knows a few concepts."""
    v.reader = Reader(ConceptModels(tmp_path / "models"), v.config)
    return v


def fillers(count: int = 30) -> list[str]:
    """Unlike texts, each with a title, so that words are rare in the vault."""
    return [f"# Filler {n}\n\nqux{n} corge{n} grault{n}" for n in range(count)]


# -- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("postgrse", "tuning the postgres cache"),
        ("recieve", "we receive mail here"),
        ("kubernets", "kubernetes pods restart"),
        ("gmial", "gmail compose link"),
        ("certficate", "renew the certificate yearly"),
    ],
)
def test_a_misspelt_word_finds_what_was_meant(new_vault: Make, typed: str, meant: str):
    """One slip of the finger is forgiven, and the snippet marks the word that was meant."""
    v = new_vault()
    keep(v, *fillers(), meant)
    (hit,) = v.search(typed)
    assert hit.entry.text == meant
    assert "**" in hit.snippet


@pytest.mark.parametrize("typed", ["cat", "zebra", "vegetables"])
def test_other_words_are_not_corrected(new_vault: Make, typed: str):
    """Short words, and words that are far from all that is kept, find nothing."""
    v = new_vault()
    keep(v, *fillers(), "the car and the bar", "restic forget keeps daily")
    assert texts(v, typed) == []


def test_correction_never_buries_what_was_typed(new_vault: Make):
    """A rare word that exists is what was meant, however near a frequent one is."""
    v = new_vault()
    keep(v, *fillers(), *(f"# {n}\n\nmarch plan" for n in range(20)), "the macrh project")
    assert texts(v, "macrh") == ["the macrh project"]


def test_the_beginning_of_a_word_is_not_taken_for_a_slip(new_vault: Make):
    """What is half typed and begins a word that is held is no slip of another; what begins none still is one."""
    v = new_vault()
    keep(v, *fillers(), "mix it in a bowl", "the boiler is old")
    assert texts(v, "boil boil*") == ["the boiler is old"]
    assert texts(v, "bowk bowk*") == ["mix it in a bowl"]


def test_a_misspelt_word_beside_a_right_one_ranks_the_entry_with_both_first(new_vault: Make):
    """The correction counts, but for less than what was typed right."""
    v = new_vault()
    keep(v, *fillers(), "cache of postgres")
    keep(v, "vacuum of postgres", context="another")
    keep(v, "cache of browser", context="a third")
    assert texts(v, "cache postgrse") == ["cache of postgres", "cache of browser", "vacuum of postgres"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("mother birthday", "mum turns sixty, birthday cake"),
        ("who taught chess", "Jo teaches us chess"),
        ("children play", "the child plays outside"),
    ],
)
def test_synonyms_and_irregular_forms(new_vault: Make, typed: str, kept: str):
    """The entry in other words outranks one that shares less."""
    v = new_vault()
    word = typed.rsplit(maxsplit=1)[-1]
    keep(v, *fillers(), f"{word} plans", kept)
    assert texts(v, typed)[0] == kept


def test_what_was_typed_outranks_its_synonym(new_vault: Make):
    """An expansion weighs less than the word itself."""
    v = new_vault()
    keep(v, *fillers(), "a film on Friday", "a movie on Friday")
    assert texts(v, "movie") == ["a movie on Friday", "a film on Friday"]


@pytest.mark.parametrize("query", ["Tobias's kite", "Tobias’s kite", "TOBIAS kite?"])
def test_possessives_find_the_name(new_vault: Make, query: str):
    """A name in the genitive is the name."""
    v = new_vault()
    keep(v, *fillers(), "the kite flew", "Tobias: my kite flew")
    assert texts(v, query)[0] == "Tobias: my kite flew"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("get user name", "call getUserName() before"),
        ("getUserName", "the getUserName call"),
        ("user name getter", "call getUserName() before"),
        ("max_retry_count", "set max_retry_count = 3"),
        ("--no-verify", "git commit --no-verify skips hooks"),
        ("solid-state drive", "the drive has a solid lid and a state of its own"),
        ("sqlite3 :memory: -cmd '.mode csv'", "sqlite3 :memory: -cmd '.mode csv' and more"),
        ("ls -l /tmp", "ls -l /tmp lists"),
    ],
)
def test_code_tokens(new_vault: Make, typed: str, kept: str):
    """Names in either spelling, options and whole command lines."""
    v = new_vault()
    keep(v, *fillers(), kept)
    assert texts(v, typed)[0] == kept


def test_a_whole_name_outranks_its_parts(new_vault: Make):
    """The words of a name elsewhere are worth less than the name."""
    v = new_vault()
    keep(v, *fillers(), "retry the count up to the max, max retry and count again", "set max_retry_count = 3 somewhere")
    assert texts(v, "max_retry_count")[0] == "set max_retry_count = 3 somewhere"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("床", "ぬか床漬け"), ("床漬", "ぬか床漬け"), ("ぬか床", "ぬか床漬け"), ("け", "ぬか床漬け"), ("東京", "昨日東京に行った"), ("ไทย", "ภาษาไทยง่าย")],
)
def test_scripts_without_spaces(new_vault: Make, typed: str, kept: str):
    """A word of one, two or more characters is found inside a sentence, and only where it is."""
    v = new_vault()
    keep(v, *fillers(), "大阪の天気", kept)
    assert texts(v, typed) == [kept]


def test_scripts_without_spaces_required_and_excluded(new_vault: Make):
    """Quotes and exclusions hold for words of two characters too."""
    v = new_vault()
    keep(v, *fillers(), "昨日東京に行った", "昨日京都に行った")
    assert texts(v, '昨日 "東京"') == ["昨日東京に行った"]
    assert texts(v, "昨日 -東京") == ["昨日京都に行った"]


def test_part_of_a_word(new_vault: Make):
    """What no entry holds as a word may be part of one."""
    v = new_vault()
    keep(v, *fillers(), "the backupserver hums")
    assert texts(v, "kupserv") == ["the backupserver hums"]


def test_an_edited_entry_leaves_nothing_of_its_old_parts(new_vault: Make):
    """Pairs of characters and parts of names go with the text they came from."""
    v = new_vault()
    entry = v.capture("昨日東京に行った getUserName", classification="general", tags=("t",))
    v.edit(entry.id, text="大阪")
    assert texts(v, "東京") == texts(v, "user name") == []
    assert texts(v, "大阪") == ["大阪"]


@pytest.mark.parametrize("query", ["cache postgres", "cache postgrse", "movie friday", "tune* cache", "getUserName"])
def test_many_matches_rank_as_few_do(new_vault: Make, monkeypatch: pytest.MonkeyPatch, query: str):
    """Where words are too common to be weighed one by one, the order at the top is the same."""
    v = new_vault()
    keep(v, *fillers(), "postgres cache tuning", "browser cache", "a film on Friday", "a movie on Friday")
    keep(v, "call getUserName() first", "the user reads")
    one_by_one = texts(v, query)
    monkeypatch.setattr(candidates, "EXACT", 0)
    assert texts(v, query) == one_by_one
    assert one_by_one


# -- meaning and fusion ------------------------------------------------------------------------------


def test_what_both_legs_find_is_first(new_vault: Make, tmp_path: Path):
    """An entry that says and means it, then one that only means it."""
    v = with_meaning(new_vault(), tmp_path)
    keep(v, *fillers(), "canoe on the lake", "my kayak on the lake", "bread for the lake")
    assert texts(v, "kayak lake")[:2] == ["my kayak on the lake", "canoe on the lake"]


def test_one_common_word_does_not_outrank_the_meaning(new_vault: Make, tmp_path: Path):
    """Holding one word of many is little; being about it is much."""
    v = with_meaning(new_vault(), tmp_path)
    keep(v, *fillers(), "the weekend plans of the neighbour", "canoe")
    assert texts(v, "weekend kayak river tour gear checklist")[0] == "canoe"


def test_legs_are_told(new_vault: Make, tmp_path: Path):
    """Every leg that saw a hit says at which rank and with which score."""
    v = with_meaning(new_vault(), tmp_path)
    keep(v, *fillers(), "kayak", "canoe")
    legs = {hit.entry.text: {name: leg.rank for name, leg in hit.legs.items()} for hit in v.search("kayak", limit=2)}
    assert legs["kayak"]["words"] == 1
    assert set(legs["canoe"]) == {"vectors"}


def test_words_say_the_same_in_small_and_large_classes(new_vault: Make):
    """A word is as rare as it is in all open classes together, not in the small one that holds it."""
    v = new_vault()
    keep(v, *fillers(40), *(f"# {n}\n\ncommon thing {n}" for n in range(20)))
    v.capture("common", classification="secret", tags=("t",))
    v.capture("rare", classification="general", tags=("t",))
    assert texts(v, "common rare", limit=2)[0] == "rare"


def test_fusion_weighs_by_what_was_asked():
    """Full marks for words are those of an entry with everything asked for."""
    scores = fuse.fuse({"a": 2.0}, {"a": 0.3, "b": 0.6}, full=8.0)
    assert scores["a"] == pytest.approx(fuse.WORDS / 4 + (1 - fuse.WORDS) / 2)
    assert scores["b"] == pytest.approx(1 - fuse.WORDS)
    assert fuse.fuse({"a": 2.0, "b": 1.0}, {}, full=1.0) == {"a": 1.0, "b": 0.5}
    assert fuse.fuse({}, {}, full=1.0) == {}


# -- conversations, times, repeats -------------------------------------------------------------------


def chat(v: Vault, context: str, *said: str) -> None:
    """A conversation of some years ago."""
    keep(v, *said, context=context, source="chat", created=datetime(2023, 5, 1, tzinfo=UTC))


def test_an_answer_inherits_from_its_question(new_vault: Make):
    """Of two turns that say the same, the one beside the question asked is first."""
    v = new_vault()
    chat(v, "one", "Ada: hello there", "Bo: yes, red indeed", "Ada: bye")
    chat(v, "two", "Ada: which colour is the kayak", "Bo: yes, red indeed!", "Ada: bye now")
    assert texts(v, "kayak red", mode="keyword")[:2] == ["Ada: which colour is the kayak", "Bo: yes, red indeed!"]


@pytest.mark.parametrize(
    "apart",
    [
        {"context": "another talk"},
        {"source": "mail"},
        {"created": datetime(2023, 5, 3, tzinfo=UTC)},
        {"title": "a note"},
    ],
)
def test_only_turns_of_one_conversation_are_neighbours(new_vault: Make, apart: dict[str, Any]):
    """Another context, source or day, or a title, ends a conversation."""
    v = new_vault()
    same = {"context": "talk", "source": "chat", "created": datetime(2023, 5, 1, tzinfo=UTC)}
    keep(v, *fillers(), **(same | {"source": "filler"}))
    keep(v, "Ada: is the kayak ready", **same)
    keep(v, "Bo: red indeed", **(same | apart))
    score = {hit.entry.text: hit.score for hit in v.search("kayak red", mode="keyword")}
    keep(v, "Bo: red indeed (again)", **same)
    keep(v, "Ada: is the kayak ready (again)", **same)
    again = {hit.entry.text: hit.score for hit in v.search("kayak red", mode="keyword")}
    assert again["Bo: red indeed (again)"] > 1.1 * again["Bo: red indeed"]
    assert score["Bo: red indeed"] > 0


def test_a_neighbour_that_nothing_found_is_not_shown(new_vault: Make):
    """Standing beside a hit is no reason to be one."""
    v = new_vault()
    chat(v, "one", "Ada: the kayak", "Bo: hm")
    assert texts(v, "kayak") == ["Ada: the kayak"]


def test_order_of_capture_survives_a_rebuild(new_vault: Make):
    """Neighbours are found again when the index is made anew from the sealed files."""
    v = new_vault()
    chat(v, "two", "Ada: which colour is the kayak", "Bo: yes, red indeed!")
    chat(v, "one", "Ada: hello there", "Bo: yes, red indeed")
    before = [(hit.entry.text, round(hit.score, 6)) for hit in v.search("kayak red")]
    for database in v.home.state.glob("*.db*"):
        database.unlink()
    v.close()
    v = new_vault(reopen=True)
    assert [(hit.entry.text, round(hit.score, 6)) for hit in v.search("kayak red")] == before


def test_a_time_in_a_question_brings_that_time_to_the_front(new_vault: Make):
    """Two entries alike but for their day: the one of the time named is first, and a note says so."""
    v = new_vault()
    keep(v, "planted the pear tree", created=datetime(2024, 3, 9, tzinfo=UTC))
    keep(v, "planted the pear trees", created=datetime(2025, 6, 9, tzinfo=UTC))
    assert texts(v, "what did I plant in March 2024")[0] == "planted the pear tree"
    assert texts(v, "what did I plant in June 2025")[0] == "planted the pear trees"
    assert any("june 2025 come first" in note for note in v.notes)


def test_nothing_but_a_time_is_a_filter(new_vault: Make):
    """*What did I do in March 2024* lists what was made then, whatever it says."""
    v = new_vault()
    keep(v, "planted the pear tree", created=datetime(2024, 3, 9, tzinfo=UTC))
    keep(v, "march of the penguins, a film", created=datetime(2025, 6, 9, tzinfo=UTC))
    assert texts(v, "what did I do in March 2024?") == ["planted the pear tree"]


def test_repeats_do_not_fill_the_page(new_vault: Make):
    """The same text a second time goes behind everything else that was found."""
    v = new_vault()
    keep(v, *fillers(), *["kayak kayak"] * 5, "a kayak among other things of the house")
    found = texts(v, "kayak")
    assert found[:2] == ["kayak kayak", "a kayak among other things of the house"]
    assert len(found) == 6
    assert texts(v, "kayak", limit=2) == found[:2]


def test_recent_of_two_alike(new_vault: Make):
    """Of two entries that differ in nothing but their age, the newer is first."""
    v = new_vault()
    for days in (400, 1, 200):
        keep(v, f"kayak {days}", created=datetime.now(UTC) - timedelta(days=days))
    assert texts(v, "kayak")[0] == "kayak 1"
    assert texts(v, "kayak", limit=1) == ["kayak 1"]


def test_newer_beats_slightly_better(new_vault: Make):
    """An entry of today passes one of years ago that is half a per cent better, also where only one is shown."""
    v = new_vault()
    old, new = (v.capture("kayak", classification="general", created=when) for when in ("2015-01-01", datetime.now(UTC)))
    general = next(c for c in v.opened.compartments if c.classification is Classification.GENERAL)
    keys = [(Classification.GENERAL, int(general.rowid(entry.id) or 0)) for entry in (old, new)]
    found = Found({}, {}, {}, {}, dict(zip(keys, (1.0, 0.995), strict=True)))
    for limit in (1, 2):
        assert found.hits([general], parse("kayak"), limit)[0].entry.id == new.id


# -- the seam ----------------------------------------------------------------------------------------


def test_few_calls_and_plain_data(new_vault: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A search asks each class three times at most, and one without a hit twice."""
    v = with_meaning(new_vault(), tmp_path)
    keep(v, *fillers(), "kayak on the lake")
    v.search("kayak")
    calls: list[tuple[Classification, str]] = []
    for name in ("statistics", "near_words", "candidates", "fetch", "ranked", "nearest", "entries"):
        original = getattr(Compartment, name)

        def counted(self: Compartment, *args: Any, _name: str = name, _original: Any = original) -> Any:
            calls.append((self.classification, _name))
            return _original(self, *args)

        monkeypatch.setattr(Compartment, name, counted)
    v.search("kayak lake")
    general = [name for classification, name in calls if classification is Classification.GENERAL]
    secret = [name for classification, name in calls if classification is Classification.SECRET]
    assert general == ["statistics", "candidates", "fetch"]
    assert secret == ["statistics", "candidates"]


def test_a_locked_class_leaves_no_trace(new_vault: Make):
    """Its words are neither found, nor counted, nor offered as corrections."""
    v = new_vault()
    keep(v, *fillers(), "plain note")
    v.capture("kayaking trip", classification="secret", tags=("t",))
    assert texts(v, "kayyaking") == ["kayaking trip"]
    v.opened.classes.pop(Classification.SECRET).compartment.close()
    assert texts(v, "kayyaking") == texts(v, "kayaking") == []


def test_filters_hold_in_every_leg(new_vault: Make, tmp_path: Path):
    """What is excluded or required holds for meaning, corrections and synonyms too."""
    v = with_meaning(new_vault(), tmp_path)
    keep(v, *fillers(), "canoe lake", "kayak river", "boat movie", "boat film night")
    assert "canoe lake" not in texts(v, "kayak -lake")
    assert all("movie" in text for text in texts(v, 'kayak "movie"'))
    assert "boat film night" not in texts(v, "movie -film")
    assert not re.search("canoe", " ".join(texts(v, "kayyak -canoe")))
