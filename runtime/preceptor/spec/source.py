"""YAML text as plain JSON data, with the line of every key.

The same file goes to ``kubectl apply``, whose YAML reader differs from PyYAML's in corners. Where readers disagree the
text is refused (``NO`` is a boolean to some) or read as kubectl reads it (``1e-4`` is a number, ``2025-01-31`` is text,
keys are text), so that one file never means two things.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import yaml

from preceptor.errors import DocumentError, Problem

MAX_BYTES = 256 * 1024
"""Longest document: ``kubectl apply`` keeps a copy in an annotation, which Kubernetes limits to 256 KiB."""
MAX_VALUES = 20_000
"""Most values once aliases are written out; bounds what a few nested aliases can blow up to."""
MAX_DEPTH = 40
"""Deepest nesting."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*")
_AMBIGUOUS = re.compile(r"y|n|yes|no|on|off", re.IGNORECASE)
_FLOAT = re.compile(
    r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_ODD_NUMBER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bBoO]?[0-9_]+|[0-9]+_[0-9_.]*)")
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_INT64_DIGITS = 20
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Source:
    """A document's text, taken apart."""

    data: dict[str, Any]
    """Mappings, lists, text, numbers, booleans and ``None``."""
    lines: Mapping[str, int]
    """Line, from 1, of each key and list entry by its dotted path."""
    problems: tuple[Problem, ...]
    """Mistakes that did not keep the rest from being read."""


def join(path: str, part: str | int) -> str:
    """Return the dotted path of ``part`` under ``path``: ``spec.forms[2].input``; odd keys are quoted."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    if not _PLAIN_KEY.fullmatch(part):
        return f'{path}["{part}"]'
    return f"{path}.{part}" if path else part


def parent(path: str) -> str:
    """Return the path one level up; empty for a top-level key."""
    if path.endswith('"]'):
        return path[: path.rindex('["')]
    if path.endswith("]"):
        return path[: path.rindex("[")]
    return path.rpartition(".")[0]


def parse(text: str, name: str) -> Source:
    """Read the one YAML mapping in ``text``; ``name`` is what messages call the file.

    Raises :class:`DocumentError` when there is nothing to go on with: a syntax error, several documents, no mapping.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise _stop(name, None, f"the document is longer than {MAX_BYTES // 1024} KiB", "move long lists into a file")
    try:
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else None
        message = "there is a character that YAML does not allow"
        raise _stop(name, line, message, "remove the control character, or write it as an escape in quotes") from error
    except yaml.MarkedYAMLError as error:
        raise _stop(name, *_syntax(error)) from error
    if not nodes:
        raise _stop(name, None, "the document is empty", "begin with `apiVersion: preceptor.dev/v1alpha1`")
    if len(nodes) > 1:
        line = nodes[1].start_mark.line + 1
        raise _stop(name, line, "a second document begins here", "keep one document in the file and remove `---`")
    root = nodes[0]
    if not isinstance(root, yaml.MappingNode):
        raise _stop(name, root.start_mark.line + 1, "the document is not a mapping", "write keys: `apiVersion: …`")
    reader = _Reader(name)
    data = reader.read(root, "")
    return Source(data, MappingProxyType(reader.lines), tuple(reader.problems))


def _stop(name: str, line: int | None, message: str, mend: str) -> DocumentError:
    return DocumentError(name, [Problem("", line, message, mend)])


def _syntax(error: yaml.MarkedYAMLError) -> tuple[int | None, str, str]:
    """Return line, message and mend for what PyYAML could not parse."""
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "it cannot be parsed"
    mend = "check indentation, colons and quotes here and in the line above"
    if "\\t" in problem:
        mend = "indent with spaces; YAML does not allow tabs"
    elif "mapping values are not allowed" in problem:
        mend = "put the value in quotes if it contains a colon, or check the indentation"
    elif "found unhashable" in problem or "expected ',' or '}'" in problem:
        mend = 'put a template in quotes, as in "{{ question }}"'
    elif isinstance(error, _TooDeepError):
        return mark.line + 1 if mark else None, problem, "flatten the document"
    return mark.line + 1 if mark else None, f"this is not YAML: {problem}", mend


class _TooDeepError(yaml.MarkedYAMLError):
    pass


