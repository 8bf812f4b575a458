"""Writes the driver's part of a Specialization's status: server-side apply with a field manager of its own.

An API server that is slow, gone or says no never holds a run up: a thread of its own writes what is newest, and only
the last word is worth waiting for.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from preceptor.spec.document import API_VERSION, KIND
from preceptor.spec.status import DRIVER_MANAGER, ENV_ATTEMPT, ENV_NAME, ENV_NAMESPACE, ENV_UID, DriverStatus, Final

SPACING_SECONDS = 5.0
"""Time between two writes."""
PARTING_SECONDS = 60.0
"""How long the last word is tried."""
RETRY_SECONDS = 1.0
"""Time between two tries of it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Errand:
    """For which object and attempt this process is the driver."""

    namespace: str
    """Its namespace; empty where there is no object."""
    name: str
    """Its name."""
    uid: str
    """Its uid."""
    attempt: int
    """The attempt; 0 outside a cluster."""

    @classmethod
    def of_environment(cls) -> Self:
        """What the operator put into the pod's environment."""
        value = os.environ.get
        attempt = value(ENV_ATTEMPT, "0")
        return cls(
            value(ENV_NAMESPACE, ""),
            value(ENV_NAME, ""),
            value(ENV_UID, ""),
            int(attempt) if attempt.isdecimal() else 0,
        )


class StatusWriter:
    """Keeps the status of an object up to date, from a daemon thread. ``current`` is called in that thread."""

    def __init__(self, errand: Errand, current: Callable[[], DriverStatus | None], *, spacing: float = SPACING_SECONDS):
        self._errand, self._current, self._spacing = errand, current, spacing
        self._due, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)
        self._client: Any = None
        self._said: set[str] = set()
        self._last: DriverStatus | None = None

    def start(self) -> None:
        """Begin to write, when there is an object to write to."""
        if self._errand.uid:
            self._thread.start()

    def soon(self) -> None:
        """Write as soon as the spacing allows; waits for nothing."""
        self._due.set()

    def finish(self, final: Final, *, patience: float = PARTING_SECONDS) -> None:
        """Write the last word, again and again until it is there or ``patience`` seconds are over."""
        if not self._errand.uid:
            return
        self._stopped.set()
        self._due.set()
        if self._thread.is_alive():
            self._thread.join(self._spacing)
        end = time.monotonic() + patience
        status = self._newest().model_copy(update={"final": final})
        while not self._write(status) and time.monotonic() < end:
            time.sleep(RETRY_SECONDS)
        if self._client is not None:
            self._client.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._due.clear()
            status = self._newest()
            if status != DriverStatus():
                self._write(status)
            self._stopped.wait(self._spacing)
            self._due.wait(self._spacing)

    def _newest(self) -> DriverStatus:
        return self._current() or self._last or DriverStatus()

    def _write(self, status: DriverStatus) -> bool:
        """Write; whether there is nothing left to try."""
        import httpx2
        from lightkube.core.exceptions import LoadResourceError

        self._last = status
        try:
            self._apply(status)
        except httpx2.HTTPStatusError as error:
            self._once(f"the API server answered {error.response.status_code}", error)
            # Not ours, gone, or forbidden: another try would be answered alike.
            return error.response.status_code in (403, 404, 409, 422)
        except (httpx2.TransportError, LoadResourceError, OSError) as error:
            self._once("the API server did not answer", error)
            return False
        return True

    def _apply(self, status: DriverStatus) -> None:
        from lightkube import Client
        from lightkube.generic_resource import create_namespaced_resource

        group, version = API_VERSION.split("/")
        resource: Any = create_namespaced_resource(group, version, KIND, f"{KIND.lower()}s")
        if self._client is None:
            self._client = Client(field_manager=DRIVER_MANAGER)
        # The uid makes a conflict of an object that was deleted and made anew under the same name.
        metadata = {"name": self._errand.name, "namespace": self._errand.namespace, "uid": self._errand.uid}
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": metadata,
            "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        self._client.apply(
            resource.Status.from_dict(body), self._errand.name, namespace=self._errand.namespace, force=True
        )

    def _once(self, what: str, error: Exception) -> None:
        if what not in self._said:
            self._said.add(what)
            log.warning("the status was not written: %s (%s)", what, type(error).__name__)
