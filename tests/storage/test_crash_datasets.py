"""A writer that dies between any two steps leaves a version whole or absent, and the next commit gives the same bytes.

On a disk and in a bucket a child process is killed, really. What lies in memory dies with its process, so there a
commit is broken off in this process instead: who catches that finds the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from itertools import count
from pathlib import Path

import pytest

from preceptor.errors import StorageError
from preceptor.storage import datasets
from preceptor.storage.datasets import shards
from preceptor.storage.store import Store
from support.committer import before_each_step, commit, rows_of

COMMITTER = Path(__file__).parents[1] / "support" / "committer.py"


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 10)


def killed_commits(root: str) -> int:
    """Kill a commit before every of its steps, each below a directory of its own; how many died."""
    environment = {**os.environ, "PYTHONPATH": str(COMMITTER.parents[1])}
    done = subprocess.run(
        [sys.executable, str(COMMITTER), "kill", root],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout) - 1


def files(store: Store, version: str) -> dict[str, bytes]:
    """Every file of a version as it stands."""
    return {name: store.read(f"datasets/{version}/{name}") for name in store.names(f"datasets/{version}")}


def check_what_is_left(root: str, reference: dict[str, bytes], version: str) -> bool:
    """Assert that the version is whole or absent below ``root``, and whole after a commit; whether it was whole."""
    store = Store.open(root)
    was_whole = datasets.versions(store) == [version]
    if was_whole:
        assert datasets.read_rows(store, version) == rows_of(1)
    else:
        assert datasets.versions(store) == []
        with pytest.raises(StorageError, match="there is no dataset version"):
            datasets.read_rows(store, version)
    assert commit(root).version == version
    assert files(store, version) == reference
    assert datasets.read_rows(store, version) == rows_of(1)
    return was_whole


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_a_commit_killed_between_any_two_steps(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    root = str(request.getfixturevalue("s3_root")) if kind == "s3" else str(tmp_path / "root")
    whole = Store.open(f"{root}/whole")
    version = commit(f"{root}/whole").version
    reference = files(whole, version)
    died = killed_commits(root)
    assert died >= len(reference), "every file takes a step at least"
    was_whole = [check_what_is_left(f"{root}/{number}", reference, version) for number in range(1, died + 1)]
    assert was_whole == sorted(was_whole), "once it is whole it stays so"
    assert not was_whole[0]
    assert datasets.versions(Store.open(f"{root}/{died + 1}")) == [version], "the last child was not killed"


class Killed(BaseException):
    """The process is gone: nothing catches this."""


def test_a_commit_broken_off_between_any_two_steps_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    root = f"memory://{uuid.uuid4().hex}"
    version = commit(f"{root}/whole").version
    reference = files(Store.open(f"{root}/whole"), version)
    for step in range(1, len(reference) + 1):
        steps = count(1)

        def die_there(step: int = step, steps: count[int] = steps) -> None:
            if next(steps) == step:
                raise Killed

        with monkeypatch.context() as patch:
            before_each_step(root, die_there, patch.setattr)
            with pytest.raises(Killed):
                commit(f"{root}/{step}")
        assert not check_what_is_left(f"{root}/{step}", reference, version)
