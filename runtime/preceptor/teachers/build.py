"""From a document's teacher section to a teacher."""

from __future__ import annotations

from preceptor.errors import TaskError
from preceptor.spec.actors import ProceduralTeacher as ProceduralConfig
from preceptor.spec.actors import Teacher
from preceptor.teachers.procedural import ProceduralTeacher


def build_teacher(config: Teacher) -> ProceduralTeacher:
    """The teacher that a document declares. Raises ``TaskError`` for a kind that cannot make rows yet."""
    if isinstance(config, ProceduralConfig):
        return ProceduralTeacher(config)
    raise TaskError(f"a teacher of kind `{config.kind}` cannot make rows yet", mend="use `teacher.kind: procedural`")
