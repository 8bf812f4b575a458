"""pydantic's errors in the user's words: where in the document, what is wrong there, what to write instead."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from preceptor.errors import Problem
from preceptor.spec.base import ContradictionError
from preceptor.spec.document import Specialization
from preceptor.spec.source import join, parent

_ABSENT = object()


@dataclass(frozen=True)
class _Place:
    """A spot in the document that pydantic complained about."""

    path: str
    key: str
    value: Any
    """What is written there; ``_ABSENT`` when nothing is."""
    annotation: Any
    """The type expected there."""
    field: FieldInfo | None
    """The field, when the spot is a key of a model."""
    model: type[BaseModel] | None
    """The model whose key the spot is."""
    key_type: Any = None
    """The type of the keys among which the spot's key is, when any key may stand there."""


def explain(error: ValidationError, data: Mapping[str, Any], lines: Mapping[str, int]) -> list[Problem]:
    """Return one problem for each mistake, with dotted paths as the user spells them and the nearest line."""
    problems: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        problem = _problem(detail, data)
        located = Problem(problem.path, nearest_line(problem.path, lines), problem.message, problem.mend)
        # The branches of a union complain one by one about the same spot.
        problems.setdefault(located.path, located)
    # A list of which no entry is right also counts as too short, and as no member of a union: the entries tell more.
    around = {path for path in problems for inner in problems if inner.startswith((f"{path}.", f"{path}["))}
    return [problem for path, problem in problems.items() if path not in around]


def nearest_line(path: str, lines: Mapping[str, int]) -> int | None:
    """Return the line of ``path``, or of the nearest part of the document around it that is there."""
    while path and path not in lines:
        path = parent(path)
    return lines.get(path)


