"""The query language: from typed text to a `Query`, and from that to full-text expressions.

Promises: any text is a legal query; `parse` never raises on content, and what it could not take literally
it says in ``notes``. Text typed by a person reaches FTS5 only inside quoted strings.

The language (``docs/query.md`` has it with examples; field names and values in any case):

* A bare word is optional: more and rarer words found rank higher, one is enough. ``A OR B`` says the same.
* ``edi*`` is a bare word that matches every word beginning so.
* ``"exact phrase"`` must occur: these words, in this order, side by side. Quotes count where a token
  begins and only in pairs. Beside ``OR`` a phrase is an alternative,
  not required. Punctuation, case and accents do not matter, and English endings are folded.
* ``-word``, ``-"a phrase"``, ``-edi*`` must not occur; ``-tag:``, ``-class:``, ``-source:`` exclude too. A
  token that begins ``--`` is text, so command-line options can be searched for; so is ``-x``, and ``-word`` in
  what looks like a command (beside ``--option``, ``'quoted'``, ``$NAME``, ``:name:``, ``|``).
* ``title:word``, ``title:"a phrase"``, ``title:edi*`` must occur in the title.
* ``tag:`` all given; ``class:`` and ``source:`` any of the given.
* ``after:`` from the start of that date on, ``before:`` until its start, ``on:`` within it: `dates.interval`.
  Repeated, the narrower wins. They look at when the memory was created.
* ``has:attachment``, ``has:link``, ``has:tag``, ``has:conflict``: all of the given.
* Any other ``field:`` is text (``std::vector``, ``http://x``, ``12:30``), and so is a class, date or
  ``has:`` value that does not exist, with a note.
* A time named in passing (*last March*, *in 2024*, *two weeks ago*) brings memories made then to the front; beside
  nothing but common words it is a filter. Either is said in a note, and neither happens beside a date field.
* At most 1,000 characters and 32 tokens are read.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache

from vault import classification
from vault.classification import Classification
from vault.search.dates import Span, interval
from vault.search.spoken import spoken, told
from vault.search.stopwords import EMPTY_WORDS, STOP_WORDS

MAX_CHARACTERS = 1000
MAX_TOKENS = 32
_TRIGRAM = 3
_HAS = frozenset({"attachment", "conflict", "link", "tag"})
_EXCLUDABLE = frozenset({"tag", "class", "source"})
_FIELDS = _EXCLUDABLE | {"title", "after", "before", "on", "has"}
_TOKEN = re.compile(
    r"(?P<minus>-(?=[^\s-]))?(?:(?P<field>[A-Za-z]+):)?"
    r'(?:"(?P<quoted>[^"]*)"|(?P<bare>\S+))'
)
_COMMAND = re.compile(r"['`$|]|--\w|:\w+:$")
"""What begins a token of a command line."""
_APOSTROPHE = re.compile(r"['’](?:s|t|m|d|re|ve|ll)?$")
_MARKS = "\"'‘’.,:;!?()[]{}<>`…"
_UNSAFE = "[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
_UNSAFE_ASCII = re.compile("[\x00-\x1f\x7f]")
_CURLY = str.maketrans("“”„", '"""')


@cache
def _spaceless_pattern() -> re.Pattern[str]:
    return re.compile(
        "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
    )


def is_spaceless(text: str) -> bool:
    """Whether a script written without spaces occurs; the large class is compiled only where it can."""
    return not text.isascii() and _spaceless_pattern().search(text) is not None


@dataclass(frozen=True)
class Query:
    """What a person asked for. A term ending in ``*`` (in excluded, title) is a prefix."""

    words: tuple[str, ...] = ()
    """Optional words, ranked; without stop words unless there is nothing else."""
    prefixes: tuple[str, ...] = ()
    """Optional beginnings of words, without the star."""
    required: tuple[str, ...] = ()
    """Phrases that must occur."""
    excluded: tuple[str, ...] = ()
    """Words and phrases that must not occur."""
    title: tuple[str, ...] = ()
    """Words and phrases that must occur in the title."""
    tags: tuple[str, ...] = ()
    """Tags an entry must have, all of them; casefolded, without ``#``."""
    not_tags: tuple[str, ...] = ()
    """Tags an entry must not have."""
    classes: frozenset[Classification] | None = None
    """Classifications to look in; None for all; empty when the query contradicts itself."""
    named: frozenset[Classification] = frozenset()
    """Classifications that were asked for by name; excluding one names none."""
    sources: tuple[str, ...] = ()
    """Sources, any of them."""
    not_sources: tuple[str, ...] = ()
    """Sources to leave out."""
    after: datetime | None = None
    """Created at or after this moment (aware)."""
    before: datetime | None = None
    """Created before this moment (aware)."""
    around: Span | None = None
    """The time a question names (``last March``); what was made in it comes first."""
    has: frozenset[str] = frozenset()
    """What an entry must have, all of: ``attachment``, ``conflict``, ``link``, ``tag``."""
    text: str = ""
    """The words and phrases in their order, for the embedder: no filters, no operators, nothing excluded."""
    notes: tuple[str, ...] = ()
    """What was not taken as written, for the person."""

    @property
    def has_text(self) -> bool:
        """Whether something must be found by text; if not, the query only filters (list the newest)."""
        return bool(self.words or self.prefixes or self.required or self.title)


