"""A run that is killed at every event ends like one that is not, and does nothing twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from preceptor.endpoints.records import Record, unpack
from preceptor.loop.events import from_record
from preceptor.loop.state import fold
from preceptor.storage import datasets, layout
from preceptor.storage.ledger import Record as Event
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.faulty import FaultyServer
from support.model_run import KEY, PLAN, sound, write_model_run
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


def facts(record: Event) -> tuple[int, str, Any]:
    """An event without what a clock says."""
    return record.number, record.type, _timeless(record.data)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in ("elapsed", "seconds")}
    return value


@pytest.mark.slow
def test_killed_twenty_times_while_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)
    plan = {**PLAN, "skills": [{**skill, "quota": 60} for skill in PLAN["skills"]]}
    changes: dict[str, object] = {
        "engineer": {"kind": "fixed", "recipe": plan},
        "dataset": {"size": 120, "minimum": 100},
        "student__training__epochs": 1,
        "evaluation__seeds": 1,
    }
    with FaultyServer(answer=sound, key=KEY, latency=0.01) as server:
        document = write_model_run(tmp_path, write_tiny_student(tmp_path / "student"), server.url, **changes)
        carry_out(document, tmp_path / "whole", "whole")
        asked_whole = server.received
        children, _ = carry_out(document, tmp_path / "killed", "requests")
        asked_killed = server.received - asked_whole
    assert children == 21, "every child but the last should die while rows are made"

    whole, killed = (Store.open(str(tmp_path / name)).child("small") for name in ("whole", "killed"))
    assert datasets.versions(killed) == datasets.versions(whole)
    assert len(datasets.versions(whole)) == 1
    intents, outcomes = logged(killed)
    assert len(outcomes) == asked_whole, "the same requests have an answer"
    assert len(intents) >= asked_killed, "nothing is sent without an intent"
    for epoch, digest in intents:
        assert outcomes[digest] >= epoch, "an answer that was stored is not asked for again"
    assert len(set(intents)) == len(intents), "no driver sends anything twice"
    assert len(intents) > len(outcomes), "some requests should have been under way when their driver died"
    spent = fold(from_record(record) for record in read_records(killed)).spent_on_teacher
    assert spent.requests == len(intents), "what may have been carried out is charged"


def logged(store: Store) -> tuple[list[tuple[int, str]], dict[str, int]]:
    """From the log of the first attempt: epoch and digest of each intent; epoch of each digest's outcome."""
    intents, outcomes = [], {}
    for name in store.names(layout.teacher_shards(1)):
        epoch = int(name.split("-")[0])
        for line in unpack(store.read(f"{layout.teacher_shards(1)}/{name}")):
            record = Record.from_line(line)
            if record.kind == "intent":
                intents.append((epoch, record.digest))
            else:
                assert record.digest not in outcomes
                outcomes[record.digest] = epoch
    return intents, outcomes


@pytest.mark.slow
def test_killed_at_every_event(tmp_path: Path) -> None:
    document = write_small_run(tmp_path, write_tiny_student(tmp_path / "student"))
    children, whole_work = carry_out(document, tmp_path / "whole", "whole")
    assert children == 1
    children, killed_work = carry_out(document, tmp_path / "killed", "events")

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
