from __future__ import annotations

from collections import Counter

import pytest

from preceptor.spec.recipe import ProceduralSource, SkillPlan
from preceptor.synthesis.units import make_unit, source_of

PLAN = SkillPlan(
    skill="s",
    quota=100,
    sources=(
        ProceduralSource(generator="a", weight=3),
        ProceduralSource(generator="b", weight=1),
        ProceduralSource(generator="c", weight=1),
    ),
)


@pytest.mark.parametrize("units", [1, 4, 7, 10, 33, 100])
def test_each_source_has_its_share_after_any_number_of_units(units: int) -> None:
    counts = Counter(source_of(PLAN, index).generator for index in range(units))
    for generator, share in (("a", 0.6), ("b", 0.2), ("c", 0.2)):
        assert abs(counts[generator] - share * units) <= 1


def test_a_units_seed_follows_from_recipe_skill_index_and_root_seed() -> None:
    def seed(**changes: object) -> int:
        given = {"attempt": 1, "recipe": "r", "skill": "s", "index": 0, "size": 8, "root_seed": 0, **changes}
        return make_unit(**given).seed  # type: ignore[arg-type]

    others = [seed(recipe="q"), seed(skill="t"), seed(index=1), seed(root_seed=1)]
    assert len({seed(), *others}) == 5
    assert seed(attempt=2, size=9) == seed()
