"""The command as users have it: Ray, two DeepSpeed workers, a driver killed in the middle, the same command again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from preceptor.app import read_report
from preceptor.loop.events import from_record
from preceptor.loop.state import fold
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.small_run import write_small_run
from support.tiny import write_tiny_student

PATIENCE = 240
"""Seconds after which a run counts as hung."""


def start(document: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "preceptor.cli", "run", str(document)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_event(process: subprocess.Popen[str], store: Store, type: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(name.endswith(f"{type}.json") for name in store.names("ledger")):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline, f"no {type} in time"
        time.sleep(0.05)  # a poll of another process, not a wait for a moment


def small(tmp_path: Path) -> tuple[Path, Store]:
    training = {
        "method": "lora",
        "rank": 8,
        "epochs": 4,
        "learningRate": 0.02,
        "batchSize": 4,
        "maxTokens": 64,
        "zeroStage": 2,
        "workers": 2,
    }
    document = write_small_run(
        tmp_path,
        write_tiny_student(tmp_path / "student"),
        student__training=training,
        budget__iterations=1,
        evaluation__seeds=1,
    )
    return document, Store.open(str(tmp_path / "runs")).child("small")


@pytest.mark.ray
@pytest.mark.slow
def test_a_killed_driver_is_continued_by_the_same_command(tmp_path: Path) -> None:
    document, store = small(tmp_path)
    first = start(document)
    wait_for_event(first, store, "dataset-committed")
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=PATIENCE)
    before = read_records(store)

    second = start(document)
    out, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, err
    records = read_records(store)
    assert records[: len(before)] == before
    state = fold(from_record(record) for record in records)
    assert state.published is not None
    assert read_report(store).verdict == state.published.verdict
    assert read_report(store).sentence in " ".join(out.split())
    assert "Traceback" not in err

    third = start(document)
    again, _ = third.communicate(timeout=PATIENCE)
    assert third.returncode == 0
    assert read_report(store).sentence in " ".join(again.split())
    assert read_records(store) == records


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_continue(tmp_path: Path, signum: signal.Signals) -> None:
    document, store = small(tmp_path)
    process = start(document)
    wait_for_event(process, store, "recipe-drafted")
    process.send_signal(signum)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert f"preceptor run {document}" in " ".join(err.split())
    assert "Traceback" not in err


@pytest.mark.ray
@pytest.mark.slow
def test_a_student_that_does_not_load_is_one_message(tmp_path: Path) -> None:
    document, _ = small(tmp_path)
    weights = tmp_path / "student" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    process = start(document)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, err
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(told) == 1
    assert f"{tmp_path / 'student'} does not load as a causal language model" in told[0]
    assert "Traceback" not in err
