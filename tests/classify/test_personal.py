"""What the person files themselves teaches: near texts follow, credentials and far texts do not, classes stay apart."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vault
from vault import opened
from vault.classification import ALL, Classification
from vault.classify import personal
from vault.classify.classifier import Classifier
from vault.classify.personal import FULL, NEAR, SPAN, Evidence, Neighbour, moved
from vault.classify.reasons import About
from vault.compartment.compartment import Compartment
from vault.config import Config
from vault.errors import Locked

G, CH, CO, S, U = ALL


def row(label: Classification, sure: float = 0.95) -> dict[Classification, float]:
    """Probabilities that lean to *label*."""
    return {c: sure if c is label else (1 - sure) / 4 for c in ALL}


class ToyEmbedder:
    """Vectors of words: texts that share words are near; counts what it is given."""

    model_id, dims = "toy", 96

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """A row a text."""
        self.embedded += texts
        rows = np.zeros((len(texts), self.dims), np.float32)
        for place, text in enumerate(texts):
            for word in text.lower().split():
                rows[place] += np.random.default_rng(zlib.crc32(word.encode())).normal(size=self.dims)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    def embed_with_peaks(self, texts: Sequence[str], probes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows, and peaks that say nothing."""
        return self.embed(texts), np.zeros((len(texts), len(probes)), np.float32)

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def close(self) -> None:
        """Nothing to free."""


class ToyHead:
    """Takes everything for general, and what speaks of a code for secret."""

    model_id, corpus = "toy", "c"
    probes = np.zeros((1, 96), np.float32)

    def probabilities(self, text: str, *_: object) -> dict[Classification, float]:
        """Nearly certain."""
        return row(S if "code" in text else G)


@pytest.fixture
def modelled(new_vault: Callable[..., vault.Vault]) -> Callable[..., vault.Vault]:
    """Vaults with the toy model."""

    def make(config: Config | None = None, **named: object) -> vault.Vault:
        v = new_vault(**named)
        v.reader.__dict__["_embedder"] = ToyEmbedder()
        settings_ = config or v.config
        v.reader.__dict__["_classifier"] = Classifier(ToyHead(), "toy", rules=settings_.rules())  # type: ignore[arg-type]
        return v

    return make


@pytest.fixture
def v(modelled: Callable[..., vault.Vault]) -> Iterator[vault.Vault]:
    """One of them."""
    with modelled() as made:
        yield made


def test_without_near_neighbours_nothing_moves() -> None:
    """No neighbour, or one that is too far, leaves the head's word as it is."""
    far = Neighbour("e", S, NEAR, row(G))
    assert moved(row(G), []) == row(G) == pytest.approx(moved(row(G), [far]))


def test_a_near_correction_decides() -> None:
    """One correction of the same misjudgement, as near as a paraphrase, outweighs the head."""
    after = moved(row(G), [Neighbour("e", CO, NEAR + SPAN, row(G))])
    assert max(after, key=lambda c: after[c]) is CO
    assert after[CO] > 0.9


def test_a_choice_that_the_head_shares_teaches_nothing() -> None:
    """A harmless note, filed as general and taken for general, leaves the credential that reads like it a secret."""
    alike = Neighbour("e", G, 0.95, row(G, 0.99))
    assert moved(row(S), [alike] * 8)[S] > 0.9
    wrong = replace(alike, said=row(S, 0.99))
    assert moved(row(S), [wrong])[S] < 0.1, "positive control: where the head was wrong about it, it does"


def test_a_detectors_floor_holds() -> None:
    """However many near texts were filed as general, a card's PIN stays secret."""
    near = Evidence((Neighbour("e", G, 0.99, row(S)),) * 8)
    verdict = Classifier(ToyHead(), "toy").classify("PIN of the bank card is 7402, the code", np.eye(96)[:1], about=About(evidence=near))  # type: ignore[arg-type]
    assert (verdict.label, verdict.stage) == (S, "detector")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.01, 1), min_size=5, max_size=5),
    st.lists(st.tuples(st.sampled_from(ALL), st.floats(-1, 1), st.lists(st.floats(0.01, 1), min_size=5, max_size=5)), max_size=8),
)
def test_probabilities_stay_probabilities(raw: list[float], drawn: list[tuple]) -> None:
    """Whatever neighbours say, the five are not negative and sum to one; a weight is at most full."""
    norm = lambda many: dict(zip(ALL, np.array(many) / sum(many), strict=True))  # noqa: E731
    neighbours = [Neighbour("e", c, cosine, norm(said)) for c, cosine, said in drawn]
    after = moved(norm(raw), neighbours)
    assert sum(after.values()) == pytest.approx(1)
    assert min(after.values()) >= 0
    assert all(0 <= n.weight <= FULL for n in neighbours)


def test_a_move_teaches_at_once(v: vault.Vault) -> None:
    """After one move the next text like it follows, with its class's name as the reason; another text does not."""
    first = v.capture("plum sauce with tamarind and anise")
    assert first.classification is G
    v.move(first.id, "secret")
    verdict = v.classify("plum sauce with tamarind and ginger")
    assert (verdict.label, verdict.stage) == (S, "personal")
    assert "like 1 that you filed" in verdict.reasoning
    assert v.classify("train to Leeds at eight").label is G


