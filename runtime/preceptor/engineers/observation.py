"""What an engineer may see, and what it may answer. The types have no room for selection or private items."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from preceptor.spec.recipe import Recipe

MAX_FAILURES = 60
"""Failed cases an observation holds at most."""


class _Frozen(BaseModel):
    """Immutable; keys that a later release added are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Interval(_Frozen):
    """A mean score with its confidence interval, all in [0, 1]."""

    mean: float
    """The mean."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    n: int
    """Items it is over."""


class SkillView(_Frozen):
    """How the students do on one skill's feedback items."""

    n: int
    """Feedback items of the skill."""
    before: Interval
    """The untrained student."""
    best: Interval | None = None
    """The best version's student; ``None`` while nothing beat the untrained one."""
    latest: Interval | None = None
    """The latest version's student; ``None`` before the first."""


class FunnelView(_Frozen):
    """What became of an attempt's rows."""

    made: int = 0
    """Rows the teacher made."""
    carried: int = 0
    """Rows taken over from an earlier version."""
    accepted: int = 0
    """Rows that the attempt came to, carried ones included."""
    dropped: dict[str, int] = Field(default_factory=dict)
    """Rows dropped, by reason."""
    short: dict[str, int] = Field(default_factory=dict)
    """Rows missing from the quota of each skill that could not be filled."""


class PastAttempt(_Frozen):
    """One of the engineer's own recipes and what came of it."""

    recipe: Recipe
    """The recipe."""
    version: str | None = None
    """The dataset version; ``None`` when too few rows passed."""
    rows: int = 0
    """Rows of the version, or those that passed when they were too few."""
    valid: bool = False
    """Whether there were enough rows for a version."""
    is_best: bool = False
    """Whether it is the best version so far."""
    feedback: dict[str, float] = Field(default_factory=dict)
    """Mean score per skill on feedback, in [0, 1]; empty when it was not examined."""
    predicted: dict[str, float] = Field(default_factory=dict)
    """Change per skill that the engineer had predicted, as a difference of shares."""
    seconds: float = 0.0
    """Time it took, training and examination included."""
    funnel: FunnelView = FunnelView()
    """What became of its rows."""

    @property
    def examined(self) -> bool:
        """Whether a student learnt it and answered the feedback items."""
        return self.valid and bool(self.feedback)


class FailedCase(_Frozen):
    """A feedback item that the best student got wrong."""

    skill: str
    """Its skill."""
    prompt: str
    """The question."""
    reference: str
    """The right answer."""
    output: str
    """What the student wrote."""
    value: float
    """Its score, in [0, 1]."""


class GeneratorView(_Frozen):
    """A generator that recipes may name."""

    skill: str
    """The skill of its rows."""
    levels: tuple[int, ...] = (1,)
    """Its difficulty levels, ascending, from 1 (easy)."""


class Observation(_Frozen):
    """Everything an engineer knows when it proposes a recipe."""

    iteration: int
    """The iteration that the recipe is for, from 1."""
    skills: dict[str, SkillView]
    """The examination's skills, as far as the feedback items show them."""
    past: tuple[PastAttempt, ...] = ()
    """Earlier attempts, the oldest first."""
    failures: tuple[FailedCase, ...] = Field(default=(), max_length=MAX_FAILURES)
    """Feedback items that the best student (the untrained one at first) got wrong."""
    generators: dict[str, GeneratorView]
    """What the teacher can make."""
    size: int
    """Rows a finished version holds at most."""
    minimum: int
    """Rows a valid version holds at least."""
    iterations_left: int
    """Iterations the budget still allows, the one that the recipe is for included."""
    rows_left: int | None = None
    """Rows the teacher may still make; ``None`` without a limit."""
    seed: int = 0
    """The document's root seed."""


@dataclass(frozen=True)
class Stop:
    """The engineer has nothing more to propose."""

    reason: str
    """Why, in a sentence."""
