"""A workforce of one: everything in this process, without Ray. For tests, and for machines that have no Ray."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from preceptor.inference.engine import Output, TransformersEngine
from preceptor.loop.making import Load, UnitMaker, share
from preceptor.loop.parts import MakingOrder, Sitting, Tick, TrainingOrder
from preceptor.spec.document import Spec
from preceptor.students.lengths import StudentLengths
from preceptor.students.source import resolve
from preceptor.synthesis.units import Unit, UnitResult
from preceptor.training.job import TrainingJob, TrainingResult


class InProcess:
    """Does every piece of work itself, one after the other."""

    def __init__(self, spec: Spec) -> None:
        self._runner = asyncio.Runner()
        self._concurrency = share(spec, makers=1)
        self._maker = UnitMaker(spec, self._concurrency)
        self._order: MakingOrder | None = None

    def prepared(self, lengths: StudentLengths) -> StudentLengths:
        """See :class:`preceptor.loop.parts.Workforce`."""
        return lengths.prepared()

    def make(self, order: MakingOrder, units: Sequence[Unit]) -> Iterator[UnitResult]:
        """See :class:`preceptor.loop.parts.Workforce`; results come when all units are made."""
        return iter(self._runner.run(self._make(order, units)))

    async def _make(self, order: MakingOrder, units: Sequence[Unit]) -> list[UnitResult]:
        if order != self._order:
            await self._maker.begin(order)
            self._order = order
        load, freed = Load(self._concurrency), asyncio.Event()

        async def make(unit: Unit) -> UnitResult:
            try:
                return await self._maker.make(unit)
            finally:
                load.ended(order.recipe, unit)
                freed.set()

        tasks = []
        try:
            async with asyncio.TaskGroup() as group:
                for unit in units:
                    while not load.free:
                        freed.clear()
                        await freed.wait()
                    load.began(order.recipe, unit)
                    tasks.append(group.create_task(make(unit)))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None  # one message, as whoever raised it worded it
        return [task.result() for task in tasks]

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        """See :class:`preceptor.loop.parts.Workforce`; one process, whatever ``workers`` says."""
        from preceptor.training.loop import train

        with tempfile.TemporaryDirectory(prefix="preceptor-train-") as directory:
            job = training_job(order, Path(directory))
            result = train(job, progress=lambda progress: tick(progress.step))
            order.publish(job.output_dir)
        return result

    def answer(self, sitting: Sitting, tick: Tick) -> list[Output]:
        """See :class:`preceptor.loop.parts.Workforce`."""
        return sit(sitting, tick)

    def close(self) -> None:
        """Close the connections to the teacher."""
        self._runner.run(self._maker.close())
        self._runner.close()


def training_job(order: TrainingOrder, directory: Path) -> TrainingJob:
    """The order as a job that writes below ``directory``."""
    return TrainingJob(
        model_dir=resolve(order.model.uri, order.model.base_dir),
        training=order.settings,
        seed=order.seed,
        rows=list(order.examples),
        output_dir=directory / "output",
    )


def sit(sitting: Sitting, tick: Tick) -> list[Output]:
    """Load the student, let it answer, let it go."""
    with tempfile.TemporaryDirectory(prefix="preceptor-examine-") as directory:
        model_dir, adapter_dir = resolve(sitting.model.uri, sitting.model.base_dir), None
        if sitting.checkpoint is not None:
            checkpoint = Path(directory) / "checkpoint"
            sitting.checkpoint(checkpoint)
            if sitting.method == "full":
                model_dir = checkpoint
            else:
                adapter_dir = checkpoint
        engine = TransformersEngine(model_dir, adapter_dir, sitting.settings)
        return engine.answer([list(messages) for messages in sitting.conversations], progress=tick)
