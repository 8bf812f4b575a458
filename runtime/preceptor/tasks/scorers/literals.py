"""Reading Python literals out of text that anybody wrote. Nothing is evaluated, everything is bounded.

``ast.literal_eval`` runs no code, but its parser is deep recursion: absurd nesting may exhaust the stack. So a text is
measured before it is parsed: its length, how deep it nests, and whether it holds words that no literal has.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

LONGEST = 20_000
"""Longest literal that is read, in characters."""
_DEEPEST = 40
_LONGEST_LINE = 4_000
_MOST_STARTS = 40

_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_COMMENT = re.compile(r"#[^\n]*")
_PREFIXES = re.compile(r"(?:[-+~]\s*){3,}")
_WORD = re.compile(r"(?<![\w.])[^\W\d]\w*")
_WORDS = frozenset(
    {"True", "False", "None", "set", "b", "B", "r", "R", "u", "U", "br", "bR", "Br", "BR", "rb", "rB", "Rb", "RB"}
)
_START = re.compile(r"(?<![\w.)\]}'\"])(?=[\[({'\"\d.+-]|[bBrRuU]{1,2}['\"]|(?:True|False|None|set\(\))\b)")
_OPERAND = re.compile(r"(?:[-*/%+<|&^~@]|(?<![-=])>|[<>!]=)\s*\Z")


@dataclass(frozen=True)
class Value:
    """A literal that was read."""

    key: Hashable
    """What it is equal by: kinds of container and truth values told apart, numbers by their value."""
    text: str
    """How it was written."""

    def same_as(self, other: Value) -> bool:
        """Whether both are the same value: ``1`` is ``1.0``, but neither ``True`` nor ``'1'``, and no list a tuple."""
        return self.key == other.key


def whole(text: str) -> Value | None:
    """The literal that a text consists of; ``None`` when it is something else, or too long or too deep."""
    text = text.strip()
    if not text or len(text) > LONGEST or not _harmless(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape such as "\d" is a warning of the parser's, and no mistake here
            value = ast.literal_eval(text)
        return Value(_key(value), text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None


def at_the_end(line: str) -> Value | None:
    """The longest literal that a line ends in; ``None`` when it ends in something else, or in the middle of one."""
    line = line[-_LONGEST_LINE:]
    starts = [match.start() for match in _START.finditer(line)][-_MOST_STARTS:]
    for start in starts:
        if not _OPERAND.search(line, 0, start) and _depth(_bare(line[:start]))[1] <= 0:
            value = whole(line[start:])
            if value is not None:
                return value
    return None


def masked(text: str) -> str:
    """The text, as long as it was, with what stands in quotes blotted out."""
    return _QUOTED.sub(lambda match: "_" * len(match.group()), text)


def _harmless(text: str) -> bool:
    """Whether a text can be parsed without harm; what stands in quotes and comments does not count."""
    bare = _bare(text)
    if _PREFIXES.search(bare) or not _WORDS.issuperset(_WORD.findall(bare)):
        return False
    return _depth(bare)[0] <= _DEEPEST


def _bare(text: str) -> str:
    return _COMMENT.sub("", _QUOTED.sub("''", text))


def _depth(bare: str) -> tuple[int, int]:
    """How deep brackets nest at most, and how many are open at the end."""
    depth = deepest = 0
    for letter in bare:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return deepest, depth


def _key(value: Any) -> Hashable:
    match value:
        case bool():
            return ("truth", value)
        case list() | tuple():
            return (type(value).__name__, tuple(_key(each) for each in value))
        case dict():
            return ("dict", frozenset((_key(name), _key(each)) for name, each in value.items()))
        case set():
            return ("set", frozenset(_key(each) for each in value))
        case str() | bytes() | int() | float() | complex() | None:
            return (type(value).__name__ if isinstance(value, str | bytes) else "", value)
    raise TypeError(f"no literal of type {type(value).__name__}")
