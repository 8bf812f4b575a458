"""What happens after the search: the private split is read, comparisons are made, the outcome is published.

Nothing is chosen any more then, so nothing here reaches an engineer.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from preceptor.loop.event import Event, Spent, SplitName, SplitScore
from preceptor.spec.evaluation import ControlName

Verdict = Literal["improved", "not-shown", "no-improvement", "no-dataset", "forgot"]
"""The outcome. ``improved``: the gain's interval lies above 0; ``not-shown``: it does not; ``forgot``: a task of
``evaluation.forgetting`` became worse, so nothing is published; the others have no finalist."""


class PrivateOpened(Event):
    """The search is over and the private split is read: from here on nothing is chosen."""

    type: Literal["private-opened"] = "private-opened"
    reading: int
    """How often this run has read it, from 1; more than once only when somebody asked for it (``--again``)."""
    others: tuple[str, ...] = ()
    """Other runs under the same storage root that had read the same items before."""


class Reopened(Event):
    """Somebody asked (``--again``) to go on with the search of a run whose private split had been read."""

    type: Literal["reopened"] = "reopened"
    changes: tuple[str, ...]
    """What grew in the document, readable."""


class ControlEnded(Event):
    """A comparison was carried out, or left out."""

    type: Literal["control-ended"] = "control-ended"
    control: ControlName
    """Which."""
    skipped: str = ""
    """Why it was left out; empty when it was carried out."""
    split: SplitName = "private"
    """What was answered."""
    scores: tuple[SplitScore, ...] = ()
    """One for each training seed, in order; a single one where nothing is trained. The predictions lie below
    ``directory``."""
    directory: str = ""
    """Where below the run's directory this comparison's evaluations, and all else it left, lie; empty for the run's
    own."""
    version: str | None = None
    """The dataset version that its students learnt, of the run in ``directory``."""
    rows: int = 0
    """Rows of that version."""
    made: int = 0
    """Rows the teacher made for it, dropped ones included."""
    spent: Spent = Field(default_factory=dict)
    """What it used up, its rows left out: those are in ``made``."""
    planned_with: int = 0
    """Those of its requests that an engineer made: ``budget.teacherRequests`` does not count them."""
    seconds: float = 0.0
    """Wall-clock time it took."""
    detail: str = ""
    """In words, what a reader should know of how it was done."""


class SuiteExamined(Event):
    """The published student and the untrained one answered another task, at which the student must not be worse."""

    type: Literal["suite-examined"] = "suite-examined"
    document: str
    """The task's document, as ``evaluation.forgetting`` names it."""
    digest: str
    """Digest of its items."""
    before: SplitScore
    """Score of the untrained student."""
    after: tuple[SplitScore, ...]
    """Score of each finalist, in order."""
    interval: tuple[float, float]
    """Interval of the change, a difference of shares."""
    dropped: bool
    """Whether the change is a loss beyond its interval."""
    allowed: bool
    """Whether the document allows it."""
    seconds: float = 0.0
    """Wall-clock time it took."""


class SkillRemoved(Event):
    """Students learnt the published version without one skill's rows, to say what they are worth (attribution)."""

    type: Literal["skill-removed"] = "skill-removed"
    skill: str
    """The skill that was left out."""
    rows: int
    """Its rows."""
    usd: float
    """What its rows cost the teacher, in dollars."""
    trainings: tuple[str, ...]
    """The students, a training seed each, in the finalists' order."""
    split: SplitName = "selection"
    """What they answered."""
    scores: tuple[SplitScore, ...]
    """Their scores."""
    worth: float
    """Mean score with the skill's rows minus mean score without, over the split."""
    interval: tuple[float, float]
    """Its interval."""
    seconds: float = 0.0
    """Wall-clock time it took."""


class Published(Event):
    """The last event: the outcome is under the storage root."""

    type: Literal["published"] = "published"
    verdict: Verdict
    """See :data:`Verdict`."""
    version: str | None = None
    """The dataset version that was published."""
    training: str | None = None
    """The student that was published."""
