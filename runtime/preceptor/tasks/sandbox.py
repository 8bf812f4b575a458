"""The one sandbox for templates and expressions. Whoever wrote them, they can neither reach out nor run away.

Jinja's sandbox keeps a template from Python's internals; it does not keep ``{{ "x" * 10**9 }}`` from eating the memory
or nested loops from eating the day. So here a template may only *format*:

- Only the syntax, filters and methods named below compile: no ``set``, macro, include or import, so that a value
  cannot be grown step by step, and nothing random, so that the same values always give the same text.
- Every value made on the way is measured, and every loop, operator and filter spends from one allowance per rendering.
- What is written out is text: JSON for ``none``, booleans, lists and objects, the ISO form for days. Other Python
  objects (a method that was not called, a NaN) are errors.

Not covered: the fields handed in. They are plain data (JSON types, dates, decimals), as large as the caller lets them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import date, time
from decimal import Decimal
from functools import lru_cache, wraps
from typing import Any, cast

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

Filter = Callable[..., Any]

MAX_SOURCE = 50_000
"""Longest template, in characters."""
MAX_VALUE = 1_000_000
"""Longest text, in characters, and longest list, in entries, that a template may make or write."""
MAX_INTEGER_BITS = 4_096
"""Widest integer that arithmetic may give."""
_ALLOWANCE = 1_000_000
"""Steps of one rendering; a step is an operation, an iteration or 64 characters of a value that was made."""
_DEEPEST_LOOP = 3

_PLAIN_FILTERS = (
    "abs capitalize count d default dictsort first float int items last length list lower map max min reject rejectattr"
    " reverse select selectattr sort sum title trim truncate unique upper wordcount"
).split()
_METHODS = frozenset(
    "capitalize count endswith find get index isoformat items keys lower lstrip removeprefix removesuffix rsplit rstrip"
    " split splitlines startswith strip title upper values".split()
)
_SYNTAX = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.For,
    nodes.If,
    nodes.Name,
    nodes.Const,
    nodes.Tuple,
    nodes.List,
    nodes.Dict,
    nodes.Pair,
    nodes.Keyword,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Test,
    nodes.Call,
    nodes.Getitem,
    nodes.Getattr,
    nodes.Slice,
    nodes.Concat,
    nodes.Compare,
    nodes.Operand,
    nodes.BinExpr,
    nodes.UnaryExpr,
)
_CONCAT, _EACH = "concatenated", "each"


class _Meter:
    """What is left of a rendering's allowance."""

    def __init__(self) -> None:
        self._left = _ALLOWANCE

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise SecurityError("the template does too much work for one text")


