"""Follows a run in a cluster: its events go to the log, where it stands to the status."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from preceptor.console.progress import describe
from preceptor.console.standing import run_status
from preceptor.kube.status import Errand, StatusWriter
from preceptor.kube.telling import driver_status
from preceptor.loop.events import AnyEvent
from preceptor.loop.state import RunState
from preceptor.loop.telling import Follower
from preceptor.printable import printable
from preceptor.spec.document import Spec
from preceptor.spec.status import DriverStatus, Final

log = logging.getLogger("preceptor.run")


class ClusterReporter(Follower):
    """Tells the log and the status; see :class:`preceptor.loop.parts.Audience`."""

    def __init__(self, errand: Errand) -> None:
        super().__init__()
        self._spec: Spec | None = None
        self._writer = StatusWriter(errand, self._current)
        self.attempt = errand.attempt
        """The attempt that this driver carries out."""

    @property
    def began(self) -> bool:
        """Whether the run is this driver's."""
        return self._spec is not None

    def begins(self, spec: Spec, state: RunState) -> None:
        """See :class:`preceptor.loop.parts.Audience`."""
        super().begins(spec, state)
        self._spec = spec
        log.info("attempt %d goes on after %d iterations", self.attempt, len(state.iterations))
        self._writer.start()

    def happened(self, event: AnyEvent, within: str = "") -> None:
        """See :class:`preceptor.loop.parts.Reporter`."""
        super().happened(event, within)
        words = printable(describe(event))
        log.info("%s", f"{within}: {words}" if within else words)
        self._writer.soon()

    def changed(self) -> None:
        """See :class:`preceptor.loop.telling.Follower`."""
        self._writer.soon()

    def finish(self, final: Final) -> None:
        """Tell how it ended; waits until that is written, within reason."""
        self._writer.finish(final)

    def _current(self) -> DriverStatus | None:
        if self._spec is None:
            return None
        return driver_status(run_status("", self._spec, self.standing()), self.attempt, datetime.now(UTC))
