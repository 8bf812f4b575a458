"""What the heuristic engineer's plans are worth, on students that exist only as learning curves.

    PYTHONPATH=runtime:tests .venv/bin/python tests/benchmarks/policy.py [--worlds 300] [--save NEW] [--against OLD]

Every world is a dozen skills with curves of their own, drawn anew: plateaus reached after a few rows, thresholds, power
laws, skills that are never learnt. A run goes as in the loop: the engineer plans, training adds noise to what the rows
would bring, the student answers the same few feedback items every time, and the Ladder rule on selection items decides
which version is the best, with patience. What counts is the true mean score of the published version's recipe, the
expectation of its finalists' mean. Printed per kind of world, in hundredths: one version of even rows, the engineer,
the oracle that divides the rows knowing the curves, and the engineer's gain on even rows with its standard error. All
contenders meet the same worlds and the same noise.

To compare with another state of the code, run that with its ``runtime`` first in ``PYTHONPATH`` and ``--save`` its
outcomes; ``--against`` them adds the gain on it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from preceptor.engineers.heuristic import HeuristicEngineer
from preceptor.engineers.observation import FunnelView, GeneratorView, Observation, PastAttempt, SkillView
from preceptor.engineers.proposal import Stop
from preceptor.evaluation.statistics import ladder
from preceptor.recipes.digests import recipe_digest
from preceptor.spec.actors import HeuristicEngineer as Config
from support.learners import interval

Array = NDArray[np.float64]
Curve = Callable[[Array], Array]

SKILLS = 12
PATIENCE = 5
CAP = 0.5
COMMON_NOISE = 0.15
"""Standard deviation of what a training's seed does to all skills alike, in logits."""
SKILL_NOISE = 0.6
"""The same for each skill by itself: ten points at a score of 0.2, three points on the mean of twelve skills."""
SAME_ITEM = 0.7
"""Share of an item's variance that is its own and the same for every student."""


@dataclass(frozen=True)
class World:
    """Skills, and how many items they are examined on."""

    curves: tuple[Curve, ...]
    """True score by rows."""
    items: tuple[int, ...]
    """Feedback items; selection has a quarter more."""


def plateau(random: np.random.Generator) -> Curve:
    """A few rows teach the form and the likely answers; more teach nothing."""
    start, ceiling, half = random.uniform(0, 0.1), random.uniform(0.1, 0.7), np.exp(random.uniform(0, np.log(8)))
    return lambda rows: start + max(ceiling - start, 0) * rows / (rows + half)


def threshold(random: np.random.Generator) -> Curve:
    """Nothing, then much: logistic in the logarithm of rows."""
    start, ceiling = random.uniform(0, 0.1), random.uniform(0.4, 1)
    middle, steep = np.exp(random.uniform(np.log(10), np.log(80))), random.uniform(2, 4)
    return lambda rows: start + (ceiling - start) * expit(steep * np.log(np.maximum(rows, 1e-9) / middle))


def power(random: np.random.Generator) -> Curve:
    """Ever better, ever more slowly."""
    start, half, steep = random.uniform(0, 0.3), np.exp(random.uniform(np.log(10), np.log(300))), random.uniform(0.4, 1)
    return lambda rows: 1 - (1 - start) * (1 + rows / half) ** -steep


def never(random: np.random.Generator) -> Curve:
    """Not learnt with any number of rows that is at hand."""
    start = random.uniform(0, 0.08)
    return lambda rows: start + 0 * rows


KINDS: dict[str, tuple[Callable[[np.random.Generator], Curve], ...]] = {
    "mixed": (plateau, threshold, power, never),
    "plateaus": (plateau, power),
    "thresholds": (threshold, power),
    "hopeless": (never, never, threshold, power),
    "power laws": (power,),
}
ALIKE = {"alike: power": power, "alike: threshold": threshold, "alike: plateau": plateau}
"""Worlds in which one curve is drawn and all skills have it."""


def draw(kind: str, random: np.random.Generator) -> World:
    """A world of a kind, with six to twenty feedback items a skill."""
    if kind in ALIKE:
        curves = [ALIKE[kind](random)] * SKILLS
    else:
        curves = [KINDS[kind][random.integers(len(KINDS[kind]))](random) for _ in range(SKILLS)]
    return World(tuple(curves), (int(random.integers(6, 21)),) * SKILLS)


def true_scores(world: World, rows: Array) -> Array:
    """Scores that these rows bring without the noise of training, ``[skills]``."""
    return np.array([float(curve(np.float64(count))) for curve, count in zip(world.curves, rows, strict=True)])


def oracle(world: World, size: int) -> Array:
    """The best division for one who knows the curves: dynamic programming over skills, ``[skills]``."""
    most = int(CAP * size)
    tables = [curve(np.arange(most + 1, dtype=float)) for curve in world.curves]
    value, choices = np.where(np.arange(size + 1) == 0, 0.0, -np.inf), []
    for table in tables:
        ways = np.full((most + 1, size + 1), -np.inf)
        for rows in range(most + 1):
            ways[rows, rows:] = value[: size + 1 - rows] + table[rows]
        choices.append(ways.argmax(axis=0))
        value = ways.max(axis=0)
    left, found = size, []
    for choice in reversed(choices):
        found.append(int(choice[left]))
        left -= found[-1]
    return np.array(found[::-1], dtype=float)


