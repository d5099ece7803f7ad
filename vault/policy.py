"""A person's own rules of filing: classes a text may never go below, classes it always gets, defaults by source.

A rule is one line: ``CLASS #tag`` or ``CLASS /regex/``. Expressions are RE2's (no look-around, no back-references;
case does not matter), whose time grows with the text and with nothing else, so that no rule can stall a capture.
Rules never go below a detector's floor. re2 is imported when the first expression is used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from vault.classification import Classification, parse
from vault.errors import InvalidInput
from vault.text import tidy_tag

MAX_RULES = 100
MAX_LENGTH = 300
"""Characters of a rule."""
_FORM = "write CLASS #tag or CLASS /regex/, e.g. 'secret #bank'"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of ``classify.always`` or ``classify.never_below``."""

    name: str
    """The setting and the rule's place in it; all that reasoning tells of a rule."""
    classification: Classification
    """What it asks for."""
    tag: str = ""
    """Matches this tag and those below it (``work`` also ``work/clients``)."""
    regex: str = ""
    """Matches a text, its title, or what is kept beside it."""

    def matches(self, text: str, tags: Iterable[str]) -> bool:
        """Whether the rule speaks of *text* with these tidy *tags*.

        Raises:
            InvalidInput: its expression is none.
        """
        if self.tag:
            return any(tag == self.tag or tag.startswith(f"{self.tag}/") for tag in tags)
        return _compiled(self.name, self.regex).search(text) is not None


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules in force."""

    always: tuple[Rule, ...] = ()
    never_below: tuple[Rule, ...] = ()
    sources: Mapping[str, Classification] = field(default_factory=dict)
    """Source → class of its texts that nothing else is sure about; in place of the fallback."""

    def always_of(self, text: str, tags: Sequence[str]) -> Rule | None:
        """The rule that decides; of several the one with the highest class."""
        return _highest(self.always, text, tags)

    def floor_of(self, text: str, tags: Sequence[str]) -> Rule | None:
        """The rule with the highest class that the text may not go below."""
        return _highest(self.never_below, text, tags)


def _highest(rules: Sequence[Rule], text: str, tags: Sequence[str]) -> Rule | None:
    found = [rule for rule in rules if rule.matches(text, tags)]
    return max(found, key=lambda rule: rule.classification.level, default=None)


def parse_rules(key: str, lines: object) -> tuple[Rule, ...]:
    """The rules that setting *key* lists; their expressions are not compiled, see `check_rules`.

    Raises:
        InvalidInput: naming the rule and what is wrong with it.
    """
    if not isinstance(lines, (list, tuple)) or not all(isinstance(line, str) for line in lines):
        raise InvalidInput(f"{key} takes a list of rules", remedy=_FORM)
    if len(lines) > MAX_RULES:
        raise InvalidInput(f"{key} has more than {MAX_RULES} rules", remedy="join some with | in a regex")
    return tuple(_rule(f"{key} rule {place}", line) for place, line in enumerate(lines, 1))


def check_rules(rules: Iterable[Rule]) -> None:
    """See that every expression can be used.

    Raises:
        InvalidInput: naming the rule and what is wrong with it.
    """
    for rule in rules:
        if rule.regex:
            _compiled(rule.name, rule.regex)


def _rule(name: str, line: str) -> Rule:
    said, _, condition = line.strip().partition(" ")
    condition = condition.strip()
    shown = f"{name} ({line.strip()[:40]!r})"
    if len(line) > MAX_LENGTH:
        raise InvalidInput(f"{shown} is longer than {MAX_LENGTH} characters", remedy="split it into several rules")
    classification = parse(said)
    if classification is None:
        raise InvalidInput(f"{shown}: no class {said[:20]!r}", remedy=f"use one of {', '.join(Classification)}")
    if condition.startswith("#") and (tag := tidy_tag(condition[1:])):
        return Rule(name, classification, tag=tag)
    if len(condition) > 2 and condition[0] == condition[-1] == "/":  # noqa: PLR2004 (two slashes and something)
        return Rule(name, classification, regex=condition[1:-1])
    raise InvalidInput(f"{shown} does not say what it is about", remedy=_FORM)


@lru_cache(maxsize=2 * MAX_RULES)
def _compiled(name: str, regex: str) -> Any:
    import re2

    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        return re2.compile(regex, options=options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        raise InvalidInput(f"{name}: /{regex[:40]}/ is no regular expression ({why[:80]})", remedy=_FORM) from None
