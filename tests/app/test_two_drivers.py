"""Two drivers on one run, as processes: the second is refused while the first lives; one that was replaced stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.loop.in_process import InProcess
from preceptor.spec.load import load
from preceptor.storage import layout
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.s3 import s3_root, s3_server
from support.silent import SilentReporter
from support.small_run import write_small_run

__all__ = ["s3_root", "s3_server"]

DRIVER = Path(__file__).parents[1] / "support" / "driver.py"


QUICK: dict[str, Any] = {"budget__iterations": 1, "evaluation__seeds": 1, "student__training__epochs": 1}


class Driver:
    """A driver in a process of its own."""

    def __init__(self, document: Path, root: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER), str(document), root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(DRIVER.parents[1])},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_about_to(self, what: str) -> None:
        assert self._process.stdout is not None
        while (line := self._process.stdout.readline()) != f"{what}\n":
            assert line, self._process.communicate()[1]

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go on\n")
        self._process.stdin.flush()

    def end(self) -> tuple[int, str]:
        """Exit code, and what it said on standard error."""
        err = self._process.communicate("go on\n" * 20, timeout=120)[1]
        return self._process.returncode, " ".join(err.split())


def objects(store: Store, prefix: str = "") -> dict[str, bytes]:
    """Everything stored but who holds the run, and what its driver is doing just now."""
    found: dict[str, bytes] = {}
    for name in store.names(prefix):
        path = f"{prefix}/{name}" if prefix else name
        if path in (layout.LEASES, layout.PROGRESS):
            continue
        below = objects(store, path)
        found |= below or {path: store.read(path)}
    return found


def seem_elsewhere_and_silent(store: Store, epoch: int) -> None:
    """Let a holder look like one on another machine that has not been heard of for long."""
    lease, beat = layout.lease(epoch), layout.heartbeat(epoch)
    held = store.read_json(lease)
    store.write_json(lease, {**held, "holder": {**held["holder"], "host": "another-host", "place": "elsewhere"}})
    store.write_json(beat, {**store.read_json(beat), "at": held["at"] - 1000})


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "s3"])
def test_a_second_driver_is_refused_and_a_replaced_one_stops(
    kind: str, tiny: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = str(request.getfixturevalue("s3_root")) if kind == "s3" else str(tmp_path / "runs")
    document = write_small_run(tmp_path, tiny, **QUICK)
    store = Store.open(root).child("small")
    first = Driver(document, root)
    first.wait_until_about_to("examine")

    before = objects(store)
    code, said = Driver(document, root).end()
    assert code == 2
    assert f"error: another driver is at work on it: host {os.uname().nodename}, pid {first.pid}" in said
    assert "mend: let it finish or stop it" in said
    assert "Traceback" not in said
    assert objects(store) == before, "who is refused changes nothing"

    first.go_on()
    first.wait_until_about_to("train")
    assert len(read_records(store)) > len([path for path in before if path.startswith(layout.LEDGER)])

    os.kill(first.pid, signal.SIGSTOP)  # as a machine that sleeps
    seem_elsewhere_and_silent(store, epoch=1)
    outcome = app.run(load(document), storage=root, reporter=SilentReporter(), workforce=InProcess)
    ended = objects(store)
    os.kill(first.pid, signal.SIGCONT)
    code, said = first.end()
    assert code == 2
    assert "error: another driver took this run over: epoch 2 has replaced epoch 1" in said
    assert "Traceback" not in said
    assert objects(store) == ended, "what a replaced driver still does changes nothing"
    assert app.read_report(store) == outcome.report
