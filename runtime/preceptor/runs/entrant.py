"""What a comparison knows of a run: read from its ledger and its evaluations, never from its report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from preceptor.errors import StorageError
from preceptor.evaluation import statistics
from preceptor.loop.events import (
    BASE,
    ControlEnded,
    DocumentChanged,
    RunStarted,
    SkillRemoved,
    SuiteExamined,
    from_record,
)
from preceptor.loop.state import RunState, fold
from preceptor.recipes.amount import Amount
from preceptor.report.answers import Answers, Sheet, finalists, sheet
from preceptor.report.comparisons import UNTRAINED
from preceptor.runs.schema import Identity
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store

Array = NDArray[np.float64]
NOTHING = ("no-improvement", "no-dataset")
"""Verdicts of runs that end with the untrained student; its gain is 0."""


@dataclass(frozen=True)
class Cost:
    """What something used up."""

    amount: Amount
    """Rows made, requests, tokens and money."""
    seconds: float
    """Wall-clock time."""


@dataclass(frozen=True)
class Result:
    """How one way to make data did on one examination."""

    who: Identity
    """Whose it is."""
    run: str
    """The run that it belongs to."""
    cost: Cost
    """What it used up."""
    attempts: int = 0
    """Attempts that it made."""
    valid: int = 0
    """Those that gave a valid dataset."""
    verdict: str = ""
    """The run's; empty for a control."""
    before: Sheet | None = None
    """The untrained student's answers to private; ``None`` when it stayed closed, because no version was any better."""
    after: Sheet | None = None
    """The students' answers to it."""
    trained: bool = True
    """Whether they were trained; if not, there is no luck of a training in ``after``."""

    def gain(self, items: int, confidence: float) -> statistics.Gain:
        """What it changed. Nothing, for certain, where nothing was published: the student stays as it was."""
        if self.before is None or self.after is None:
            return statistics.Gain(0.0, 0.0, 0.0, 0.0, 1, items, items, 0.0, 0.0, confidence=confidence)
        after = self.after.values if self.trained else self.after.means
        return statistics.difference(self.before.means, after, clusters=self.before.clusters, confidence=confidence)


@dataclass(frozen=True)
class Entrant:
    """A run that takes part."""

    name: str
    """Its name."""
    where: str
    """Its directory."""
    task: str
    """Names the private items, what stands around them, how answers are judged, and the student: equal only where
    gains may be averaged and answers paired."""
    digest: str
    """Digest of the private items."""
    student: str
    """The student's model."""
    items: int
    """Private items."""
    confidence: float
    """Of intervals, as its document wants."""
    unfinished: str
    """Why it is not counted; empty when it has ended."""
    results: tuple[Result, ...] = ()
    """Its own result, then those of its controls."""


def read_entrant(store: Store) -> Entrant:
    """A run in a directory.

    Raises:
        StorageError: there is no run, or its ledger or an evaluation cannot be read.
    """
    events = [from_record(record) for record in read_records(store)]
    state = fold(events)
    if state.started is None:
        mend = "give the document it was run from, or the run's own directory"
        raise StorageError(f"there is no run in {store.uri()}", mend=mend)
    document = next(event.document for event in reversed(events) if isinstance(event, RunStarted | DocumentChanged))
    digest = state.started.splits["private"]
    try:
        spec, name = document["spec"], document["metadata"]["name"]
        task, student = spec["task"], spec["student"]["model"]
        frame = [digest, student, task["scorer"], task["system"], task["fewShot"]]
        confidence, who = spec["evaluation"]["confidence"], _identity(spec)
    except (KeyError, TypeError, ValidationError) as error:
        mend = "compare it with the release that made it; its first event names it"
        raise StorageError(f"this release cannot read the document of the run in {store.uri()}", mend=mend) from error
    return Entrant(
        name=name,
        where=store.uri(),
        task=json.dumps(frame, sort_keys=True),
        digest=digest,
        student=student,
        items=state.started.items["private"],
        confidence=confidence,
        unfinished=_unfinished(state),
        results=() if state.published is None else tuple(_results(name, who, Answers(store, state))),
    )


def _unfinished(state: RunState) -> str:
    if state.published is not None:
        return ""
    if state.opened:
        return "its controls and other comparisons are under way"
    done = len(state.iterations)
    search = "its search has ended" if state.ended else "it is searching"
    return f"{search}, after {done} iteration{'' if done == 1 else 's'}"


def _results(name: str, who: Identity, answers: Answers) -> list[Result]:
    state = answers.state
    assert state.published is not None
    compared: list[ControlEnded | SuiteExamined | SkillRemoved] = [
        *state.controls.values(),
        *state.suites.values(),
        *state.removals.values(),
    ]
    students = _finalists(state, name)
    own = Result(
        who=who,
        run=name,
        cost=Cost(
            state.spent_on_teacher + state.spent_on_engineer,
            max(state.elapsed - sum(event.seconds for event in compared), 0.0),
        ),
        attempts=len(state.attempts),
        valid=state.valid_attempts,
        verdict=state.published.verdict,
        before=answers.sheet("private", BASE) if students else None,
        after=answers.sheet("private", *students) if students else None,
    )
    return [own, *(_control(own, event, answers) for event in state.controls.values() if _counts(event))]


def _finalists(state: RunState, name: str) -> list[str]:
    """Students that answered private, by their seeds; none where nothing was any better than the untrained one.

    Earlier releases did not note that private was opened, so this does not ask for it.
    """
    assert state.published is not None
    if state.published.verdict in NOTHING:
        return []
    found = [event.training for event in finalists(state)]
    if not found:
        raise StorageError(
            f"the run {name} ended with `{state.published.verdict}`, and its ledger names no student that was examined",
            mend="restore the run's ledger from a copy",
        )
    return found


def _counts(event: ControlEnded) -> bool:
    return not event.skipped and event.split == "private"


def _control(own: Result, event: ControlEnded, answers: Answers) -> Result:
    spent = Amount.from_data(event.spent)
    return Result(
        who=own.who.model_copy(update={"control": event.control}),
        run=own.run,
        cost=Cost(Amount(event.made, spent.requests, spent.tokens, spent.picodollars), event.seconds),
        before=own.before if event.scores else None,
        after=sheet(answers.control(event)) if event.scores else None,
        trained=event.control not in UNTRAINED,
    )


def _identity(spec: Mapping[str, Any]) -> Identity:
    """From the document as the ledger holds it: documents of other releases, which have other sections, can be read."""
    engineer = spec["engineer"]
    return Identity(
        engineer=engineer["kind"],
        model=engineer.get("model"),
        strategy=engineer.get("strategy"),
        with_seeds=spec["task"]["seeds"] is not None,
    )
