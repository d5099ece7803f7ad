"""The query language: what each form means, that nothing raises, and what SQLite makes of it."""

import sqlite3
import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.classification import Classification
from vault.search.query import (
    MAX_CHARACTERS,
    MAX_TOKENS,
    Filters,
    Query,
    filters,
    fts_words,
    parse,
)

NOW = datetime(2026, 11, 18, 12, 0).astimezone()  # a Wednesday
VOCABULARY = ("kabo", "lumi", "tarok", "zuvix", "pelmo")


def table(tokenizer: str, rows: list[tuple[str, str]]) -> sqlite3.Connection:
    """A full-text table of (title, body) rows, numbered from 0."""
    db = sqlite3.connect(":memory:")
    db.execute(f'CREATE VIRTUAL TABLE t USING fts5 (title, tags, body, tokenize="{tokenizer}")')
    db.executemany(
        "INSERT INTO t (rowid, title, tags, body) VALUES (?, ?, '', ?)",
        [(n, *row) for n, row in enumerate(rows)],
    )
    return db


def words_table(*rows: tuple[str, str]) -> sqlite3.Connection:
    """The table with stemmed words, as a compartment has it."""
    return table("porter unicode61 remove_diacritics 2", list(rows))


def trigram_table(*rows: tuple[str, str]) -> sqlite3.Connection:
    """The table with trigrams, as a compartment has it."""
    return table("trigram", list(rows))


def found(db: sqlite3.Connection, match: str | None) -> list[int]:
    """Row numbers, best first."""
    assert match is not None
    return [row for (row,) in db.execute("SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank", [match])]


def test_every_form_of_the_language_goes_to_its_place():
    """The sentence that documents the language is read field by field."""
    query = parse(
        'tesla OR edison -car "exact phrase" edi* title:coil tag:#Work class:secret source:shell '
        "after:2026-01 before:2026-06 has:attachment -tag:old -source:mail",
        NOW,
    )
    assert query.words == ("tesla", "edison")
    assert query.prefixes == ("edi",)
    assert query.required == ("exact phrase",)
    assert query.excluded == ("car",)
    assert query.title == ("coil",)
    assert query.tags == ("work",)
    assert query.not_tags == ("old",)
    assert query.classes == {Classification.SECRET}
    assert query.sources == ("shell",)
    assert query.not_sources == ("mail",)
    assert query.after == datetime(2026, 1, 1).astimezone()
    assert query.before == datetime(2026, 6, 1).astimezone()
    assert query.has == {"attachment"}
    assert query.text == "tesla edison exact phrase edi"
    assert query.notes == ()
    assert query.has_text


def test_on_is_one_day_and_repeated_dates_narrow():
    """``on:`` gives both ends; of several dates the narrower counts."""
    query = parse("on:2026-03-02 after:2025 before:2027", NOW)
    assert query.after == datetime(2026, 3, 2).astimezone()
    assert query.before == datetime(2026, 3, 3).astimezone()


@pytest.mark.parametrize(
    "text", ["std::vector", "http://x.org/a?b", "12:30", "foo:bar", "--amend", "title:", "c:"]
)
def test_an_unknown_field_is_plain_text(text):
    """A colon or a double dash in a word is not an operator, and no note is needed."""
    assert parse(text, NOW) == Query(words=(text,), text=text)


@pytest.mark.parametrize("text", ["class:bogus", "after:someday", "on:2026-02-30", "has:legs"])
def test_a_value_that_does_not_exist_is_text_with_a_note(text):
    """A misspelt value is searched as text and the person is told."""
    query = parse(text, NOW)
    assert query.words == (text,)
    assert len(query.notes) == 1
    assert text in query.notes[0]
    assert query.classes is None
    assert query.after is None


def test_what_cannot_be_excluded_is_ignored_with_a_note():
    """``-title:`` never turns into its opposite."""
    query = parse("lumi -title:kabo", NOW)
    assert query.words == ("lumi",)
    assert query.title == query.excluded == ()
    assert query.notes


def test_classes_unite_and_exclude():
    """Several classes are any of them; an excluded one is taken from all; a contradiction is empty."""
    assert parse("class:secret class:gen").classes == {Classification.SECRET, Classification.GENERAL}
    assert parse("-class:ultrasecret").classes == set(Classification) - {Classification.ULTRASECRET}
    assert parse("class:secret -class:secret").classes == frozenset()
    assert parse("kabo").classes is None


