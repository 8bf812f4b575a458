"""Puts the parts of a run together: from a document to its outcome."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from preceptor.closing.other_tasks import other_tasks
from preceptor.closing.reading import Readings
from preceptor.composition import Composition, tested, write_report
from preceptor.endpoints.credentials import Credentials
from preceptor.errors import ApprovalError, BudgetError, StorageError
from preceptor.gates.gate import Safeguards, Screen
from preceptor.loop.decide import next_step
from preceptor.loop.events import from_record
from preceptor.loop.parts import Audience, Workforce
from preceptor.loop.replay import Replayed, replay
from preceptor.loop.runner import Clock
from preceptor.loop.safeguards import exam_index
from preceptor.loop.state import RunState, fold
from preceptor.loop.step import AwaitApproval
from preceptor.loop.telling import Both, StoredReporter
from preceptor.opening import begin_or_resume, latest_document
from preceptor.report.schema import Report
from preceptor.spec.actors import LLMEngineer, OpenAITeacher
from preceptor.spec.document import Spec, Specialization
from preceptor.spec.load import Document
from preceptor.storage import layout
from preceptor.storage.ledger import Ledger
from preceptor.storage.ledger import read_records as read_events
from preceptor.storage.store import Store
from preceptor.storage.tables import read_items, read_records
from preceptor.students.lengths import StudentLengths
from preceptor.synthesis.context import UnitContext
from preceptor.tasks.items import items_of
from preceptor.tasks.prompts import conversation
from preceptor.tasks.scorers import build_scorer
from preceptor.tasks.splits import Split, SplitName, cut


@dataclass(frozen=True)
class Outcome:
    """What a finished run left."""

    report: Report
    """The report, as stored."""
    store: Store
    """The run's directory."""


def run_store(document: Document, storage: str | None, *, probe: bool = False) -> Store:
    """The directory of a document's run under its storage root, or under ``storage`` when given."""
    return Store.open(storage or document.spec.spec.storage.uri, probe=probe).child(document.spec.name)


def examination(document: Document) -> dict[SplitName, Split]:
    """Read the task's items and cut them; raises :class:`TaskError`."""
    task = document.spec.spec.task
    return cut(task, items_of(task, read_items(task.items, document.base_dir)))


def run(
    document: Document,
    *,
    storage: str | None,
    reporter: Audience,
    workforce: Callable[[Spec], Workforce],
    now: Callable[[], float] = time.monotonic,
    again: bool = False,
) -> Outcome:
    """Run a document to its end, or continue the run that its storage holds.

    ``workforce`` is called only when there is work left. ``again`` lets the search of a run that has ended go on under
    a larger budget, after which the private split is read once more. Raises :class:`UserError` for what the user can
    mend, :class:`ApprovalError` when the next step waits for a human, and :class:`BudgetError` when the budget ended
    before a valid dataset.
    """
    clock = Clock(now)
    spec = document.spec.spec
    if spec.suspend:
        raise document.error("spec.suspend", "the run is suspended", "set `suspend: false` to go on; nothing is lost")
    splits = examination(document)
    others = other_tasks(document, splits)
    store = run_store(document, storage, probe=True)
    context = _materials(spec, document.base_dir)
    with Ledger.acquire(store) as ledger:
        state = begin_or_resume(document.spec, document.text, store, ledger, splits, others, again=again)
        if state.published is None:
            _check_keys(spec)
            Screen(spec, build_scorer(spec.task.scorer), Safeguards())  # raises now for a gate that cannot be made
            papers = [other.paper for other in others]
            exam = exam_index(spec, store, splits, context.seeds, tested(state), papers)
            hands = workforce(spec)
            try:
                lengths = hands.prepared(_lengths(spec, document.base_dir))
                context = replace(context, safeguards=Safeguards(exam, lengths))
                root = Store.open(storage or spec.storage.uri)
                with StoredReporter(store, ledger.epoch) as stored:
                    everybody = Both(reporter, stored)
                    everybody.begins(spec, state)
                    composed = Composition(
                        document=document.spec,
                        base_dir=document.base_dir,
                        store=store,
                        splits=splits,
                        others=others,
                        context=context,
                        workforce=hands,
                        reporter=everybody,
                        readings=Readings(root, splits["private"].digest, document.spec.name),
                        now=now,
                    )
                    state = composed.drive(ledger, clock)
            finally:
                # Someone who interrupts does not want to wait for work in progress: it ends with this process.
                if not isinstance(sys.exception(), KeyboardInterrupt):
                    hands.close()
        # Only who wrote the last event writes the report: a driver that was replaced never gets here.
        if state.published is not None and not store.exists(layout.REPORT_JSON):
            write_report(document.spec, store, splits, state, state.published, context)
    if isinstance(waiting := next_step(spec, state), AwaitApproval):
        raise _awaiting(waiting, store)
    report = read_report(store)
    if state.published is not None and state.published.verdict == "no-dataset":
        ended = state.ended.detail if state.ended else ""
        raise BudgetError(
            f"the budget ended before there was a valid dataset ({ended}); "
            f"the report says which rows were dropped and why: {store.uri(layout.REPORT_HTML)}"
        )
    return Outcome(report, store)


