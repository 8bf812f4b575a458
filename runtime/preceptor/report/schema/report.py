"""The whole of ``report.json``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from preceptor.report.schema.comparisons import Control, SkillWorth, Suite
from preceptor.report.schema.data import Contamination, Diversity, Funnel, SampleRow, SelfTest
from preceptor.report.schema.outcome import Interval, Mistakes, Optimism, Private, Reading
from preceptor.report.schema.people import HumanInput, Tally
from preceptor.report.schema.search import Attempts, Failure, Forecast, Iteration, Spending, StageSpending
from preceptor.spec.base import Stored

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Report(Stored):
    """A run's report. Accuracies lie in [0, 1], points are hundredths, times are in seconds, money is in dollars."""

    name: str
    """The run."""
    finished: str = ""
    """When it ended, in UTC as ISO 8601; empty in reports of older releases."""
    verdict: Literal["improved", "not-shown", "no-improvement", "no-dataset", "forgot"]
    """The outcome in a word."""
    sentence: str
    """The outcome in a sentence."""
    alarms: tuple[str, ...] = ()
    """What a reader has to know before believing it, a sentence each."""
    description: str
    """The task."""
    student: str
    """The base model."""
    published_version: str | None
    """Dataset version that was published."""
    published_training: str | None
    """Checkpoint that was published."""
    private: Private | None
    """The outcome on the private split; ``null`` when it was not opened."""
    optimism: Optimism | None = None
    """The winner's curse; ``null`` when the private split was not opened, and in reports of older releases."""
    readings: tuple[Reading, ...] = ()
    """Every opening of the private split; more than one, or other runs', is an alarm."""
    mistakes: tuple[Mistakes, ...] = ()
    """What becomes of answers, before and after, by split."""
    baseline: dict[str, float]
    """Mean score of the untrained student on feedback and selection."""
    baseline_intervals: dict[str, Interval] = Field(default_factory=dict)
    """Their intervals."""
    iterations: tuple[Iteration, ...]
    """The search."""
    ended: str
    """Why the search ended."""
    attempts: Attempts
    """Recipes and failures."""
    budget: dict[str, Spending]
    """Limits and use by kind."""
    forecasts: tuple[Forecast, ...] = ()
    """What the engineer predicted and what came, by iteration and skill."""
    stages: dict[str, float]
    """Seconds by kind of step."""
    spending: tuple[StageSpending, ...] = ()
    """Time, rows, requests, tokens and money by stage; the seconds add up to the run's wall clock."""
    funnel: Funnel
    """What became of the rows."""
    controls: dict[str, Control] = Field(default_factory=dict)
    """Comparisons by name, those left out included: ``base``, ``prompted``, ``format``, ``oneShot``, ``heuristic``,
    ``distillation``, ``ceiling``."""
    suites: tuple[Suite, ...] = ()
    """Other tasks."""
    attribution: tuple[SkillWorth, ...] = ()
    """What each skill's rows are worth."""
    contamination: Contamination | None
    """Overlap with the examination; ``null`` without a published version."""
    canaries: dict[str, bool] = Field(default_factory=dict)
    """Kinds of planted rows and whether all of them were stopped; empty when none were planted."""
    self_test: SelfTest | None = None
    """The same in numbers; ``null`` when the gates were not tested."""
    diversity: tuple[Diversity, ...]
    """Each version's variety."""
    human_input: tuple[HumanInput, ...]
    """What people put in."""
    human_totals: dict[str, Tally] = Field(default_factory=dict)
    """The same in all (``all``) and by who gets to see it."""
    samples: tuple[SampleRow, ...]
    """Some rows of the published version."""
    failures: tuple[Failure, ...] = ()
    """Some feedback items that the best version's student, or the untrained one, got wrong."""
    failed_items: int = 0
    """Feedback items that it got wrong in all."""
    digests: dict[str, str]
    """What identifies the run's inputs and outputs."""
    versions: dict[str, str]
    """Packages that decide what is computed."""


def json_schema() -> dict[str, Any]:
    """The JSON schema of ``report.json``, as ``report.schema.json`` holds it."""
    return {"$schema": DIALECT, **Report.model_json_schema(by_alias=True)}
