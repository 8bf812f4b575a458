"""Comparisons that are runs of their own: what they run, whole small runs with them, kills in the middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.errors import TrainingError
from preceptor.inference.engine import Output
from preceptor.loop.events import AnyEvent, ControlEnded, DatasetCommitted, PrivateOpened, from_record
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Sitting, Tick, TrainingOrder
from preceptor.spec.document import Spec
from preceptor.spec.load import load
from preceptor.storage import datasets, evaluations
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from preceptor.training.job import TrainingResult
from support.silent import SilentReporter
from support.small_run import write_small_run

ONE_SHOT: dict[str, Any] = {
    "evaluation": {"seeds": 1, "controls": {"prompted": False, "oneShot": True}},
    "budget": {"iterations": 2, "rows": 200},
}


class KilledError(Exception):
    """Stands for the end of the process."""


class Counting(InProcess):
    """Counts what it does, and falls when it is told to."""

    def __init__(self, spec: Spec, done: list[str], fall_at: int = 0) -> None:
        super().__init__(spec)
        self._done, self._fall_at = done, fall_at

    def _did(self, what: str) -> None:
        self._done.append(what)
        if len(self._done) == self._fall_at:
            raise KilledError

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        result = super().train(order, tick)
        self._did(f"train {order.publish.root} {order.publish.prefix}")
        return result

    def answer(self, sitting: Sitting, tick: Tick) -> list[Output]:
        outputs = super().answer(sitting, tick)
        where = f"{sitting.checkpoint.root} {sitting.checkpoint.prefix}" if sitting.checkpoint else "base"
        self._did(f"answer {where} {len(sitting.conversations)}")
        return outputs


def carry_out(document: Path, done: list[str] | None = None, fall_at: int = 0, **options: Any) -> app.Outcome:
    counted = [] if done is None else done
    return app.run(
        load(document),
        storage=None,
        reporter=options.pop("reporter", SilentReporter()),
        workforce=lambda spec: Counting(spec, counted, fall_at),
        **options,
    )


def stored(document: Path, *parts: str) -> Store:
    return Store.open(str(document.parent / "runs")).child("small", *parts)


def events(store: Store) -> list[AnyEvent]:
    return [from_record(record) for record in read_records(store)]


def controls(document: Path) -> dict[str, ControlEnded]:
    return {event.control: event for event in events(stored(document)) if isinstance(event, ControlEnded)}


@pytest.fixture(scope="module")
def one_shot(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A run with a one-shot control, and what was trained and answered for it."""
    document, done = write_small_run(tmp_path_factory.mktemp("one"), tiny, **ONE_SHOT), []
    carry_out(document, done)
    return document, done


def test_a_one_shot_control_is_a_run_of_its_own(one_shot: tuple[Path, list[str]]) -> None:
    document, done = one_shot
    event, child = controls(document)["oneShot"], stored(document, "controls", "one-shot")
    assert (event.skipped, event.directory, event.split) == ("", "controls/one-shot", "private")
    state = app.read_state(child)
    assert state.ended is not None
    assert (state.ended.reason, len(state.iterations)) == ("iterations", 1)
    assert [event.version] == datasets.versions(child)
    assert event.rows == 32
    assert event.made == state.rows_made > 0
    assert len(event.scores) == 1
    assert len(evaluations.read(child, event.scores[0].evaluation)) == event.scores[0].n == 8
    # The untrained student answered once, for the run; its answers were handed over.
    assert sum(line.startswith("answer base") for line in done) == 2
    assert not any(event.type == "student-examined" and event.seconds > 5 for event in events(child))
    assert state.readings == (PrivateOpened(reading=1, elapsed=state.readings[0].elapsed),)
    assert state.safeguards is not None
    assert state.safeguards.stopped == state.safeguards.planted


def test_a_controls_directory_is_read_like_any_run(one_shot: tuple[Path, list[str]]) -> None:
    document, _ = one_shot
    child = stored(document, "controls", "one-shot")
    report = app.read_report(child)
    assert report.name == "small-one-shot"
    assert report.private is not None
    again = list(app.replayed(child, document.parent))
    assert again
    assert all(version.same for version in again)


@pytest.mark.parametrize("fall_at", [9, 10, 12])
def test_killed_in_the_middle_of_a_control_nothing_is_done_twice(
    fall_at: int, one_shot: tuple[Path, list[str]], tiny: Path, tmp_path: Path
) -> None:
    document, done = write_small_run(tmp_path, tiny, **ONE_SHOT), []
    with pytest.raises(KilledError):
        carry_out(document, done, fall_at)
    assert "controls/one-shot" in done[-1]
    carry_out(document, done)
    reference, whole = one_shot
    kept = [line.replace(str(tmp_path), str(reference.parent)) for line in done]
    # What was under way is done once more, whatever it was; all else is kept.
    assert sorted(kept) == sorted([*whole, kept[fall_at - 1]])
    mine, theirs = controls(document)["oneShot"], controls(reference)["oneShot"]
    assert (mine.scores, mine.version, mine.made) == (theirs.scores, theirs.version, theirs.made)


class Diverging(InProcess):
    """Trains students of the run, and none of its comparisons."""

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        if "controls" in order.publish.root:
            raise TrainingError("the training diverged")
        return super().train(order, tick)


def test_a_comparison_whose_training_fails_is_left_out_and_what_it_made_counts(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, **ONE_SHOT)
    outcome = app.run(load(document), storage=None, reporter=SilentReporter(), workforce=Diverging)
    assert outcome.report.private is not None
    [ended] = [event for event in events(stored(document)) if isinstance(event, ControlEnded)]
    assert "diverged" in ended.skipped
    assert ended.scores == ()
    made = [event for event in events(stored(document, "controls", "one-shot")) if isinstance(event, DatasetCommitted)]
    assert ended.made == sum(event.made for event in made) > 0
