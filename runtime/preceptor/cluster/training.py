"""Training on Ray: a Ray Train group that stays for several trainings, seen from the driver.

Ray Train starts eight processes for a group, and every worker imports torch, transformers, peft and DeepSpeed: 15
seconds on two cores before the first step. So a group on CPUs is kept: its workers take orders from a desk. A group on
GPUs is let go after each order, because the examination needs them.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from typing import Any

import ray

from preceptor.cluster.desk import Desk, News
from preceptor.cluster.worker import work
from preceptor.errors import ClusterError
from preceptor.loop.parts import Tick, TrainingOrder
from preceptor.spec.actors import Training
from preceptor.training.job import TrainingResult

MAX_FAILURES = 2
"""Times a group goes on after it lost a worker, from the last checkpoint (``checkpointEvery``)."""
POLL_SECONDS = 0.25
"""How often the driver asks how far the training is, and Ray Train whether its workers live."""
GOODBYE_SECONDS = 15.0
"""How long a group that is closed may take to go."""


def train_on_ray(order: TrainingOrder, tick: Tick) -> TrainingResult:
    """Train one student on a group of its own; see :meth:`TrainingGroup.train`."""
    with contextlib.closing(TrainingGroup()) as group:
        return group.train(order, tick)


class TrainingGroup:
    """Trains one order after the other; starts its workers with the first."""

    def __init__(self) -> None:
        self._session: _Session | None = None

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        """Train a student on the order's number of workers and upload it.

        Args:
            order: What to train on what; ``order.publish`` runs beside rank 0's files.
            tick: Gets the number of finished steps, on the calling thread.

        Raises:
            PreceptorError: What the loop raised, unchanged.
            ClusterError: Workers died more than :data:`MAX_FAILURES` times.
        """
        if self._session is not None and not self._session.fits(order.settings):
            self.close()
        if self._session is None:
            self._session = _Session(order)
        news = self._session.carry_out(order, tick)
        failure = self._session.failure
        if order.settings.gpus_per_worker or not news.over or news.error is not None:
            self.close()
        if news.error is not None:
            raise news.error
        if news.result is None:
            raise ClusterError(
                f"the training's workers failed {MAX_FAILURES + 1} times, the last time with: {failure}. Run the same "
                "command again to continue; if a worker was killed for want of memory, lower "
                "student.training.microBatchSize"
            ) from failure
        tick(news.result.steps)
        return news.result

    def close(self) -> None:
        """Send the workers home."""
        if self._session is not None:
            self._session.close()
            self._session = None


class _Session:
    """One Ray Train run: its controller, its workers, and the desk they take orders from."""

    def __init__(self, order: TrainingOrder) -> None:
        self._training = order.settings
        self._scratch = tempfile.TemporaryDirectory(prefix="preceptor-ray-", ignore_cleanup_errors=True)
        self._desk = ray.remote(num_cpus=0)(Desk).remote()
        self._order: Any = None
        self.failure: BaseException | None = None
        """Why the run ended, if it ended by itself."""
        trainer = _trainer(order.settings, self._desk, self._scratch.name)
        # Beside the caller, who stays free to report progress and to be interrupted: on the main thread Ray Train
        # would replace the handler of SIGINT for good.
        self._thread = threading.Thread(target=self._fit, args=(trainer,), name="ray-train", daemon=True)
        self._thread.start()

    def fits(self, training: Training) -> bool:
        """Whether the group can carry out an order with these settings."""
        return self._thread.is_alive() and training == self._training

    def carry_out(self, order: TrainingOrder, tick: Tick) -> News:
        """Wait for an order's outcome; without one when the run ended first."""
        self._order = ray.put(order)
        ray.get(self._desk.assign.remote([self._order]))
        while True:
            alive = self._thread.is_alive()
            news: News = ray.get(self._desk.news.remote())
            if news.over or not alive:
                return news
            tick(news.step)
            self._thread.join(POLL_SECONDS)

    def close(self) -> None:
        """Let the workers go, and forget what they kept."""
        ray.get(self._desk.close.remote())
        self._thread.join(GOODBYE_SECONDS)
        ray.kill(self._desk)
        self._scratch.cleanup()

    def _fit(self, trainer: Any) -> None:
        from ray.exceptions import RayError
        from ray.train import TrainingFailedError

        try:
            trainer.fit()
        except BaseException as error:
            self.failure = error
            if not isinstance(error, TrainingFailedError | RayError):
                raise


def _trainer(training: Training, desk: Any, scratch: str) -> Any:
    # Ray Train reads these in the driver and hands them to its processes.
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", str(POLL_SECONDS))
    os.environ.setdefault("RAY_TRAIN_METRICS_ENABLED", "0")
    if len(ray.nodes()) == 1:  # no other machine could be taken away
        os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    gpus = training.gpus_per_worker
    return TorchTrainer(
        work,
        train_loop_config={"desk": desk},
        torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=training.workers,
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": 1} | ({"GPU": gpus} if gpus else {}),
        ),
        run_config=RunConfig(
            name="training",
            storage_path=scratch,
            failure_config=FailureConfig(max_failures=MAX_FAILURES),
            checkpoint_config=CheckpointConfig(num_to_keep=1),
        ),
    )