def test_what_was_given_at_capture_and_what_was_confirmed_teach_too(v: vault.Vault) -> None:
    """`-c`, and an entry accepted in a review, count as a move does."""
    v.capture("notes on hive three and the queen", "confidential")
    assert v.classify("notes on hive four and the queen").label is CO
    e = v.capture("gate code for the party game tonight")
    assert e.classification is S
    v.confirm(v.move(e.id, "general").id)
    assert v.classify("gate code for the party game tomorrow").label is G


def test_the_correction_lives_in_its_class_alone(v: vault.Vault) -> None:
    """Its vectors go with it: the class it left holds none, and with its own class locked it does not count."""
    e = v.move(v.capture("plum sauce with tamarind and anise").id, "secret")
    general, secret = (v.opened.need(c).compartment for c in (G, S))
    assert general.carried(e.id) is None
    assert secret.carried(e.id) is not None
    text = v.reader._embedder.embed(["plum sauce with tamarind"])[0].tobytes()
    assert [c.entry for c in secret.consult("toy", [text]).chosen] == [e.id]
    assert not general.consult("toy", [text]).chosen
    v.lock([S])
    assert v.classify("plum sauce with tamarind and ginger").label is G


def test_what_is_kept_of_choices_is_never_old(v: vault.Vault) -> None:
    """Whatever changes an entry or its passages, here or in another process: a choice counts, or no longer, at once.

    Positive control: what was kept does say the same twice, and is not read again while nothing changes.
    """
    kept = v.opened.need(S).compartment
    asked = [v.reader._embedder.embed([text])[0].tobytes() for text in ("plum sauce with tamarind", "a blue bicycle")]

    def told(compartment: Compartment) -> list[list[tuple[str, float]]]:
        said = compartment.consult("toy", asked)
        return [[(said.chosen[place].text, round(cosine, 5)) for place, cosine in row] for row in said.near]

    def by_another() -> list[list[tuple[str, float]]]:
        other = opened._index(v.home, S, v.opened.need(S).keys)
        try:
            return told(other)
        finally:
            other.close()

    seen = []
    first = v.capture("plum sauce with tamarind and anise", "secret")
    seen += [(told(kept), by_another())]
    choices = kept._choices
    v.capture("nothing to do with it", "general")
    assert told(kept) == seen[-1][0]
    assert kept._choices is choices, "told of a file of another class, it keeps what it has"
    v.edit(first.id, text="a blue bicycle with a bell")
    seen += [(told(kept), by_another())]
    moved_in = v.move(v.capture("plum sauce with tamarind and ginger", "general").id, "secret")
    seen += [(told(kept), by_another())]
    v.delete(first.id)
    seen += [(told(kept), by_another())]
    v.restore(first.id)
    seen += [(told(kept), by_another())]
    v.embed_waiting()
    seen += [(told(kept), by_another())]
    other = opened._index(v.home, S, v.opened.need(S).keys)
    with other.db.transaction():
        other.db.execute("DELETE FROM passage WHERE entry = ?", [other.rowid(moved_in.id)])
    other.close()
    seen += [(told(kept), by_another())]
    assert all(here == there for here, there in seen)
    assert len({str(here) for here, _ in seen}) >= 4, "the steps do change what is told"


def test_what_is_kept_of_tags_is_of_the_model_in_use(v: vault.Vault) -> None:
    """After a change of model nothing worked out from the vectors of the other one is asked."""
    for text in ("plum sauce with tamarind", "plum jam"):
        v.capture(text, "secret", tags=["kitchen"])
    kept = v.opened.need(S).compartment
    asked = v.reader._embedder.embed(["plum"])[0].tobytes()
    assert [tag for tag, _ in kept.consult("toy", [asked]).tags[0]] == ["kitchen"]
    assert kept.use_model("another", 8)
    assert kept.consult("another", [np.eye(8, dtype="<f4")[0].tobytes()]).tags == ((),)


def test_a_rebuilt_index_has_learned_the_same(v: vault.Vault) -> None:
    """Corrections come from the sealed revisions: after a rebuild they count as before."""
    v.move(v.capture("plum sauce with tamarind and anise").id, "secret")
    before = v.why("plum sauce with tamarind and ginger")
    v.rebuild()
    v.embed_waiting()
    after = v.why("plum sauce with tamarind and ginger")
    assert after.verdict == before.verdict
    assert [(n.entry, n.classification) for n in after.neighbours] == [(n.entry, n.classification) for n in before.neighbours]


def test_moving_confirming_and_tagging_embed_nothing(v: vault.Vault) -> None:
    """Vectors are of title and body: what changes neither needs no model. A changed text does (positive control)."""
    e = v.capture("plum sauce with tamarind and anise")
    v.reader._embedder.embedded.clear()
    e = v.edit(v.confirm(v.move(e.id, "secret").id).id, tags=["food"])
    v.embed_waiting()
    assert not v.reader._embedder.embedded
    assert v.opened.need(S).compartment.carried(e.id) is not None
    v.edit(e.id, text="plum sauce without tamarind")
    assert v.reader._embedder.embedded


