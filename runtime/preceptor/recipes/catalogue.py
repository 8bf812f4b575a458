"""What a teacher can make, read from its configuration without building it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preceptor.spec.actors import PoolTeacher, Teacher
from preceptor.spec.checks import levels_of, skill_of


@dataclass(frozen=True)
class GeneratorFacts:
    """What a recipe may ask of a generator."""

    skill: str
    """The skill of its rows."""
    levels: tuple[int, ...]
    """Its difficulty levels, ascending, from 1 (easy)."""


def catalogue(teacher: Teacher) -> dict[str, GeneratorFacts]:
    """The generators by name, sorted (an API server keeps no order); empty for a teacher that has none."""
    if isinstance(teacher, PoolTeacher):
        return {}
    return {
        name: GeneratorFacts(skill_of(name, generator), levels_of(generator))
        for name, generator in sorted(teacher.generators.items())
    }


def skills_of(facts: Mapping[str, GeneratorFacts]) -> dict[str, tuple[str, ...]]:
    """Names of the generators of each skill, both in the order of the facts."""
    skills: dict[str, list[str]] = {}
    for name, fact in facts.items():
        skills.setdefault(fact.skill, []).append(name)
    return {skill: tuple(names) for skill, names in skills.items()}
