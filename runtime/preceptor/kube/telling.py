"""From where a run stands to the driver's part of a Specialization's status. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from preceptor.console.standing import RunStatus
from preceptor.errors import ApprovalError, BudgetError, FencedError, PreceptorError, UserError
from preceptor.loop.state import RunState
from preceptor.report.schema.report import Report
from preceptor.spec.status import Best, DriverStatus, Final, Progress, Spent

LIMITS = frozenset({"attempts", "wallClock", "rows", "teacherRequests", "tokens", "usd"})
"""Budgets that end a search before its time; that all iterations are done is its usual end."""
INTERRUPTED = 130
"""Exit code of a driver that was told to end."""
LONGEST = 2048
"""Characters of a message in the status; a log has all of it."""


def driver_status(status: RunStatus, attempt: int, now: datetime) -> DriverStatus:
    """What there is to tell of a run that goes on. ``now`` has a time zone."""
    stage, best = status.stage, status.best
    progress = Progress(
        attempt=attempt,
        phase=status.phase,
        iteration=int(status.iterations.spent),
        iterations=int(status.iterations.limit or 0),
        stage=stage.title if stage else None,
        done=stage.done if stage else None,
        total=stage.total if stage else None,
        seconds_left=round(status.left.high) if status.left else None,
        updated=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    spent = Spent(
        seconds=round(status.elapsed),
        requests=int(status.requests.spent),
        tokens=int(status.tokens.spent),
        usd=f"{status.usd.spent:.2f}",
    )
    found = None
    if best is not None:
        found = Best(
            version=best.version, selection=f"{100 * best.selection:.1f}", untrained=f"{100 * best.untrained:.1f}"
        )
    return DriverStatus(progress=progress, spent=spent, best=found)


def published(report: Report, state: RunState, attempt: int, where: str) -> Final:
    """The last word of a driver that published; ``where`` is the report's URI."""
    private = report.private
    gain = None
    if private is not None:
        low, high = private.interval
        gain = f"{private.gain_points:+.1f} ({low:+.1f}..{high:+.1f})"
    reason = state.ended.reason if state.ended else None
    return Final(
        attempt=attempt,
        exit_code=0,
        reason="Published",
        message=report.sentence[:LONGEST],
        verdict=report.verdict,
        budget=reason if reason in LIMITS else None,
        gain=gain,
        version=report.published_version,
        report=where,
    )


def failed(error: BaseException, attempt: int) -> Final:
    """The last word of a driver that did not publish.

    A user's mistake is told in full, with its mend. Of what nobody foresaw only the kind of error is told: its text may
    hold anything, and the log has it.
    """
    code = exit_code(error)
    if isinstance(error, ApprovalError):
        message = f"{error.message}; {error.mend}"
        step = error.step if error.step in ("train", "publish") else None
        return Final(attempt=attempt, exit_code=code, reason="ApprovalNeeded", message=message[:LONGEST], step=step)
    if isinstance(error, KeyboardInterrupt):
        return Final(attempt=attempt, exit_code=code, reason="Interrupted", message="the driver was told to end")
    if isinstance(error, PreceptorError):
        reason = "BudgetExhausted" if isinstance(error, BudgetError) else type(error).__name__
        return Final(attempt=attempt, exit_code=code, reason=reason, message=" ".join(str(error).split())[:LONGEST])
    message = f"{type(error).__name__}; the driver's log has the traceback"
    return Final(attempt=attempt, exit_code=code, reason="UnexpectedError", message=message)


def exit_code(error: BaseException) -> int:
    """What the driver exits with: 2 only for what a user has to mend before another attempt can do better."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, FencedError):
        return 1  # another attempt of the same run: a matter of time
    if isinstance(error, UserError | PreceptorError):
        return error.exit_code
    return 1
