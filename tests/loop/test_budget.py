"""Budgets hold for the search and everything that is compared with it, together."""

from __future__ import annotations

from random import Random

import pytest

from preceptor.loop.budget import arms, left, left_for_arm, left_for_attempt, out_of_budget, share, whole
from preceptor.loop.events import (
    ControlEnded,
    DatasetCommitted,
    RecipeDrafted,
    Reopened,
    RunStarted,
    SearchEnded,
)
from preceptor.loop.state import RunState, apply, fold
from preceptor.recipes.amount import Amount, Limit
from preceptor.spec.document import Budget, Spec
from preceptor.spec.evaluation import Evaluation
from preceptor.spec.recipe import ProceduralSource, Recipe, SkillPlan

RECIPE = Recipe(skills=(SkillPlan(skill="a", quota=4, sources=(ProceduralSource(generator="a"),)),))
STARTED = RunStarted(document={}, document_digest="d", splits={}, items={}, versions={})


def spec(budget: dict[str, object], controls: dict[str, bool], *, neighbours: bool = False) -> Spec:
    generators = {"a": {"kind": "sampler", "answer": "x", "forms": [{"input": {"q": "x"}}]}}
    near = {"model": "e", "checker": {"model": "c"}}
    return Spec.model_validate(
        {
            "task": {
                "description": "t",
                "prompt": "{{ q }}",
                "scorer": {"kind": "exact"},
                "items": {"uri": "i.jsonl", "answer": "{{ a }}"},
                "seeds": {"uri": "seeds.jsonl"},
                "splits": {"feedback": 0.3, "selection": 0.3, "private": 0.4},
            },
            "engineer": {"kind": "llm", "model": "e", "sampling": {"max_tokens": 1}},
            "teacher": {"kind": "openai", "model": "t", "sampling": {"max_tokens": 1}, "generators": generators},
            "student": {"model": "m"},
            "dataset": {
                "size": 8,
                "minimum": 1,
                "gates": {"contamination": {"neighbours": near if neighbours else None}},
            },
            "budget": Budget(**{"iterations": 9, **budget}),
            "evaluation": Evaluation(controls={"ceiling": True, **controls}),
            "storage": {"uri": "runs"},
        }
    )


def some(most: Limit, random: Random) -> Amount:
    """Anything within a limit, often all of it."""

    def part(limit: int | None) -> int:
        limit = 50 if limit is None else limit
        return limit if random.random() < 0.4 else random.randint(0, limit)

    return Amount(part(most.rows), part(most.requests), part(most.tokens), part(most.picodollars))


def searched(state: RunState, planned: Amount, made: Amount) -> RunState:
    """One more attempt; the engineer's requests are counted nowhere."""
    number = len(state.attempts) + 1
    drafted = RecipeDrafted(
        attempt=number, operation="draft", recipe=RECIPE, digest="r", spent={**planned.to_data(), "requests": 7}
    )
    committed = DatasetCommitted(
        attempt=number, version=f"v{number}", rows=1, skills={"a": 1}, made=made.rows, dropped={}, seconds=1.0,
        spent=Amount(0, made.requests, made.tokens, made.picodollars).to_data(),
    )  # fmt: skip
    return apply(apply(state, drafted), committed)


def compared(state: RunState, name: str, spent: Amount, planned: int = 0) -> RunState:
    data = Amount(0, spent.requests + planned, spent.tokens, spent.picodollars).to_data()
    split = "selection" if name == "ceiling" else "private"
    event = ControlEnded(control=name, split=split, made=spent.rows, spent=data, planned_with=planned)
    return apply(state, event)


def total(state: RunState) -> Amount:
    """Everything that counts, added up from the state's own totals."""
    uncounted = state.spent_on_engineer.requests + state.planned_for_controls
    return state.spent - Amount(requests=uncounted)


