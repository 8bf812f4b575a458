"""The baseline for language models to beat: rows and difficulty go where the examinations say they help.

Size. Every version has ``dataset.size`` rows, or as many as the budget of rows leaves. A first version of a quarter,
to learn cheaply which skills learn how fast, costs an iteration that could have given the best version: on simulated
students (``tests/benchmarks/policy.py``) it cost most of what iterating gains.

Shares. The first draft is even over the examination's skills. Later, a learning curve is fitted to each skill
(:mod:`preceptor.engineers.curves`), and rows are divided so that the fewest items stay wrong: weak skills get more,
those that do not learn however many rows they get do not. A share ``explore`` stays even over every skill the teacher
knows, ``cap`` is kept by water-filling, and a skill that the teacher could not fill is planned no larger than it was.

Difficulty. A skill moves a level up when it does well and down when it does badly; every level keeps its part of
``explore``.

After a version that lost to the best, the next differs from it by a fixed schedule: see ``VARIANTS``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from preceptor.engineers.difficulty import weigh_levels
from preceptor.engineers.observation import Observation
from preceptor.engineers.proposal import Stop
from preceptor.engineers.shares import divide
from preceptor.engineers.view import View
from preceptor.recipes.digests import recipe_digest
from preceptor.spec.actors import HeuristicEngineer as Config
from preceptor.spec.recipe import CarryOver, ProceduralSource, Recipe, SkillPlan

LEAST_FRESH = 0.05
"""Share of rows that must be new to the best version: with fewer, the outcome would be luck."""


@dataclass(frozen=True)
class Variant:
    """One way to go on from the best version."""

    words: str
    """What it does, for the rationale."""
    carry: float = 1.0
    """Factor on ``carryOver``."""
    focus: float = 1.0
    """Exponent of the shares that the curves suggest: 0 spreads evenly, 2 concentrates."""
    climb: int = 1
    """Levels to move when a skill does well or badly; 0 keeps all levels alike."""


VARIANTS = (
    Variant("rows go where the curves promise most"),
    Variant("half of the carried rows give way to fresh ones", carry=0.5),
    Variant("rows concentrate on the most promising skills", focus=2.0),
    Variant("all rows are fresh and all levels alike", carry=0.0, climb=0),
    Variant("rows are even again, half of them fresh", carry=0.5, focus=0.0),
)
"""Tried in turn after each version in a row that did not beat the best; the first after a new best."""


class HeuristicEngineer:
    """Plans without a language model. Pure: the same observation gives the same recipe."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def propose(self, observation: Observation) -> Recipe | Stop:
        """Return the next recipe, or the reason to make no more."""
        view = View(observation)
        if not view.generators:
            return Stop("the teacher has no generators")
        if self._config.strategy == "oneShot" and view.examined:
            return Stop("the strategy is one version, and there is one")
        losses = view.losses
        if losses >= 2 * len(VARIANTS):
            return Stop(f"the last {losses} versions did not beat the best, whatever was varied")
        tried = {recipe_digest(attempt.recipe) for attempt in observation.past}
        reasons = []
        for turn in range(len(VARIANTS)):
            recipe = self._draft(view, VARIANTS[(losses + turn) % len(VARIANTS)])
            if isinstance(recipe, Stop):
                reasons.append(recipe)
            elif recipe_digest(recipe) not in tried and view.fresh_share(recipe) >= LEAST_FRESH:
                return recipe
        return reasons[0] if reasons else Stop("every variation on the best version was tried")

    def _draft(self, view: View, variant: Variant) -> Recipe | Stop:
        carry = self._carry_over(view, variant)
        size = self._size(view, carry)
        rows = self._rows(view, variant, size)
        if sum(rows.values()) < view.observation.minimum:
            return Stop(
                f"no more than {sum(rows.values())} rows can be planned with what the generators and the budget leave; "
                f"a version needs {view.observation.minimum}"
            )
        plans = [
            SkillPlan(skill=skill, quota=quota, sources=tuple(self._sources(view, variant, skill)))
            for skill, quota in rows.items()
        ]
        return Recipe(
            skills=tuple(plans),
            carry_over=carry,
            method=_method(view, variant),
            rationale=_rationale(view, variant, rows),
            prediction=view.predict(rows),
        )

    def _carry_over(self, view: View, variant: Variant) -> CarryOver | None:
        share = round(self._config.carry_over * variant.carry, 3)
        if view.best is None or view.best.version is None or share == 0:
            return None
        return CarryOver(version=view.best.version, share=share)

    def _size(self, view: View, carry: CarryOver | None) -> int:
        """Rows of the version: no more than the budget of rows can make."""
        observation = view.observation
        size = observation.size
        if observation.rows_left is not None:
            carried = round(carry.share * view.best.rows) if carry and view.best else 0
            size = min(size, carried + int(observation.rows_left * view.accept_rate))
        return size

    def _rows(self, view: View, variant: Variant, size: int) -> dict[str, int]:
        """Rows of each skill; a skill that holds the whole version below its minimum is given up."""
        weights = self._weights(view, variant, size)
        most: dict[str, int] = {}
        while weights:
            rows = divide(weights, size, cap=self._config.cap, room=view.room)
            most = max(most, rows, key=lambda rows: sum(rows.values()))
            narrow = [skill for skill in weights if skill in view.room]
            if sum(rows.values()) >= view.observation.minimum or not narrow:
                break
            del weights[min(narrow, key=lambda skill: (view.room[skill], skill))]
        return most

    def _weights(self, view: View, variant: Variant, size: int) -> dict[str, float]:
        """Share of each skill: part even over all, the rest over those examined, by what their curves promise."""
        targets = view.targets
        explore = self._config.explore if view.examined or len(targets) < len(view.generators) else 0.0
        weights = {skill: explore / len(view.generators) for skill in view.generators}
        promising = {skill: rows**variant.focus for skill, rows in view.best_rows(size).items()}
        for skill, rows in promising.items():
            weights[skill] += (1 - explore) * rows / sum(promising.values())
        return weights

    def _sources(self, view: View, variant: Variant, skill: str) -> Iterator[ProceduralSource]:
        accuracy = view.accuracy(skill) if view.examined else None
        for name in view.generators[skill]:
            before = view.best_source(name)
            yield ProceduralSource(
                generator=name,
                difficulty=weigh_levels(
                    view.observation.generators[name].levels,
                    before=before.difficulty if before else {},
                    accuracy=accuracy,
                    climb=variant.climb,
                    explore=self._config.explore,
                ),
            )


