"""Not built yet."""

from __future__ import annotations

from preceptor.closing.parts import Parts
from preceptor.loop.events import SkillRemoved
from preceptor.loop.step import RemoveSkill


def remove_skill(parts: Parts, step: RemoveSkill) -> SkillRemoved:
    """Not built yet."""
    raise NotImplementedError
