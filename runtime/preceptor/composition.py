"""Composes the parts of a run, and of the comparisons that are runs of their own beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from preceptor.closing.comparisons import Comparisons
from preceptor.closing.other_tasks import OtherTask
from preceptor.closing.parts import Errand, Parts
from preceptor.closing.reading import Readings
from preceptor.engineers.build import build_engineer
from preceptor.engineers.llm.rules import document_check
from preceptor.loop.asking import EngineerLine
from preceptor.loop.event import BASE
from preceptor.loop.events import AnyEvent, Published, from_record
from preceptor.loop.examining import Examinations, Paper
from preceptor.loop.generating import Generation
from preceptor.loop.inspection import Inspection
from preceptor.loop.parts import Reporter, Stage, Workforce
from preceptor.loop.runner import Clock
from preceptor.loop.runner import run as run_loop
from preceptor.loop.safeguards import SelfTest, exam_index, protected
from preceptor.loop.schooling import Schooling
from preceptor.loop.state import RunState, fold
from preceptor.loop.steps import Steps
from preceptor.opening import begin_or_resume
from preceptor.report.build import build_report
from preceptor.report.page import render_page
from preceptor.report.schema import Report
from preceptor.spec.actors import LLMEngineer
from preceptor.spec.document import Specialization
from preceptor.storage import layout
from preceptor.storage.ledger import Ledger
from preceptor.storage.store import Store
from preceptor.synthesis.context import UnitContext
from preceptor.tasks.scorers import build_scorer
from preceptor.tasks.splits import Split, SplitName


@dataclass(frozen=True)
class Composition:
    """One run with everything it works with."""

    document: Specialization
    """The document as run."""
    base_dir: Path
    """Directory of the document."""
    store: Store
    """The run's directory in storage."""
    splits: dict[SplitName, Split]
    """The examination."""
    others: Sequence[OtherTask]
    """The tasks of ``evaluation.forgetting``, which no row may copy."""
    context: UnitContext
    """What rows are made from, and what they must not be."""
    workforce: Workforce
    """Does the work."""
    reporter: Reporter
    """Is told about it."""
    readings: Readings
    """Who has read the private split."""
    now: Callable[[], float]
    """A monotonic clock."""

    def drive(self, ledger: Ledger, clock: Clock) -> RunState:
        """Take the run to its end, and give its state."""
        return run_loop(self.document.spec, ledger, self._steps(ledger.epoch), self.reporter, clock)

    def _steps(self, epoch: int) -> Steps:
        spec, store, context = self.document.spec, self.store, self.context
        papers = [other.paper for other in self.others]
        questions = protected(spec, self.splits, context.seeds, papers)
        inspection = Inspection(spec, store, reporter=self.reporter, protected=questions, epoch=epoch)
        line = EngineerLine(spec.engineer, store, epoch) if isinstance(spec.engineer, LLMEngineer) else None
        generation = Generation(spec, store, self.workforce, self.reporter, context, epoch, inspection)
        schooling = Schooling(spec, self.base_dir, store, self.workforce, self.reporter)
        examinations = Examinations(spec, self.base_dir, store, self.workforce, self.reporter)
        parts = Parts(
            document=self.document,
            base_dir=self.base_dir,
            store=store,
            splits=self.splits,
            generation=generation,
            schooling=schooling,
            examinations=examinations,
            reporter=self.reporter,
            epoch=epoch,
            arm=lambda errand: self._arm(errand, examinations),
            other_tasks={other.document: other for other in self.others},
        )
        scorer = build_scorer(spec.task.scorer)
        return Steps(
            spec=spec,
            store=store,
            splits=self.splits,
            engineer=build_engineer(spec.engineer, line=line, check=document_check(spec)),
            line=line,
            self_test=SelfTest(spec, store, self.splits, scorer, context.safeguards, len(context.seeds), papers),
            generation=generation,
            schooling=schooling,
            examinations=examinations,
            closing=Comparisons(parts, self.readings),
        )

    def _arm(self, errand: Errand, examinations: Examinations) -> RunState:
        """Run a comparison's own document below this run; see :data:`preceptor.closing.parts.Arm`.

        Hands, tokenizer and examination are this run's; ledger, the gates' test, log and report are its own.
        """
        clock, store = Clock(self.now), self.store.child(errand.directory)
        with Ledger.acquire(store) as ledger:
            state = fold(from_record(record) for record in ledger.records)
            if state.published is None:
                text = json.dumps(errand.document.canonical(), indent=2, ensure_ascii=False)
                state = begin_or_resume(errand.document, text, store, ledger, self.splits)
                self._hand_over(examinations, store)
                state = self._within(errand, store, state).drive(ledger, clock)
            assert state.published is not None
            if not store.exists(layout.REPORT_JSON):
                write_report(errand.document, store, self.splits, state, state.published, self.context)
        return state

    def _within(self, errand: Errand, store: Store, state: RunState) -> Composition:
        papers = [other.paper for other in self.others]
        exam = exam_index(errand.document.spec, store, self.splits, self.context.seeds, tested(state), papers)
        safeguards = replace(self.context.safeguards, exam=exam)
        return replace(
            self,
            document=errand.document,
            store=store,
            context=replace(self.context, safeguards=safeguards),
            reporter=Within(self.reporter, errand.title),
            readings=replace(self.readings, root=None, within=errand.reading),
        )

    def _hand_over(self, examinations: Examinations, store: Store) -> None:
        """Give a comparison the answers of the untrained student, which are the same there."""
        for split in self.splits.values():
            path = layout.evaluation(examinations.id(BASE, Paper.of(split, self.document.spec.task)))
            if self.store.exists(path):
                with suppress(FileExistsError):
                    store.create(path, self.store.read(path))


@dataclass(frozen=True)
class Within:
    """Tells a run's reporter of a comparison that is a run of its own."""

    outer: Reporter
    """The run's."""
    title: str
    """What the comparison is called."""

    def stage(self, title: str, total: int | None) -> AbstractContextManager[Stage]:
        """See :class:`preceptor.loop.parts.Reporter`."""
        return self.outer.stage(f"{self.title}: {title}", total)

    def happened(self, event: AnyEvent, within: str = "") -> None:
        """See :class:`preceptor.loop.parts.Reporter`."""
        self.outer.happened(event, f"{self.title}: {within}" if within else self.title)


def tested(state: RunState) -> str:
    """Digest of the index of the examination that the run's gates were tested with; empty before, and without one."""
    return state.safeguards.index if state.safeguards else ""


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
