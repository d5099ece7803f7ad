"""What a reranker says is one voice: it never overrules what was typed word for word, a filter, or the clock."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.classification import Classification
from vault.errors import Damaged
from vault.reading import Reader
from vault.search import rerank
from vault.search.query import parse
from vault.search.rerank import holds, passage, reordered
from vault.search.search import Found
from vault.vault import Vault

NOTES = {
    "a": "garden: plant the tomato outside in may",
    "b": "tomato sauce keeps a week; the garden party is on sunday",
    "c": "a plant for the garden wall, not in may",
    "d": "tomato plant garden, three words on a sign",
    "e": "may was dry; water the garden",
}
QUERY = "tomato plant garden may"
HALF = 0.5


class Model:
    """A reranker that says what it is told to, by a word of the passage."""

    def __init__(self, worth: dict[str, float], *, most: int = 100, fails: bool = False) -> None:
        """*worth*: beginning of a passage → score; *most*: passages that it has time for."""
        self.worth = worth
        self.most = most
        self.closed = False
        self.fails = fails
        self.asked: list[tuple[str, list[str], float]] = []

    def scores(self, query: str, passages: Sequence[str], seconds: float) -> list[float]:
        """The scores of those that there is time for."""
        self.asked.append((query, list(passages), seconds))
        if self.fails:
            raise Damaged("it broke", remedy="mend it")
        return [
            next(score for start, score in self.worth.items() if text.startswith(start)) for text in passages[: self.most]
        ]

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@pytest.fixture
def opened(new_vault: Callable[..., Vault]) -> Vault:
    """A vault with `NOTES`, found by words alone."""
    made = new_vault()
    for name, text in NOTES.items():
        made.capture(text, title="", classification="general", source="test", tags=(name,))
    return made


def use(opened: Vault, model: Any, **settings: Any) -> None:
    """Let *model* read again."""
    for key, value in settings.items():
        opened.config._values[f"search.{key}"] = value
    opened.reader = Reader(opened.reader.models, opened.config)
    opened.reader.__dict__["_reranker"] = model


def found(opened: Vault, query: str = QUERY, **asked: Any) -> list[str]:
    """Names of the hits, best first."""
    return [hit.entry.tags[0] for hit in opened.search(query, **asked)]


def test_the_order_is_half_the_models(opened: Vault):
    """Hits go by half the model's score, from worst to best, and half the fused one, by the best."""
    before = opened.search(QUERY)
    order = [h.entry.text for h in before]
    worth = dict(zip(order, (5.0, 3.0, -4.0, 9.0, 6.0), strict=True))
    use(opened, Model(worth))
    expected = sorted(
        before, key=lambda h: -(HALF * (worth[h.entry.text] + 4) / 13 + HALF * h.score / before[0].score)
    )
    after = opened.search(QUERY)
    assert [h.entry.id for h in after] == [h.entry.id for h in expected]
    assert [h.entry.text for h in after] not in (order, sorted(order, key=worth.__getitem__, reverse=True))
    assert [h.score for h in after] == pytest.approx([h.score for h in before], abs=1e-6)
    by_model = sorted(worth.values(), reverse=True)
    assert [(h.legs["rerank"].score, h.legs["rerank"].rank) for h in after] == [
        (worth[h.entry.text], by_model.index(worth[h.entry.text]) + 1) for h in after
    ]


def test_only_the_first_are_read(opened: Vault):
    """Two at most: the others stay behind them, unread, also where fewer are shown than are read."""
    before = found(opened)
    model = Model({NOTES[before[0]]: 0.0, NOTES[before[1]]: 1000.0})
    use(opened, model, rerank=2)
    (first, second), rest = found(opened)[:2], found(opened)[2:]
    assert ({first, second}, rest) == ({*before[:2]}, before[2:])
    assert all(len(texts) == 2 for _, texts, _ in model.asked)
    assert found(opened, limit=1) == [first]
    assert len(model.asked[-1][1]) == 2
    assert "rerank" not in opened.search(QUERY)[-1].legs


def test_nothing_is_read_where_nobody_asked(opened: Vault):
    """Not by the mode `keyword`, not without words, not with ``search.rerank`` 0."""
    model = Model({"": 1.0})
    use(opened, model)
    assert found(opened, mode="keyword")
    assert found(opened, "source:test")
    use(opened, model, rerank=0)
    assert found(opened)
    assert model.asked == []


def test_what_was_typed_word_for_word_keeps_its_place(opened: Vault):
    """However little the model thinks of it; positive control: another hit in its place would fall."""
    query = "tomato plant garden"
    before = found(opened, query)
    assert before[0] == "d"
    worth = {text: (0.0 if name == "d" else 100.0) for name, text in NOTES.items()}
    use(opened, Model(worth))
    assert found(opened, query)[0] == "d"
    turned = "garden plant tomato"
    assert found(opened, turned)[0] != "d"


def test_filters_hold(opened: Vault):
    """What the query excludes or does not demand is not brought in, however good; phrases hold."""
    use(opened, Model({text: 100.0 * (name == "b") for name, text in NOTES.items()}))
    assert "b" in found(opened)
    assert "b" not in found(opened, f"{QUERY} -party")
    assert "b" not in found(opened, f"{QUERY} -tag:b")
    assert set(found(opened, f'{QUERY} "in may"')) == {"a", "c"}


