"""Synonyms of one's own, and what a file of them may hold."""

from pathlib import Path

import pytest

from vault.config import config_path
from vault.errors import InvalidInput
from vault.search.query import parse
from vault.search.synonyms import FILE, forms, synonyms
from vault.search.terms import FORM, PART, SYNONYM, groups


def write(text: str) -> Path:
    """A file of one's own beside the configuration."""
    path = config_path().with_name(FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_own_groups_add_to_the_built_in_ones():
    """Every word of a group stands for the others, in any case; the built-in ones stay."""
    assert "k8s" not in synonyms()
    write('groups = [["K8s", "Kubernetes"], ["mom", "mutti"]]')
    assert synonyms()["k8s"] == ("kubernetes",)
    assert {"mother", "mutti"} <= set(synonyms()["mom"])


def test_built_in_ones_can_be_left_out():
    """Only one's own remain."""
    write('groups = [["k8s", "kubernetes"]]\nbuiltin = false')
    assert set(synonyms()) == {"k8s", "kubernetes"}


def test_the_four_groups_that_were_asked_for():
    """Family, work and home are there from the start."""
    built_in = synonyms()
    for group in (("mom", "mother", "mama"), ("dad", "father", "papa"), ("work", "job", "office"), ("home", "house", "residence")):
        assert all(set(group) - {word} <= set(built_in[word]) for word in group)


@pytest.mark.parametrize(
    "text", ["groups = 3", "groups = [[1, 2]]", 'groups = [["alone"]]', "builtin = 1", "other = true", "groups = [", "\x00"]
)
def test_a_file_that_is_not_as_it_should_be_is_named(text: str):
    """The error says which file it is and where to read on."""
    path = write(text)
    with pytest.raises(InvalidInput) as caught:
        synonyms()
    assert str(path) in caught.value.message
    assert caught.value.remedy


def test_a_change_is_seen_at_once():
    """A search after the file was saved uses it."""
    write('groups = [["a1", "b1"]]')
    assert "b1" in synonyms()
    write('groups = [["a1", "b1", "c11"]]')
    assert "c11" in synonyms()


def test_weights_of_what_stands_for_a_word():
    """A form counts nearly in full, a synonym less, a part least; the word itself is not repeated."""
    (bought,) = groups(parse("bought"), synonyms())
    assert bought.match == '"bought"'
    assert bought.others == {'"buy"': FORM}
    (mom,) = groups(parse("mom"), synonyms())
    assert mom.others['"mother"'] == SYNONYM
    (name,) = groups(parse("getUserName"), synonyms())
    assert name.others == {'"get User Name"': FORM, '"get"': PART, '"User"': PART, '"Name"': PART}
    assert [part.word for part in name.parts] == ["get", "User", "Name"]


def test_forms_join_what_the_stemmer_does_not():
    """Going either way, and no word stands for itself."""
    assert "ran" in forms()["run"]
    assert "run" in forms()["ran"]
    assert all(word not in others for word, others in forms().items())
