"""Builds a report from what the run stored: the ledger, the evaluations, the dataset versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from preceptor.loop.events import BASE, Published, from_record
from preceptor.loop.state import RunState
from preceptor.report import comparisons, outcome, safeguards, schema, search, spending, verdict
from preceptor.report.answers import Answers
from preceptor.report.digests import digests
from preceptor.report.history import documents
from preceptor.report.human import human_input, totals
from preceptor.report.variety import variety
from preceptor.spec.document import Spec, Specialization
from preceptor.storage import datasets
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from preceptor.synthesis.context import UnitContext
from preceptor.tasks.splits import Split, SplitName

SAMPLES = 20
"""Rows of the published version that the report shows."""


def build_report(
    document: Specialization,
    store: Store,
    splits: Mapping[SplitName, Split],
    state: RunState,
    published: Published,
    context: UnitContext,
) -> schema.Report:
    """The report of a run that ends with ``published``."""
    assert state.started is not None
    spec, records = document.spec, read_records(store)
    answers, confidence = Answers(store, state), document.spec.evaluation.confidence
    private, optimism = outcome.private(answers, confidence), outcome.optimism(answers, confidence)
    controls, suites = comparisons.controls(answers, confidence), comparisons.suites(state)
    readings = outcome.readings(state)
    contamination, samples = _published_rows(spec, store, splits, state, published.version)
    diversity = variety(store, spec.task, search.versions(state))
    people = human_input(spec, splits, context, documents(records))
    tested = safeguards.self_test(state)
    failures, failed = outcome.failures(answers, splits["feedback"])
    return schema.Report(
        name=document.name,
        finished=datetime.fromtimestamp(records[-1].at, UTC).isoformat(timespec="seconds"),
        verdict=published.verdict,
        sentence=verdict.sentence(published, private, suites),
        alarms=(
            *verdict.alarms(readings, optimism, controls, suites),
            *safeguards.alarms(contamination, diversity, spec),
        ),
        description=spec.task.description,
        student=spec.student.model,
        published_version=published.version,
        published_training=published.training,
        private=private,
        optimism=optimism,
        readings=readings,
        mistakes=tuple(outcome.mistakes(answers)),
        baseline={split: state.scores[BASE, split].value for split in ("feedback", "selection")},
        baseline_intervals=search.baseline_intervals(answers, confidence),
        iterations=search.iterations(answers, confidence),
        ended=state.ended.detail if state.ended else "",
        attempts=search.attempts(state),
        budget=spending.budget(spec, state),
        forecasts=search.forecasts(state),
        stages=spending.stages(state),
        spending=spending.by_stage(from_record(record) for record in records),
        funnel=search.funnel(state),
        controls=controls,
        suites=suites,
        attribution=comparisons.attribution(state),
        contamination=contamination,
        canaries={kind: tested.stopped.get(kind, 0) == n for kind, n in tested.planted.items()} if tested else {},
        self_test=tested,
        diversity=diversity,
        human_input=people,
        human_totals=totals(people),
        samples=samples,
        failures=failures,
        failed_items=failed,
        digests=digests(splits, state),
        versions=state.started.versions,
    )


def _published_rows(
    spec: Spec, store: Store, splits: Mapping[SplitName, Split], state: RunState, version: str | None
) -> tuple[schema.Contamination, tuple[schema.SampleRow, ...]]:
    """The published version's rows, read once: compared with the examination, and some of them to show.

    Those lie evenly over the version, which is sorted by content: as good as drawn at random, and repeatable.
    """
    recheck = safeguards.Recheck(spec, splits, state)
    samples = []
    if version is not None:
        count = datasets.read_manifest(store, version).rows
        shown = {index * count // SAMPLES for index in range(SAMPLES)} if count > SAMPLES else set(range(count))
        for place, row in enumerate(datasets.iter_rows(store, version)):
            recheck.add(row)
            if place in shown:
                samples.append(_sample(row))
    return recheck.result(), tuple(samples)


def _sample(row: datasets.Row) -> schema.SampleRow:
    return schema.SampleRow(
        id=str(row["id"]),
        skill=str(row["skill"]),
        prompt=str(row["prompt"]),
        answer=str(row["answer"]),
        generator=row["receipt"]["generator"],
        receipt=dict(row["receipt"]),
    )
