"""From a query to what the word leg looks for: for every typed word, the words that may stand for it.

A typed word counts in full, an irregular form of it nearly so, a synonym and the parts of a compound name less
(the weights were chosen with `bench/eval`). Of the alternatives in one entry the
best counts, so that an entry with a word and its synonym gains nothing over one with the word.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vault.compartment.parts import HUMP, pairs, spaceless
from vault.search.query import Query, fts_words, is_spaceless
from vault.search.synonyms import Expansions, forms

FORM = 0.8
"""Weight of an irregular form."""
SYNONYM = 0.4
PART = 0.3
"""Weight of a part of ``snake_case``, ``camelCase``, ``a.dotted.name`` or a path."""
_PIECE = re.compile(r"[^\W_]+")
_LEAST_PART = 2  # letters


@dataclass(frozen=True, slots=True)
class Group:
    """One thing asked for."""

    match: str
    """The FTS5 expression of what was typed."""
    word: str = ""
    """The word typed; empty for phrases, prefixes and title terms."""
    others: Mapping[str, float] = field(default_factory=dict)
    """FTS5 expression of an alternative → its weight, below 1."""
    parts: tuple["Group", ...] = ()
    """What a compound name is made of; looked for in its place where no entry holds it as it is."""

    def corrected(self, match: str, weight: float) -> "Group":
        """This group with one more alternative, for a word that no entry holds."""
        return replace(self, others={**self.others, match: weight})


def groups(query: Query, synonyms: Expansions) -> list[Group]:
    """What the word leg looks for; required phrases and title terms rank too."""
    found = [_of_word(word, synonyms) for word in query.words]
    plain = (
        *(Query(required=(phrase,)) for phrase in query.required),
        *(Query(title=(term,)) for term in query.title),
    )
    matches = (*map(prefix_match, query.prefixes), *(fts_words(each) or "" for each in plain))
    return [group for group in (*found, *map(Group, matches)) if group.match]


def _of_word(word: str, synonyms: Expansions) -> Group:
    if is_spaceless(word):
        return Group(" AND ".join(map(_pairs_match, spaceless(word))), word)
    others: dict[str, float] = {}
    pieces = _PIECE.findall(word)
    single = len(pieces) == 1
    if single:
        key = word.casefold()
        others |= dict.fromkeys(map(word_match, synonyms.get(key, ())), SYNONYM)
        if key.endswith("s") and key not in synonyms:  # a plural has the synonyms of its singular
            others |= dict.fromkeys(map(word_match, synonyms.get(key[:-1], ())), SYNONYM)
        others |= dict.fromkeys(map(word_match, forms().get(key, ())), FORM)
    parts = [part for piece in pieces for part in HUMP.split(piece)]
    if len(parts) > 1:
        if len(parts) > len(pieces):  # humps: the same name may stand there in words
            others[word_match(" ".join(parts))] = FORM
        others |= dict.fromkeys((word_match(part) for part in parts if len(part) >= _LEAST_PART), PART)
    match = word_match(word)
    others.pop(match, None)
    separate = [Group(word_match(part), part) for part in parts if len(part) >= _LEAST_PART]
    return Group(match, word, others, tuple(separate) if len(parts) > 1 else ())


def _pairs_match(run: str) -> str:
    """A stretch without spaces as the column ``parts`` holds it; a single character begins a pair."""
    return f'"{" ".join(list(pairs(run))[:-1])}"' if len(run) > 1 else f'"{run}" *'


def prefix_match(prefix: str) -> str:
    """Words that begin with *prefix* as an FTS5 expression; empty where none can."""
    return fts_words(Query(prefixes=(prefix,))) or ""


def word_match(word: str) -> str:
    """*word* (or words side by side) as an FTS5 expression; safe for any text."""
    return fts_words(Query(words=(word,))) or ""
