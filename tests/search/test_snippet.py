"""Snippets: the right piece, marked, on one line, never empty, in linear time."""

import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.search.query import Query, parse
from vault.search.snippet import snippet

FILLER = "lorem ipsum dolor sit amet consectetur " * 40


def bare(shown: str) -> str:
    """What is shown without marks and ellipses."""
    return shown.replace("**", "").strip("…")


def marked(shown: str) -> list[str]:
    """The marked pieces, in order."""
    return re.findall(r"\*\*(.+?)\*\*", shown)


@pytest.mark.parametrize(
    ("body", "query", "expected"),
    [
        ("I was running home", "run", ["running"]),
        ("one run, many runs", "running", ["run", "runs"]),
        ("two libraries", "library", ["libraries"]),
        ("paste it past the pastes", "past", ["past"]),
        ("note, notes, noted", "notes", ["note", "notes", "noted"]),
        ("Café au lait", "cafe", ["Café"]),
        ("Cafe\u0301 au lait", "café", ["Café"]),
        ("kabo CAR scar cars", "car", ["CAR", "cars"]),
        ("edible edison led", "edi*", ["edible", "edison"]),
        ("an exact, phrase here", '"exact phrase"', ["exact, phrase"]),
        ("use std::vector now", "std::vector", ["std::vector"]),
        ("昨日東京タワーに行った", "東京タワー", ["東京タワー"]),
        ("call foo_bar()", "foo", ["foo"]),
        ("see [the docs](http://kabo.org/x)", "kabo", ["kabo"]),
    ],
)
def test_matches_are_marked(body, query, expected):
    """Stems, accents, case, prefixes, phrases and scripts without spaces are found as the search finds them."""
    assert marked(snippet(body, parse(query))) == expected


def test_the_window_with_the_most_different_words_wins():
    """A place with both words beats an earlier one with one word often."""
    body = f"kabo kabo kabo {FILLER} here kabo meets lumi {FILLER}"
    shown = snippet(body, parse("kabo lumi"))
    assert marked(shown) == ["kabo", "lumi"]
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(bare(shown)) <= 160


def test_markdown_noise_goes_and_bold_is_not_doubled():
    """Heading marks, fences, quotes, rules, link addresses and bold marks are not shown."""
    body = "# Title\n\n> quoted **kabo** and `code`\n\n---\n- [ ] a [link](http://x.org/y)\n```sh\nls *.py __init__\n```\n"
    assert snippet(body, parse("kabo")) == "Title quoted **kabo** and code a link ls *.py __init__"
    assert snippet("*kabo*", parse("kabo")) == "**kabo**"


def test_without_a_match_the_beginning_is_shown():
    """Found by meaning only: the first words, without repeating the title."""
    assert snippet("# My note\n\nThe first words.", parse("zuvix"), title="My note") == "The first words."
    assert snippet("The first words.", Query()) == "The first words."
    assert snippet("", Query(), title="Only a title") == "Only a title"
    assert snippet("***", Query()) != ""
    assert snippet("\n" * 100_000 + "deep", Query()) == "deep"


def test_a_character_is_never_torn_from_its_marks():
    """Cuts fall before a base character, not before its accents, joiners or skin tones."""
    for cluster in ("q\u0323\u0307", "👩\u200d👩\u200d👧", "👍\U0001f3fd", "\ud83d\ude00"):
        for lead in range(6):
            shown = bare(snippet("a" * lead + cluster * 300, Query(), limit=40))
            rest = shown[lead:]
            assert rest == cluster * (len(rest) // len(cluster)), (cluster, lead)


words = st.sampled_from(
    [
        "kabo",
        "lumi",
        "**kabo**",
        "*lumi*",
        "é",
        "e\u0301",
        "東京",
        "`",
        "[[a|b]]",
        "#",
        "\n",
        "](x)",
        "***",
        "🎉",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(words, max_size=120).map(" ".join) | st.text(max_size=300),
    st.sampled_from(["kabo", "lumi kabo", "東京", "e*", ""]),
)
def test_always_one_line_within_the_limit_and_never_empty(body, text):
    """For any body: one line, at most the limit without the marks, something whenever there is something."""
    shown = snippet(body, parse(text), limit=60)
    assert "\n" not in shown
    assert bool(shown) == bool(body.strip())
    assert shown.count("**") % 2 == 0
    assert len(shown.replace("**", "")) <= 60 + 12  # a cluster may hang over the cut
    if re.search(r"(?<!\w)kabo(?!\w)", body) and text == "kabo":
        assert marked(shown)


def test_what_is_shown_comes_from_the_body():
    """Nothing is invented: without marks the snippet is a run of the body's words."""
    body = " ".join(f"word{n}" for n in range(3000))
    shown = bare(snippet(body, parse("word1500")))
    assert shown.strip() in body
    assert "word1500" in shown


def _seconds(body: str) -> float:
    start = time.process_time()
    snippet(body, parse('kabo "lumi tarok" edi* 東京 running'))
    return time.process_time() - start


@pytest.mark.parametrize(
    "unit", ["a", "*", "[", "`", "\n", "- ", "run-", "lumi ", "e\u0301", "東", "[x](", "[[x|", "<!--", "ing"]
)
def test_a_mebibyte_of_anything_takes_linear_time(unit):
    """No body of 1 MiB makes the patterns backtrack (a quadratic one would take minutes)."""
    assert _seconds((unit * (1 << 20))[: 1 << 20]) < 2


def test_decomposed_text_is_shown_composed():
    """Accents in two characters come out in one, so that terminals draw them."""
    shown = snippet("e\u0301te\u0301", parse("été"))
    assert shown == "**été**"
    assert unicodedata.is_normalized("NFC", shown)