def test_quotes_count_only_in_pairs_at_the_start_of_a_token():
    """Inches and a forgotten quote do not swallow the query; typographic quotes work."""
    assert parse('5" x 7"').required == ()
    assert parse('"kabo lumi').words == ("kabo", "lumi")
    assert parse("“kabo lumi”").required == ("kabo lumi",)
    assert parse('-"kabo lumi"').excluded == ("kabo lumi",)


def test_stop_words_rank_nothing_unless_alone():
    """Common words leave the OR but not the text for the embedder, and stay when they are all there is."""
    query = parse("how to reset the Router und der Drucker")
    assert query.words == ("reset", "Router", "Drucker")
    assert query.text == "how to reset the Router und der Drucker"
    assert parse("to be or not to be").words == ("not",)
    assert parse("the who").words == ("the", "who")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Tobias's kite", ("Tobias", "kite")),
        ("Tobias’s kite?", ("Tobias", "kite")),
        ("didn't she call him", ("call",)),
        ("who's there, Ada?", ("Ada",)),
        ("'tis so", ("'tis",)),
    ],
)
def test_endings_after_an_apostrophe_are_left_out(text, words):
    """A genitive is its noun, and a contracted common word is common; what is embedded stays as typed."""
    query = parse(text, NOW)
    assert query.words == words
    assert query.text == text


@pytest.mark.parametrize(
    "text",
    ["ls -l files", "chrome --headless -dump", "sqlite3 :memory: -dump", "jq '.a' -dump", "echo $HOME -dump", "a | b -dump"],
)
def test_options_of_a_command_are_text(text):
    """A single letter, or a word beside what only a command line has, is not excluded; a note says how to."""
    query = parse(text, NOW)
    assert query.excluded == ()
    option = "l" if " -l" in text else "dump"
    assert option in query.words
    assert query.notes == (f'-{option} was searched as text; -"{option}" excludes it',)


@pytest.mark.parametrize("text", ["docker -compose", 'jq \'.a\' -"dump"', '"custom subdomain" -fly', "whisper mp3 -youtube"])
def test_ordinary_exclusions_still_exclude(text):
    """Beside plain words and phrases, and always in quotes."""
    query = parse(text, NOW)
    assert len(query.excluded) == 1
    assert query.notes == ()


def test_the_word_or_is_text_at_the_edges():
    """``OR`` is an operator only between two terms."""
    assert parse("kabo OR lumi").words == ("kabo", "lumi")
    assert parse("Portland OR").words == ("Portland",)
    assert parse("OR").words == ("OR",)


def test_bounds_cut_and_say_so():
    """1,000 characters and 32 terms are read, the rest is cut with a note."""
    query = parse(" ".join(f"w{n}" for n in range(200_000)))
    assert len(query.words) == MAX_TOKENS
    assert len(query.notes) == 2
    assert len(parse("x" * 5000).words[0]) == MAX_CHARACTERS
    assert parse("x" * MAX_CHARACTERS).notes == ()


def test_without_positive_text_there_is_nothing_to_match():
    """Filters and exclusions alone give no MATCH expression; the exclusion is still among the filters."""
    query = parse("tag:work -kabo")
    assert not query.has_text
    assert fts_words(query) is None
    assert filters(query) == Filters(None, None, '"kabo"', None)


def test_optional_words_rank_and_required_ones_decide():
    """Beside a phrase a bare word only orders; exclusion removes."""
    db = words_table(("", "lumi kabo"), ("", "kabo tarok pelmo"), ("", "tarok"), ("", "kabo lumi tarok"))
    assert set(found(db, fts_words(parse("tarok kabo")))) == {0, 1, 2, 3}
    assert found(db, fts_words(parse('tarok "kabo lumi"'))) == [3]
    assert set(found(db, fts_words(parse('"kabo" pelmo')))) == {0, 1, 3}
    assert found(db, fts_words(parse('"kabo" pelmo')))[0] == 1
    assert set(found(db, fts_words(parse("kabo -lumi")))) == {1}


def test_title_prefix_stem_and_accents():
    """``title:`` looks only there; ``*`` is a beginning; endings and accents do not matter."""
    db = words_table(
        ("Kabo notes", "nothing"), ("other", "kabo runs"), ("", "Café running"), ("", "kabolumi")
    )
    assert found(db, fts_words(parse("title:kabo"))) == [0]
    assert found(db, fts_words(parse("title:ka*"))) == [0]
    assert found(db, fts_words(parse('title:"kabo notes"'))) == [0]
    assert set(found(db, fts_words(parse("kabo*")))) == {0, 1, 3}
    assert set(found(db, fts_words(parse("run")))) == {1, 2}
    assert found(db, fts_words(parse("cafe"))) == [2]
    assert set(found(db, fts_words(parse("kabo* -run")))) == {0, 3}


