"""What the gain is compared with: controls, other tasks, the published version without one of its skills."""

from __future__ import annotations

from preceptor.report.schema.outcome import Interval
from preceptor.spec.base import Stored


class Control(Stored):
    """A comparison that keeps the gain honest, or why it was left out."""

    skipped: str = ""
    """Why it was left out; empty when it was carried out. Without it there are no figures."""
    split: str = "private"
    """What was answered."""
    items: int = 0
    """Items of it."""
    value: float | None = None
    """Mean score over items and training seeds."""
    interval: Interval | None = None
    """Its interval, over items."""
    exact: float | None = None
    """Share of items right in every part."""
    seeds: tuple[float, ...] = ()
    """Mean score of each training seed; a single one where nothing is trained."""
    student: float | None = None
    """Mean score of the published student on the same items."""
    difference_points: float | None = None
    """``student - value`` in points: what the published student is better by."""
    difference_interval: Interval | None = None
    """Its paired interval."""
    version: str | None = None
    """The dataset version that its students learnt."""
    rows: int = 0
    """Rows of that version."""
    made: int = 0
    """Rows the teacher made for it, dropped ones included."""
    requests: int = 0
    """Requests to models."""
    tokens: int = 0
    """Tokens of these."""
    usd: float = 0.0
    """Money for these."""
    seconds: float = 0.0
    """Wall-clock time."""
    detail: str = ""
    """How it was done, in words."""


class Suite(Stored):
    """Another task, at which the student must not have become worse."""

    document: str
    """Its document, as ``evaluation.forgetting`` names it."""
    digest: str
    """Digest of its items."""
    items: int
    """Items asked."""
    before: float
    """Mean score of the untrained student."""
    after: float
    """Mean score of the finalists."""
    change_points: float
    """``after - before`` in points."""
    interval: Interval
    """Interval of the change, in points."""
    dropped: bool
    """Whether the change is a loss beyond its interval."""
    allowed: bool
    """Whether the document allows that."""
    seconds: float = 0.0
    """Wall-clock time."""


class SkillWorth(Stored):
    """What one skill's rows are worth: students that learnt the published version without them."""

    skill: str
    """The skill that was left out."""
    rows: int
    """Its rows."""
    usd: float
    """What these cost the teacher."""
    split: str
    """What was answered."""
    points: float
    """Score with the rows minus score without them, in points."""
    interval: Interval
    """Its interval."""
    points_per_hundred_rows: float | None
    """``points`` for 100 of its rows; ``null`` without rows."""
    points_per_usd: float | None
    """``points`` for a dollar; ``null`` when its rows cost nothing."""
    seconds: float = 0.0
    """Wall-clock time."""
