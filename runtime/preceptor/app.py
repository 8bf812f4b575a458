"""Puts the parts of a run together: from a document to its outcome."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from preceptor import __version__
from preceptor.closing.comparisons import Comparisons
from preceptor.closing.other_tasks import OtherTask, other_tasks
from preceptor.closing.parts import Parts
from preceptor.closing.reading import Readings
from preceptor.endpoints.credentials import Credentials
from preceptor.engineers.build import build_engineer
from preceptor.engineers.llm.rules import document_check
from preceptor.errors import BudgetError, ResumeError, StorageError
from preceptor.gates.gate import Safeguards, Screen
from preceptor.loop.asking import EngineerLine
from preceptor.loop.events import AnyEvent, DocumentChanged, Published, RunStarted, from_record, to_data
from preceptor.loop.examining import Examinations
from preceptor.loop.generating import Generation
from preceptor.loop.inspection import Inspection
from preceptor.loop.parts import Audience, Reporter, Workforce
from preceptor.loop.replay import Replayed, replay
from preceptor.loop.runner import Clock
from preceptor.loop.runner import run as run_loop
from preceptor.loop.safeguards import SelfTest, exam_index, protected
from preceptor.loop.schooling import Schooling
from preceptor.loop.state import RunState, fold
from preceptor.loop.steps import Steps
from preceptor.loop.telling import Both, StoredReporter
from preceptor.report.build import build_report
from preceptor.report.page import render_page
from preceptor.report.schema import Report
from preceptor.spec.actors import LLMEngineer, OpenAITeacher
from preceptor.spec.changes import changed_fields, document_digest, resume_problems
from preceptor.spec.document import Spec, Specialization
from preceptor.spec.load import Document
from preceptor.storage import layout
from preceptor.storage.ledger import Ledger
from preceptor.storage.ledger import read_records as read_events
from preceptor.storage.store import Store
from preceptor.storage.tables import read_files, read_records
from preceptor.students.lengths import StudentLengths
from preceptor.synthesis.context import UnitContext
from preceptor.tasks.items import items_of
from preceptor.tasks.prompts import conversation
from preceptor.tasks.scorers import build_scorer
from preceptor.tasks.splits import Split, SplitName, cut

MATTERS = ("torch", "transformers", "peft", "deepspeed", "ray", "faker", "reasoning-gym", "jinja2", "numpy")
"""Packages whose versions decide what is computed; recorded when a run begins."""


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
    return cut(task, items_of(task, read_files(task.items.uri, document.base_dir, task.items.limit)))


def run(
    document: Document,
    *,
    storage: str | None,
    reporter: Audience,
    workforce: Callable[[Spec], Workforce],
    now: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Run a document to its end, or continue the run that its storage holds.

    ``workforce`` is called only when there is work left. Raises :class:`UserError` for what the user can mend and
    :class:`BudgetError` when the budget ended before a valid dataset.
    """
    clock = Clock(now)
    spec = document.spec.spec
    splits = examination(document)
    others = other_tasks(document, splits)
    store = run_store(document, storage, probe=True)
    context = _materials(spec, document.base_dir)
    with Ledger.acquire(store) as ledger:
        state = _begin_or_resume(document, store, ledger, splits, others)
        if state.published is None:
            _check_keys(spec)
            Screen(spec, build_scorer(spec.task.scorer), Safeguards())  # raises now for a gate that cannot be made
            papers = [other.paper for other in others]
            exam = exam_index(spec, store, splits, context.seeds, _tested(state), papers)
            hands = workforce(spec)
            try:
                lengths = hands.prepared(_lengths(spec, document.base_dir))
                context = replace(context, safeguards=Safeguards(exam, lengths))
                root = Store.open(storage or spec.storage.uri)
                with StoredReporter(store, ledger.epoch) as stored:
                    everybody = Both(reporter, stored)
                    everybody.begins(spec, state)
                    steps = _steps(document, store, root, splits, others, context, ledger.epoch, hands, everybody)
                    state = run_loop(spec, ledger, steps, everybody, clock)
            finally:
                # Someone who interrupts does not want to wait for work in progress: it ends with this process.
                if not isinstance(sys.exception(), KeyboardInterrupt):
                    hands.close()
        # Only who wrote the last event writes the report: a driver that was replaced never gets here.
        if state.published is not None and not store.exists(layout.REPORT_JSON):
            write_report(document.spec, store, splits, state, state.published, context)
    report = read_report(store)
    if state.published is not None and state.published.verdict == "no-dataset":
        ended = state.ended.detail if state.ended else ""
        raise BudgetError(
            f"the budget ended before there was a valid dataset ({ended}); "
            f"the report says which rows were dropped and why: {store.uri(layout.REPORT_HTML)}"
        )
    return Outcome(report, store)


