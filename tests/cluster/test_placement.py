"""In a cluster whose head has no CPUs, what works is placed on workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import ray
from ray.cluster_utils import Cluster

from preceptor.cluster import session
from preceptor.cluster.session import away_from_the_head
from preceptor.spec.status import ENV_WORKER_RESOURCE


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Id of the one worker of a cluster; this process is the driver on its head."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    added = cluster.add_node(num_cpus=2, resources={"preceptor": 1000})
    ray.init(address=cluster.address, log_to_driver=False)
    yield added.node_id
    ray.shutdown()
    cluster.shutdown()


def where() -> str:
    return str(ray.get_runtime_context().get_node_id())


def test_what_asks_for_no_cpu_works_on_a_worker(worker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV_WORKER_RESOURCE, "preceptor")
    tasks = [ray.remote(num_cpus=0, **away_from_the_head())(where).remote() for _ in range(4)]
    assert set(ray.get(tasks)) == {worker}


def test_on_one_machine_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENV_WORKER_RESOURCE, raising=False)
    assert away_from_the_head() == {}


def test_a_ray_on_this_machine_has_what_workers_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV_WORKER_RESOURCE, "preceptor")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    session.start(1)
    try:
        assert ray.get(ray.remote(num_cpus=0, **away_from_the_head())(where).remote(), timeout=60)
    finally:
        ray.shutdown()
