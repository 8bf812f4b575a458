"""The search: versions that were made and examined, attempts that failed, what it all used up."""

from __future__ import annotations

from preceptor.report.schema.outcome import Interval
from preceptor.spec.base import Stored


class Iteration(Stored):
    """One dataset version that was trained and examined."""

    attempt: int
    """The attempt that made it."""
    version: str
    """Its id."""
    rows: int
    """Its rows."""
    carried: int
    """Rows taken over from the best version before."""
    feedback: float
    """Mean score on feedback."""
    selection: float
    """Mean score on selection."""
    feedback_interval: Interval | None = None
    """Interval of ``feedback``; ``null`` in reports of older releases, as the next two."""
    selection_interval: Interval | None = None
    """Interval of ``selection``."""
    gain_points: float | None = None
    """Change on selection against the untrained student, in points."""
    gain_interval: Interval | None = None
    """Its paired interval."""
    improvement_points: float
    """Change on selection against the best before, in points."""
    standard_error_points: float
    """Its paired standard error."""
    best: bool
    """Whether it became the best."""
    predicted: float | None
    """Mean score on feedback that the engineer predicted, in [0, 1]; ``null`` without a prediction."""
    seconds: float
    """Generating, training and examining."""
    rationale: str
    """The engineer's reason."""
    quotas: dict[str, int]
    """Rows by skill, as planned."""


class Attempts(Stored):
    """How many recipes it took."""

    total: int
    """Recipes carried out."""
    valid: int
    """Those that gave a valid dataset."""
    mats: float | None
    """``total / valid`` (PAPER: MATS; lower is better); ``null`` without a valid dataset."""
    failures: dict[str, int]
    """Failed attempts by reason."""


class Spending(Stored):
    """One kind of budget."""

    limit: float | None
    """The limit; ``null`` for none."""
    spent: float
    """What was used."""


class StageSpending(Stored):
    """What one part of the run used up."""

    stage: str
    """``search``, ``finalists``, ``private``, ``controls``, ``other tasks``, ``attribution`` or ``rest``."""
    part: str
    """Who or what within it, such as ``engineer``, ``teacher``, ``training``, or a control's name."""
    seconds: float = 0.0
    """Wall-clock time."""
    rows: int = 0
    """Rows made."""
    requests: int = 0
    """Requests to models."""
    tokens: int = 0
    """Tokens of these, prompts and answers."""
    usd: float = 0.0
    """Money for these."""


class Forecast(Stored):
    """What the engineer expected of one skill, beside what came."""

    attempt: int
    """The attempt."""
    skill: str
    """The skill."""
    predicted: float
    """Expected change of feedback accuracy against the best before, as a difference of shares."""
    actual: float | None
    """The change; ``null`` when no feedback item exercises the skill."""
    n: int
    """Feedback items that the change rests on."""


class Failure(Stored):
    """A feedback item that the student got wrong. Never of another split: who reads the report may tune on it."""

    skill: str
    """Its skill."""
    prompt: str
    """The question."""
    reference: str
    """The answer it is graded against."""
    output: str
    """What the student wrote."""
    extracted: str | None
    """The answer read from it; ``null`` when there was none to read."""
    value: float
    """Its score."""
    kind: str
    """The kind of mistake, as :class:`Mistakes` has them."""
    before: float | None = None
    """The untrained student's score on it; ``null`` when this is its own failure."""
