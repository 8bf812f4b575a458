"""Runs side by side: figures by hand from stored predictions, what is pooled, what is paired, what is not counted."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from preceptor.errors import StorageError, UserError
from preceptor.loop.events import BASE, ControlEnded, from_record
from preceptor.loop.state import RunState, fold
from preceptor.runs.comparing import compare
from preceptor.runs.entrant import Entrant, read_entrant
from preceptor.runs.markdown import markdown
from preceptor.runs.schema import Identity
from preceptor.storage import evaluations
from preceptor.storage.ledger import Ledger, read_records
from preceptor.storage.store import Store
from support.runs import Runs

ITERATIVE = "heuristic, iterative"
ONE_SHOT = "heuristic, oneShot"
OPENED = "private-opened"


def entrant(runs: Runs, name: str) -> Entrant:
    return read_entrant(Store.open(str(runs.directory(name))))


def state_of(runs: Runs, name: str) -> RunState:
    return fold(from_record(record) for record in read_records(Store.open(str(runs.directory(name)))))


def by_hand(runs: Runs, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores on private before, ``[items]``, and after, ``[seeds, items]``, by item."""
    store, state = Store.open(str(runs.directory(name))), state_of(runs, name)

    def of(subject: str) -> list[float]:
        rows = evaluations.read(store, state.scores[subject, "private"].evaluation)
        return [row.value for row in sorted(rows, key=lambda row: row.item_id)]

    asked = [subject for subject, split in state.scores if split == "private" and subject != BASE]
    return np.array(of(BASE)), np.array([of(subject) for subject in asked])


def test_a_run_alone(runs: Runs) -> None:
    before, after = by_hand(runs, "warm")
    state = state_of(runs, "warm")
    found = compare([entrant(runs, "warm")])
    (row,) = found.rows
    (cell,) = row.cells
    points = 100 * (after.mean() - before.mean())
    assert points > 5, "the tiny student learns something, else this test tells nothing"
    assert cell.figure.points == row.mean.points == pytest.approx(points)
    assert cell.figure.relative == (None if not before.mean() else pytest.approx(points / 100 / before.mean()))
    assert cell.figure.interval[0] <= points <= cell.figure.interval[1]
    assert (cell.figure.items, cell.figure.trainings, cell.figure.runs) == (before.size, len(after), 1)
    assert (row.label, row.mats, row.verdicts) == (ITERATIVE, 1.0, {state.published.verdict: 1})  # type: ignore[union-attr]
    controls = sum(event.seconds for event in state.controls.values())
    assert row.cost.minutes == pytest.approx((state.elapsed - controls) / 60)
    assert row.cost.rows == state.rows_made > 0
    assert (row.cost.requests, row.cost.usd) == (0, 0)
    assert found.pairs == ()
    assert [task.label for task in found.tasks] == ["warm"]


def test_two_runs_of_one_kind_are_one_row(runs: Runs) -> None:
    gains = [100 * (after.mean() - before.mean()) for before, after in (by_hand(runs, n) for n in ("warm", "warm-2"))]
    found = compare([entrant(runs, "warm-2"), entrant(runs, "warm")])
    (row,) = found.rows
    assert row.runs == ("warm-2", "warm")
    assert row.cells[0].figure.points == pytest.approx(np.mean(gains))
    assert row.cells[0].figure.runs == 2
    assert row.cells[0].figure.trainings == 4
    assert [task.label for task in found.tasks] == ["warm"], "the shortest name"
    (pair,) = found.pairs
    assert (pair.first, pair.second) == ("warm-2", "warm")
    assert pair.figure.points == pytest.approx(gains[0] - gains[1])


def test_rows_on_the_same_items_are_paired(runs: Runs) -> None:
    iterative, at_once = (by_hand(runs, name)[1] for name in ("warm", "warm-at-once"))
    found = compare([entrant(runs, "warm"), entrant(runs, "warm-at-once")])
    assert [row.label for row in found.rows] == [ITERATIVE, ONE_SHOT]
    (pair,) = found.pairs
    assert (pair.task, pair.first, pair.second) == ("warm", ITERATIVE, ONE_SHOT)
    assert pair.figure.points == pytest.approx(100 * (at_once.mean() - iterative.mean()))
    assert pair.figure.significant is (pair.words.rpartition(": ")[2] == "significant")


def test_other_items_are_another_task_and_never_paired(runs: Runs) -> None:
    warm, others = entrant(runs, "warm"), entrant(runs, "others")
    assert warm.digest != others.digest
    found = compare([warm, others])
    (row,) = found.rows
    assert [cell.task for cell in row.cells] == ["warm", "others"]
    assert row.mean.points == pytest.approx(np.mean([cell.figure.points for cell in row.cells]))
    assert found.pairs == ()


