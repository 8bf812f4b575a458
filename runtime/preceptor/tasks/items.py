"""Examination items: a record, the question made of it, and the answer it is graded against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preceptor.errors import TaskError
from preceptor.spec.task import Task
from preceptor.tasks.prompts import Renderer, compile_template, render_prompt
from preceptor.tasks.scorers import Scorer, build_scorer

_LONGEST_LABEL = 200
_LONGEST_CLUSTER = 64


@dataclass(frozen=True, slots=True)
class Item:
    """One question with its reference answer."""

    id: str
    """Unique among the task's items."""
    fields: Mapping[str, Any]
    """The record as it was read, with the columns that the document adds."""
    prompt: str
    """The question the student sees."""
    reference: str
    """The answer it is graded against, as text."""
    skill: str
    """What it exercises."""
    cluster: str
    """Identity of its context: items of one cluster never sit in two splits."""


def build_items(task: Task, records: Sequence[Mapping[str, Any]], source: str) -> list[Item]:
    """Items from the records of one file, which messages call ``source``. See :func:`items_of`."""
    return items_of(task, {source: records})


def items_of(task: Task, files: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Item]:
    """Items from the records of files, in their order.

    Keys of ``files`` name the files in messages. Raises ``TaskError`` with the file, the record's number in it, counted
    from 1, and the field, for: no records, a template that does not fit, an answer that is missing or that the scorer
    cannot read, an empty question or skill, two items with one id.
    """
    for source, records in files.items():
        if not records:
            raise TaskError(f"{source}: there are no items", mend="point `task.items.uri` at the examination's records")
    reader = _Reader(task)
    items: list[Item] = []
    places: dict[str, tuple[str, int]] = {}
    seen: dict[str, Mapping[str, Any]] = {}
    for source, records in files.items():
        for number, record in enumerate(records, start=1):
            try:
                item = reader.item(record)
            except TaskError as error:
                raise TaskError(f"{source}: record {number}: {error.message}", mend=error.mend) from error
            if task.items.duplicates == "skip" and seen.get(item.id) == record:
                continue
            if item.id in places:
                place = source, number
                raise _duplicate(item.id, places[item.id], place, by_template=task.items.id is not None)
            places[item.id] = source, number
            seen[item.id] = record
            items.append(item)
    return items


class _Reader:
    """The task's templates, compiled once."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._scorer: Scorer = build_scorer(task.scorer)
        self._answer = compile_template(task.items.answer, "task.items.answer")
        self._id = _optional(task.items.id, "task.items.id")
        self._skill = _optional(task.items.skill, "task.items.skill")
        self._cluster = _optional(task.items.cluster, "task.items.cluster")
        self._columns = {
            name: compile_template(template, f"task.items.columns.{name}")
            for name, template in task.items.columns.items()
        }

    def item(self, given: Mapping[str, Any]) -> Item:
        record = {**given, **{name: template(given) for name, template in self._columns.items()}}
        prompt = render_prompt(self._task, record)
        if not prompt:
            raise TaskError("the question is empty", mend="check `task.prompt` and the record's columns")
        identity = _label(self._id, record, lambda: _digest(record))
        return Item(
            id=identity,
            fields=record,
            prompt=prompt,
            reference=self._reference(record),
            skill=_label(self._skill, record, lambda: "all"),
            cluster=self._cluster_of(record, identity),
        )

    def _reference(self, record: Mapping[str, Any]) -> str:
        reference = self._answer(record).strip()
        if not reference or _is_null(self._answer, reference, record):
            raise TaskError("`task.items.answer` gives no answer", mend="every item needs a reference; drop the record")
        if not self._scorer.readable(reference, record):
            raise TaskError(
                f"the scorer `{self._task.scorer.kind}` cannot read the answer {_shown(reference)}",
                mend="check `task.items.answer` and `task.scorer`",
            )
        return reference

    def _cluster_of(self, record: Mapping[str, Any], identity: str) -> str:
        """The context's identity; an item without a context is a cluster of its own."""
        if self._cluster is None:
            return identity
        context = self._cluster(record).strip()
        if not context or _is_null(self._cluster, context, record):
            return identity
        # A cluster is often a whole document; predictions carry it, so a long one goes by its digest.
        return context if len(context) <= _LONGEST_CLUSTER else _digest(context)


def _optional(template: str | None, where: str) -> Renderer | None:
    return None if template is None else compile_template(template, where)


def _label(renderer: Renderer | None, record: Mapping[str, Any], default: Callable[[], str]) -> str:
    if renderer is None:
        return default()
    label = renderer(record).strip()
    if not label or _is_null(renderer, label, record):
        raise TaskError(f"`{renderer.where}` is empty", mend="give every record a value for it")
    if len(label) > _LONGEST_LABEL:
        raise TaskError(
            f"`{renderer.where}` is {len(label)} characters long", mend=f"use a label of at most {_LONGEST_LABEL}"
        )
    return label


def _is_null(renderer: Renderer, text: str, record: Mapping[str, Any]) -> bool:
    """Whether a text is ``null`` because a column was, not because somebody wrote the word."""
    return text == "null" and any(record.get(name) is None for name in renderer.variables)


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _duplicate(identity: str, first: tuple[str, int], second: tuple[str, int], *, by_template: bool) -> TaskError:
    if first[0] == second[0]:
        both = f"{first[0]}: records {first[1]} and {second[1]}"
    else:
        both = f"{first[0]}: record {first[1]} and {second[0]}: record {second[1]}"
    if by_template:
        mend = "make `task.items.id` unique, or leave it out"
        return TaskError(f"{both} have the same id {_shown(identity)}", mend=mend)
    return TaskError(f"{both} are the same", mend="remove one of them, or write `duplicates: skip` under `task.items`")


def _shown(text: str) -> str:
    return f"`{text}`" if len(text) <= 80 else f"`{text[:77]}…`"
