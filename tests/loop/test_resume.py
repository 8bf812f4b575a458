"""A run that is killed at every event ends like one that is not, and does nothing twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from preceptor.storage import datasets
from preceptor.storage.ledger import Record, read_records
from preceptor.storage.store import Store
from support.small_run import write_small_run
from support.tiny import write_tiny_student

KILLER = Path(__file__).parents[1] / "support" / "killer.py"


def carry_out(document: Path, storage: Path, mode: str) -> tuple[int, list[str]]:
    """Children it took, and the trainings and examinations that were carried out."""
    log = storage.with_suffix(".log")
    command = [sys.executable, str(KILLER), str(document), str(storage), str(log), mode]
    environment = {**os.environ, "PYTHONPATH": str(KILLER.parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-1]), log.read_text().splitlines()


def facts(record: Record) -> tuple[int, str, Any]:
    """An event without what a clock says."""
    return record.number, record.type, _timeless(record.data)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in ("elapsed", "seconds")}
    return value


@pytest.mark.slow
def test_killed_at_every_event(tmp_path: Path) -> None:
    document = write_small_run(tmp_path, write_tiny_student(tmp_path / "student"))
    children, whole_work = carry_out(document, tmp_path / "whole", "whole")
    assert children == 1
    children, killed_work = carry_out(document, tmp_path / "killed", "killed")

    whole, killed = (Store.open(str(tmp_path / name)).child("small") for name in ("whole", "killed"))
    records = read_records(whole)
    assert [facts(record) for record in read_records(killed)] == [facts(record) for record in records]
    assert children == 2 * len(records) + 1
    assert datasets.versions(killed) == datasets.versions(whole)
    assert datasets.versions(whole)
    assert sorted(killed_work) == sorted(whole_work)
    trainings = [line for line in killed_work if line.startswith("train ")]
    assert len(set(trainings)) == len(trainings) == 4
    assert records[-1].data["verdict"] in ("improved", "not-shown"), "the run must reach its finalists"
