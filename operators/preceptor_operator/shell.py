"""The operator around ``reconcile``: kopf tells what changed, workers look anew and carry out what is decided.

Nothing is kept in annotations or finalizers, and nothing in memory that matters: an operator that starts sees every
object once and goes on where another one stopped.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import kopf

from preceptor.errors import PreceptorError
from preceptor_operator.actions import Apply
from preceptor_operator.gateway import ConflictError, RefusedError, UnreachableError
from preceptor_operator.lightkube_cluster import Cluster
from preceptor_operator.logs import LOG
from preceptor_operator.metrics import Metrics
from preceptor_operator.names import GROUP, LABEL_NAME, PLURAL, RAY_GROUP, RAY_VERSION, VERSION
from preceptor_operator.reading import Json, status_of
from preceptor_operator.reconcile import reconcile
from preceptor_operator.settings import Settings
from preceptor_operator.workqueue import WorkQueue

WORKERS = 4
"""Looks at once: they wait for the API server more than they compute."""
RESYNC = 600.0
"""Seconds after which an object that has not ended is looked at though nobody told of it."""
REFUSED_WAIT = 60.0
"""Seconds after which something the API server refuses is tried again: rights and admission rules change."""
Key = tuple[str, str]
"""Namespace and name."""


class Shell:
    """One operator that acts. ``inactivity`` bounds, in seconds, how long a watch may be silent."""

    def __init__(self, cluster: Cluster, settings: Settings, metrics: Metrics, *, inactivity: float = 60.0) -> None:
        self._cluster, self._settings, self._metrics = cluster, settings, metrics
        self._inactivity = inactivity
        self._queue: WorkQueue[Key] = WorkQueue()
        self._told: dict[Key, object] = {}
        self.beat = time.monotonic()
        """When the event loop was last seen alive, by :func:`time.monotonic`."""

    async def run(self, stop: threading.Event, ready: threading.Event | None = None) -> None:
        """Watch and act until ``stop`` is set."""
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="look") as threads:
            others = [asyncio.create_task(self._work(threads)) for _ in range(WORKERS)]
            others.append(asyncio.create_task(self._live()))
            try:
                await kopf.operator(
                    registry=self._registry(),
                    settings=self._kopf_settings(),
                    standalone=True,
                    clusterwide=not self._settings.namespaces,
                    namespaces=self._settings.namespaces,
                    stop_flag=stop,
                    ready_flag=ready,
                )
            finally:
                for task in others:
                    task.cancel()
                await asyncio.gather(*others, return_exceptions=True)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(_login)
        kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(self._saw_specialization)
        for resource in ((RAY_GROUP, RAY_VERSION, "rayjobs"), ("", "v1", "pods")):
            kopf.on.event(*resource, labels={LABEL_NAME: kopf.PRESENT}, registry=registry)(self._saw_child)
        return registry

    def _kopf_settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        settings.posting.enabled = False  # events are ours: `reconcile` decides them
        settings.scanning.disabled = True  # what there is to watch is known, and needs no rights on definitions
        settings.watching.inactivity_timeout = self._inactivity
        settings.watching.server_timeout = 300
        settings.networking.request_timeout = 30
        settings.process.ultimate_exiting_timeout = 10
        return settings

    async def _saw_specialization(self, type: str | None, body: Json, **_: Any) -> None:
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if type == "DELETED":
            self._metrics.gone(*key)
            self._told.pop(key, None)
            self._queue.forget(key)
            return
        status = status_of(body)
        self._metrics.saw(*key, status)
        # Progress comes every few seconds and our own status after each look; neither changes what there is to do.
        telling = (body["metadata"]["uid"], body["metadata"].get("generation"), status.final, type is None)
        if self._told.get(key) != telling or "deletionTimestamp" in body["metadata"]:
            self._told[key] = telling
            self._queue.add(key)

    async def _saw_child(self, body: Json, **_: Any) -> None:
        metadata = body["metadata"]
        self._queue.add((metadata["namespace"], metadata["labels"][LABEL_NAME]))

    async def _live(self) -> None:
        while True:
            self.beat = time.monotonic()
            self._metrics.waiting.set(len(self._queue))
            await asyncio.sleep(1)

    async def _work(self, threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            key = await self._queue.take()
            again, failed = await loop.run_in_executor(threads, self._look, key)
            self._queue.done(key, again=again, failed=failed)

    def _look(self, key: Key) -> tuple[float | None, bool]:
        """Look at an object and act; return when to look again, and whether it failed."""
        about = {"namespace": key[0], "specialization": key[1]}
        begun = time.monotonic()
        try:
            again = self._reconcile(key, about)
        except ConflictError as error:
            LOG.info("somebody was faster, looking again: %s", error, extra=about)
            result, again, failed = "conflict", None, True
        except UnreachableError as error:
            LOG.warning("looking again soon: %s", error, extra=about)
            result, again, failed = "unreachable", None, True
        except (RefusedError, PreceptorError) as error:
            LOG.error("the API server refuses: %s", error, extra=about)
            result, again, failed = "refused", REFUSED_WAIT, False
        except Exception:  # noqa: BLE001 - a bug in one object's handling must not end that of all others
            LOG.exception("a look failed; this is a bug of the operator", extra=about)
            result, again, failed = "error", None, True
        else:
            result, failed = "ok", False
        self._metrics.looks.labels(result).inc()
        self._metrics.seconds.observe(time.monotonic() - begun)
        return again, failed

    def _reconcile(self, key: Key, about: dict[str, str]) -> float | None:
        found = self._cluster.look(*key)
        if found is None:
            return None
        obj, observed = found
        plan = reconcile(observed, self._settings, datetime.now(UTC))
        for action in plan.actions:
            self._cluster.carry_out(action, obj)
            if isinstance(action, Apply) and action.manifest["kind"] == "RayJob":
                self._metrics.begun.inc()
                LOG.info("RayJob %s applied", action.manifest["metadata"]["name"], extra=about)
        if plan.again is not None or observed.status.completion_time is not None:
            return plan.again
        return RESYNC * random.uniform(0.8, 1.2)


def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """As whom kopf watches: the pod's ServiceAccount, or the current context of the kubeconfig."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
