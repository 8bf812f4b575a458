"""The yield funnel: what became of the rows that an attempt made, by reason and by skill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

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

    def without(self, reasons: Mapping[str, int], carried: int = 0) -> Self:
        """The funnel after so many of the accepted rows were dropped, by reason, and so many of the carried ones."""
        gone = sum(reasons.values())
        dropped = {
            reason: self.dropped.get(reason, 0) + reasons.get(reason, 0) for reason in {**self.dropped, **reasons}
        }
        return self.model_copy(
            update={
                "accepted": self.accepted - gone,
                "carried": self.carried - carried,
                "dropped": dropped,
                "missing": self.missing + gone + carried,
            }
        )


class Funnel(BaseModel):
    """What became of an attempt's rows."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    skills: dict[str, SkillFunnel]
    """By skill, sorted."""
    exhausted: bool = False
    """Whether a budget ended before the quotas were full."""

    def without(self, dropped: Mapping[str, Mapping[str, int]], carried: Mapping[str, int]) -> Self:
        """The funnel after accepted rows were ``dropped``, by skill and reason, and ``carried`` ones, by skill."""
        left = {name: skill.without(dropped.get(name, {}), carried.get(name, 0)) for name, skill in self.skills.items()}
        return self.model_copy(update={"skills": left})

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
