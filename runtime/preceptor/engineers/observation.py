"""What an engineer may see, and what it may answer. The types have no room for selection or private items."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from preceptor.spec.recipe import Recipe

MAX_FAILURES = 60
"""Failed cases an observation holds at most."""
MAX_SAMPLES = 12
"""Rows of the best version an observation holds at most."""
MAX_EXAMPLES = 12
"""Worked examples of the task an observation holds at most."""
MAX_PROBLEMS = 20
"""Problems of the last failure an observation holds at most."""

Operation = Literal["draft", "improve", "repair", "debug"]
SourceKind = Literal["procedural", "prompt", "solve", "evolve", "pool"]
ValidatorKind = Literal["agreement", "judge", "length"]


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
    number: int = 0
    """The attempt, from 1."""
    operation: Operation = "draft"
    """What it started from."""
    card: str | None = None
    """The strategy card it instantiated."""
    actual: dict[str, float] = Field(default_factory=dict)
    """Change per skill that came, beside ``predicted``; empty when it was not examined."""

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


class Example(_Frozen):
    """A worked example, or a row of a version."""

    prompt: str
    """The question as the student sees it."""
    answer: str
    """Its answer."""
    skill: str = ""
    """Its skill, where it has one."""


class TaskView(_Frozen):
    """What the student has to be good at."""

    description: str
    """What the domain is."""
    system: str | None = None
    """System message in front of every question."""
    prompt: str
    """Template of the question."""
    columns: tuple[str, ...] = ()
    """Columns that the template reads: what a row has beside its answer."""
    scorer: str
    """How an answer is compared with the reference, in words."""
    examples: tuple[Example, ...] = Field(default=(), max_length=MAX_EXAMPLES)
    """Worked examples that stand before every question."""


class TeacherView(_Frozen):
    """What the teacher can do."""

    model: str | None = None
    """Its model; ``None`` for a teacher without one."""
    sources: tuple[SourceKind, ...] = ()
    """Kinds of sources that a recipe may use now."""
    validators: tuple[ValidatorKind, ...] = ()
    """Kinds of validators that a recipe may use."""
    max_tokens: int | None = None
    """Longest answer of its model."""
    seeds: int = 0
    """Raw seed questions that ``solve`` may answer."""
    pool: dict[str, int] = Field(default_factory=dict)
    """Rows of the pool by skill."""


class BudgetView(_Frozen):
    """What is left to use up; ``None`` is without a limit."""

    attempts: int | None = None
    """Attempts, valid or not, the one that the recipe is for included."""
    requests: int | None = None
    """Requests to the teacher in all."""
    requests_per_attempt: int | None = None
    """Requests to the teacher for one attempt."""
    tokens: int | None = None
    """Tokens of teacher and engineer."""
    usd: float | None = None
    """Money, in dollars."""


class RowCost(_Frozen):
    """What one accepted fresh row has cost so far, on average."""

    made: float
    """Rows made for it."""
    requests: float
    """Requests to the teacher."""
    tokens: float
    """Tokens of the teacher's model."""
    usd: float
    """Money, in dollars."""


class BestView(_Frozen):
    """The best version so far."""

    version: str
    """Its id."""
    attempt: int
    """The attempt that made it."""
    skills: dict[str, int]
    """Rows by skill."""
    distinct2: float | None = None
    """Share of different pairs of words in its questions, in [0, 1]: low means that rows repeat one another."""
    evenness: float | None = None
    """Entropy of the rows per skill over its maximum, in [0, 1]."""
    samples: tuple[Example, ...] = Field(default=(), max_length=MAX_SAMPLES)
    """Some of its rows."""


class FailureView(_Frozen):
    """Why the attempt before this proposal gave no version."""

    kind: str
    """``too-few-rows``, ``unreadable``, ``invalid-recipe``, ``failed`` or ``budget``."""
    problems: tuple[str, ...] = Field(max_length=MAX_PROBLEMS)
    """What went wrong, path and reason; never a traceback."""
    has_recipe: bool = True
    """Whether there was a recipe, the last of ``past``, or the answers could not be made one."""


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
    attempt: int = 1
    """The attempt that the recipe is for, from 1; failed ones count."""
    operation: Operation = "draft"
    """What the recipe starts from."""
    labels: tuple[str, ...] = ()
    """Skills that a recipe may plan rows of."""
    task: TaskView | None = None
    """What the student has to be good at."""
    teacher: TeacherView = TeacherView()
    """What the teacher can do."""
    budget: BudgetView = BudgetView()
    """What is left to use up."""
    row_cost: RowCost | None = None
    """What an accepted row has cost; ``None`` before any."""
    best: BestView | None = None
    """The best version; ``None`` while nothing beat the untrained student."""
    since_best: int = 0
    """Iterations since the best version, or since the start while there is none."""
    cards_used: tuple[str, ...] = ()
    """Strategy cards that iterations instantiated, the oldest first."""
    last_failure: FailureView | None = None
    """Why the last attempt gave no version; ``None`` when it did."""
