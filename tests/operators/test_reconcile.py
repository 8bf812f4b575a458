"""What the operator decides: a table of states, and a world in which it is killed between any two actions."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from preceptor.spec.document import Specialization
from preceptor.spec.status import OperatorStatus, Status
from preceptor_operator.actions import Action, Apply, Delete, Plan, Tell, WriteStatus
from preceptor_operator.observed import Observed, RayJobView
from preceptor_operator.outcome import ENDED
from preceptor_operator.reconcile import reconcile
from support.attempts import NOW, SETTINGS, final, job, seen, status, sums
from support.gitops import argo_health, flux_verdict, kstatus
from support.specialization_states import STATES


def written(plan: Plan) -> OperatorStatus | None:
    found = [action.status for action in plan.actions if isinstance(action, WriteStatus)]
    return found[0] if found else None


def after(observed: Observed, plan: Plan) -> Observed:
    """The same look once the plan's status is written."""
    now = written(plan)
    if now is None:
        return observed
    return replace(observed, status=Status(**{**observed.status.model_dump(), **now.model_dump()}))


def done(plan: Plan) -> str:
    """The plan's actions on children and the object, as the table has them."""
    words = []
    for action in plan.actions:
        if isinstance(action, Apply) and action.manifest["kind"] == "RayJob":
            words.append(f"begin {action.manifest['metadata']['labels']['preceptor.dev/attempt']}")
        elif isinstance(action, Delete):
            words.append("expire" if action.kind == "Specialization" else f"stop {action.name.rpartition('-')[2]}")
    return ",".join(words)


@pytest.mark.parametrize("name", STATES)
def test_each_state_has_its_phase_conditions_and_actions(name: str) -> None:
    state = STATES[name]
    plan = reconcile(state.observed, SETTINGS, NOW)
    stands = after(state.observed, plan).status
    assert stands.phase == state.phase
    assert {each.type: each.reason for each in stands.conditions if each.status == "True"} == state.holding
    assert len(stands.conditions) == 7
    assert stands.observed_generation == state.observed.generation
    assert done(plan) == state.actions


@pytest.mark.parametrize("name", STATES)
def test_a_second_look_changes_nothing(name: str) -> None:
    state = STATES[name]
    seen_again = after(state.observed, reconcile(state.observed, SETTINGS, NOW))
    plan = reconcile(seen_again, SETTINGS, NOW + timedelta(seconds=1))
    if state.actions.startswith(("begin", "stop")):  # children not seen yet: the same again, which is no harm
        assert done(plan) in ("", state.actions)
    else:
        assert [action for action in plan.actions if not isinstance(action, Delete)] == []


