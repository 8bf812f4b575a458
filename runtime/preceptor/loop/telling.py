"""Where a run stands right now, kept for whoever shows it: what happened, and the step in progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from preceptor.loop.events import AnyEvent
from preceptor.loop.parts import Audience, Stage
from preceptor.loop.state import RunState, apply
from preceptor.recipes.amount import Amount
from preceptor.spec.document import Spec
from preceptor.storage.progress import Progress, ProgressWriter, StageProgress
from preceptor.storage.store import Store

Clock = Callable[[], float]
"""Monotonic seconds."""


@dataclass(frozen=True)
class Standing:
    """Where a run stands at a moment."""

    state: RunState
    """What happened so far."""
    elapsed: float
    """Seconds that drivers have been active."""
    stage: StageProgress | None
    """The step in progress."""


@dataclass
class _Step:
    """A step in progress, as it is told."""

    title: str
    total: int | None
    began: float
    done: int = 0
    spent: Amount = field(default_factory=Amount)
    first: tuple[float, int] | None = None
    """When it was first told that something is done, and how much: what comes before is a start, not a rate."""
    last: float = 0.0
    """When it last came further."""

    def advance(self, done: int, now: float) -> None:
        if self.first is None:
            self.first = now, done
        if done != self.done or self.first == (now, done):
            self.done, self.last = done, now

    def shown(self, now: float) -> StageProgress:
        rate = self._rate()
        left = None
        if rate is not None and self.total is not None:
            left = max(0.0, (self.total - self.done) / rate - (now - self.last))
        return StageProgress(
            title=self.title,
            done=self.done,
            total=self.total,
            seconds=round(now - self.began, 3),
            rate=None if rate is None else round(rate, 4),
            left=None if left is None else round(left, 1),
            spent=self.spent.to_data(),
        )

    def _rate(self) -> float | None:
        if self.first is None:
            return None
        since, before = self.first
        return (self.done - before) / (self.last - since) if self.done > before and self.last > since else None


class Follower:
    """Keeps up with a run. Reporters that show where it stands extend this; it may be read from another thread."""

    def __init__(self, *, now: Clock = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._state = RunState()
        self._since = now()
        self._steps: list[_Step] = []

    def begins(self, spec: Spec, state: RunState) -> None:
        """See :class:`preceptor.loop.parts.Audience`."""
        with self._lock:
            self._state, self._since = state, self._now()

    def happened(self, event: AnyEvent, within: str = "") -> None:
        """See :class:`preceptor.loop.parts.Reporter`."""
        if within:
            return
        with self._lock:
            self._state, self._since = apply(self._state, event), self._now()

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Stage]:
        """See :class:`preceptor.loop.parts.Reporter`."""
        step = _Step(title, total, self._now())
        with self._lock:
            self._steps.append(step)
        self.changed()
        try:
            yield _Told(self, step)
        finally:
            with self._lock:
                self._steps.remove(step)
            self.changed()

    def told(self, step: _Step, done: int | None, spent: Amount | None) -> None:
        """A step said how far it is."""
        with self._lock:
            if done is not None:
                step.advance(done, self._now())
            if spent is not None:
                step.spent = spent
        self.advanced()

    def standing(self) -> Standing:
        """Where the run stands now; of steps within steps, the innermost."""
        with self._lock:
            now = self._now()
            stage = self._steps[-1].shown(now) if self._steps else None
            return Standing(self._state, round(self._state.elapsed + now - self._since, 3), stage)

    def changed(self) -> None:
        """A step began or ended."""

    def advanced(self) -> None:
        """A step came further."""


@dataclass(frozen=True)
class _Told:
    """See :class:`preceptor.loop.parts.Stage`."""

    follower: Follower
    step: _Step

    def advance(self, done: int) -> None:
        self.follower.told(self.step, done, None)

    def spend(self, amount: Amount) -> None:
        self.follower.told(self.step, None, amount)


class StoredReporter(Follower):
    """Tells whoever looks at the run's storage. Use it in a ``with`` block."""

    def __init__(self, store: Store, epoch: int, *, now: Clock = time.monotonic, wall: Clock = time.time) -> None:
        """``epoch`` is the driver's; ``wall`` gives seconds since 1970."""
        super().__init__(now=now)
        self._wall = wall
        self._writer = ProgressWriter(store, epoch, self._progress)

    def __enter__(self) -> Self:
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.stop()

    def changed(self) -> None:
        """See :class:`Follower`."""
        self._writer.soon()

    def _progress(self) -> Progress:
        standing = self.standing()
        return Progress(at=round(self._wall(), 3), elapsed=standing.elapsed, stage=standing.stage)


@dataclass(frozen=True)
class Both:
    """Two reporters that are told the same."""

    first: Audience
    second: Audience

    def begins(self, spec: Spec, state: RunState) -> None:
        """See :class:`preceptor.loop.parts.Audience`."""
        self.first.begins(spec, state)
        self.second.begins(spec, state)

    def happened(self, event: AnyEvent, within: str = "") -> None:
        """See :class:`preceptor.loop.parts.Reporter`."""
        self.first.happened(event, within)
        self.second.happened(event, within)

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Stage]:
        """See :class:`preceptor.loop.parts.Reporter`."""
        with self.first.stage(title, total) as first, self.second.stage(title, total) as second:
            yield _BothStages(first, second)


@dataclass(frozen=True)
class _BothStages:
    first: Stage
    second: Stage

    def advance(self, done: int) -> None:
        self.first.advance(done)
        self.second.advance(done)

    def spend(self, amount: Amount) -> None:
        self.first.spend(amount)
        self.second.spend(amount)
