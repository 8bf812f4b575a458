"""Whole runs with a teacher that copies the examination, tells keys and refuses."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.errors import GateError
from preceptor.gates.contamination import ExamIndex, Protected
from preceptor.loop.events import AnyEvent, DatasetCommitted, SafeguardsTested, from_record
from preceptor.loop.in_process import InProcess
from preceptor.spec.gates import ContaminationGate
from preceptor.spec.load import load
from preceptor.storage import datasets, layout
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.faulty import FaultyServer
from support.model_run import KEY, write_model_run
from support.model_run import sound as honest
from support.sensible import fingerprint
from support.silent import SilentReporter
from support.small_run import OTHER_THINGS, write_small_run

QUICK: dict[str, Any] = {
    "student__training__epochs": 1,
    "evaluation__seeds": 1,
}
LEAKED = "sk-proj-" + "Zx9" * 16
"""Looks like a vendor's key."""
PLACES = {"warm": "by our fire", "cold": "under deep snow"}


class Copycat:
    """Writes sound rows, copies of the examination, and worse; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.copied = 0

    def __call__(self, body: dict[str, Any]) -> str:
        self.asked.append(json.dumps(body["messages"], ensure_ascii=False))
        answer = honest(body)
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        if schema is None or "recipe" in schema["properties"]:
            return answer
        at = int(sha256(fingerprint(body).encode()).hexdigest()[:8], 16)
        skill = json.loads(answer)["rows"][0]["answer"]
        thing = OTHER_THINGS[at % len(OTHER_THINGS)]
        match at % 7:
            case 0:
                question = f"the {thing} {PLACES[skill]}"
            case 1:
                question = f"The {thing.upper()}   {PLACES[skill]}!"
            case 2:
                question = f"the bench, my key is {LEAKED}, number {at}"
            case _:
                return answer
        self.copied += 1
        return json.dumps({"rows": [{"q": question, "answer": skill}]})


def run(document: Path) -> app.Outcome:
    return app.run(load(document), storage=None, reporter=SilentReporter(), workforce=InProcess)


def stored(document: Path) -> Store:
    return Store.open(str(document.parent / "runs")).child("small")


def events(document: Path) -> list[AnyEvent]:
    return [from_record(record) for record in read_records(stored(document))]


def test_what_a_teacher_copies_teaches_nobody(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)
    teacher = Copycat()
    with FaultyServer(answer=teacher, key=KEY) as server:
        document = write_model_run(tmp_path, tiny, server.url, llm=True, **QUICK)
        report = run(document).report
    store, told = stored(document), events(document)
    copies = {f"the {thing} {place}" for thing in OTHER_THINGS for place in PLACES.values()}
    versions = [event.version for event in told if isinstance(event, DatasetCommitted)]
    assert versions
    assert teacher.copied > 10
    for version in versions:
        rows = datasets.read_rows(store, version)
        assert not [row for row in rows if " ".join(row["prompt"].lower().strip(" !").split()) in copies]
        assert LEAKED not in repr(rows)
    dropped = report.funnel.dropped
    assert dropped["contaminated-exact"] > 0
    assert dropped["secret"] > 0
    manifest = datasets.read_manifest(store, versions[-1])
    assert manifest.gates["contamination"]["dropped"]["contaminated-exact"] > 0
    skills = manifest.funnel["skills"].values()
    assert manifest.gates["secrets"]["dropped"] == {"secret": sum(skill["dropped"]["secret"] for skill in skills)}
    assert [one.same for one in app.replayed(store, document.parent)] == [True] * len(versions)


def test_nobody_who_makes_data_is_told_of_the_hidden_splits(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)
    teacher = Copycat()
    with FaultyServer(answer=teacher, key=KEY) as server:
        document = write_model_run(tmp_path, tiny, server.url, llm=True, **QUICK)
        run(document)
    splits = app.examination(load(document))
    hidden = [item.prompt for name in ("selection", "private") for item in splits[name].items]
    carried = [text for text in teacher.asked if "recipe" in text]
    assert carried  # the engineer was asked, too
    assert not [question for question in hidden for text in teacher.asked if question in text]
    names = {one for one in [row["receipt"].get("neighbour", "") for row in _rows(document)] if one}
    assert not [question for question in hidden if question in repr(names)]


def _rows(document: Path) -> list[Any]:
    store = stored(document)
    return [row for version in datasets.versions(store) for row in datasets.read_rows(store, version)]


def test_the_gates_are_tested_before_anything_is_examined(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, budget__iterations=1, **QUICK)
    report = run(document).report
    tested = events(document)[1]
    assert isinstance(tested, SafeguardsTested)
    assert tested.planted == tested.stopped
    assert sum(tested.planted.values()) >= 20
    assert stored(document).exists(layout.EXAM_INDEX)
    assert report.canaries is not None


def test_a_run_whose_gates_let_copies_pass_makes_nothing(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, budget__iterations=1, **QUICK)
    other = tmp_path / "other"
    other.mkdir()
    strange = write_small_run(other, tiny, budget__iterations=1, **QUICK)
    items = other / "items.jsonl"
    items.write_text(items.read_text("utf-8").replace("by our fire", "in a warm bath").replace("under deep", "beneath"))
    run(strange)
    stored(document).write(layout.EXAM_INDEX, stored(strange).read(layout.EXAM_INDEX))
    with pytest.raises(GateError, match="exact copy"):
        run(document)
    assert [event.type for event in events(document)] == ["run-started"]


def test_a_gate_that_is_off_is_reported(tiny: Path, tmp_path: Path) -> None:
    gates = {"contamination": {"enabled": False}}
    document = write_small_run(tmp_path, tiny, budget__iterations=1, dataset__gates=gates, **QUICK)
    run(document)
    tested = events(document)[1]
    assert isinstance(tested, SafeguardsTested)
    assert tested.off == ("contamination",)
    assert "contamination" in stored(document).read(layout.REPORT_HTML).decode()


def test_an_index_that_is_not_the_tested_one_is_refused_on_resuming_and_replaying(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, budget__iterations=1, **QUICK)
    run(document)
    store = stored(document)
    other = ExamIndex.build([Protected("private", "1", "who wrote Emma?")], ContaminationGate())
    store.write(layout.EXAM_INDEX, other.to_bytes())
    with pytest.raises(GateError, match="not what the gates were tested with"):
        list(app.replayed(store, document.parent))
    store.delete(layout.EXAM_INDEX)
    with pytest.raises(GateError, match="is missing"):
        list(app.replayed(store, document.parent))
    for name in store.names(layout.LEDGER)[3:]:  # back to before the first dataset
        store.delete(f"{layout.LEDGER}/{name}")
    with pytest.raises(GateError, match="is missing"):
        run(document)
