"""Units of work: how a skill's fresh rows are cut into pieces that any process may make, in any order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from preceptor.errors import RecipeError
from preceptor.recipes.amount import Amount
from preceptor.recipes.digests import seed_from
from preceptor.recipes.sample import Sample
from preceptor.spec.recipe import Recipe, SkillPlan, Source


@dataclass(frozen=True)
class Unit:
    """A piece of a recipe's work. The same recipe, skill, index and root seed make the same rows anywhere."""

    attempt: int
    """The attempt it belongs to."""
    recipe: str
    """The recipe's digest."""
    skill: str
    """The skill of its rows."""
    index: int
    """Its number within the skill, from 0."""
    size: int
    """Rows to make."""
    seed: int
    """Seed of everything random in it."""
    source: int | None = None
    """Which of the skill's sources makes it, from 0; the one whose turn it is by the weights when absent."""
    first: int = 0
    """Rows that earlier units asked of the same source: which seeds, parents and pool rows are this unit's."""


@dataclass(frozen=True)
class UnitResult:
    """What a unit came to. ``made`` is the number of samples plus everything dropped."""

    unit: Unit
    """The unit."""
    samples: tuple[Sample, ...]
    """Rows that passed the stateless gates and the validators, in the order they were made."""
    made: int
    """Rows the teacher made; fewer than the unit's size when its source has nothing more to give."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Rows that did not pass, by reason."""
    asked: Amount = field(default_factory=Amount)
    """What its requests used up."""

    @property
    def spent(self) -> Amount:
        """Everything it used up, rows included."""
        return self.asked + Amount(rows=self.made)


class Turns:
    """Whose turn it is to make a skill's next unit.

    Sources take turns so that after any number of units each has had its share, to within one unit: the unit goes to
    the source that is furthest behind, the first of those that tie.
    """

    def __init__(self, plan: SkillPlan) -> None:
        total = sum(source.weight for source in plan.sources)
        self._shares = [source.weight / total for source in plan.sources]
        self._given = [0] * len(self._shares)

    def next(self, without: Collection[int] = ()) -> int | None:
        """The source whose turn it is, out of those that are not in ``without``; ``None`` when none is left."""
        turn = sum(self._given) + 1
        behind = [
            (round(share * turn - had, 9), -place)
            for place, (share, had) in enumerate(zip(self._shares, self._given, strict=True))
            if place not in without
        ]
        return -max(behind)[1] if behind else None

    def take(self, source: int) -> None:
        """The source makes the next unit."""
        self._given[source] += 1


def make_unit(
    *,
    attempt: int,
    recipe: str,
    skill: str,
    index: int,
    size: int,
    root_seed: int,
    source: int | None = None,
    first: int = 0,
) -> Unit:
    """The unit with the seed that follows from recipe, skill, index and the document's root seed."""
    seed = seed_from("unit", recipe, skill, index, root_seed)
    return Unit(attempt, recipe, skill, index, size, seed, source, first)


def plan_of(recipe: Recipe, skill: str) -> SkillPlan:
    """What a recipe plans for a skill. Raises ``RecipeError`` when it has no such skill."""
    for plan in recipe.skills:
        if plan.skill == skill:
            return plan
    raise RecipeError(f"the recipe has no skill `{skill}`")


def source_of(plan: SkillPlan, index: int) -> Source:
    """The source that makes unit ``index`` of a skill none of whose sources ever ran out."""
    turns, chosen = Turns(plan), 0
    for _ in range(index + 1):
        chosen = turns.next() or 0
        turns.take(chosen)
    return plan.sources[chosen]


def unit_source(recipe: Recipe, unit: Unit) -> Source:
    """The source that makes a unit. Raises ``RecipeError`` when the recipe has no such skill."""
    plan = plan_of(recipe, unit.skill)
    return source_of(plan, unit.index) if unit.source is None else plan.sources[unit.source]
