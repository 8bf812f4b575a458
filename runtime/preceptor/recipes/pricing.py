"""Whether a recipe may be carried out, and what it would cost, before a single row is made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from preceptor.recipes.amount import PICODOLLARS, Amount, Limit
from preceptor.recipes.catalogue import GeneratorFacts, catalogue
from preceptor.spec.actors import HeuristicEngineer, LLMEngineer
from preceptor.spec.document import Budget, Spec
from preceptor.spec.misfits import misfits, source_path
from preceptor.spec.recipe import EvolveSource, ProceduralSource, Recipe, SkillPlan

LARGEST_UNIT = 32
"""Rows of a unit of work at most: small enough to spread and to waste little, large enough to be worth a message."""
SMALLEST_UNIT = 4
"""Rows of a unit at least, so that refilling a small quota does not go row by row."""


@dataclass(frozen=True)
class Price:
    """What a recipe costs if every row passes; refilling what the gates drop costs more."""

    rows: int
    """Rows of the finished version."""
    carried: int
    """Rows of those that come from an earlier version."""
    units: int
    """Units of work."""
    made: int
    """Rows the teacher makes: at least ``rows - carried``, rounded up to whole units."""


def price(recipe: Recipe, carried: Mapping[str, int]) -> Price:
    """Price of a recipe, given how many rows of each skill the version it carries over from holds."""
    rows = units = made = kept = 0
    for plan in recipe.skills:
        keep = carried_rows(recipe, plan, carried.get(plan.skill, 0))
        fresh = plan.quota - keep
        size = unit_rows(fresh, pieces(plan))
        count = math.ceil(fresh / size) if fresh else 0
        rows, kept, units, made = rows + plan.quota, kept + keep, units + count, made + count * size
    return Price(rows=rows, carried=kept, units=units, made=made)


def unit_rows(fresh: int, least: int = 1) -> int:
    """Rows of each unit of a skill that needs ``fresh`` rows: equal pieces of at most 32, at least 4.

    There are at least ``least`` of them where that leaves so many rows for each.
    """
    if fresh <= 0:
        return SMALLEST_UNIT
    return max(SMALLEST_UNIT, math.ceil(fresh / max(least, math.ceil(fresh / LARGEST_UNIT))))


def pieces(plan: SkillPlan) -> int:
    """Units that a skill's rows are cut into at least, so that the source with the smallest weight has its turn too.

    Generators alone take turns in whole units, however few those are: what they make depends on the size of a unit.
    """
    if all(isinstance(source, ProceduralSource) for source in plan.sources):
        return 1
    weights = [source.weight for source in plan.sources]
    return math.ceil(round(sum(weights) / min(weights), 9))


def carried_rows(recipe: Recipe, plan: SkillPlan, available: int) -> int:
    """Rows of a skill that are taken over when ``available`` could be."""
    if recipe.carry_over is None:
        return 0
    return min(available, math.floor(recipe.carry_over.share * plan.quota + 1e-9))


def cap_rows(cap: float, rows: int, skills: int) -> int:
    """Most rows one skill may have in a version of ``rows``; enough for ``skills`` together to fill it, at any cap."""
    return max(math.ceil(cap * rows - 1e-9), math.ceil(rows / skills))


def budget_limit(budget: Budget, spent: Amount) -> Limit:
    """What one attempt may use up, given what the run has spent: the rest of the budget, and no more than one may."""
    usd = None if budget.usd is None else math.floor(Decimal(repr(budget.usd)) * PICODOLLARS)
    limit = Limit(rows=budget.rows, requests=budget.teacher_requests, tokens=budget.tokens, picodollars=usd)
    return (limit - spent) & Limit(requests=budget.teacher_requests_per_attempt)


def problems(
    recipe: Recipe, spec: Spec, carried: Mapping[str, int] | None = None, *, rows_left: int | None = None
) -> Iterator[str]:
    """Why a recipe may not be carried out, as far as that shows without compiling its templates.

    Each problem has its path in the recipe, in the recipe's order. ``carried`` counts the rows of each skill in the
    version it carries over from, ``rows_left`` what the budget still allows the teacher to make; what is not given is
    not checked. :func:`preceptor.teachers.checking.problems` looks into templates and samplers, too.
    """
    facts = catalogue(spec.teacher)
    for position, plan in enumerate(recipe.skills):
        for place, source in enumerate(plan.sources):
            path = source_path(position, place)
            if isinstance(source, ProceduralSource):
                yield from _generator_problems(plan, source, facts, path)
            elif isinstance(source, EvolveSource) and recipe.carry_over and carried and not carried.get(plan.skill):
                version = recipe.carry_over.version
                yield f"{path}.kind: version `{version}` has no rows of skill `{plan.skill}` to rewrite"
    for misfit in misfits(recipe, spec):
        yield f"{misfit.path}: {misfit.message}; {misfit.mend}"
    yield from _size_problems(recipe, spec)
    if recipe.carry_over is not None and carried is not None and not any(carried.values()):
        yield f"carryOver.version: version `{recipe.carry_over.version}` has no rows"
    if rows_left is not None and (carried is not None or recipe.carry_over is None):
        reachable = price(recipe, carried or {}).carried + rows_left
        if reachable < spec.dataset.minimum:
            yield (
                f"skills: the budget leaves {rows_left} rows to make, so the version could hold {reachable} at most; "
                f"`dataset.minimum` is {spec.dataset.minimum}"
            )


def _generator_problems(
    plan: SkillPlan, source: ProceduralSource, facts: Mapping[str, GeneratorFacts], path: str
) -> Iterator[str]:
    known = facts.get(source.generator)
    if known is None:
        close = get_close_matches(source.generator, facts, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"the teacher has {', '.join(sorted(facts)) or 'none'}"
        yield f"{path}.generator: there is no generator `{source.generator}`; {hint}"
        return
    if known.skill != plan.skill:
        yield (
            f"{path}.generator: generator `{source.generator}` makes rows of skill `{known.skill}`, "
            f"not of `{plan.skill}`"
        )
    unknown = sorted(level for level, weight in source.difficulty.items() if weight > 0 and level not in known.levels)
    if unknown:
        yield (
            f"{path}.difficulty: generator `{source.generator}` has no difficulty {', '.join(map(str, unknown))}; "
            f"it has {', '.join(map(str, known.levels))}"
        )


def _size_problems(recipe: Recipe, spec: Spec) -> Iterator[str]:
    if recipe.rows > spec.dataset.size:
        yield f"skills: the quotas sum to {recipe.rows}; `dataset.size` is {spec.dataset.size}"
    if recipe.rows < spec.dataset.minimum:
        yield f"skills: the quotas sum to {recipe.rows}; `dataset.minimum` is {spec.dataset.minimum}"
    if isinstance(spec.engineer, HeuristicEngineer | LLMEngineer):
        most = cap_rows(spec.engineer.cap, recipe.rows, len(recipe.skills))
        for position, plan in enumerate(recipe.skills):
            if plan.quota > most:
                yield (
                    f"skills[{position}].quota: skill `{plan.skill}` gets {plan.quota} of {recipe.rows} rows; "
                    f"`engineer.cap` allows {most}"
                )