def test_filters_are_split_by_the_table_that_can_judge_them():
    """Words are judged by the word table, scripts without spaces by the trigram table."""
    assert filters(parse('"kabo lumi" title:tarok "東京タワー" -zuvix -大阪城だ pelmo')) == Filters(
        words='"kabo lumi" AND title : "tarok"',
        trigram='"東京タワー"',
        not_words='"zuvix"',
        not_trigram='"大阪城だ"',
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=6), min_size=1, max_size=8),
    st.lists(st.sampled_from(VOCABULARY), max_size=3),
    st.lists(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=2), max_size=2),
    st.lists(st.sampled_from(VOCABULARY), max_size=2),
)
def test_sqlite_finds_what_the_definition_says(notes, optional, phrases, excluded):
    """For words that no stemmer touches, the word table agrees with the definition of the language."""
    text = " ".join(
        [*optional, *(f'"{" ".join(phrase)}"' for phrase in phrases), *(f"-{word}" for word in excluded)]
    )
    bodies = [" ".join(note) for note in notes]
    wanted = {
        number
        for number, body in enumerate(bodies)
        if all(f" {' '.join(phrase)} " in f" {body} " for phrase in phrases)
        and not any(word in body.split() for word in excluded)
        and (phrases or any(word in body.split() for word in optional))
    }
    query = parse(text)
    if not query.has_text:
        assert fts_words(query) is None
        return
    assert set(found(words_table(*(("", body) for body in bodies)), fts_words(query))) == wanted


SYNTAX = st.lists(
    st.sampled_from(
        ['"', "*", "-", ":", "(", ")", "NEAR(", "AND", "NOT", "OR", "^", "+", "{", "}", "title:", "body:", "-title:", "class:",
         "on:", "tag:#", "a", "東京", "é", "\0", "\ud800", "'", ";--", " ", "\n", "“", "kabo", "…", "🎉", "\u0301", "rowid"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        SYNTAX, st.text(max_size=80), st.text(st.characters(categories=["Cs", "Cc", "Co", "Lo"]), max_size=40)
    )
)
def test_no_query_ever_raises(text):
    """Any text at all parses, and every expression made of it is accepted by FTS5."""
    query = parse(text, NOW)
    for db, expressions in (
        (words_table(("kabo", "lumi")), (fts_words(query), filters(query).words, filters(query).not_words)),
        (
            trigram_table(("kabo", "lumi")),
            (filters(query).trigram, filters(query).not_trigram),
        ),
    ):
        for expression in expressions:
            if expression is not None:
                found(db, expression)
    query.text.encode()


@pytest.mark.parametrize("text", ['"', "a AND", "nobody:a", "(", "a NEAR(", "x:y", "don't", '"nul\0l"'])
def test_positive_control_raw_text_would_raise(text):
    """The same table refuses raw text: the quoting is what makes the test above pass."""
    with pytest.raises((sqlite3.Error, ValueError)):
        found(words_table(("a", "a")), text)
    expression = fts_words(parse(text))
    if expression:
        found(words_table(("a", "a")), expression)


def test_a_query_of_megabytes_is_read_at_once():
    """200,000 tokens cost no more than 32."""
    start = time.process_time()
    parse('a:"b" -c ' * 200_000)
    assert time.process_time() - start < 1


def test_the_documented_queries_are_understood():
    """Every example of ``docs/query.md`` parses without a note, and every field it names is one."""
    page = (Path(__file__).parents[2] / "docs" / "query.md").read_text(encoding="utf-8")
    examples = page.split("```")[1].strip().splitlines()
    table = [code for line in page.split("## Fields")[1].split("##")[0].splitlines() if line.startswith("| `")
             for code in line.split("|")[1].split("`")[1::2]]  # fmt: skip
    assert len(examples) > 5
    assert len(table) > 14
    for example in examples:
        assert parse(example, NOW).notes == ()
    for example in table:
        query = parse(example, NOW)
        assert query != Query(words=(example,), text=example)
        assert (query.notes, query.words) == ((), ())
    forms = [code for line in page.split("## Dates")[1].split("##")[0].splitlines() if line.startswith("| `")
             for code in line.split("|")[1].split("`")[1::2]]  # fmt: skip
    assert len(forms) > 15
    assert all(parse(f"on:{form}", NOW).after for form in forms)
