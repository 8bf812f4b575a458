from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from preceptor.engineers.heuristic import VARIANTS, HeuristicEngineer
from preceptor.engineers.observation import (
    FunnelView,
    GeneratorView,
    Observation,
    PastAttempt,
    SkillView,
)
from preceptor.engineers.proposal import Stop
from preceptor.recipes.digests import recipe_digest
from preceptor.spec import actors
from preceptor.spec.recipe import Recipe
from support.learners import Truth, even, interval, simulate

ITEMS = 20


def engineer(**settings: Any) -> HeuristicEngineer:
    return HeuristicEngineer(actors.HeuristicEngineer(kind="heuristic", **settings))


def observe(
    before: dict[str, float],
    past: tuple[PastAttempt, ...] = (),
    *,
    generators: dict[str, GeneratorView] | None = None,
    **changes: Any,
) -> Observation:
    """An observation; the best and latest scores are those of the past attempts."""
    best = next((attempt.feedback for attempt in reversed(past) if attempt.is_best), None)
    latest = next((attempt.feedback for attempt in reversed(past) if attempt.feedback), None)
    skills = {
        skill: SkillView(
            n=ITEMS,
            before=interval(value, ITEMS),
            best=interval(best[skill], ITEMS) if best else None,
            latest=interval(latest[skill], ITEMS) if latest else None,
        )
        for skill, value in before.items()
    }
    given = {
        "iteration": 1 + len(past),
        "size": 400,
        "minimum": 40,
        "iterations_left": 6 - len(past),
        "generators": generators or {skill: GeneratorView(skill=skill, levels=(1, 2, 3)) for skill in before},
        **changes,
    }
    return Observation(skills=skills, past=past, **given)


def attempt(recipe: Recipe | Stop, feedback: dict[str, float], *, best: bool = True, **changes: Any) -> PastAttempt:
    """What came of a recipe whose quotas were filled."""
    assert isinstance(recipe, Recipe)
    given = {
        "version": "v" + recipe_digest(recipe)[:6],
        "rows": recipe.rows,
        "valid": True,
        "is_best": best,
        "predicted": recipe.prediction,
        "funnel": FunnelView(made=recipe.rows, accepted=recipe.rows),
        **changes,
    }
    return PastAttempt(recipe=recipe, feedback=feedback, **given)


def quotas(recipe: Recipe | Stop) -> dict[str, int]:
    assert isinstance(recipe, Recipe), recipe
    return {plan.skill: plan.quota for plan in recipe.skills}


def levels(recipe: Recipe | Stop, skill: str) -> dict[int, float]:
    assert isinstance(recipe, Recipe)
    return next(plan.sources[0].difficulty for plan in recipe.skills if plan.skill == skill)


BEFORE = {"a": 0.1, "b": 0.1, "c": 0.1, "d": 0.1}
AFTER = {"a": 0.9, "b": 0.5, "c": 0.3, "d": 0.1}


# -- the first draft --


def test_the_first_draft_is_even() -> None:
    draft = engineer().propose(observe(BEFORE))
    assert quotas(draft) == dict.fromkeys(BEFORE, 100)
    assert levels(draft, "a") == {}
    assert isinstance(draft, Recipe)
    assert draft.carry_over is None


@pytest.mark.parametrize("left", [1, 2, 6])
@pytest.mark.parametrize("strategy", ["iterative", "oneShot"])
def test_the_first_draft_has_full_size(strategy: str, left: int) -> None:
    draft = engineer(strategy=strategy).propose(observe(BEFORE, iterations_left=left))
    assert sum(quotas(draft).values()) == 400


def test_a_skill_uses_all_its_generators() -> None:
    generators = {name: GeneratorView(skill="a" if name < "g3" else "b") for name in ("g1", "g2", "g3")}
    draft = engineer().propose(observe({"a": 0.0, "b": 0.0}, generators=generators))
    assert isinstance(draft, Recipe)
    assert [[source.generator for source in plan.sources] for plan in draft.skills] == [["g1", "g2"], ["g3"]]


