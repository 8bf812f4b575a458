"""Whole runs whose rows are compared with the examination by meaning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.endpoints.index import LogIndex, records
from preceptor.endpoints.records import unpack
from preceptor.errors import BudgetError, EndpointError
from preceptor.loop.events import AttemptFailed, DatasetCommitted, from_record
from preceptor.loop.in_process import InProcess
from preceptor.loop.verdicts import NEIGHBOUR
from preceptor.recipes.amount import Amount
from preceptor.spec.load import load
from preceptor.storage import datasets, layout
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.faulty import FaultyServer
from support.model_run import KEY, PLAN, write_model_run
from support.near import CHECKER, EMBEDDER, neighbours
from support.sensible import Body
from support.silent import SilentReporter
from support.small_run import OTHER_THINGS, write_small_run
from support.tiny import write_tiny_student
from support.versatile import versatile

QUICK: dict[str, Any] = {"student__training__epochs": 1, "evaluation__seeds": 1, "budget__iterations": 1}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)


def alike(text: str) -> list[float]:
    """Everything is near everything."""
    return [10.0, len(text) % 3]


def answer(body: Body) -> str:
    """Rows as ever; every row about a kettle asks what the examination asks."""
    if body["model"] == CHECKER:
        _, other = body["messages"][-1]["content"].split("Question B:")
        return json.dumps({"reason": "Because.", "same": "kettle" in other})
    return versatile()(body)


def run(document: Path) -> None:
    app.run(load(document), storage=None, reporter=SilentReporter(), workforce=InProcess)


def stored(document: Path) -> Store:
    return Store.open(str(document.parent / "runs")).child("small")


def events(document: Path, *kinds: type[Any]) -> list[Any]:
    found = (from_record(record) for record in read_records(stored(document)))
    return [event for event in found if isinstance(event, kinds)]


def test_a_run_drops_neighbours_pays_for_finding_them_and_replays(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(answer=answer, embed=alike, key=KEY) as server:
        document = write_model_run(
            tmp_path,
            tiny,
            server.url,
            **QUICK,
            engineer={"kind": "fixed", "recipe": PLAN},
            dataset={"size": 32, "minimum": 8, "gates": {"contamination": {"neighbours": neighbours(server.url)}}},
        )
        run(document)
    monkeypatch.delenv("PRECEPTOR_TEST_KEY")

    [committed] = events(document, DatasetCommitted)
    assert committed.dropped[NEIGHBOUR] > 0
    assert committed.made == committed.rows + sum(committed.dropped.values())
    assert sum(committed.short.values()) == committed.dropped[NEIGHBOUR]
    rows = list(datasets.read_rows(stored(document), committed.version))
    assert not any("kettle" in row["prompt"] for row in rows)

    spent = Amount.from_data(committed.spent)
    assert spent.tokens == server.tokens
    assert spent.requests == sum(exchange.body["model"] == "writer" for exchange in server.exchanges)
    report = app.read_report(stored(document))
    assert report.budget["tokens"].spent == server.tokens
    assert report.funnel.dropped[NEIGHBOUR] == committed.dropped[NEIGHBOUR]
    assert len(LogIndex.read(stored(document), 1)) == spent.requests

    manifest = stored(document).read(layout.dataset_manifest(committed.version))
    card = stored(document).read(layout.dataset_card(committed.version))
    assert CHECKER.encode() in manifest
    assert b"127.0.0.1" not in manifest + card
    [again] = app.replayed(stored(document), document.parent)
    assert again.same
    assert "inspection" in telling(document)
    assert not telling(document) & {"teacher", "ledger", "datasets", "examination"}
    questions = [f"the {thing} {place}" for thing in OTHER_THINGS for place in PLACES]
    assert not any(question in repr(rows) for question in questions)


PLACES = ("by our fire", "under deep snow")


def telling(document: Path) -> set[str]:
    """The directories of a run in which a question of the examination can be read."""
    questions = [f"the {thing} {place}".encode() for thing in OTHER_THINGS for place in PLACES]
    root, told = stored(document).local(), set()
    assert root is not None
    for file in (path for path in root.rglob("*") if path.is_file()):
        data = b"".join(unpack(file.read_bytes())) if file.suffix == ".zst" else file.read_bytes()
        if any(question in data for question in questions):
            told.add(file.relative_to(root).parts[0])
    return told


def test_a_budget_leaves_enough_to_compare_what_it_paid_for(tiny: Path, tmp_path: Path) -> None:
    """Without anything set aside, rows would take all of it and nobody could tell what they copy."""
    with FaultyServer(answer=answer, key=KEY) as server:
        gates = {"contamination": {"neighbours": neighbours(server.url)}}
        document = write_model_run(
            tmp_path,
            tiny,
            server.url,
            **QUICK,
            engineer={
                "kind": "fixed",
                "recipe": {**PLAN, "skills": [{**skill, "quota": 100} for skill in PLAN["skills"]]},
            },
            dataset={"size": 200, "minimum": 4, "gates": gates},
            budget={"iterations": 1, "attempts": 1, "tokens": 50_000},
        )
        try:
            run(document)
        except BudgetError:
            pytest.fail(events(document, AttemptFailed)[0].reason)
    [committed] = events(document, DatasetCommitted, AttemptFailed)
    assert isinstance(committed, DatasetCommitted), committed.reason
    assert committed.short, "the budget should bind"
    assert any(exchange.body["model"] == EMBEDDER for exchange in server.exchanges)
    assert server.tokens <= committed.spent["tokens"] <= 50_000
    [again] = app.replayed(stored(document), document.parent)
    assert again.same


def test_a_missing_key_is_told_before_anything_is_examined(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = neighbours("http://127.0.0.1:9/v1")
    section["checker"]["endpoint"] = {"apiKey": {"env": "PRECEPTOR_NO_KEY"}}
    monkeypatch.delenv("PRECEPTOR_NO_KEY", raising=False)
    document = write_model_run(
        tmp_path,
        tiny,
        "http://127.0.0.1:9/v1",
        dataset={"size": 32, "minimum": 8, "gates": {"contamination": {"neighbours": section}}},
    )
    with pytest.raises(EndpointError, match="PRECEPTOR_NO_KEY"):
        run(document)
    assert [record.type for record in read_records(stored(document))] == ["run-started"]


@pytest.mark.slow
def test_killed_twenty_times_while_inspecting(tmp_path: Path) -> None:
    """Nobody is asked for rows here, so that every death falls into the inspection."""
    with FaultyServer(answer=answer, embed=alike, key=KEY, latency=0.005) as server:
        gates = {"contamination": {"neighbours": neighbours(server.url)}}
        document = write_small_run(
            tmp_path,
            write_tiny_student(tmp_path / "student"),
            dataset={"size": 64, "minimum": 8, "gates": gates},
            budget={"iterations": 1},
            student__training__epochs=1,
            evaluation__seeds=1,
        )
        assert carry_out(document, tmp_path / "whole", "whole")[0] == 1
        answered, tokens = server.carried_out, server.tokens
        children, _ = carry_out(document, tmp_path / "killed", "requests")
    assert children == 21, "every child but the last should die"
    whole, killed = (Store.open(str(tmp_path / name)).child("small") for name in ("whole", "killed"))
    assert datasets.versions(killed) == datasets.versions(whole) != []
    log = LogIndex.read(killed.child("inspection"), 1)
    assert len(log) == answered, "the same requests have an answer"
    assert log.lost.tokens > 0, "some requests should have been under way"
    [committed] = [event for event in map(from_record, read_records(killed)) if isinstance(event, DatasetCommitted)]
    assert committed.spent["tokens"] == log.spent.tokens >= server.tokens - tokens
    assert all(count == 1 for count in Counter(outcomes(killed)).values()), "nothing is answered twice"
    [again] = app.replayed(killed, document.parent)
    assert again.same


def outcomes(store: Store) -> list[str]:
    return [record.digest for record in records(store.child("inspection"), 1) if record.answer is not None]


def carry_out(document: Path, storage: Path, mode: str) -> tuple[int, str]:
    """Children it took, and what they really did."""
    killer = Path(__file__).parents[1] / "support" / "killer.py"
    log = storage.with_suffix(".log")
    command = [sys.executable, str(killer), str(document), str(storage), str(log), mode]
    environment = {**os.environ, "PYTHONPATH": str(killer.parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-1]), log.read_text()
