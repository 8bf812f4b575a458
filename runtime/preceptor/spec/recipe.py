"""The recipe: the engineer's typed plan for one dataset version. Small, diffable, priced before it runs."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from preceptor.spec.base import ContradictionError, Fraction, Model


class ProceduralSource(Model):
    """Rows from one of the procedural teacher's generators, correct by construction."""

    kind: Literal["procedural"] = "procedural"
    generator: str = Field(examples=["my-generator"])
    """Key in ``teacher.generators``."""
    weight: float = Field(default=1.0, gt=0)
    """Share of the skill's units that this source makes, relative to its siblings."""
    difficulty: dict[int, float] = Field(default_factory=dict)
    """Weight of each difficulty level (from 1); all levels alike when empty."""

    @model_validator(mode="after")
    def _weights(self) -> Self:
        weights = self.difficulty
        if weights and (min(weights) < 1 or min(weights.values()) < 0 or sum(weights.values()) <= 0):
            raise ContradictionError(
                "levels count from 1, and their weights may not be negative nor all 0",
                mend="write levels and weights such as {1: 0.3, 2: 0.7}",
                at=("difficulty",),
            )
        return self


class SkillPlan(Model):
    """How many rows of one skill the version should hold and where they come from."""

    skill: str = Field(examples=["all"])
    """The skill's label, as the task's items use it."""
    quota: int = Field(gt=0, examples=[100])
    """Rows of this skill in the finished version, carried-over rows included."""
    sources: tuple[ProceduralSource, ...] = Field(min_length=1, examples=[[{"generator": "my-generator"}]])
    """Where fresh rows come from."""


class CarryOver(Model):
    """Rows taken over from an earlier version before anything is generated."""

    version: str = Field(examples=["v0123456789ab"])
    """The dataset version to take from."""
    share: Fraction = 1.0
    """At most this share of each skill's quota is filled with carried rows."""


class Recipe(Model):
    """One attempt's plan."""

    skills: tuple[SkillPlan, ...] = Field(
        min_length=1, examples=[[{"skill": "all", "quota": 100, "sources": [{"generator": "my-generator"}]}]]
    )
    """What to make; a skill appears once."""
    carry_over: CarryOver | None = None
    """What to keep from an earlier version."""
    method: str = ""
    """The known method this plan adapts."""
    rationale: str = ""
    """Why this plan, in a sentence or two."""
    prediction: dict[str, float] = Field(default_factory=dict)
    """Expected change of feedback accuracy per skill, as a difference of shares in [-1, 1]."""

    @model_validator(mode="after")
    def _each_skill_once(self) -> Self:
        names = [plan.skill for plan in self.skills]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise ContradictionError(
                    f"skill `{name}` appears twice",
                    mend="merge the two entries into one with both quotas",
                    at=("skills", position, "skill"),
                )
        return self

    @property
    def rows(self) -> int:
        """Rows the version should hold."""
        return sum(plan.quota for plan in self.skills)