def _awaiting(waiting: AwaitApproval, store: Store) -> ApprovalError:
    what = {
        "train": "to train a student on it",
        "publish": "to publish the student that was trained on it; all comparisons are done",
    }[waiting.step]
    card = store.uri(layout.dataset_card(waiting.version))
    return ApprovalError(
        f"the run waits for approval {what}: version {waiting.version}, {card}",
        step=waiting.step,
        mend=f"look at it, add `{waiting.step}` to spec.approval.granted, and run the document again",
    )


def replayed(store: Store, base_dir: Path) -> Iterator[Replayed]:
    """Rebuild every dataset version of a run from its log; see :mod:`preceptor.loop.replay`.

    ``base_dir`` is what relative paths of seeds and pool are relative to. Raises :class:`StorageError` when there is no
    run, or one of a release with other documents.
    """
    events = [from_record(record) for record in read_events(store)]
    state = fold(events)
    if state.started is None:
        raise _no_run(store)
    try:
        spec = Specialization.model_validate(latest_document(events)).spec
    except ValidationError as error:
        mend = "replay it with the release that made it; its first event names it"
        raise StorageError(f"this release cannot read the document of the run in {store.uri()}", mend=mend) from error
    context = _materials(spec, base_dir)
    exam = exam_index(spec, store, {}, (), tested(state)) if tested(state) else None
    safeguards = Safeguards(exam, _lengths(spec, base_dir))
    return replay(spec, store, state, replace(context, safeguards=safeguards))


def _check_keys(spec: Spec) -> None:
    """Raise :class:`EndpointError` now, rather than after the first examination, when a model's key is missing."""
    for actor in (spec.teacher, spec.engineer):
        if isinstance(actor, OpenAITeacher | LLMEngineer):
            Credentials.of(actor.endpoint)
    neighbours = spec.dataset.gates.contamination.neighbours
    if neighbours is not None:
        Credentials.of(neighbours.endpoint)
        Credentials.of(neighbours.checker.endpoint)


def _lengths(spec: Spec, base_dir: Path) -> StudentLengths:
    """Knows which rows are too long for the student."""
    before = conversation(spec.task, "")[:-1]
    return StudentLengths(spec.student.model, base_dir, before, spec.student.training.max_tokens)


def _materials(spec: Spec, base_dir: Path) -> UnitContext:
    """What the teacher builds on: raw seed questions, the pool."""
    return UnitContext.gather(spec, lambda uri, limit: read_records(uri, base_dir, limit))


def read_state(store: Store) -> RunState:
    """What the ledger says, without touching the lease; raises :class:`StorageError` when there is no run."""
    state = fold(from_record(record) for record in read_events(store))
    if state.started is None:
        raise _no_run(store)
    return state


def _no_run(store: Store) -> StorageError:
    mend = "give the document it was run from, or the run's own directory"
    return StorageError(f"there is no run in {store.uri('')}", mend=mend)


def read_report(store: Store) -> Report:
    """The stored report; raises :class:`StorageError` when the run has not ended."""
    if not store.exists(layout.REPORT_JSON):
        raise StorageError(
            f"the run in {store.uri('')} has no report yet",
            mend="finish it with `preceptor run`; `preceptor status` shows how far it is",
        )
    return Report.model_validate(store.read_json(layout.REPORT_JSON))
