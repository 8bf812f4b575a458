from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from preceptor.recipes.amount import Amount, Limit
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe
from preceptor.synthesis.assembly import Assembled, Assembly
from preceptor.synthesis.context import Seed, UnitContext
from preceptor.synthesis.costs import UnitCosts
from preceptor.synthesis.units import Unit, UnitResult
from preceptor.synthesis.writing import ModelUnits
from support.arithmetic import WRITE, Adder, leased, recipe, spec

AGREE = {"kind": "agreement", "solutions": 3, "agree": 2}
FLAKY = {"cut-off": 0.1, "refused": 0.05, "timeout": 0.05, "wrong": 0.1}
SEEDS = UnitContext(seeds=tuple(Seed({"question": f"What is {number} + 1?"}) for number in range(50)))
GENERATORS: dict[str, Any] = {
    "generators": {
        "sums": {
            "kind": "sampler",
            "values": {name: {"kind": "number", "low": 1, "high": 10**6} for name in ("a", "b")},
            "forms": [{"input": {"question": "Add {{ a }} and {{ b }}."}}],
            "answer": "{{ a + b }}",
        }
    }
}


@dataclass
class Making:
    """Makes an assembly's units in some order of finishing, and watches what is set aside."""

    plan: Recipe
    limit: Limit = field(default_factory=Limit)
    document: Spec = field(default_factory=spec)
    context: UnitContext = field(default_factory=UnitContext)
    failing: dict[str, float] = field(default_factory=dict)
    requests: int = 0
    rounds: list[list[Unit]] = field(default_factory=list)

    def run(self, order: int | None = None, **options: int) -> Assembled:
        maker = ModelUnits(self.document, self.context)
        costs = UnitCosts(self.document, self.plan, self.context)
        work = Assembly(self.plan, self.document, (), 1, self.limit, self.context, **options)
        chance = None if order is None else random.Random(order)
        while units := work.wanted():
            self.rounds.append(list(units))
            assert self.limit.affords(sum((costs.worst(unit) for unit in units), work.spent))
            while units:
                unit = units.pop(0 if chance is None else chance.randrange(len(units)))
                work.add(self._make(maker, unit))
        assert self.limit.affords(work.spent)
        result = work.result()
        assert result.spent == work.spent
        assert result.made == result.spent.rows
        for part in result.funnel.skills.values():
            assert part.made == part.accepted + sum(part.dropped.values())
            assert part.quota == part.rows + part.missing
        return result

    def _make(self, maker: ModelUnits, unit: Unit) -> UnitResult:
        adder = leased(Adder(self.failing), self.document, self.plan, unit, self.context)
        result = asyncio.run(maker.make(self.plan, unit, adder))
        self.requests += len(adder.asked)
        return result


@pytest.mark.parametrize(
    "limit",
    [
        Limit(requests=400),
        Limit(requests=37),
        Limit(tokens=400_000),
        Limit(picodollars=10**11),
        Limit(rows=60),
        Limit(rows=90, requests=250, tokens=300_000, picodollars=10**11),
    ],
)
@pytest.mark.parametrize("source", [WRITE, WRITE | {"rowsPerRequest": 4}])
def test_no_limit_is_ever_exceeded_and_the_outcome_does_not_depend_on_who_finishes_first(
    limit: Limit, source: dict[str, Any]
) -> None:
    plan = recipe(source, quota=80, validators=[AGREE])
    first = Making(plan, limit, failing=FLAKY).run()
    for order in range(3):
        assert Making(plan, limit, failing=FLAKY).run(order) == first


@pytest.mark.parametrize("failing", [{}, FLAKY, {"wrong": 0.6}])
def test_quotas_are_filled_when_the_budget_allows_it(failing: dict[str, float]) -> None:
    making = Making(recipe(WRITE, quota=70, validators=[AGREE]), Limit(requests=5_000), failing=failing)
    result = making.run()
    assert result.short == {}
    assert not result.funnel.exhausted
    assert result.spent.requests == making.requests


