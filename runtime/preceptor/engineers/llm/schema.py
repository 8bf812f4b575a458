"""The JSON schema of an answer: the recipe's own, cut down to what is possible now and to what endpoints understand.

Servers that decode under a schema know different subsets of JSON Schema. Left over is what all of them know: no
references, every object closed and all its keys required, alternatives as ``anyOf``, few bounds. An object with free
keys, such as a template's variables, becomes a list of ``{key, value}``, which
:mod:`preceptor.engineers.llm.answer` turns back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from preceptor.spec.recipe import Recipe

Schema = dict[str, Any]

_MOST = {"sources": 8, "validators": 3, "variables": 12, "difficulty": 10, "of": 100, "weights": 100}
"""Most entries of a recipe's lists: a weak model under a schema that allows one more entry never ends."""
HOTTEST = 2.0
"""Highest temperature: what endpoints accept at most."""
SHARES = (0.25, 0.5, 0.75, 1)
"""Shares of the best version to choose from."""
CHANGES = (-0.3, -0.2, -0.1, -0.05, -0.02, 0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
"""Changes of accuracy to choose from."""
_GRIDS = {"temperature": (0, 0.3, 0.7, 1, 1.3), "share": SHARES}
"""Numbers to choose from: few servers keep decoding within the bounds of a number, all keep to an enumeration."""
_DAY = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"
_PATTERNS = {"first": _DAY, "last": _DAY}
"""Texts that are right in one form only."""
_VARIABLE = r"^[A-Za-z][A-Za-z0-9_]{0,39}$"
"""What a template can read: an identifier."""
_WEIGHT = {"type": "integer", "minimum": 1, "maximum": 10}
_KEPT = ("type", "enum", "description", "minimum", "maximum", "minItems", "maxItems")
ORDER = ("rationale", "method", "skills", "validators", "retries", "carryOver", "prediction")
"""Keys of a recipe as an answer has them: first why, last what it is expected to bring."""


def answer_schema(
    *,
    skills: Sequence[str],
    sources: Collection[str],
    validators: Collection[str],
    generators: Sequence[str],
    cards: Sequence[str],
    rows: tuple[int, int],
    carry_over: bool,
    must_use_card: bool,
    may_stop: bool,
) -> Schema:
    """The schema for an answer that may name these skills, kinds of sources and validators, generators and cards.

    ``rows`` are the fewest and the most of a version.
    """
    whole = Recipe.model_json_schema(by_alias=True)
    recipe = _Trimmer(whole.get("$defs", {}), {*sources, *validators}).trim(whole)
    parts: dict[str, Schema] = recipe["properties"]
    plan = parts["skills"]["items"]["properties"]
    plan["skill"] = {"type": "string", "enum": list(skills), "description": "The skill's label."}
    plan["quota"] |= {"minimum": rows[0] if len(skills) == 1 else 1, "maximum": rows[1]}
    _bound(recipe, {**_MOST, "skills": len(skills), "prediction": len(skills)})
    for source in _alternatives(plan["sources"]["items"]):
        if "generator" in source["properties"]:
            source["properties"]["generator"] = {"type": "string", "enum": list(generators)}
    for validator in _alternatives(parts["validators"]["items"]):
        if "rubric" in validator["properties"]:
            _drop(validator, "model")  # another model has another price
        if "solutions" in validator["properties"]:
            validator["properties"]["solutions"] |= {"minimum": 3, "maximum": 8}
            validator["properties"]["agree"] |= {"minimum": 2, "maximum": 3}  # never more than there are
    change = {"type": "number", "enum": list(CHANGES)}
    parts["prediction"]["items"] = closed({"key": {"type": "string", "enum": list(skills)}, "value": change})
    if carry_over:
        share = next(part for part in _alternatives(parts["carryOver"]) if part.get("type") == "object")
        _drop(share, "version")  # always the best one
    else:
        parts["carryOver"] = {"type": "null"}
    recipe["properties"] = {name: parts[name] for name in ORDER}
    recipe["required"] = list(ORDER)
    reason = {"type": "string", "description": "Why no recipe would help any more."}
    known = {"type": "string", "enum": list(cards)}
    card = known if must_use_card and cards else or_null(known) if cards else {"type": "null"}
    return closed(
        {
            "stop": or_null(reason) if may_stop else {"type": "null"},
            "card": {**card, "description": "The strategy card that the recipe instantiates."},
            "recipe": or_null(recipe) if may_stop else recipe,
        }
    )


def outline(schema: Schema) -> str:
    """The schema as an indented list for a reader who is not given it: key, type, what it means."""
    return "\n".join(_outlined(schema, 0))


class _Trimmer:
    def __init__(self, definitions: Mapping[str, Schema], kinds: Collection[str]) -> None:
        self._definitions = definitions
        self._kinds = kinds
        """Kinds of sources and validators that are possible; values keep all of theirs."""

    def trim(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            found = self._definitions[schema["$ref"].rpartition("/")[2]]
            return self.trim({**found, **{key: value for key, value in schema.items() if key != "$ref"}})
        if branches := schema.get("oneOf") or schema.get("anyOf"):
            kept = [self.trim(branch) for branch in branches if self._possible(branch)]
            described = {"description": schema["description"]} if "description" in schema else {}
            return {"anyOf": kept, **described} if len(kept) != 1 else {**kept[0], **described}
        if "additionalProperties" in schema and schema["additionalProperties"] is not False:
            names = self.trim(schema.get("propertyNames", {"type": "string"}))
            return _pairs(names, self.trim(schema["additionalProperties"]), schema)
        trimmed = {key: schema[key] for key in _KEPT if key in schema}
        if "description" in trimmed:
            trimmed["description"] = " ".join(trimmed["description"].split())
        if "const" in schema:
            trimmed["enum"] = [schema["const"]]
        if schema.get("type") == "integer" and "exclusiveMinimum" in schema:
            trimmed["minimum"] = schema["exclusiveMinimum"] + 1
        if "items" in schema:
            trimmed["items"] = self.trim(schema["items"])
        if schema.get("type") == "object":
            described = {"description": trimmed["description"]} if "description" in trimmed else {}
            properties = {name: self.trim(part) for name, part in schema.get("properties", {}).items()}
            return {**closed(properties), **described}
        return trimmed

    def _possible(self, branch: Schema) -> bool:
        found = self._definitions.get(branch.get("$ref", "").rpartition("/")[2], {})
        kind = found.get("properties", {}).get("kind", {}).get("const")
        return kind is None or kind not in _CHOSEN or kind in self._kinds


_CHOSEN = frozenset({"procedural", "prompt", "solve", "evolve", "pool", "agreement", "judge", "length"})


def _pairs(key: Schema, value: Schema, described: Schema) -> Schema:
    listed: Schema = {"type": "array", "items": closed({"key": key, "value": value})}
    return {**listed, "description": described["description"]} if "description" in described else listed


def closed(properties: Mapping[str, Schema]) -> Schema:
    """An object with these keys, all of them and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _drop(schema: Schema, name: str) -> None:
    del schema["properties"][name]
    schema["required"].remove(name)


def _bound(schema: Schema, most: Mapping[str, int]) -> None:
    """Limit the entries of every list, and sharpen numbers, by the name of their key."""
    for branch in _alternatives(schema):
        for name, part in branch.get("properties", {}).items():
            for listed in _alternatives(part):
                if listed.get("type") == "array":
                    listed["maxItems"] = most[name]
                elif listed.get("type") == "number" and name in _GRIDS:
                    listed["enum"] = list(_GRIDS[name])
                elif name == "weight":
                    listed.update(_WEIGHT)
                elif name in _PATTERNS:
                    listed["pattern"] = _PATTERNS[name]
                if name == "variables":
                    listed["items"]["properties"]["key"]["pattern"] = _VARIABLE
            _bound(part, most)
        if "items" in branch:
            _bound(branch["items"], most)


def or_null(schema: Schema) -> Schema:
    """What the schema allows, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _alternatives(schema: Schema) -> list[Schema]:
    branches: list[Schema] = schema.get("anyOf", [schema])
    return branches


def _outlined(schema: Schema, depth: int) -> Iterator[str]:
    for branch in _alternatives(schema):
        if branch.get("type") == "array":
            yield from _outlined(branch["items"], depth)
        elif branch.get("type") == "object":
            kind = branch["properties"].get("kind", {}).get("enum", [None])[0]
            if kind is not None:
                yield f"{'  ' * depth}- kind `{kind}`:"
            for name, part in branch["properties"].items():
                if name != "kind":
                    meaning = f" {part['description']}" if "description" in part else ""
                    yield f"{'  ' * (depth + (kind is not None))}- `{name}` ({_type(part)}){meaning}"
                    yield from _outlined(part, depth + 1 + (kind is not None))


def _type(schema: Schema) -> str:
    if "anyOf" in schema:
        names = dict.fromkeys(_type(branch) for branch in schema["anyOf"])
        return " or ".join(names)
    if "enum" in schema and len(schema["enum"]) <= 16:
        return " | ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        entry = schema["items"]
        return "list of {key, value}" if _is_pair(entry.get("properties", {})) else f"list of {_type(entry)}s"
    return str(schema.get("type", "value"))


def _is_pair(properties: Mapping[str, Any]) -> bool:
    """Whether an object stands for a key and its value."""
    return set(properties) == {"key", "value"}
