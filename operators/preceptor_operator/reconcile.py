"""What to do about a Specialization, decided from what was last seen of it and its children. Pure and level-triggered.

An attempt is begun in three steps that may each be the operator's last: the status names its number, its ConfigMap and
its RayJob are applied, and the next look, which sees the RayJob, notes its name. A number without a noted name is
therefore an attempt still to be begun; a noted name without its RayJob is one that vanished.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from preceptor.spec.status import OperatorStatus
from preceptor_operator.actions import Action, Apply, Delete, Plan, Tell, WriteStatus
from preceptor_operator.conditions import ALL, conditions, holds, moment
from preceptor_operator.deciding import Decision, decide
from preceptor_operator.manifests import Wanted, config_map, ray_job
from preceptor_operator.names import child_name
from preceptor_operator.observed import Observed
from preceptor_operator.settings import Settings
from preceptor_operator.storing import StorageNotSharedError

_WARNINGS = frozenset({"Failed", "Stalled", "BudgetExhausted"})

_ENDED = (
    "the change of spec has no effect, because the run has ended; let its search go on with `preceptor run --again`, "
    "or apply the document under another metadata.name"
)


def reconcile(observed: Observed, settings: Settings, now: datetime) -> Plan:
    """Return what to do now; nothing for an object that is as it should be. ``now`` has a time zone."""
    if observed.deleting:
        return Plan()  # its children carry its uid and go with it
    decision = decide(observed, now)
    begun: tuple[Action, ...] = ()
    if decision.begin:
        try:
            begun = _begin(observed, settings, decision.attempt)
        except StorageNotSharedError as error:
            decision = decision.stalled("StorageNotShared", str(error))
    status = _status(observed, decision, now)
    before = OperatorStatus.model_validate(observed.status.model_dump(include=set(OperatorStatus.model_fields)))
    actions: list[Action] = []
    if status != before:
        actions.append(WriteStatus(status))
    actions += [Delete("RayJob", job.name, job.uid) for job in decision.stop]
    actions += begun
    actions += _tidings(before, status)
    expiry = _expiry(observed, status)
    if expiry is not None and expiry <= now:
        actions.append(Delete("Specialization", observed.name, observed.uid))
    waits = [wait for wait in (decision.again, (expiry - now).total_seconds() if expiry else None) if wait is not None]
    return Plan(tuple(actions), max(0.0, min(waits)) if waits else None)


def _begin(observed: Observed, settings: Settings, attempt: int) -> tuple[Action, ...]:
    assert observed.document is not None
    wanted = Wanted(
        document=observed.document,
        name=observed.name,
        namespace=observed.namespace,
        attempt=attempt,
        uid=observed.uid,
        generation=observed.generation,
        labels=observed.labels or {},
    )
    job = ray_job(wanted, settings)
    return Apply(config_map(wanted)), Apply(job)


def _status(observed: Observed, decision: Decision, now: datetime) -> OperatorStatus:
    before = observed.status
    made = next((job for job in observed.ray_jobs if job.owned and job.attempt == decision.attempt), None)
    started = before.start_time or (moment(made.created) if made else None)
    ended = before.completion_time if before.completion_time and decision.ended else None
    kept = decision.kept
    return OperatorStatus(
        observed_generation=observed.generation,
        phase=decision.phase,
        attempt=decision.attempt,
        failures=decision.failures,
        ray_job=child_name(observed.name, decision.attempt) if decision.made else None,
        start_time=started,
        completion_time=ended or (moment(now) if decision.ended else None),
        conditions=before.conditions
        if kept
        else conditions(decision.holding, before.conditions, decision.about or observed.generation, now),
    )


def _expiry(observed: Observed, status: OperatorStatus) -> datetime | None:
    """When an object that has ended is deleted; never when nobody says."""
    if observed.document is None or status.completion_time is None:
        return None
    seconds = observed.document.spec.compute.ttl_seconds_after_finished
    if seconds is None:
        return None
    return datetime.fromisoformat(status.completion_time) + timedelta(seconds=seconds)


def _tidings(before: OperatorStatus, after: OperatorStatus) -> list[Action]:
    """Return an event for every condition that began to hold, or holds for another reason now."""
    told: list[Action] = []
    for type_ in ALL:
        now, earlier = holds(type_, after.conditions), holds(type_, before.conditions)
        if now is None or (earlier is not None and (earlier.reason, earlier.message) == (now.reason, now.message)):
            continue
        if type_ == "Stalled" and holds("Failed", after.conditions):
            continue  # said once already
        trouble = type_ in _WARNINGS or now.reason in {"PodNotRunning", "BackingOff"}
        told.append(Tell("Warning" if trouble else "Normal", now.reason, f"{type_}: {now.message}"[:1024]))
    if before.completion_time and after.completion_time and before.observed_generation < after.observed_generation:
        told.append(Tell("Warning", "RunHasEnded", _ENDED))
    return told
