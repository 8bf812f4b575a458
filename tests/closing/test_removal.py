"""Attribution: what each skill's rows are worth, and that nothing is trained twice to know it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from preceptor import app
from preceptor.loop.events import DatasetCommitted, SkillRemoved, StudentTrained
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Tick, TrainingOrder
from preceptor.spec.load import load
from preceptor.storage import datasets, evaluations, layout
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from preceptor.training.job import TrainingResult
from support.silent import SilentReporter
from support.small_run import write_small_run
from support.taught import write_taught_student


class _Counting(InProcess):
    """Keeps what students were taught; dies when it has taught so many."""

    taught: list[TrainingOrder]
    dies_after: int | None

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        cls = type(self)
        if len(cls.taught) == cls.dies_after:
            cls.dies_after = None
            raise _Killed
        result = super().train(order, tick)
        cls.taught.append(order)
        return result


class _Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student that can say both words, so that half the rows are enough to learn when to say one of them."""
    words = {f"say {word}, {number} times": word for word in ("warm", "cold") for number in range(10, 22)}
    return write_taught_student(tmp_path_factory.mktemp("student"), words)


def write(directory: Path, student: Path, **changes: Any) -> Path:
    return write_small_run(
        directory,
        student,
        task__splits={"feedback": 0.25, "selection": 0.5, "private": 0.25, "seed": 1},
        budget__iterations=1,
        evaluation={"seeds": 2, "attribution": True, "controls": {"ceiling": False, "prompted": False}},
        **changes,
    )


def carry_out(document: Path) -> app.Outcome:
    return app.run(load(document), storage=None, reporter=SilentReporter(), workforce=_Counting)


def removals(store: Store) -> dict[str, SkillRemoved]:
    records = [record for record in read_records(store) if record.type == "skill-removed"]
    events = [SkillRemoved.model_validate(record.data) for record in records]
    assert len({event.skill for event in events}) == len(events)
    return {event.skill: event for event in events}


@pytest.fixture(scope="module")
def finished(student: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[app.Outcome, list[TrainingOrder]]:
    _Counting.taught, _Counting.dies_after = [], None
    return carry_out(write(tmp_path_factory.mktemp("run"), student)), _Counting.taught


def test_a_skill_is_worth_the_items_that_need_it(finished: tuple[app.Outcome, list[TrainingOrder]]) -> None:
    outcome, _ = finished
    found = removals(outcome.store)
    assert set(found) == {"warm", "cold"}
    for skill, event in found.items():
        other = "cold" if skill == "warm" else "warm"
        assert event.split == "selection"
        for score in event.scores:
            assert score.skills[skill].value == 0, "nothing else teaches its answer"
            assert score.skills[other].value > 0.5, "what is left is learnt as before"
        assert 0.25 < event.worth <= 0.5, "half of the items need it"
        low, high = event.interval
        assert low < event.worth < high <= 1
    assert outcome.report.verdict == "improved"


def test_its_worth_is_that_of_the_stored_answers(finished: tuple[app.Outcome, list[TrainingOrder]]) -> None:
    store = finished[0].store
    trained = [record.data for record in read_records(store) if record.type == "student-trained"]
    finalists = [StudentTrained.model_validate(data).training for data in trained][1:]
    stored = [name.removesuffix(".parquet") for name in store.names(layout.EVALUATIONS)]

    def mean(training: str) -> float:
        (name,) = [name for name in stored if name.startswith(f"{training}-selection")]
        return float(np.mean([row.value for row in evaluations.read(store, name)]))

    for event in removals(store).values():
        assert [score.value for score in event.scores] == [mean(training) for training in event.trainings]
        assert len(event.scores) == len(finalists) == 2
        worth = np.mean([mean(one) for one in finalists]) - np.mean([mean(one) for one in event.trainings])
        assert event.worth == pytest.approx(worth)


def test_students_learn_everything_but_the_skill_with_the_finalists_seeds(
    finished: tuple[app.Outcome, list[TrainingOrder]],
) -> None:
    outcome, taught = finished
    (committed,) = [record.data for record in read_records(outcome.store) if record.type == "dataset-committed"]
    version = DatasetCommitted.model_validate(committed).version
    rows = datasets.read_rows(outcome.store, version)
    _, *finalists = taught[:3]
    for position, (skill, event) in enumerate(removals(outcome.store).items()):
        kept = sorted(str(row["prompt"]) for row in rows if row["skill"] != skill)
        assert event.rows == len(rows) - len(kept) > 0
        for order, finalist in zip(taught[3 + 2 * position :][:2], finalists, strict=True):
            assert order.seed == finalist.seed
            assert sorted(example.messages[-1]["content"] for example in order.examples) == kept
            assert order.settings == finalist.settings


def test_the_private_split_says_nothing_of_skills(finished: tuple[app.Outcome, list[TrainingOrder]]) -> None:
    store = finished[0].store
    trainings = {training for event in removals(store).values() for training in event.trainings}
    asked = [name for name in store.names(layout.EVALUATIONS) if name.startswith(tuple(trainings))]
    assert len(asked) == 4
    assert all("-selection-" in name for name in asked)


def test_rows_cost_what_their_receipts_say(student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from preceptor.loop.generating import Generation

    priced = Generation.samples

    def samples(self: Generation, version: str) -> list[Any]:
        """Rows as a teacher with a model would give them; one of each skill was carried over from before."""
        rows, seen = [], Counter[str]()
        for row in priced(self, version):
            seen[row.skill] += 1
            carried = "v0-before" if seen[row.skill] == 1 else None
            usd = 0.25 if row.skill == "warm" else 0.5
            rows.append(replace(row, receipt=replace(row.receipt, usd=usd, carried_from=carried)))
        return rows

    monkeypatch.setattr(Generation, "samples", samples)
    _Counting.taught, _Counting.dies_after = [], None
    found = removals(carry_out(write(tmp_path, student)).store)
    assert {skill: event.usd / event.rows for skill, event in found.items()} == {"warm": 0.25, "cold": 0.5}


def test_killed_among_the_trainings_it_trains_only_the_rest(student: Path, tmp_path: Path) -> None:
    document = write(tmp_path, student)
    _Counting.taught, _Counting.dies_after = [], 4  # in the middle of the first skill
    with pytest.raises(_Killed):
        carry_out(document)
    outcome = carry_out(document)
    assert len(_Counting.taught) == 3 + 2 * 2, "one in the search, two finalists, two without each skill"
    assert len(removals(outcome.store)) == 2
    assert outcome.report.verdict == "improved"


def test_a_version_with_one_skill_has_nothing_to_compare(student: Path, tmp_path: Path) -> None:
    recipe = {"skills": [{"skill": "warm", "quota": 16, "sources": [{"kind": "procedural", "generator": "warm"}]}]}
    _Counting.taught, _Counting.dies_after = [], None
    outcome = carry_out(write(tmp_path, student, engineer={"kind": "fixed", "recipe": recipe}))
    assert outcome.report.verdict in ("improved", "not-shown")
    assert not removals(outcome.store)
    assert len(_Counting.taught) == 3
