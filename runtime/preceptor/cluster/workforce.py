"""The loop's hands on Ray: thin actors around the plain classes, wrapped where they are called."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence

import ray

from preceptor.cluster import machine, session
from preceptor.cluster.fetching import RESTARTS, fetched
from preceptor.cluster.makers import Makers
from preceptor.cluster.training import TrainingGroup
from preceptor.inference.engine import Output
from preceptor.loop.in_process import sit
from preceptor.loop.parts import MakingOrder, Sitting, Tick, TrainingOrder
from preceptor.spec.document import Spec
from preceptor.students.lengths import StudentLengths
from preceptor.synthesis.units import Unit, UnitResult
from preceptor.training.job import TrainingResult

POLL_SECONDS = 0.5
"""How often an examination's progress is asked for."""


class Examiner:
    """Answers examinations and, from a second thread, says how far it is."""

    def __init__(self) -> None:
        self._done = 0

    def answer(self, sitting: Sitting) -> list[Output]:
        """Let a student answer, on every core: nothing else is at work meanwhile."""
        machine.use_cpus(1)
        self._done = 0
        return sit(sitting, self._tick)

    def done(self) -> int:
        """Answers finished in the sitting in progress."""
        return self._done

    def _tick(self, done: int) -> None:
        self._done = done


class RayWorkforce:
    """Generation on a pool of actors, examinations on one that stays, training on a Ray Train group that stays."""

    def __init__(self, spec: Spec) -> None:
        training = spec.student.training
        session.start(training.workers)
        # Stages follow one another, so an examiner that waits asks for no CPU while the training's workers need them.
        wanted = {"num_cpus": 0, "max_restarts": RESTARTS, "max_task_retries": RESTARTS, **session.away_from_the_head()}
        self._makers = Makers(spec)
        self._examiners = ray.remote(**wanted, num_gpus=training.gpus_per_worker, max_concurrency=2)(Examiner)
        self._examiner: ray.actor.ActorHandle | None = None
        self._trainers = TrainingGroup()
        self._holds_gpu = training.gpus_per_worker > 0
        gc.freeze()  # the driver has imported everything and makes little garbage; see UnitMaker.begin

    def prepared(self, lengths: StudentLengths) -> StudentLengths:
        """See :class:`preceptor.loop.parts.Workforce`; in a process that ends with the task."""
        there = session.away_from_the_head()
        task = ray.remote(num_cpus=0, max_calls=1, max_retries=RESTARTS, **there)(StudentLengths.prepared)
        prepared: StudentLengths = fetched(task.remote(lengths))
        return prepared

    def make(self, order: MakingOrder, units: Sequence[Unit]) -> Iterator[UnitResult]:
        """See :class:`preceptor.loop.parts.Workforce`."""
        if session.in_cluster():
            self._trainers.close()  # its workers keep the CPUs that makers ask for
        return self._makers.make(order, units)

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        """See :class:`preceptor.loop.parts.Workforce`."""
        self._makers.rest()
        return self._trainers.train(order, tick)

    def answer(self, sitting: Sitting, tick: Tick) -> list[Output]:
        """See :class:`preceptor.loop.parts.Workforce`."""
        self._makers.rest()
        if self._examiner is None:
            self._examiner = self._examiners.remote()
        answer = self._examiner.answer.remote(sitting)
        while not ray.wait([answer], timeout=POLL_SECONDS)[0]:
            tick(fetched(self._examiner.done.remote()))
        outputs: list[Output] = fetched(answer)
        if self._holds_gpu:  # the next training needs it
            ray.kill(self._examiner)
            self._examiner = None
        return outputs

    def close(self) -> None:
        """Let the training group go, stop every actor and, when Ray was started here, Ray itself."""
        self._trainers.close()
        ray.shutdown()
