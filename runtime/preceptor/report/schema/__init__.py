"""The shape of ``report.json``; ``preceptor schema report`` prints it, ``report.schema.json`` is its JSON schema.

Accuracies lie in [0, 1], points are hundredths, times are in seconds, money is in dollars. What reports of older
releases do not hold has a default.
"""

from __future__ import annotations

from preceptor.report.schema.comparisons import Control, SkillWorth, Suite
from preceptor.report.schema.data import Contamination, Diversity, Funnel, Neighbours, SampleRow, SelfTest
from preceptor.report.schema.outcome import Interval, Mistakes, Optimism, Private, Reading, SeedOutcome, SkillOutcome
from preceptor.report.schema.people import HumanInput, Reach, Tally
from preceptor.report.schema.report import Report, json_schema
from preceptor.report.schema.search import Attempts, Failure, Forecast, Iteration, Spending, StageSpending

__all__ = [
    "Attempts",
    "Contamination",
    "Control",
    "Diversity",
    "Failure",
    "Forecast",
    "Funnel",
    "HumanInput",
    "Interval",
    "Iteration",
    "Mistakes",
    "Neighbours",
    "Optimism",
    "Private",
    "Reach",
    "Reading",
    "Report",
    "SampleRow",
    "SeedOutcome",
    "SelfTest",
    "SkillOutcome",
    "SkillWorth",
    "Spending",
    "StageSpending",
    "Suite",
    "Tally",
    "json_schema",
]
