"""What a driver tells of its step in progress: it may fail, and nothing else may fail with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from preceptor.errors import StorageError
from preceptor.storage import layout, progress
from preceptor.storage.progress import Progress, ProgressWriter, StageProgress, read_progress
from preceptor.storage.store import Store

STAGE = StageProgress(title="train", done=3, total=8, seconds=1.5, rate=2.0, left=2.5, spent={"requests": 4})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SPACING_SECONDS", 0.0)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)  # a look at another thread


def test_what_is_told_is_read_and_told_once_more_at_the_end(store: Store) -> None:
    told = [Progress(at=1.0, elapsed=2.0, stage=STAGE)]
    writer = ProgressWriter(store, 3, lambda: told[-1], interval=1000)
    writer.start()
    until(lambda: read_progress(store, 3) == told[0])
    told.append(Progress(at=2.0, elapsed=3.0))
    writer.soon()
    until(lambda: read_progress(store, 3) == told[1])
    told.append(Progress(at=3.0, elapsed=4.0))
    writer.stop()
    assert read_progress(store, 3) == told[2]
    assert store.names(layout.PROGRESS) == ["000003.json"], "however often it is told, it is one object"
    assert read_progress(store, 2) is None


def test_it_is_told_again_as_time_goes_by(tmp_path: Path) -> None:
    calls = iter(range(10**9))
    writer = ProgressWriter(
        Store.open(str(tmp_path)), 1, lambda: Progress(at=0, elapsed=float(next(calls))), interval=0.01
    )
    writer.start()
    until(lambda: (read_progress(Store.open(str(tmp_path)), 1) or Progress(at=0, elapsed=0)).elapsed > 3)
    writer.stop()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at": "soon", "elapsed": 1}', b"\xff\xfe", b"null"])
def test_a_broken_one_is_as_none(content: bytes, tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    store.write(layout.progress(1), content)
    assert read_progress(store, 1) is None


def test_keys_of_later_releases_are_left_alone(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    store.write_json(layout.progress(1), {"at": 1, "elapsed": 2, "mood": "good"})
    assert read_progress(store, 1) == Progress(at=1, elapsed=2)


def test_a_store_that_cannot_be_written_harms_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / layout.PROGRESS).write_text("a file where a directory belongs")
    told: list[int] = []
    writer = ProgressWriter(
        Store.open(str(tmp_path)), 1, lambda: Progress(at=0, elapsed=told.append(1) or 0.0), interval=0.01
    )
    with caplog.at_level("DEBUG", logger="preceptor.storage.progress"):
        writer.start()
        until(lambda: len(told) > 2)
        writer.stop()
    assert {record.levelname for record in caplog.records} == {"DEBUG"}
    assert "could not write progress" in caplog.text
    with pytest.raises(StorageError):
        Store.open(str(tmp_path)).write(layout.progress(1), b"")


def test_no_two_writes_at_once_and_nobody_waits_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(progress, "PARTING_SECONDS", 0.05)
    store, going, go_on = Store.open(str(tmp_path)), [0], threading.Event()
    most: list[int] = []

    def slow(self: Store, path: str, data: bytes) -> None:
        going[0] += 1
        most.append(going[0])
        go_on.wait(30)
        going[0] -= 1

    monkeypatch.setattr(Store, "write", slow)
    writer = ProgressWriter(store, 1, lambda: Progress(at=0, elapsed=0), interval=0.001)
    writer.start()
    until(lambda: bool(most))
    for _ in range(20):
        writer.soon()
    began = time.monotonic()
    writer.stop()
    assert time.monotonic() - began < 10, "a store that hangs does not hold the run's end"
    assert most == [1]
    go_on.set()
    until(lambda: not writer._thread.is_alive())
    assert max(most) == 1
