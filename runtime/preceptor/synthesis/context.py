"""What a teacher may build on: raw seed questions, rows to select, rows of the version that is carried over.

Plain data, gathered once for an attempt and sent to whoever makes its units.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random
from typing import Any, Self, TypeVar

from preceptor.errors import TaskError
from preceptor.gates.gate import Safeguards
from preceptor.recipes.digests import seed_from
from preceptor.recipes.sample import Sample
from preceptor.spec.actors import OpenAITeacher, Pool, PoolTeacher, Teacher
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe, SolveSource
from preceptor.spec.task import Task
from preceptor.storage.failures import safe
from preceptor.synthesis.units import Unit
from preceptor.tasks.prompts import compile_template
from preceptor.tasks.seeds import read_seeds
from preceptor.teachers.pool import PoolRow, pool_rows

Record = Mapping[str, Any]
"""A record as it was read: column to JSON value."""
ReadRecords = Callable[[str, int | None], Sequence[Record]]
"""Reads the records of a URI, or the first so many: ``preceptor.storage.tables.read_records`` with its directory."""

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class Seed:
    """A question without an answer."""

    fields: Record
    """The record."""
    skill: str | None = None
    """Its skill, when the record says it by ``task.items.skill``; any skill may use it otherwise."""


@dataclass(frozen=True)
class UnitContext:
    """What an attempt may build on. Picklable."""

    seeds: tuple[Seed, ...] = ()
    """The task's raw seed questions."""
    pool: Mapping[str, tuple[PoolRow, ...]] = field(default_factory=dict)
    """The pool's rows by skill."""
    parents: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    """Rows of the version that the recipe carries over, by skill, in order of id."""
    safeguards: Safeguards = field(default_factory=Safeguards)
    """What its rows must not be."""

    @classmethod
    def gather(cls, spec: Spec, read: ReadRecords, parents: Iterable[Sample] = ()) -> Self:
        """Read what the document names. ``parents`` are the rows of the version that is carried over.

        Raises:
            TaskError: a file is missing or broken, or a template of the pool does not fit its records.
            StorageError: a file cannot be read for a reason outside it.
        """
        seeds, pool = spec.task.seeds, pool_of(spec.teacher)
        questions: tuple[Seed, ...] = ()
        rows: list[PoolRow] = []
        if seeds is not None:
            questions = seed_questions(spec.task, _read(read, seeds.uri, seeds.limit), seeds.limit)
        if pool is not None:
            rows = pool_rows(pool, _read(read, pool.uri, pool.limit)[pool.uri], pool.uri)
        return cls(questions, _by_skill(rows)).with_parents(parents)

    def with_parents(self, parents: Iterable[Sample]) -> Self:
        """The same for an attempt that carries over another version."""
        return replace(self, parents=_by_skill(sorted(parents, key=lambda sample: sample.id)))


class Materials:
    """Which seeds, pool rows and parents are whose, for one recipe: no two units share a seed or a pool row."""

    def __init__(self, spec: Spec, recipe: Recipe, context: UnitContext) -> None:
        self._spec = spec
        self._context = context
        self._solving = sorted(
            plan.skill for plan in recipe.skills if any(isinstance(source, SolveSource) for source in plan.sources)
        )
        self._orders: dict[tuple[str, str, str], Sequence[Any]] = {}

    def seeds(self, unit: Unit) -> list[Seed]:
        """The unit's seed questions; fewer than its size at the end."""
        return list(self._order("solve", unit, self._seeds_of)[unit.first : unit.first + unit.size])

    def pool(self, unit: Unit) -> list[PoolRow]:
        """The unit's rows of the pool; fewer than its size at the end."""
        rows = self._order("pool", unit, lambda skill: self._context.pool.get(skill, ()))
        return list(rows[unit.first : unit.first + unit.size])

    def parents(self, unit: Unit) -> list[Sample]:
        """The rows that the unit's are made from: each in its turn, over and over; none when there is none."""
        rows = self._order("evolve", unit, lambda skill: self._context.parents.get(skill, ()))
        return [rows[(unit.first + place) % len(rows)] for place in range(unit.size)] if rows else []

    def _seeds_of(self, skill: str) -> Sequence[Seed]:
        """A skill's own seeds, and of those that name no skill every n-th, when n skills solve."""
        turn, skills = self._solving.index(skill), len(self._solving)
        own = [seed for seed in self._context.seeds if seed.skill == skill]
        free = [seed for seed in self._context.seeds if seed.skill is None]
        return own + free[turn::skills]

    def _order(self, kind: str, unit: Unit, entries: Callable[[str], Sequence[_Entry]]) -> Sequence[_Entry]:
        """The entries of a skill in an order that every process finds by itself."""
        key = (kind, unit.skill, unit.recipe)
        if key not in self._orders:
            shuffled = list(entries(unit.skill))
            Random(seed_from("materials", kind, unit.recipe, unit.skill, self._spec.seed)).shuffle(shuffled)
            self._orders[key] = shuffled
        return self._orders[key]


def pool_of(teacher: Teacher) -> Pool | None:
    """The pool that a teacher's rows may be selected from."""
    if isinstance(teacher, PoolTeacher):
        return teacher
    return teacher.pool if isinstance(teacher, OpenAITeacher) else None


def seed_questions(task: Task, files: Mapping[str, Sequence[Record]], limit: int | None = None) -> tuple[Seed, ...]:
    """Seeds from the records of files; see :func:`preceptor.tasks.seeds.read_seeds`.

    One whose skill cannot be read from it belongs to any skill.
    """
    return tuple(Seed(record, _skill(task, record)) for record in read_seeds(task, files)[:limit])


def _read(read: ReadRecords, uris: str | tuple[str, ...], limit: int | None) -> dict[str, Sequence[Record]]:
    """The records of one file or of several, by URI; no more of any than the limit."""
    files = {uri: read(uri, limit) for uri in ((uris,) if isinstance(uris, str) else uris)}
    for uri, records in files.items():
        for number, record in enumerate(records, start=1):
            try:
                json.dumps(record, allow_nan=False)
            except ValueError as error:
                mend = "write only numbers that JSON knows"
                raise TaskError(f"{safe(uri)}: record {number}: {error}", mend=mend) from error
    return files


def _skill(task: Task, record: Record) -> str | None:
    if task.items.skill is None:
        return None
    try:
        return _renderer(task.items.skill)(record).strip() or None
    except TaskError:
        return None


@lru_cache(maxsize=8)
def _renderer(template: str) -> Callable[[Record], str]:
    return compile_template(template, "task.items.skill")


_Skilled = TypeVar("_Skilled", PoolRow, Sample)


def _by_skill(rows: Iterable[_Skilled]) -> dict[str, tuple[_Skilled, ...]]:
    skills: dict[str, list[_Skilled]] = {}
    for row in rows:
        skills.setdefault(row.skill, []).append(row)
    return {skill: tuple(skills[skill]) for skill in sorted(skills)}