def _begin_or_resume(
    document: Document, store: Store, ledger: Ledger, splits: dict[SplitName, Split], others: Sequence[OtherTask]
) -> RunState:
    state = fold(from_record(record) for record in ledger.records)
    canonical = document.spec.canonical()
    if state.started is None:
        store.write(layout.SPEC, document.text.encode())
        event: AnyEvent = RunStarted(
            document=canonical,
            document_digest=document_digest(document.spec),
            splits={name: split.digest for name, split in splits.items()},
            items={name: len(split.items) for name, split in splits.items()},
            versions=_versions(),
            suites={other.document: other.digest for other in others},
        )
        ledger.append(event.type, to_data(event))
        return fold([event])
    known = _latest_document(ledger)
    _refuse_other_run(known, document, store, state.started.splits, splits)
    _refuse_other_suites(store, state.started.suites, others)
    changes = changed_fields(known, canonical)
    if state.published is not None and any(change.path.startswith("spec.budget") for change in changes):
        raise ResumeError(
            f"the run in {store.uri()} has ended and its private split was read, so a larger budget cannot reopen it",
            mend="restore spec.budget, or give a new run another metadata.name",
        )
    if changes:
        store.write(layout.SPEC, document.text.encode())
        event = DocumentChanged(
            document=canonical, changes=tuple(str(change) for change in changes), elapsed=state.elapsed
        )
        ledger.append(event.type, to_data(event))
    return state


def _refuse_other_run(
    known: dict[str, object],
    document: Document,
    store: Store,
    digests: Mapping[str, str],
    splits: dict[SplitName, Split],
) -> None:
    """Raise :class:`ResumeError` when the storage holds a run of another document or of other items."""
    where = store.uri()
    mend = "restore these fields, or give the new run another metadata.name"
    problems = resume_problems(known, document.spec.canonical())
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise ResumeError(f"the document changed since the run in {where} began:\n{lines}", mend=mend)
    other = [name for name, split in splits.items() if digests.get(name) != split.digest]
    if other:
        raise ResumeError(
            f"the items of {', '.join(other)} changed since the run in {where} began (task.items.uri)", mend=mend
        )


def _refuse_other_suites(store: Store, digests: Mapping[str, str], others: Sequence[OtherTask]) -> None:
    """Raise :class:`ResumeError` when a task of ``evaluation.forgetting`` is not what the run began with."""
    changed = [other.document for other in others if digests.get(other.document) != other.digest]
    if changed:
        raise ResumeError(
            f"what {', '.join(changed)} asks changed since the run in {store.uri()} began: its items, its splits, its "
            "scorer or what stands around its questions (spec.evaluation.forgetting)",
            mend="restore them, or give the new run another metadata.name",
        )


def _latest_document(ledger: Ledger) -> dict[str, object]:
    events = (from_record(record) for record in ledger.records)
    documents = [event.document for event in events if isinstance(event, RunStarted | DocumentChanged)]
    return documents[-1]


def _steps(
    document: Document,
    store: Store,
    root: Store,
    splits: dict[SplitName, Split],
    others: Sequence[OtherTask],
    context: UnitContext,
    epoch: int,
    workforce: Workforce,
    reporter: Reporter,
) -> Steps:
    spec = document.spec.spec
    scorer = build_scorer(spec.task.scorer)
    papers = [other.paper for other in others]
    questions = protected(spec, splits, context.seeds, papers)
    inspection = Inspection(spec, store, reporter=reporter, protected=questions, epoch=epoch)
    line = EngineerLine(spec.engineer, store, epoch) if isinstance(spec.engineer, LLMEngineer) else None
    generation = Generation(spec, store, workforce, reporter, context, epoch, inspection)
    schooling = Schooling(spec, document.base_dir, store, workforce, reporter)
    examinations = Examinations(spec, document.base_dir, store, workforce, reporter)
    parts = Parts(
        document=document.spec,
        base_dir=document.base_dir,
        store=store,
        splits=splits,
        generation=generation,
        schooling=schooling,
        examinations=examinations,
        reporter=reporter,
        epoch=epoch,
        arm=_arm,
        other_tasks={other.document: other for other in others},
    )
    return Steps(
        spec=spec,
        store=store,
        splits=splits,
        engineer=build_engineer(spec.engineer, line=line, check=document_check(spec)),
        line=line,
        self_test=SelfTest(spec, store, splits, scorer, context.safeguards, len(context.seeds), papers),
        generation=generation,
        schooling=schooling,
        examinations=examinations,
        closing=Comparisons(parts, Readings(root, splits["private"].digest, document.spec.name)),
    )


def _arm(document: Specialization, directory: str) -> RunState:
    raise NotImplementedError


def write_report(
    document: Specialization,
    store: Store,
    splits: dict[SplitName, Split],
    state: RunState,
    published: Published,
    context: UnitContext,
) -> Report:
    """Write ``report.json`` and the page beside it."""
    report = build_report(document, store, splits, state, published, context)
    store.write(layout.REPORT_HTML, render_page(report).encode())
    store.write_json(layout.REPORT_JSON, report.model_dump(mode="json", by_alias=True))
    return report


def replayed(store: Store, base_dir: Path) -> Iterator[Replayed]:
    """Rebuild every dataset version of a run from its log; see :mod:`preceptor.loop.replay`.

    ``base_dir`` is what relative paths of seeds and pool are relative to.
    """
    events = [from_record(record) for record in read_events(store)]
    documents = [event.document for event in events if isinstance(event, RunStarted | DocumentChanged)]
    if not documents:
        raise _no_run(store)
    spec = Specialization.model_validate(documents[-1]).spec
    state, context = fold(events), _materials(spec, base_dir)
    exam = exam_index(spec, store, {}, (), _tested(state)) if _tested(state) else None
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


def _tested(state: RunState) -> str:
    """Digest of the index of the examination that the run's gates were tested with; empty before, and without one."""
    return state.safeguards.index if state.safeguards else ""


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


def _versions() -> dict[str, str]:
    installed = {"preceptor": __version__}
    for name in MATTERS:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed
