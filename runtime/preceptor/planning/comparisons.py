"""What the comparisons that a document wants would do, at most. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from preceptor.closing.arms import LeftOutError, solving
from preceptor.loop.budget import arms, may_ask
from preceptor.loop.finish import controls
from preceptor.recipes.catalogue import catalogue
from preceptor.spec.actors import FixedEngineer
from preceptor.spec.document import Spec
from preceptor.spec.evaluation import ControlName
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.costs import estimate
from preceptor.tasks.splits import Split, SplitName


@dataclass(frozen=True)
class Comparison:
    """One comparison, or one kind of them."""

    name: str
    """What people call it."""
    trainings: int = 0
    """Students trained."""
    examinations: int = 0
    """Times a student is loaded to answer."""
    answers: int = 0
    """Prompts answered by students."""
    untrained_answers: int = 0
    """Those of them that the untrained student answers."""
    requests: int | None = 0
    """Requests to models; ``None`` for as many as the search makes, at most."""


def comparisons(
    spec: Spec,
    splits: Mapping[SplitName, Split],
    others: Mapping[str, int],
    context: UnitContext,
    iterations: int,
) -> tuple[Comparison, ...]:
    """Everything the document compares, in its order. ``others`` are the items each other task asks, by document."""
    sizes = {name: len(split.items) for name, split in splits.items()}
    found = [_control(spec, name, sizes, context, iterations) for name in controls(spec)]
    seeds = spec.evaluation.seeds
    for document, count in others.items():
        found.append(
            Comparison(
                document,
                examinations=1 + seeds,
                answers=(1 + seeds) * count,
                untrained_answers=count,
            )
        )
    if spec.evaluation.attribution and (skills := _skills(spec, splits)) > 1:
        students = skills * seeds
        found.append(Comparison("attribution", students, students, students * sizes["selection"]))
    return tuple(found)


def _control(
    spec: Spec, name: ControlName, sizes: Mapping[SplitName, int], context: UnitContext, iterations: int
) -> Comparison:
    seeds, private = spec.evaluation.seeds, sizes["private"]
    if name in arms(spec):
        versions = iterations if name == "heuristic" else 1
        seen = sizes["feedback"] + sizes["selection"]
        students = versions + seeds
        requests = _requests(spec, name, context)
        return Comparison(name, students, students, versions * seen + seeds * private, requests=requests)
    match name:
        case "ceiling":
            return Comparison(name, requests=sizes["selection"])
        case "prompted":
            return Comparison(name, examinations=1, answers=private, untrained_answers=private)
        case _:
            return Comparison(name, seeds, seeds, seeds * private)


def _requests(spec: Spec, name: ControlName, context: UnitContext) -> int | None:
    if not may_ask(spec, name):
        return 0
    if name != "distillation":
        return None
    try:
        recipe = solving(spec, [seed.skill for seed in context.seeds])
    except LeftOutError:
        return 0
    return estimate(recipe, spec, {}, context).expected.requests


def _skills(spec: Spec, splits: Mapping[SplitName, Split]) -> int:
    """Skills that a version may have at most, as far as that is known before."""
    if isinstance(spec.engineer, FixedEngineer):
        return len(spec.engineer.recipe.skills)
    examined = {item.skill for split in splits.values() for item in split.items}
    return len(examined | {facts.skill for facts in catalogue(spec.teacher).values()})


def together(found: Sequence[Comparison]) -> Comparison:
    """All of them as one."""
    known = [one.requests for one in found if one.requests is not None]
    return Comparison(
        "all",
        sum(one.trainings for one in found),
        sum(one.examinations for one in found),
        sum(one.answers for one in found),
        sum(one.untrained_answers for one in found),
        sum(known) if len(known) == len(found) else None,
    )


def left_out(spec: Spec, context: UnitContext) -> Iterator[str]:
    """Notes on comparisons that will be left out, as far as that is known before."""
    if spec.evaluation.controls.distillation:
        try:
            solving(spec, [seed.skill for seed in context.seeds])
        except LeftOutError as error:
            yield f"the control `distillation` will be left out: {error}"
