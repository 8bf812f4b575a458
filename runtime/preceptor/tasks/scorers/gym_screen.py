"""Keeps reasoning-gym's verifiers from running what a model or a dataset wrote.

Some of them call ``eval`` or sympy's ``parse_expr`` (which is ``eval``) on the answer or on the entry (0.1.25). Such a
text goes in only when it can do nothing but be a value: a literal, or short arithmetic with bounded powers. A test
reads the installed package and fails when a verifier evaluates text and is not listed here.

Not covered: sympy may take long to simplify a legitimate expression; its size is bounded, its time is not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

_Screen = Callable[[str], bool]

_MOST_NODES = 600
_MOST_INTEGER_NODES = 20_000
_LARGEST_NUMBER = 10**12
_LARGEST_POWER = 64
_LARGEST_SHIFT = 64
_BARE = re.compile(r"[\w\s,-]*")
_FUNCTIONS = frozenset(
    "sin cos tan sec csc cot asin acos atan sinh cosh tanh asinh acosh atanh exp log ln sqrt Abs".split()
)
_PARSE_FAILURES = (SyntaxError, ValueError, MemoryError, RecursionError)


def screened(dataset: str, answer: str) -> bool:
    """Whether an answer may be shown to a dataset's verifier."""
    screen = _ANSWERS.get(dataset)
    return screen is None or screen(answer)


def entry_is_safe(dataset: str, entry: Mapping[str, Any]) -> bool:
    """Whether what the verifier evaluates of the entry itself is harmless."""
    metadata = entry["metadata"] if isinstance(entry["metadata"], dict) else {}
    for screen, value in _entry_texts(dataset, entry, metadata):
        if not isinstance(value, str) or not screen(value):
            return False
    return True


def _entry_texts(
    dataset: str, entry: Mapping[str, Any], metadata: Mapping[str, Any]
) -> tuple[tuple[_Screen, Any], ...]:
    match dataset:
        case "bitwise_arithmetic":
            return ((_integer_arithmetic, metadata.get("problem")),)
        case "simple_integration" | "intermediate_integration":
            return ((_algebra, metadata.get("integrand")), (str.isalpha, metadata.get("variable")))
        case "polynomial_multiplication":
            return ((_algebra, entry["answer"]),)
        case "number_sorting":
            return ((_literal, entry["answer"]),)
    return ()


def _literal(text: str) -> bool:
    """A Python literal; or bare words and numbers, which evaluate to nothing worse than an error."""
    if _BARE.fullmatch(text):
        return True
    try:
        ast.literal_eval(text)
    except (*_PARSE_FAILURES, TypeError):
        return False
    return True


def _arithmetic(text: str) -> bool:
    """Numbers, ``+ - * /`` and brackets."""
    return _formula(text, (ast.Add, ast.Sub, ast.Mult, ast.Div), names=False)


def _algebra(text: str) -> bool:
    """Arithmetic with one-letter names, small powers and the usual functions."""
    return _formula(text, (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow), names=True)


def _integer_arithmetic(text: str) -> bool:
    """Integers, ``+ - *`` and shifts by a few bits; plain Python integers, so it may be long."""
    return _formula(
        text, (ast.Add, ast.Sub, ast.Mult, ast.LShift, ast.RShift), names=False, most_nodes=_MOST_INTEGER_NODES
    )


def _formula(
    text: str, operators: tuple[type[ast.operator], ...], *, names: bool, most_nodes: int = _MOST_NODES
) -> bool:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        nodes = list(ast.walk(tree))
        return len(nodes) <= most_nodes and all(_allowed(node, operators, names) for node in nodes) and _small(tree, 1)
    except _PARSE_FAILURES:
        return False


def _allowed(node: ast.AST, operators: tuple[type[ast.operator], ...], names: bool) -> bool:
    match node:
        case ast.Constant(value=value):
            return (
                isinstance(value, int | float) and value is not True and value is not False and value < _LARGEST_NUMBER
            )
        case ast.Name(id=name):
            return names and (len(name) == 1 or name in ("pi", "Integral") or name in _FUNCTIONS)
        case ast.Call(func=ast.Name(id=name), args=[_], keywords=[]):
            return names and name in _FUNCTIONS
        case ast.Call(func=ast.Name(id="Integral"), args=[_, ast.Name()], keywords=[]):
            return names
        case ast.BinOp() | ast.UnaryOp() | ast.UAdd() | ast.USub() | ast.Load():
            return True
    return isinstance(node, operators)


def _small(tree: ast.AST, outer: float) -> bool:
    """Whether shifts are by small constants and powers, multiplied with those around them, stay small."""
    match tree:
        case ast.BinOp(op=ast.LShift() | ast.RShift(), right=right):
            if not isinstance(right, ast.Constant) or not 0 <= right.value <= _LARGEST_SHIFT:  # type: ignore[operator]
                return False
        case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
            outer *= _bound(exponent)
            return outer <= _LARGEST_POWER and _small(base, outer) and _small(exponent, _LARGEST_POWER)
    return all(_small(child, outer) for child in ast.iter_child_nodes(tree))


def _bound(exponent: ast.expr) -> float:
    """A generous bound of an exponent: the product of its numbers. One with a name in it stays as it is written."""
    bound = 1.0
    for node in ast.walk(exponent):
        if isinstance(node, ast.Constant):
            bound *= max(1.0, abs(float(node.value)))  # type: ignore[arg-type]
    return bound


_ANSWERS: Mapping[str, _Screen] = {
    "binary_matrix": _literal,
    "n_queens": _literal,
    "spiral_matrix": _literal,
    "string_insertion": _literal,
    "countdown": _arithmetic,
    "puzzle24": _arithmetic,
    "intermediate_integration": _algebra,
    "polynomial_multiplication": _algebra,
    "simple_integration": _algebra,
}
"""Datasets whose verifier evaluates the answer."""

HARMLESS = frozenset({"basic_arithmetic", "codeio", "propositional_logic"})
"""Datasets that evaluate their own text while they generate, or have a parser of their own with an alarming name."""

SCREENED = frozenset(_ANSWERS) | {"bitwise_arithmetic", "number_sorting"}
"""Datasets of which the answer or the entry is screened."""
