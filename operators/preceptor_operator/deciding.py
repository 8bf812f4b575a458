"""Where a Specialization stands and what its next step is. Pure; :mod:`preceptor_operator.reconcile` acts on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from preceptor.spec.document import Specialization
from preceptor.spec.status import Condition, ConditionType, Phase
from preceptor_operator.conditions import Because, holds, moment
from preceptor_operator.manifests import budget_digest
from preceptor_operator.names import child_name
from preceptor_operator.observed import Observed, RayJobView
from preceptor_operator.outcome import ENDED, Outcome, outcome

FIRST_DELAY, LONGEST_DELAY = 10, 360
"""Seconds from a lost attempt to the next, doubled with each loss (as Kubernetes Jobs wait)."""
LOOK_AGAIN = 60.0
"""Seconds after which to look again at what nobody tells us of, such as a stranger's RayJob."""


@dataclass(frozen=True)
class Decision:
    """Where an object stands, and the next step."""

    phase: Phase
    """In one word."""
    attempt: int
    """The newest attempt, the one to be begun included."""
    failures: int = 0
    """Attempts lost in a row."""
    holding: Mapping[ConditionType, Because] = field(default_factory=dict)
    """Conditions that hold."""
    made: bool = False
    """Whether the newest attempt's RayJob has been seen."""
    begin: bool = False
    """Whether to apply the newest attempt's children."""
    stop: tuple[RayJobView, ...] = ()
    """RayJobs to delete."""
    ended: bool = False
    """Whether the run has ended, well or not."""
    kept: bool = False
    """Whether the conditions stay as they are."""
    about: int | None = None
    """The generation that the conditions are about; the object's own when ``None``."""
    again: float | None = None
    """Seconds after which to look again."""

    def stalled(self, reason: str, message: str) -> Decision:
        """The same object when the attempt cannot be begun."""
        holding: dict[ConditionType, Because] = {"Stalled": Because(reason, message)}
        return replace(self, phase="Pending", begin=False, holding=holding, again=LOOK_AGAIN)


def decide(observed: Observed, now: datetime) -> Decision:
    """Return where the object stands. ``now`` has a time zone."""
    newest = max([observed.status.attempt, *(job.attempt for job in observed.ray_jobs if job.owned)])
    job = next((job for job in observed.ray_jobs if job.owned and job.attempt == newest), None)
    look = _Look(observed, now, newest, job)
    if observed.document is None:
        return look.unreadable()
    return look.decided(observed.document)


