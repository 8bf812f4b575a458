"""A teacher of a few values and wordings, and documents around it."""

from __future__ import annotations

from typing import Any

from preceptor.spec.actors import ProceduralTeacher
from preceptor.spec.document import Spec
from preceptor.spec.recipe import CarryOver, ProceduralSource, Recipe, SkillPlan
from preceptor.spec.task import Task

TEACHER: dict[str, Any] = {
    "kind": "procedural",
    "values": {
        "payee": {"kind": "category", "of": ["Anna", "Bela", "Chen", "Dora"]},
        "amount": {"kind": "number", "low": 1, "high": 2000, "decimals": 2},
        "due": {"kind": "date", "first": "2026-01-01", "last": "2026-12-31"},
        "line": {"kind": "expression", "of": 'payee ~ ", " ~ (amount | money("1,234.50"))'},
    },
    "answer": '{"payee": {{ payee | tojson }}, "amount": {{ amount | tojson }}, "due": {{ due | iso | tojson }}}',
    "generators": {
        "letter": {
            "kind": "sampler",
            "forms": [
                {"input": {"message": 'Please pay {{ line }} by {{ due | date("%-d %B %Y") }}.'}},
                {"input": {"message": "{{ payee }} gets {{ amount }}."}, "without": ["due"], "difficulty": 2},
            ],
        },
        "chat": {
            "kind": "sampler",
            "values": {"payee": {"kind": "category", "of": ["Zoe"]}},
            "forms": [{"input": {"message": "pay {{ line }}, {{ due | iso }}"}}],
        },
    },
}


def teacher(**changes: Any) -> ProceduralTeacher:
    """The teacher's section with other generators, values or answer."""
    return ProceduralTeacher.model_validate(TEACHER | changes)


def task(prompt: str = "{{ message }}", scorer: dict[str, Any] | None = None) -> Task:
    """A task that reads the teacher's columns."""
    return Task.model_validate(
        {
            "description": "Read payments.",
            "prompt": prompt,
            "scorer": scorer or {"kind": "json", "fields": {"payee": {}, "amount": {"compare": "number"}, "due": {}}},
            "items": {"uri": "items.jsonl", "answer": "{{ answer }}"},
            "splits": {"feedback": 0.25, "selection": 0.25, "private": 0.5},
        }
    )


def spec(**changes: Any) -> Spec:
    """A whole document; ``changes`` replace its sections."""
    return Spec.model_validate(
        {
            "task": task(),
            "engineer": {"kind": "heuristic"},
            "teacher": TEACHER,
            "student": {"model": "student"},
            "dataset": {"size": 400, "minimum": 10},
            "budget": {"iterations": 3},
            "storage": {"uri": "runs"},
        }
        | changes
    )


def recipe(*, carry_over: CarryOver | None = None, **quotas: int) -> Recipe:
    """A recipe with one source for each skill: the generator of the same name."""
    return Recipe(
        skills=tuple(
            SkillPlan(skill=skill, quota=quota, sources=(ProceduralSource(generator=skill),))
            for skill, quota in quotas.items()
        ),
        carry_over=carry_over,
    )