_meter: ContextVar[_Meter] = ContextVar("meter")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja, bounded. ``sandbox(filters)`` builds one per set of filters; ``metered`` goes around every use."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self, filters: Mapping[str, Filter]) -> None:
        # Prompts are plain text: escaping for HTML would change what the student reads. There is no loader, so a
        # template cannot name another. The optimiser would run filters at compile time, outside the meter.
        super().__init__(
            undefined=StrictUndefined, autoescape=False, loader=None, finalize=_finalize, optimized=False, cache_size=0
        )
        self.globals = {"range": _range}
        own = {"join": _join, "replace": _replace, "round": _round, "string": text, "tojson": to_json}
        bounded = {name: FILTERS[name] for name in _PLAIN_FILTERS} | own | dict(filters)
        self.filters = {name: _spending(function) for name, function in bounded.items()}
        self.filters |= {_CONCAT: _concat, _EACH: _each}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers, ``+`` also on texts and lists; refuses what would not fit before computing it."""
        numbers = all(isinstance(operand, int | float | Decimal) for operand in (left, right))
        if operator in ("*", "**", "%") and not numbers:
            raise TypeError(f"`{operator}` is for numbers, not {_kind(left)} and {_kind(right)}")
        if operator == "**" and isinstance(left, int) and abs(right) * left.bit_length() > MAX_INTEGER_BITS:
            raise OverflowError("the power is too large")
        return _made(super().call_binop(context, operator, left, right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Calls a method that ``check`` let pass, for its price."""
        _meter.get().spend(1 + _size(getattr(__obj, "__self__", None)) // 64)
        return _made(super().call(__context, __obj, *args, **kwargs))


@lru_cache(maxsize=16)
def _built(filters: tuple[tuple[str, Filter], ...]) -> Sandbox:
    return Sandbox(dict(filters))


def sandbox(filters: Mapping[str, Filter] | None = None) -> Sandbox:
    """The sandbox with the common filters and ``filters``, which replace those of the same name."""
    return _built(tuple(sorted((filters or {}).items())))


def check(tree: nodes.Node, environment: Sandbox) -> None:
    """Refuse syntax a template may not use. Raises ``TemplateSyntaxError`` with the line."""
    for node in _walk(tree):
        line = node.lineno or 1
        if not isinstance(node, _SYNTAX):
            raise TemplateSyntaxError(f"`{type(node).__name__.lower()}` is not allowed: a template only formats", line)
        if isinstance(node, nodes.Filter) and (node.node is None or node.name not in environment.filters):
            allowed = ", ".join(sorted(set(environment.filters) - {_CONCAT, _EACH}))
            raise TemplateSyntaxError(f"there is no filter `{node.name}`; known are {allowed}", line)
        if isinstance(node, nodes.Call) and not _may_be_called(node.node):
            raise TemplateSyntaxError(f"only range() and these methods are called: {', '.join(sorted(_METHODS))}", line)
        if isinstance(node, nodes.For) and node.recursive:
            raise TemplateSyntaxError("a loop may not be recursive", line)
    _check_loops(tree, 0)


def meter(tree: nodes.Node) -> None:
    """Rewrite loops and ``~`` so that they are paid for: jinja has no hook for either."""
    for node in list(_walk(tree)):
        if isinstance(node, nodes.For):
            node.iter = nodes.Filter(node.iter, _EACH, [], [], None, None, lineno=node.lineno)
    _replace_concats(tree)


def metered(work: Callable[[], Any]) -> Any:
    """What ``work``, a rendering, returns, with a fresh allowance. Raises what the template raises."""
    token = _meter.set(_Meter())
    try:
        return work()
    finally:
        _meter.reset(token)


def text(value: Any) -> str:
    """A value as a template writes it: text as it is, numbers as in Python, days in ISO form, the rest as JSON.

    Raises ``TypeError`` for other objects, ``ValueError`` for a number that is not finite or a value that is too long.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal) or (isinstance(value, float) and not math.isfinite(value)):
        return _number(value)
    return to_json(value)


def to_json(value: Any) -> str:
    """JSON text, nothing escaped for HTML; days become their ISO form. Raises as ``text`` does."""
    # One pass of the C encoder would write a deeply shared list in full before anybody could measure it.
    chunks, size = [], 0
    for chunk in _ENCODER.iterencode(value):
        size += len(chunk)
        if size > MAX_VALUE:
            raise ValueError(f"the value is longer than {MAX_VALUE} characters")
        chunks.append(chunk)
    return "".join(chunks)


def _json_default(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)  # a strict undefined raises, with jinja's message
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(_number(value))
    raise TypeError(f"{_kind(value)} cannot be written as text")


class _Encoder(json.JSONEncoder):
    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        return super().iterencode(o, _one_shot=False)


_ENCODER = _Encoder(ensure_ascii=False, allow_nan=False, default=_json_default)


def _number(value: float | Decimal) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    return str(value)


@pass_context  # keeps jinja from writing out constants at compile time, outside the meter
def _finalize(context: Context, value: Any) -> str:
    return text(value)


def _kind(value: Any) -> str:
    return "a text" if isinstance(value, str) else f"a value of type {type(value).__name__}"


def _size(value: Any) -> int:
    if isinstance(value, int):
        return value.bit_length() // 8
    return len(value) if isinstance(value, str | list | tuple | dict | range) else 0


def _made(value: Any) -> Any:
    """A value on its way, measured and paid for."""
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise OverflowError("the number is too large")
    size = _size(value)
    if size > MAX_VALUE:
        raise OverflowError("the value is too long")
    _meter.get().spend(1 + size // 64)
    return value


def _spending(function: Filter) -> Filter:
    position = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)  # keeps jinja's mark on filters that want the context
    def filtered(*args: Any, **kwargs: Any) -> Any:
        _meter.get().spend(1 + _size(args[position]) // 64)
        return _made(function(*args, **kwargs))

    return filtered


def _each(values: Iterable[Any]) -> Iterator[Any]:
    allowance = _meter.get()
    for value in values:
        allowance.spend(1)
        yield value


def _concat(values: list[Any]) -> str:
    return cast(str, _made("".join(text(value) for value in values)))


def _range(*args: int) -> range:
    numbers = range(*args)
    if max(map(abs, args)) > MAX_VALUE or len(numbers) > MAX_VALUE:
        raise OverflowError("the range is too long")
    return numbers


def _join(values: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    chosen = (value[attribute] for value in values) if attribute is not None else values
    texts, size = [], 0
    for value in chosen:
        texts.append(text(value))
        size += len(texts[-1]) + len(separator)
        if size > MAX_VALUE:
            raise OverflowError("the value is too long")
    return separator.join(texts)


def _replace(value: str, old: str, new: str, count: int = -1) -> str:
    if not all(isinstance(part, str) for part in (value, old, new)):
        raise TypeError("`replace` needs texts")
    if len(value) + value.count(old) * len(new) > MAX_VALUE:
        raise OverflowError("the value is too long")
    return value.replace(old, new, count)


def _round(value: float, precision: int = 0, method: str = "common") -> float:
    if abs(precision) > 15:
        raise ValueError("`round` takes a precision of at most 15 digits")
    return cast(float, FILTERS["round"](value, precision, method))


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    yield tree
    for child in tree.iter_child_nodes():
        yield from _walk(child)


def _may_be_called(target: nodes.Node) -> bool:
    if isinstance(target, nodes.Getattr):
        return target.attr in _METHODS
    return isinstance(target, nodes.Name) and target.name == "range"


def _check_loops(tree: nodes.Node, depth: int) -> None:
    for child in tree.iter_child_nodes():
        inside = depth + isinstance(child, nodes.For)
        if inside > _DEEPEST_LOOP:
            raise TemplateSyntaxError(f"loops may be nested {_DEEPEST_LOOP} deep", child.lineno or 1)
        _check_loops(child, inside)


def _replace_concats(tree: nodes.Node) -> None:
    for name, value in tree.iter_fields():
        if isinstance(value, list):
            setattr(tree, name, [_without_concat(entry) for entry in value])
        else:
            setattr(tree, name, _without_concat(value))


def _without_concat(value: Any) -> Any:
    if not isinstance(value, nodes.Node):
        return value
    _replace_concats(value)
    if isinstance(value, nodes.Concat):
        parts = nodes.List(value.nodes, lineno=value.lineno)
        return nodes.Filter(parts, _CONCAT, [], [], None, None, lineno=value.lineno)
    return value
