"""Rows made by actors, with a model behind a server; the actors are killed in the middle."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray
from ray.autoscaler.v2.sdk import get_cluster_status
from ray.cluster_utils import Cluster

from preceptor.cluster import session
from preceptor.cluster.makers import Makers
from preceptor.endpoints.index import LogIndex
from preceptor.loop.events import DatasetCommitted, RecipeDrafted
from preceptor.loop.generating import Generation
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import MakingOrder, Workforce
from preceptor.loop.state import Attempt, RunState
from preceptor.recipes.digests import recipe_digest
from preceptor.spec.actors import FixedEngineer
from preceptor.spec.document import Spec
from preceptor.spec.load import load
from preceptor.spec.status import ENV_WORKER_CPUS, ENV_WORKER_RESOURCE
from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.units import Unit, UnitResult
from support.faulty import FaultyServer
from support.model_run import KEY, PLAN, sound, write_model_run
from support.silent import SilentReporter


class Murderer:
    """Answers, and once kills every maker while they wait for an answer."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._seen = 0
        self._lock = threading.Lock()
        self.killed = 0

    def __call__(self, body: dict[str, Any]) -> str:
        with self._lock:
            self._seen += 1
            if self._seen == self._at:
                for process in psutil.Process().children(recursive=True):  # of this test's own Ray
                    if process.name().startswith("ray::Maker"):
                        os.kill(process.pid, signal.SIGKILL)
                        self.killed += 1
        return sound(body)


class OnlyMakers(InProcess):
    """Makes rows on Ray and does nothing else."""

    def __init__(self, spec: Spec) -> None:
        self.makers = Makers(spec)
        self.make = self.makers.make  # type: ignore[method-assign]


def generated(spec: Spec, store: Store, workforce: Workforce) -> DatasetCommitted:
    assert isinstance(spec.engineer, FixedEngineer)
    recipe = spec.engineer.recipe
    drafted = RecipeDrafted(attempt=1, operation="draft", recipe=recipe, digest=recipe_digest(recipe))
    attempt = Attempt(drafted)
    generation = Generation(spec, store, workforce, SilentReporter(), UnitContext(), epoch=1)
    event = generation.carry_out(attempt, RunState(attempts=(attempt,)))
    assert isinstance(event, DatasetCommitted)
    return event


@pytest.mark.ray
@pytest.mark.slow
def test_makers_that_are_killed_make_the_same_rows(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)
    plan = {**PLAN, "skills": [{**skill, "quota": 60} for skill in PLAN["skills"]]}
    engineer = {"kind": "fixed", "recipe": plan}
    murderer = Murderer(at=60)
    with FaultyServer(answer=murderer, key=KEY, latency=0.02) as server:
        document = write_model_run(tmp_path, tiny, server.url, engineer=engineer, dataset={"size": 120, "minimum": 100})
        spec = load(document).spec.spec
        session.start(2)
        try:
            store = Store.open(str(tmp_path / "on-ray"))
            on_ray = generated(spec, store, OnlyMakers(spec))
        finally:
            ray.shutdown()
        carried_out = server.carried_out
        here = InProcess(spec)
        alone = generated(spec, Store.open(str(tmp_path / "alone")), here)
        here.close()
    assert murderer.killed >= 1
    assert on_ray.version == alone.version
    assert on_ray.rows == 120
    index = LogIndex.read(store, 1)
    assert alone.spent["requests"] < carried_out <= on_ray.spent["requests"] == index.spent.requests


class GrowingCluster(OnlyMakers):
    """Once there are two results, and a maker is seen to wait for a CPU, a machine comes to the cluster."""

    def __init__(self, spec: Spec, cluster: Cluster) -> None:
        super().__init__(spec)
        self._cluster = cluster
        self.make = self._growing  # type: ignore[method-assign]
        self.demanded: list[dict[str, float]] = []

    def _growing(self, order: MakingOrder, units: Sequence[Unit]) -> Iterator[UnitResult]:
        for number, result in enumerate(self.makers.make(order, units)):
            if number == 1:
                status = get_cluster_status(self._cluster.address)
                for demand in status.resource_demands.ray_task_actor_demand:
                    self.demanded += [each.bundle for each in demand.bundles_by_count]
                self._cluster.add_node(num_cpus=1, resources={"preceptor": 1000})
            yield result


@pytest.mark.ray
@pytest.mark.slow
def test_a_maker_without_a_cpu_is_what_an_autoscaler_sees_and_joins_when_a_machine_comes(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ("PRECEPTOR_TEST_KEY", KEY), (ENV_WORKER_RESOURCE, "preceptor"), (ENV_WORKER_CPUS, "2"):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setattr("preceptor.loop.making.REQUESTS_OF_A_MAKER", 2)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1, resources={"preceptor": 1000})
        ray.init(address=cluster.address, log_to_driver=False)
        with FaultyServer(answer=sound, key=KEY, latency=0.1) as server:
            plan = {**PLAN, "skills": [{**skill, "quota": 60} for skill in PLAN["skills"]]}
            engineer = {"kind": "fixed", "recipe": plan}
            document = write_model_run(
                tmp_path, tiny, server.url, engineer=engineer, dataset={"size": 120, "minimum": 100}
            )
            spec = load(document).spec.spec
            hands = GrowingCluster(spec, cluster)
            store = Store.open(str(tmp_path / "run"))
            event = generated(spec, store, hands)
            assert event.rows == 120
            assert hands.demanded == [{"CPU": 1.0, "preceptor": 0.001}]
            shards = [layout.parse_teacher_shard(name) for name in store.names(layout.teacher_shards(1))]
            assert len({shard[0] for shard in shards if shard is not None}) == 2
            assert ray.available_resources().get("CPU", 0) == 0
            hands.makers.rest()
            deadline = time.monotonic() + 30
            while ray.available_resources().get("CPU", 0) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        ray.shutdown()
        cluster.shutdown()
