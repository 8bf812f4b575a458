"""Reading and checking what a document refers to: templates, items, splits, generators, student, storage."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from preceptor.closing.other_tasks import Files, OtherTask, other_tasks
from preceptor.errors import DocumentError, Problem, StorageError, TaskError
from preceptor.gates.gate import Safeguards, Screen
from preceptor.loop.decide import tries
from preceptor.recipes.catalogue import catalogue
from preceptor.spec.document import Spec
from preceptor.spec.explain import closest, listing, nearest_line
from preceptor.spec.load import Document
from preceptor.spec.task import Task
from preceptor.storage.store import Store
from preceptor.storage.tables import read_items, read_records
from preceptor.students.source import Description, describe
from preceptor.synthesis.context import UnitContext
from preceptor.tasks.items import items_of
from preceptor.tasks.prompts import Renderer, compile_template
from preceptor.tasks.scorers import build_scorer
from preceptor.tasks.splits import Split, SplitName, cut
from preceptor.teachers.build import build_teacher

FEW = 30
"""Items below which a split's score says little: its standard error can reach 9 points."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Inputs:
    """What a document refers to, read and found sound."""

    splits: Mapping[SplitName, Split]
    """The examination."""
    student: Description
    """What is known of the student without loading it."""
    storage: Store
    """The run's directory; nothing was written to it."""
    context: UnitContext
    """Raw seed questions and the pool."""
    others: tuple[OtherTask, ...]
    """The tasks of ``evaluation.forgetting``."""
    notes: tuple[str, ...]
    """What is allowed and probably not meant."""


def check_inputs(document: Document, *, storage: str | None = None) -> tuple[str, ...]:
    """Check everything a document refers to, and return notes on what is allowed and probably not meant.

    ``storage`` is used instead of the document's. Nothing is written, loaded or downloaded. Raises
    :class:`DocumentError` for templates, generators and everything about tasks of ``evaluation.forgetting``,
    :class:`TaskError` for items and splits, :class:`GateError` for gates of other packages, :class:`StudentError` and
    :class:`StorageError`.
    """
    return read_inputs(document, storage=storage).notes


def read_inputs(document: Document, *, storage: str | None = None) -> Inputs:
    """Read and check as :func:`check_inputs` does, and return what was read."""
    spec = document.spec.spec
    _raise_any(document, _syntax_problems(spec.task))
    files = read_items(spec.task.items, document.base_dir)
    _raise_any(document, _variable_problems(spec.task, [record for records in files.values() for record in records]))
    splits = cut(spec.task, items_of(spec.task, files))
    others = other_tasks(document, splits, _check_templates)
    _raise_any(document, build_teacher(spec.teacher).check(spec.task))
    Screen(spec, build_scorer(spec.task.scorer), Safeguards())  # raises for a gate that cannot be made
    context = UnitContext.gather(spec, lambda uri, limit: read_records(uri, document.base_dir, limit))
    student = describe(spec.student.model, document.base_dir)
    root = Store.open(storage or spec.storage.uri)
    _refuse_unwritable(root.local(), root.uri())
    notes = (*_notes(spec, splits, student), *_notes_on(others))
    return Inputs(splits, student, root.child(document.spec.name), context, others, notes)


def _check_templates(document: Document, files: Files) -> None:
    """Check what another document's templates read; raises :class:`DocumentError`."""
    task = document.spec.spec.task
    _raise_any(document, _syntax_problems(task))
    _raise_any(document, _variable_problems(task, [record for records in files.values() for record in records]))


def _raise_any(document: Document, problems: Sequence[Problem]) -> None:
    located = [replace(problem, line=nearest_line(problem.path, document.lines)) for problem in problems]
    if located:
        raise DocumentError(document.source, sorted(located, key=lambda problem: problem.line or 0))


def _templates(task: Task) -> dict[str, str]:
    """Return the templates over a record's columns by their path in the document."""
    templates = {
        "spec.task.prompt": task.prompt,
        "spec.task.items.id": task.items.id,
        "spec.task.items.answer": task.items.answer,
        "spec.task.items.skill": task.items.skill,
        "spec.task.items.cluster": task.items.cluster,
        "spec.task.splits.column": task.splits.column,
    }
    return {path: text for path, text in templates.items() if text is not None} | _added(task)


def _added(task: Task) -> dict[str, str]:
    """Return the templates of columns that the document adds, by their path in it."""
    return {f"spec.task.items.columns.{name}": text for name, text in task.items.columns.items()}


def _compiled(path: str, text: str) -> Renderer:
    return compile_template(text, path.removeprefix("spec."))


def _syntax_problems(task: Task) -> list[Problem]:
    problems = []
    for path, text in _templates(task).items():
        try:
            _compiled(path, text)
        except TaskError as error:
            problems.append(Problem(path, None, error.message, error.mend))
    return problems


def _variable_problems(task: Task, records: Sequence[Record]) -> list[Problem]:
    """Find names that no record has; a column that only some records lack is their mistake, not the template's."""
    read = list(dict.fromkeys(name for record in records for name in record))
    added = _added(task)
    problems = []
    for path, text in _templates(task).items():
        columns = read if path in added else [*read, *task.items.columns]
        unknown = sorted(_compiled(path, text).required - set(columns)) if read else []
        problems += [_undefined(path, name, columns) for name in unknown]
    return problems


def _undefined(path: str, name: str, columns: list[str]) -> Problem:
    guess = closest(name, columns)
    suggestion = f"did you mean `{guess}`? " if guess else ""
    message = f"the template reads `{name}`, which no item has"
    return Problem(path, None, message, f"{suggestion}the items' columns are {listing(columns, last='and')}")


def _refuse_unwritable(root: Path | None, shown: str) -> None:
    """Refuse a local root that could not be made; a bucket shows only when the run begins, by writing to it."""
    if root is None:
        return
    there = next(path for path in (root, *root.parents) if path.exists())
    if not there.is_dir():
        raise StorageError(f"cannot write to {shown}: {there} is a file", mend="give a folder as `storage.uri`")
    if not os.access(there, os.W_OK | os.X_OK):
        mend = "choose another `storage.uri`, or change the folder's permissions"
        raise StorageError(f"cannot write to {shown}: {there} is not writable", mend=mend)


def _notes(spec: Spec, splits: Mapping[SplitName, Split], student: Description) -> Iterator[str]:
    generators = catalogue(spec.teacher)
    taught = {facts.skill for facts in generators.values()}
    examined = {item.skill for split in splits.values() for item in split.items}
    if generators and (untaught := sorted(examined - taught)):
        yield f"no generator makes rows of the skill {listing(untaught, last='and')}, which items exercise"
    if unexamined := sorted(taught - examined):
        yield f"no item exercises the skill {listing(unexamined, last='and')}, of which generators make rows"
    for name, split in splits.items():
        if len(split.items) < FEW:
            yield f"the split `{name}` has {len(split.items)} items; below {FEW} its score says little"
    if not student.present:
        where = "the model hub" if student.kind == "hub" else "its URI"
        yield f"the student `{spec.student.model}` is not on this machine; the run will fetch it from {where}"
    if tries(spec) < spec.budget.iterations:
        yield f"{tries(spec)} attempts cannot give {spec.budget.iterations} iterations"


def _notes_on(others: Sequence[OtherTask]) -> Iterator[str]:
    for other in others:
        if (asked := len(other.paper.items)) < FEW:
            yield f"`{other.document}` asks {asked} items; below {FEW} only a large loss shows"
