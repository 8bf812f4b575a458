from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import pytest

from preceptor.errors import TaskError
from preceptor.recipes.digests import recipe_digest
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.actors import PoolTeacher
from preceptor.spec.recipe import Recipe
from preceptor.synthesis.context import Materials, Seed, UnitContext
from preceptor.synthesis.units import Unit, make_unit
from preceptor.synthesis.worker import UnitWorker
from support.arithmetic import spec

POOL = {"uri": "pool.jsonl", "answer": "{{ total }}", "skill": "{{ skill }}", "limit": 90}
SELECT = {"kind": "pool"}
SOLVE = {"kind": "solve"}


def question(number: int) -> str:
    return f"What is {number} + {number}?"


def read(uri: str, limit: int | None) -> Sequence[dict[str, Any]]:
    """Seeds of which every third names a skill, and a pool of two skills."""
    if uri.startswith("seeds"):
        records = [
            {"question": question(number)} | ({"skill": "odd"} if number % 3 == 0 else {}) for number in range(60)
        ]
    else:
        records = [
            {"question": f"Pool {number}?", "total": number, "skill": "odd" if number % 2 else "even"}
            for number in range(100)
        ]
    return records[:limit]


def document(**teacher: Any) -> Any:
    return spec(teacher={"pool": POOL} | teacher)


def plan(source: dict[str, Any]) -> Recipe:
    skills = [{"skill": skill, "quota": 50, "sources": [source]} for skill in ("even", "odd")]
    return Recipe.model_validate({"skills": skills})


def unit(recipe: Recipe, skill: str, first: int = 0, size: int = 8) -> Unit:
    digest = recipe_digest(recipe)
    return make_unit(attempt=1, recipe=digest, skill=skill, index=first, size=size, root_seed=0, source=0, first=first)


def sample(number: int, skill: str = "even") -> Sample:
    receipt = Receipt(recipe="", attempt=1, generator="", difficulty=0, unit=0, index=0, teacher="")
    return Sample.create(skill=skill, fields={}, prompt=question(number), answer="1", receipt=receipt)


def test_what_a_document_names_is_read_once_and_survives_a_journey() -> None:
    context = UnitContext.gather(document(), read, [sample(2), sample(1), sample(1, "odd")])
    assert len(context.seeds) == 60
    assert context.seeds[3].skill == "odd"
    assert context.seeds[4].skill is None
    assert {skill: len(rows) for skill, rows in context.pool.items()} == {"even": 45, "odd": 45}
    assert context.pool["odd"][0].answer == "1"
    assert [row.id for row in context.parents["even"]] == sorted(sample(number).id for number in (1, 2))
    assert pickle.loads(pickle.dumps(context)) == context
    assert context.with_parents([]).parents == {}


def test_seeds_are_shared_out_so_that_nobody_gets_anothers() -> None:
    recipe = plan(SOLVE)
    materials = Materials(document(), recipe, UnitContext.gather(document(), read))
    given: list[Seed] = []
    for skill in ("even", "odd"):
        for first in range(0, 80, 8):
            given += materials.seeds(unit(recipe, skill, first))
    assert len(given) == 60
    assert len({seed.fields["question"] for seed in given}) == 60
    own = [seed for first in range(0, 80, 8) for seed in materials.seeds(unit(recipe, "even", first))]
    assert {seed.skill for seed in own} == {None}


def test_parents_take_turns_over_and_over() -> None:
    recipe = plan({"kind": "evolve", "change": "harder"})
    materials = Materials(document(), recipe, UnitContext(parents={"even": (sample(1), sample(2), sample(3))}))
    first, second = materials.parents(unit(recipe, "even", 0, 3)), materials.parents(unit(recipe, "even", 3, 3))
    assert first == second
    assert len({row.id for row in first}) == 3
    assert materials.parents(unit(recipe, "odd")) == []


def test_rows_of_a_pool_are_selected_once_each() -> None:
    recipe = plan(SELECT)
    worker = UnitWorker(document(), UnitContext.gather(document(), read))
    results = [worker.make(recipe, unit(recipe, "even", first)) for first in range(0, 64, 8)]
    assert [result.made for result in results] == [8] * 5 + [5, 0, 0]
    rows = [row for result in results for row in result.samples]
    assert len({row.prompt for row in rows}) == 45
    assert {row.receipt.source for row in rows} == {"pool"}
    assert rows[0].receipt.requests == ()
    assert rows[0].receipt.teacher.startswith("pool:")
    assert rows[0].fields["total"] == int(rows[0].answer)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"question": "?", "total": 1}, "pool.jsonl: record 2: teacher.pool.skill: there is no `skill`"),
        ({"question": "?", "skill": "odd"}, "pool.jsonl: record 2: teacher.pool.answer: there is no `total`"),
        ({"question": "?", "total": 1, "skill": " "}, "`teacher.pool.skill` is empty"),
        ({"question": "?", "total": float("nan"), "skill": "odd"}, "record 2: Out of range float"),
    ],
)
def test_a_gap_in_a_pool_is_a_mistake_with_its_place(record: dict[str, Any], says: str) -> None:
    good = {"question": "?", "total": 1, "skill": "odd"}
    with pytest.raises(TaskError, match=says):
        UnitContext.gather(document(), lambda uri, limit: [good, record] if uri == "pool.jsonl" else read(uri, limit))


def test_a_teacher_that_is_a_pool_needs_no_model() -> None:
    whole = document().model_copy(update={"teacher": PoolTeacher.model_validate({"kind": "pool"} | POOL)})
    result = UnitWorker(whole, UnitContext.gather(whole, read)).make(plan(SELECT), unit(plan(SELECT), "odd"))
    assert len(result.samples) == 8
