"""Front matter of Markdown files, from any tool, read as if it were hostile.

Lines of the form ``key: <JSON>`` (what we export) are read exactly, as JSON. Everything else goes through
PyYAML with a loader cut down to the YAML 1.2 core: no aliases and anchors (a few lines of them expand to
gigabytes), no tags, no repeated keys, bounded size and depth; ``yes``, ``12:30``, ``007`` and dates stay the
text that was written. PyYAML is imported only when such a file is met.
"""

import functools
import re
from typing import Any, ClassVar

from vault.formats.values import number, read_json

MAX_FRONT = 1024 * 1024
MAX_YAML = 64 * 1024
"""PyYAML is slow (about 0.1 MB/s); no person writes more."""
MAX_YAML_DEPTH = 16
_OPENING = re.compile(r"---[ \t]*\r?\n")
_CLOSING = re.compile(r"(?m)^(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)")
_LINE = re.compile(r"([A-Za-z_][\w -]*): (.*)")
_NUMBER = r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"


class UnreadableError(ValueError):
    """Front matter that is broken, hostile or no mapping."""


def split(text: str) -> tuple[str, str] | None:
    """The lines between the two ``---`` and the text after them, verbatim; None without front matter."""
    opening = _OPENING.match(text)
    closing = _CLOSING.search(text, opening.end()) if opening else None
    if not opening or not closing:
        return None
    return text[opening.end() : closing.start()], text[closing.end() :]


def read(front: str) -> dict[str, Any]:
    """*front* as a mapping with string keys and plain JSON values.

    Raises:
        UnreadableError: anything else; the caller keeps the text as it is.
    """
    found = _json_lines(front)
    return found if found is not None else _yaml(front)


def _json_lines(front: str) -> dict[str, Any] | None:
    """*front* when every line is ``key: <JSON>``, else None."""
    if len(front) > MAX_FRONT:
        raise UnreadableError("too large")
    table: dict[str, Any] = {}
    for line in front.splitlines() if "\r" in front else front.split("\n"):
        found = _LINE.fullmatch(line)
        if not line.strip():
            continue
        if not found or found[1] in table:
            return None
        try:
            table[found[1]] = read_json(found[2])
        except ValueError:
            return None
    return table


def _yaml(front: str) -> dict[str, Any]:
    import yaml

    if len(front.encode(errors="surrogatepass")) > MAX_YAML:
        raise UnreadableError("too large")
    try:
        value = yaml.load(front, Loader=_loader())  # noqa: S506 (a SafeLoader with less)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise UnreadableError("not plain yaml") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError("not a mapping")
    return value


@functools.cache
def _loader() -> Any:
    """The loader class, made when first needed because PyYAML is imported late."""
    import yaml

    class Plain(yaml.SafeLoader):
        """SafeLoader without aliases, tags, repeated keys and YAML 1.1 surprises."""

        yaml_constructors: ClassVar[dict[Any, Any]] = {}
        level = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.AliasEvent) or event.anchor or getattr(event, "tag", None):
                raise UnreadableError("anchors and tags are not read")
            self.level += 1
            if self.level > MAX_YAML_DEPTH:
                raise UnreadableError("nested too deeply")
            node = super().compose_node(parent, index)
            self.level -= 1
            return node

    def mapping(loader: Any, node: Any) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value in table:
                raise UnreadableError("repeated or nested key")
            table[key_node.value] = loader.construct_object(value_node, deep=True)
        return table

    Plain.yaml_implicit_resolvers = {}
    core = "tag:yaml.org,2002:"
    makers = {
        "str": lambda _, node: node.value,
        "null": lambda _, __: None,
        "bool": lambda _, node: node.value.lower() == "true",
        "float": lambda _, node: number(node.value),
        "seq": lambda loader, node: [loader.construct_object(child, deep=True) for child in node.value],
        "map": mapping,
    }
    for kind, make in makers.items():
        Plain.add_constructor(core + kind, make)
    for kind, form, first in (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("float", _NUMBER, list("-+0123456789")),
    ):
        Plain.add_implicit_resolver(core + kind, re.compile(rf"(?:{form})\Z"), first)
    return Plain
