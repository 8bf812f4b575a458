"""One writer, no lost event, no gap: with two drivers, sleepers, and kills between any two writes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from preceptor.errors import FencedError, StorageError
from preceptor.storage import layout
from preceptor.storage.lease import STALE_SECONDS, Holder
from preceptor.storage.ledger import Ledger, read_records
from preceptor.storage.store import Store

DEAD = replace(Holder.here(), started=1)
"""A process of this machine that is gone: its number now belongs to another."""
ELSEWHERE = Holder(host="another-host", pid=7, place="boot pid:[1]", started=5)


class Clock:
    """Time that moves when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Killed(BaseException):
    """The process is gone: nothing catches this."""


class Scripted(Store):
    """A store that calls ``before`` and ``after`` around every write."""

    before: Callable[[str], None] = staticmethod(lambda path: None)
    after: Callable[[str], None] = staticmethod(lambda path: None)

    @classmethod
    def over(cls, store: Store) -> Scripted:
        return cls(store._backend, store._root, store._uri)

    def write(self, path: str, data: bytes) -> None:
        self.before(path)
        super().write(path, data)
        self.after(path)

    def create(self, path: str, data: bytes) -> None:
        self.before(path)
        super().create(path, data)
        self.after(path)


def acquire(store: Store, holder: Holder | None = None, clock: Callable[[], float] | None = None) -> Ledger:
    """A ledger whose heartbeat does not run by itself."""
    return Ledger.acquire(store, holder, clock=clock or Clock(), heartbeat_seconds=0)


def told(store: Store) -> list[str]:
    return [record.type for record in read_records(store)]


def test_events_stay_in_order_over_drivers(store: Store) -> None:
    clock = Clock()
    with acquire(store, clock=clock) as ledger:
        first = ledger.append("run-started", {"name": "ü", "seed": 1})
        ledger.append("student-trained", {"losses": [1.5, 0.5]})
    clock.now += 10
    with acquire(store, clock=clock) as ledger:
        assert ledger.epoch == 2
        assert ledger.records[0] == first
        third = ledger.append("published", {})
    assert store.names("ledger") == ["000001-run-started.json", "000002-student-trained.json", "000003-published.json"]
    records = read_records(store)
    assert [(record.number, record.epoch, record.at) for record in records] == [
        (1, 1, 1_800_000_000.0),
        (2, 1, 1_800_000_000.0),
        (3, 2, 1_800_000_010.0),
    ]
    assert records[1].data == {"losses": [1.5, 0.5]}
    assert records[2] == third


def test_a_record_is_detached_from_what_the_caller_changes_later(store: Store) -> None:
    data = {"rows": [1]}
    with acquire(store) as ledger:
        ledger.append("a", data)
        data["rows"].append(2)
        assert ledger.records == read_records(store)


def test_nothing_happened_yet(store: Store) -> None:
    assert read_records(store) == ()


@pytest.mark.parametrize("type", ["", "Student", "a/b", "a--b", "../x", "a b"])
def test_types_are_plain_words(type: str) -> None:
    store = Store.open("memory://types")
    with acquire(store) as ledger, pytest.raises(ValueError, match="not an event"):
        ledger.append(type, {})


def test_an_event_that_is_not_json_writes_nothing_and_does_no_harm() -> None:
    store = Store.open("memory://not-json")
    with acquire(store) as ledger:
        with pytest.raises(ValueError, match="JSON"):
            ledger.append("a", {"loss": float("inf")})
        ledger.append("b", {})
    assert told(store) == ["b"]


# --- who holds the run ---


def test_a_second_driver_is_refused_while_the_first_lives(store: Store) -> None:
    with acquire(store), pytest.raises(FencedError, match=rf"host .*, pid {os.getpid()}, since 2027-01-15T") as caught:
        acquire(store)
    assert caught.value.mend
    acquire(store).release()


