"""The policy after the search: finalists, the private split, what they are compared with, the outcome. Pure."""

from __future__ import annotations

from preceptor.loop.event import BASE
from preceptor.loop.events import ControlEnded
from preceptor.loop.state import RunState
from preceptor.loop.step import Examine, ExamineSuite, OpenPrivate, Publish, RemoveSkill, RunControl, SkipControl, Train
from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.spec.evaluation import ControlName

TRAINS: frozenset[ControlName] = frozenset({"format", "oneShot", "heuristic", "distillation"})
"""Comparisons that train students, which is what costs time."""

FinishStep = Train | OpenPrivate | Examine | RunControl | SkipControl | ExamineSuite | RemoveSkill | Publish


def finish(spec: Spec, state: RunState) -> FinishStep:
    """Finalists; then private, once, for everybody; then what they are compared with; then the outcome."""
    best = state.best
    if best is None or best.committed is None:
        return Publish(())
    version, seeds = best.committed.version, finalist_seeds(spec, state)
    finalists = []
    for index in seeds:
        trained = state.training_of(best, index)
        if trained is None:
            return Train(version, index)
        finalists.append(trained.training)
    if not state.opened:
        return OpenPrivate(len(state.readings) + 1)
    for subject in (BASE, *finalists):
        if missing := state.missing(subject, "private"):
            return Examine(subject, missing)
    return _compare(spec, state, tuple(finalists), seeds[0]) or Publish(tuple(finalists))


def _compare(
    spec: Spec, state: RunState, finalists: tuple[str, ...], first_seed: int
) -> RunControl | SkipControl | ExamineSuite | RemoveSkill | None:
    """The next comparison; ``None`` when all are made."""
    for control in controls(spec):
        if control not in state.controls:
            return _control(spec, state, control)
    for suite in spec.evaluation.forgetting:
        if suite.document not in state.suites:
            return ExamineSuite(suite, finalists)
    assert state.best is not None
    assert state.best.committed is not None
    version, skills = state.best.committed.version, sorted(state.best.committed.skills)
    if spec.evaluation.attribution and len(skills) > 1 and not out_of_time(spec, state):
        for skill in skills:
            if skill not in state.removals:
                return RemoveSkill(skill, version, finalists, first_seed)
    return None


def _control(spec: Spec, state: RunState, control: ControlName) -> RunControl | SkipControl:
    if control in TRAINS and out_of_time(spec, state):
        return SkipControl(ControlEnded(control=control, skipped="the budget's wall clock was spent"))
    return RunControl(control)


def controls(spec: Spec) -> tuple[ControlName, ...]:
    """The comparisons that the document wants and that can be made, in their order.

    The teacher's own score needs a teacher with a model; a document that cannot have another one it asks for is
    refused before it runs (:mod:`preceptor.spec.checks`).
    """
    asked = spec.evaluation.controls
    wanted: dict[ControlName, bool] = {
        "ceiling": asked.ceiling and isinstance(spec.teacher, OpenAITeacher),
        "prompted": asked.prompted,
        "format": asked.format,
        "oneShot": asked.one_shot,
        "heuristic": asked.heuristic,
        "distillation": asked.distillation,
    }
    return tuple(name for name, on in wanted.items() if on)


def finalist_seeds(spec: Spec, state: RunState) -> range:
    """Return the seed indices of the finalists.

    Fresh ones, so that the student whose selection score chose the version does not judge it too; the search's own
    student when the wall clock left no time to train again, once the search had ended. Who was to answer private is
    settled before it is opened: a clock that grows afterwards brings no other students.
    """
    fresh = range(1, spec.evaluation.seeds + 1)
    if state.ended is None or state.ended.reason != "wallClock":
        return fresh
    if state.best is not None and all(state.training_of(state.best, index) for index in fresh):
        return fresh
    if state.opened:
        return range(1)
    assert spec.budget.wall_clock is not None
    return fresh if state.ended.elapsed + _for_finalists(spec, state) < spec.budget.wall_clock else range(1)


def out_of_time(spec: Spec, state: RunState) -> bool:
    """Whether the wall clock is spent."""
    return spec.budget.wall_clock is not None and state.elapsed >= spec.budget.wall_clock


def time_to_finish(spec: Spec, state: RunState) -> float:
    """Seconds until the outcome if the search ended now; 0 before anything was trained.

    Finalists and every comparison that the document wants, counted in trainings, examinations and versions made. Each
    is taken to last as long as in the search so far: the last training and making, the longest examination. Of a
    comparison that searches as the run does, as many iterations as there are now.
    """
    if not state.trainings or not state.examinations:
        return 0.0
    training, examination = _last_training(state), _longest_examination(state)
    making = max((attempt.committed.seconds for attempt in state.attempts if attempt.committed), default=0.0)
    seeds, wanted = spec.evaluation.seeds, controls(spec)
    finalists = seeds * (training + examination)
    version = making + training + examination
    of_control: dict[ControlName, float] = {
        "prompted": examination,
        "format": finalists,
        "oneShot": version + finalists,
        "heuristic": max(1, len(state.iterations)) * version + finalists,
        "distillation": version + finalists,
    }
    skills = _skills(state)
    total = _for_finalists(spec, state) + sum(of_control.get(name, 0.0) for name in wanted)
    total += len(spec.evaluation.forgetting) * (seeds + 1) * examination
    return total + (skills * finalists if spec.evaluation.attribution and skills > 1 else 0.0)


def _for_finalists(spec: Spec, state: RunState) -> float:
    """Seconds to train the finalists and to let them and the untrained student answer private.

    Of what happened in the search alone, so that it stays the same while finalists are trained.
    """
    if not state.trainings or not state.examinations:
        return 0.0
    training, examination = _last_training(state), _longest_examination(state)
    return spec.evaluation.seeds * training + (spec.evaluation.seeds + 1) * examination


def _last_training(state: RunState) -> float:
    searched = [event.seconds for (_, seed), event in state.trainings.items() if seed == 0]
    return searched[-1] if searched else 0.0


def _longest_examination(state: RunState) -> float:
    searched = (event.seconds for event in state.examinations if "private" not in event.splits)
    return max(searched, default=0.0)


def _skills(state: RunState) -> int:
    committed = [attempt.committed for attempt in state.attempts if attempt.committed]
    return len(committed[-1].skills) if committed else 0