def closest(word: str, known: list[str]) -> str | None:
    """Return the known word that ``word`` was probably meant to be, or ``None``."""
    folded = {_fold(each): each for each in known}
    if _fold(word) in folded:
        return folded[_fold(word)]
    matches = difflib.get_close_matches(_fold(word), list(folded), n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def listing(words: list[str], last: str = "or") -> str:
    """Return ``a``, ``a or b``, ``a, b or c``, each word in backticks."""
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


def _fold(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


# Finding the place ----------------------------------------------------------------------------------------------------


def _locate(loc: tuple[str | int, ...], data: Any) -> _Place:
    """Follow pydantic's location through the types, leaving out the tags it adds for unions."""
    place = _Place("", "", data, Specialization, None, None)
    for part in loc:
        annotation = _bare(place.annotation)
        if part == "[key]":
            return _Place(place.path, place.key, place.key, place.key_type, None, None)
        if _is_tagged_union(annotation):
            chosen = next(model for model in _members(annotation) if part in kinds(model))
            place = _Place(place.path, place.key, place.value, chosen, place.field, place.model)
        elif get_origin(annotation) in (Union, types.UnionType):
            branch = next((each for each in get_args(annotation) if str(part).startswith(f"{_name(each)}[")), None)
            if branch is None:
                break
            place = _Place(place.path, place.key, place.value, branch, place.field, place.model)
        elif annotation is None:
            break
        else:
            place = _step(place, annotation, part)
    return place


def _step(place: _Place, annotation: Any, part: str | int) -> _Place:
    path = join(place.path, part)
    value = _get(place.value, part)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = next((each for each in annotation.model_fields.values() if each.alias == part), None)
        return _Place(path, str(part), value, field.annotation if field else None, field, annotation)
    args = get_args(annotation)
    if get_origin(annotation) is dict:
        return _Place(path, str(part), value, args[1], None, None, key_type=args[0])
    return _Place(path, str(part), value, args[0] if args else None, None, None)


def _get(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part, _ABSENT)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return _ABSENT


def _bare(annotation: Any) -> Any:
    """Return a type without ``Annotated`` and ``| None``."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        some = [each for each in get_args(annotation) if each is not type(None)]
        if len(some) == 1:
            return _bare(some[0])
    return annotation


def _name(annotation: Any) -> str:
    return str(getattr(annotation, "__name__", annotation))


def _is_tagged_union(annotation: Any) -> bool:
    members = _members(annotation)
    return bool(members) and all(isinstance(each, type) and issubclass(each, BaseModel) for each in members)


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, without their tags."""
    return [_bare(each) for each in get_args(annotation)]


def kinds(annotation: Any) -> list[str]:
    """Return the values that ``kind`` may have in a model or a union of models."""
    models = _members(annotation) if _is_tagged_union(annotation) else [annotation]
    return [str(value) for model in models for value in get_args(model.model_fields["kind"].annotation)]


# Finding the words ----------------------------------------------------------------------------------------------------


def _problem(detail: ErrorDetails, data: Mapping[str, Any]) -> Problem:
    place = _locate(detail["loc"], data)
    context = detail.get("ctx", {})
    words = _WORDS.get(detail["type"])
    if words is not None:
        return words(place, context)
    if detail["type"].endswith(("_type", "_parsing", "_from_float", "_parsing_size")):
        return _wrong_type(place, context)
    return Problem(place.path, None, detail["msg"][:1].lower() + detail["msg"][1:], _example(place))


def _missing(place: _Place, _: Mapping[str, Any]) -> Problem:
    return Problem(place.path, None, f"the key `{place.key}` is missing", f"add {_example(place, verb='')}")


def _unknown(place: _Place, _: Mapping[str, Any]) -> Problem:
    assert place.model is not None, "only models forbid keys"
    allowed = _keys(place.model)
    guess = closest(place.key, allowed)
    suggestion = f"did you mean `{guess}`? " if guess else ""
    return Problem(
        place.path,
        None,
        f"the key `{place.key}` is unknown",
        f"{suggestion}the keys allowed here are {', '.join(allowed)}",
    )


def _wrong_value(place: _Place, _: Mapping[str, Any]) -> Problem:
    allowed = [str(value) for value in get_args(_bare(place.annotation))]
    return _not_among(place.path, place.key, place.value, allowed)


def _wrong_kind(place: _Place, context: Mapping[str, Any]) -> Problem:
    return _not_among(join(place.path, "kind"), "kind", context["tag"], kinds(_bare(place.annotation)))


def _not_among(path: str, key: str, value: Any, allowed: list[str]) -> Problem:
    guess = closest(str(value), allowed) if len(allowed) > 1 else None
    suggestion = f"did you mean `{guess}`? " if guess else ""
    return Problem(path, None, f"`{key}` cannot be {given(value)}", f"{suggestion}write {listing(allowed)}")


def _no_kind(place: _Place, _: Mapping[str, Any]) -> Problem:
    allowed = kinds(_bare(place.annotation))
    return Problem(join(place.path, "kind"), None, "the key `kind` is missing", f"add `kind:` with {listing(allowed)}")


def _wrong_type(place: _Place, _: Mapping[str, Any]) -> Problem:
    message = f"this must be {_expected(place.annotation)}, but {_written(place.value)}"
    return Problem(place.path, None, message, _retype(place))


def _retype(place: _Place) -> str:
    """Return the mend for a value of the wrong type: the user's own value, respelt, where there is one."""
    annotation, value = _bare(place.annotation), place.value
    if annotation is str and isinstance(value, bool | int | float):
        return f'put it in quotes: "{str(value).lower() if isinstance(value, bool) else value}"'
    if annotation in (int, float) and isinstance(value, str) and re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", value):
        return f"remove the quotes: {value}"
    if annotation is int and isinstance(value, float) and value.is_integer():
        return f"write {round(value)}"
    if get_origin(annotation) is tuple and isinstance(value, str | int | float):
        return f"write a list: [{value}]"
    if _is_tagged_union(annotation) and isinstance(value, str):
        known = closest(value, kinds(annotation)) or kinds(annotation)[0]
        return f"write `{place.key}: {{kind: {known}}}`"
    return _example(place)


def _out_of_range(place: _Place, context: Mapping[str, Any]) -> Problem:
    limits = {name: getattr(bound, name) for bound in _bounds(place) for name in _LIMITS if hasattr(bound, name)}
    limits.update({name: value for name, value in context.items() if name in _LIMITS})
    wanted = " and ".join(f"{_LIMITS[name]} {limit:g}" for name, limit in limits.items())
    return Problem(place.path, None, f"{_written(place.value)}, which is out of range", f"write a number {wanted}")


def _bounds(place: _Place) -> list[Any]:
    return list(place.field.metadata) if place.field else []


_LIMITS = {"gt": "above", "ge": "not below", "lt": "below", "le": "not above"}


def _not_finite(place: _Place, _: Mapping[str, Any]) -> Problem:
    return Problem(place.path, None, "this must be a finite number", _example(place))


def _empty_text(place: _Place, _: Mapping[str, Any]) -> Problem:
    return Problem(place.path, None, "the text is empty", _example(place))


def _too_few(place: _Place, context: Mapping[str, Any]) -> Problem:
    least = context["min_length"]
    entries = "one entry" if least == 1 else f"{least} entries"
    return Problem(place.path, None, "this is too short", f"give at least {entries}: {_example(place, verb='')}")


def _not_a_name(place: _Place, _: Mapping[str, Any]) -> Problem:
    slug = re.sub(r"[^a-z0-9]+", "-", str(place.value).lower())[:63].strip("-") or "my-run"
    rule = "lower-case letters, digits and `-`, at most 63, the first and last a letter or digit"
    return Problem(
        place.path, None, f"{given(place.value)} is not a name Kubernetes allows ({rule})", f"write `{slug}`"
    )


def _not_a_date(place: _Place, _: Mapping[str, Any]) -> Problem:
    return Problem(place.path, None, f"{given(place.value)} is not a day", "write a day such as 2025-01-31")


def _contradiction(place: _Place, context: Mapping[str, Any]) -> Problem:
    error = context["error"]
    if not isinstance(error, ContradictionError):
        return Problem(place.path, None, str(error), _example(place))
    path = place.path
    for part in error.at:
        path = join(path, part)
    return Problem(path, None, str(error), error.mend)


_WORDS: dict[str, Callable[[_Place, Mapping[str, Any]], Problem]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _wrong_value,
    "union_tag_invalid": _wrong_kind,
    "union_tag_not_found": _no_kind,
    "greater_than": _out_of_range,
    "greater_than_equal": _out_of_range,
    "less_than": _out_of_range,
    "less_than_equal": _out_of_range,
    "finite_number": _not_finite,
    "string_too_short": _empty_text,
    "string_too_long": _not_a_name,
    "string_pattern_mismatch": _not_a_name,
    "too_short": _too_few,
    "date_parsing": _not_a_date,
    "date_from_datetime_parsing": _not_a_date,
    "date_from_datetime_inexact": _not_a_date,
    "value_error": _contradiction,
}


def _keys(model: type[BaseModel]) -> list[str]:
    return [str(field.alias) for field in model.model_fields.values()]


def _expected(annotation: Any) -> str:
    annotation = _bare(annotation)
    if _is_tagged_union(annotation) or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return "a mapping"
    if get_origin(annotation) in (Union, types.UnionType):
        words = list(dict.fromkeys(_expected(each) for each in get_args(annotation)))
        return " or ".join(word for word in words if not (word == "a whole number" and "a number" in words))
    plain = {str: "text", int: "a whole number", float: "a number", bool: "true or false", date: "a day"}
    nested = {tuple: "a list", list: "a list", dict: "a mapping", Literal: "one of its values"}
    return plain.get(annotation) or nested.get(get_origin(annotation), "something else")


def given(value: Any) -> str:
    """Return a value as a message shows it, clipped."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = text if len(text) <= 60 else text[:57] + "…"
    return f'"{text}"' if isinstance(value, str) else text


def _written(value: Any) -> str:
    return "nothing is written here" if value is None or value is _ABSENT else f"{given(value)} is written"


def _example(place: _Place, verb: str = "write ") -> str:
    """Return a line of YAML that would be right at a place."""
    annotation = _bare(place.annotation)
    if place.field is not None and place.field.examples:
        value = place.field.examples[0]
    elif place.field is not None and _is_scalar(place.field.default):
        value = place.field.default
    elif get_origin(annotation) is Literal:
        value = get_args(annotation)[0]
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"{verb}keys out of {', '.join(_keys(annotation))}"
    elif _is_tagged_union(annotation):
        value = {"kind": kinds(annotation)[0]}
    else:
        return f"{verb}{_expected(annotation)}"
    line = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False).removesuffix("\n...\n").strip()
    return f"{verb}`{place.key}: {line}`" if place.field is not None else f"{verb}`{line}`"


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)