def test_repeats_stay_behind(opened: Vault):
    """A text that occurs twice goes behind all others the second time, however good the model finds it."""
    opened.capture(NOTES["b"], title="", classification="general", source="test", tags=("b",))
    use(opened, Model({text: 100.0 * (name == "b") for name, text in NOTES.items()}))
    order = found(opened)
    assert order.count("b") == 2
    assert order[-1] == "b"
    assert order[0] == "b"


def test_a_failure_leaves_the_order_of_the_search(opened: Vault):
    """And says so in a note with its remedy."""
    before = found(opened)
    use(opened, Model({"": 1.0}, fails=True))
    assert found(opened) == before
    assert opened.reader.notes[-1] == "it broke: hits are in the order of the search (mend it)"


def test_a_damaged_file_leaves_the_order_of_the_search(opened: Vault, monkeypatch: pytest.MonkeyPatch):
    """A reranker that cannot be loaded is told once."""
    before = found(opened)
    opened.reader = Reader(opened.reader.models, opened.config)

    def refuse(kind: str) -> None:
        raise Damaged(f"the {kind} is gone", remedy="get it")

    monkeypatch.setattr(opened.reader.models, "active", refuse)
    assert found(opened) == found(opened) == before
    assert [n for n in opened.reader.notes if "reranker" in n] == [
        "the reranker is gone: hits are in the order of the search (get it)"
    ]


def test_when_time_is_over_the_rest_stays(opened: Vault):
    """Those that were read in time are put in order among themselves, and a note says how many; it is bounded."""
    before = found(opened)
    worth = {text: float(before.index(name)) for name, text in NOTES.items()}
    worth[NOTES[before[1]]] = 1000.0
    model = Model(worth, most=3)
    use(opened, model)
    after = found(opened)
    assert after[3:] == before[3:]
    assert after[:3] == [before[1], before[0], before[2]] or after[:3] == [before[1], before[2], before[0]]
    assert opened.reader.notes[-1] == (
        "the reranker is slow: only the first 3 of 5 hits were read again (set search.rerank lower)"
    )
    assert model.asked[0][2] == rerank.SECONDS
    use(opened, Model(worth, most=0))
    assert found(opened) == before


def test_the_passage_nearest_in_meaning_is_read(opened: Vault):
    """Of an entry that the vectors found, from where they found it; of another, around its words."""
    text = "lead " * 600 + "a zebra " + "middle " * 600 + "the end of it"
    entry = opened.capture(text, title="", classification="general")
    here, there = (Classification.GENERAL, 1), (Classification.GENERAL, 2)
    found_by = Found({}, {}, {here: 0.5}, {here: text.index("the end"), there: 0}, {})
    model = Model({"": 1.0})
    found_by._reread([(1.0, entry, here), (0.5, entry, there)], parse("zebra"), rerank.Again(model, 5, print))
    ((_, (near, worded), _),) = model.asked
    assert near == "the end of it"
    assert "a zebra" in worded
    assert "the end" not in worded


def test_closing_frees_it(opened: Vault):
    """With the reader, as the embedder is."""
    model = Model({"": 1.0})
    use(opened, model)
    opened.reader.close()
    assert model.closed


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 50), st.booleans()), max_size=20))
def test_a_new_order_moves_and_loses_none(read: list[tuple[float, bool]]):
    """Any scores give a permutation that leaves what is fixed; the best free one is never below a worse of less."""
    scores, fixed = [score for score, _ in read], [keeps for _, keeps in read]
    fused = [1 / (place + 1) for place in range(len(read))]
    order = reordered(scores, fused, fixed)
    assert sorted(order) == list(range(len(read)))
    assert all(order[place] == place for place, keeps in enumerate(fixed) if keeps)
    free = [at for at in order if not fixed[at]]
    if free and max(scores) - min(scores) > 1e-6:
        assert not any(scores[other] > scores[free[0]] and fused[other] > fused[free[0]] for other in free)


def test_equal_scores_change_nothing():
    """A model that tells nothing apart moves nothing."""
    assert reordered([2.0, 2.0, 2.0], [3.0, 2.0, 1.0], [False] * 3) == [0, 1, 2]
    assert reordered([], [], []) == []


def test_the_best_passage_is_read():
    """From the vectors' start where there is one, else around the words; the title in front, once."""
    text = "# Trip\n" + "lead " * 600 + "then the zebra crossed the road " + "tail " * 600
    query = parse("zebra road")
    around = passage("Trip", text, None, query)
    assert around.startswith("Trip\n")
    assert "the zebra crossed the road" in around
    assert len(around) <= rerank.PASSAGE + len("Trip\n")
    assert passage("Trip", text, 3007, query).startswith("Trip\nthen the zebra")
    assert passage("Trip", text, 0, query).startswith("# Trip\nlead")
    assert passage("", "just a turn", None, query) == "just a turn"


@pytest.mark.parametrize(
    ("query", "text", "whole"),
    [
        ("Red kayak", "my red  Kayak.", True),
        ("red kayak", "red kayaks", False),
        ("red kayak", "kayak, red", False),
        ('canoe OR "red kayak"', "a red kayak", True),
        ('canoe OR "red kayak"', "a canoe", False),
        ("東京", "昨日は東京タワー", True),
        ("git commit --amend", "use git commit --amend here", True),
        ("***", "***", False),
    ],
)
def test_word_for_word(query: str, text: str, whole: bool):
    """Case and what stands between words do not matter; order, endings and completeness do."""
    assert holds("", text, parse(query)) is whole
    assert holds(text, "", parse(query)) is whole
