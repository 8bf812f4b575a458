"""What follows from an observation, whoever asks: who can be taught, how well it goes, what more rows would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from preceptor.engineers import curves
from preceptor.engineers.observation import Observation, PastAttempt, SkillView
from preceptor.recipes.pricing import carried_rows
from preceptor.spec.recipe import ProceduralSource, Recipe

PRIOR_ITEMS = 8.0
"""Feedback items that the mean over all skills counts for in the accuracy of each."""
LATEST_WEIGHT = 0.5
"""Weight of the latest version's feedback beside the best one's."""


class View:
    """What follows from an observation, whoever asks."""

    def __init__(self, observation: Observation) -> None:
        self.observation = observation
        self.generators: dict[str, list[str]] = {}
        """Names of the generators of each skill."""
        for name, generator in sorted(observation.generators.items()):
            self.generators.setdefault(generator.skill, []).append(name)
        self.examined = [attempt for attempt in observation.past if attempt.examined]
        """Attempts that a student learnt and was examined on, the oldest first."""
        self.best = next((attempt for attempt in reversed(self.examined) if attempt.is_best), None)
        """The best version so far."""
        self.room = _room(observation)
        """Most rows of each skill that the teacher could not fill."""
        self._curves = self._fit()

    @property
    def targets(self) -> list[str]:
        """Skills that are examined and can be taught; every skill that can be taught when none is examined."""
        return [skill for skill in self.generators if skill in self.observation.skills] or list(self.generators)

    @property
    def targets_are_examined(self) -> bool:
        """Whether any skill is both examined and taught."""
        return any(skill in self.observation.skills for skill in self.generators)

    @property
    def untaught(self) -> list[str]:
        """Skills that are examined and that no generator makes."""
        return sorted(self.observation.skills.keys() - self.generators.keys())

    @property
    def losses(self) -> int:
        """Examined versions since the best; all of them when none beat the untrained student."""
        return len(self.examined) - (self.examined.index(self.best) + 1 if self.best else 0)

    @property
    def accept_rate(self) -> float:
        """Share of the rows made so far that passed; 1 before any."""
        made = sum(attempt.funnel.made for attempt in self.observation.past)
        fresh = sum(attempt.rows - attempt.funnel.carried for attempt in self.observation.past)
        return min(1.0, fresh / made) if made else 1.0

    def accuracy(self, skill: str) -> float:
        """Accuracy on a skill, shrunk towards the mean of all skills by a Beta prior of ``PRIOR_ITEMS`` items."""
        mean, _ = _pooled(self.observation.skills.values())
        view = self.observation.skills.get(skill)
        if view is None:
            return mean
        own, n = _pooled([view])
        return (own * n + mean * PRIOR_ITEMS) / (n + PRIOR_ITEMS)

    def best_rows(self, size: int) -> dict[str, float]:
        """Rows of each target in the division that leaves the fewest items wrong; even before any examination."""
        targets = self.targets
        if not self.examined or any(skill not in self._curves for skill in targets):
            return dict.fromkeys(targets, size / len(targets))
        items = {skill: self.observation.skills[skill].n for skill in targets}
        return curves.best_rows({skill: self._curves[skill] for skill in targets}, items, size)

    def best_source(self, generator: str) -> ProceduralSource | None:
        """How the best version's recipe used a generator."""
        plans = self.best.recipe.skills if self.best else ()
        sources = (source for plan in plans for source in plan.sources if isinstance(source, ProceduralSource))
        return next((source for source in sources if source.generator == generator), None)

    def fresh_share(self, recipe: Recipe) -> float:
        """Share of a recipe's rows that the best version does not hold."""
        if self.best is None:
            return 1.0
        kept = sum(carried_rows(recipe, plan, _rows_of(self.best, plan.skill)) for plan in recipe.skills)
        return 1 - kept / recipe.rows

    def predict(self, rows: Mapping[str, int]) -> dict[str, float]:
        """Expected change of accuracy per examined skill, against the best version or the untrained student."""
        changes = {}
        for skill in self.targets:
            if skill in self._curves and skill in rows:
                curve = self._curves[skill]
                now = curve.error(_rows_of(self.best, skill)) if self.best else curve.error_before
                changes[skill] = round(now - curve.error(rows[skill]), 3)
        return changes

    def _fit(self) -> dict[str, curves.Curve]:
        skills = self.observation.skills
        before = {skill: curves.Point(0, view.before.mean, view.n) for skill, view in skills.items()}
        points = {
            skill: [
                curves.Point(_rows_of(attempt, skill), attempt.feedback[skill], view.n)
                for attempt in self.examined
                if skill in attempt.feedback
            ]
            for skill, view in skills.items()
        }
        return curves.fit(before, points)


def _pooled(views: Iterable[SkillView]) -> tuple[float, float]:
    """Mean accuracy over skills, and the items it rests on."""
    right = items = 0.0
    for view in views:
        scores = [(view.best, 1.0), (view.latest, LATEST_WEIGHT)] if view.best else [(view.latest, 1.0)]
        known = [(score.mean, weight) for score, weight in scores if score is not None] or [(view.before.mean, 1.0)]
        right += view.n * sum(mean * weight for mean, weight in known) / sum(weight for _, weight in known)
        items += view.n
    return (right / items if items else 0.0), items


def _rows_of(attempt: PastAttempt, skill: str) -> int:
    planned = next((plan.quota for plan in attempt.recipe.skills if plan.skill == skill), 0)
    return planned - attempt.funnel.short.get(skill, 0)


def _room(observation: Observation) -> dict[str, int]:
    """Rows that skills which came up short did reach, at best."""
    room: dict[str, int] = {}
    for attempt in observation.past:
        for skill in attempt.funnel.short:
            room[skill] = max(room.get(skill, 0), _rows_of(attempt, skill))
    return room
