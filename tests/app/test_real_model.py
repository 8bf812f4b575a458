"""Runs in which a real model, behind a real server, writes the rows and plans them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.endpoints.index import LogIndex
from preceptor.errors import BudgetError
from preceptor.loop.events import AttemptFailed, DatasetCommitted, ProposalFailed, RecipeDrafted, from_record
from preceptor.loop.in_process import InProcess
from preceptor.recipes.amount import Amount
from preceptor.report.schema import Report
from preceptor.spec.load import load
from preceptor.storage import datasets
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.llama import MODEL, LlamaServer, serve_llama
from support.silent import SilentReporter
from support.small_run import write_small_run

pytestmark = pytest.mark.slow

BUDGET: dict[str, Any] = {"iterations": 1, "attempts": 2, "teacherRequests": 40, "tokens": 400_000, "usd": 1}
PRICE = {"input": 0.1, "output": 0.4}


@pytest.fixture(scope="module")
def llama() -> Iterator[LlamaServer]:
    with serve_llama(slots=2, context=8192, threads=2) as server:
        yield server


def write_real_run(directory: Path, student: Path, server: LlamaServer, engineer: dict[str, Any]) -> Path:
    """A run on sums of small numbers; without a penalty this model now and then repeats itself for ever."""
    extra = {"repeat_penalty": 1.15, "repeat_last_n": 256}
    endpoint = {"baseUrl": server.url, "timeout": "120s", "patience": "120s", "extraBody": extra}
    asked = {"model": MODEL, "endpoint": endpoint, "price": PRICE}
    items = [{"q": f"What is {n} + 1?", "a": str(n + 1), "skill": "sums"} for n in range(10, 26)]
    changes: dict[str, Any] = {
        "task__description": "Sums of two small whole numbers.",
        "task__items": {"uri": "sums.jsonl", "skill": "{{ skill }}", "answer": "{{ a }}"},
        "teacher": {"kind": "openai", "concurrency": 2, "sampling": {"maxTokens": 96}, **asked},
        "engineer": engineer if engineer["kind"] == "fixed" else engineer | asked,
        "dataset": {"size": 8, "minimum": 2},
        "budget": BUDGET,
        "student__training__epochs": 1,
        "student__training__batchSize": 2,
        "evaluation__seeds": 1,
    }
    document = write_small_run(directory, student, **changes)
    (directory / "sums.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    return document


def carry_out(document: Path) -> tuple[Report, Store]:
    """The outcome; it is a legitimate one that there was no valid dataset."""
    store = Store.open(str(document.parent / "runs")).child("small")
    try:
        app.run(load(document), storage=None, reporter=SilentReporter(), workforce=InProcess)
    except BudgetError:
        assert app.read_report(store).verdict == "no-dataset"
    return app.read_report(store), store


def check(report: Report, store: Store, base_dir: Path) -> list[DatasetCommitted]:
    """Budgets are kept, every attempt has an outcome, the ledger says what the log says, and replay agrees."""
    events = [from_record(record) for record in read_records(store)]
    proposals = [event for event in events if isinstance(event, RecipeDrafted | ProposalFailed)]
    outcomes = [event for event in events if isinstance(event, DatasetCommitted | AttemptFailed)]
    assert len(proposals) == report.attempts.total <= BUDGET["attempts"]
    assert len(outcomes) == sum(isinstance(event, RecipeDrafted) for event in proposals)
    assert report.attempts.total == report.attempts.valid + sum(report.attempts.failures.values())
    for event in outcomes:
        accepted = event.rows - event.carried if isinstance(event, DatasetCommitted) else event.accepted
        assert event.made == accepted + sum(event.dropped.values())
    for name in ("teacherRequests", "tokens", "usd"):
        assert report.budget[name].spent <= BUDGET[name]
    spent = sum((Amount.from_data(event.spent) for event in (*proposals, *outcomes)), Amount())
    logged = sum((LogIndex.read(store, proposal.attempt).spent for proposal in proposals), Amount())
    assert logged == spent
    assert report.budget["tokens"].spent == spent.tokens > 0
    versions = [event for event in outcomes if isinstance(event, DatasetCommitted)]
    again = list(app.replayed(store, base_dir))
    assert [one.version for one in again] == [event.version for event in versions]
    assert all(one.same and one.requests for one in again)
    return versions


def test_a_small_model_plans_and_writes_and_whatever_comes_of_it_is_accounted_for(
    llama: LlamaServer, tiny: Path, tmp_path: Path
) -> None:
    sampling = {"maxTokens": 768, "temperature": 0.7}
    report, store = carry_out(write_real_run(tmp_path, tiny, llama, {"kind": "llm", "sampling": sampling}))
    check(report, store, tmp_path)
    assert report.budget["engineerRequests"].spent >= 1


def test_a_small_model_writes_rows_by_a_plan_of_ours(llama: LlamaServer, tiny: Path, tmp_path: Path) -> None:
    source = {
        "kind": "prompt",
        "template": "Write the question `What is {{ number }} + 1?` and its answer, {{ number + 1 }}.",
        "variables": {"number": {"kind": "number", "low": 30, "high": 90}},
        "temperature": 0.3,
    }
    recipe = {"skills": [{"skill": "sums", "quota": 4, "sources": [source]}], "retries": 1}
    document = write_real_run(tmp_path, tiny, llama, {"kind": "fixed", "recipe": recipe})
    report, store = carry_out(document)
    [version] = check(report, store, tmp_path)
    rows = list(datasets.read_rows(store, version.version))
    assert len(rows) >= 2
    assert {row["receipt"]["model"] for row in rows} == {MODEL}
