"""Parts of OpenAPI schemas as a CustomResourceDefinition has them, and how an API server fills in their defaults."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

Schema = dict[str, Any]
"""A part of a schema: plain JSON data."""

RULES = "x-kubernetes-validations"
PRESERVE = "x-kubernetes-preserve-unknown-fields"

_LONGEST = 1_000_000
"""More than any text, list or mapping in a document has; etcd holds 1.5 MB of an object."""


@dataclass(frozen=True)
class Rule:
    """A validation rule in CEL (Kubernetes, "CustomResourceDefinition validation rules")."""

    rule: str
    """The expression over ``self`` and, for changes, ``oldSelf``."""
    message: str
    """What is wrong and what to do, for people."""
    field: str = ""
    """The field to point at, below where the rule stands; the part itself when empty."""
    reason: Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"] = "FieldValueInvalid"
    """Which kind of mistake it is, for programs."""

    def schema(self) -> Schema:
        """As it is written in a schema."""
        written = {"rule": self.rule, "message": self.message, "reason": self.reason}
        return written | ({"fieldPath": f".{self.field}"} if self.field else {})


def with_rules(part: Schema, rules: list[Rule]) -> Schema:
    """Return ``part`` with further rules."""
    if not rules:
        return part
    return part | {RULES: [*part.get(RULES, []), *(rule.schema() for rule in rules)]}


def plain(text: str) -> str:
    """Return a docstring as text for ``kubectl explain``: without reST's double backticks and roles, lines joined."""
    text = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", text).replace("``", "`")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text.strip()))


def is_typed(part: Schema) -> bool:
    """Tell whether CEL sees a field of this schema: the API server shows rules nothing that has no type."""
    return "type" in part


def without_notes(part: Schema) -> Schema:
    """Return what a schema demands, without description and default."""
    return {key: value for key, value in part.items() if key not in ("description", "default")}


def same(first: Any, second: Any) -> bool:
    """Tell whether two pieces of JSON data are the same."""
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def demand(part: Schema) -> Schema:
    """Return a demand without ``type`` that values of another type fail, as ``anyOf`` and ``not`` must have it.

    Keywords such as ``maxLength`` let everything pass that is no text, so the opposite of one holds only for text:
    ``not: {maxLength: 0}`` says "text that is not empty". What lists and mappings hold is not looked at.
    """
    if "enum" in part:
        return {"enum": part["enum"]}
    match part.get("type"):
        case "boolean":
            return {"enum": [True, False]}
        case "integer" | "number":
            return {"not": {"minimum": 1e300}}
        case "string":
            return _sized(part, "Length")
        case "array":
            return _sized(part, "Items")
        case "object":
            return _sized(part, "Properties")
    raise NotImplementedError(f"no demand stands for {part}")


def _sized(part: Schema, what: str) -> Schema:
    least = part.get(f"min{what}", 0)
    return {"not": {f"max{what}": least - 1} if least else {f"min{what}": _LONGEST}}


def filled(part: Schema, value: Any) -> Any:
    """Return ``value`` with every default of the schema ``part``, as an API server stores it.

    Nulls are dropped where they are not allowed (Kubernetes, "Defaulting and Nullable").
    """
    if isinstance(value, list):
        return [filled(part.get("items", {}), each) for each in value]
    if not isinstance(value, dict):
        return value
    # A field without a schema is preserved as it is, null or not.
    fields = {key: _field(part, key) for key in value}
    given = {
        key: each for key, each in value.items() if each is not None or fields[key].get("nullable", not fields[key])
    }
    for key, field in part.get("properties", {}).items():
        if key not in given and "default" in field:
            given[key] = copy.deepcopy(field["default"])
    return {key: filled(_field(part, key), each) for key, each in given.items()}


def _field(part: Schema, key: str) -> Schema:
    schema: Schema = part.get("properties", {}).get(key, part.get("additionalProperties", {}))
    return schema