def test_of_drivers_that_start_together_one_gets_the_run(root: str) -> None:
    drivers = 6
    start = threading.Barrier(drivers)
    got: list[Ledger] = []
    refused: list[FencedError] = []

    def drive() -> None:
        store = Store.open(root)
        start.wait()
        try:
            got.append(acquire(store))
        except FencedError as error:
            refused.append(error)

    threads = [threading.Thread(target=drive) for _ in range(drivers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, drivers - 1)


def test_a_lease_is_in_force_the_moment_it_can_be_seen(store: Store) -> None:
    refused: list[str] = []

    def look(path: str) -> None:
        if path == layout.lease(1):
            with pytest.raises(FencedError) as caught:
                acquire(store)
            refused.append(caught.value.message)

    scripted = Scripted.over(store)
    scripted.after = look
    acquire(scripted).release()
    assert len(refused) == 1


def test_a_dead_process_of_this_machine_is_replaced_at_once(store: Store) -> None:
    acquire(store, DEAD).append("run-started", {})
    with acquire(store) as ledger:
        ledger.append("published", {})
    assert told(store) == ["run-started", "published"]


def test_a_process_of_this_machine_is_believed_alive_however_long_it_is_silent(store: Store) -> None:
    clock = Clock()
    with acquire(store, clock=clock):
        clock.now += 100 * STALE_SECONDS
        with pytest.raises(FencedError, match="is at work on it"):
            acquire(store, clock=clock)


def test_a_driver_elsewhere_is_replaced_when_it_has_been_silent(store: Store) -> None:
    clock = Clock()
    away = acquire(store, ELSEWHERE, clock)
    clock.now += STALE_SECONDS - 1
    with pytest.raises(FencedError, match="another-host, pid 7"):
        acquire(store, clock=clock)
    away._heartbeat.beat()
    clock.now += STALE_SECONDS - 1
    with pytest.raises(FencedError):
        acquire(store, clock=clock)
    clock.now += 1
    acquire(store, clock=clock).release()


def test_a_driver_elsewhere_that_let_go_is_replaced_at_once(store: Store) -> None:
    acquire(store, ELSEWHERE).release()
    acquire(store).release()


def test_a_driver_killed_before_its_first_heartbeat_counts_from_its_lease(store: Store) -> None:
    clock = Clock()
    acquire(store, ELSEWHERE, clock)
    store.delete(layout.heartbeat(1))
    with pytest.raises(FencedError):
        acquire(store, clock=clock)
    clock.now += STALE_SECONDS
    acquire(store, clock=clock).release()


def test_sigkill_and_the_same_command_again(tmp_path: Path) -> None:
    code = (
        "import sys, time; from preceptor.storage.ledger import Ledger; from preceptor.storage.store import Store\n"
        "ledger = Ledger.acquire(Store.open(sys.argv[1])); ledger.append('run-started', {})\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    driver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "ready\n"
    store = Store.open(str(tmp_path))
    with pytest.raises(FencedError, match=f"pid {driver.pid}"):
        Ledger.acquire(store)
    driver.kill()
    os.waitid(os.P_PID, driver.pid, os.WEXITED | os.WNOWAIT)  # dead, yet its parent has not looked: a zombie
    with Ledger.acquire(store) as ledger:
        assert [record.type for record in ledger.records] == ["run-started"]
    driver.communicate()


def test_the_heartbeat_beats_by_itself_and_survives_a_store_that_is_down(caplog: pytest.LogCaptureFixture) -> None:
    store = Scripted.over(Store.open("memory://heartbeat"))
    beats = threading.Semaphore(0)
    failures = iter([False, True, True, False])

    def before(path: str) -> None:
        if path == layout.heartbeat(1) and next(failures, False):
            raise StorageError("the store is down")

    store.before = before
    store.after = lambda path: beats.release() if path == layout.heartbeat(1) else None
    with caplog.at_level(logging.WARNING), Ledger.acquire(store, heartbeat_seconds=0.001) as ledger:
        for _ in range(3):
            assert beats.acquire(timeout=30)
        ledger.append("run-started", {})
    assert caplog.messages == ["missed a heartbeat: the store is down"] * 2
    assert store.read_json(layout.heartbeat(1))["released"] is True


def test_a_run_that_could_not_be_released_is_free_for_the_same_process(caplog: pytest.LogCaptureFixture) -> None:
    store = Scripted.over(Store.open("memory://unreleased"))
    ledger = acquire(store)

    def down(path: str) -> None:
        raise StorageError("the store is down")

    store.before = down
    ledger.release()
    ledger.release()
    assert caplog.messages == ["could not release the run: the store is down"]
    del store.before
    acquire(store).release()


def test_an_interrupted_start_holds_nothing(store: Store) -> None:
    store.write("ledger/000001-run-started.json", b"{")
    for _ in range(2):
        with pytest.raises(StorageError, match="not a whole event"):
            acquire(store)


# --- drivers that were replaced ---


def test_a_replaced_driver_cannot_append(store: Store) -> None:
    old = acquire(store, DEAD)
    old.append("run-started", {})
    with acquire(store) as new:
        with pytest.raises(FencedError, match="epoch 2 has replaced epoch 1"):
            old.append("student-trained", {})
        assert store.names("ledger") == ["000001-run-started.json"]
        new.append("published", {})
    assert told(store) == ["run-started", "published"]


def test_a_driver_that_is_replaced_between_looking_and_writing_learns_of_it(store: Store) -> None:
    scripted = Scripted.over(store)
    old = acquire(scripted, DEAD)

    def replace_it(path: str) -> None:
        if path.startswith("ledger/"):
            acquire(store, DEAD)

    scripted.before = replace_it
    with pytest.raises(FencedError, match="epoch 2 has replaced epoch 1"):
        old.append("student-trained", {})


def fall_asleep(store: Store, type: str, by: str) -> tuple[str, bytes]:
    """The event a driver was about to write when it fell asleep, after it had looked for a newer epoch."""
    event: list[tuple[str, bytes]] = []

    class Sleepy(Scripted):
        def create(self, path: str, data: bytes) -> None:
            if path.startswith("ledger/"):
                event.append((path, data))
                raise Killed
            super().create(path, data)

    with pytest.raises(Killed):
        acquire(Sleepy.over(store), DEAD).append(type, {"by": by})
    return event[0]


def test_a_late_event_does_not_count_when_the_successor_has_its_number(store: Store) -> None:
    late = fall_asleep(store, "student-trained", "sleeper")
    with acquire(store) as successor:
        successor.append("recipe-drafted", {})
        store.create(*late)
        assert told(store) == ["recipe-drafted"]
        successor.append("published", {})
    assert told(store) == ["recipe-drafted", "published"]


def test_a_late_event_of_the_same_name_cannot_replace_the_successors(store: Store) -> None:
    late = fall_asleep(store, "student-trained", "sleeper")
    with acquire(store) as successor:
        successor.append("student-trained", {"by": "successor"})
    with pytest.raises(FileExistsError):
        store.create(*late)
    assert [record.data for record in read_records(store)] == [{"by": "successor"}]


def test_a_late_event_gives_way_when_the_successor_writes(store: Store) -> None:
    late = fall_asleep(store, "student-trained", "sleeper")
    with acquire(store) as successor:
        store.create(*late)
        assert told(store) == ["student-trained"]
        successor.append("recipe-drafted", {})
        assert told(store) == ["recipe-drafted"]


def test_a_successor_that_loses_its_name_to_a_late_event_stops_and_the_next_continues(store: Store) -> None:
    late = fall_asleep(store, "student-trained", "sleeper")
    with acquire(store) as successor:
        store.create(*late)
        with pytest.raises(FencedError, match="written by another driver"):
            successor.append("student-trained", {"by": "successor"})
        with pytest.raises(StorageError, match="may or may not"):
            successor.append("published", {})
    with acquire(store) as ledger:
        assert [record.data for record in ledger.records] == [{"by": "sleeper"}]
        ledger.append("published", {})


def test_a_second_sleeper_cannot_change_what_was_built_upon(store: Store) -> None:
    first = fall_asleep(store, "student-trained", "first")
    second = fall_asleep(store, "recipe-drafted", "second")
    store.create(*first)
    with acquire(store) as third:
        third.append("dataset-committed", {})
    store.create(*second)  # of a higher epoch than the first, which alone would make it count
    assert told(store) == ["student-trained", "dataset-committed"]


# --- kills ---


STORY = ["run-started", "recipe-drafted", "student-trained", "published"]


def drive(store: Store, acknowledged: list[str]) -> None:
    """Tell the story from where the ledger ends."""
    with acquire(store, DEAD) as ledger:
        for type in STORY[len(ledger.records) :]:
            ledger.append(type, {"type": type})
            acknowledged.append(type)


def kill_and_continue(root: str, kill_at: int, moment: str) -> None:
    """Die before or after write ``kill_at`` and start again: what was acknowledged stays, nothing is told twice."""
    store = Scripted.over(Store.open(root))
    writes: list[str] = []

    def die_here(path: str) -> None:
        writes.append(path)
        if len(writes) > kill_at:
            raise Killed

    setattr(store, moment, die_here)
    acknowledged: list[str] = []
    with suppress(Killed):
        drive(store, acknowledged)
    assert told(Store.open(root))[: len(acknowledged)] == acknowledged
    drive(Store.open(root), acknowledged)
    assert told(Store.open(root)) == STORY
    # One event may have arrived without its driver living to know.
    assert len(acknowledged) in {len(STORY), len(STORY) - 1}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kill_at", range(8))
def test_a_kill_between_any_two_writes_loses_nothing(tmp_path: Path, kill_at: int, moment: str) -> None:
    kill_and_continue(str(tmp_path), kill_at, moment)
    kill_and_continue(f"memory://kill-{kill_at}-{moment}", kill_at, moment)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_loses_nothing_in_a_bucket(s3_root: str, moment: str) -> None:
    kill_and_continue(s3_root, 3, moment)


def test_a_lost_reply_is_recognised_as_the_own_write(store: Store) -> None:
    """The put arrived, the answer did not, the client tried again and was told that there is one already."""
    scripted = Scripted.over(store)

    def lose_the_reply(path: str) -> None:
        if not path.endswith("heartbeat.json"):
            raise FileExistsError(path)

    scripted.after = lose_the_reply
    with acquire(scripted) as ledger:
        ledger.append("run-started", {})
        ledger.append("published", {})
    assert told(store) == ["run-started", "published"]


def test_after_a_write_of_unknown_outcome_nothing_follows(store: Store) -> None:
    scripted = Scripted.over(store)

    def fail_afterwards(path: str) -> None:
        if path.startswith("ledger/"):
            raise StorageError("the connection broke")

    with acquire(scripted) as ledger:
        scripted.after = fail_afterwards
        with pytest.raises(StorageError, match="broke"):
            ledger.append("run-started", {})
        del scripted.after
        with pytest.raises(StorageError, match="may or may not have been written"):
            ledger.append("attempt-failed", {})
    with acquire(store) as ledger:
        assert [record.type for record in ledger.records] == ["run-started"]
    with pytest.raises(StorageError, match="released"):
        ledger.append("published", {})


# --- damage ---


@pytest.fixture
def written(store: Store) -> Store:
    with acquire(store) as ledger:
        for type in STORY:
            ledger.append(type, {})
    return store


def test_a_missing_event_is_named(written: Store) -> None:
    written.delete("ledger/000002-recipe-drafted.json")
    with pytest.raises(StorageError, match="event 000002 is missing") as caught:
        read_records(written)
    assert "copy" in caught.value.mend


def test_a_missing_beginning_is_named(written: Store) -> None:
    written.delete("ledger/000001-run-started.json")
    with pytest.raises(StorageError, match="event 000001 is missing"):
        acquire(written)


def test_a_torn_event_is_named(written: Store) -> None:
    raw = written.read("ledger/000003-student-trained.json")
    written.write("ledger/000003-student-trained.json", raw[: len(raw) // 2])
    with pytest.raises(StorageError, match=r"000003-student-trained\.json is not a whole event"):
        read_records(written)


def test_an_edited_event_is_found(written: Store) -> None:
    path = "ledger/000003-student-trained.json"
    written.write_json(path, {**written.read_json(path), "data": {"edited": True}})
    with pytest.raises(StorageError, match="event 000003 is not the one that event 000004 follows"):
        read_records(written)


def test_a_renamed_event_is_found(written: Store) -> None:
    written.write("ledger/000005-published.json", written.read("ledger/000004-published.json"))
    with pytest.raises(StorageError, match="holds event 4 of type published"):
        read_records(written)


def test_keys_of_later_releases_and_foreign_files_are_ignored(written: Store) -> None:
    path = "ledger/000004-published.json"
    written.write(path, json.dumps({**written.read_json(path), "later": 1}).encode())
    written.write("ledger/notes.txt", b"hello")
    assert told(written) == STORY


def test_a_reader_whose_listing_missed_an_event_looks_again(written: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    listings = [["000001-run-started.json", "000003-student-trained.json"], written.names("ledger")]
    monkeypatch.setattr(Store, "names", lambda self, prefix: listings.pop(0))
    assert told(written) == STORY
    assert listings == []