def test_skills_that_are_not_examined_share_the_exploration_only() -> None:
    generators = {skill: GeneratorView(skill=skill) for skill in ("a", "b", "x", "y")}
    draft = engineer(explore=0.2).propose(observe({"a": 0.1, "b": 0.1}, generators=generators))
    assert quotas(draft) == {"a": 180, "b": 180, "x": 20, "y": 20}


def test_an_examined_skill_without_a_generator_is_told() -> None:
    generators = {"a": GeneratorView(skill="a")}
    draft = engineer().propose(observe({"a": 0.1, "b": 0.1}, generators=generators))
    assert quotas(draft) == {"a": 400}
    assert isinstance(draft, Recipe)
    assert "No generator makes b." in draft.rationale


def test_when_no_skill_is_examined_all_share_the_rows() -> None:
    generators = {"x": GeneratorView(skill="x"), "y": GeneratorView(skill="y")}
    draft = engineer().propose(observe({"all": 0.1}, generators=generators))
    assert quotas(draft) == {"x": 200, "y": 200}
    after = engineer().propose(observe({"all": 0.1}, (attempt(draft, {"all": 0.4}),), generators=generators))
    assert sum(quotas(after).values()) == 400


def test_without_generators_there_is_nothing_to_propose() -> None:
    assert engineer().propose(observe(BEFORE, generators={}, iteration=1)) != Stop("")
    empty = Observation.model_validate({**observe(BEFORE).model_dump(), "generators": {}})
    assert engineer().propose(empty) == Stop("the teacher has no generators")


# -- improving --


def improved(**settings: Any) -> Recipe:
    """The proposal after a best version that a small budget of rows kept to a quarter of the size."""
    first = engineer(**settings).propose(observe(BEFORE, rows_left=100))
    second = engineer(**settings).propose(observe(BEFORE, (attempt(first, AFTER),)))
    assert isinstance(second, Recipe)
    return second


def test_the_best_rows_are_carried() -> None:
    second = improved()
    assert second.rows == 400
    assert second.carry_over is not None
    assert second.carry_over.share == 1.0


def test_explore_stays_even_and_the_cap_holds() -> None:
    second = quotas(improved(explore=0.4, cap=0.3))
    assert min(second.values()) >= 40
    assert max(second.values()) <= 120


def test_a_skill_that_learns_slowly_but_does_gets_more_than_one_that_is_nearly_done() -> None:
    second = quotas(improved())
    assert second["c"] > second["b"] > second["a"]


def test_a_skill_that_does_not_learn_however_many_rows_it_gets_loses_them() -> None:
    past: tuple[PastAttempt, ...] = ()
    for _ in range(3):
        past = tuple(done.model_copy(update={"is_best": False}) for done in past)
        plan = engineer().propose(observe(BEFORE, past))
        past = (*past, attempt(plan, {"a": 0.7, "b": 0.6, "c": 0.6, "d": 0.1}))
    final = quotas(engineer().propose(observe(BEFORE, past)))
    assert final["d"] == min(final.values())
    assert final["d"] >= 25  # its part of exploration


def test_difficulty_follows_success() -> None:
    second = improved()
    assert levels(second, "a")[3] > levels(second, "a")[1]
    assert levels(second, "d")[1] > levels(second, "d")[3] > 0
    assert levels(second, "b") == {}


def test_one_lucky_item_of_few_does_not_whip_the_plan_around() -> None:
    few = {skill: SkillView(n=4, before=interval(0.0, 4)) for skill in BEFORE}
    first = engineer().propose(observe(BEFORE))
    outcomes = []
    for lucky in (0.5, 0.75):
        scores = dict.fromkeys(BEFORE, 0.5) | {"a": lucky}
        skills = {
            skill: view.model_copy(update={"best": interval(scores[skill], 4), "latest": interval(scores[skill], 4)})
            for skill, view in few.items()
        }
        seen = observe(BEFORE, (attempt(first, scores),)).model_copy(update={"skills": skills})
        outcomes.append(quotas(engineer().propose(seen)))
    assert abs(outcomes[0]["a"] - outcomes[1]["a"]) < 0.25 * outcomes[0]["a"]


def test_predictions_follow_the_fitted_curves() -> None:
    second = improved()
    assert set(second.prediction) == set(BEFORE)
    assert all(0 <= change <= 0.7 for change in second.prediction.values())
    assert second.prediction["c"] > second.prediction["a"]


