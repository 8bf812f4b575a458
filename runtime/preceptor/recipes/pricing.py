"""Whether a recipe may be carried out, and what it would cost, before a single row is made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from preceptor.errors import RecipeError
from preceptor.recipes.catalogue import GeneratorFacts, catalogue
from preceptor.spec.actors import HeuristicEngineer
from preceptor.spec.document import Spec
from preceptor.spec.recipe import ProceduralSource, Recipe, SkillPlan

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
        size = unit_rows(fresh)
        count = math.ceil(fresh / size) if fresh else 0
        rows, kept, units, made = rows + plan.quota, kept + keep, units + count, made + count * size
    return Price(rows=rows, carried=kept, units=units, made=made)


def unit_rows(fresh: int) -> int:
    """Rows of each unit of a skill that needs ``fresh`` rows: equal pieces of at most 32, at least 4."""
    if fresh <= 0:
        return SMALLEST_UNIT
    return max(SMALLEST_UNIT, math.ceil(fresh / math.ceil(fresh / LARGEST_UNIT)))


def carried_rows(recipe: Recipe, plan: SkillPlan, available: int) -> int:
    """Rows of a skill that are taken over when ``available`` could be."""
    if recipe.carry_over is None:
        return 0
    return min(available, math.floor(recipe.carry_over.share * plan.quota + 1e-9))


def cap_rows(cap: float, rows: int, skills: int) -> int:
    """Most rows one skill may have in a version of ``rows``; enough for ``skills`` together to fill it, at any cap."""
    return max(math.ceil(cap * rows - 1e-9), math.ceil(rows / skills))


def check(
    recipe: Recipe, spec: Spec, carried: Mapping[str, int] | None = None, *, rows_left: int | None = None
) -> None:
    """Pass a recipe that may be carried out.

    ``carried`` counts the rows of each skill in the version it carries over from, ``rows_left`` what the budget still
    allows the teacher to make; what is not given is not checked. Raises ``RecipeError`` that lists
    every problem, not only the first.
    """
    problems = list(_problems(recipe, spec, carried, rows_left))
    if problems:
        raise RecipeError("the recipe cannot be carried out:\n" + "\n".join(f"  - {problem}" for problem in problems))


def _problems(recipe: Recipe, spec: Spec, carried: Mapping[str, int] | None, rows_left: int | None) -> Iterator[str]:
    facts = catalogue(spec.teacher)
    for plan in recipe.skills:
        seen: set[str] = set()
        for source in plan.sources:
            if source.generator in seen:
                yield f"skill `{plan.skill}` names generator `{source.generator}` twice"
            seen.add(source.generator)
            yield from _source_problems(plan, source, facts)
    yield from _size_problems(recipe, spec)
    if recipe.carry_over is not None and carried is not None and not any(carried.values()):
        yield f"it carries over from version `{recipe.carry_over.version}`, which has no rows"
    if rows_left is not None and (carried is not None or recipe.carry_over is None):
        reachable = price(recipe, carried or {}).carried + rows_left
        if reachable < spec.dataset.minimum:
            yield (
                f"the budget leaves {rows_left} rows to make, so the version could hold {reachable} at most; "
                f"`dataset.minimum` is {spec.dataset.minimum}"
            )


def _source_problems(plan: SkillPlan, source: ProceduralSource, facts: Mapping[str, GeneratorFacts]) -> Iterator[str]:
    known = facts.get(source.generator)
    if known is None:
        close = get_close_matches(source.generator, facts, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"the teacher has {', '.join(sorted(facts)) or 'none'}"
        yield f"skill `{plan.skill}` uses the unknown generator `{source.generator}`; {hint}"
        return
    if known.skill != plan.skill:
        yield f"skill `{plan.skill}` uses generator `{source.generator}`, which makes rows of skill `{known.skill}`"
    unknown = sorted(level for level, weight in source.difficulty.items() if weight > 0 and level not in known.levels)
    if unknown:
        yield (
            f"generator `{source.generator}` has no difficulty {', '.join(map(str, unknown))}; "
            f"it has {', '.join(map(str, known.levels))}"
        )


def _size_problems(recipe: Recipe, spec: Spec) -> Iterator[str]:
    if recipe.rows > spec.dataset.size:
        yield f"it asks for {recipe.rows} rows; `dataset.size` is {spec.dataset.size}"
    if recipe.rows < spec.dataset.minimum:
        yield f"it asks for {recipe.rows} rows; `dataset.minimum` is {spec.dataset.minimum}"
    if isinstance(spec.engineer, HeuristicEngineer):
        most = cap_rows(spec.engineer.cap, recipe.rows, len(recipe.skills))
        for plan in recipe.skills:
            if plan.quota > most:
                yield f"skill `{plan.skill}` gets {plan.quota} of {recipe.rows} rows; `engineer.cap` allows {most}"