@dataclass(frozen=True)
class Filters:
    """What holds in every leg of a search, as MATCH expressions (None: no condition).

    An entry qualifies when it is found by ``words`` in the word table and by ``trigram`` in the trigram
    table, and by neither ``not_words`` nor ``not_trigram``. Scripts written without spaces are judged by
    the trigram table, because the word tokenizer sees a whole sentence as one word.
    """

    words: str | None
    """Required phrases and title terms, for the word table."""
    trigram: str | None
    """Those in scripts without spaces, for the trigram table."""
    not_words: str | None
    """Excluded terms, for the word table."""
    not_trigram: str | None
    """Excluded terms in scripts without spaces, for the trigram table."""


@dataclass
class _Draft:
    """Collects tokens; becomes a `Query` when all are read."""

    now: datetime | None
    words: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    title: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)
    classes: set[Classification] = field(default_factory=set)
    not_classes: set[Classification] = field(default_factory=set)
    after: datetime | None = None
    before: datetime | None = None
    has: set[str] = field(default_factory=set)
    text: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, token: re.Match[str], *, alternative: bool = False, command: bool = False) -> None:
        """Sort one token into its place.

        Args:
            token: a match of `_TOKEN`.
            alternative: it stands beside ``OR`` and so is not required.
            command: it stands in what looks like a command, where ``-word`` is an option.
        """
        name, quoted = (token["field"] or "").lower(), token["quoted"]
        bare = (token["bare"] or "").strip('"')  # a quote without its pair is only noise
        value = bare if quoted is None else quoted.rstrip("* ").strip()
        if name in _FIELDS and value:
            if self._filtered(name, value, minus=bool(token["minus"])):
                return
            self.notes.append(f"{name}:{value} is not known; searched as text")
        if name:
            value = f"{token['field']}:{value}"
        if not _says_something(value):
            return
        if token["minus"] and quoted is None and not name and (command or len(value) == 1):
            self.notes.append(f'-{value} was searched as text; -"{value}" excludes it')
            self.words.append(value)
            self.text.append(f"-{value}")
        elif token["minus"]:
            self.excluded.append(value)
        elif quoted is not None and not name and alternative:
            self.words.append(value)
            self.text.append(value)
        elif quoted is not None and not name:
            self.required.append(value)
            self.text.append(value)
        else:
            stem = value.rstrip("*")
            (self.words if stem == value else self.prefixes).append(_bare(stem) if stem == value else stem)
            self.text.append(stem)

    def _filtered(self, name: str, value: str, *, minus: bool) -> bool:
        """Take ``name:value`` as a filter; False when there is no such value."""
        if minus and name not in _EXCLUDABLE:
            self.notes.append(f"-{name}: cannot be excluded; ignored")
            return True
        match name:
            case "class":
                found = classification.parse(value)
                if found:
                    (self.not_classes if minus else self.classes).add(found)
                return found is not None
            case "tag" | "source":
                kept = value.lstrip("#").casefold() if name == "tag" else value
                self.values.setdefault(f"-{name}" if minus else name, []).append(kept)
                return bool(kept)
            case "title":
                if _says_something(value):
                    self.title.append(value)
                return _says_something(value)
            case "has":
                self.has |= {value.lower()} & _HAS
                return value.lower() in _HAS
            case _:
                return self._dated(name, value)

    def _dated(self, name: str, value: str) -> bool:
        span = interval(value, self.now)
        if span is None:
            return False
        if name in {"after", "on"}:
            self.after = max(self.after or span[0], span[0])
        if name in {"before", "on"}:
            end = span[1] if name == "on" else span[0]
            self.before = min(self.before or end, end)
        return True

    def query(self) -> Query:
        telling = [word for word in self.words if word.strip(_MARKS).casefold() not in STOP_WORDS]
        others = telling or self.prefixes or self.required or self.title
        classes = (self.classes or set(classification.ALL)) - self.not_classes
        return Query(
            words=_unique(telling if others else self.words),
            prefixes=_unique(self.prefixes),
            required=_unique(self.required),
            excluded=_unique(self.excluded),
            title=_unique(self.title),
            tags=_unique(self.values.get("tag", ())),
            not_tags=_unique(self.values.get("-tag", ())),
            classes=frozenset(classes) if self.classes or self.not_classes else None,
            named=frozenset(self.classes),
            sources=tuple(dict.fromkeys(self.values.get("source", ()))),
            not_sources=tuple(dict.fromkeys(self.values.get("-source", ()))),
            after=self.after,
            before=self.before,
            has=frozenset(self.has),
            text=" ".join(self.text),
            notes=_unique(self.notes),
        )