@dataclass(frozen=True)
class _Look:
    """What was seen of an object, with its newest attempt."""

    observed: Observed
    now: datetime
    newest: int
    job: RayJobView | None

    @property
    def _failures(self) -> int:
        return self.observed.status.failures

    @property
    def _made(self) -> bool:
        """Whether the newest attempt has ever had its RayJob."""
        return self.job is not None or self.observed.status.ray_job == child_name(self.observed.name, self.newest)

    @property
    def _settled(self) -> Condition | None:
        """The condition by which the newest attempt ended the run; it stays when all else is gone."""
        conditions = self.observed.status.conditions
        failed = holds("Failed", conditions)
        return holds("Complete", conditions) or (failed if failed and failed.reason != "InvalidDocument" else None)

    def unreadable(self) -> Decision:
        message = "this release cannot carry the document out: " + "; ".join(self.observed.problems)
        holding: dict[ConditionType, Because] = {"Failed": Because("InvalidDocument", message)}
        if self._settled is not None:  # another release of the operator ended it
            return Decision(
                self.observed.status.phase or "Failed",
                self.newest,
                self._failures,
                made=self._made,
                ended=True,
                kept=True,
            )
        return Decision("Failed", self.newest, self._failures, _failed(holding), made=self._made)

    def decided(self, document: Specialization) -> Decision:
        settled = self._settled
        if settled is not None and not self._tries_again(document, settled):
            phase: Phase = "Complete" if settled.type == "Complete" else "Failed"
            return Decision(phase, self.newest, self._failures, made=self._made, ended=True, kept=True)
        if settled is not None:
            return self._next(document, failures=0, why="the document has changed")
        end = outcome(self.job, self.observed.status.final, self.newest) if self._made else None
        if end is not None and end.verdict in ("published", "no-dataset"):
            return self._complete(end)
        if end is not None and end.verdict == "mistake":
            return self._given_up(end.reason, end.message)
        if document.spec.suspend:
            return self._suspended()
        return self._goes_on(document, end)

    def _goes_on(self, document: Specialization, end: Outcome | None) -> Decision:
        """An object that is to run, whose newest attempt is none, runs, waits for approval or was lost."""
        if end is not None and end.verdict == "approval":
            return self._approval(document, end)
        if holds("Suspended", self.observed.status.conditions) and self._made:
            return self._next(document, failures=0, why="it is resumed")
        if end is not None:
            return self._lost(document, end)
        if self.job is None:
            return self._next(document, failures=self._failures, why="", attempt=max(self.newest, 1))
        if self.job.budget and self.job.budget != budget_digest(document.spec.budget):
            return self._next(document, failures=self._failures, why="the budget has grown")
        return self._underway(self.job)

    def _tries_again(self, document: Specialization, settled: Condition) -> bool:
        """Whether a run that ended without publishing has a document now that may mend it.

        One that has published stays as it is: its private split was read, and reading it once more is for people to
        decide, with ``preceptor run --again``.
        """
        if document.spec.suspend or self.observed.generation <= settled.observed_generation:
            return False
        return settled.type == "Failed" or settled.reason == "BudgetExhausted"

    def _next(self, document: Specialization, *, failures: int, why: str, attempt: int | None = None) -> Decision:
        """Begin the next attempt, or ``attempt``, once no earlier one is left to work on the same storage."""
        number = self.newest + 1 if attempt is None else attempt
        taken = [job for job in self.observed.ray_jobs if not job.owned and job.attempt == number]
        earlier = [job for job in self.observed.ray_jobs if job.owned and job.deployment_status not in ENDED]
        because = f": {why}" if why else ""
        begins: dict[ConditionType, Because] = {
            "Reconciling": Because("Starting", f"attempt {number} is begun{because}"),
        }
        decision = Decision("Pending", number, failures, begins, begin=not earlier)
        if earlier:
            stopping = Because("Stopping", f"attempt {number} is begun when {earlier[0].name} is gone")
            stop = tuple(job for job in earlier if not job.deleting)
            return replace(decision, holding={"Reconciling": stopping}, stop=stop)
        if taken:
            return decision.stalled(
                "NameTaken",
                f"there is a RayJob {taken[0].name} that is not ours; delete it, or give this object another name",
            )
        return decision

    def _underway(self, job: RayJobView) -> Decision:
        decision = Decision("Running", self.newest, self._failures, made=True)
        status = job.deployment_status
        if status == "Running" and not job.deleting:
            return decision
        if job.deleting:
            waits = Because("Stopping", f"{job.name} is being deleted")
        elif status in ("Suspending", "Suspended"):
            waits = Because("Queued", f"{job.name} waits for its queue to admit it")
        elif self.observed.troubles:
            first = self.observed.troubles[0]
            more = f" (and {len(self.observed.troubles) - 1} more)" if len(self.observed.troubles) > 1 else ""
            waits = Because("PodNotRunning", f"{first.pod}: {first.reason}: {first.message}{more}")
        else:
            waits = Because("Starting", f"{job.name} starts: nodes, images, Ray")
        phase: Phase = "Pending" if waits.reason in ("Queued", "Stopping") else "Starting"
        return replace(decision, phase=phase, holding={"Reconciling": waits})

    def _suspended(self) -> Decision:
        running = [job for job in self.observed.ray_jobs if job.owned and job.deployment_status not in ENDED]
        because = Because(
            "SuspendRequested", "spec.suspend is true; what was finished is kept. Set it to false to go on"
        )
        return Decision(
            "Suspended",
            self.newest,
            self._failures,
            {"Suspended": because},
            made=self._made,
            stop=tuple(job for job in running if not job.deleting),
        )

    def _approval(self, document: Specialization, end: Outcome) -> Decision:
        step = end.final.step if end.final else None
        newer = self.job is not None and self.observed.generation > self.job.generation
        if step in document.spec.approval.granted or (step is None and newer):
            return self._next(document, failures=0, why="approval was granted")
        message = end.message or f"add `{step}` to spec.approval.granted to go on"
        holding: dict[ConditionType, Because] = {"AwaitingApproval": Because("ApprovalNeeded", message)}
        return Decision("AwaitingApproval", self.newest, 0, holding, made=True)

    def _lost(self, document: Specialization, end: Outcome) -> Decision:
        limit = document.spec.compute.backoff_limit
        failures = self._failures + 1
        said = f"attempt {self.newest} was lost ({end.reason}: {end.message})"
        waited = holds("Reconciling", self.observed.status.conditions)
        if waited is not None and waited.reason == "PodNotRunning":
            said = f"{said} after {waited.message}"
        if failures > limit:
            mend = "its log and events say why; change the document, or raise spec.compute.backoffLimit, to try again"
            return self._given_up(
                "BackoffLimitExceeded", f"{said}, and spec.compute.backoffLimit ({limit}) allows no more: {mend}"
            )
        ended = self.job.ended if self.job is not None else None
        due = ended + timedelta(seconds=min(FIRST_DELAY * 2 ** (failures - 1), LONGEST_DELAY)) if ended else self.now
        if due <= self.now:
            return self._next(document, failures=failures, why=said)
        because = Because("BackingOff", f"{said}; attempt {self.newest + 1} begins at {moment(due)}")
        wait = (due - self.now).total_seconds()
        return Decision("Pending", self.newest, self._failures, {"Reconciling": because}, made=True, again=wait)

    def _complete(self, end: Outcome) -> Decision:
        holding: dict[ConditionType, Because] = {}
        if end.verdict == "no-dataset":
            holding["Complete"] = holding["BudgetExhausted"] = Because("BudgetExhausted", end.message)
        else:
            holding["Complete"] = Because(end.reason, end.message)
            if end.final is not None and end.final.budget is not None:
                words = f"spec.budget.{end.final.budget} ended the search"
                holding["BudgetExhausted"] = Because("BudgetExhausted", words)
        return Decision("Complete", self.newest, 0, holding, made=True, ended=True, about=self._carried_out)

    def _given_up(self, reason: str, message: str) -> Decision:
        holding = _failed({"Failed": Because(reason, message)})
        failures = self._failures
        return Decision("Failed", self.newest, failures, holding, made=True, ended=True, about=self._carried_out)

    @property
    def _carried_out(self) -> int | None:
        """The generation that the newest attempt carried out, where it is known."""
        return self.job.generation or None if self.job is not None else None


def _failed(holding: Mapping[ConditionType, Because]) -> dict[ConditionType, Because]:
    return {**holding, "Stalled": holding["Failed"]}
