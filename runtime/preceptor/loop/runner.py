"""The main loop. It knows nothing of the parts, and they know nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from preceptor.loop.decide import next_step
from preceptor.loop.events import AnyEvent, from_record, to_data
from preceptor.loop.parts import Reporter
from preceptor.loop.state import RunState, apply, fold
from preceptor.loop.step import AwaitApproval, Done, Step
from preceptor.spec.document import Spec
from preceptor.storage.ledger import Ledger


class Worker(Protocol):
    """Whoever carries out steps."""

    def carry_out(self, step: Step, state: RunState) -> AnyEvent:
        """Do the step; the event says what came of it. Doing a step again must cost nothing that was paid for."""


class Clock:
    """Seconds a run's drivers have been active, from this driver's start on."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._origin = now()

    def add(self, seconds: float) -> None:
        """Count the time of earlier drivers too."""
        self._origin -= seconds

    def elapsed(self) -> float:
        """Seconds since the run began, time without a driver left out."""
        return self._now() - self._origin


def run(spec: Spec, ledger: Ledger, worker: Worker, reporter: Reporter, clock: Clock) -> RunState:
    """Take steps until nothing is left to do, or nothing before a human has let a step pass.

    Every step ends in one event that is durable before the next step begins, so a driver that is killed anywhere
    loses at most the step in progress, and the next driver continues from the fold of the ledger.
    """
    state = fold(from_record(record) for record in ledger.records)
    clock.add(state.elapsed)
    while not isinstance(step := next_step(spec, state), Done | AwaitApproval):
        event = worker.carry_out(step, state)
        event = event.model_copy(update={"elapsed": round(clock.elapsed(), 3)})
        ledger.append(event.type, to_data(event))
        state = apply(state, event)
        reporter.happened(event)
    return state
