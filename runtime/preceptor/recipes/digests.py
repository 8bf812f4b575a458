"""Names for things by their content: the same plan has the same digest in every process, on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from preceptor.spec.recipe import CarryOver, ProceduralSource, Recipe, SkillPlan

PROSE = frozenset({"method", "rationale", "prediction"})
"""Fields of a recipe that say why, not what: they change no row and are left out of its digest."""


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
    plain = recipe.model_dump(mode="json", by_alias=True, exclude=set(PROSE))
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
    if before.carry_over != after.carry_over:
        changes.append(f"carries over {_carried(after.carry_over)} instead of {_carried(before.carry_over)}")
    return changes


def _plan_changes(before: SkillPlan, after: SkillPlan) -> list[str]:
    changes = []
    if before.quota != after.quota:
        changes.append(f"{after.skill}: {before.quota} → {after.quota} rows")
    old = {source.generator: source for source in before.sources}
    new = {source.generator: source for source in after.sources}
    for name in sorted(old.keys() | new.keys()):
        where = f"{after.skill}/{name}"
        if name not in new:
            changes.append(f"{where}: no longer used")
        elif name not in old:
            changes.append(f"{where}: new source, weight {new[name].weight:g}")
        else:
            if old[name].weight != new[name].weight:
                changes.append(f"{where}: weight {old[name].weight:g} → {new[name].weight:g}")
            if old[name].difficulty != new[name].difficulty:
                changes.append(f"{where}: difficulty {_levels(old[name])} → {_levels(new[name])}")
    return changes


def _levels(source: ProceduralSource) -> str:
    total = sum(source.difficulty.values())
    shares = (f"{level}: {weight / total:.0%}" for level, weight in sorted(source.difficulty.items()))
    return ", ".join(shares) or "even"


def _carried(carry_over: CarryOver | None) -> str:
    return "nothing" if carry_over is None else f"up to {carry_over.share:.0%} of each quota from {carry_over.version}"
