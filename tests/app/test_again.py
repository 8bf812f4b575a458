"""A run that has ended goes on again only when somebody asks for it, and says so for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.errors import ResumeError
from preceptor.loop.events import AnyEvent, ControlEnded, PrivateOpened, from_record
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


def carry_out(document: Path, *, again: bool = False) -> app.Outcome:
    return app.run(load(document), storage=None, reporter=SilentReporter(), workforce=InProcess, again=again)


def stored(document: Path) -> Store:
    return Store.open(str(document.parent / "runs")).child("small")


def events(document: Path) -> list[AnyEvent]:
    return [from_record(record) for record in read_records(stored(document))]


def larger(document: Path, tiny: Path, **budget: int) -> Path:
    return write_small_run(document.parent, tiny, **{**QUICK, "budget": {"iterations": 1, **budget}})


def test_an_ended_run_goes_on_again_when_asked_and_its_budget_grew(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, **QUICK)
    carry_out(document)
    before, page = events(document), stored(document).read(layout.REPORT_HTML)

    with pytest.raises(ResumeError, match=r"private split was read.*nothing to do"):
        carry_out(document, again=True)
    larger(document, tiny, attempts=20)
    with pytest.raises(ResumeError, match="would end at once: all 1 iterations are done"):
        carry_out(document, again=True)
    larger(document, tiny, iterations=2)
    with pytest.raises(ResumeError, match="private split was read") as caught:
        carry_out(document)
    assert "--again" in caught.value.mend
    assert events(document) == before

    carry_out(document, again=True)
    after = events(document)
    assert after[: len(before)] == before
    assert [event.type for event in after[len(before) :]][:2] == ["reopened", "document-changed"]
    readings = [event for event in after if isinstance(event, PrivateOpened)]
    assert [(event.reading, event.others) for event in readings] == [(1, ()), (2, ())]
    controls = [event.directory for event in after if isinstance(event, ControlEnded)]
    assert controls == ["controls/one-shot", "controls/one-shot-2"]
    child = app.read_state(stored(document).child("controls", "one-shot-2"))
    assert [event.reading for event in child.readings] == [2]
    state = app.read_state(stored(document))
    assert len(state.iterations) == 2
    assert stored(document).read(layout.REPORT_HTML) != page
    assert len(app.read_report(stored(document)).iterations) == 2
    # Nothing else happens when the same command is given once more without --again.
    carry_out(document)
    assert events(document) == after


def test_killed_between_going_on_and_the_new_document_the_same_command_continues(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, **QUICK)
    carry_out(document)
    ended = len(events(document))
    larger(document, tiny, iterations=2)
    carry_out(document, again=True)
    for path in sorted((tmp_path / "runs/small/ledger").iterdir())[ended + 1 :]:
        path.unlink()
    assert events(document)[-1].type == "reopened"
    carry_out(document, again=True)
    assert [event.type for event in events(document)].count("reopened") == 1
    assert len(app.read_report(stored(document)).iterations) == 2


def test_a_changed_document_is_refused_with_again_too(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, **QUICK, engineer={"kind": "heuristic", "strategy": "iterative"})
    carry_out(document)
    write_small_run(tmp_path, tiny, **{**QUICK, "budget": {"iterations": 2}, "dataset": {"size": 40, "minimum": 16}})
    before = events(document)
    with pytest.raises(ResumeError, match=r"spec\.dataset\.size"):
        carry_out(document, again=True)
    assert events(document) == before


def test_two_runs_over_the_same_items_know_of_each_other(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, **{**QUICK, "evaluation": {"seeds": 1, "controls": {"prompted": False}}})
    carry_out(document)
    document.write_text(document.read_text().replace("name: small", "name: other"))
    carry_out(document)
    other = Store.open(str(tmp_path / "runs")).child("other")
    [reading] = [event for record in read_records(other) if isinstance(event := from_record(record), PrivateOpened)]
    assert reading.others == ("small",)
    noted = [json.loads(path.read_text())["run"] for path in sorted((tmp_path / "runs/_readings").rglob("*.json"))]
    assert noted == ["other", "small"]