def _method(view: View, variant: Variant) -> str:
    if not view.examined:
        return "uniform coverage"
    rest = ", replaying the best version's rows" if view.best and variant.carry else ""
    return f"data mixing by fitted learning curves, difficulty by success{rest}"


def _rationale(view: View, variant: Variant, rows: Mapping[str, int]) -> str:
    """Why this plan, for the ledger and the report."""
    sentences = []
    if view.observation.past and not view.observation.past[-1].valid:
        sentences.append("The last attempt gave too few rows.")
    if not view.examined:
        sentences.append("Nothing is known about the student yet, so rows are even over the skills.")
    else:
        weakest = min(view.targets, key=lambda skill: (view.accuracy(skill), skill))
        sentences.append(f"{_standing(view)}; now {variant.words}.")
        sentences.append(f"The weakest skill is {weakest} (about {view.accuracy(weakest):.0%} right).")
    largest = max(rows, key=lambda skill: (rows[skill], skill))
    sentences.append(f"Most rows, {rows[largest]} of {sum(rows.values())}, go to {largest}.")
    if given_up := sorted(view.room.keys() - rows.keys()):
        sentences.append(f"Given up, since almost none of their rows passed: {', '.join(given_up)}.")
    if held_back := sorted(skill for skill in view.room if rows.get(skill) == view.room[skill]):
        sentences.append(f"Limited to what could be filled before: {', '.join(held_back)}.")
    if view.untaught and view.targets_are_examined:
        sentences.append(f"No generator makes {', '.join(view.untaught)}.")
    elif view.untaught:
        sentences.append("No generator makes a skill of the examination, so all of them share the rows.")
    return " ".join(sentences)


def _standing(view: View) -> str:
    if view.losses == 0:
        return "The last version is the best so far"
    versions = "The last version" if view.losses == 1 else f"The last {view.losses} versions"
    return f"{versions} did not beat {'the best' if view.best else 'the untrained student'}"
