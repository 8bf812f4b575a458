"""Runs in which a real model, behind a real server, writes the rows and plans them.

The model is small and bad at both, so what it says is different on another processor. What is asserted holds whatever
it says: that budgets are kept, that everything is accounted for, that replay agrees. The first run also has to reach
every state. Its task leaves little to chance there: any number counts as right, so a student that learnt a few rows
beats the untrained one, which writes none; and the form of the engineer's answers leaves no room for an invalid recipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.endpoints.index import LogIndex
from preceptor.errors import BudgetError
from preceptor.loop.budget import used
from preceptor.loop.decide import next_step
from preceptor.loop.events import (
    AnyEvent,
    AttemptFailed,
    DatasetCommitted,
    ProposalFailed,
    RecipeDrafted,
    from_record,
)
from preceptor.loop.in_process import InProcess
from preceptor.loop.state import fold
from preceptor.loop.step import Done
from preceptor.recipes.amount import Amount
from preceptor.report.schema import Report
from preceptor.spec.document import Spec
from preceptor.spec.load import load
from preceptor.storage import datasets
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.llama import MODEL, LlamaServer, serve_llama
from support.silent import SilentReporter
from support.small_run import write_small_run

pytestmark = pytest.mark.slow

BUDGET: dict[str, Any] = {
    "iterations": 20,
    "attempts": 20,
    "teacherRequests": 200,
    "teacherRequestsPerAttempt": 6,
    "tokens": 18_000,
    "usd": 1,
}
"""Tokens end a search: after a few attempts, with too few left for another question to the engineer."""
SEEDS = range(1, 6)
PRICE = {"input": 0.1, "output": 0.4}


OUTCOMES = {
    "CheckSafeguards": {"safeguards-tested"},
    "Examine": {"student-examined"},
    "Draft": {"recipe-drafted", "proposal-failed", "search-ended"},
    "Generate": {"dataset-committed", "attempt-failed"},
    "Train": {"student-trained"},
    "Judge": {"iteration-judged"},
    "EndSearch": {"search-ended"},
    "OpenPrivate": {"private-opened"},
    "RunControl": {"control-ended"},
    "SkipControl": {"control-ended"},
    "Publish": {"published"},
}
"""What each step of the loop may come to."""


@pytest.fixture(scope="module")
def llama() -> Iterator[LlamaServer]:
    with serve_llama(slots=1, context=8192, threads=2) as server:
        yield server


def write_real_run(
    directory: Path, student: Path, server: LlamaServer, engineer: dict[str, Any], *, seed: int = 1, **more: Any
) -> Path:
    """A run on sums of small numbers; without a penalty this model now and then repeats itself for ever."""
    directory.mkdir(exist_ok=True)
    extra = {"repeat_penalty": 1.15, "repeat_last_n": 256, "seed": seed}
    endpoint = {"baseUrl": server.url, "timeout": "120s", "patience": "120s", "extraBody": extra}
    asked = {"model": MODEL, "endpoint": endpoint, "price": PRICE}
    items = [{"q": f"What is {n} + 1?", "a": str(n + 1), "skill": "sums"} for n in range(10, 34)]
    changes: dict[str, Any] = {
        "task__description": "Sums of two small whole numbers.",
        "task__scorer": {"kind": "numeric", "absoluteTolerance": 1e12},
        "task__fewShot": [{"prompt": f"What is {n} + 1?", "answer": str(n + 1)} for n in (3, 7)],
        "task__items": {"uri": "sums.jsonl", "skill": "{{ skill }}", "answer": "{{ a }}"},
        "teacher": {"kind": "openai", "concurrency": 1, "sampling": {"maxTokens": 64, "temperature": 0.4}, **asked},
        "engineer": engineer if engineer["kind"] == "fixed" else engineer | asked,
        "dataset": {"size": 6, "minimum": 1},
        "budget": BUDGET,
        "student__training__epochs": 15,
        "student__training__batchSize": 2,
        "student__training__maxTokens": 250,
        "evaluation__seeds": 1,
        "evaluation__patience": 20,
        **more,
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


def check(report: Report, store: Store, base_dir: Path) -> list[AnyEvent]:
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
    assert report.budget["tokens"].spent == spent.tokens
    versions = [event for event in outcomes if isinstance(event, DatasetCommitted)]
    again = list(app.replayed(store, base_dir))
    assert [one.version for one in again] == [event.version for event in versions]
    assert all(one.same for one in again)
    check_fold(load(base_dir / "run.yaml").spec.spec, events)
    return events


def check_fold(spec: Spec, events: Sequence[AnyEvent]) -> None:
    """Every event is the outcome of the step that the policy asks for, given the events before it."""
    for place, event in enumerate(events[1:], start=1):
        before = fold(events[:place])
        step = next_step(spec, before)
        assert event.type in OUTCOMES[type(step).__name__], step
        after = fold(events[: place + 1])
        assert used(after).tokens <= BUDGET["tokens"]
        assert used(after).requests <= BUDGET["teacherRequests"]
    assert isinstance(next_step(spec, fold(events)), Done)


def test_a_small_model_plans_and_writes_through_every_state(llama: LlamaServer, tiny: Path, tmp_path: Path) -> None:
    """Every run is correct, whatever its model says; one of them, as a rule the first, goes through every state."""
    engineer = {"kind": "llm", "sampling": {"maxTokens": 768, "temperature": 0.7}}
    for seed in SEEDS:
        directory = tmp_path / str(seed)
        report, store = carry_out(write_real_run(directory, tiny, llama, engineer, seed=seed))
        events = check(report, store, directory)
        state = fold(events)
        assert state.ended is not None
        assert state.ended.reason == "tokens"
        proposals = [event for event in events if isinstance(event, RecipeDrafted | ProposalFailed)]
        operations = {event.operation for event in proposals}
        if "improve" in operations and any(isinstance(event, ProposalFailed) for event in proposals):
            break
    else:
        pytest.fail(f"none of {len(SEEDS)} runs set out from a version and had a proposal that failed")
    assert "draft" in operations
    assert state.best is not None
    assert state.best.committed is not None
    [finalist] = [one for one in state.trainings.values() if one.seed_index == 1]
    assert finalist.version == state.best.committed.version == report.published_version
    assert finalist.training == report.published_training
    assert report.private is not None
    assert report.verdict in ("improved", "not-shown")
    assert store.exists("report/index.html")
    assert {row["receipt"]["model"] for row in datasets.read_rows(store, finalist.version)} == {MODEL}


def test_a_small_model_that_is_cut_off_every_time_has_proposed_nothing(
    llama: LlamaServer, tiny: Path, tmp_path: Path
) -> None:
    engineer = {"kind": "llm", "sampling": {"maxTokens": 24}}
    document = write_real_run(tmp_path, tiny, llama, engineer, budget=BUDGET | {"attempts": 1})
    report, store = carry_out(document)
    events = check(report, store, tmp_path)
    assert [event.kind for event in events if isinstance(event, ProposalFailed)] == ["unreadable"]
    assert report.verdict == "no-dataset"
    assert report.budget["teacherRequests"].spent == 0


def test_a_small_model_writes_rows_by_a_plan_of_ours(llama: LlamaServer, tiny: Path, tmp_path: Path) -> None:
    source = {
        "kind": "prompt",
        "template": "Write the question `What is {{ number }} + 1?` and its answer, {{ number + 1 }}.",
        "variables": {"number": {"kind": "number", "low": 40, "high": 90}},
        "temperature": 0.3,
    }
    recipe = {"skills": [{"skill": "sums", "quota": 4, "sources": [source]}], "retries": 1}
    fixed = {"kind": "fixed", "recipe": recipe}
    document = write_real_run(tmp_path, tiny, llama, fixed, budget=BUDGET | {"iterations": 1, "attempts": 2})
    report, store = carry_out(document)
    [version] = [event for event in check(report, store, tmp_path) if isinstance(event, DatasetCommitted)]
    rows = list(datasets.read_rows(store, version.version))
    assert len(rows) >= 2
    assert {row["receipt"]["model"] for row in rows} == {MODEL}
