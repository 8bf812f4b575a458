"""Several writers of versions at once, and readers meanwhile: a version is whole from the moment it is seen."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from preceptor.storage import datasets
from preceptor.storage.datasets import Row, ShardInfo, VersionInfo, shards, write_shards
from preceptor.storage.store import Store
from support.committer import commit, rows_of

COMMITTER = Path(__file__).parents[1] / "support" / "committer.py"
WRITERS = 4


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 10)


@contextmanager
def reader(root: str) -> Iterator[list[str]]:
    """While the block runs, read whatever versions are listed; gives every version that was read whole."""
    store, done, whole, failures = Store.open(root), Event(), list[str](), list[Exception]()

    def read() -> None:
        try:
            while not done.is_set():
                for version in datasets.versions(store):
                    assert datasets.read_rows(store, version) == rows_of(int(version[1]))
                    whole.append(version)
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    thread = Thread(target=read)
    thread.start()
    try:
        yield whole
    finally:
        done.set()
        thread.join()
    assert not failures, failures[0]


def raced(root: str, versions: int) -> list[str]:
    """Let processes commit at once; the version and the digest of the manifest that each was given."""
    environment = {**os.environ, "PYTHONPATH": str(COMMITTER.parents[1])}
    command = [sys.executable, str(COMMITTER), "race", root, str(WRITERS), str(versions)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.mark.parametrize("versions", [1, WRITERS])
@pytest.mark.parametrize("kind", ["file", "s3"])
def test_processes_that_commit_at_once(
    kind: str, versions: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = str(request.getfixturevalue("s3_root")) if kind == "s3" else str(tmp_path / "root")
    with reader(root):
        given = raced(root, versions)
    assert len(given) == WRITERS
    assert len(set(given)) == versions, "the same rows give everyone the same manifest"
    store = Store.open(root)
    assert datasets.versions(store) == sorted({line.split()[0] for line in given})
    for number, version in enumerate(datasets.versions(store), start=1):
        assert datasets.read_rows(store, version) == rows_of(number)


@pytest.mark.parametrize("versions", [1, WRITERS])
def test_threads_that_commit_at_once(versions: int, root: str) -> None:
    start = Barrier(WRITERS)

    def work(number: int) -> datasets.Manifest:
        start.wait()
        return commit(root, 1 + number % versions)

    with reader(root), ThreadPoolExecutor(WRITERS) as pool:
        given = list(pool.map(work, range(WRITERS)))
    store = Store.open(root)
    assert len({manifest.version for manifest in given}) == versions
    assert {manifest.version for manifest in given} == set(datasets.versions(store))
    assert all(datasets.read_manifest(store, manifest.version) == manifest for manifest in given)
    for number, version in enumerate(datasets.versions(store), start=1):
        assert datasets.read_rows(store, version) == rows_of(number)


def test_a_reader_sees_nothing_of_a_version_until_it_is_whole(store: Store) -> None:
    seen: list[list[str]] = []

    def looked_at(store_uri: str, version: str, cut: Iterable[Sequence[Row]]) -> Sequence[ShardInfo]:
        written = []
        for number, rows in enumerate(cut):
            seen.append(datasets.versions(store))
            written.append(datasets.write_shard(store_uri, version, number, rows))
        seen.append(datasets.versions(store))
        return written

    version = datasets.commit(store, rows_of(1), VersionInfo(number=1), looked_at).version
    assert seen == [[], [], [], []]
    assert datasets.versions(store) == [version]


def test_of_two_commits_that_know_other_things_of_the_same_rows_the_first_stays() -> None:
    root = f"memory://{uuid.uuid4().hex}"
    store = Store.open(root)
    overtaking: list[datasets.Manifest] = []

    def overtaken(store_uri: str, version: str, cut: Iterable[Sequence[Row]]) -> Sequence[ShardInfo]:
        written = write_shards(store_uri, version, cut)
        overtaking.append(datasets.commit(store, rows_of(1), VersionInfo(number=1, description="the first")))
        return written

    given = datasets.commit(store, rows_of(1), VersionInfo(number=1, description="the second"), overtaken)
    assert given == overtaking[0] == datasets.read_manifest(store, given.version)
    for file in given.files:
        datasets.read_file(store, given.version, file)  # raises for a file that is not the manifest's
