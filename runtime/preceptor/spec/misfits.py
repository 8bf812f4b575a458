"""What a recipe may not ask of a document, whoever wrote it. Pure; needs nothing but the two."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from preceptor.spec.actors import OpenAITeacher, PoolTeacher
from preceptor.spec.document import Spec
from preceptor.spec.recipe import (
    AgreementValidator,
    EvolveSource,
    JudgeValidator,
    LengthValidator,
    PoolSource,
    ProceduralSource,
    PromptSource,
    Recipe,
    SkillPlan,
    SolveSource,
    Source,
)
from preceptor.spec.source import join
from preceptor.spec.task import ReasoningGymScorer


@dataclass(frozen=True)
class Misfit:
    """One thing a recipe may not ask."""

    path: str
    """Dotted path from the recipe, as in ``skills[2].sources[0].template``."""
    message: str
    """What is wrong."""
    mend: str
    """What to write instead."""


def source_path(skill: int, source: int) -> str:
    """Path of a skill's source from the recipe."""
    return join(f"{join('skills', skill)}.sources", source)


def misfits(recipe: Recipe, spec: Spec) -> Iterator[Misfit]:
    """Everything that the kinds of sources and validators rule out, given the document's teacher and task."""
    for position, plan in enumerate(recipe.skills):
        for place, source in enumerate(plan.sources):
            path = source_path(position, place)
            yield from _repeated(plan, place, path)
            yield from _source(recipe, spec, source, path)
    yield from _shares(recipe, spec)
    yield from _validators(recipe, spec)


def _shares(recipe: Recipe, spec: Spec) -> Iterator[Misfit]:
    """Quotas that the balance gate would cut again, after their rows were paid for."""
    share = spec.dataset.gates.balance.max_share
    if share is None:
        return
    most = math.ceil(share * recipe.rows - 1e-9)
    for position, plan in enumerate(recipe.skills):
        if plan.quota > most:
            message = f"{plan.quota} of {recipe.rows} rows are above `dataset.gates.balance.maxShare` ({share:g})"
            yield Misfit(
                f"{join('skills', position)}.quota", message, f"write {most} at most, or more for other skills"
            )


def _repeated(plan: SkillPlan, place: int, path: str) -> Iterator[Misfit]:
    """A source that its skill has already: its rows would repeat the other's."""
    source, earlier = plan.sources[place], plan.sources[:place]
    if isinstance(source, ProceduralSource):
        if any(isinstance(other, ProceduralSource) and other.generator == source.generator for other in earlier):
            message = f"generator `{source.generator}` appears twice in one skill"
            yield Misfit(f"{path}.generator", message, "merge the two sources into one")
    elif isinstance(source, SolveSource | PoolSource):
        if any(other.kind == source.kind for other in earlier):
            message = f"a second source of kind `{source.kind}` in one skill would give the same rows again"
            yield Misfit(path, message, "merge the two sources into one")
    elif any(_same(other, source) for other in earlier):
        yield Misfit(path, "the same source appears twice in one skill", "merge the two into one with both weights")


def _same(one: Source, other: Source) -> bool:
    return one.model_copy(update={"weight": 1.0}) == other.model_copy(update={"weight": 1.0})


def _source(recipe: Recipe, spec: Spec, source: Source, path: str) -> Iterator[Misfit]:
    teacher = spec.teacher
    if isinstance(source, PromptSource | SolveSource | EvolveSource) and not isinstance(teacher, OpenAITeacher):
        message = f"a teacher of kind `{teacher.kind}` has no model for a source of kind `{source.kind}`"
        mend = "write a source of kind `pool`" if isinstance(teacher, PoolTeacher) else "name one of its `generators`"
        yield Misfit(f"{path}.kind", message, mend)
        return
    match source:
        case SolveSource() if spec.task.seeds is None:
            yield Misfit(
                f"{path}.kind",
                "`solve` answers seed questions, and the task has none",
                "write a source of kind `prompt`",
            )
        case EvolveSource() if recipe.carry_over is None:
            message = "`evolve` rewrites rows that are carried over, and the recipe carries over none"
            yield Misfit(f"{path}.kind", message, "add `carryOver` with a version, or write another kind of source")
        case PoolSource() if not isinstance(teacher, PoolTeacher) and (
            not isinstance(teacher, OpenAITeacher) or teacher.pool is None
        ):
            yield Misfit(f"{path}.kind", "the teacher has no pool to select from", "write another kind of source")
        case PromptSource() | EvolveSource() if isinstance(spec.task.scorer, ReasoningGymScorer):
            message = "the scorer `reasoning-gym` judges only rows of its own datasets, not those that a model wrote"
            yield Misfit(f"{path}.kind", message, "use the teacher's generators of kind `reasoning-gym`")
        case _:
            return


def _validators(recipe: Recipe, spec: Spec) -> Iterator[Misfit]:
    for place, validator in enumerate(recipe.validators):
        path = join("validators", place)
        if validator in recipe.validators[:place]:
            yield Misfit(path, "the same validator appears twice", "remove one of them")
        if isinstance(validator, LengthValidator):
            if validator.maximum is not None and validator.maximum < validator.minimum:
                message = f"no answer has at least {validator.minimum} and at most {validator.maximum} characters"
                yield Misfit(f"{path}.maximum", message, "raise `maximum` or lower `minimum`")
        elif not isinstance(spec.teacher, OpenAITeacher):
            message = f"a teacher of kind `{spec.teacher.kind}` has no model for a validator of kind `{validator.kind}`"
            yield Misfit(f"{path}.kind", message, "remove the validator")
        elif isinstance(validator, JudgeValidator) and validator.model is not None and not validator.model.strip():
            yield Misfit(
                f"{path}.model",
                "the judge's model has no name",
                "name a model at the teacher's endpoint, or remove `model`",
            )
        elif isinstance(validator, AgreementValidator) and isinstance(spec.task.scorer, ReasoningGymScorer):
            message = "the scorer `reasoning-gym` cannot compare solutions of rows that a model wrote"
            yield Misfit(f"{path}.kind", message, "remove the validator")
