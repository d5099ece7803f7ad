"""Retrieval sets of three public shapes, read into the neutral form.

* Notes: ``X_queries.jsonl`` (``id, kind, query, relevant``) beside ``X.tar.gz`` or a folder ``X`` of Markdown.
* Conversations as in LoCoMo: one JSON list of samples (``sample_id``, ``conversation.session_N`` with
  ``dia_id, speaker, text``, ``session_N_date_time``, ``qa`` with ``question, evidence, category``). Read twice:
  a document a turn, and a document a session. Source: Maharana et al., "Evaluating Very Long-Term
  Conversational Memory of LLM Agents", 2024.
* BEIR: a folder with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels.tsv`` (or ``qrels/test.tsv``). Source:
  Thakur et al., "BEIR: A Heterogenous Benchmark for Zero-shot Evaluation of Information Retrieval Models", 2021.

Questions without a relevant document that exists are left out: they say nothing about retrieval.
"""

import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from evalset import Document, EvalSet, Question

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
"""LoCoMo's numbers of question kinds."""
_EVIDENCE = re.compile(r"D(\d+):(\d+)")
_SESSION = re.compile(r"session_(\d+)$")
_NOTES = "_queries.jsonl"


def load(path: Path) -> list[EvalSet]:
    """The set or sets at *path*, by their shape.

    Raises:
        ValueError: no shape known here; OSError: not readable.
    """
    if path.name.endswith(_NOTES):
        return [_with_known(notes(path))]
    if path.is_dir() and (path / "corpus.jsonl").exists():
        return [_with_known(beir(path))]
    if path.suffix == ".json":
        return [turns(path), sessions(path)]
    raise ValueError(f"{path}: want X{_NOTES}, a folder with corpus.jsonl, or a .json of conversations")


def notes(path: Path) -> EvalSet:
    """Markdown notes and typed queries over them."""
    name = path.name.removesuffix(_NOTES)
    documents = tuple(Document(key, text) for key, text in _markdown(path.with_name(name)))
    questions = tuple(
        Question(str(row["id"]), row.get("kind", "all"), row["query"], frozenset(row["relevant"]))
        for row in _rows(path)
    )
    return EvalSet(name, documents, questions)


def beir(path: Path) -> EvalSet:
    """A corpus of titled documents, queries, and judgements in a table."""
    documents = tuple(
        Document(str(row["_id"]), row["text"] or row.get("title", ""), title=row.get("title") or None)
        for row in _rows(path / "corpus.jsonl")
    )
    judged: dict[str, set[str]] = {}
    table = next(p for p in (path / "qrels.tsv", path / "qrels" / "test.tsv") if p.exists())
    for line in table.read_text(encoding="utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        if int(score) > 0:
            judged.setdefault(query, set()).add(document)
    questions = tuple(
        Question(str(row["_id"]), row.get("metadata", {}).get("kind", "all"), row["text"], frozenset(found))
        for row in _rows(path / "queries.jsonl")
        if (found := judged.get(str(row["_id"])))
    )
    return EvalSet(path.name, documents, questions)


def turns(path: Path) -> EvalSet:
    """A document a turn, ``Speaker: text``; each conversation is asked on its own."""
    return _conversations(path, "turns", _turns, lambda session, turn: f"D{session}:{turn}")


def sessions(path: Path) -> EvalSet:
    """A document a session, with all its turns."""
    return _conversations(path, "sessions", _sessions, lambda session, _turn: f"D{session}")


def _conversations(path: Path, level: str, documents: Any, key: Any) -> EvalSet:
    groups = []
    for number, sample in enumerate(json.loads(path.read_text(encoding="utf-8"))):
        name = str(sample.get("sample_id", number))
        questions = tuple(
            Question(f"{name}-{i}", CATEGORIES.get(qa.get("category"), "all"), str(qa["question"]), _relevant(qa, key))
            for i, qa in enumerate(sample["qa"])
        )
        groups.append(_with_known(EvalSet(name, tuple(documents(name, sample["conversation"])), questions)))
    return EvalSet(f"{path.stem}/{level}", (), (), tuple(groups))


def _relevant(qa: dict[str, Any], key: Any) -> frozenset[str]:
    return frozenset(key(*pair) for evidence in qa.get("evidence") or () for pair in _EVIDENCE.findall(str(evidence)))


def _turns(name: str, conversation: dict[str, Any]) -> Iterator[Document]:
    for session, when, said in _in_order(conversation):
        for turn in said:
            yield Document(turn["dia_id"], _line(turn), title="", created=when, context=f"{name} {session}")


def _sessions(name: str, conversation: dict[str, Any]) -> Iterator[Document]:
    for session, when, said in _in_order(conversation):
        number = session.removeprefix("session_")
        yield Document(f"D{number}", "\n".join(map(_line, said)), title="", created=when, context=name)


def _line(turn: dict[str, Any]) -> str:
    caption = turn.get("blip_caption")
    shared = f" (shares {caption})" if caption else ""
    return f"{turn['speaker']}: {turn['text']}{shared}"


def _in_order(conversation: dict[str, Any]) -> Iterator[tuple[str, datetime | None, list[dict[str, Any]]]]:
    numbers = sorted(int(found[1]) for key in conversation if (found := _SESSION.match(key)))
    for number in numbers:
        key = f"session_{number}"
        yield key, _moment(conversation.get(f"{key}_date_time", "")), conversation[key]


def _moment(text: str) -> datetime | None:
    """``1:56 pm on 8 May, 2023`` in local time."""
    try:
        return datetime.strptime(text.strip(), "%I:%M %p on %d %B, %Y").astimezone()
    except ValueError:
        return None


def _with_known(found: EvalSet) -> EvalSet:
    """Without judgements of documents that are not there, and without questions that lost all of theirs."""
    known = {d.id for d in found.documents}
    kept = [replace(q, relevant=q.relevant & known) for q in found.questions if q.relevant & known]
    return replace(found, questions=tuple(kept))


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def _markdown(base: Path) -> Iterator[tuple[str, str]]:
    """(path below *base*, text) of every note in the folder *base*, or in ``base.tar.gz``."""
    if base.is_dir():
        for path in sorted(base.rglob("*.md")):
            yield path.relative_to(base).as_posix(), path.read_text(encoding="utf-8", errors="replace")
        return
    with tarfile.open(base.with_name(base.name + ".tar.gz"), "r|gz") as tar:  # a stream: seeking starts over each time
        for member in tar:
            if member.name.endswith(".md") and (file := tar.extractfile(member)):
                yield member.name, file.read().decode("utf-8", "replace")
