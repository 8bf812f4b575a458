"""``preceptor status``: a run as its storage tells of it, once or as long as it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from preceptor.console.progress import PLAIN_SECONDS, describe, event_line
from preceptor.console.standing import DriverStatus, RunStatus, duration, overall_lines, run_status, stage_line
from preceptor.loop.event import BASE, SplitName
from preceptor.loop.events import AnyEvent, DocumentChanged, RunStarted, from_record
from preceptor.loop.state import RunState, fold
from preceptor.loop.telling import Standing
from preceptor.printable import printable
from preceptor.spec.document import Spec, Specialization
from preceptor.storage.lease import STALE_SECONDS, Sign, last_driver
from preceptor.storage.ledger import LedgerReader
from preceptor.storage.progress import Progress, read_progress
from preceptor.storage.store import Store

LOOK_SECONDS = 2.0
"""Time between two looks at a run."""
_AGAIN = "run the same command to continue"


@dataclass(frozen=True)
class Look:
    """What a look at a run's storage showed."""

    status: RunStatus
    """Where it stands."""
    state: RunState
    """What happened."""
    events: tuple[AnyEvent, ...]
    """The same as events, in order."""


class Observer:
    """Looks at a run's storage, again and again; reads every event once. Never writes."""

    def __init__(self, store: Store, *, wall: Callable[[], float] = time.time) -> None:
        """``wall`` gives seconds since 1970."""
        self._store = store
        self._wall = wall
        self._reader = LedgerReader(store)
        self._events: tuple[AnyEvent, ...] = ()
        self._newest = ""
        self._state = RunState()
        self._spec: Spec | None = None

    def look(self) -> Look | None:
        """Where the run stands now; ``None`` when there is none yet. Raises :class:`StorageError`."""
        records = self._reader.records()
        if not records:
            return None
        if records[-1].digest != self._newest:
            self._newest = records[-1].digest
            self._events = tuple(from_record(record) for record in records)
            self._state = fold(self._events)
            self._spec = _spec(self._events)
        driver = last_driver(self._store)
        progress = read_progress(self._store, driver.epoch) if driver else None
        return Look(self._status(driver, progress), self._state, self._events)

    def _status(self, driver: Sign | None, progress: Progress | None) -> RunStatus:
        state, now = self._state, self._wall()
        condition = _condition(driver, now)
        stage = progress.stage if progress else None
        if progress and (progress.elapsed < state.elapsed or state.published):
            stage = None  # what it tells of has ended in an event since
        elapsed = max(state.elapsed, progress.elapsed) if progress else state.elapsed
        status = run_status(self._store.uri(), self._spec, Standing(state, elapsed, stage), events=len(self._events))
        told: dict[str, Any] = {"written": None if progress is None else round(max(0.0, now - progress.at), 1)}
        if driver is not None and condition is not None:
            seen = round(max(0.0, now - driver.seen), 1)
            told["driver"] = DriverStatus(epoch=driver.epoch, condition=condition, seen=seen)
        if condition != "working":
            told["left"] = None
        return status.model_copy(update=told)


def _condition(driver: Sign | None, now: float) -> Any:
    if driver is None:
        return None
    if driver.released:
        return "released"
    if driver.dead:
        return "gone"
    return "silent" if now - driver.seen >= STALE_SECONDS else "working"


def _spec(events: tuple[AnyEvent, ...]) -> Spec | None:
    """The ``spec`` of the document as last run; ``None`` when this release cannot read it."""
    documents = [event.document for event in events if isinstance(event, RunStarted | DocumentChanged)]
    try:
        return Specialization.model_validate(documents[-1]).spec
    except (ValidationError, IndexError):
        return None


# --- pictures ---


def status_page(look: Look) -> RenderableType:
    """How far a run is: in words, then one row for the untrained student and one for each attempt, then comparisons."""
    lines = [*overall_lines(look.status), *driver_lines(look.status)]
    parts: list[RenderableType] = [Text(line) for line in lines]
    parts += [Text(), attempt_table(look.state)]
    state = look.state
    compared: list[AnyEvent] = [*state.controls.values(), *state.suites.values(), *state.removals.values()]
    if compared:
        parts += [Text(), *(Text(printable(describe(event))) for event in compared)]
    return Group(*parts)


