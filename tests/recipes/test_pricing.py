from __future__ import annotations

import pytest

from preceptor.errors import RecipeError
from preceptor.recipes.catalogue import GeneratorFacts, catalogue, skills_of
from preceptor.recipes.pricing import cap_rows, pieces, price, unit_rows
from preceptor.spec.recipe import CarryOver, ProceduralSource, Recipe, SkillPlan, SolveSource
from preceptor.teachers.checking import check
from support.payments import recipe, spec, teacher


def test_a_recipe_that_fits_passes() -> None:
    check(recipe(letter=100, chat=100), spec())


def test_every_problem_is_listed() -> None:
    sources = (
        ProceduralSource(generator="leter"),
        ProceduralSource(generator="chat"),
        ProceduralSource(generator="chat", difficulty={1: 1, 7: 1, 8: 0}),
    )
    bad = Recipe(
        skills=(
            SkillPlan(skill="letter", quota=490, sources=sources),
            SkillPlan(skill="chat", quota=10, sources=(ProceduralSource(generator="fax"),)),
        ),
        carry_over=CarryOver(version="v9"),
    )
    with pytest.raises(RecipeError) as caught:
        check(bad, spec(), {}, rows_left=3)
    problems = str(caught.value).splitlines()[1:]
    assert [problem.strip(" -") for problem in problems] == [
        "skills[0].sources[0].generator: there is no generator `leter`; did you mean `letter`?",
        "skills[0].sources[1].generator: generator `chat` makes rows of skill `chat`, not of `letter`",
        "skills[0].sources[2].generator: generator `chat` makes rows of skill `chat`, not of `letter`",
        "skills[0].sources[2].difficulty: generator `chat` has no difficulty 7; it has 1",
        "skills[1].sources[0].generator: there is no generator `fax`; the teacher has chat, letter",
        "skills[0].sources[2].generator: generator `chat` appears twice in one skill; merge the two sources into one",
        "skills: the quotas sum to 500; `dataset.size` is 400",
        "skills[0].quota: skill `letter` gets 490 of 500 rows; `engineer.cap` allows 250",
        "carryOver.version: version `v9` has no rows",
        "skills: the budget leaves 3 rows to make, so the version could hold 3 at most; `dataset.minimum` is 10",
    ]


def test_the_cap_binds_only_the_engineer_that_declares_it() -> None:
    lopsided = recipe(letter=90, chat=10)
    with pytest.raises(RecipeError, match="allows 50"):
        check(lopsided, spec())
    check(lopsided, spec(engineer={"kind": "fixed", "recipe": lopsided}))


@pytest.mark.parametrize(
    ("cap", "rows", "skills", "most"), [(0.5, 101, 4, 51), (0.5, 100, 1, 100), (0.1, 10, 3, 4), (0.3, 10, 4, 3)]
)
def test_a_cap_leaves_enough_for_all_skills_together(cap: float, rows: int, skills: int, most: int) -> None:
    assert cap_rows(cap, rows, skills) == most


def test_units_are_equal_pieces_of_at_most_32_rows() -> None:
    assert [unit_rows(fresh) for fresh in (0, 1, 20, 32, 33, 100, 1000)] == [4, 4, 20, 32, 17, 25, 32]


@pytest.mark.parametrize(
    ("weights", "fresh", "rows"),
    [((1,), 20, 20), ((2, 1, 1), 16, 4), ((1, 1), 20, 10), ((0.1, 0.2), 30, 10), ((9, 1), 20, 4)],
)
def test_units_are_so_many_that_every_source_has_its_turn(weights: tuple[float, ...], fresh: int, rows: int) -> None:
    asking = tuple(SolveSource(kind="solve", weight=weight) for weight in weights)
    assert unit_rows(fresh, pieces(SkillPlan(skill="chat", quota=fresh, sources=asking))) == rows
    making = tuple(ProceduralSource(generator="chats", weight=weight) for weight in weights)
    assert unit_rows(fresh, pieces(SkillPlan(skill="chat", quota=fresh, sources=making))) == fresh


def test_carried_rows_cost_nothing_up_to_their_share() -> None:
    plan = recipe(letter=100, chat=40, carry_over=CarryOver(version="v1", share=0.5))
    cost = price(plan, {"letter": 90, "chat": 5})
    assert (cost.rows, cost.carried) == (140, 55)
    assert cost.units == 4
    assert cost.made == 2 * 25 + 2 * 18


def test_the_catalogue_reads_skills_and_levels_without_building_a_teacher() -> None:
    generators = {
        "letter": teacher().generators["letter"],
        "sums": {"kind": "reasoning-gym", "dataset": "chain_sum", "skill": "maths", "levels": [{}, {"max_terms": 3}]},
        "plain": {"kind": "reasoning-gym", "dataset": "chain_sum", "skill": "maths", "levels": []},
    }
    facts = catalogue(teacher(generators=generators))
    assert facts == {
        "letter": GeneratorFacts("letter", (1, 2)),
        "sums": GeneratorFacts("maths", (1, 2)),
        "plain": GeneratorFacts("maths", (1,)),
    }
    assert skills_of(facts) == {"letter": ("letter",), "maths": ("plain", "sums")}


def test_other_teachers_have_no_generators() -> None:
    assert catalogue(spec(teacher={"kind": "pool", "uri": "pool.jsonl", "answer": "{{ a }}"}).teacher) == {}
