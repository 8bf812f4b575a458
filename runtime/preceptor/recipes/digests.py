"""Names for things by their content: the same plan has the same digest in every process, on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from preceptor.spec.recipe import (
    AgreementValidator,
    CarryOver,
    EvolveSource,
    JudgeValidator,
    ProceduralSource,
    PromptSource,
    Recipe,
    SkillPlan,
    Source,
    Validator,
)

PROSE = frozenset({"method", "rationale", "prediction"})
"""Fields of a recipe that say why, not what: they change no row and are left out of its digest."""
LATER = frozenset({"validators", "retries"})
"""Fields that recipes once did not have: while they say nothing, a recipe keeps the digest it had."""

_AROUND = 3
_LONGEST_QUOTE = 120


def digest(obj: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of ``obj`` (keys sorted, no white space, no NaN).

    Raises ``TypeError`` or ``ValueError`` for what JSON cannot hold: a digest of a half-written value names nothing.
    """
    text = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seed_from(*parts: str | int) -> int:
    """A 63-bit seed that depends on every part and on nothing else."""
    return int(digest(list(parts))[:16], 16) >> 1


def recipe_digest(recipe: Recipe) -> str:
    """Digest of what a recipe makes: its prose and the order of its skills do not count."""
    unused = {name for name in LATER if getattr(recipe, name) == Recipe.model_fields[name].default}
    plain = recipe.model_dump(mode="json", by_alias=True, exclude=set(PROSE) | unused)
    plain["skills"].sort(key=lambda plan: plan["skill"])
    return digest(plain)


def diff(before: Recipe, after: Recipe) -> list[str]:
    """What changed from one recipe to the next, one readable sentence a change; empty when they make the same rows."""
    changes: list[str] = []
    if before.rows != after.rows:
        changes.append(f"{before.rows} → {after.rows} rows in all")
    old = {plan.skill: plan for plan in before.skills}
    new = {plan.skill: plan for plan in after.skills}
    for skill in sorted(old.keys() | new.keys()):
        if skill not in new:
            changes.append(f"{skill}: dropped (had {old[skill].quota} rows)")
        elif skill not in old:
            changes.append(f"{skill}: new, {new[skill].quota} rows")
        else:
            changes += _plan_changes(old[skill], new[skill])
    changes += _validator_changes(before, after)
    if before.retries != after.retries:
        changes.append(f"{before.retries} → {after.retries} retries")
    if before.carry_over != after.carry_over:
        changes.append(f"carries over {_carried(after.carry_over)} instead of {_carried(before.carry_over)}")
    return changes


def _plan_changes(before: SkillPlan, after: SkillPlan) -> list[str]:
    changes = []
    if before.quota != after.quota:
        changes.append(f"{after.skill}: {before.quota} → {after.quota} rows")
    old, new = _named(before), _named(after)
    for name in sorted(old.keys() | new.keys()):
        where = f"{after.skill}/{name}"
        if name not in new:
            changes.append(f"{where}: no longer used")
        elif name not in old:
            changes.append(f"{where}: new source, {_described(new[name])}")
        else:
            changes += [f"{where}: {change}" for change in _source_changes(old[name], new[name])]
    return changes


def _named(plan: SkillPlan) -> dict[str, Source]:
    """The sources by a name for people; several of one kind are counted."""
    names: dict[str, Source] = {}
    for source in plan.sources:
        name = _name(source)
        number = sum(_name(other) == name for other in names.values()) + 1
        names[name if number == 1 else f"{name} {number}"] = source
    return names


def _described(source: Source) -> str:
    template = f": {_quoted(source.template)}" if isinstance(source, PromptSource) else ""
    return f"weight {source.weight:g}{template}"


def _name(source: Source) -> str:
    match source:
        case ProceduralSource():
            return source.generator
        case EvolveSource():
            return f"evolve {source.change}"
        case _:
            return source.kind


def _source_changes(before: Source, after: Source) -> Iterator[str]:
    """What changed in a source, its template word by word and everything else by value."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    if before.weight != after.weight:
        yield f"weight {before.weight:g} → {after.weight:g}"
    if isinstance(before, ProceduralSource) and isinstance(after, ProceduralSource):
        if before.difficulty != after.difficulty:
            yield f"difficulty {_levels(before)} → {_levels(after)}"
        return
    for name in sorted((old.keys() | new.keys()) - {"weight"}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if name == "variables":
            yield from _variable_changes(was or {}, now or {})
        elif isinstance(was, str) and isinstance(now, str):
            yield f"{name}: {words_changed(was, now)}"
        else:
            yield f"{name} {_plain(was)} → {_plain(now)}"


def _variable_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"variable `{name}` dropped"
        elif name not in before:
            yield f"new variable `{name}`: {_plain(after[name])}"
        elif before[name] != after[name]:
            yield f"variable `{name}`: {_plain(before[name])} → {_plain(after[name])}"


def words_changed(before: str, after: str) -> str:
    """A text with what was taken out in ``[-…-]``, what was put in in ``{+…+}``, and three words around each."""
    old, new = before.split(), after.split()
    parts: list[str] = []
    for tag, start, end, first, last in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag == "equal":
            kept = old[start:end]
            parts += kept if len(kept) <= 2 * _AROUND else [*kept[:_AROUND], "…", *kept[-_AROUND:]]
            continue
        parts += [f"[-{' '.join(old[start:end])}-]"] * (end > start)
        parts += [f"{{+{' '.join(new[first:last])}+}}"] * (last > first)
    return " ".join(parts) if old != new else "other white space"


def _validator_changes(before: Recipe, after: Recipe) -> Iterator[str]:
    for validator in before.validators:
        if validator not in after.validators:
            yield f"no longer validated by {_validator(validator)}"
    for validator in after.validators:
        if validator not in before.validators:
            yield f"validated by {_validator(validator)}"


def _validator(validator: Validator) -> str:
    match validator:
        case AgreementValidator():
            return f"agreement of {validator.agree} of {validator.solutions} solutions"
        case JudgeValidator():
            who = "" if validator.model is None else f" by {validator.model}"
            return f"a rating of {validator.threshold} or more{who} for {_quoted(validator.rubric)}"
        case _:
            most = "any number of" if validator.maximum is None else validator.maximum
            return f"an answer's length of {validator.minimum} to {most} characters"


def _quoted(text: str) -> str:
    words = " ".join(text.split())
    return f"“{words}”" if len(words) <= _LONGEST_QUOTE else f"“{words[: _LONGEST_QUOTE - 1]}…”"


def _plain(value: Any) -> str:
    return "the teacher's own" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _levels(source: ProceduralSource) -> str:
    total = sum(source.difficulty.values())
    shares = (f"{level}: {weight / total:.0%}" for level, weight in sorted(source.difficulty.items()))
    return ", ".join(shares) or "even"


def _carried(carry_over: CarryOver | None) -> str:
    return "nothing" if carry_over is None else f"up to {carry_over.share:.0%} of each quota from {carry_over.version}"
