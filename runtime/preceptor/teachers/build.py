"""From a document's teacher section to the generators it has."""

from __future__ import annotations

from preceptor.spec.actors import OpenAITeacher, PoolTeacher, Teacher
from preceptor.spec.actors import ProceduralTeacher as ProceduralConfig
from preceptor.teachers.procedural import ProceduralTeacher


def build_teacher(config: Teacher) -> ProceduralTeacher:
    """The generators that a teacher has, alone or beside a model; a pool, and a model by itself, have none."""
    match config:
        case ProceduralConfig():
            return ProceduralTeacher(config)
        case OpenAITeacher():
            return ProceduralTeacher(_generators(config))
        case PoolTeacher():
            return ProceduralTeacher(ProceduralConfig.model_construct(kind="procedural", generators={}))


def _generators(config: OpenAITeacher) -> ProceduralConfig:
    """Built without validation, which asks a procedural teacher for at least one generator."""
    return ProceduralConfig.model_construct(
        kind="procedural", values=config.values, answer=config.answer, generators=config.generators
    )
