"""Training on Ray: the plain loop of :mod:`preceptor.training.loop`, once in each worker of a Ray Train group."""

from __future__ import annotations

import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.train
from ray.train.torch import TorchConfig, TorchTrainer

from preceptor.errors import ClusterError, PreceptorError
from preceptor.loop.in_process import training_job
from preceptor.loop.parts import Tick, TrainingOrder
from preceptor.training.checkpoints import State
from preceptor.training.job import Progress, TrainingResult, World

MAX_FAILURES = 2
"""Times a training goes on from its last checkpoint after a worker was lost; ``checkpointEvery`` says how much is lost."""
POLL_SECONDS = 0.25
"""How often the driver asks how far the training is, and Ray Train whether its workers live."""


@dataclass(frozen=True)
class News:
    """What the driver gets to know of a training."""

    step: int = 0
    """Steps done."""
    result: TrainingResult | None = None
    """The outcome, once there is one."""
    error: PreceptorError | None = None
    """Why there is none, if another attempt would end the same way."""


class Mailbox:
    """Where rank 0 leaves news for the driver, on whatever machine either is."""

    def __init__(self) -> None:
        self._news = News()

    def put(self, news: News) -> None:
        """Replace the news."""
        self._news = news

    def get(self) -> News:
        """The latest news."""
        return self._news


def train_on_ray(order: TrainingOrder, tick: Tick) -> TrainingResult:
    """Train a student on the order's number of workers and upload it.

    Args:
        order: What to train on what; ``order.publish`` runs beside rank 0's files.
        tick: Gets the number of finished steps, on the calling thread.

    Raises:
        PreceptorError: What the loop raised, unchanged.
        ClusterError: Workers died more than :data:`MAX_FAILURES` times.

    """
    mailbox = ray.remote(num_cpus=0)(Mailbox).remote()
    with tempfile.TemporaryDirectory(prefix="preceptor-ray-") as scratch:
        trainer = _trainer(order, mailbox, scratch)
        ended = _Fit(trainer)
        while not ended.wait(POLL_SECONDS):
            tick(ray.get(mailbox.get.remote()).step)
        news: News = ray.get(mailbox.get.remote())
    ray.kill(mailbox)
    if news.error is not None:
        raise news.error
    if ended.error is not None:
        raise ClusterError(
            f"the training failed {MAX_FAILURES + 1} times, the last time with: {ended.error}. Run the same command again to "
            "continue; if a worker was killed for want of memory, lower student.training.microBatchSize"
        ) from ended.error
    if news.result is None:
        raise ClusterError("the training ended without a result; run the same command again to continue")
    tick(news.result.steps)
    return news.result


class _Fit(threading.Thread):
    """Runs a trainer beside the caller, who stays free to report progress and to be interrupted.

    Ray Train would otherwise replace the main thread's handler of ``SIGINT`` for good.
    """

    def __init__(self, trainer: TorchTrainer) -> None:
        super().__init__(name="ray-train", daemon=True)
        self._trainer = trainer
        self.error: ray.train.TrainingFailedError | ray.exceptions.RayError | None = None
        self.start()

    def run(self) -> None:
        try:
            self._trainer.fit()
        except (ray.train.TrainingFailedError, ray.exceptions.RayError) as error:
            self.error = error

    def wait(self, seconds: float) -> bool:
        """Whether the training has ended, at the latest after so many seconds."""
        self.join(seconds)
        return not self.is_alive()


def _trainer(order: TrainingOrder, mailbox: Any, scratch: str) -> TorchTrainer:
    training = order.settings
    # Ray Train reads these in the driver and hands them to its processes.
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", str(POLL_SECONDS))
    os.environ.setdefault("RAY_TRAIN_METRICS_ENABLED", "0")
    return TorchTrainer(
        _work,
        train_loop_config={"order": order, "mailbox": mailbox},
        torch_config=TorchConfig(backend="nccl" if training.gpus_per_worker else "gloo"),
        scaling_config=ray.train.ScalingConfig(
            num_workers=training.workers,
            use_gpu=training.gpus_per_worker > 0,
            resources_per_worker={"CPU": 1} | ({"GPU": training.gpus_per_worker} if training.gpus_per_worker else {}),
        ),
        run_config=ray.train.RunConfig(
            name="training",
            storage_path=scratch,
            failure_config=ray.train.FailureConfig(max_failures=MAX_FAILURES),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=1),
        ),
    )


def _work(config: dict[str, Any]) -> None:
    """What each worker does: the loop, with news for the driver."""
    import torch

    from preceptor.training.loop import train

    order: TrainingOrder = config["order"]
    mailbox = config["mailbox"]
    context = ray.train.get_context()
    world = World(rank=context.get_world_rank(), size=context.get_world_size(), local_rank=context.get_local_rank())
    torch.set_num_threads(max(1, _cpus() // context.get_local_world_size()))

    def report(progress: Progress) -> None:
        mailbox.put.remote(News(step=progress.step))

    with tempfile.TemporaryDirectory(prefix="preceptor-train-") as directory:
        try:
            job = training_job(order, Path(directory))
            result = train(job, world=world, progress=report, checkpoints=RayCheckpoints())
            if world.rank == 0:
                order.publish(job.output_dir)
                ray.get(mailbox.put.remote(News(step=result.steps, result=result)))
        except PreceptorError as error:
            ray.get(mailbox.put.remote(News(error=error)))


def _cpus() -> int:
    """CPUs Ray knows this machine to have: in a container fewer than the kernel says."""
    here = ray.get_runtime_context().get_node_id()
    declared = next(int(node["Resources"].get("CPU", 1)) for node in ray.nodes() if node["NodeID"] == here)
    return min(declared, os.cpu_count() or 1)


class RayCheckpoints:
    """Keeps a training's state where Ray Train does, so that a new worker group finds it on any machine."""

    def resume(self, engine: Any, world: World) -> State:
        """See :class:`preceptor.training.checkpoints.Checkpoints`."""
        from preceptor.training import checkpoints

        newest = ray.train.get_checkpoint()
        if newest is None:
            return State()
        with newest.as_directory() as directory:
            return checkpoints.read(Path(directory), engine)

    def save(self, engine: Any, world: World, state: State) -> None:
        """See :class:`preceptor.training.checkpoints.Checkpoints`; Ray Train commits it once every rank has reported."""
        from preceptor.training import checkpoints

        with tempfile.TemporaryDirectory(prefix="preceptor-checkpoint-") as directory:
            checkpoints.write(Path(directory), engine)
            if world.rank == 0:
                checkpoints.finish(Path(directory), state)
            ray.train.report({"step": len(state.losses)}, checkpoint=ray.train.Checkpoint.from_directory(directory))
