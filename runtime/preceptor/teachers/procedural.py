"""The procedural teacher: rows that are right by construction, made without a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from preceptor.errors import Problem, RecipeError, TaskError
from preceptor.recipes.digests import digest, seed_from
from preceptor.spec.actors import Generator, SamplerGenerator
from preceptor.spec.actors import ProceduralTeacher as Config
from preceptor.spec.task import Task
from preceptor.tasks.prompts import render_prompt
from preceptor.tasks.scorers import Scorer, build_scorer
from preceptor.teachers.draft import Draft
from preceptor.teachers.gym import ReasoningGymSource
from preceptor.teachers.sampler import SamplerSource, Shared
from preceptor.teachers.templates import GeneratorError, generator_place


class Source(Protocol):
    """What one generator can do."""

    skill: str
    """The skill of its rows."""
    levels: tuple[int, ...]
    """Its difficulty levels, ascending."""

    def make(self, *, levels: Mapping[int, float], count: int, seed: int) -> list[Draft]:
        """At most ``count`` rows; those that are missing failed the generator's own verifier."""
        ...

    def trials(self) -> Iterator[Draft | GeneratorError]:
        """A few rows of every form or level, or what keeps it from making any."""
        ...


class ProceduralTeacher:
    """Makes rows with the generators of the document.

    The same configuration, generator, levels, count and seed make the same rows in every process.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        shared = Shared(config)
        self._sources = {name: _source(name, generator, shared) for name, generator in config.generators.items()}
        self.identity = f"procedural:{digest(config.model_dump(mode='json', exclude={'concurrency'}))[:12]}"
        """The teacher as receipts name it: kind and digest of what its rows depend on."""

    def skills(self) -> dict[str, str]:
        """The skill of each generator's rows."""
        return {name: source.skill for name, source in self._sources.items()}

    def levels(self, generator: str) -> tuple[int, ...]:
        """The difficulty levels of a generator. Raises ``RecipeError`` when there is no such generator."""
        return self._find(generator).levels

    def make(self, generator: str, *, levels: Mapping[int, float], count: int, seed: int) -> list[Draft]:
        """``count`` rows, less those that failed the generator's own verifier.

        ``levels`` weighs the difficulty levels; all are alike when it is empty. Raises ``RecipeError`` for an unknown
        generator or level, ``GeneratorError`` (a ``TaskError``) when the document's templates do not render.
        """
        source = self._find(generator)
        unknown = sorted(level for level, weight in levels.items() if weight > 0 and level not in source.levels)
        if unknown:
            raise RecipeError(f"generator `{generator}` has no difficulty {unknown[0]}; it has {source.levels}")
        weights = {level: levels[level] for level in sorted(levels) if levels[level] > 0}
        return source.make(
            levels=weights or dict.fromkeys(source.levels, 1.0), count=count, seed=seed_from("rows", generator, seed)
        )

    def check(self, task: Task) -> list[Problem]:
        """What keeps generators from making rows for a task, found by making a few of every form and level.

        Besides errors in templates and settings: a prompt that reads a column the generator does not give, and an
        answer that the task's scorer cannot read. Each mistake is told once. Empty when all is well.
        """
        scorer = build_scorer(task.scorer)
        problems: dict[tuple[str, str], Problem] = {}
        for source in self._sources.values():
            for trial in source.trials():
                problem = trial.problem() if isinstance(trial, GeneratorError) else _misfit(trial, task, scorer)
                if problem is not None:
                    problems.setdefault((problem.path, problem.mend), problem)
        return list(problems.values())

    def _find(self, generator: str) -> Source:
        try:
            return self._sources[generator]
        except KeyError:
            raise RecipeError(
                f"the teacher has no generator `{generator}`; it has {', '.join(sorted(self._sources))}"
            ) from None


def _source(name: str, generator: Generator, shared: Shared) -> Source:
    if isinstance(generator, SamplerGenerator):
        return SamplerSource(name, generator, shared)
    return ReasoningGymSource(name, generator)


def _misfit(draft: Draft, task: Task, scorer: Scorer) -> Problem | None:
    """Why a row does not fit the task, if it does not."""
    place = generator_place(draft.generator)
    where = f"{place.words}, difficulty {draft.difficulty}"
    try:
        render_prompt(task, draft.fields)
    except TaskError as error:
        return Problem(
            path=place.path,
            line=None,
            message=f"{where}: the task's prompt cannot be rendered from its columns: {error.message}",
            mend=f"it gives {', '.join(draft.fields)}; the prompt reads `{task.prompt}`",
        )
    if not scorer.readable(draft.answer, draft.fields):
        return Problem(
            path=place.path,
            line=None,
            message=f"{where}: the task's scorer ({task.scorer.kind}) cannot read the answer `{draft.answer[:200]}`",
            mend="change the answer template so that the scorer finds an answer in it",
        )
    return None