def test_a_refill_asks_only_for_what_is_missing() -> None:
    making = Making(recipe(WRITE, quota=100, retries=0), failing={"empty": 0.2})
    result = making.run()
    assert sum(unit.size for unit in making.rounds[0]) == 100
    assert 15 <= sum(unit.size for unit in making.rounds[1]) <= 45
    assert result.made <= 160


def test_the_last_of_a_budget_goes_into_smaller_units() -> None:
    plan = recipe(WRITE, quota=320, retries=0)
    [unit, *_] = Assembly(plan, spec(), (), 1).wanted()
    assert unit.size == 32
    limit = Limit(tokens=UnitCosts(spec(), plan, UnitContext()).worst(unit).tokens // 4)
    making = Making(plan, limit)
    result = making.run()
    assert [len(units) for units in making.rounds] == [1] * len(making.rounds)
    assert making.rounds[0][0].size == 8
    assert making.rounds[-1][0].size == 1
    assert len(result.samples) > 80
    assert result.funnel.exhausted
    assert result.short == {"sums": 320 - len(result.samples)}


def test_nothing_is_asked_when_not_even_one_row_can_be_paid_for() -> None:
    making = Making(recipe(WRITE, quota=20), Limit(requests=1))
    result = making.run()
    assert (making.rounds, result.samples, result.funnel.exhausted) == ([], (), True)
    assert result.spent == Amount()


def test_a_source_without_anything_left_gives_way_to_its_siblings() -> None:
    plan = recipe({"kind": "solve"}, WRITE, quota=160)
    making = Making(plan, context=SEEDS)
    result = making.run()
    assert result.short == {}
    assert sum(row.receipt.source == "solve" for row in result.samples) == 50
    assert making.run(4) == result


def test_a_skill_whose_sources_are_all_used_up_is_short_and_says_so() -> None:
    result = Making(recipe({"kind": "solve"}, quota=160), context=SEEDS).run()
    part = result.funnel.skills["sums"]
    assert (part.accepted, part.missing, part.used_up, part.hopeless) == (50, 110, True, False)
    assert not result.funnel.exhausted


def test_generators_and_a_model_fill_one_skill_together() -> None:
    document = spec(teacher=GENERATORS)
    plan = recipe({"generator": "sums"}, WRITE, quota=128)
    making = Making(plan, Limit(requests=1_000), document)
    result = making.run()
    assert sum(row.receipt.source == "prompt" for row in result.samples) == 64
    assert sum(row.receipt.source == "procedural" for row in result.samples) == 64
    assert making.requests == 64


def test_the_document_says_what_is_hopeless() -> None:
    few = {"empty": 0.7}
    plan = recipe(WRITE, quota=300, retries=0)
    patient = Making(plan, failing=few).run()
    assert not patient.funnel.skills["sums"].hopeless
    strict = spec(dataset={"size": 400, "minimum": 10, "hopelessYield": 0.5})
    result = Making(plan, document=strict, failing=few).run()
    assert result.funnel.skills["sums"].hopeless


def test_rows_of_which_none_passes_end_whatever_the_document_says() -> None:
    stubborn = spec(dataset={"size": 400, "hopelessYield": 0})
    result = Making(recipe(WRITE, quota=6, retries=0), document=stubborn, failing={"refused": 1.0}).run()
    part = result.funnel.skills["sums"]
    assert (part.accepted, part.hopeless) == (0, True)
    assert part.made < 100


@pytest.mark.parametrize(("concurrency", "units"), [(16, 64), (256, 125), (1024, 125)])
def test_a_round_keeps_the_whole_concurrency_busy(concurrency: int, units: int) -> None:
    document = spec(teacher={"concurrency": concurrency}, dataset={"size": 4000})
    work = Assembly(recipe(WRITE, quota=4000), document, (), 1)
    assert len(work.wanted()) == units
    assert sum(unit.size for unit in work.wanted()) >= 2 * concurrency
