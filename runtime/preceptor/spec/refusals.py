"""What the types already describe and the runtime cannot do yet: refused up front, with what to write today."""

from __future__ import annotations

from collections.abc import Iterator

from preceptor.errors import Problem
from preceptor.spec.document import Spec, Specialization


def refuse_unimplemented(document: Specialization) -> list[Problem]:
    """Return a problem, still without its line, for every wish of ``document`` that later work will grant."""
    spec = document.spec
    return [*_actors(spec), *_budget(spec)]


def _not_yet(path: str, wish: str, mend: str) -> Problem:
    return Problem(path, None, f"not yet: {wish}", mend)


def _actors(spec: Spec) -> Iterator[Problem]:
    if spec.student.inference.engine == "vllm":
        yield _not_yet("spec.student.inference.engine", "examinations with vLLM", "write `engine: transformers`")


def _budget(spec: Spec) -> Iterator[Problem]:
    if spec.budget.gpu_hours is not None:
        mend = "remove `gpuHours`; `wallClock` limits the run's time"
        yield _not_yet("spec.budget.gpuHours", "a budget for GPU time", mend)
