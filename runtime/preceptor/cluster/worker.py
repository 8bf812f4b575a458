"""What a Ray Train worker does: take orders from the desk and run the plain loop, until the group is closed."""

from __future__ import annotations

import ctypes
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import ray
import ray.train

from preceptor.cluster import machine
from preceptor.cluster.desk import News, Turn
from preceptor.errors import PreceptorError
from preceptor.loop.in_process import training_job
from preceptor.loop.parts import TrainingOrder
from preceptor.training.checkpoints import State
from preceptor.training.job import Progress, World

IDLE_SECONDS = 0.1
"""How often a worker without an order looks for one."""
ORDER = "order.json"
"""In a checkpoint: the order it belongs to."""


def work(config: dict[str, Any]) -> None:
    """Carry out orders; a group that lost a worker begins again here and finds its order where it was."""
    desk = config["desk"]
    context = ray.train.get_context()
    world = World(rank=context.get_world_rank(), size=context.get_world_size(), local_rank=context.get_local_rank())
    machine.use_cpus(context.get_local_world_size())
    done = 0
    while not (turn := ray.get(desk.turn.remote())).closed:
        if turn.order is None or turn.number <= done:
            time.sleep(IDLE_SECONDS)
            continue
        _carry_out(turn, world, desk)
        _give_memory_back()
        done = turn.number


def _carry_out(turn: Turn, world: World, desk: Any) -> None:
    from preceptor.training.loop import train

    order: TrainingOrder = ray.get(turn.order[0])

    def report(progress: Progress) -> None:
        desk.tell.remote(News(turn.number, step=progress.step))

    with tempfile.TemporaryDirectory(prefix="preceptor-train-") as directory:
        try:
            job = training_job(order, Path(directory))
            result = train(job, world=world, progress=report, checkpoints=RayCheckpoints(turn.number))
            if world.rank == 0:
                order.publish(job.output_dir)
                ray.get(desk.tell.remote(News(turn.number, step=result.steps, result=result)))
        except PreceptorError as error:
            ray.get(desk.tell.remote(News(turn.number, error=error)))
            raise


def _give_memory_back() -> None:
    """Hand what the training freed to the machine, which examines next; glibc alone keeps a gigabyte."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class RayCheckpoints:
    """Keeps a training's state where Ray Train does, so that a new worker group finds it on any machine."""

    def __init__(self, number: int) -> None:
        self._number = number

    def resume(self, engine: Any, world: World) -> State:
        """See :class:`preceptor.training.checkpoints.Checkpoints`."""
        from preceptor.training import checkpoints

        newest = ray.train.get_checkpoint()
        if newest is None:
            return State()
        with newest.as_directory() as directory:
            if json.loads((Path(directory) / ORDER).read_text(encoding="utf-8")) != self._number:
                return State()  # an earlier order's
            return checkpoints.read(Path(directory), engine)

    def save(self, engine: Any, world: World, state: State) -> None:
        """See :class:`preceptor.training.checkpoints.Checkpoints`; it counts once every rank has reported."""
        from preceptor.training import checkpoints

        with tempfile.TemporaryDirectory(prefix="preceptor-checkpoint-") as directory:
            checkpoints.write(Path(directory), engine)
            if world.rank == 0:
                checkpoints.finish(Path(directory), state)
                (Path(directory) / ORDER).write_text(json.dumps(self._number), encoding="utf-8")
            ray.train.report({"step": len(state.losses)}, checkpoint=ray.train.Checkpoint.from_directory(directory))
