"""The recipe: the engineer's typed plan for one dataset version. Small, diffable, priced before it runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from preceptor.spec.base import ContradictionError, Fraction, Model, Template
from preceptor.spec.values import Value


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


class PromptSource(Model):
    """Rows that the teacher's model writes, question and answer, from a prompt with sampled variables."""

    kind: Literal["prompt"]
    template: Template = Field(examples=["Write a question about {{ topic }} for first-year students."])
    """What the teacher is asked; sees the variables and ``skill``. The runtime adds which columns a row has, in which
    form, and how an answer must end."""
    variables: dict[str, Value] = Field(default_factory=dict)
    """Values sampled anew for every request."""
    rows_per_request: int = Field(default=1, ge=1, le=32)
    """Rows asked for at once."""
    temperature: float | None = Field(default=None, ge=0)
    """Softmax temperature; the teacher's own when absent."""
    weight: float = Field(default=1.0, gt=0)
    """Share of the skill's units that this source makes, relative to its siblings."""


class SolveSource(Model):
    """The teacher answers the task's raw seed questions, each at most once in a version."""

    kind: Literal["solve"]
    instruction: str = ""
    """How to answer; stands before the question."""
    temperature: float | None = Field(default=None, ge=0)
    """Softmax temperature; the teacher's own when absent."""
    weight: float = Field(default=1.0, gt=0)
    """Share of the skill's units that this source makes, relative to its siblings."""


class EvolveSource(Model):
    """The teacher rewrites rows of the version that is carried over; the new answer is always verified again."""

    kind: Literal["evolve"]
    change: Literal["harder", "easier", "rephrased", "numbers"]
    """What becomes of a row: a harder or an easier question, the same in other words, the same with other numbers."""
    instruction: str = ""
    """What else to mind; stands after the runtime's own words."""
    temperature: float | None = Field(default=None, ge=0)
    """Softmax temperature; the teacher's own when absent."""
    weight: float = Field(default=1.0, gt=0)
    """Share of the skill's units that this source makes, relative to its siblings."""


class PoolSource(Model):
    """Rows selected from the teacher's pool, each at most once in a version."""

    kind: Literal["pool"]
    weight: float = Field(default=1.0, gt=0)
    """Share of the skill's units that this source makes, relative to its siblings."""


def _kind(source: Any) -> str:
    """A source without a kind is procedural: recipes that only know those need not say so."""
    return str(source.get("kind", "procedural") if isinstance(source, dict) else getattr(source, "kind", ""))


Source = Annotated[
    Annotated[ProceduralSource, Tag("procedural")]
    | Annotated[PromptSource, Tag("prompt")]
    | Annotated[SolveSource, Tag("solve")]
    | Annotated[EvolveSource, Tag("evolve")]
    | Annotated[PoolSource, Tag("pool")],
    Discriminator(_kind),
]


class AgreementValidator(Model):
    """Keeps a row when enough independent solutions of its question give its answer, under the task's scorer."""

    kind: Literal["agreement"]
    solutions: int = Field(default=3, ge=1, le=16)
    """Solutions asked for; those that the source itself asked for count."""
    agree: int = Field(default=2, ge=1, le=16)
    """How many of them must give the row's answer."""
    temperature: float | None = Field(default=None, ge=0)
    """Softmax temperature; the teacher's own when absent."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.agree > self.solutions:
            raise ContradictionError(
                f"{self.agree} of {self.solutions} solutions can never agree",
                mend="lower `agree` or raise `solutions`",
                at=("agree",),
            )
        return self


class JudgeValidator(Model):
    """Keeps a row that a model rates well enough."""

    kind: Literal["judge"]
    rubric: str = Field(min_length=1, examples=["The question has exactly one right answer, and the answer is right."])
    """What the judge is to look at."""
    threshold: int = Field(default=4, ge=1, le=5)
    """Lowest rating, from 1 to 5, that passes."""
    model: str | None = None
    """Another model at the teacher's endpoint; the teacher's own when absent."""


class LengthValidator(Model):
    """Keeps a row whose answer is neither too short nor too long."""

    kind: Literal["length"]
    minimum: int = Field(default=0, ge=0)
    """Fewest characters of the answer."""
    maximum: int | None = Field(default=None, gt=0)
    """Most characters of the answer; any number when absent."""


Validator = Annotated[AgreementValidator | JudgeValidator | LengthValidator, Field(discriminator="kind")]


class SkillPlan(Model):
    """How many rows of one skill the version should hold and where they come from."""

    skill: str = Field(examples=["all"])
    """The skill's label, as the task's items use it."""
    quota: int = Field(gt=0, examples=[100])
    """Rows of this skill in the finished version, carried-over rows included."""
    sources: tuple[Source, ...] = Field(min_length=1, examples=[[{"generator": "my-generator"}]])
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
    validators: tuple[Validator, ...] = ()
    """What a row that a model wrote must pass, cheapest first; procedural rows are right by construction."""
    retries: int = Field(default=1, ge=0, le=5)
    """Times a row is asked for again when its answer was cut off, empty, refused, unreadable or lost."""
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
