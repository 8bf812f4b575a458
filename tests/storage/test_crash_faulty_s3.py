"""A bucket whose server is slow, busy, failing or cut off: right answers or one clear error, and no half objects."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest
from fsspec.config import conf

from preceptor.errors import FencedError, StorageDownError, StorageError
from preceptor.storage import datasets, patience
from preceptor.storage.datasets import shards
from preceptor.storage.ledger import Ledger, read_records
from preceptor.storage.store import Store
from support.committer import commit, rows_of
from support.faulty_s3 import ALL, AMBIGUOUS, Fault, FaultyS3, first, healthy, seeded, serve_faulty_s3
from support.s3 import BUCKET

MIX: dict[Fault, float] = dict.fromkeys(ALL, 0.05)
BREAKING = tuple(fault for fault in ALL if fault != "latency")


@pytest.fixture(scope="module")
def served() -> Iterator[FaultyS3]:
    with serve_faulty_s3() as server:
        yield server


@pytest.fixture
def server(served: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(conf, "s3", {"endpoint_url": served.environment["AWS_ENDPOINT_URL"]})
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.001)
    served.forget()
    yield served
    served.plan = healthy


@pytest.fixture
def root(server: FaultyS3) -> str:
    return f"s3://{BUCKET}/{uuid.uuid4().hex[:8]}"


@pytest.fixture
def store(root: str) -> Store:
    return Store.open(root)


# --- faults that pass ---


@pytest.mark.parametrize("fault", ALL)
def test_one_fault_at_every_request_changes_no_answer(server: FaultyS3, store: Store, fault: Fault) -> None:
    store.write("there", b"x" * 1000)
    server.forget()
    server.plan = first(fault, "")
    store.write("a/new", b"whole")
    store.write("there", b"y" * 1000)
    try:
        store.create("claim", b"mine")
    except FileExistsError:
        assert fault in AMBIGUOUS, "only who cannot know finds its own object there"
    assert store.read("claim") == b"mine"
    assert store.read("there") == b"y" * 1000
    assert (store.exists("a/new"), store.exists("nothing")) == (True, False)
    assert store.names() == ["a", "claim", "there"]
    with pytest.raises(FileNotFoundError):
        store.read("nothing")
    with pytest.raises(FileExistsError):
        store.create("there", b"theirs")
    store.delete("a")
    assert store.names() == ["claim", "there"]
    assert server.injected[fault] >= 3


@pytest.mark.parametrize("fault", ALL)
def test_the_probe_is_not_misled(server: FaultyS3, root: str, fault: Fault) -> None:
    server.plan = first(fault, "")
    assert Store.open(root, probe=True).names() == []
    assert server.injected[fault]


@pytest.mark.parametrize("seed", range(3))
def test_a_storm_of_faults_changes_no_answer(server: FaultyS3, root: str, seed: int) -> None:
    server.plan = seeded(seed, MIX)

    def work(thread: int) -> None:
        store, random, truth = Store.open(root), Random(f"{seed}/{thread}"), dict[str, bytes]()
        for step in range(25):
            path = f"{thread}/{random.randrange(6)}"
            if random.random() < 0.5:
                truth[path] = f"{thread} {step} ".encode() * random.randrange(1, 400)
                store.write(path, truth[path])
            elif path in truth:
                assert store.read(path) == truth[path]
            else:
                assert not store.exists(path)
        assert [f"{thread}/{name}" for name in store.names(str(thread))] == sorted(truth)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert all(server.injected[fault] for fault in ALL)


def test_directories_go_up_and_come_down_in_a_storm(server: FaultyS3, store: Store, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    for number in range(12):
        (source / f"{number:02}.bin").write_bytes(Random(number).randbytes(200_000))
    server.plan = seeded(1, {**MIX, "half": 0.3})
    store.upload(source, "checkpoint")
    store.download("checkpoint", target)
    assert [path.read_bytes() for path in sorted(target.iterdir())] == [
        path.read_bytes() for path in sorted(source.iterdir())
    ]
    assert server.injected["half"]
    assert server.injected["lost"]


@pytest.mark.parametrize("fault", sorted(AMBIGUOUS))
def test_an_upload_in_parts_whose_completion_was_not_confirmed(
    server: FaultyS3, store: Store, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    files = store._backend._fs  # type: ignore[attr-defined]
    monkeypatch.setattr(files, "pipe_file", partial(files.pipe_file, chunksize=5 * 2**20))
    data = Random(1).randbytes(10 * 2**20)
    server.plan = first(fault, r"^POST .*uploadId")
    store.write("large", data)
    with suppress(FileExistsError):
        store.create("claim", data)
    assert server.injected[fault] == 2
    assert store.read("large") == store.read("claim") == data


@pytest.mark.parametrize("seed", range(2))
def test_versions_in_a_storm_have_the_same_bytes(
    server: FaultyS3, root: str, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 10)
    calm, stormy = Store.open(str(tmp_path)), Store.open(root)
    version = commit(str(tmp_path)).version
    server.plan = seeded(seed, dict.fromkeys(ALL, 0.08))
    assert commit(root).version == version
    assert datasets.versions(stormy) == [version]
    assert datasets.read_rows(stormy, version) == rows_of(1)
    names = calm.names(f"datasets/{version}")
    assert stormy.names(f"datasets/{version}") == names
    assert all(calm.read(f"datasets/{version}/{name}") == stormy.read(f"datasets/{version}/{name}") for name in names)
    assert server.injected.total() >= 5


# --- of several, one ---


@pytest.mark.parametrize("fault", ALL)
def test_of_drivers_that_start_together_one_gets_the_run_though_its_reply_be_lost(
    server: FaultyS3, root: str, fault: Fault
) -> None:
    server.plan = first(fault, r"^PUT l(eases/\d+|edger/.*)\.json", times=2)
    drivers = 4
    start = threading.Barrier(drivers)

    def drive(_: int) -> Ledger | None:
        store = Store.open(root)
        start.wait()
        try:
            return Ledger.acquire(store, heartbeat_seconds=0)
        except FencedError:
            return None

    with ThreadPoolExecutor(drivers) as pool:
        got = [ledger for ledger in pool.map(drive, range(drivers)) if ledger is not None]
    assert len(got) == 1
    with got[0] as ledger:
        ledger.append("run-started", {})
        ledger.append("published", {})
    assert [record.type for record in read_records(Store.open(root))] == ["run-started", "published"]
    assert bool(server.injected[fault]) == (fault != "half"), "half answers are answers to reading"


# --- faults that stay ---


def actions(store: Store) -> dict[str, Callable[[], object]]:
    return {
        "write": lambda: store.write("there", b"new"),
        "create": lambda: store.create("claim", b"mine"),
        "read": lambda: store.read("there"),
        "list": lambda: store.names(),
        "look for": lambda: store.exists("there"),
        "delete": lambda: store.delete("there"),
    }


@pytest.mark.parametrize("fault", BREAKING)
def test_a_fault_that_stays_is_one_clear_error_and_leaves_nothing_half_done(
    server: FaultyS3, store: Store, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    monkeypatch.setattr(type(store._backend._fs), "retries", 1)  # type: ignore[attr-defined]
    for name, action in actions(store).items():
        server.plan = healthy
        store.write("there", b"old")
        server.plan = first(fault, "", times=10**9)
        unharmed = fault == "half" and name in ("write", "create", "look for")  # there is no body to cut
        if unharmed:
            action()
            continue
        with pytest.raises(StorageError, match=f"cannot {name} {store.uri()}") as caught:
            action()
        assert "server" in caught.value.message
        assert "run again" in caught.value.mend
        server.plan = healthy
        assert store.exists("there") or (fault in AMBIGUOUS and name == "delete")
        if store.exists("there"):
            assert store.read("there") in (b"old", b"new")
    if store.exists("claim"):
        assert store.read("claim") == b"mine"


def test_a_server_that_keeps_what_it_should_delete_is_found_out(server: FaultyS3, store: Store) -> None:
    store.write("a/b", b"")
    server.plan = first("kept", "")
    with pytest.raises(StorageError, match="kept what it was asked to delete"):
        store.delete("a")
    store.delete("a")
    assert store.names() == []


# --- bursts ---


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that the store makes before it tries again; they take no time here."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.05)
    return made


def test_a_burst_of_errors_is_outlived(
    server: FaultyS3, store: Store, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    server.plan = first("error", "^PUT", times=12)
    store.write("a", b"after all")
    server.plan = healthy
    assert store.read("a") == b"after all"
    assert len(pauses) == 12
    assert 10 < sum(pauses) < patience.PATIENCE
    assert caplog.messages == ["the storage server is failing; trying again for up to 60 s"]


def test_a_longer_one_ends_with_an_error_and_the_next_driver_continues(
    server: FaultyS3, store: Store, pauses: list[float]
) -> None:
    with Ledger.acquire(store, heartbeat_seconds=0) as ledger:
        ledger.append("run-started", {})
        server.plan = first("error", "", times=10**9)
        with pytest.raises(StorageDownError, match="fails or is overloaded, and did not recover in time") as caught:
            ledger.append("recipe-drafted", {})
        assert caught.value.exit_code == 1
        assert "the same command continues" in caught.value.mend
        assert patience.PATIENCE - 6 < sum(pauses) <= patience.PATIENCE
        pauses.clear()
    assert pauses == [], "who gives up does not wait again to say so"
    server.plan = healthy
    with Ledger.acquire(store, heartbeat_seconds=0) as ledger:
        ledger.append("recipe-drafted", {})
    assert [record.type for record in read_records(store)] == ["run-started", "recipe-drafted"]
