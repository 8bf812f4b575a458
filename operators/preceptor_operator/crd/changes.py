"""Rules for changes of an object that exists: a run's identity stays, its budgets only grow, the rest is free.

What is free and what is a budget is what ``preceptor.spec.changes`` says, by which a run is resumed. Rules see the text
of a document, not its meaning: a default of one `kind` that is now written out, or a duration in other units, is a
change to them.
"""

from __future__ import annotations

from preceptor.spec.changes import BUDGET, FREE
from preceptor_operator.crd.schemas import Rule, Schema, is_typed, with_rules

_GROWS = "a budget may only grow: restore the old limit or raise it, or remove it for none"
_WHOLE_DAYS = "^[1-9][0-9]*d$"


def held(part: Schema, path: str = "spec") -> Schema:
    """Return the schema at a dotted ``path`` with rules for changes of everything below it."""
    rules: list[Rule] = []
    properties: Schema = {}
    for name, field in part["properties"].items():
        at, inner = f"{path}.{name}", field
        if at == BUDGET:
            inner = with_rules(field, _growing(field))
        elif any(free.startswith(f"{at}.") for free in FREE):
            inner = held(field, at)
            if not _always(part, name):
                rules.append(_fixed(name, f"has(self.{name}) == has(oldSelf.{name})"))
        elif at not in FREE:
            if not is_typed(field):
                raise NotImplementedError(f"rules cannot see {at}, which has no type, so it would not be held")
            rules.append(_fixed(name, _same(name, _always(part, name))))
        properties[name] = inner
    return with_rules(part | {"properties": properties}, rules)


def _always(part: Schema, name: str) -> bool:
    """Tell whether a field is there in every object."""
    return name in part.get("required", []) or "default" in part["properties"][name]


def _same(name: str, always: bool) -> str:
    equal = f"self.{name} == oldSelf.{name}"
    return equal if always else f"has(self.{name}) ? has(oldSelf.{name}) && {equal} : !has(oldSelf.{name})"


def _fixed(name: str, rule: str) -> Rule:
    message = (
        f"`{name}` belongs to the run's identity and cannot change; restore it, or apply the document under another "
        "`metadata.name`"
    )
    return Rule(rule, message, name, "FieldValueForbidden")


def _growing(budget: Schema) -> list[Rule]:
    special = {"attempts": _attempts(), "wallClock": _optional("wallClock", _longer("wallClock"))}
    rules = []
    for name in budget["properties"]:
        larger = f"self.{name} >= oldSelf.{name}"
        usual = larger if name in budget["required"] else _optional(name, larger)
        rules.append(Rule(special.get(name, usual), _GROWS, name, "FieldValueForbidden"))
    return rules


def _optional(name: str, larger: str) -> str:
    """An absent limit is none at all, the largest there is."""
    return f"!has(self.{name}) || (has(oldSelf.{name}) && ({larger}))"


def _attempts() -> str:
    """Absent, it is some more than the iterations, as in ``Budget.max_attempts``."""
    new, old = (f"(has({it}.attempts) ? {it}.attempts : {it}.iterations + 7)" for it in ("self", "oldSelf"))
    return f"{new} >= {old}"


def _longer(name: str) -> str:
    """Compare lengths of time: CEL reads hours, minutes and seconds; whole days are compared as the numbers they are.

    Days against hours are left to the driver, which compares the two documents before it goes on.
    """
    new, old = f"self.{name}", f"oldSelf.{name}"
    days = f"{new}.matches('{_WHOLE_DAYS}') && {old}.matches('{_WHOLE_DAYS}')"
    more = f"{new}.size() > {old}.size() || ({new}.size() == {old}.size() && {new} >= {old})"
    timed = f"!{new}.contains('d') && !{old}.contains('d')"
    return f"({timed}) ? duration({new}) >= duration({old}) : !({days}) || {more}"