def driver_lines(status: RunStatus) -> Iterator[str]:
    """What is under way and whether anybody is at work."""
    if status.phase == "finished":
        return
    condition = status.driver.condition if status.driver else "released"
    if status.stage is not None and status.written is not None:
        when = "now" if condition == "working" else "last"
        yield f"{when}: {stage_line(status.stage)} (written {duration(status.written)} ago)"
    if condition == "silent" and status.driver is not None:
        yield f"the driver has not been heard of for {duration(status.driver.seen)}; {_AGAIN}"
    elif condition == "gone":
        yield f"its driver is gone; {_AGAIN}"
    elif condition == "released":
        yield f"nobody is at work on it; {_AGAIN}"


def attempt_table(state: RunState) -> Table:
    """One row for the untrained student and one for each attempt."""
    table = Table(box=None, pad_edge=False)
    for name in ("attempt", "version", "rows", "feedback", "selection", ""):
        table.add_column(name, justify="left" if name in ("version", "") else "right")
    table.add_row("0", "untrained", "", _score(state, BASE, "feedback"), _score(state, BASE, "selection"), "")
    for attempt in state.attempts:
        trained = state.training_of(attempt)
        subject = trained.training if trained else ""
        if attempt.failure:
            remark = f"failed: {attempt.failure.reason}"
        elif attempt.judged:
            remark = "best" if attempt.judged.best else ""
        else:
            remark = "in progress" if state.ended is None else "unfinished"
        version, rows = (attempt.committed.version, str(attempt.committed.rows)) if attempt.committed else ("", "")
        scores = (_score(state, subject, "feedback"), _score(state, subject, "selection"))
        table.add_row(str(attempt.number), version, rows, *scores, Text(printable(remark)))
    return table


def _score(state: RunState, subject: str, split: SplitName) -> str:
    found = state.scores.get((subject, split))
    return f"{found.value:.1%}" if found else ""


# --- watching ---


def watch(
    observer: Observer,
    console: Console,
    where: str,
    *,
    pause: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Show a run until it is published: a picture that changes on a terminal, else a line for each event.

    A run that is not there yet is waited for. Raises :class:`StorageError`.
    """
    if console.is_terminal and not console.is_dumb_terminal:
        _draw(observer, console, where, pause)
    else:
        _tell(observer, console, where, pause, now)


def _looks(observer: Observer, pause: Callable[[float], None]) -> Iterator[Look | None]:
    """Look after look, the last when the run is published."""
    while True:
        look = observer.look()
        yield look
        if look is not None and look.state.published is not None:
            return
        pause(LOOK_SECONDS)


def _draw(observer: Observer, console: Console, where: str, pause: Callable[[float], None]) -> None:
    last: Look | None = None
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for look in _looks(observer, pause):
            last = look
            live.update(Text(_waiting(where)) if look is None else status_page(look), refresh=True)
    if last is not None:
        console.print(status_page(last))


def _tell(
    observer: Observer,
    console: Console,
    where: str,
    pause: Callable[[float], None],
    now: Callable[[], float],
) -> None:
    shown, told, before = 0, now(), ""
    for number, look in enumerate(_looks(observer, pause)):
        if look is None:
            if number == 0:
                _print(console, _waiting(where))
            continue
        for event in look.events[shown:]:
            _print(console, event_line(event.elapsed, describe(event)))
            told = now()
        shown = len(look.events)
        status = look.status
        condition = status.driver.condition if status.driver else ""
        if (condition != before and condition != "working") or now() - told >= PLAIN_SECONDS:
            for line in driver_lines(status):
                _print(console, event_line(status.elapsed, line))
            told = now()
        before = condition


def _waiting(where: str) -> str:
    return printable(f"there is no run in {where} yet; waiting for it")


def _print(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
