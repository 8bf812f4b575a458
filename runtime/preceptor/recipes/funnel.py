"""The yield funnel: what became of the rows that an attempt made, by reason and by skill."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

SURPLUS = "surplus"
"""Reason given to a row that came after its skill's quota was full; it says nothing about the row."""


class SkillFunnel(BaseModel):
    """What became of one skill's rows. ``made`` is ``accepted`` plus everything in ``dropped``."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    quota: int
    """Rows the recipe asked for."""
    carried: int
    """Rows taken over from an earlier version."""
    made: int
    """Rows the teacher made."""
    accepted: int
    """Rows of those that entered the version."""
    dropped: dict[str, int] = Field(default_factory=dict)
    """Rows that did not, by reason."""
    missing: int = 0
    """Rows still missing from the quota at the end."""
    hopeless: bool = False
    """Whether generation was given up because almost nothing passed."""
    used_up: bool = False
    """Whether generation ended because no source had anything left to build on."""

    @property
    def rows(self) -> int:
        """Rows of the skill in the version."""
        return self.carried + self.accepted


class Funnel(BaseModel):
    """What became of an attempt's rows."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    skills: dict[str, SkillFunnel]
    """By skill, sorted."""
    exhausted: bool = False
    """Whether a budget ended before the quotas were full."""

    @property
    def made(self) -> int:
        """Rows the teacher made."""
        return sum(skill.made for skill in self.skills.values())

    @property
    def carried(self) -> int:
        """Rows taken over from an earlier version."""
        return sum(skill.carried for skill in self.skills.values())

    @property
    def accepted(self) -> int:
        """Fresh rows that entered the version."""
        return sum(skill.accepted for skill in self.skills.values())

    @property
    def dropped(self) -> dict[str, int]:
        """Rows that did not enter, by reason, the most frequent first."""
        reasons: dict[str, int] = {}
        for skill in self.skills.values():
            for reason, count in skill.dropped.items():
                reasons[reason] = reasons.get(reason, 0) + count
        return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
