"""Words of the index that a misspelt word may have meant.

The vocabulary holds stems, so the typed word is stemmed by the same tokenizer, in a table of memory that belongs to
the connection. The distance is that of Damerau and Levenshtein in its restricted form: a letter wrong, missing, too
many, or two neighbours swapped. Source: Damerau, "A technique for computer detection and correction of spelling
errors", 1964, who found four in five misspellings to be one such slip.
"""

from collections.abc import Sequence

from vault.compartment.database import Database

SLIPS = ((4, 1), (8, 2))
"""From so many letters, so many slips; a shorter word is not corrected."""
NEAREST = 3
"""Words returned for one."""
ENDINGS = (
    *("icate", "ication", "ation", "ating", "ated", "ate", "ing", "ions", "ion", "ed", "es", "s"),
    *("ment", "ness", "able", "ible", "ally", "al", "ive", "ized", "ize", "er", "ly", "ity"),
)
"""A slip inside a word can keep the stemmer from taking these off, so they are also taken off here."""
LEAST_STEM = 5
"""Letters that must be left."""
MAX_READ = 50_000
"""Words of the vocabulary looked at for one."""

Near = tuple[str, int, int]
"""(word of the index, slips, entries that hold it)."""


def near(db: Database, words: Sequence[str]) -> dict[str, list[Near]]:
    """Typed word → the words nearest to it, nearest and then most frequent first; none for short words."""
    found = {}
    for word, stem in _stems(db, words).items():
        allowed = max((slips for least, slips in SLIPS if len(stem) >= least), default=0)
        if allowed:
            found[word] = _nearest(db, [stem, *_shorter(word.casefold())], allowed)
    return found


def _shorter(word: str) -> list[str]:
    """*word* without each ending that it may have."""
    bases = [word.removesuffix(ending) for ending in ENDINGS if word.endswith(ending)]
    return [base for base in dict.fromkeys(bases) if len(base) >= LEAST_STEM]


def _stems(db: Database, words: Sequence[str]) -> dict[str, str]:
    """Each of *words* that is one word to the tokenizer, as the index would hold it."""
    db.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.typed "
        "USING fts5 (word, tokenize='porter unicode61 remove_diacritics 2')"
    )
    db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.typed_stems USING fts5vocab (temp, typed, instance)")
    db.executemany("INSERT INTO temp.typed (rowid, word) VALUES (?, ?)", enumerate(words))
    stems: dict[int, list[str]] = {}
    for number, stem in db.rows("SELECT doc, term FROM temp.typed_stems"):
        stems.setdefault(number, []).append(stem)
    db.execute("DELETE FROM temp.typed")
    return {words[number]: found[0] for number, found in stems.items() if len(found) == 1}


def _nearest(db: Database, stems: Sequence[str], allowed: int) -> list[Near]:
    """A first letter is seldom wrong, but it may be swapped with the second, missing or too many."""
    found: dict[str, Near] = {}
    for letter in dict.fromkeys(stems[0][:2]):
        rows = db.rows(
            "SELECT term, doc FROM vocabulary WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ? LIMIT ?",
            [letter, chr(ord(letter) + 1), min(map(len, stems)) - allowed, max(map(len, stems)) + allowed, MAX_READ],
        )
        for stem in stems:
            letters = set(stem)
            most = allowed if stem == stems[0] else 1
            for term, hits in rows:
                if abs(len(term) - len(stem)) <= most and len(letters.symmetric_difference(term)) <= 2 * most:
                    slips = max(distance(stem, term), 1)
                    if slips <= most and (term not in found or slips < found[term][1]):
                        found[term] = (term, slips, hits)
    return sorted(found.values(), key=lambda row: (row[1], -row[2], row[0]))[:NEAREST]


def distance(one: str, other: str) -> int:
    """Letters wrong, missing, too many or swapped between two words."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, row, before = before, [i], row
        for j, b in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if last and j > 1 and a == other[j - 2] and b == one[i - 2]:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
