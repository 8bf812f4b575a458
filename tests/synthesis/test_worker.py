from __future__ import annotations

import pytest

from preceptor.errors import RecipeError
from preceptor.recipes.digests import recipe_digest
from preceptor.synthesis.units import Unit, make_unit
from preceptor.synthesis.worker import UnitWorker
from support.payments import recipe, spec, teacher

RECIPE = recipe(letter=100, chat=100)


def unit(skill: str = "letter", index: int = 0, size: int = 16) -> Unit:
    return make_unit(
        attempt=3, recipe=recipe_digest(RECIPE), skill=skill, index=index, size=size, root_seed=spec().seed
    )


def test_a_unit_gives_the_same_rows_from_any_worker_in_any_order() -> None:
    one, other = UnitWorker(spec()), UnitWorker(spec())
    first = [one.make(RECIPE, unit(index=index)) for index in range(3)]
    again = [other.make(RECIPE, unit(index=index)) for index in reversed(range(3))]
    assert first == again[::-1]
    assert len({result.samples[0].id for result in first}) == 3


def test_samples_carry_their_receipt() -> None:
    sample = UnitWorker(spec()).make(RECIPE, unit(index=2)).samples[5]
    receipt = sample.receipt
    assert (receipt.recipe, receipt.attempt, receipt.generator) == (recipe_digest(RECIPE), 3, "letter")
    assert (receipt.unit, receipt.index) == (2, 5)
    assert receipt.teacher.startswith("procedural:")
    assert receipt.carried_from is None
    assert sample.prompt == sample.fields["message"]


def test_rows_that_a_gate_drops_are_counted_by_reason() -> None:
    worker = UnitWorker(spec(teacher=teacher(answer='{{ "no" if amount < 500 else "{\\"payee\\": 1}" }}')))
    result = worker.make(RECIPE, unit(size=64))
    assert list(result.dropped) == ["unreadable"]
    assert 4 < result.dropped["unreadable"] < 40
    assert result.made == len(result.samples) + result.dropped["unreadable"] == 64


def test_rows_that_the_generators_verifier_refused_are_counted() -> None:
    pytest.importorskip("reasoning_gym")
    generators = {"letter": {"kind": "reasoning-gym", "dataset": "rush_hour"}}
    task = {**spec().task.model_dump(by_alias=True), "prompt": "{{ question }}", "scorer": {"kind": "reasoning-gym"}}
    worker = UnitWorker(spec(task=task, teacher={"kind": "procedural", "generators": generators}))
    result = worker.make(recipe(letter=10), unit(size=4))
    assert (result.samples, result.made, result.dropped) == ((), 4, {"verifier": 4})


def test_a_unit_of_a_skill_that_the_recipe_lacks_is_refused() -> None:
    with pytest.raises(RecipeError, match="no skill `fax`"):
        UnitWorker(spec()).make(RECIPE, unit(skill="fax"))
