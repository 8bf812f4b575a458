"""Training on a real local Ray: the losses are the plain loop's, and a killed worker costs some steps, not the run."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from preceptor.errors import StudentError
from preceptor.loop.parts import BaseModel, TrainingOrder, Upload
from preceptor.spec.actors import Training
from preceptor.training.job import TrainingJob, TrainingResult
from preceptor.training.loop import train
from support.rows import capitals
from support.tiny import write_tiny_student

pytestmark = [
    pytest.mark.ray,
    # Ray warns of its own defaults when it copies them.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
]

SETTINGS = Training(
    method="full", precision="fp32", epochs=20, batch_size=4, learning_rate=1e-3, workers=2, checkpoint_every=5
)


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> TrainingOrder:
    directory = tmp_path_factory.mktemp("order")
    return TrainingOrder(
        model=BaseModel(uri=str(write_tiny_student(directory / "tiny")), base_dir=directory),
        settings=SETTINGS,
        seed=3,
        examples=tuple(capitals()),
        publish=Upload(str(directory / "store"), "checkpoint"),
    )


@pytest.fixture(scope="module")
def expected(order: TrainingOrder, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    output = tmp_path_factory.mktemp("alone")
    return train(TrainingJob(Path(order.model.uri), SETTINGS, order.seed, order.examples, output))


@pytest.fixture(scope="module")
def _ray() -> Iterator[None]:
    import ray

    from preceptor.cluster import session

    session.start(2)
    yield
    ray.shutdown()


def workers() -> list[psutil.Process]:
    named = (process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"])
    return [process for process in named if process.info["cmdline"][0].startswith("ray::RayTrainWorker")]


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_a_group_carries_out_orders_through_mistakes_and_murder(
    order: TrainingOrder, expected: TrainingResult, tmp_path: Path
) -> None:
    from preceptor.cluster.training import TrainingGroup

    group = TrainingGroup()
    steps: list[int] = []
    first = group.train(order, steps.append)
    assert first.losses == pytest.approx(expected.losses, rel=1e-3)
    assert steps == sorted(steps)
    assert steps[-1] == first.steps == 60
    published = Path(order.publish.root) / "checkpoint" / "model.safetensors"
    once = published.read_bytes()

    mine = [worker for worker in workers() if psutil.Process().pid in {parent.pid for parent in worker.parents()}]
    killed: list[int] = []

    def kill(step: int) -> None:
        if step >= 12 and not killed:
            killed.append(step)
            os.kill(mine[-1].pid, signal.SIGKILL)

    second = group.train(replace(order, publish=Upload(order.publish.root, "second")), kill)
    assert killed, "the training was over before a worker could be killed"
    assert second.losses == first.losses
    assert (Path(order.publish.root) / "second" / "model.safetensors").read_bytes() == once
    assert second.seconds < first.seconds, "it resumed, rather than began again"

    with pytest.raises(StudentError, match="none of the 0 rows"):
        group.train(replace(order, examples=()), lambda step: None)
    group.close()
    assert not any(worker.is_running() for worker in mine)