@pytest.mark.parametrize("name", STATES)
def test_gitops_tools_understand_each_state(name: str) -> None:
    state = STATES[name]
    stands = after(state.observed, reconcile(state.observed, SETTINGS, NOW)).status
    obj: dict[str, Any] = {
        "apiVersion": "preceptor.dev/v1alpha1",
        "kind": "Specialization",
        "metadata": {"name": "sums", "generation": state.observed.generation},
        "status": stands.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    argo, flux, generic = state.judged
    assert argo_health(obj)[0] == argo
    assert flux_verdict(obj) == (None if flux == "inProgress" else flux)
    assert kstatus(obj) == generic


def test_an_object_that_is_being_deleted_is_left_alone() -> None:
    assert reconcile(seen(None, job(), deleting=True), SETTINGS, NOW) == Plan()


def test_the_status_names_an_attempt_before_its_children_are_applied() -> None:
    kinds = [
        type(action).__name__ if not isinstance(action, Apply) else action.manifest["kind"]
        for action in reconcile(seen(), SETTINGS, NOW).actions
    ]
    assert kinds == ["WriteStatus", "ConfigMap", "RayJob", "Tell"]


def test_losses_are_counted_and_waits_double() -> None:
    lost = job(3, "Failed", message="exit code 137", ended=NOW)
    plan = reconcile(seen(None, lost, status=status(3, failures=2)), SETTINGS, NOW)
    assert plan.again == 40
    later = reconcile(seen(None, lost, status=status(3, failures=2)), SETTINGS, NOW + timedelta(seconds=40))
    stands = written(later)
    assert stands is not None
    assert (stands.attempt, stands.failures, done(later)) == (4, 3, "begin 4")


def test_resuming_and_approving_are_no_failures() -> None:
    for name in ("resumed", "approved"):
        stands = written(reconcile(STATES[name].observed, SETTINGS, NOW))
        assert stands is not None
        assert stands.failures == 0


def test_an_image_that_never_came_is_named_when_the_attempt_is_given_up() -> None:
    waiting = STATES["image cannot be pulled"].observed
    waited = after(waiting, reconcile(waiting, SETTINGS, NOW))
    gone = job(1, "Failed", reason="PreRunningDeadlineExceeded", message="too slow", ended=NOW)
    document = sums(compute={"backoffLimit": 0})
    stands = written(reconcile(replace(waited, document=document, ray_jobs=(gone,), troubles=()), SETTINGS, NOW))
    assert stands is not None
    (failed,) = [each for each in stands.conditions if each.type == "Failed"]
    assert 'Back-off pulling image "x"' in failed.message


def test_times_move_with_their_condition_alone() -> None:
    first = after(seen(), reconcile(seen(), SETTINGS, NOW))
    running = replace(first, ray_jobs=(job(),))
    second = after(running, reconcile(running, SETTINGS, NOW + timedelta(minutes=5)))
    moved = {each.type: each.last_transition_time for each in second.status.conditions}
    assert moved["Reconciling"] == "2026-11-24T12:05:00Z"
    assert moved["Complete"] == "2026-11-24T12:00:00Z"
    assert second.status.start_time == "2026-11-24T12:00:00Z"


def test_events_tell_what_changed_once() -> None:
    failing = STATES["a user's mistake"].observed
    plan = reconcile(failing, SETTINGS, NOW)
    told = [action for action in plan.actions if isinstance(action, Tell)]
    assert [(each.type, each.reason) for each in told] == [("Warning", "DocumentError")]
    assert not [a for a in reconcile(after(failing, plan), SETTINGS, NOW).actions if isinstance(a, Tell)]


def test_a_change_after_the_end_is_said_to_have_no_effect() -> None:
    plan = reconcile(STATES["published, then its budget grew"].observed, SETTINGS, NOW)
    assert [action.reason for action in plan.actions if isinstance(action, Tell)] == ["RunHasEnded"]


def test_an_object_is_looked_at_again_when_its_time_to_live_is_over() -> None:
    assert reconcile(STATES["within its time to live"].observed, SETTINGS, NOW).again == 30


class World:
    """A cluster of one object, in which KubeRay and the user act at random; any action may be the last."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now: datetime = NOW
        self.observed = seen()
        self.made: list[str] = []

    @property
    def jobs(self) -> tuple[RayJobView, ...]:
        return self.observed.ray_jobs

    def operate(self) -> None:
        """One look, whose actions end after any of them."""
        plan = reconcile(self.observed, SETTINGS, self.now)
        for action in plan.actions[: self.random.randint(0, len(plan.actions))]:
            self.carry_out(action)

    def carry_out(self, action: Action) -> None:
        if isinstance(action, WriteStatus):
            self.observed = after(self.observed, Plan((action,)))
        elif isinstance(action, Delete):
            self.change(action.name, deleting=True)
        elif isinstance(action, Apply) and action.manifest["kind"] == "RayJob":
            labels, name = action.manifest["metadata"]["labels"], action.manifest["metadata"]["name"]
            if name in [each.name for each in self.jobs]:
                return
            made = job(
                int(labels["preceptor.dev/attempt"]),
                "",
                created=self.now,
                budget=labels["preceptor.dev/budget"],
                generation=int(labels["preceptor.dev/generation"]),
            )
            self.made.append(name)
            self.observed = replace(self.observed, ray_jobs=(*self.jobs, made))

    def change(self, name: str, **more: Any) -> None:
        jobs = tuple(replace(each, **more) if each.name == name else each for each in self.jobs)
        self.observed = replace(self.observed, ray_jobs=jobs)

    def say(self, attempt: int, code: int) -> None:
        said = self.observed.status.model_copy(update={"final": final(code, attempt)})
        self.observed = replace(self.observed, status=said)

    def kuberay(self, *, kindly: bool) -> None:
        """Take every RayJob a step further."""
        for each in self.jobs:
            if each.deleting:
                self.observed = replace(self.observed, ray_jobs=tuple(it for it in self.jobs if it is not each))
            elif each.deployment_status == "":
                self.change(each.name, deployment_status="Initializing")
            elif each.deployment_status == "Initializing":
                self.change(each.name, deployment_status="Running")
            elif each.deployment_status == "Running":
                code = 0 if kindly else self.random.choice([0, 1, 1, 130, None])
                if code is not None:
                    if kindly or self.random.random() < 0.7:
                        self.say(each.attempt, code)
                    ended = {"job_status": "SUCCEEDED" if code == 0 else "FAILED", "message": f"exit code {code}"}
                    state = "Complete" if code == 0 else "Failed"
                    self.change(each.name, deployment_status=state, ended=self.now, **ended)

    def user(self) -> None:
        document = self.observed.document or sums()
        changed: Specialization = document
        if self.random.random() < 0.2:
            changed = document.model_copy(
                update={"spec": document.spec.model_copy(update={"suspend": not document.spec.suspend})}
            )
        elif self.random.random() < 0.1:
            budget = document.spec.budget.model_copy(update={"iterations": document.spec.budget.iterations + 1})
            changed = document.model_copy(update={"spec": document.spec.model_copy(update={"budget": budget})})
        if changed is not document:
            self.observed = replace(self.observed, document=changed, generation=self.observed.generation + 1)

    def resumed(self) -> None:
        document = self.observed.document or sums()
        free = document.spec.model_copy(update={"suspend": False})
        changed = document.model_copy(update={"spec": free})
        self.observed = replace(self.observed, document=changed, generation=self.observed.generation + 1)

    def check(self) -> None:
        assert len(self.made) == len(set(self.made)), "an attempt had two RayJobs"
        assert len([each for each in self.jobs if each.deployment_status not in ENDED]) <= 1, "two attempts at once"


@pytest.mark.parametrize("seed", range(300))
def test_whatever_happens_one_attempt_runs_at_a_time_and_the_run_ends(seed: int) -> None:
    world = World(seed)
    for _ in range(world.random.randint(0, 40)):
        world.operate()
        world.check()
        world.kuberay(kindly=False)
        world.user()
        world.now += timedelta(seconds=world.random.choice([1, 30, 400]))
    world.resumed()
    for _ in range(60):
        world.operate()
        world.check()
        world.kuberay(kindly=True)
        world.now += timedelta(seconds=400)
    assert world.observed.status.phase in ("Complete", "Failed")
    ended = {each.type: each.reason for each in world.observed.status.conditions if each.status == "True"}
    assert ended in (
        {"Complete": "Published"},
        {"Failed": "BackoffLimitExceeded", "Stalled": "BackoffLimitExceeded"},
    )
    for _ in range(20):  # until a look was not cut short
        world.operate()
    assert reconcile(world.observed, SETTINGS, world.now) == Plan()
