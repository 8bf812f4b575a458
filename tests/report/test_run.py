"""The report of a whole small run: every figure comes from what the run stored."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from preceptor import app
from preceptor.loop.events import from_record
from preceptor.loop.in_process import InProcess
from preceptor.loop.state import RunState, fold
from preceptor.report import outcome
from preceptor.report.answers import Answers
from preceptor.report.schema import Report, json_schema
from preceptor.spec.load import load
from preceptor.storage import datasets, evaluations, layout
from preceptor.storage.ledger import read_records
from support.silent import SilentReporter
from support.small_run import write_small_run


class Ended:
    """A finished run and everything that tells of it."""

    def __init__(self, directory: Path, tiny: Path) -> None:
        changes: dict[str, Any] = {
            "budget__iterations": 1,
            "evaluation__seeds": 2,
            "evaluation__attribution": True,
            "evaluation__controls": {"format": True},
        }
        self.document = load(write_small_run(directory, tiny, **changes))
        left = app.run(self.document, storage=str(directory / "runs"), reporter=SilentReporter(), workforce=InProcess)
        self.report: Report = left.report
        self.store = left.store
        self.stored = self.store.read_json(layout.REPORT_JSON)
        self.records = read_records(self.store)
        self.state: RunState = fold(from_record(record) for record in self.records)


@pytest.fixture(scope="module")
def ended(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    import torch

    torch.set_num_threads(1)
    return Ended(tmp_path_factory.mktemp("run"), tiny)


def test_it_is_as_the_published_schema_says(ended: Ended) -> None:
    shipped = json.loads(resources.files("preceptor.report").joinpath("report.schema.json").read_text("utf-8"))
    assert shipped == json_schema(), "run `preceptor schema report > runtime/preceptor/report/report.schema.json`"
    jsonschema.Draft202012Validator.check_schema(shipped)
    jsonschema.validate(ended.stored, shipped)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**ended.stored, "iterations": "none"}, shipped)


def test_what_others_read_is_there(ended: Ended) -> None:
    private = ended.stored["private"]
    assert private.keys() >= {"items", "before", "after", "gainPoints", "interval", "relativeGain", "seeds"}
    for row in ended.stored["iterations"]:
        assert row.keys() >= {"version", "rows", "feedback", "selection", "predicted", "seconds"}
        assert row["predicted"] is None or 0 <= row["predicted"] <= 1
    others = {"attempts", "budget", "controls", "contamination", "canaries", "diversity", "humanInput", "digests"}
    assert ended.stored.keys() >= others


def test_the_outcome_is_that_of_the_stored_answers(ended: Ended) -> None:
    private, state = ended.report.private, ended.state
    assert private is not None
    before = {row.item_id: row for row in evaluations.read(ended.store, state.scores["base", "private"].evaluation)}
    assert private.before == pytest.approx(np.mean([row.value for row in before.values()]))
    assert private.items == len(before) == 8
    assert private.clusters == len({row.cluster for row in before.values()})
    assert len(private.seeds) == 2
    values = []
    for seed in private.seeds:
        rows = evaluations.read(ended.store, state.scores[seed.training, "private"].evaluation)
        values += [row.value for row in rows]
        assert seed.gained == sum(row.correct and not before[row.item_id].correct for row in rows)
        assert seed.lost == sum(not row.correct and before[row.item_id].correct for row in rows)
    assert private.after == pytest.approx(np.mean(values))
    assert private.gain_points == pytest.approx(100 * (private.after - private.before))
    assert private.interval[0] <= private.gain_points <= private.interval[1]
    assert f"{private.gain_points:+.1f} points" in ended.report.sentence
    optimism = ended.report.optimism
    assert optimism is not None
    assert optimism.points == pytest.approx(optimism.selection_points - optimism.private_points)
    assert [reading.reading for reading in ended.report.readings] == [1]


def test_iterations_have_intervals_around_their_scores(ended: Ended) -> None:
    assert len(ended.report.iterations) == 1
    for row in ended.report.iterations:
        assert row.selection_interval is not None
        assert row.selection_interval[0] <= row.selection <= row.selection_interval[1]
        assert row.feedback_interval is not None
        assert row.feedback_interval[0] <= row.feedback <= row.feedback_interval[1]
        assert row.gain_points == pytest.approx(100 * (row.selection - ended.report.baseline["selection"]))


def test_mistakes_are_counted_from_the_answers(ended: Ended) -> None:
    assert [found.split for found in ended.report.mistakes] == ["private", "feedback"]
    for found in ended.report.mistakes:
        assert sum(found.before.values()) == pytest.approx(1)
        assert sum(found.after.values()) == pytest.approx(1)
    private = ended.report.private
    assert private is not None
    assert ended.report.mistakes[0].before["right"] == pytest.approx(private.exact_before)
    assert ended.report.mistakes[0].after["right"] == pytest.approx(private.exact_after)


def test_controls_are_compared_with_the_published_student(ended: Ended) -> None:
    controls, private = ended.report.controls, ended.report.private
    assert private is not None
    assert list(controls) == ["base", "prompted", "format"]
    assert controls["base"].value == pytest.approx(private.before)
    assert controls["base"].difference_points == pytest.approx(private.gain_points)
    for name in ("prompted", "format"):
        event = ended.state.controls[name]  # type: ignore[index]
        store = ended.store.child(event.directory) if event.directory else ended.store
        answers = [row.value for score in event.scores for row in evaluations.read(store, score.evaluation)]
        assert controls[name].value == pytest.approx(np.mean(answers))
        assert controls[name].difference_points == pytest.approx(100 * (private.after - np.mean(answers)))
    assert len(controls["format"].seeds) == 2


def test_each_skill_has_its_worth(ended: Ended) -> None:
    assert {worth.skill for worth in ended.report.attribution} == {"cold", "warm"}
    for worth in ended.report.attribution:
        assert worth.points == pytest.approx(100 * ended.state.removals[worth.skill].worth)
        assert worth.points_per_hundred_rows == pytest.approx(100 * worth.points / worth.rows)
        assert worth.points_per_usd is None


def test_the_stages_add_up_to_the_wall_clock(ended: Ended) -> None:
    parts = ended.report.spending
    assert sum(part.seconds for part in parts) == pytest.approx(ended.state.elapsed, abs=0.05)
    assert {part.stage for part in parts} >= {"search", "finalists", "private", "controls", "attribution"}
    assert sum(part.rows for part in parts) == ended.report.budget["rows"].spent


def test_samples_have_their_whole_receipts(ended: Ended) -> None:
    version = ended.report.published_version
    assert version is not None
    rows = {row["id"]: row for row in datasets.read_rows(ended.store, version)}
    assert len(ended.report.samples) == 20
    for sample in ended.report.samples:
        assert sample.receipt == rows[sample.id]["receipt"]
        assert sample.prompt == rows[sample.id]["prompt"]


def test_failures_are_of_feedback_and_nothing_else_is_shown(ended: Ended) -> None:
    splits = app.examination(ended.document)
    feedback = {item.prompt: item.reference for item in splits["feedback"].items}
    nothing_learnt = replace(ended.state, attempts=())
    failures, count = outcome.failures(Answers(ended.store, nothing_learnt), splits["feedback"])
    answers = evaluations.read(ended.store, ended.state.scores["base", "feedback"].evaluation)
    assert len(failures) == count == sum(not row.correct for row in answers) > 0
    for failure in failures:
        assert failure.reference == feedback[failure.prompt]
        assert failure.kind in ("wrong", "unreadable", "cut off")
    told = ended.store.read(layout.REPORT_JSON).decode() + ended.store.read(layout.REPORT_HTML).decode()
    for split in ("selection", "private"):
        assert not [item.prompt for item in splits[split].items if item.prompt in told]


def test_every_digest_that_a_replay_needs_is_there(ended: Ended) -> None:
    digests = ended.report.digests
    assert ended.state.started is not None
    assert digests["document"] == ended.state.started.document_digest
    assert {f"split.{name}": digest for name, digest in ended.state.started.splits.items()}.items() <= digests.items()
    for version in datasets.versions(ended.store):
        assert digests[f"manifest.{version}"] == datasets.manifest_digest(ended.store, version)
    assert digests["recipe.1"] == ended.state.attempts[0].drafted.digest
    assert digests["gates.index"]
