"""What an API server does with an object of a custom resource: drop what is unknown, fill in defaults, check.

Written after Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions", with jsonschema and a CEL library.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import cel
from jsonschema import Draft4Validator, FormatChecker

_UNTOUCHED = ("apiVersion", "kind", "metadata")
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@dataclass(frozen=True)
class Refusal:
    """One reason why an object is not taken."""

    path: str
    """Dotted path of the field."""
    message: str
    """What is said of it."""


@dataclass(frozen=True)
class Admitted:
    """What became of an object."""

    object: dict[str, Any]
    """As it would be stored."""
    refusals: tuple[Refusal, ...]
    """Why it is not; empty when it is."""


class Checker:
    """A schema made ready to check many objects: converted once, its rules compiled once."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._validator = Draft4Validator(_draft4(schema), format_checker=_FORMATS)

    def prune(self, value: dict[str, Any]) -> tuple[Refusal, ...]:
        """Drop from an object, in place, what the schema does not know, and tell it."""
        return tuple(_pruned(self._schema, value, "", top=True))

    def fill(self, value: dict[str, Any]) -> None:
        """Fill in defaults, in place."""
        _fill(self._schema, value)

    def mistakes(self, stored: dict[str, Any]) -> tuple[Refusal, ...]:
        """Return what the schema refuses of a pruned and filled object, its rules apart."""
        return tuple(_schema_refusal(error) for error in self._validator.iter_errors(stored))

    def broken_rules(self, stored: dict[str, Any], old: dict[str, Any] | None = None) -> tuple[Refusal, ...]:
        """Return what the rules refuse of an object without mistakes, which replaces ``old`` when that is given."""
        return tuple(_ruled(self._schema, _typed(self._schema, stored), old and _typed(self._schema, old), ""))


def admit(schema: dict[str, Any], sent: dict[str, Any], old: dict[str, Any] | None = None) -> Admitted:
    """Return what a strict server makes of ``sent``, which replaces ``old`` when that is given."""
    checker = Checker(schema)
    stored = copy.deepcopy(sent)
    unknown = checker.prune(stored)
    checker.fill(stored)
    refusals = unknown + checker.mistakes(stored)
    return Admitted(stored, refusals or checker.broken_rules(stored, old))


_compiled = functools.lru_cache(maxsize=None)(cel.compile)


def _pruned(part: dict[str, Any], value: Any, at: str, *, top: bool = False) -> Iterator[Refusal]:
    """Drop what the schema does not know, and tell it."""
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from _pruned(part.get("items", {}), each, f"{at}[{place}]")
        return
    if not isinstance(value, dict):
        return
    properties, others = part.get("properties", {}), part.get("additionalProperties")
    for key in [key for key in value if not (top and key in _UNTOUCHED)]:
        field = properties.get(key, others)
        if field is not None:
            if value[key] is None and not field.get("nullable"):
                del value[key]
            else:
                yield from _pruned(field, value[key], f"{at}.{key}".lstrip("."))
        elif not part.get("x-kubernetes-preserve-unknown-fields"):
            del value[key]
            yield Refusal(f"{at}.{key}".lstrip("."), "unknown field")


def _fill(part: dict[str, Any], value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _fill(part.get("items", {}), each)
    elif isinstance(value, dict):
        properties = part.get("properties", {})
        for key, field in properties.items():
            if key not in value and "default" in field:
                value[key] = copy.deepcopy(field["default"])
        for key, each in value.items():
            _fill(properties.get(key, part.get("additionalProperties", {})), each)


def _draft4(part: Any) -> Any:
    """Return a schema in which ``nullable`` is a type, as JSON Schema has it."""
    if isinstance(part, list):
        return [_draft4(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {key: _draft4(value) for key, value in part.items() if key not in ("default", "enum")}
    if "enum" in part:
        made["enum"] = part["enum"]
    if part.get("nullable") is True:
        made["type"] = [part["type"], "null"]
    return made


def _schema_refusal(error: Any) -> Refusal:
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error.absolute_path)
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return Refusal(f"{path}.{missing}".lstrip("."), "Required value")
    return Refusal(path.lstrip("."), error.message)


def _typed(part: dict[str, Any], value: Any) -> Any:
    """Return a value as rules see it: every ``number`` is a double."""
    if isinstance(value, dict):
        fields = {key: part.get("properties", {}).get(key, part.get("additionalProperties", {})) for key in value}
        return {key: _typed(fields[key], each) for key, each in value.items()}
    if isinstance(value, list):
        return [_typed(part.get("items", {}), each) for each in value]
    return float(value) if part.get("type") == "number" and value is not None else value


@cache
def _program(rule: str) -> cel.Program:
    return cel.compile(rule)


def _ruled(part: dict[str, Any], value: Any, old: Any, at: str) -> Iterator[Refusal]:
    """Evaluate the rules of a schema and of everything below it; those about changes where there was a value before."""
    for rule in part.get("x-kubernetes-validations", []):
        if "oldSelf" in rule["rule"] and old is None:
            continue
        scope = {"self": value} if old is None else {"self": value, "oldSelf": old}
        if _program(rule["rule"]).execute(scope) is not True:
            yield Refusal((at + rule.get("fieldPath", "")).lstrip("."), rule["message"])
    if isinstance(value, dict):
        for key, each in value.items():
            field = part.get("properties", {}).get(key, part.get("additionalProperties", {}))
            before = old.get(key) if isinstance(old, dict) else None
            yield from _ruled(field, each, before, f"{at}.{key}".lstrip("."))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _ruled(part.get("items", {}), each, None, f"{at}[{place}]")