def test_a_class_locked_meanwhile_does_not_stop_a_capture(v: vault.Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was learned is welcome, not needed."""

    def gone(*_: object) -> None:
        raise Locked("locked meanwhile")

    monkeypatch.setattr(Compartment, "consult", gone)
    assert v.capture("anything").classification is G


def test_reasons_tell_what_led_to_it_and_nothing_of_the_text(v: vault.Vault) -> None:
    """Neighbours with their weights, the head alone, hits by kind; no word of the text, none of a neighbour's."""
    e = v.move(v.capture("plum sauce with tamarind and anise").id, "secret")
    reasons = v.why("plum sauce with tamarind and anise, door code is 84417")
    assert reasons.neighbours[0].entry == e.id
    assert reasons.neighbours[0].weight > 0
    assert reasons.head == row(S)
    assert reasons.hits
    assert not [word for word in ("84417", "tamarind", "anise") if word in repr(reasons)]


def test_a_tag_of_a_higher_class_is_not_told_below(v: vault.Vault) -> None:
    """A tag by meaning comes from classes at or below the text's; where they agree it is suggested (control)."""
    for n in range(3):
        v.capture(f"harbour walk with gulls and boats code {n}", "secret", tags=["affair"])
        v.capture(f"harbour walk with gulls and boats {n}", "general", tags=["strolls"])
    assert v.classify("harbour walk with gulls and rain").tags == ("strolls",)
    assert "affair" in v.why("harbour walk with gulls and boats, code").verdict.tags


def test_a_tag_spelt_otherwise_is_warned_about(v: vault.Vault) -> None:
    """A new tag that differs from one of yours in case, hyphens or plural is said; hashtags take your spelling."""
    v.capture("squats", "general", tags=["workout"])
    assert "workouts" in v.capture("lunges", "general", tags=["workouts"]).warnings[0]
    assert not v.capture("planks", "general", tags=["workout", "core"]).warnings
    assert v.classify("push-ups #Work-out").tags == ("workout",)


def test_recheck_proposes_and_moves_only_what_is_asked(v: vault.Vault) -> None:
    """After a correction the entries like it are proposed, and only they are read again; nothing moves by itself."""
    like = [v.capture(f"plum sauce with tamarind and anise {n}") for n in range(3)]
    v.capture("train to Leeds at eight")
    v.move(like[0].id, "secret")
    v.reader._embedder.embedded.clear()
    job = v.recheck()
    proposals = [p for page in job.pages() for p in page.proposals]
    assert {(p.entry.id, p.verdict.label) for p in proposals} == {(e.id, S) for e in like[1:]}
    assert set(v.reader._embedder.embedded) == {e.text for e in like[1:]}
    assert {v.get(e.id).classification for e in like[1:]} == {G}
    assert job.move(proposals[0]).classification is S
    assert v.get(proposals[1].entry.id).classification is G
    assert "personal" in v.get(proposals[0].entry.id).reasoning


def test_recheck_goes_on_where_it_stopped(v: vault.Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages with answers are not looked at again, until it was finished or something else judges."""
    monkeypatch.setattr("vault.preparing.BATCH", 4)
    for n in range(10):
        v.capture(f"note number {n} about nothing")
    seen: list[int] = []
    real = v.reader.recheck
    monkeypatch.setattr(v.reader, "recheck", lambda c, place, at, words: seen.append(at) or real(c, place, at, words))
    job = v.recheck()
    job.settle(next(job.pages()))
    stopped = seen[0] or 4
    seen.clear()
    list(v.recheck().pages())
    assert seen[0] == stopped
    v.recheck().finish()
    seen.clear()
    list(v.recheck().pages())
    assert seen[0] == 0
    job.settle(next(iter(v.recheck().pages())))
    v.reader.__dict__["_classifier"] = replace(v.reader._classifier, embedder_id="toy", policy=replace(v.reader._classifier.policy, fallback=S))
    seen.clear()
    list(v.recheck().pages())
    assert seen[0] == 0, "judged by other settings"


def test_the_least_certain_come_first(v: vault.Vault) -> None:
    """What nobody chose and nothing was sure of; a confirmation takes it off the list."""
    v.reader.__dict__["_classifier"] = Classifier()
    e = v.capture("a line that says nothing")
    v.capture("chosen", "general")
    assert [found.id for found in v.uncertain()] == [e.id]
    v.confirm(e.id)
    assert v.uncertain() == []


def test_weights_grow_with_nearness() -> None:
    """Nothing at the edge, all of it a quarter further; an entry too far to be asked about never counts."""
    at = lambda cosine: Neighbour("e", G, cosine, row(G)).weight  # noqa: E731
    assert at(NEAR - 0.1) == at(NEAR) == 0
    assert 0 < at(NEAR + 0.1) < at(NEAR + 0.2) < at(NEAR + SPAN) == pytest.approx(at(1.0))
    assert at(1.0) == FULL
    assert Neighbour("e", G, 0.99).weight == 0
    assert personal.MOST == 8
