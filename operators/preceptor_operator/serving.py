"""``preceptor-operator run``: waits for the Lease, acts while it holds it, and ends when it is told to or loses it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lightkube import Client
from prometheus_client import start_http_server

from preceptor_operator.election import Leadership
from preceptor_operator.lightkube_cluster import Cluster
from preceptor_operator.logs import LOG, configure
from preceptor_operator.metrics import Metrics
from preceptor_operator.probes import Probes
from preceptor_operator.settings import NAMESPACE_FILE, Settings
from preceptor_operator.shell import Shell

LOST = 3
"""Exit code of an operator that lost its Lease: the kubelet starts it again, and it waits in line."""
STUCK = 60.0
"""Seconds without a turn of the event loop after which the process counts as dead."""


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; return the exit code.

    Raises :class:`~preceptor_operator.gateway.RefusedError` where the API server does not allow the Lease.
    """
    configure(json_lines=settings.json_logs)
    stop, lost = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    metrics = Metrics()
    client = Client(namespace=_namespace(), field_manager="preceptor-operator")
    shell = Shell(Cluster(client), settings, metrics)
    acting = threading.Event()
    probes = None
    if settings.probe_port:
        probes = Probes(
            settings.probe_port,
            healthy=lambda: not acting.is_set() or time.monotonic() - shell.beat < STUCK,
            ready=lambda: not stop.is_set(),
        )
    if settings.metrics_port:
        start_http_server(settings.metrics_port, registry=metrics.registry)
    try:
        election = _elected(settings, client, stop)
        if election is None and settings.election.enabled:
            return 0
        LOG.info("acting")
        shell.beat = time.monotonic()
        acting.set()
        metrics.leads.set(1)
        holding = None
        if election is not None:
            arguments = (stop, lambda: _stop_at_once(lost, stop))
            holding = threading.Thread(target=election.hold, args=arguments, name="lease", daemon=True)
            holding.start()
        _act(shell, stop)
        if holding is not None:
            holding.join(timeout=settings.election.duration)
        return LOST if lost.is_set() else 0
    finally:
        if probes is not None:
            probes.close()


def _act(shell: Shell, stop: threading.Event) -> None:
    """Watch and act until ``stop`` is set; raises what ended it otherwise.

    On a thread of its own, because kopf takes the main thread's signals, and then nobody would set ``stop``.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="shell") as threads:
        acting = threads.submit(lambda: asyncio.run(shell.run(stop)))
        try:
            while not stop.wait(0.5) and not acting.done():
                pass
        finally:
            stop.set()
        acting.result()


def _elected(settings: Settings, client: Client, stop: threading.Event) -> Leadership | None:
    """Wait for the Lease; ``None`` without election, or when told to stop."""
    if not settings.election.enabled:
        return None
    election = settings.election
    identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
    leadership = Leadership(client, election.namespace or _namespace(), election.name, identity, election.duration)
    LOG.info("waiting for the Lease %s", election.name)
    return leadership if leadership.acquire(stop) else None


def _stop_at_once(lost: threading.Event, stop: threading.Event) -> None:
    """Nobody may act after the Lease has run out, not even to end in good order."""
    LOG.error("the Lease could not be renewed in time; ending, so that another operator can act")
    lost.set()
    stop.set()
    os._exit(LOST)


def _namespace() -> str:
    """The pod's namespace; ``default`` outside a cluster."""
    try:
        return Path(NAMESPACE_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return os.environ.get("POD_NAMESPACE", "default")
