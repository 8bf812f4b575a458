"""Comparisons that are runs of their own: what another way to make data comes to with the search's budget.

Each runs a document derived from the run's: same task, student, gates, seeds and confidence, another engineer. Nothing
of it reaches the run's own search, which is over by then.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal, assert_never

from preceptor.closing.parts import Errand, Parts
from preceptor.errors import TrainingError
from preceptor.loop.budget import left_for_arm
from preceptor.loop.event import BASE
from preceptor.loop.events import ControlEnded, from_record
from preceptor.loop.finish import finalist_seeds
from preceptor.loop.state import RunState, fold
from preceptor.recipes.amount import PICODOLLARS
from preceptor.spec.actors import Engineer, FixedEngineer, HeuristicEngineer, LLMEngineer
from preceptor.spec.document import Approval, Budget, Spec, Specialization
from preceptor.spec.evaluation import Controls
from preceptor.spec.recipe import Recipe, SkillPlan, SolveSource
from preceptor.storage import layout
from preceptor.storage.ledger import read_records
from preceptor.teachers.checking import problems

ArmName = Literal["oneShot", "heuristic", "distillation"]

DIRECTORIES: Mapping[ArmName, str] = {
    "oneShot": "one-shot",
    "heuristic": "heuristic",
    "distillation": "distillation",
}
"""Name of each one's directory."""
LONGEST_NAME = 63
"""Characters of a run's name."""


class LeftOutError(Exception):
    """A comparison cannot be carried out in this run; the message says why."""


def one_shot(parts: Parts, state: RunState) -> ControlEnded:
    """The same engineer, one version of full size, without feedback."""
    return _carry_out(parts, state, "oneShot")


def heuristic(parts: Parts, state: RunState) -> ControlEnded:
    """The engineer that plans without a model, for as many iterations."""
    return _carry_out(parts, state, "heuristic")


def distillation(parts: Parts, state: RunState) -> ControlEnded:
    """The task's raw seeds, answered by the teacher."""
    return _carry_out(parts, state, "distillation")


def derived(
    document: Specialization, state: RunState, name: ArmName, seeds: Iterable[str | None] = ()
) -> Specialization:
    """Return the document that a comparison runs. ``seeds`` are the skills of the raw seeds, ``None`` for any skill.

    Raises :class:`LeftOutError` when there is too little left of the budget, or the document cannot give one.
    """
    spec = document.spec
    evaluation = spec.evaluation.model_copy(
        update={"controls": Controls(ceiling=False, prompted=False), "forgetting": (), "attribution": False}
    )
    budget, engineer = _budget(spec, state, name), _engineer(spec, name, seeds)
    # Nobody is asked about a comparison: what a human lets pass is this run's own data and outcome.
    changes = {"engineer": engineer, "evaluation": evaluation, "budget": budget, "approval": Approval()}
    suffix = f"-{DIRECTORIES[name]}"
    called = document.name[: LONGEST_NAME - len(suffix)] + suffix
    return document.model_copy(
        update={
            "spec": spec.model_copy(update=changes),
            "metadata": document.metadata.model_copy(update={"name": called}),
        }
    )


def _engineer(spec: Spec, name: ArmName, seeds: Iterable[str | None]) -> Engineer:
    engineer = spec.engineer
    match name:
        case "oneShot":
            assert not isinstance(engineer, FixedEngineer)  # refused with the document
            return engineer.model_copy(update={"strategy": "oneShot"})
        case "heuristic":
            cap = engineer.cap if isinstance(engineer, LLMEngineer) else HeuristicEngineer(kind="heuristic").cap
            most = spec.dataset.gates.balance.max_share
            return HeuristicEngineer(kind="heuristic", cap=cap if most is None else min(cap, most))
        case "distillation":
            return FixedEngineer(kind="fixed", recipe=solving(spec, seeds))
        case _:
            assert_never(name)


def solving(spec: Spec, skills: Iterable[str | None]) -> Recipe:
    """Return the recipe that answers as many seeds as a version holds, of every skill in proportion to its seeds.

    ``skills`` are those of the seeds, ``None`` for any. Where every seed says its skill, or enough of them do, the
    others are left; else those that say none are a skill of their own. Raises :class:`LeftOutError` when the document
    does not allow such a recipe.
    """
    seeds = Counter(skills)
    total = min(spec.dataset.size, seeds.total())
    if total < spec.dataset.minimum:
        least = f"`dataset.minimum` is {spec.dataset.minimum}"
        raise LeftOutError(f"there are {seeds.total()} seeds, too few for a version: {least}")
    named = {skill: count for skill, count in seeds.items() if skill is not None}
    # A seed without a skill may stand in for any, so that beside skills it could be answered twice.
    counts = named if sum(named.values()) >= total else {"all": seeds.total()}
    quotas = _proportional(counts, total)
    plans = tuple(
        SkillPlan(skill=skill, quota=quota, sources=(SolveSource(kind="solve"),))
        for skill, quota in sorted(quotas.items())
        if quota
    )
    recipe = Recipe(skills=plans, method="plain distillation", rationale="The raw seeds, answered by the teacher.")
    alone = spec.model_copy(
        update={"engineer": FixedEngineer(kind="fixed", recipe=recipe)}
    )  # no engineer's cap binds it
    if found := next(problems(recipe, alone), None):
        raise LeftOutError(f"the seeds make no recipe that the document allows: {found}")
    return recipe


