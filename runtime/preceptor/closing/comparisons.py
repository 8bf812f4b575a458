"""Carries out the steps that compare; each comparison has a module of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from preceptor.closing.arms import distillation, heuristic, one_shot
from preceptor.closing.ceiling import ceiling
from preceptor.closing.form import form
from preceptor.closing.parts import Parts
from preceptor.closing.prompted import prompted
from preceptor.closing.reading import Readings
from preceptor.closing.removal import remove_skill
from preceptor.closing.suites import examine_suite
from preceptor.loop.events import AnyEvent, ControlEnded
from preceptor.loop.state import RunState
from preceptor.loop.step import ClosingStep, ExamineSuite, OpenPrivate, RemoveSkill, RunControl
from preceptor.spec.evaluation import ControlName

Control = Callable[[Parts, RunState], ControlEnded]
"""Carries out a comparison; done again after it was cut short, it does only what is missing."""

CONTROLS: Mapping[ControlName, Control] = {
    "ceiling": ceiling,
    "prompted": prompted,
    "format": form,
    "oneShot": one_shot,
    "heuristic": heuristic,
    "distillation": distillation,
}


@dataclass(frozen=True)
class Comparisons:
    """See :class:`preceptor.loop.steps.Closing`."""

    parts: Parts
    """What there is to work with."""
    readings: Readings
    """Who has read the private split."""
    seconds: Callable[[], float] = field(default=time.monotonic)
    """A monotonic clock."""

    def carry_out(self, step: ClosingStep, state: RunState) -> AnyEvent:
        """Do the step; its event says how long it took."""
        started = self.seconds()
        match step:
            case OpenPrivate():
                return self.readings.open(step.reading)
            case RunControl():
                event: AnyEvent = CONTROLS[step.control](self.parts, state)
            case ExamineSuite():
                event = examine_suite(self.parts, step)
            case RemoveSkill():
                event = remove_skill(self.parts, step)
            case _:
                assert_never(step)
        return event.model_copy(update={"seconds": round(self.seconds() - started, 3)})
