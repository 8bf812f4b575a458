"""A Ray to work on: the cluster this process runs in, or one on this machine that lives as long as the process."""

from __future__ import annotations

import logging
import os
from typing import Any

from preceptor.spec.status import ENV_WORKER_CPUS, ENV_WORKER_RESOURCE

LOCAL_OBJECT_STORE = 256 * 1024**2
"""Bytes of shared memory a Ray on this machine may take: rows and prompts are small, weights go by file."""


def start(cpus: int) -> None:
    """Connect to the cluster named by ``RAY_ADDRESS``, or start a Ray on this machine with room for ``cpus`` workers.

    Ray is told once what it would otherwise ask or warn about: no usage statistics, and no token authentication,
    because a local Ray listens on the loopback interface only (a cluster sets ``RAY_AUTH_MODE`` itself).
    """
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        return
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False, "configure_logging": False}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
        return
    worker = os.environ.get(ENV_WORKER_RESOURCE)
    ray.init(
        address="local",
        num_cpus=max(os.cpu_count() or 1, cpus),
        resources={worker: 1000} if worker else None,  # this machine is head and worker at once
        include_dashboard=False,
        object_store_memory=LOCAL_OBJECT_STORE,
        **quiet,
    )


def in_cluster() -> bool:
    """Whether an operator placed this driver on the head of a cluster, where workers are separate machines."""
    return ENV_WORKER_RESOURCE in os.environ


def away_from_the_head() -> dict[str, Any]:
    """Options for tasks and actors that work but ask for no CPU: in a cluster they would else land beside the driver.

    The head has no CPUs there, which keeps only those away that ask for some.
    """
    name = os.environ.get(ENV_WORKER_RESOURCE)
    return {"resources": {name: 0.001}} if name else {}


def cpus() -> int:
    """CPUs there are for work, once an autoscaled cluster has grown; call it after :func:`start`."""
    import ray

    grown = os.environ.get(ENV_WORKER_CPUS)
    return max(1, int(grown if grown is not None else ray.cluster_resources().get("CPU", 1)))
