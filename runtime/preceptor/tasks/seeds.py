"""Raw questions that a teacher may answer or build on: records reduced to what the task's prompt reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from preceptor.errors import TaskError
from preceptor.spec.task import Task
from preceptor.tasks.prompts import compile_template, render_prompt


def read_seeds(task: Task, files: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The questions of files, in their order, each once: the columns that ``task.prompt`` reads, and no answers.

    Columns of ``task.items.skill`` come along where a record has them. Keys of ``files`` name the files in messages.
    Raises ``TaskError`` with the file and the record's number in it, counted from 1, for a column that is missing and
    for a question that is empty; and for files without any record.
    """
    prompt = compile_template(task.prompt, "task.prompt")
    skill = None if task.items.skill is None else compile_template(task.items.skill, "task.items.skill")
    columns = prompt.variables | (skill.variables if skill else frozenset())
    seeds: dict[str, dict[str, Any]] = {}
    for source, records in files.items():
        for number, record in enumerate(records, start=1):
            try:
                question = render_prompt(task, record)
            except TaskError as error:
                mend = f"seeds need the columns that `task.prompt` reads. {error.mend}"
                raise TaskError(f"{source}: record {number}: {error.message}", mend=mend) from error
            if not question:
                raise TaskError(f"{source}: record {number}: the question is empty", mend="remove the record")
            seeds.setdefault(question, {name: value for name, value in record.items() if name in columns})
    if not seeds:
        raise TaskError(
            f"{', '.join(files)}: there are no seeds", mend="point `task.seeds.uri` at questions, or remove `seeds`"
        )
    return list(seeds.values())
