"""A student that exists only as learning curves: what an engineer's plans would come to, without training anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from preceptor.engineers.observation import (
    FunnelView,
    GeneratorView,
    Interval,
    Observation,
    PastAttempt,
    SkillView,
)
from preceptor.engineers.proposal import Stop
from preceptor.recipes.digests import recipe_digest
from preceptor.spec.recipe import ProceduralSource, Recipe, SkillPlan


@dataclass(frozen=True)
class Truth:
    """How one skill is learnt: ``score = ceiling - (ceiling - start) * (1 + rows / halving) ** -steepness``."""

    start: float
    halving: float
    steepness: float = 1.0
    ceiling: float = 1.0
    items: int = 15
    """Feedback items; selection has as many, the outcome counts skills in this proportion."""

    def score(self, rows: int) -> float:
        return self.ceiling - (self.ceiling - self.start) * (1 + rows / self.halving) ** -self.steepness


Propose = Callable[[Observation], Recipe | Stop]


def simulate(
    world: Mapping[str, Truth], propose: Propose, *, size: int, iterations: int, seed: int, noise: float = 0.03
) -> float:
    """True mean score of the version that selection called best, after a run on noisy examinations."""
    random = np.random.default_rng(seed)
    items = np.array([truth.items for truth in world.values()])
    scores = {"before": _examined(world, {skill: truth.start for skill, truth in world.items()}, random)}
    best_true = best_selection = None
    start = np.array([truth.start for truth in world.values()])
    best_true, best_selection = start @ items / items.sum(), random.binomial(items, start).sum() / items.sum()
    past: list[PastAttempt] = []
    for iteration in range(1, iterations + 1):
        plan = propose(_observe(world, scores, past, iteration, iterations, size))
        if isinstance(plan, Stop):
            break
        quotas = {part.skill: part.quota for part in plan.skills}
        reached = {
            skill: float(np.clip(truth.score(quotas.get(skill, 0)) + noise * random.standard_normal(), 0, 1))
            for skill, truth in world.items()
        }
        feedback = _examined(world, reached, random)
        shares = np.array(list(reached.values()))
        selection = random.binomial(items, shares).sum() / items.sum()
        error = np.sqrt(2 * max(selection * (1 - selection), 0.01) / items.sum()) * 0.7
        is_best = selection > best_selection + error
        if is_best:
            best_true, best_selection = shares @ items / items.sum(), selection
            scores["best"] = feedback
            past = [attempt.model_copy(update={"is_best": False}) for attempt in past]
        scores["latest"] = feedback
        past.append(
            PastAttempt(
                recipe=plan,
                version=recipe_digest(plan)[:12],
                rows=plan.rows,
                valid=True,
                is_best=is_best,
                feedback=feedback,
                predicted=plan.prediction,
                funnel=FunnelView(made=plan.rows, accepted=plan.rows),
            )
        )
    return float(best_true)


def even(observation: Observation, rows: int) -> Recipe:
    """The plan that knows nothing: as many rows of every skill."""
    skills = sorted(observation.skills)
    quotas = [rows // len(skills) + (place < rows % len(skills)) for place in range(len(skills))]
    return Recipe(
        skills=tuple(
            SkillPlan(skill=skill, quota=quota, sources=(ProceduralSource(generator=skill),))
            for skill, quota in zip(skills, quotas, strict=True)
        )
    )


def interval(mean: float, n: int) -> Interval:
    """An interval whose ends do not matter to the engineer."""
    return Interval(mean=mean, low=mean, high=mean, n=n)


def _examined(world: Mapping[str, Truth], true: Mapping[str, float], random: np.random.Generator) -> dict[str, float]:
    return {skill: random.binomial(truth.items, true[skill]) / truth.items for skill, truth in world.items()}


def _observe(
    world: Mapping[str, Truth],
    scores: Mapping[str, Mapping[str, float]],
    past: list[PastAttempt],
    iteration: int,
    iterations: int,
    size: int,
) -> Observation:
    def view(subject: str, skill: str) -> Interval | None:
        return interval(scores[subject][skill], world[skill].items) if subject in scores else None

    return Observation(
        iteration=iteration,
        skills={
            skill: SkillView(
                n=truth.items,
                before=interval(scores["before"][skill], truth.items),
                best=view("best", skill),
                latest=view("latest", skill),
            )
            for skill, truth in world.items()
        },
        past=tuple(past),
        generators={skill: GeneratorView(skill=skill) for skill in world},
        size=size,
        minimum=min(size, 2 * len(world)),
        iterations_left=iterations - iteration + 1,
    )
