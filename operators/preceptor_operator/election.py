"""Which of several operators acts: the holder of a Lease (``coordination.k8s.io/v1``), renewed while it lives.

One that cannot renew in time must stop before another may begin; so it gives up at two thirds of the lease, and its
process ends. Times of the Lease are never compared with our clock: another holder's lease has run out when it has not
changed for its duration of our own time (as Kubernetes' client-go does it).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx2
from lightkube import Client
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease

from preceptor.errors import ClusterError, UserError
from preceptor_operator.lightkube_gateway import errors_of_the_gateway


class Leadership:
    """A candidate for a Lease. ``duration`` is in seconds."""

    def __init__(self, client: Client, namespace: str, name: str, identity: str, duration: float) -> None:
        self._client = client
        self._namespace, self._name, self._identity = namespace, name, identity
        self._duration = duration
        self._seen: tuple[str | None, float] = (None, 0.0)
        self.renewed: float | None = None
        """When the Lease was last ours, by :func:`time.monotonic`; ``None`` while it is not."""

    @property
    def pause(self) -> float:
        """Seconds between two tries."""
        return max(self._duration / 5, 0.05)

    @property
    def leads(self) -> bool:
        """Whether this process may act now."""
        return self.renewed is not None and time.monotonic() - self.renewed < self._duration * 2 / 3

    def acquire(self, stop: threading.Event) -> bool:
        """Wait until the Lease is ours; ``False`` when ``stop`` is set first.

        Raises :class:`~preceptor_operator.gateway.RefusedError` where the API server does not allow it.
        """
        while not stop.is_set():
            if self._try():
                return True
            stop.wait(self.pause)
        return False

    def hold(self, stop: threading.Event, lost: Callable[[], None]) -> None:
        """Renew until ``stop`` is set, then give the Lease back; call ``lost`` when it could not be renewed in time."""
        while not stop.wait(self.pause):
            if not self._try() and not self.leads:
                self.renewed = None
                lost()
                return
        self._release()

    def _try(self) -> bool:
        asked = time.monotonic()  # before the request: the others count from when the API server has it
        try:
            taken = self._take()
        except ClusterError:
            return False  # unreachable, or another one was faster
        if taken:
            self.renewed = asked
        return taken

    def _take(self) -> bool:
        lease = self._read()
        spec = LeaseSpec(
            holderIdentity=self._identity,
            leaseDurationSeconds=max(1, round(self._duration)),
            renewTime=datetime.now(UTC),
            acquireTime=datetime.now(UTC),
        )
        if lease is None:
            with errors_of_the_gateway():
                self._client.create(Lease(metadata=ObjectMeta(name=self._name, namespace=self._namespace), spec=spec))
            return True
        known = lease.spec or LeaseSpec()
        if known.holderIdentity == self._identity:
            spec.acquireTime, spec.leaseTransitions = known.acquireTime, known.leaseTransitions
        elif known.holderIdentity and not self._expired(lease):
            return False
        else:
            spec.leaseTransitions = (known.leaseTransitions or 0) + 1
        lease.spec = spec
        with errors_of_the_gateway():
            self._client.replace(lease)  # with the resourceVersion that was read
        return True

    def _expired(self, lease: Lease) -> bool:
        """Whether the Lease has not changed for its duration."""
        version = lease.metadata.resourceVersion if lease.metadata else None
        if version != self._seen[0]:
            self._seen = (version, time.monotonic())
            return False
        held = (lease.spec.leaseDurationSeconds if lease.spec else None) or self._duration
        return time.monotonic() - self._seen[1] > held

    def _read(self) -> Lease | None:
        with errors_of_the_gateway():
            try:
                return self._client.get(Lease, self._name, namespace=self._namespace)
            except httpx2.HTTPStatusError as error:
                if error.response.status_code == 404:
                    return None
                raise

    def _release(self) -> None:
        """Leave the Lease to whoever comes, at once."""
        self.renewed = None
        try:
            lease = self._read()
            if lease is not None and lease.spec is not None and lease.spec.holderIdentity == self._identity:
                lease.spec = LeaseSpec(
                    holderIdentity="", leaseDurationSeconds=1, leaseTransitions=lease.spec.leaseTransitions
                )
                with errors_of_the_gateway():
                    self._client.replace(lease)
        except (ClusterError, UserError):
            return  # it runs out by itself
