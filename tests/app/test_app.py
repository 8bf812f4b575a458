"""A whole small run on every kind of storage, and what stops one that should not go on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fsspec.config import conf

from preceptor import app
from preceptor.errors import BudgetError, FencedError, ResumeError, StorageError
from preceptor.loop.in_process import InProcess
from preceptor.spec.load import load
from preceptor.storage import datasets
from preceptor.storage.ledger import Ledger, read_records
from preceptor.storage.store import Store
from support.faulty_s3 import ALL, seeded, serve_faulty_s3
from support.s3 import BUCKET, s3_root, s3_server
from support.silent import SilentReporter
from support.small_run import write_small_run
from support.tiny import write_tiny_student

__all__ = ["s3_root", "s3_server"]

QUICK: dict[str, Any] = {"budget__iterations": 1, "evaluation__seeds": 1}


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.set_num_threads(1)  # matrices this small lose more to a second thread than they gain
    return write_tiny_student(tmp_path_factory.mktemp("student"))


def carry_out(document: Path, storage: str) -> app.Outcome:
    return app.run(load(document), storage=storage, reporter=SilentReporter(), workforce=InProcess)


def change(document: Path, path: str, value: object) -> None:
    """Replace the key at a dotted path of a document on disk."""
    data = yaml.safe_load(document.read_text("utf-8"))
    *parents, last = path.split(".")
    place = data
    for parent in parents:
        place = place[parent]
    place[last] = value
    document.write_text(yaml.safe_dump(data), "utf-8")


@pytest.fixture(scope="module")
def on_disk(student: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, app.Outcome]:
    """A finished run on the local disk and the document it was run from."""
    directory = tmp_path_factory.mktemp("run")
    document = write_small_run(directory, student, **QUICK)
    return document, carry_out(document, str(directory / "runs"))


def test_the_outcome_is_under_the_storage_root(on_disk: tuple[Path, app.Outcome]) -> None:
    _, outcome = on_disk
    report, store = outcome.report, outcome.store
    assert report.verdict == "improved"
    assert report.private is not None
    assert report.private.interval[0] > 0
    assert report.published_version in datasets.versions(store)
    assert report.published_training is not None
    assert store.exists(f"checkpoints/{report.published_training}/manifest.json")
    assert "<html" in store.read("report/index.html").decode()
    assert report.contamination is not None
    assert report.contamination.exact_questions == {"feedback": 0, "selection": 0, "private": 0}
    assert {entry.kind for entry in report.human_input} >= {"prompt template", "wordings of generators"}
    assert report.human_totals["examiner"].items == 12
    assert report.self_test is not None
    assert report.self_test.planted["exact copy (private)"] == 8
    assert report.self_test.stopped == report.self_test.planted
    assert all(report.canaries.values())
    assert report.alarms == ()
    assert [version.version for version in report.diversity] == datasets.versions(store)
    assert report.diversity[0].rows == report.contamination.checked_rows
    assert len(report.samples) == 20


@pytest.fixture
def faulty_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A root in a bucket whose server is slow, busy, failing and cut off, a third of the time."""
    with serve_faulty_s3(seeded(5, dict.fromkeys(ALL, 0.05))) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setitem(conf, "s3", {"endpoint_url": server.environment["AWS_ENDPOINT_URL"]})
        yield f"s3://{BUCKET}/{uuid.uuid4().hex[:8]}"
        assert all(server.injected[fault] for fault in ALL)


@pytest.mark.parametrize("kind", ["memory", "s3_root", "faulty_s3"])
def test_every_storage_gives_the_same_run(
    kind: str, on_disk: tuple[Path, app.Outcome], student: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = f"memory://{uuid.uuid4().hex}" if kind == "memory" else str(request.getfixturevalue(kind))
    outcome = carry_out(write_small_run(tmp_path, student, **QUICK), root)
    _, reference = on_disk
    assert datasets.versions(outcome.store) == datasets.versions(reference.store)
    assert outcome.report.private == reference.report.private
    types = [record.type for record in read_records(outcome.store)]
    assert types == [record.type for record in read_records(reference.store)]


def test_a_finished_run_does_nothing_again(on_disk: tuple[Path, app.Outcome]) -> None:
    document, outcome = on_disk
    records = read_records(outcome.store)

    def nobody(_: object) -> InProcess:
        raise AssertionError("a finished run needs no hands")

    root = str(document.parent / "runs")
    again = app.run(load(document), storage=root, reporter=SilentReporter(), workforce=nobody)
    assert again.report == outcome.report
    assert read_records(outcome.store) == records


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("spec.student.training.learningRate", 0.001, "spec.student.training.learningRate"),
        ("spec.dataset.size", 64, "spec.dataset.size"),
        ("spec.task.prompt", "{{ q }}?", "spec.task.prompt"),
        ("spec.seed", 9, "spec.seed"),
        ("spec.budget.iterations", 5, "private split was read"),
    ],
)
def test_a_changed_document_is_refused(path: str, value: object, named: str, on_disk: tuple[Path, app.Outcome]) -> None:
    document, outcome = on_disk
    text, records = document.read_text(), read_records(outcome.store)
    try:
        change(document, path, value)
        with pytest.raises(ResumeError, match=r"metadata\.name") as caught:
            carry_out(document, str(document.parent / "runs"))
    finally:
        document.write_text(text)
    assert named in str(caught.value)
    assert read_records(outcome.store) == records


def test_changed_items_are_refused(on_disk: tuple[Path, app.Outcome]) -> None:
    document, _ = on_disk
    items = document.parent / "items.jsonl"
    text = items.read_text()
    try:
        items.write_text(text.replace("hammer", "anvil"))
        with pytest.raises(ResumeError, match="items of"):
            carry_out(document, str(document.parent / "runs"))
    finally:
        items.write_text(text)


def test_labels_may_change(on_disk: tuple[Path, app.Outcome]) -> None:
    document, outcome = on_disk
    text = document.read_text()
    try:
        change(document, "metadata.labels", {"team": "a"})
        carry_out(document, str(document.parent / "runs"))
    finally:
        document.write_text(text)
    assert read_records(outcome.store)[-1].type == "document-changed"


def test_a_second_driver_is_refused(student: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, student, **QUICK)
    with (
        Ledger.acquire(Store.open(str(tmp_path / "runs")).child("small")),
        pytest.raises(FencedError, match="mend"),
    ):
        carry_out(document, str(tmp_path / "runs"))
    assert carry_out(document, str(tmp_path / "runs")).report.verdict == "improved"


def test_a_budget_without_a_valid_dataset_ends_with_its_own_exit_code(student: Path, tmp_path: Path) -> None:
    scorer = {"kind": "choice", "choices": ["warm", "cold"]}
    document = write_small_run(tmp_path, student, task__scorer=scorer, budget={"iterations": 1, "attempts": 2})
    for skill in ("warm", "cold"):
        change(document, f"spec.teacher.generators.{skill}.answer", "neither of the two")
    with pytest.raises(BudgetError, match="valid dataset") as caught:
        carry_out(document, str(tmp_path / "runs"))
    assert caught.value.exit_code == 3
    store = Store.open(str(tmp_path / "runs")).child("small")
    report = app.read_report(store)
    assert report.verdict == "no-dataset"
    assert report.funnel.dropped["unreadable"] == report.funnel.made > 0
    assert report.attempts.failures
    assert datasets.versions(store) == []


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    with pytest.raises(StorageError, match="no run"):
        app.read_state(store)
    with pytest.raises(StorageError, match="no report"):
        app.read_report(store)
