"""Sets of three shapes become documents, questions and relevant ids."""

import io
import json
import tarfile
from datetime import datetime
from pathlib import Path

import pytest
from evalset import HALVES, Question
from loaders import load

TALK = {
    "sample_id": "ada-bo",
    "conversation": {
        "speaker_a": "Ada",
        "speaker_b": "Bo",
        "session_2_date_time": "1:56 pm on 8 May, 2023",
        "session_2": [{"speaker": "Bo", "dia_id": "D2:1", "text": "It rained."}],
        "session_1_date_time": "9:05 am on 1 May, 2023",
        "session_1": [
            {"speaker": "Ada", "dia_id": "D1:1", "text": "I bought a kayak.", "blip_caption": "a red kayak"},
            {"speaker": "Bo", "dia_id": "D1:2", "text": "Lovely!"},
        ],
    },
    "qa": [
        {"question": "What did Ada buy?", "answer": "a kayak", "evidence": ["D1:1"], "category": 4},
        {"question": "What happened?", "evidence": ["D1:2; D2:1"], "category": 1},
        {"question": "Nothing says this", "evidence": ["D9:9"], "category": 3},
        {"question": "Nor this", "evidence": [], "category": 5},
    ],
}


def lines(*rows: object) -> str:
    """*rows* as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_notes_beside_their_queries(tmp_path: Path):
    """A folder and an archive of Markdown are the same set; a judgement of a note that is not there is dropped."""
    queries = lines({"id": "q1", "kind": "typo", "query": "kayk", "relevant": ["a/kayak.md", "gone.md"]})
    (tmp_path / "n_queries.jsonl").write_text(queries, encoding="utf-8")
    (tmp_path / "n" / "a").mkdir(parents=True)
    (tmp_path / "n" / "a" / "kayak.md").write_text("# Kayak", encoding="utf-8")
    (tmp_path / "m_queries.jsonl").write_text(queries, encoding="utf-8")
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("a/kayak.md")
        member.size = 7
        tar.addfile(member, io.BytesIO(b"# Kayak"))
    (folder,), (archive,) = load(tmp_path / "n_queries.jsonl"), load(tmp_path / "m_queries.jsonl")
    assert folder.documents == archive.documents
    assert [d.id for d in folder.documents] == ["a/kayak.md"]
    assert folder.questions == (Question("q1", "typo", "kayk", frozenset({"a/kayak.md"})),)


def test_conversations_by_turn_and_by_session(tmp_path: Path):
    """Turns keep speaker, caption, order and date; sessions hold all their turns; evidence follows the level."""
    path = tmp_path / "talks.json"
    path.write_text(json.dumps([TALK]), encoding="utf-8")
    turns, sessions = (found.parts[0] for found in load(path))
    assert [d.id for d in turns.documents] == ["D1:1", "D1:2", "D2:1"]
    assert turns.documents[0].text == "Ada: I bought a kayak. (shares a red kayak)"
    assert turns.documents[2].created == datetime(2023, 5, 8, 13, 56).astimezone()
    assert [(q.kind, sorted(q.relevant)) for q in turns.questions] == [
        ("single-hop", ["D1:1"]),
        ("multi-hop", ["D1:2", "D2:1"]),
    ]
    assert [d.id for d in sessions.documents] == ["D1", "D2"]
    assert "Bo: Lovely!" in sessions.documents[0].text
    assert [sorted(q.relevant) for q in sessions.questions] == [["D1"], ["D1", "D2"]]


@pytest.mark.parametrize("table", ["qrels.tsv", "qrels/test.tsv"])
def test_beir(tmp_path: Path, table: str):
    """Only positive judgements count, wherever the table lies; a query without one is left out."""
    (tmp_path / "corpus.jsonl").write_text(
        lines({"_id": "1", "title": "Tea", "text": "Leaves."}, {"_id": 2, "title": "", "text": "Beans."}), encoding="utf-8"
    )
    (tmp_path / "queries.jsonl").write_text(
        lines({"_id": "a", "text": "tea?"}, {"_id": "b", "text": "none"}), encoding="utf-8"
    )
    (tmp_path / table).parent.mkdir(exist_ok=True)
    (tmp_path / table).write_text("query-id\tcorpus-id\tscore\na\t1\t1\na\t2\t0\nb\t2\t0\n", encoding="utf-8")
    (found,) = load(tmp_path)
    assert [(d.id, d.title) for d in found.documents] == [("1", "Tea"), ("2", None)]
    assert [(q.id, q.relevant) for q in found.questions] == [("a", frozenset({"1"}))]


def test_an_unknown_shape_is_refused(tmp_path: Path):
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="want"):
        load(tmp_path)


def test_halves_are_fixed_and_about_even():
    """The same question is always in the same half, and neither half starves."""
    halves = [Question(f"q{n:03}", "", "", frozenset("d")).half for n in range(200)]
    assert halves[:6] == [Question(f"q{n:03}", "", "", frozenset("e")).half for n in range(6)]
    assert {half: 70 < halves.count(half) < 130 for half in HALVES} == dict.fromkeys(HALVES, True)
