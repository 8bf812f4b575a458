"""Results from Ray, with errors as they were raised."""

from __future__ import annotations

from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from preceptor.errors import ClusterError, PreceptorError

RESTARTS = 3
"""Times an actor is started again after its process died; its tasks are tried as often."""


def fetched(reference: ray.ObjectRef) -> Any:
    """A task's result; our own errors come back as they were raised, losses of processes as :class:`ClusterError`."""
    try:
        return unwrapped(reference)
    except RayActorError as error:
        raise ClusterError(
            f"a Ray actor died {RESTARTS + 1} times, most likely for want of memory: {error}. Run the same command "
            "again to continue; if it dies again, lower student.inference.batchSize or teacher.concurrency"
        ) from error


def unwrapped(reference: ray.ObjectRef) -> Any:
    """A task's result; our own errors come back as they were raised, Ray's own as Ray raises them."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, PreceptorError):
            raise error.cause from None
        raise
