"""What the types already describe and the runtime cannot do yet: refused up front, with what to write today."""

from __future__ import annotations

from collections.abc import Iterator

from preceptor.errors import Problem
from preceptor.spec.actors import LLMEngineer, OpenAITeacher, PoolTeacher, ProceduralTeacher
from preceptor.spec.document import Spec, Specialization
from preceptor.spec.task import EntryPointScorer

_TEACHER_BUDGETS = {
    "teacher_requests": ("teacherRequests", "sends no requests"),
    "teacher_requests_per_attempt": ("teacherRequestsPerAttempt", "sends no requests"),
    "tokens": ("tokens", "uses no tokens"),
    "usd": ("usd", "costs nothing"),
}


def refuse_unimplemented(document: Specialization) -> list[Problem]:
    """Return a problem, still without its line, for every wish of ``document`` that later work will grant."""
    spec = document.spec
    return [*_task(spec), *_actors(spec), *_dataset(spec), *_budget(spec), *_evaluation(spec), *_steering(spec)]


def _not_yet(path: str, wish: str, mend: str) -> Problem:
    return Problem(path, None, f"not yet: {wish}", mend)


def _task(spec: Spec) -> Iterator[Problem]:
    task = spec.task
    if isinstance(task.scorer, EntryPointScorer):
        mend = "write one of the scorers `numeric`, `exact`, `choice`, `json`, `literal` or `reasoning-gym`"
        yield _not_yet("spec.task.scorer.kind", "scorers from other packages", mend)
    if task.seeds is not None:
        mend = "remove `seeds`; the engineers and teachers of today do not read them"
        yield _not_yet("spec.task.seeds", "raw seed questions", mend)


def _actors(spec: Spec) -> Iterator[Problem]:
    if isinstance(spec.engineer, LLMEngineer):
        mend = "write `engineer: {kind: heuristic}`, or `kind: fixed` with a recipe"
        yield _not_yet("spec.engineer.kind", "an engineer that plans with a language model", mend)
    if isinstance(spec.teacher, OpenAITeacher | PoolTeacher):
        wish = (
            "a language model as teacher"
            if isinstance(spec.teacher, OpenAITeacher)
            else "an existing dataset to select from"
        )
        yield _not_yet("spec.teacher.kind", wish, "write `teacher: {kind: procedural}` with generators")
    if spec.student.inference.engine == "vllm":
        yield _not_yet("spec.student.inference.engine", "examinations with vLLM", "write `engine: transformers`")


def _dataset(spec: Spec) -> Iterator[Problem]:
    if spec.dataset.gates.duplicates.threshold is not None:
        mend = "remove `threshold`; exact duplicates are dropped without it"
        yield _not_yet("spec.dataset.gates.duplicates.threshold", "near-duplicates", mend)


def _budget(spec: Spec) -> Iterator[Problem]:
    for name, (key, why) in _TEACHER_BUDGETS.items():
        if getattr(spec.budget, name) is not None:
            reason = (
                f"a procedural teacher {why}" if isinstance(spec.teacher, ProceduralTeacher) else "it is not metered"
            )
            mend = f"remove `{key}`: {reason}; `rows` limits what it makes"
            yield _not_yet(f"spec.budget.{key}", "a budget for requests to a teacher", mend)
    if spec.budget.gpu_hours is not None:
        mend = "remove `gpuHours`; `wallClock` limits the run's time"
        yield _not_yet("spec.budget.gpuHours", "a budget for GPU time", mend)


def _evaluation(spec: Spec) -> Iterator[Problem]:
    if spec.evaluation.controls:
        yield _not_yet("spec.evaluation.controls", "comparisons beside the search", "remove `controls`")
    if spec.evaluation.forgetting:
        yield _not_yet("spec.evaluation.forgetting", "a suite of tasks that must not get worse", "remove `forgetting`")


def _steering(spec: Spec) -> Iterator[Problem]:
    if spec.approval.required:
        mend = "remove `required`; the run does not wait for anybody"
        yield _not_yet("spec.approval.required", "steps that wait for a human", mend)
    if spec.approval.granted:
        yield _not_yet("spec.approval.granted", "steps that wait for a human", "remove `granted`")
    if spec.suspend:
        mend = "remove `suspend`; stop the driver with Ctrl-C, and the same command continues the run"
        yield _not_yet("spec.suspend", "suspending a run in its document", mend)