def parse(text: str, now: datetime | None = None) -> Query:
    """Read *text* as a query; never raises on content.

    Args:
        text: what was typed; the language is in the docstring of this module.
        now: the present, for relative dates; a naive one is local time.
    """
    draft = _Draft(now)
    if len(text) > MAX_CHARACTERS:
        draft.notes.append(f"only the first {MAX_CHARACTERS:,} characters were searched for")
    clean = (_UNSAFE_ASCII if text.isascii() else re.compile(_UNSAFE)).sub(" ", text[:MAX_CHARACTERS]).translate(_CURLY)
    found = list(_TOKEN.finditer(clean))
    between = range(1, len(found) - 1)  # an operator stands between two terms
    operators = {place for place in between if found[place][0] == "OR"}
    tokens = [token for place, token in enumerate(found) if place not in operators]
    alternatives = {found[place + side].start() for place in operators for side in (-1, 1)}
    if len(tokens) > MAX_TOKENS:
        draft.notes.append(f"only the first {MAX_TOKENS} terms were searched for")
    command = any(_COMMAND.match(token[0]) for token in tokens)
    for token in tokens[:MAX_TOKENS]:
        draft.take(token, alternative=token.start() in alternatives, command=command)
    return _timed(draft.query(), now)


def _timed(query: Query, now: datetime | None) -> Query:
    """*query* with the time that it names in passing."""
    found = spoken(query.text, now) if query.after is None and query.before is None else None
    if found is None:
        return query
    span, phrase = found
    beside = [word for word in query.words if word.strip(_MARKS).casefold() not in {*EMPTY_WORDS, *phrase.split()}]
    if beside or query.required or query.prefixes or query.title:
        return replace(query, around=told(span), notes=(*query.notes, f"memories made {phrase} come first"))
    note = f"memories made {phrase} are shown"
    return replace(query, words=(), text="", after=span[0], before=span[1], notes=(*query.notes, note))


def _bare(word: str) -> str:
    """*word* without a possessive or contracted ending: the tokenizer would make two words of it, side by side."""
    return _APOSTROPHE.sub("", word.rstrip(".,;!?")) or word


def fts_words(query: Query) -> str | None:
    """The FTS5 MATCH expression of *query* for the word table, or None when no text is to be found.

    Self-contained: required and title terms are ANDed, excluded ones NOTed, optional ones rank. The table
    needs a column called ``title``. Quoted strings only: safe for any query.
    """
    must = [*_quoted(query.required), *_quoted(query.title, column="title")]
    may = _quoted([*query.words, *(f"{prefix}*" for prefix in query.prefixes)])
    return _expression(must, may, _quoted(query.excluded))


def filters(query: Query) -> Filters:
    """The conditions of *query* that every leg must respect, the vectors' too."""
    return Filters(
        words=_joined(" AND ", query, ("required", "title"), trigram=False),
        trigram=_joined(" AND ", query, ("required", "title"), trigram=True),
        not_words=_joined(" OR ", query, ("excluded",), trigram=False),
        not_trigram=_joined(" OR ", query, ("excluded",), trigram=True),
    )


def _joined(operator: str, query: Query, names: Iterable[str], *, trigram: bool) -> str | None:
    parts: list[str] = []
    for name in names:
        terms = [term for term in getattr(query, name) if _by_substring(term) == trigram]
        parts += _quoted(terms, column=name if name == "title" else "", substring=trigram)
    return operator.join(parts) or None


def _by_substring(term: str) -> bool:
    return is_spaceless(term) and len(term.rstrip("*")) >= _TRIGRAM


def _expression(must: list[str], may: list[str], without: list[str]) -> str | None:
    """Required ANDed; optional terms beside a required one so that they rank without being needed."""
    wanted = " AND ".join(must)
    if must and may:
        wanted += f" AND ({' OR '.join([must[0], *may])})"
    elif may:
        wanted = " OR ".join(may)
    if not wanted:
        return None
    return f"({wanted}) NOT ({' OR '.join(without)})" if without else wanted


def _quoted(terms: Iterable[str], column: str = "", *, substring: bool = False) -> list[str]:
    """*terms* as FTS5 strings; a word in a script without spaces becomes a prefix of its sentence."""
    found = []
    for term in terms:
        stem = term.rstrip("*")
        star = "" if substring or (stem == term and not is_spaceless(stem)) else " *"
        found.append(f"{column} : {_quote(stem)}{star}" if column else f"{_quote(stem)}{star}")
    return found


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def _says_something(term: str) -> bool:
    """Whether a tokenizer finds a word in *term*: an empty phrase would silently match nothing."""
    return any(character.isalnum() for character in term)


def _unique(terms: Iterable[str]) -> tuple[str, ...]:
    seen: dict[str, str] = {}
    for term in terms:
        seen.setdefault(term.casefold(), term)
    return tuple(seen.values())