class Examination:
    """Items that are the same for every student, and students that training made better or worse than their rows."""

    def __init__(self, world: World, seed: int) -> None:
        self._seed = seed
        random = np.random.default_rng((seed, 0))
        self._own = {
            "feedback": [random.standard_normal(items) for items in world.items],
            "selection": [random.standard_normal(round(1.25 * items)) for items in world.items],
        }

    def answers(self, scores: Array, student: int) -> dict[str, list[Array]]:
        """Right or wrong on each item of each skill, by split. Student 0 is the untrained one: without noise."""
        random = np.random.default_rng((self._seed, 1 + student))
        noise = COMMON_NOISE * random.standard_normal() + SKILL_NOISE * random.standard_normal(scores.size)
        reached = expit(logit(np.clip(scores, 1e-6, 1 - 1e-6)) + noise * (student > 0))
        answers = {}
        for split, skills in self._own.items():
            luck = [SAME_ITEM**0.5 * own + (1 - SAME_ITEM) ** 0.5 * random.standard_normal(own.size) for own in skills]
            answers[split] = [(ndtr(z) < share).astype(float) for z, share in zip(luck, reached, strict=True)]
        return answers


def run(world: World, engineer: HeuristicEngineer, size: int, iterations: int, seed: int) -> Array:
    """Rows of the version that a run with this engineer publishes, ``[skills]``; none when nothing beat the base."""
    names = [f"s{place:02}" for place in range(SKILLS)]
    examination = Examination(world, seed)
    base = examination.answers(true_scores(world, np.zeros(SKILLS)), 0)

    def scores(answers: dict[str, list[Array]]) -> dict[str, float]:
        return {name: float(skill.mean()) for name, skill in zip(names, answers["feedback"], strict=True)}

    found, best, standing = np.zeros(SKILLS), None, np.concatenate(base["selection"])
    before, past, since_best = scores(base), list[PastAttempt](), 0
    for iteration in range(1, iterations + 1):
        latest = past[-1].feedback if past else None
        shown = {
            name: SkillView(
                n=items,
                before=interval(before[name], items),
                best=interval(best[name], items) if best else None,
                latest=interval(latest[name], items) if latest else None,
            )
            for name, items in zip(names, world.items, strict=True)
        }
        plan = engineer.propose(
            Observation(
                iteration=iteration,
                skills=shown,
                past=tuple(past),
                generators={name: GeneratorView(skill=name) for name in names},
                size=size,
                minimum=size // 4,
                iterations_left=iterations - iteration + 1,
            )
        )
        if isinstance(plan, Stop) or since_best >= PATIENCE:
            break
        quotas = {part.skill: part.quota for part in plan.skills}
        rows = np.array([quotas.get(name, 0) for name in names], dtype=float)
        answers = examination.answers(true_scores(world, rows), iteration)
        selection = np.concatenate(answers["selection"])
        better = ladder(standing, selection).better
        since_best = 0 if better else since_best + 1
        if better:
            found, best, standing = rows, scores(answers), selection
            past = [attempt.model_copy(update={"is_best": False}) for attempt in past]
        past.append(
            PastAttempt(
                recipe=plan,
                version=recipe_digest(plan)[:12],
                rows=plan.rows,
                valid=True,
                is_best=better,
                feedback=scores(answers),
                funnel=FunnelView(made=plan.rows, accepted=plan.rows),
            )
        )
    return found


Outcomes = dict[str, list[tuple[float, float, float]]]
"""True mean scores by setting; in each world those of even rows, of the engineer and of the oracle."""


def measure(worlds: int, sizes: list[int], iterations: list[int]) -> Outcomes:
    """Let the engineer plan in every world."""
    engineer, once = (HeuristicEngineer(Config(kind="heuristic", strategy=s)) for s in ("iterative", "oneShot"))
    outcomes: Outcomes = {}
    for number, kind in enumerate((*KINDS, *ALIKE)):
        for seed in range(worlds):
            world = draw(kind, np.random.default_rng((number, seed)))
            for size in sizes:
                best = true_scores(world, oracle(world, size)).mean()
                even = true_scores(world, run(world, once, size, 1, seed)).mean()
                for count in iterations:
                    ours = true_scores(world, run(world, engineer, size, count, seed)).mean()
                    outcomes.setdefault(f"{kind}|{size}|{count}", []).append((float(even), float(ours), float(best)))
    return outcomes


def gain(ours: Array, theirs: Array) -> str:
    """Mean difference in hundredths with its standard error."""
    difference = 100 * (ours - theirs)
    return f"{difference.mean():+.2f} ± {difference.std(ddof=1) / len(difference) ** 0.5:.2f}"


def show(outcomes: Outcomes, against: Outcomes | None) -> None:
    """Print the table."""
    more = " the other | gain on the other |" if against else ""
    print(f"| worlds | rows | iterations | even | engineer | oracle | gain on even |{more}")  # noqa: T201
    print("| --- | --- | --- | --- | --- | --- | --- |" + (" --- | --- |" if against else ""))  # noqa: T201
    for setting, found in outcomes.items():
        even, ours, best = np.array(found).T
        means = " | ".join(f"{100 * scores.mean():.1f}" for scores in (even, ours, best))
        line = f"| {setting.replace('|', ' | ')} | {means} | {gain(ours, even)} |"
        if against:
            other = np.array(against[setting])[: len(ours), 1]
            line += f" {100 * other.mean():.1f} | {gain(ours, other)} |"
        print(line)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=300)
    parser.add_argument("--sizes", type=int, nargs="+", default=[96, 300])
    parser.add_argument("--iterations", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--save", type=Path)
    parser.add_argument("--against", type=Path)
    given = parser.parse_args()
    start = time.perf_counter()
    outcomes = measure(given.worlds, given.sizes, given.iterations)
    if given.save:
        given.save.write_text(json.dumps(outcomes))
    show(outcomes, json.loads(given.against.read_text()) if given.against else None)
    print(f"{given.worlds} worlds of each kind, {time.perf_counter() - start:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