class _Loader(yaml.SafeLoader):
    """PyYAML's parser up to nodes, with scalars resolved as kubectl resolves them and bounded depth."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own interface
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _TooDeepError(problem=f"values are nested more than {MAX_DEPTH} deep", problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", _INT.pattern, list("-+0123456789")),
    ("float", _FLOAT.pattern, list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


class _Reader:
    """Turns nodes into data; collects lines and problems on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[str, int] = {}
        self.problems: list[Problem] = []
        self._values = 0
        self._open: set[int] = set()

    def read(self, node: yaml.Node, path: str) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            message = f"the document has more than {MAX_VALUES} values once its aliases are written out"
            raise _stop(self.name, node.start_mark.line + 1, message, "write the repeated parts once")
        if id(node) in self._open:
            raise _stop(self.name, node.start_mark.line + 1, "an anchor contains itself", "remove the alias inside it")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return self._sequence(node, path)
            assert isinstance(node, yaml.ScalarNode), "YAML has three kinds of node"
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        self._expect_tag(node, path, "map")
        found: dict[str, Any] = {}
        first_line: dict[Hashable, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                continue
            key = self._key(key_node, path)
            inner, line = join(path, key), key_node.start_mark.line + 1
            if key in first_line:
                message = f"the key `{key}` was already written in line {first_line[key]}"
                self._problem(inner, line, message, "keep one of the two")
                continue
            first_line[key] = line
            self.lines[inner] = line
            found[key] = self.read(value_node, inner)
        for mapping in self._merged(node, path):
            for key, value in mapping.items():
                found.setdefault(key, value)
        return found

    def _merged(self, node: yaml.MappingNode, path: str) -> Iterator[dict[str, Any]]:
        """Yield the mappings that ``<<`` brings in, strongest first; keys written in place stand before them."""
        for key_node, value_node in node.value:
            if key_node.tag != _TAG + "merge":
                continue
            many = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for each in many:
                if isinstance(each, yaml.MappingNode):
                    written = dict(self.lines)
                    merged = self.read(each, path)
                    self.lines.update(written)
                    yield merged
                else:
                    line = key_node.start_mark.line + 1
                    self._problem(path, line, "`<<` merges mappings only", "refer to an anchored mapping")

    def _sequence(self, node: yaml.SequenceNode, path: str) -> list[Any]:
        self._expect_tag(node, path, "seq")
        entries = []
        for position, child in enumerate(node.value):
            inner = join(path, position)
            self.lines[inner] = child.start_mark.line + 1
            entries.append(self.read(child, inner))
        return entries

    def _key(self, node: yaml.Node, path: str) -> str:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.ScalarNode):
            raise _stop(self.name, line, "a key is not text", 'put a template in quotes, as in "{{ question }}"')
        if self._is_ambiguous(node):
            self._ambiguous(node, join(path, node.value))
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        line = node.start_mark.line + 1
        text: str = node.value
        if _UNREADABLE.search(text):
            self._problem(path, line, "the text holds a NUL or half a surrogate pair", "remove that character")
            return _UNREADABLE.sub("", text)
        if self._is_ambiguous(node):
            self._ambiguous(node, path)
            return text
        kind = node.tag.removeprefix(_TAG)
        match kind:
            case "str":
                return text
            case "null":
                return None
            case "bool" if text.lower() in ("true", "false"):
                return text.lower() == "true"
            case "int" if _INT.fullmatch(text):
                if len(text) <= _INT64_DIGITS and -(2**63) <= int(text) < 2**63:
                    return int(text)
                self._problem(path, line, "the number does not fit into 64 bits", "write a smaller number")
                return 0
            case "int" | "float" if _FLOAT.fullmatch(text):
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        self._problem(path, line, f"the tag `{_spoken(node.tag)}` has no meaning here", "remove the tag")
        return text

    def _is_ambiguous(self, node: yaml.ScalarNode) -> bool:
        """Tell whether YAML readers disagree about an unquoted scalar."""
        return node.style is None and bool(_AMBIGUOUS.fullmatch(node.value) or _ODD_NUMBER.fullmatch(node.value))

    def _ambiguous(self, node: yaml.ScalarNode, path: str) -> None:
        text = node.value
        what, instead = (
            ("a number", "digits only, without a leading 0") if text[-1].isdigit() else ("a boolean", "true or false")
        )
        message = f"`{text}` without quotes is {what} to some YAML readers and text to others"
        self._problem(path, node.start_mark.line + 1, message, f'write "{text}" in quotes if it is text, or {instead}')

    def _expect_tag(self, node: yaml.CollectionNode, path: str, kind: str) -> None:
        if node.tag != _TAG + kind:
            message = f"the tag `{_spoken(node.tag)}` has no meaning here"
            self._problem(path, node.start_mark.line + 1, message, "remove the tag")

    def _problem(self, path: str, line: int, message: str, mend: str) -> None:
        self.problems.append(Problem(path, line, message, mend))


def _spoken(tag: str) -> str:
    return tag.replace(_TAG, "!!")