def test_a_task_of_one_row_alone_is_a_gap_in_the_other(runs: Runs) -> None:
    found = compare([entrant(runs, name) for name in ("warm", "others", "warm-at-once")])
    iterative, at_once = found.rows
    assert [cell.task for cell in at_once.cells] == ["warm"]
    assert len(iterative.cells) == 2
    assert "(1 of 2 tasks)" in markdown(found)
    assert len(found.pairs) == 1


def test_another_student_is_another_task(runs: Runs) -> None:
    warm = entrant(runs, "warm")
    found = compare([warm, replace(warm, where="elsewhere", task=f"{warm.task} another student")])
    assert [task.label for task in found.tasks] == ["warm", "warm (2)"]
    assert found.pairs == ()


def test_controls_are_rows_when_asked_for(runs: Runs) -> None:
    assert len(compare([entrant(runs, "warm")]).rows) == 1
    found = compare([entrant(runs, "warm"), entrant(runs, "warm-at-once")], controls=True)
    assert [row.label for row in found.rows] == [
        ITERATIVE,
        f"{ITERATIVE}: prompted",
        f"{ITERATIVE}: format",
        ONE_SHOT,
    ]
    state, before = state_of(runs, "warm"), by_hand(runs, "warm")[0]
    for row in found.rows[1:3]:
        event = state.controls[row.who.control]  # type: ignore[index]
        mean = np.mean([score.value for score in event.scores])
        assert row.cells[0].figure.points == pytest.approx(100 * (mean - before.mean()))
        assert row.mats is None
        assert row.cost.minutes == pytest.approx(event.seconds / 60)
    assert len(found.pairs) == 6


def test_a_run_that_published_nothing_counts_as_no_gain(runs: Runs) -> None:
    warm = entrant(runs, "warm")
    nothing = replace(warm.results[0], run="in-vain", verdict="no-improvement", before=None, after=None)
    vain = replace(warm, name="in-vain", where="elsewhere", results=(nothing,))
    alone = compare([vain]).rows[0]
    assert (alone.mean.points, alone.mean.relative, alone.mean.significant) == (0.0, 0.0, False)
    both = compare([warm, vain])
    assert both.rows[0].mean.points == pytest.approx(compare([warm]).rows[0].mean.points / 2)
    assert both.rows[0].verdicts == {warm.results[0].verdict: 1, "no-improvement": 1}
    assert both.pairs == (), "there are no answers to pair"


def test_unfinished_runs_are_named_and_not_counted(runs: Runs) -> None:
    alone, found = (compare([entrant(runs, name) for name in names]) for names in (("warm",), ("warm", "half")))
    assert found.rows == alone.rows
    assert [(run.run, run.why) for run in found.unfinished] == [("half", "it is searching, after 0 iterations")]
    assert "Not counted: half (it is searching, after 0 iterations)." in markdown(found)


def test_what_cannot_be_compared(runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to compare"):
        compare([])
    with pytest.raises(UserError, match="is named twice"):
        compare([entrant(runs, "warm"), entrant(runs, "warm")])
    with pytest.raises(UserError, match=r"none of these runs has ended.*\n  half: it is searching"):
        compare([entrant(runs, "half")])
    with pytest.raises(StorageError, match="there is no run in"):
        read_entrant(Store.open(str(tmp_path)))


def test_a_ledger_of_an_earlier_release_gives_the_same(runs: Runs, tmp_path: Path) -> None:
    """It has no note that private was opened: the gain is nevertheless the one that was measured."""
    copy = tmp_path / "warm"
    shutil.copytree(runs.directory("warm-2") / "evaluations", copy / "evaluations")
    told = [record for record in read_records(Store.open(str(runs.directory("warm-2")))) if record.type != OPENED]
    with Ledger.acquire(Store.open(str(copy))) as ledger:
        for record in told:
            ledger.append(record.type, record.data)
    assert not fold(from_record(record) for record in told).opened
    found = compare([read_entrant(Store.open(str(copy)))])
    assert found.rows[0].cells[0].figure == compare([entrant(runs, "warm-2")]).rows[0].cells[0].figure


def test_a_control_without_answers_on_private_is_no_row(runs: Runs) -> None:
    state = state_of(runs, "warm")
    assert all(isinstance(event, ControlEnded) and event.split == "private" for event in state.controls.values())
    labels = {result.who.control for result in entrant(runs, "warm").results}
    assert labels == {None, "prompted", "format"}


def test_rows_are_told_apart_by_who_made_the_data() -> None:
    labels = [
        Identity(engineer="llm", model="gpt-5.2", strategy="iterative").label,
        Identity(engineer="llm", model="gpt-5.2", strategy="iterative", with_seeds=True).label,
        Identity(engineer="fixed", control="format").label,
    ]
    assert labels == ["gpt-5.2, iterative", "gpt-5.2, iterative, with seeds", "fixed: format"]
