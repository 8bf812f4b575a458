"""What a run's storage tells somebody who only looks."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console

from preceptor.console.status import Observer, status_page, watch
from preceptor.loop.events import AnyEvent, Published
from preceptor.storage import layout
from preceptor.storage.lease import STALE_SECONDS
from preceptor.storage.ledger import Ledger
from preceptor.storage.progress import Progress, StageProgress
from preceptor.storage.store import Store
from support.history import history, started, write
from support.s3 import s3_root, s3_server

__all__ = ["s3_root", "s3_server"]


class FakeTime:
    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(str(tmp_path_factory.mktemp("run")))


@pytest.fixture
def ledger(store: Store, clock: FakeTime) -> Iterator[Ledger]:
    with Ledger.acquire(store, clock=clock, heartbeat_seconds=0) as ledger:
        yield ledger


def tell(store: Store, epoch: int, at: float, title: str = "train", elapsed: float = 1e6) -> None:
    stage = StageProgress(title=title, done=30, total=80, seconds=20.0, rate=2.0, left=25.0)
    store.write(layout.progress(epoch), Progress(at=at, elapsed=elapsed, stage=stage).model_dump_json().encode())


def page(observer: Observer) -> str:
    look = observer.look()
    assert look is not None
    console = Console(file=io.StringIO(), record=True, width=200)
    console.print(status_page(look))
    return console.export_text()


def unfinished() -> list[AnyEvent]:
    events = history(started(budget__usd=9.0))
    return events[: next(place for place, event in enumerate(events) if event.type == "iteration-judged") + 1]


def test_it_tells_of_everything(store: Store, clock: FakeTime, ledger: Ledger) -> None:
    write(ledger, unfinished())
    tell(store, ledger.epoch, clock.now - 3)
    shown = page(Observer(store, wall=clock))
    assert "searching: 1 of at most 2 iterations done" in shown
    assert "best so far: v1-abc, 75.0% on selection, untrained 25.0%" in shown
    assert "spent: 100 requests, 5,000 tokens, $0.25 of $9.00" in shown
    assert "now: train: 30 of 80, 20 s so far, 2.0 a second, about 25 s left (written 3 s ago)" in shown
    look = Observer(store, wall=clock).look()
    assert look is not None
    assert look.status.left is not None
    assert "v1-abc" in shown.splitlines()[-1]


def test_a_driver_that_is_silent_is_told_from_one_that_let_go(store: Store, clock: FakeTime, ledger: Ledger) -> None:
    write(ledger, unfinished())
    tell(store, ledger.epoch, clock.now)
    observer = Observer(store, wall=clock)
    clock.now += STALE_SECONDS - 1
    look = observer.look()
    assert look is not None
    assert look.status.driver is not None
    assert look.status.driver.condition == "working"
    clock.now += 241
    shown = page(observer)
    assert "the driver has not been heard of for 5 min; run the same command to continue" in shown
    assert "last: train: 30 of 80" in shown
    look = observer.look()
    assert look is not None
    assert look.status.left is None, "nobody works on it"
    ledger.release()
    assert "nobody is at work on it; run the same command to continue" in page(observer)


def test_a_driver_whose_process_is_gone_is_known_at_once(store: Store, clock: FakeTime, ledger: Ledger) -> None:
    write(ledger, unfinished())
    held = store.read_json(layout.lease(1))
    store.write_json(layout.lease(1), {**held, "holder": {**held["holder"], "started": 1}})
    assert "its driver is gone; run the same command to continue" in page(Observer(store, wall=clock))


def test_what_a_replaced_driver_tells_is_not_shown(store: Store, clock: FakeTime, ledger: Ledger) -> None:
    write(ledger, unfinished())
    ledger.release()
    with Ledger.acquire(store, clock=clock, heartbeat_seconds=0) as second:
        tell(store, ledger.epoch, clock.now, title="what the first does")
        shown = page(Observer(store, wall=clock))
        assert "what the first does" not in shown
        tell(store, second.epoch, clock.now, title="what the second does")
        assert "what the second does" in page(Observer(store, wall=clock))


def test_a_step_that_has_ended_since_is_not_shown(store: Store, clock: FakeTime, ledger: Ledger) -> None:
    events = unfinished()
    write(ledger, events)
    tell(store, ledger.epoch, clock.now, elapsed=events[-1].elapsed - 1)
    assert "now:" not in page(Observer(store, wall=clock))


def test_broken_progress_is_as_none(store: Store, clock: FakeTime, ledger: Ledger) -> None:
    write(ledger, unfinished())
    store.write(layout.progress(ledger.epoch), b'{"at": 1, "elapsed"')
    assert "searching" in page(Observer(store, wall=clock))


def test_a_document_of_another_release_is_shown_without_its_limits(
    store: Store, clock: FakeTime, ledger: Ledger
) -> None:
    first = started()
    first.document["spec"]["novelty"] = 1
    write(ledger, [first, *unfinished()[1:]])
    shown = page(Observer(store, wall=clock))
    assert "searching: 1 iterations done" in shown
    assert "best so far: v1-abc" in shown


def test_only_what_is_new_is_read(
    store: Store, clock: FakeTime, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = history()
    write(ledger, events[:5])
    observer = Observer(store, wall=clock)
    observer.look()
    read: list[str] = []
    really = Store.read

    def reading(self: Store, path: str) -> bytes:
        read.append(path)
        return really(self, path)

    monkeypatch.setattr(Store, "read", reading)
    observer.look()
    assert not [path for path in read if path.startswith(layout.LEDGER)]
    write(ledger, events[5:7])
    look = observer.look()
    assert len([path for path in read if path.startswith(layout.LEDGER)]) == 2
    assert look is not None
    assert look.status.events == 7


def test_what_is_printed_for_scripts_can_be_relied_on(store: Store, clock: FakeTime, ledger: Ledger) -> None:
    write(ledger, unfinished())
    tell(store, ledger.epoch, clock.now - 3)
    look = Observer(store, wall=clock).look()
    assert look is not None
    printed = json.loads(json.dumps(look.status.model_dump(mode="json", by_alias=True)))
    assert printed.pop("left").keys() == {"low", "high"}
    assert printed == {
        "run": store.uri(),
        "phase": "searching",
        "verdict": None,
        "ended": None,
        "elapsed": 1e6,
        "events": 8,
        "iterations": {"spent": 1, "limit": 2},
        "attempts": {"spent": 1, "limit": 9},
        "best": {"version": "v1-abc", "training": "t-1", "selection": 0.75, "untrained": 0.25},
        "requests": {"spent": 100, "limit": None},
        "tokens": {"spent": 5000, "limit": None},
        "usd": {"spent": 0.25, "limit": 9.0},
        "stage": {
            "title": "train",
            "done": 30,
            "total": 80,
            "seconds": 20.0,
            "rate": 2.0,
            "left": 25.0,
            "spent": {},
        },
        "written": 3.0,
        "driver": {"epoch": 1, "condition": "working", "seen": 0.0},
    }


def watched(store: Store, clock: FakeTime, steps: list[Callable[[], object]], *, terminal: bool) -> str:
    """What watching shows while the steps happen, one between two looks."""
    written = io.StringIO()
    console = Console(file=written, width=100, force_terminal=terminal, legacy_windows=False)
    left = iter(steps)

    def pause(seconds: float) -> None:
        clock.now += seconds
        next(left)()

    watch(Observer(store, wall=clock), console, store.uri(), pause=pause, now=clock)
    assert next(left, None) is None, "it ended too early"
    return written.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("kind", ["file", "s3"])
def test_watching_waits_for_a_run_and_ends_with_it(
    kind: str,
    terminal: bool,
    clock: FakeTime,
    store: Store,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    if kind == "s3":
        store = Store.open(str(request.getfixturevalue("s3_root")))
    events = history()
    held: list[Ledger] = []

    def begin() -> None:
        held.append(Ledger.acquire(store, clock=clock, heartbeat_seconds=0))
        write(held[0], events[:4])

    def go_on() -> None:
        tell(store, 1, clock.now)
        clock.now += 59
        held[0]._heartbeat.beat()

    shown = watched(
        store,
        clock,
        [lambda: None, begin, go_on, lambda: write(held[0], events[4:-1]), lambda: write(held[0], events[-1:])],
        terminal=terminal,
    )
    assert shown.count(f"there is no run in {store.uri()} yet") == (2 if terminal else 1)
    assert "train: 30 of 80" in shown
    if terminal:
        assert shown.rindex("finished: improved") > shown.rindex("\x1b[?25h")
    else:
        assert "\x1b" not in shown
        told = [line for line in shown.splitlines() if "now: " not in line]
        assert len(told) == 1 + len(events), "every event once"
        assert told[-1].endswith("published: improved")
    held[0].release()


def test_watching_tells_once_that_the_driver_is_silent(store: Store, clock: FakeTime, ledger: Ledger) -> None:
    write(ledger, unfinished())

    def hush() -> None:
        clock.now += STALE_SECONDS

    published = Published(verdict="no-improvement", elapsed=1e4)
    shown = watched(
        store, clock, [hush, lambda: None, lambda: None, lambda: write(ledger, [published])], terminal=False
    )
    assert shown.count("the driver has not been heard of") == 1
