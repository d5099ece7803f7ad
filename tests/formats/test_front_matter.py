"""Front matter read as if it were hostile, and the marks of a body."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.formats import front_matter, marks
from vault.formats.front_matter import UnreadableError
from vault.formats.values import number, read_json, tags_in, when, write_json

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_yaml_keeps_what_was_written():
    """Words, times, dates, leading zeros and long digits stay text; real numbers and lists are values."""
    front = "a: yes\nb: 12:30\nc: 007\nd: 2024-01-05\ne: [x, 'y']\nf:\n  - 1\n  - 1.10\n  - ~\ng: |\n  two\n  lines\nh:\ni: true\n"
    assert front_matter.read(front) == {
        "a": "yes", "b": "12:30", "c": "007", "d": "2024-01-05", "e": ["x", "y"],
        "f": [1, "1.10", None], "g": "two\nlines\n", "h": None, "i": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "front",
    [
        "a: &x [1]\nb: *x\n", "a: &x 1\n", "a: !!python/object/apply:os.system [id]\n", "a: !!binary aGk=\n",
        "a: !custom x\n", "a: 1\na: 2\n", "a: [\n", "[" * 60, "a: " + "[" * 20 + "x" + "]" * 20, "- a\n- b\n", "just words",
        "? [a]\n: b\n", "a: \x07\n", "a: \ud800\n", "a: '" + "x" * 70_000 + "'\n", "a: " + "[" * 100_000, "---\na: b\n---\nc: d\n",
    ],
)  # fmt: skip
def test_hostile_or_broken_front_matter_is_refused(front):
    """Aliases, tags, repeated keys, depth, size and syntax errors are one typed error."""
    with pytest.raises(UnreadableError):
        front_matter.read(front)


def test_positive_control_aliases_would_explode():
    """PyYAML's own safe loader accepts the alias bomb that ours refuses."""
    import yaml

    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcde", "bcdef", strict=True)
    )
    assert len(str(yaml.safe_load(bomb))) > 300
    with pytest.raises(UnreadableError):
        front_matter.read(bomb)


def test_where_front_matter_ends():
    """Only at the very beginning, closed by its own line, with any line ending; the body is verbatim."""
    assert front_matter.split("---\na: 1\n---\nbody\n") == ("a: 1\n", "body\n")
    assert front_matter.split("---\r\na: 1\r\n---\r\n\r\nbody") == ("a: 1\r\n", "\r\nbody")
    assert front_matter.split("---\na: 1\n---") == ("a: 1\n", "")
    assert front_matter.split("---\n---\nb") == ("", "b")
    assert front_matter.split("\n---\na: 1\n---\n") is None
    assert front_matter.split("---\na: 1\n") is None
    assert front_matter.split("text --- text") is None


@settings(max_examples=150, deadline=None)
@given(plain)
def test_our_own_lines_come_back_exactly(value):
    """Any plain JSON value survives a ``key: <JSON>`` line, and PyYAML's safe loader reads the line too."""
    import yaml

    line = f"key: {write_json(value)}\n"
    assert front_matter.read(line) == {"key": value}
    loaded = yaml.safe_load(line)
    if isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value):
        assert loaded["key"] == value


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="a: -[]{}&*!|>'\"\n#?%@`,~0.9e", max_size=60))
def test_any_front_matter_is_plain_json_or_refused(front):
    """Whatever stands there, the result is a JSON mapping or the one error."""
    try:
        table = front_matter.read(front)
    except UnreadableError:
        return
    assert all(isinstance(key, str) for key in table)
    json.dumps(table, allow_nan=False)


def test_numbers_are_kept_as_written():
    """A number that Python would write otherwise stays text."""
    assert [number(text) for text in ("1", "-7", "1.5", "1.10", "007", "1e999", "-0", "9" * 5000)] == [
        1, -7, 1.5, "1.10", "007", "1e999", "-0", "9" * 5000,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "[" * 100_000, "[" * 70 + "]" * 70, "{", ""])
def test_json_that_is_none_is_a_value_error(text):
    """NaN, depth and broken JSON are a ValueError, not a RecursionError."""
    with pytest.raises(ValueError):
        read_json(text)


def test_times_in_the_forms_that_tools_write():
    """ISO with and without zone, slashes, Unix seconds and milliseconds; nonsense is None."""
    moment = when("2024-01-05T10:30:00Z")
    assert moment
    assert [
        when(v) for v in ("2024-01-05 12:30 +0200", 1704450600, 1704450600000, "2024/01/05 10:30:00+00:00")
    ] == [moment] * 4
    assert when("2024-01-05")
    for value in ("soon", "2024-13-01", "", None, True, [], 1e300, float("nan"), "0001-01-01T00:00:00+23:59"):
        assert when(value) is None


def test_tags_in_any_form():
    """A list, a comma string, a string of ``#tags``, numbers; blanks and ``#`` go."""
    assert tags_in(["#a", " b c ", 2024, None, {}, ""]) == ["a", "b c", "2024"]
    assert tags_in("a, #b,, machine learning") == ["a", "b", "machine learning"]
    assert tags_in("#a #b/c") == ["a", "b/c"]
    assert tags_in(7) == []


def test_tags_and_links_outside_code_only():
    """Inline tags need a blank before, a letter inside, and no code around; links lose alias and section."""
    found = marks.scan(
        "text\n## Heading ##\n#a/b and #tag, `#no` http://x#no ``a ` #no`` #123 #y2024 (#no) c#\n"
        "~~~sh\n#no\n```\n# no\n~~~\n```\n#no [[no]]\n```` \n#yes [[Note#part|alias]] ![[Note]] [[image.png]] `[[no]]`\n"
    )
    assert found.heading == "Heading"
    assert found.tags == ("a/b", "tag", "y2024", "yes")
    assert found.links == ("Note", "image.png")


def test_headings_of_both_kinds():
    """``# x``, ``x`` underlined; not in a fence, not a tag, not a list item over a rule."""
    assert marks.scan("Title\n=====\n# later").heading == "Title"
    assert marks.scan("```\n# no\n```\n# yes #").heading == "yes"
    assert marks.scan("#no\n- item\n---\n# C#").heading == "C#"


@pytest.mark.parametrize("unit", ["` ", "`", "#", "#a ", "[[", "[[a]]", "~~~\n", "a\n=\n", "``` `\n"])
def test_a_mebibyte_of_marks_takes_linear_time(unit):
    """No body makes the scanner quadratic."""
    start = time.process_time()
    marks.scan((unit * (1 << 20))[: 1 << 20])
    marks.scan("".join("`" * n + " " for n in range(1400)))
    assert time.process_time() - start < 3
