"""Steps that wait for a human, and a run that is suspended in its document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.errors import ApprovalError, BudgetError, DocumentError
from preceptor.loop.events import AnyEvent, ControlEnded, DatasetCommitted, PrivateOpened, StudentTrained, from_record
from preceptor.loop.in_process import InProcess
from preceptor.spec.load import load
from preceptor.storage import layout
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.silent import SilentReporter
from support.small_run import write_small_run

QUICK: dict[str, Any] = {
    "budget": {"iterations": 1},
    "evaluation": {"seeds": 1, "controls": {"prompted": False, "oneShot": True}},
    "student__training__epochs": 6,
}


def carry_out(directory: Path, tiny: Path, **changes: Any) -> app.Outcome:
    document = write_small_run(directory, tiny, **{**QUICK, **changes})
    return app.run(load(document), storage=None, reporter=SilentReporter(), workforce=InProcess)


def stored(directory: Path) -> Store:
    return Store.open(str(directory / "runs")).child("small")


def events(directory: Path, *kinds: type) -> list[AnyEvent]:
    return [event for event in map(from_record, read_records(stored(directory))) if isinstance(event, kinds)]


def test_a_run_waits_before_it_trains_and_before_it_publishes(tiny: Path, tmp_path: Path) -> None:
    required: dict[str, Any] = {"required": ["train", "publish"]}
    with pytest.raises(ApprovalError, match="waits for approval to train") as first:
        carry_out(tmp_path, tiny, approval=required)
    assert (first.value.exit_code, first.value.step) == (4, "train")
    assert "`train` to spec.approval.granted" in first.value.mend
    (committed,) = events(tmp_path, DatasetCommitted)
    assert isinstance(committed, DatasetCommitted)
    assert layout.dataset_card(committed.version) in str(first.value)
    assert events(tmp_path, StudentTrained) == []
    shards = stored(tmp_path).names(layout.teacher_shards(1))

    before = events(tmp_path, object)
    with pytest.raises(ApprovalError):  # nobody has said anything: nothing happens
        carry_out(tmp_path, tiny, approval=required)
    assert events(tmp_path, object) == before

    with pytest.raises(ApprovalError, match="waits for approval to publish") as second:
        carry_out(tmp_path, tiny, approval={**required, "granted": ["train"]})
    assert second.value.step == "publish"
    assert len(events(tmp_path, DatasetCommitted)) == 1
    assert stored(tmp_path).names(layout.teacher_shards(1)) == shards  # the teacher was not asked again
    assert len(events(tmp_path, PrivateOpened)) == 1
    assert len(events(tmp_path, ControlEnded)) >= 1  # its own approvals are nobody's business
    assert not stored(tmp_path).exists(layout.REPORT_JSON)

    outcome = carry_out(tmp_path, tiny, approval={**required, "granted": ["train", "publish"]})
    assert outcome.report.verdict
    assert stored(tmp_path).exists(layout.REPORT_HTML)


def test_what_is_not_asked_for_waits_for_nobody(tiny: Path, tmp_path: Path) -> None:
    assert carry_out(tmp_path, tiny, approval={"granted": ["train"]}).report.verdict


def test_a_suspended_document_is_refused_with_the_way_on(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="suspend: false"):
        carry_out(tmp_path, tiny, suspend=True)
    assert not (tmp_path / "runs").exists()


def test_a_run_without_a_dataset_goes_on_when_its_budget_grows(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(BudgetError):
        carry_out(tmp_path, tiny, budget={"iterations": 1, "rows": 16}, dataset={"size": 32, "minimum": 16})
    outcome = carry_out(tmp_path, tiny, budget={"iterations": 1, "rows": 400}, dataset={"size": 32, "minimum": 16})
    assert outcome.report.verdict
