"""From the JSON Schema of a type to a structural schema, which is what a CustomResourceDefinition may have.

Kubernetes, "Specifying a structural schema": every part has one type, references are written out, alternatives only
compare values. What has no single type is left to the runtime, which reads the document once more: its fields are
preserved as they are written. A null stands for an absent key nearly everywhere, and the API server drops it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from preceptor.spec.base import DURATION_PATTERN
from preceptor.spec.schema import json_schema
from preceptor_operator.crd.rules import LIMITS, REMARKS, RULES_OF, UNFILLED
from preceptor_operator.crd.schemas import PRESERVE, Schema, demand, filled, plain, same, with_rules
from preceptor_operator.crd.unions import KIND, merged

_LIMIT_OF = {"array": "maxItems", "object": "maxProperties", "string": "maxLength"}
_KEPT = (
    "type enum pattern format minLength maxLength minItems maxItems minProperties maxProperties minimum maximum".split()
)
_LONGEST_DURATION = 64


def structural(type_: type[BaseModel], *, defaults: bool = True) -> Schema:
    """Return the structural schema of what a user writes for ``type_``; without its defaults on request."""
    body = json_schema(type_)
    return _Converter(body.get("$defs", {}), defaults).converted(body, type_.__name__)


class _Converter:
    """Converts the parts of one JSON Schema."""

    def __init__(self, definitions: Mapping[str, Schema], defaults: bool) -> None:
        self._definitions = definitions
        self._defaults = defaults

    def converted(self, part: Schema, owner: str = "") -> Schema:
        """Return a part's structural schema; ``owner`` is the type it defines, if it does."""
        if "$ref" in part:
            owner = part["$ref"].rpartition("/")[2]
            beside = {key: value for key, value in part.items() if key != "$ref"}
            return self.converted(self._definitions[owner] | beside, owner)
        choices = part.get("anyOf") or part.get("oneOf")
        if choices:
            made = self._choice(part, choices)
        elif "properties" in part:
            made = self._object(part, owner)
        elif part["type"] == "object":
            made = self._map(part)
        elif part["type"] == "array":
            made = _kept(part) | {"items": self.converted(part["items"])}
        else:
            made = _kept(part)
        return self._annotated(part, made)

    def _annotated(self, part: Schema, made: Schema) -> Schema:
        """Add what is told about a part and what stands where it is silent."""
        notes: Schema = {}
        if "description" in part:
            notes["description"] = plain(part["description"])
        default = _without_nulls(part.get("default"))
        if self._defaults and default is not None:
            notes["default"] = {} if isinstance(default, dict) and same(filled(made, {}), default) else default
        # A null says something of its own only where something else stands when the key is absent.
        if default is not None and {"type": "null"} in part.get("anyOf", []):
            notes["nullable"] = True
        return made | notes

    def _object(self, part: Schema, owner: str) -> Schema:
        made: Schema = {"type": "object"}
        if part.get("required"):
            made["required"] = part["required"]
        made["properties"] = {name: self._field(owner, name, field) for name, field in part["properties"].items()}
        return with_rules(made, RULES_OF.get(owner, []))

    def _field(self, owner: str, name: str, part: Schema) -> Schema:
        made = self.converted(part)
        if (owner, name) in UNFILLED:
            made.pop("default")
        if (owner, name) in LIMITS:
            made[_LIMIT_OF[made["type"]]] = LIMITS[owner, name]
        return made | REMARKS.get((owner, name), {})

    def _map(self, part: Schema) -> Schema:
        values = part.get("additionalProperties", True)
        if values is True:
            return {"type": "object", PRESERVE: True}
        return _kept(part) | {"additionalProperties": self.converted(values)}

    def _choice(self, part: Schema, choices: list[Schema]) -> Schema:
        real = [choice for choice in choices if choice != {"type": "null"}]
        if len(real) == 1:
            return self.converted(real[0])
        members = [self._definitions[choice["$ref"].rpartition("/")[2]] for choice in real if "$ref" in choice]
        if members and len(members) == len(real):
            kinds = [member["properties"][KIND]["const"] for member in members]
            made = {kind: self.converted(choice) for kind, choice in zip(kinds, real, strict=True)}
            return merged(made, _examples(members))
        demands = [demand(self.converted(choice)) for choice in real]
        return {PRESERVE: True, "anyOf": [each for place, each in enumerate(demands) if each not in demands[:place]]}


def _kept(part: Schema) -> Schema:
    """Return a part's type and what it demands, in the words of OpenAPI 3.0."""
    kept = {key: part[key] for key in _KEPT if key in part}
    if "const" in part:
        kept["enum"] = [part["const"]]
    for bound, step in (("minimum", 1), ("maximum", -1)):
        exclusive = f"exclusive{bound.capitalize()}"
        if exclusive in part and part["type"] == "integer":
            kept[bound] = part[exclusive] + step
        elif exclusive in part:
            kept |= {bound: part[exclusive], exclusive: True}
    if part.get("pattern") == DURATION_PATTERN:
        kept["maxLength"] = _LONGEST_DURATION
    return kept


def _examples(members: list[Schema]) -> dict[tuple[str, str], Any]:
    return {
        (member["properties"][KIND]["const"], name): field["examples"][0]
        for member in members
        for name, field in member["properties"].items()
        if "examples" in field
    }


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