def test_rationale_and_method_are_sentences() -> None:
    first = engineer().propose(observe(BEFORE))
    assert isinstance(first, Recipe)
    assert first.method == "uniform coverage"
    assert first.rationale.startswith("Nothing is known about the student yet")
    second = improved()
    assert "The last version is the best so far" in second.rationale
    assert "The weakest skill is d" in second.rationale
    assert "learning curves" in second.method


def test_the_same_observation_gives_the_same_recipe() -> None:
    assert improved() == improved()


# -- after a loss --


def after_losses(losses: int, **settings: Any) -> Recipe | Stop:
    """The proposal after a best version at full size and some that did not beat it."""
    first = engineer(**settings).propose(observe(BEFORE, iterations_left=2))
    past = (attempt(first, AFTER),)
    for _ in range(losses):
        plan = engineer(**settings).propose(observe(BEFORE, past, iterations_left=5))
        if isinstance(plan, Stop):
            return plan
        past = (*past, attempt(plan, AFTER, best=False))
    return engineer(**settings).propose(observe(BEFORE, past, iterations_left=5))


def test_a_version_that_lost_is_followed_by_something_else() -> None:
    plans = [after_losses(losses) for losses in range(len(VARIANTS))]
    assert all(isinstance(plan, Recipe) for plan in plans)
    assert len({recipe_digest(plan) for plan in plans if isinstance(plan, Recipe)}) == len(VARIANTS)
    shares = [plan.carry_over.share if plan.carry_over else 0.0 for plan in plans if isinstance(plan, Recipe)]
    assert shares == [1.0, 0.5, 1.0, 0.0, 0.5]


def test_it_gives_up_when_everything_was_tried() -> None:
    outcome = after_losses(2 * len(VARIANTS))
    assert isinstance(outcome, Stop)
    assert "did not beat the best" in outcome.reason


def test_a_plan_that_would_only_copy_the_best_version_is_not_made() -> None:
    generators = {"a": GeneratorView(skill="a")}
    first = engineer().propose(observe({"a": 0.1}, generators=generators, iterations_left=2))
    past = (attempt(first, {"a": 0.5}),)
    second = engineer().propose(observe({"a": 0.1}, past, generators=generators))
    assert isinstance(second, Recipe)
    assert second.carry_over is not None
    assert second.carry_over.share == 0.5


def test_when_nothing_beat_the_untrained_student_nothing_is_carried() -> None:
    first = engineer().propose(observe(BEFORE))
    second = engineer().propose(observe(BEFORE, (attempt(first, BEFORE, best=False),)))
    assert isinstance(second, Recipe)
    assert second.carry_over is None
    assert "did not beat the untrained student" in second.rationale


def test_one_shot_stops_after_one_version() -> None:
    one = engineer(strategy="oneShot")
    first = one.propose(observe(BEFORE))
    assert isinstance(one.propose(observe(BEFORE, (attempt(first, AFTER),))), Stop)


# -- repair, budgets --


def failed(recipe: Recipe | Stop, short: dict[str, int]) -> PastAttempt:
    assert isinstance(recipe, Recipe)
    rows = recipe.rows - sum(short.values())
    return attempt(
        recipe,
        {},
        best=False,
        valid=False,
        version=None,
        rows=rows,
        funnel=FunnelView(made=900, accepted=rows, short=short),
    )


def test_quota_moves_from_a_skill_that_could_not_be_filled() -> None:
    first = engineer().propose(observe(BEFORE, size=100, minimum=90))
    second = engineer().propose(observe(BEFORE, (failed(first, {"d": 20}),), size=100, minimum=90))
    assert quotas(second)["d"] == 5
    assert sum(quotas(second).values()) == 100
    assert isinstance(second, Recipe)
    assert "Limited to what could be filled before: d." in second.rationale


def test_a_skill_that_gave_nothing_is_dropped() -> None:
    first = engineer().propose(observe(BEFORE, size=100, minimum=90))
    second = engineer().propose(observe(BEFORE, (failed(first, {"d": 25}),), size=100, minimum=90))
    assert set(quotas(second)) == {"a", "b", "c"}
    assert isinstance(second, Recipe)
    assert "Given up, since almost none of their rows passed: d." in second.rationale


