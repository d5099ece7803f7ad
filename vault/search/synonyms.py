"""Words that stand for one another: irregular English forms, and synonyms that a person may extend.

What is expanded counts for less than what was typed. Own synonyms stand in ``synonyms.toml`` beside the
configuration::

    groups = [["k8s", "kubernetes"], ["nana", "grandma"]]
    builtin = true

``groups`` adds to the built-in ones (a word may be in several), ``builtin = false`` leaves those out.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard

from vault.config import config_path
from vault.errors import InvalidInput

FILE = "synonyms.toml"
MAX_SIZE = 256 * 1024
_LEAST = 2  # words make a group

Expansions = Mapping[str, tuple[str, ...]]
"""Word in lower case → words that may stand for it."""

_SYNONYMS = """
mom mother mama mum mommy; dad father papa daddy; grandma grandmother granny; grandpa grandfather; kid child;
wife husband spouse partner; work job office; home house residence; flat apartment; car vehicle; bike bicycle;
film movie; phone telephone; doctor physician; photo picture image; vacation holiday trip; company employer firm;
salary wage pay; money cash; cost price; shop store; begin start; end finish; fix repair; delete remove;
error bug failure; config configuration settings; directory folder; repo repository; db database;
password passphrase; doc documentation; app application; sick ill; happy glad; big large huge; fast quick;
birthday bday
"""
_FORMS = """
be am is are was were been being; become became; begin began begun; bend bent; bite bit bitten; blow blew blown;
break broke broken; bring brought; build built; burn burnt; buy bought; catch caught; choose chose chosen;
come came; creep crept; deal dealt; dig dug; do did done does; draw drew drawn; dream dreamt;
drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feed fed; feel felt; fight fought;
find found; flee fled; fly flew flown; forbid forbade forbidden; forget forgot forgotten; forgive forgave forgiven;
freeze froze frozen; get got gotten; give gave given; go went gone; grow grew grown; hang hung; have had has;
hear heard; hide hid hidden; hold held; keep kept; kneel knelt; know knew known; lead led; learn learnt; leave left;
lend lent; lie lay lain; light lit; lose lost; make made; mean meant; meet met; pay paid; ride rode ridden;
ring rang rung; rise rose risen; run ran; say said; see saw seen; seek sought; sell sold; send sent; sew sewn;
shake shook shaken; shine shone; shoot shot; show shown; shrink shrank shrunk; sing sang sung; sink sank sunk;
sit sat; sleep slept; slide slid; speak spoke spoken; spell spelt; spend spent; spill spilt; stand stood;
steal stole stolen; stick stuck; strike struck; swear swore sworn; sweep swept; swim swam swum; take took taken;
teach taught; tear tore torn; tell told; think thought; throw threw thrown; understand understood; wake woke woken;
wear wore worn; weep wept; win won; wind wound; write wrote written; child children; man men; woman women; foot feet;
tooth teeth; goose geese; mouse mice; person people; knife knives; life lives; wife wives; half halves; leaf leaves;
loaf loaves; shelf shelves; thief thieves; wolf wolves; analysis analyses; crisis crises; criterion criteria;
phenomenon phenomena; index indices; matrix matrices; vertex vertices; appendix appendices; good better best;
bad worse worst
"""


@lru_cache(maxsize=1)
def forms() -> Expansions:
    """Irregular forms, which the stemmer does not join: *ran* and *run* are one word."""
    return _joined(_groups(_FORMS))


def synonyms() -> Expansions:
    """The built-in synonyms and the person's own.

    Raises:
        InvalidInput: ``synonyms.toml`` is not as it should be.
    """
    path = config_path().with_name(FILE)
    try:
        found = path.stat()
    except OSError:
        return _read(None, 0, 0)
    return _read(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=4)
def _read(path: Path | None, _changed: int, size: int) -> Expansions:
    table: dict[str, object] = {}
    if path is not None:
        try:
            if size > MAX_SIZE:
                raise ValueError("too large")
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidInput(f"{path} is not valid TOML", remedy="mend or delete it") from error
    own, builtin = table.get("groups", []), table.get("builtin", True)
    if set(table) - {"groups", "builtin"} or not isinstance(builtin, bool) or not _is_groups(own):
        raise InvalidInput(f"{path} takes groups = [[words, …], …] and builtin", remedy="see docs/query.md")
    return _joined([*(_groups(_SYNONYMS) if builtin else ()), *own])


def _is_groups(value: object) -> TypeGuard[list[list[str]]]:
    return isinstance(value, list) and all(
        isinstance(group, list) and len(group) >= _LEAST and all(isinstance(word, str) and word for word in group)
        for group in value
    )


def _groups(text: str) -> list[list[str]]:
    return [group.split() for group in text.split(";")]


def _joined(groups: Iterable[Iterable[str]]) -> Expansions:
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        words = [word.casefold() for word in group]
        for word in words:
            found.setdefault(word, {}).update(dict.fromkeys(other for other in words if other != word))
    return {word: tuple(others) for word, others in found.items()}