def reading(document: Spec, state: RunState, random: Random) -> RunState:
    """A search and its comparisons, each greedy within what it may use up."""
    for _ in range(random.randint(1, 4)):
        planned = some(left(document, state), random)
        planned = Amount(0, 0, planned.tokens // 3, planned.picodollars // 3)
        rest = left_for_attempt(document, state) - planned
        state = searched(state, planned, some(rest, random))
        assert whole(document).affords(total(state))
    spent = some(Limit(tokens=1, picodollars=1), random)
    afforded = left(document, state).affords(Amount(0, 0, spent.tokens, spent.picodollars))
    last = {"tokens": spent.tokens, "picodollars": spent.picodollars} if afforded else {}
    state = apply(state, SearchEnded(reason="engineer", spent=last))
    used = total(state)
    for name in arms(document):
        most = left_for_arm(document, state, name)
        state = compared(state, name, some(most, random) if most.requests is not None else Amount(), planned=5)
        assert whole(document).affords(total(state)), (name, used)
    return state


@pytest.mark.parametrize("seed", range(150))
def test_search_and_comparisons_together_stay_within_the_budget(seed: int) -> None:
    random = Random(seed)
    limits = {"rows": (20, 500), "teacher_requests": (20, 500), "tokens": (50, 9000)}
    budget: dict[str, object] = {name: random.randint(*span) for name, span in limits.items() if random.random() < 0.8}
    if random.random() < 0.8:
        budget["usd"] = random.randint(1, 100) / 1000
    controls = {name: random.random() < 0.6 for name in ("one_shot", "heuristic", "distillation")}
    document = spec(budget, controls, neighbours=random.random() < 0.5)
    state = compared(fold([STARTED]), "ceiling", some(share(document, fold([STARTED])), random))
    state = reading(document, state, random)
    for _ in range(2):
        grown = {name: value * random.choice((1, 1.1, 3)) for name, value in budget.items()}  # type: ignore[operator]
        budget = {name: value if name == "usd" else int(value) for name, value in grown.items()}
        document = spec(budget, controls)
        state = reading(document, apply(state, Reopened(changes=())), random)


@pytest.mark.parametrize(
    ("controls", "rows", "requests"),
    [
        ({}, 120, 60),
        ({"one_shot": True}, 60, 30),
        ({"heuristic": True}, 60, 60),  # generators ask nobody
        ({"one_shot": True, "heuristic": True, "distillation": True}, 30, 20),
    ],
)
def test_the_searchs_share(controls: dict[str, bool], rows: int, requests: int) -> None:
    document = spec({"rows": 120, "teacher_requests": 60}, controls)
    assert share(document, RunState()) == Limit(rows=rows, requests=requests)
    with_ceiling = compared(fold([STARTED]), "ceiling", Amount(requests=6))
    assert share(document, with_ceiling).requests == (60 - 6) * requests // 60


def test_an_end_by_the_budget_says_that_it_is_the_searchs_share() -> None:
    document = spec({"rows": 10}, {"one_shot": True})
    state = searched(fold([STARTED]), Amount(), Amount(rows=5))
    ended = out_of_budget(document, state)
    assert ended is not None
    assert ended.detail == "0 of 5 rows that are the search's share are left, too few for another version"
    alone = out_of_budget(spec({"rows": 5}, {}), state)
    assert alone is not None
    assert alone.detail == "0 of 5 rows are left, too few for another version"


def test_a_comparison_has_as_large_a_budget_as_the_search() -> None:
    document = spec({"tokens": 1000, "rows": 99}, {"one_shot": True, "distillation": True, "heuristic": True})
    state = searched(fold([STARTED]), Amount(tokens=10), Amount(rows=12, requests=3, tokens=100, picodollars=9))
    assert left_for_arm(document, state, "oneShot") == Limit(rows=24, tokens=333) == share(document, state)
    assert left_for_arm(document, state, "heuristic") == Limit(rows=24)
    after = apply(state, ControlEnded(control="oneShot", made=24, spent={"tokens": 333, "requests": 9}))
    assert left_for_arm(document, after, "distillation") == Limit(rows=24, tokens=333)
