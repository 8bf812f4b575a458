from __future__ import annotations

from typing import Any

import pytest

from preceptor.recipes.amount import Amount, Limit
from preceptor.recipes.digests import recipe_digest
from preceptor.recipes.pricing import budget_limit
from preceptor.spec.document import Budget
from preceptor.synthesis.context import Seed, UnitContext
from preceptor.synthesis.costs import Estimate, UnitCosts, estimate
from preceptor.synthesis.units import make_unit
from support.arithmetic import WRITE, recipe, spec
from support.payments import recipe as procedural_recipe
from support.payments import spec as procedural_spec

AGREE = {"kind": "agreement", "solutions": 3, "agree": 2}
JUDGE = {"kind": "judge", "rubric": "Right."}
SEEDS = UnitContext(seeds=(Seed({"question": "What is 1 + 1?"}),) * 40)


def priced(*sources: dict[str, Any], yields: dict[str, float] | None = None, **changes: Any) -> Estimate:
    return estimate(recipe(*sources, **changes), spec(), {}, SEEDS, yields)


def test_rows_without_a_model_cost_their_number() -> None:
    cost = estimate(procedural_recipe(letter=100, chat=20), procedural_spec(), {}, UnitContext())
    assert cost == Estimate(rows=120, carried=0, expected=Amount(rows=120), worst=Amount(rows=120))


@pytest.mark.parametrize(
    ("sources", "changes", "expected", "worst"),
    [
        ([WRITE], {"retries": 0}, 40, 40),
        ([WRITE], {"retries": 2}, 40, 120),
        ([WRITE | {"rowsPerRequest": 4}], {"retries": 0}, 10, 10),
        ([WRITE], {"retries": 0, "validators": [AGREE]}, 40 + 120, 40 + 120),
        ([WRITE], {"retries": 1, "validators": [JUDGE, {"kind": "length"}]}, 80, 160),
        ([{"kind": "solve"}], {"retries": 0, "validators": [AGREE]}, 40 + 80, 40 + 80),
        ([{"kind": "solve"}, WRITE | {"weight": 3}], {"retries": 0}, 40, 40),
        ([{"kind": "evolve", "change": "easier"}], {"carryOver": {"version": "v1"}, "retries": 0}, 80, None),
    ],
)
def test_an_estimate_counts_the_requests_of_sources_and_validators(
    sources: list[dict[str, Any]], changes: dict[str, Any], expected: int, worst: int | None
) -> None:
    cost = priced(*sources, **changes)
    assert cost.expected.requests == expected
    if worst is not None:
        assert cost.worst.requests == worst
        assert cost.expected.within(cost.worst)
        assert 0 < cost.expected.usd < cost.worst.usd


def test_a_measured_yield_makes_a_recipe_dearer() -> None:
    whole, third = priced(WRITE, retries=0), priced(WRITE, retries=0, yields={"sums": 1 / 3, "other": 0.0})
    assert (whole.expected.requests, third.expected.requests) == (40, 120)
    assert third.expected.rows == 120
    assert third.rows == 40


def test_carried_rows_cost_nothing() -> None:
    plan = recipe(WRITE, retries=0, carryOver={"version": "v1", "share": 0.5})
    cost = estimate(plan, spec(), {"sums": 30}, UnitContext())
    assert (cost.carried, cost.expected.requests) == (20, 20)


def test_seeds_that_nobody_read_yet_still_have_a_price() -> None:
    cost = estimate(recipe({"kind": "solve"}, retries=1), spec(), {}, UnitContext())
    assert (cost.expected.requests, cost.worst.requests) == (40, 80)


def test_the_worst_case_of_a_unit_grows_with_its_rows_and_its_checks() -> None:
    plan, checked = recipe(WRITE), recipe(WRITE, validators=[AGREE])
    one, two, more = (
        UnitCosts(spec(), it, UnitContext()).worst(
            make_unit(attempt=1, recipe=recipe_digest(it), skill=it.skills[0].skill, index=0, size=size, root_seed=0)
        )
        for it, size in ((plan, 1), (plan, 2), (checked, 2))
    )
    assert one * 2 == two
    assert two.within(more)
    assert more.requests == 2 * 2 * (1 + 3)


def test_what_an_attempt_may_use_is_the_rest_of_the_budget_and_no_more_than_one_may() -> None:
    budget = Budget(iterations=1, rows=100, teacher_requests=50, teacher_requests_per_attempt=30, usd=0.1)
    spent = Amount(rows=30, requests=25, picodollars=10**10)
    assert budget_limit(budget, spent) == Limit(rows=70, requests=25, picodollars=9 * 10**10)
    assert budget_limit(budget, Amount()).requests == 30
