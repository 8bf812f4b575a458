"""One object out of a union discriminated by ``kind``: a structural schema has no alternatives with types of their own.

The fields of all members stand beside one another; rules say which of them go with which ``kind``. Two members may
have a field of the same name: what both demand of it stays a schema, and what only one demands is said for its kind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from preceptor_operator.crd.schemas import (
    PRESERVE,
    RULES,
    Rule,
    Schema,
    demand,
    is_typed,
    same,
    with_rules,
    without_notes,
)

KIND = "kind"

_SIZES = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minimum", "maximum")


def merged(members: Mapping[str, Schema], examples: Mapping[tuple[str, str], Any]) -> Schema:
    """Return one schema for the structural schemas of a union's members by their kind.

    Args:
        members: the structural schema of each member, by its kind.
        examples: what to write for a field that is missing, by kind and field.

    A member's own defaults are left out: the API server would fill them in whatever the kind is, and a field of
    another kind is a mistake. Those that every member has stay.
    """
    kinds = list(members)
    fields = {name: None for member in members.values() for name in member["properties"] if name != KIND}
    properties: Schema = {KIND: _kind(members)}
    rules: list[Rule] = []
    demands: list[Schema] = []
    for name in fields:
        owners = {kind: member["properties"][name] for kind, member in members.items() if name in member["properties"]}
        common = _common(owners, kinds)
        properties[name] = common
        needed = [kind for kind in owners if name in members[kind].get("required", [])]
        if not is_typed(common):
            demands.append(_by_kind(name, owners, needed, kinds))
            continue
        demands.extend(_differing(name, owners, common, kinds))
        if len(owners) < len(kinds):
            rules.append(_foreign(name, list(owners)))
        rules.extend(_needed(kind, name, examples) for kind in needed)
    return _assembled(members, properties, demands, rules)


def _assembled(members: Mapping[str, Schema], properties: Schema, demands: list[Schema], rules: list[Rule]) -> Schema:
    part: Schema = {"type": "object"}
    if "default" not in properties[KIND]:
        part["required"] = [KIND]
    part["properties"] = properties
    if demands:
        part["allOf"] = demands
    part = with_rules(part, rules)
    own = [rule | {"rule": _only(kind, rule["rule"])} for kind, each in members.items() for rule in each.get(RULES, [])]
    return part | {RULES: [*part.get(RULES, []), *own]} if own else part


def _kind(members: Mapping[str, Schema]) -> Schema:
    told = "\n\n".join(f"`{kind}`: {member['description']}" for kind, member in members.items())
    default = [member["properties"][KIND]["default"] for member in members.values() if _has_default(member)]
    return {"type": "string", "enum": list(members), "description": told} | ({"default": default[0]} if default else {})


def _has_default(member: Schema) -> bool:
    return "default" in member["properties"][KIND]


def _common(owners: Mapping[str, Schema], kinds: list[str]) -> Schema:
    """Return what every owner of a field demands of it, its descriptions, and a default that all members share."""
    first = next(iter(owners.values()))
    description = _told(owners, kinds)
    if len({each.get("type") for each in owners.values()}) > 1:
        return {PRESERVE: True, "description": description}
    common = {
        key: value
        for key, value in without_notes(first).items()
        if all(key in each and same(each[key], value) for each in owners.values())
    }
    for each in owners.values():
        odd = [key for key in without_notes(each) if key not in common and key not in _SIZES]
        if odd:
            raise NotImplementedError(f"members of a union differ in {odd} of a field")
    if description:
        common["description"] = description
    if len(owners) == len(kinds) and all(same(each.get("default"), first.get("default")) for each in owners.values()):
        common |= {"default": first["default"]} if "default" in first else {}
    return common


def _told(owners: Mapping[str, Schema], kinds: list[str]) -> str:
    """Return what a field is, for each kind by name where it is not the same for all."""
    of: dict[str, list[str]] = {}
    for kind, each in owners.items():
        of.setdefault(each.get("description", ""), []).append(f"`{kind}`")
    if len(of) == 1 and len(owners) == len(kinds):
        return next(iter(of))
    return "\n\n".join(f"{', '.join(some)}: {text}" for text, some in of.items())


def _differing(name: str, owners: Mapping[str, Schema], common: Schema, kinds: list[str]) -> list[Schema]:
    """Say what only some owners of a field demand of its size."""
    own = {
        kind: {key: each[key] for key in _SIZES if key in each and key not in common} for kind, each in owners.items()
    }
    if not any(own.values()):
        return []
    free = [kind for kind in kinds if not own.get(kind)]
    held = [{"properties": {KIND: {"enum": [kind]}, name: sizes}} for kind, sizes in own.items() if sizes]
    return [{"anyOf": [*held, *([{"properties": {KIND: {"enum": free}}}] if free else [])]}]


def _by_kind(name: str, owners: Mapping[str, Schema], needed: list[str], kinds: list[str]) -> Schema:
    """Say for each kind what a field must be whose type differs; CEL cannot see such a field."""
    choices: list[Schema] = []
    for kind, each in owners.items():
        choice: Schema = {"properties": {KIND: {"enum": [kind]}, name: demand(each)}}
        choices.append(choice | ({"required": [name]} if kind in needed else {}))
    others = [kind for kind in kinds if kind not in owners]
    if others:
        choices.append({"properties": {KIND: {"enum": others}}, "not": {"required": [name]}})
    return {"anyOf": choices}


def _is(kinds: list[str]) -> str:
    return " || ".join(f"self.{KIND} == '{kind}'" for kind in kinds)


def _only(kind: str, rule: str) -> str:
    """Return a member's rule as one that holds for every other kind."""
    return f"self.{KIND} != '{kind}' || ({rule})"


def _foreign(name: str, owners: list[str]) -> Rule:
    listed = " or ".join(f"`{KIND}: {kind}`" for kind in owners)
    message = f"`{name}` goes with {listed} only; remove it, or change `{KIND}`"
    return Rule(f"!has(self.{name}) || {_is(owners)}", message, name, "FieldValueForbidden")


def _needed(kind: str, name: str, examples: Mapping[tuple[str, str], Any]) -> Rule:
    example = examples.get((kind, name))
    mend = f"add `{name}: {json.dumps(example, ensure_ascii=False)}`" if example is not None else f"add `{name}`"
    message = f"`{KIND}: {kind}` needs `{name}`; {mend} or what fits your case"
    return Rule(f"self.{KIND} != '{kind}' || has(self.{name})", message, name, "FieldValueRequired")
