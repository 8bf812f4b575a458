"""Commits dataset versions in child processes; a script of its own, because it forks.

    python committer.py kill ROOT       child k dies of SIGKILL before its k-th step, each below ROOT/k
    python committer.py race ROOT N M   N children at once below ROOT, M different versions among them

A step is what could leave something half done: on a local disk a flush to the disk or a name that appears, in a bucket
a request that changes it. The last child of ``kill`` finds too few steps to die, and ends. ``kill`` prints the number
of children; ``race`` prints a line for each child, with the version and the digest of the manifest it was given.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pyarrow
import pyarrow.parquet

from preceptor.storage import backends, datasets
from preceptor.storage.datasets import Row, VersionInfo, shards
from preceptor.storage.store import Store

MOST_CHILDREN = 100
_RECEIPT = {"recipe": "r" * 64, "attempt": 1, "generator": "invoices", "difficulty": 1, "unit": 0, "index": 0}


def rows_of(version: int) -> list[Row]:
    """25 rows in order, other answers for another version."""
    return [
        {
            "id": f"{number:016x}",
            "skill": ("amount", "due date")[number % 2],
            "prompt": f"Question {number}",
            "answer": f"{number} of {version}",
            "fields": "{}",
            "receipt": {**_RECEIPT, "teacher": "procedural:abc", "parents": [], "carried_from": None},
        }
        for number in range(25)
    ]


def commit(root: str, version: int = 1) -> datasets.Manifest:
    """Commit a version, in three shards where ``ROWS_PER_SHARD`` is 10."""
    info = VersionInfo(number=version, description="Read payments.", recipe="r" * 64, gates={"format": {}})
    return datasets.commit(Store.open(root), rows_of(version), info)


def before_each_step(root: str, hook: Callable[[], None], put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Call ``hook`` before everything that changes what is stored; ``put`` puts it there."""
    steps: list[tuple[Any, str]] = (
        [(backends.Fsspec, name) for name in ("write", "create", "put", "delete")]
        if root.startswith(("s3:", "memory:"))
        else [(os, name) for name in ("fsync", "replace", "link", "unlink")]
    )
    for where, name in steps:
        put(where, name, _hooked(getattr(where, name), hook))


def _hooked(step: Callable[..., Any], hook: Callable[[], None]) -> Callable[..., Any]:
    def hooked(*args: Any, **kwargs: Any) -> Any:
        hook()
        return step(*args, **kwargs)

    return hooked


def die_before(root: str, step: int) -> None:
    """Kill this process before the step so numbered, from 1."""
    steps = count(1)

    def hook() -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    before_each_step(root, hook)


def in_child(work: Callable[[], None]) -> int:
    """Fork a child that does the work and ends; its process number."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - a child must end here, whatever it died of
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        sys.stdout.flush()
        os._exit(0)
    return pid


def kill(root: str) -> None:
    """Mode ``kill``."""
    for number in range(1, MOST_CHILDREN):

        def work(at: str = f"{root}/{number}", number: int = number) -> None:
            die_before(root, number)
            commit(at)

        _, status = os.waitpid(in_child(work), 0)
        if os.WIFEXITED(status):
            sys.stdout.write(f"{number}\n")
            sys.exit(os.WEXITSTATUS(status))
        if os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"child {number} ended by signal {os.WTERMSIG(status)}")
    sys.exit("there is no end of steps")


def race(root: str, children: int, versions: int) -> None:
    """Mode ``race``."""
    gate, open_gate = os.pipe()

    def work(number: int) -> None:
        os.close(open_gate)
        os.read(gate, 1)  # ends when the parent, the last to hold it, closes the other end
        manifest = commit(root, 1 + number % versions)
        digest = hashlib.sha256(manifest.model_dump_json().encode()).hexdigest()
        sys.stdout.write(f"{manifest.version} {digest}\n")

    pids = [in_child(partial(work, number)) for number in range(children)]
    os.close(open_gate)
    sys.exit(max(os.waitpid(pid, 0)[1] for pid in pids) and "a child failed")


if __name__ == "__main__":
    pyarrow.Table.from_pylist([{"a": 1}])  # imports pandas and more: once here, so that every child starts at once
    shards.ROWS_PER_SHARD = 10
    if sys.argv[1] == "kill":
        kill(sys.argv[2])
    race(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
