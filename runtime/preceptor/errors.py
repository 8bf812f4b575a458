"""Every error Preceptor raises on purpose, named by the boundary that was crossed.

    PreceptorError
    ├── UserError            something the user can mend: one message, exit code 2, never a traceback
    │   ├── DocumentError    the YAML document (file, line, path)
    │   ├── TaskError        the examination items, templates and splits
    │   ├── StudentError     the base model does not load or does not fit
    │   ├── GateError        a gate cannot be made, or let pass what it is there to stop
    │   ├── StorageError     the storage root cannot be read or written
    │   │   └── StorageDownError  its server was away for too long; the run can be continued (exit code 1)
    │   ├── EndpointError    an endpoint refuses the key, the model or the request's form
    │   ├── FencedError      another driver owns the run
    │   ├── ResumeError      the document changed since the run began
    │   └── ApprovalError    the next step waits for a human (exit code 4)
    ├── BudgetError          the budget ended before a valid dataset (exit code 3)
    ├── TeacherError         a teacher could not produce a row
    ├── EndpointDownError    an endpoint was away for longer than its patience; the run can be continued
    ├── RecipeError          a recipe does not fit the teacher or the budget
    ├── TrainingError        a training run failed
    └── ClusterError         Ray lost something it could not replace

A message says what happened, where, and what to do next. Secrets never belong in one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any


class PreceptorError(Exception):
    """Base of everything raised on purpose. ``exit_code`` is what the command line exits with."""

    exit_code: int = 1


class UserError(PreceptorError):
    """Something the user can mend. ``mend`` says how, in one sentence."""

    exit_code = 2

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}\n  mend: {self.mend}" if self.mend else self.message

    def __reduce__(self) -> tuple[Callable[..., UserError], tuple[Any, ...]]:
        """Errors cross process boundaries with their mend."""
        return partial(type(self), mend=self.mend), (self.message,)


@dataclass(frozen=True)
class Problem:
    """One mistake in a document."""

    path: str
    """Dotted path of the offending key, as in ``spec.task.scorer.kind``; empty for the whole file."""
    line: int | None
    """Line in the file, counted from 1; ``None`` when the key is absent and has no line."""
    message: str
    """What is wrong, without the path."""
    mend: str = ""
    """What to write instead."""


class DocumentError(UserError):
    """The document does not describe a run; holds every problem found, in order of line."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source = source
        self.problems = problems
        super().__init__("\n".join(self._render(problem) for problem in problems))

    def __reduce__(self) -> tuple[Callable[..., UserError], tuple[Any, ...]]:
        """See :meth:`UserError.__reduce__`."""
        return type(self), (self.source, self.problems)

    def _render(self, problem: Problem) -> str:
        where = f"{self.source}:{problem.line}" if problem.line is not None else self.source
        path = f" {problem.path}:" if problem.path else ""
        mend = f"\n  mend: {problem.mend}" if problem.mend else ""
        return f"{where}:{path} {problem.message}{mend}"


class TaskError(UserError):
    """The items, a template or a split cannot make an examination."""


class StudentError(UserError):
    """The base model cannot be found, loaded or trained as declared."""


class GateError(UserError):
    """A gate cannot be made as declared, or failed its test with planted rows."""


class StorageError(UserError):
    """The storage root cannot be read or written."""


class StorageDownError(StorageError):
    """The storage root's server, or the way to it, failed for longer than :data:`preceptor.storage.patience.PATIENCE`.

    Nothing is wrong with the command: the same one continues where this one stopped.
    """

    exit_code = 1


class EndpointError(UserError):
    """A model's endpoint refuses whoever asks: wrong key, unknown model, wrong address."""


class FencedError(UserError):
    """Another driver holds the run, or took it over while this one was away."""


class ResumeError(UserError):
    """The document differs from the one the run began with; names the fields."""


class ApprovalError(UserError):
    """The next step waits until a human lets it pass in the document; ``step`` names it."""

    exit_code = 4

    def __init__(self, message: str, *, step: str = "", mend: str = "") -> None:
        super().__init__(message, mend=mend)
        self.step = step


class BudgetError(PreceptorError):
    """The budget ended before there was a valid dataset."""

    exit_code = 3


class TeacherError(PreceptorError):
    """A teacher could not produce a row."""


class EndpointDownError(PreceptorError):
    """A model's endpoint did not answer for longer than its ``patience``. What was answered before is kept."""


class RecipeError(PreceptorError):
    """A recipe asks for what the teacher, the document or the budget does not allow."""


class TrainingError(PreceptorError):
    """A training run failed for a reason that another attempt would not mend."""


class ClusterError(PreceptorError):
    """Ray lost a process that could not be replaced."""
