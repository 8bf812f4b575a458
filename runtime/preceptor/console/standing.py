"""Where a run stands, for people and for scripts: the object that ``preceptor status --json`` prints, and its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from preceptor.console.remaining import remaining
from preceptor.loop.decide import tries
from preceptor.loop.event import BASE
from preceptor.loop.state import RunState
from preceptor.loop.telling import Standing
from preceptor.printable import printable
from preceptor.recipes.amount import Amount
from preceptor.spec.base import Stored
from preceptor.spec.document import Spec
from preceptor.storage.progress import StageProgress

_SHORT = 90.0  # seconds that are told as seconds
_HOUR = 3600.0


class Used(Stored):
    """What is used up of something."""

    spent: int | float
    """So far, the step in progress included."""
    limit: int | float | None = None
    """What the document allows; ``null`` without a limit."""


class BestSoFar(Stored):
    """The best version so far."""

    version: str
    """The version."""
    training: str
    """Its student."""
    selection: float
    """Mean score of that student on the selection split, in [0, 1]."""
    untrained: float
    """Mean score of the untrained student there."""


class TimeLeft(Stored):
    """Seconds until the outcome, judged by what earlier steps took."""

    low: float
    """If the search ends as soon as patience allows."""
    high: float
    """At most, if nothing gets slower."""


class DriverStatus(Stored):
    """The process that carries the run out."""

    epoch: int
    """Counts drivers of the run, from 1."""
    condition: Literal["working", "released", "silent", "gone"]
    """``released``: it let the run go; ``silent``: not heard of for so long that another may take over; ``gone``: it
    was on this machine and its process has ended."""
    seen: float
    """Seconds since it was last heard of."""


class RunStatus(Stored):
    """Where a run stands. Keys are only ever added."""

    run: str
    """The run's directory, as a path or URI."""
    phase: Literal["searching", "finishing", "finished"]
    """``finishing``: the search is over; finalists, the private split and comparisons."""
    verdict: str | None = None
    """The outcome of a finished run."""
    ended: str | None = None
    """Why the search is over, in words."""
    elapsed: float
    """Seconds that drivers have been active."""
    events: int
    """Events in the ledger."""
    iterations: Used
    """Versions trained, examined and judged."""
    attempts: Used
    """Proposals, valid or not."""
    best: BestSoFar | None = None
    """The best version; ``null`` while nothing beat the untrained student."""
    requests: Used
    """Requests to the teacher."""
    tokens: Used
    """Tokens of teacher and engineer."""
    usd: Used
    """Dollars for teacher and engineer."""
    stage: StageProgress | None = None
    """The step in progress, as its driver last told."""
    written: float | None = None
    """Seconds since the driver told; ``null`` when it never did."""
    left: TimeLeft | None = None
    """How long it takes yet; ``null`` while nobody knows, and when nobody works on it."""
    driver: DriverStatus | None = None
    """The last process that carried it out."""


def run_status(run: str, spec: Spec | None, standing: Standing, *, events: int = 0) -> RunStatus:
    """Where a run stands; without ``spec``, of a document that this release cannot read, limits are not known."""
    state, stage = standing.state, standing.stage
    budget = spec.budget if spec else None
    spent = replace(state.spent_on_engineer, requests=0) + state.spent_on_teacher + state.spent_on_controls
    spent = spent + Amount.from_data(stage.spent if stage else {})
    span = None
    if spec is not None:
        since = max(0.0, standing.elapsed - state.elapsed)
        span = remaining(spec, state, since=since, left=stage.left if stage else None)
    return RunStatus(
        run=run,
        phase="finished" if state.published else "finishing" if state.ended else "searching",
        verdict=state.published.verdict if state.published else None,
        ended=(state.ended.detail or state.ended.reason) if state.ended else None,
        elapsed=standing.elapsed,
        events=events,
        iterations=Used(spent=len(state.iterations), limit=budget and budget.iterations),
        attempts=Used(spent=len(state.attempts), limit=tries(spec) if spec else None),
        best=_best(state),
        requests=Used(spent=spent.requests, limit=budget and budget.teacher_requests),
        tokens=Used(spent=spent.tokens, limit=budget and budget.tokens),
        usd=Used(spent=spent.usd, limit=budget and budget.usd),
        stage=stage,
        left=None if span is None else TimeLeft(low=round(span.low, 1), high=round(span.high, 1)),
    )


def _best(state: RunState) -> BestSoFar | None:
    judged = state.best.judged if state.best else None
    if judged is None:
        return None
    return BestSoFar(
        version=judged.version,
        training=judged.training,
        selection=state.scores[judged.training, "selection"].value,
        untrained=state.scores[BASE, "selection"].value,
    )


# --- words ---


def overall_lines(status: RunStatus) -> Iterator[str]:
    """How far the run as a whole is, in lines without control characters."""
    yield f"{_phase(status)}, {duration(status.elapsed)} active"
    if status.best is not None:
        best = status.best
        scores = f"{best.selection:.1%} on selection, untrained {best.untrained:.1%}"
        yield printable(f"best so far: {best.version}, {scores}")
    if status.requests.spent or status.tokens.spent:
        figures = (_of(status.requests, "requests"), _of(status.tokens, "tokens"), _money(status.usd))
        yield f"spent: {', '.join(figures)}"
    if status.left is not None and status.phase != "finished":
        yield _left(status.left, searching=status.phase == "searching")


def stage_line(stage: StageProgress) -> str:
    """The step in progress, in one line without control characters."""
    figures = []
    if stage.total is not None:
        figures.append(f"{stage.done:,} of {stage.total:,}")
    figures += stage_figures(stage)
    return printable(f"{stage.title}: {', '.join(figures)}")


def stage_figures(stage: StageProgress) -> list[str]:
    """What there is to say of a step beside its title and how much of it is done."""
    spent = Amount.from_data(stage.spent)
    figures = []
    if spent.rows:
        figures.append(f"{spent.rows:,} rows made")
    if spent.requests or spent.tokens:
        figures.append(f"{spent.requests:,} requests, {spent.tokens:,} tokens, ${spent.usd:.2f}")
    figures.append(f"{duration(stage.seconds)} so far")
    if stage.rate and stage.left is not None:
        figures.append(f"{_rate(stage.rate)}, about {duration(stage.left)} left")
    return figures


def duration(seconds: float) -> str:
    """So many seconds as people say it."""
    if seconds < _SHORT:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / 60:.0f} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def _phase(status: RunStatus) -> str:
    if status.phase == "finished":
        return f"finished: {(status.verdict or '').replace('-', ' ')}"
    if status.phase == "finishing":
        return printable(f"finalists, private examination and comparisons ({status.ended})")
    limit = "" if status.iterations.limit is None else f" of at most {status.iterations.limit:.0f}"
    return f"searching: {status.iterations.spent:.0f}{limit} iterations done"


def _of(used: Used, what: str) -> str:
    limit = "" if used.limit is None else f" of {used.limit:,.0f}"
    return f"{used.spent:,.0f}{limit} {what}"


def _money(used: Used) -> str:
    return f"${used.spent:,.2f}" + ("" if used.limit is None else f" of ${used.limit:,.2f}")


def _left(left: TimeLeft, *, searching: bool) -> str:
    low, high = duration(left.low), duration(left.high)
    if low == high:
        return f"about {high} left"
    return f"at most about {high} left, {low} if patience ends the search" if searching else f"{low} to {high} left"


def _rate(rate: float) -> str:
    return f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.1f} a minute"
