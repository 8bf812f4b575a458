"""What Prometheus may ask: looks and their outcome, objects by phase, and what each run has used up and reached."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from preceptor.spec.status import Phase, Status

_RUN = ("namespace", "name")


class Metrics:
    """The operator's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        """What an exporter serves."""
        self.looks = Counter("preceptor_reconciles", "Looks at Specializations.", ("result",), registry=self.registry)
        """Labelled ``ok``, ``conflict``, ``refused``, ``unreachable`` or ``error``."""
        self.seconds = Histogram(
            "preceptor_reconcile_seconds", "Seconds a look took, actions included.", registry=self.registry
        )
        """One observation a look."""
        self.begun = Counter("preceptor_attempts", "Attempts whose RayJob was applied.", registry=self.registry)
        """Counted by this process."""
        self.leads = Gauge("preceptor_leader", "1 while this process may act.", registry=self.registry)
        """Of two operators one has 1."""
        self.waiting = Gauge("preceptor_queue_length", "Specializations that wait for a look.", registry=self.registry)
        """Keys in the queue."""
        self._phases = Gauge("preceptor_specializations", "Specializations.", ("phase",), registry=self.registry)
        self._usd = Gauge("preceptor_run_spent_usd", "Dollars for teacher and engineer.", _RUN, registry=self.registry)
        self._requests = Gauge("preceptor_run_requests", "Requests to the teacher.", _RUN, registry=self.registry)
        self._tokens = Gauge("preceptor_run_tokens", "Tokens of teacher and engineer.", _RUN, registry=self.registry)
        self._iteration = Gauge("preceptor_run_iteration", "Versions trained and judged.", _RUN, registry=self.registry)
        self._best = Gauge("preceptor_run_best_percent", "Best score on selection.", _RUN, registry=self.registry)
        self._failures = Gauge("preceptor_run_failures", "Attempts lost in a row.", _RUN, registry=self.registry)
        self._known: dict[tuple[str, str], str] = {}
        self._count: Counts[str] = Counts()

    def saw(self, namespace: str, name: str, status: Status) -> None:
        """Note an object's status."""
        run = (namespace, name)
        self._count[self._known.get(run, "")] -= 1
        self._known[run] = status.phase or "Pending"
        self._count[self._known[run]] += 1
        self._failures.labels(*run).set(status.failures)
        if status.progress is not None:
            self._iteration.labels(*run).set(status.progress.iteration)
        if status.spent is not None:
            self._usd.labels(*run).set(_number(status.spent.usd))
            self._requests.labels(*run).set(status.spent.requests)
            self._tokens.labels(*run).set(status.spent.tokens)
        if status.best is not None:
            self._best.labels(*run).set(_number(status.best.selection))
        self._tell_phases(self._count)

    def gone(self, namespace: str, name: str) -> None:
        """Forget an object."""
        run = (namespace, name)
        phase = self._known.pop(run, None)
        if phase is None:
            return
        self._count[phase] -= 1
        for gauge in (self._usd, self._requests, self._tokens, self._iteration, self._best, self._failures):
            gauge.clear() if not self._known else _forget(gauge, run)
        self._tell_phases(self._count)

    def _tell_phases(self, count: Mapping[str, int]) -> None:
        for phase in get_args(Phase):
            self._phases.labels(phase).set(count.get(phase, 0))


def _forget(gauge: Gauge, run: tuple[str, str]) -> None:
    try:
        gauge.remove(*run)
    except KeyError:
        return  # it never had one


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
