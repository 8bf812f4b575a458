"""A reporter that keeps what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from preceptor.loop.events import AnyEvent
from preceptor.loop.state import RunState
from preceptor.recipes.amount import Amount
from preceptor.spec.document import Spec


class _Stage:
    def advance(self, done: int) -> None:
        pass

    def spend(self, amount: Amount) -> None:
        pass


class SilentReporter:
    """Tells nobody."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[_Stage]:
        yield _Stage()

    def happened(self, event: AnyEvent, within: str = "") -> None:
        if not within:
            self.events.append(event)

    def begins(self, spec: Spec, state: RunState) -> None:
        pass