def test_a_skill_that_holds_the_version_below_its_minimum_through_the_cap_is_dropped() -> None:
    two = {"a": 0.1, "b": 0.1}
    first = engineer().propose(observe(two, size=100, minimum=90))
    second = engineer().propose(observe(two, (failed(first, {"b": 45}),), size=100, minimum=90))
    assert quotas(second) == {"a": 100}


def test_it_stops_when_the_generators_cannot_give_the_minimum() -> None:
    first = engineer().propose(observe(BEFORE, size=100, minimum=90))
    outcome = engineer().propose(observe(BEFORE, (failed(first, dict.fromkeys(BEFORE, 20)),), size=100, minimum=90))
    assert isinstance(outcome, Stop)
    assert "no more than 20 rows" in outcome.reason


def test_the_budget_of_rows_bounds_the_size() -> None:
    assert sum(quotas(engineer().propose(observe(BEFORE, rows_left=60))).values()) == 60
    assert isinstance(engineer().propose(observe(BEFORE, rows_left=30)), Stop)


def test_a_poor_yield_makes_the_budget_of_rows_go_less_far() -> None:
    first = engineer().propose(observe(BEFORE, iterations_left=2))
    funnel = FunnelView(made=800, accepted=400)
    second = engineer(carry_over=0).propose(observe(BEFORE, (attempt(first, AFTER, funnel=funnel),), rows_left=200))
    assert sum(quotas(second).values()) == 100


def test_a_small_budget_is_spent_on_top_of_the_carried_rows() -> None:
    first = engineer().propose(observe(BEFORE, size=100))
    second = engineer().propose(observe(BEFORE, (attempt(first, AFTER),), rows_left=70))
    assert sum(quotas(second).values()) == 170


# -- what it is worth --

WORLDS = {
    "mixed": {
        "easy": Truth(0.6, 20),
        "fast": Truth(0.1, 30),
        "slow": Truth(0.05, 200),
        "medium": Truth(0.3, 60),
        "steady": Truth(0.1, 100),
        "known": Truth(0.8, 30),
    },
    "hopeless": {"a": Truth(0.3, 30), "b": Truth(0.0, 20_000), "c": Truth(0.05, 100), "d": Truth(0.1, 60)},
    "unbalanced": {
        "a": Truth(0.2, 60, items=40),
        "b": Truth(0.1, 100, items=8),
        "c": Truth(0.1, 30, items=8),
        "d": Truth(0.4, 60, items=30),
        "e": Truth(0.05, 200, items=20),
    },
    "power": {
        "a": Truth(0.5, 5, 0.4),
        "b": Truth(0.1, 40, 0.4),
        "c": Truth(0.05, 100, 0.6),
        "d": Truth(0.1, 60, 0.8),
        "e": Truth(0.0, 20, 0.5),
        "f": Truth(0.7, 50, 0.3),
    },
}
RUNS = 24


def gains(world: dict[str, Truth], size: int, iterations: int) -> np.ndarray:
    """True score of the version found, against even shares of the same sizes; one value a run."""

    def same_rows(observation: Observation) -> Recipe | Stop:
        plan = engineer().propose(observation)
        return plan if isinstance(plan, Stop) else even(observation, plan.rows)

    found = []
    for seed in range(RUNS):
        ours = simulate(world, engineer().propose, size=size, iterations=iterations, seed=seed)
        theirs = simulate(world, same_rows, size=size, iterations=iterations, seed=seed)
        found.append(ours - theirs)
    return np.array(found)


@pytest.mark.parametrize("world", sorted(WORLDS.keys() - {"power"}))
def test_it_beats_even_shares_at_equal_rows(world: str) -> None:
    gain = gains(WORLDS[world], size=300, iterations=4)
    assert gain.mean() > 2 * gain.std() / RUNS**0.5


@pytest.mark.parametrize("world", [WORLDS["power"], {skill: Truth(0.1, 60) for skill in "abcdef"}])
def test_it_costs_nothing_where_there_is_little_to_divide(world: dict[str, Truth]) -> None:
    gain = gains(world, size=300, iterations=4)
    assert gain.mean() > -0.005
