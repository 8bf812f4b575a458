"""What a Kubernetes API server demands of a CustomResourceDefinition's schema before it takes it, said independently.

Written after Kubernetes, "Specifying a structural schema" and "CustomResourceDefinition validation rules". The cost of
rules is estimated from above, by counting their words: an API server's estimate is finer and lower.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

KNOWN = set(
    "type format title description default nullable enum pattern required properties items additionalProperties allOf "
    "anyOf oneOf not minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems "
    "minProperties maxProperties multipleOf x-kubernetes-preserve-unknown-fields x-kubernetes-validations "
    "x-kubernetes-list-type x-kubernetes-list-map-keys x-kubernetes-int-or-string".split()
)
"""Keywords of an OpenAPI 3.0 schema that a CustomResourceDefinition may hold."""
NOT_IN_LOGIC = {"description", "type", "default", "additionalProperties", "nullable"}
"""What may not stand below allOf, anyOf, oneOf and not."""
RULE_COST, ALL_COST = 10_000_000, 100_000_000
"""What one rule, and all of a definition, may be estimated to cost."""
_UNBOUNDED = 100_000
_ESCAPED = set(
    "true false null in as break const continue else for function if import let loop package namespace return".split()
)


def faults(schema: dict[str, Any]) -> list[str]:
    """Return what is wrong with the whole schema of a version; nothing when it is structural."""
    top = [] if schema.get("type") == "object" else ["the root must be an object"]
    metadata = schema["properties"]["metadata"]
    top += [] if set(metadata) <= {"type"} else ["metadata may not be described"]
    return [*top, *_faults(schema, "")]


def _faults(part: dict[str, Any], at: str) -> Iterator[str]:
    yield from _type_faults(part, at)
    yield from _size_faults(part, at)
    yield from _logic_faults(part, at)
    for name, field in part.get("properties", {}).items():
        if name in _ESCAPED:
            yield f"{at}.{name}: rules would have to escape this name"
        yield from _faults(field, f"{at}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(part.get(key), dict):
            yield from _faults(part[key], f"{at}[{key}]")


def _type_faults(part: dict[str, Any], at: str) -> Iterator[str]:
    for key in sorted(set(part) - KNOWN):
        yield f"{at}: {key} is not allowed"
    preserved = part.get("x-kubernetes-preserve-unknown-fields")
    if preserved not in (None, True):
        yield f"{at}: x-kubernetes-preserve-unknown-fields may only be true"
    if not isinstance(part.get("type"), str) and not preserved:
        yield f"{at}: has no type"
    if preserved and part.get("type") not in (None, "object"):
        yield f"{at}: only objects have unknown fields"
    if "properties" in part and "additionalProperties" in part:
        yield f"{at}: properties and additionalProperties exclude one another"
    if part.get("additionalProperties") is False:
        yield f"{at}: additionalProperties may not be false"
    if part.get("type") == "array" and not isinstance(part.get("items"), dict):
        yield f"{at}: a list needs one schema for its items"


def _size_faults(part: dict[str, Any], at: str) -> Iterator[str]:
    for bound in ("exclusiveMinimum", "exclusiveMaximum"):
        if not isinstance(part.get(bound, True), bool):
            yield f"{at}: {bound} is true or false"
    for name in part.get("required", []):
        if name not in part.get("properties", {}):
            yield f"{at}: requires {name}, which it does not have"
    if part.get("x-kubernetes-list-type") == "map":
        keys, item = part["x-kubernetes-list-map-keys"], part["items"]
        if [key for key in keys if key not in item.get("required", [])]:
            yield f"{at}: the keys of a list map must be required"


def _logic_faults(part: dict[str, Any], at: str) -> Iterator[str]:
    for key in ("allOf", "anyOf", "oneOf"):
        for place, each in enumerate(part.get(key, [])):
            yield from _within_logic(each, part, f"{at}.{key}[{place}]")
    if "not" in part:
        yield from _within_logic(part["not"], part, f"{at}.not")


def _within_logic(part: dict[str, Any], outside: dict[str, Any], at: str) -> Iterator[str]:
    """Demands within logic are about what the schema outside has already described."""
    for key in sorted(set(part) & NOT_IN_LOGIC | {key for key in part if key.startswith("x-")}):
        yield f"{at}: {key} may not stand within logic"
    for name, field in part.get("properties", {}).items():
        if name not in outside.get("properties", {}):
            yield f"{at}: {name} is not described outside"
        else:
            yield from _within_logic(field, outside["properties"][name], f"{at}.{name}")
    if "items" in part:
        if "items" not in outside:
            yield f"{at}: items are not described outside"
        else:
            yield from _within_logic(part["items"], outside["items"], f"{at}[items]")
    for key in ("allOf", "anyOf", "oneOf"):
        for place, each in enumerate(part.get(key, [])):
            yield from _within_logic(each, outside, f"{at}.{key}[{place}]")
    if "not" in part:
        yield from _within_logic(part["not"], outside, f"{at}.not")


def rules(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any], int]]:
    """Yield each rule: where it stands, the rule, the schema it is about, and how often it may be evaluated."""
    yield from _rules(schema, "", 1)


def _rules(part: dict[str, Any], at: str, often: int) -> Iterator[tuple[str, dict[str, Any], dict[str, Any], int]]:
    for rule in part.get("x-kubernetes-validations", []):
        yield at, rule, part, often
    for name, field in part.get("properties", {}).items():
        yield from _rules(field, f"{at}.{name}", often)
    for key, bound in (("items", "maxItems"), ("additionalProperties", "maxProperties")):
        if isinstance(part.get(key), dict):
            yield from _rules(part[key], f"{at}[{key}]", often * part.get(bound, _UNBOUNDED))


def cost(rule: str, part: dict[str, Any]) -> int:
    """Estimate from above what evaluating a rule once costs: each word once, within a loop as often as it turns.

    Texts of unknown length that are compared with one another cost a tenth of their length.
    """
    scope, turns = {"self": part, "oldSelf": part}, 1
    for path, variable in re.findall(r"([\w.]+)\.(?:all|exists_one|exists)\((\w+),", rule):
        field = _field(scope[path.split(".")[0]], path)
        turns *= field.get("maxItems", field.get("maxProperties", _UNBOUNDED))
        # The variable of a mapping is a key, whose length nobody knows.
        scope[variable] = field.get("items", {})
    words = len(re.findall(r"[\w.]+|==|!=|<=|>=|&&|\|\|", rule))
    for path in re.findall(r"([\w.]+) == [a-z]\w*\.", rule):
        name = path.split(".")[0]
        if name not in ("self", "oldSelf"):
            words += _field(scope[name], path).get("maxLength", 3_000_000) // 10
    return turns * words


def _field(part: dict[str, Any], path: str) -> dict[str, Any]:
    for name in path.split(".")[1:]:
        part = part["properties"][name]
    return part


def unseen(rule: str, part: dict[str, Any]) -> list[str]:
    """Return the fields that a rule about a schema names and CEL does not see, because they have no type."""
    paths = re.findall(r"(?:self|oldSelf)((?:\.\w+\b(?!\())+)", re.sub(r"'[^']*'", "", rule))
    return [path for path in paths if not known_to_rules(part, path.lstrip("."))]


def known_to_rules(part: dict[str, Any], path: str) -> bool:
    """Tell whether CEL sees the field at a dotted path below a schema: each part of it has a type."""
    for name in path.split("."):
        part = part.get("properties", {}).get(name, {})
        if "type" not in part:
            return False
    return True
