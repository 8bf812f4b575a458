"""Rows of an existing dataset, as a recipe may select them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from preceptor.errors import TaskError
from preceptor.spec.actors import Pool
from preceptor.tasks.prompts import compile_template

ANY_SKILL = "all"
"""The skill of rows that name none."""


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One row of a pool."""

    fields: Mapping[str, Any]
    """The record, whose columns the task's prompt and scorer read."""
    answer: str
    """The answer the student learns."""
    skill: str
    """The skill it exercises."""


def pool_rows(pool: Pool, records: Iterable[Mapping[str, Any]], source: str) -> list[PoolRow]:
    """Rows from records, in their order.

    ``source`` names where they come from. Raises ``TaskError`` with the record's number, counted from 1, for a template
    that does not fit it: what is in a pool was chosen by people, so a gap in it is a mistake, not a row to drop.
    """
    answer = compile_template(pool.answer, "teacher.pool.answer")
    skill = None if pool.skill is None else compile_template(pool.skill, "teacher.pool.skill")
    rows = []
    for number, record in enumerate(records, start=1):
        try:
            label = ANY_SKILL if skill is None else skill(record).strip()
            rows.append(PoolRow(record, answer(record).strip(), label))
        except TaskError as error:
            raise TaskError(f"{source}: record {number}: {error.message}", mend=error.mend) from error
        if not label:
            raise TaskError(
                f"{source}: record {number}: `teacher.pool.skill` is empty", mend="give every record a value for it"
            )
    return rows