def _proportional(counts: Mapping[str, int], total: int) -> dict[str, int]:
    """Share ``total`` out in proportion to counts, none above its own; the largest remainders get what is over."""
    whole = sum(counts.values())
    shares = {name: count * total // whole for name, count in counts.items()}
    rest = sorted(counts, key=lambda name: (-(counts[name] * total % whole), name))
    for name in rest[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


def _budget(spec: Spec, state: RunState, name: ArmName) -> Budget:
    """The comparison's budget: as much as the search had, and the time that is left."""
    most = left_for_arm(spec, state, name)
    limits = {"rows": most.rows, "requests": most.requests, "tokens": most.tokens, "money": most.picodollars}
    if spent := [kind for kind, limit in limits.items() if limit == 0]:
        raise LeftOutError(f"nothing is left for it of the budget ({', '.join(spent)})")
    if most.rows is not None and most.rows < spec.dataset.minimum:
        least = f"`dataset.minimum` is {spec.dataset.minimum}"
        raise LeftOutError(f"{most.rows} rows are left for it, too few for a version: {least}")
    clock = spec.budget.wall_clock
    return spec.budget.model_copy(
        update={
            "iterations": len(state.iterations) if name == "heuristic" else 1,
            "rows": most.rows,
            "teacher_requests": most.requests,
            "tokens": most.tokens,
            "usd": None if most.picodollars is None else _dollars(most.picodollars),
            "wall_clock": None if clock is None else clock - state.elapsed,
        }
    )


def _dollars(picodollars: int) -> float:
    """An amount as a document says it; rounded down where a float cannot."""
    dollars = picodollars / PICODOLLARS
    exact = Decimal(repr(dollars)) * PICODOLLARS <= picodollars
    return dollars if exact else math.nextafter(dollars, 0)


def _carry_out(parts: Parts, state: RunState, name: ArmName) -> ControlEnded:
    """Run the derived document, or go on where that was interrupted, and say what came of it."""
    reading = len(state.readings)
    called = DIRECTORIES[name] if reading == 1 else f"{DIRECTORIES[name]}-{reading}"
    directory = layout.control(called)
    try:
        document = derived(parts.document, state, name, [seed.skill for seed in parts.generation.context.seeds])
    except LeftOutError as error:
        return ControlEnded(control=name, skipped=str(error))
    try:
        arm = parts.arm(Errand(document, directory, f"control {name}", reading))
        outcome = _came_of(parts, document, arm)
    except TrainingError as error:  # a comparison that fails must not keep the run from its outcome
        arm = fold(from_record(record) for record in read_records(parts.store.child(*directory.split("/"))))
        outcome = {"skipped": str(error)}
    return ControlEnded(
        control=name,
        directory=directory,
        made=arm.rows_made,
        spent=replace(arm.spent_on_teacher + arm.spent_on_engineer, rows=0).to_data(),
        planned_with=arm.spent_on_engineer.requests,
        **outcome,
    )


def _came_of(parts: Parts, document: Specialization, arm: RunState) -> dict[str, Any]:
    """What a comparison's run says: scores of its finalists, or why there are none.

    Where nothing beat the untrained student on selection, this way of making data publishes nothing, and what it comes
    to is the untrained student.
    """
    assert arm.published is not None
    ended = arm.ended.detail if arm.ended else ""
    if arm.published.verdict == "no-dataset":
        return {"skipped": f"it gave no valid dataset ({ended})"}
    if arm.best is None or arm.best.committed is None:
        untrained = parts.examinations.score(BASE, parts.paper("private"))
        made = "nothing it made beat the untrained student on selection, so it stands with the untrained student"
        return {"scores": (untrained,), "detail": f"{made} ({ended})"}
    version = arm.best.committed.version
    students = [arm.trainings[version, index].training for index in finalist_seeds(document.spec, arm)]
    verdict = arm.published.verdict.replace("-", " ")
    return {
        "scores": tuple(arm.scores[student, "private"] for student in students),
        "version": version,
        "rows": arm.best.committed.rows,
        "detail": f"{verdict} by itself, after {_iterations(len(arm.iterations))} ({ended})",
    }


def _iterations(count: int) -> str:
    return f"{count} iteration{'' if count == 1 else 's'}"
