"""Units of work: how a skill's fresh rows are cut into pieces that any process may make, in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from preceptor.recipes.digests import seed_from
from preceptor.recipes.sample import Sample
from preceptor.spec.recipe import ProceduralSource, SkillPlan


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


@dataclass(frozen=True)
class UnitResult:
    """What a unit came to. ``made`` is the number of samples plus everything dropped."""

    unit: Unit
    """The unit."""
    samples: tuple[Sample, ...]
    """Rows that passed the stateless gates, in the order they were made."""
    made: int
    """Rows the teacher made."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Rows that did not pass, by reason."""


def make_unit(*, attempt: int, recipe: str, skill: str, index: int, size: int, root_seed: int) -> Unit:
    """The unit with the seed that follows from recipe, skill, index and the document's root seed."""
    return Unit(attempt, recipe, skill, index, size, seed_from("unit", recipe, skill, index, root_seed))


def source_of(plan: SkillPlan, index: int) -> ProceduralSource:
    """The source that makes unit ``index`` of a skill.

    Sources take turns so that after any number of units each has had its share, to within one unit: the unit goes to
    the source that is furthest behind, the first of those that tie.
    """
    total = sum(source.weight for source in plan.sources)
    shares = [source.weight / total for source in plan.sources]
    given = [0] * len(shares)
    chosen = 0
    for turn in range(1, index + 2):
        behind = [round(share * turn - had, 9) for share, had in zip(shares, given, strict=True)]
        chosen = behind.index(max(behind))
        given[chosen] += 1
    return plan.sources[chosen]
