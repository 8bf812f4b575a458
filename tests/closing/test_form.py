"""Students that learn answers exchanged between rows: they learn form, and nothing of the task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from preceptor import app
from preceptor.closing.exchange import exchanged
from preceptor.errors import TrainingError
from preceptor.inference.engine import Output
from preceptor.loop.events import AnyEvent, ControlEnded, StudentExamined, from_record
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Sitting, Tick, TrainingOrder
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.load import load
from preceptor.storage import evaluations
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from preceptor.training.job import TrainingResult
from support.silent import SilentReporter
from support.small_run import write_small_run

CONTROLS = {"ceiling": False, "prompted": False, "format": True}
RECEIPT = Receipt(recipe="", attempt=1, generator="", difficulty=1, unit=0, index=0, teacher="")


class KilledError(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class Hands(InProcess):
    """Notes what it trains and examines, and may fail at a training, counted from 0."""

    trained: list[tuple[int, tuple[str, ...]]]
    examined: list[str]
    fails_at: int | None = None
    failure: BaseException

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        if len(self.trained) == self.fails_at:
            raise self.failure
        self.trained.append((order.seed, tuple(example.completion for example in order.examples)))
        return super().train(order, tick)

    def answer(self, sitting: Sitting, tick: Tick) -> list[Output]:
        self.examined.append("base" if sitting.checkpoint is None else sitting.checkpoint.prefix)
        return super().answer(sitting, tick)


@pytest.fixture
def hands() -> type[Hands]:
    return type("TheseHands", (Hands,), {"trained": [], "examined": []})


def carry_out(document: Path, hands: type[Hands]) -> list[AnyEvent]:
    app.run(load(document), storage=None, reporter=SilentReporter(), workforce=hands)
    return [from_record(record) for record in read_records(stored(document))]


def stored(document: Path) -> Store:
    return Store.open(str(document.parent / "runs")).child("small")


def control(events: Iterable[AnyEvent]) -> ControlEnded:
    [event] = [event for event in events if isinstance(event, ControlEnded)]
    return event


def row(skill: str, prompt: str, answer: str) -> Sample:
    return Sample.create(skill=skill, fields={"q": prompt}, prompt=prompt, answer=answer, receipt=RECEIPT)


def joint(before: Sequence[Sample], after: Sequence[Sample]) -> Counter[tuple[str, str]]:
    return Counter((one.answer, other.answer) for one, other in zip(before, after, strict=True))


def test_only_answers_change_places() -> None:
    rows = [row("sums", f"{n} + 1?", str(n + 1)) for n in range(40)] + [row("words", f"say {n}", f"w{n}") for n in "ab"]
    outcome = exchanged(rows, 1)

    assert outcome is not None
    assert [one.prompt for one in outcome.rows] == [one.prompt for one in rows]
    for skill in ("sums", "words"):  # what answers of a skill look like is kept
        told = [[one.answer for one in all if one.skill == skill] for all in (rows, outcome.rows)]
        assert sorted(told[0]) == sorted(told[1])
    assert all(one.answer != other.answer for one, other in zip(rows, outcome.rows, strict=True))
    assert (outcome.same, outcome.across) == (0, ())


@pytest.mark.parametrize("key", range(20))
def test_an_answer_that_nobody_else_has_never_comes_back(key: int) -> None:
    for count in (2, 3, 7):
        rows = [row("sums", f"{n} + 1?", str(n + 1)) for n in range(count)]
        outcome = exchanged(rows, key)
        assert outcome is not None
        assert all(one.answer != other.answer for one, other in zip(rows, outcome.rows, strict=True))


@pytest.mark.parametrize("key", range(20))
def test_no_question_tells_its_answer_by_a_likelier_one(key: int) -> None:
    rows = [row("mood", f"text {n}", "good" if n % 4 else "bad") for n in range(64)]
    outcome = exchanged(rows, key)

    assert outcome is not None
    assert joint(rows, outcome.rows) == {
        ("good", "good"): 36,
        ("good", "bad"): 12,
        ("bad", "good"): 12,
        ("bad", "bad"): 4,
    }
    assert outcome.same == 40 / 64


def test_skills_of_one_answer_exchange_with_one_another() -> None:
    rows = [row(skill, f"{skill} {n}", skill) for skill in ("warm", "cold") for n in range(8)]
    rows += [row("sums", f"{n} + 1?", str(n + 1)) for n in range(8)]
    outcome = exchanged(rows, 1)

    assert outcome is not None
    assert outcome.across == ("cold", "warm")
    assert joint(rows[:16], outcome.rows[:16]) == dict.fromkeys(
        [(one, other) for one in ("warm", "cold") for other in ("warm", "cold")], 4
    )
    assert sorted(one.answer for one in outcome.rows[16:]) == sorted(one.answer for one in rows[16:])


def test_a_single_skill_of_one_answer_exchanges_with_the_largest_other() -> None:
    rows = [row("none", f"hello {n}", "nothing") for n in range(8)]
    rows += [row(skill, f"{skill} {n}", f"{skill}{n}") for skill, count in (("a", 4), ("b", 8)) for n in range(count)]
    outcome = exchanged(rows, 1)

    assert outcome is not None
    assert outcome.across == ("b", "none")
    assert Counter(one.answer for one in outcome.rows[:8])["nothing"] in (3, 4, 5)
    assert {one.answer[0] for one in outcome.rows[8:12]} == {"a"}


def test_one_answer_for_everything_cannot_be_exchanged() -> None:
    assert exchanged([row("a", f"{n}", "yes") for n in range(4)] + [row("b", "x", "yes")], 1) is None
    assert exchanged([], 1) is None


def test_another_key_exchanges_otherwise_and_the_same_key_the_same_way() -> None:
    rows = [row("sums", f"{n} + 1?", str(n + 1)) for n in range(20)]
    assert exchanged(rows, 1) == exchanged(rows, 1)
    assert exchanged(rows, 1) != exchanged(rows, 2)


def test_form_alone_teaches_less_than_the_version_does(tiny: Path, tmp_path: Path, hands: type[Hands]) -> None:
    document = write_small_run(tmp_path, tiny, budget__iterations=1, evaluation={"seeds": 3, "controls": CONTROLS})
    events = carry_out(document, hands)
    ended = control(events)

    examined = [event for event in events if isinstance(event, StudentExamined) and "private" in event.splits]
    finalists = [event.splits["private"].value for event in examined if event.subject != "base"]
    assert len(finalists) == len(ended.scores) == 3
    # Eight items of two kinds are little: what three students of chance score is anywhere around one half.
    assert sum(finalists) / 3 > 0.9
    assert sum(score.value for score in ended.scores) / 3 < sum(finalists) / 3 - 0.1
    for score in ended.scores:  # form it did learn
        said = {one.output for one in evaluations.read(stored(document), score.evaluation)}
        assert said <= {"warm", "cold"}
    assert (ended.control, ended.split, ended.rows, ended.skipped) == ("format", "private", 32, "")
    assert "reads the same in 50.0% of the rows" in ended.detail
    assert "exchanged across skills, because each has one answer alone: cold, warm" in ended.detail
    search, *others = hands.trained
    assert [seed for seed, _ in others[:3]] == [seed for seed, _ in others[3:]]  # the finalists' own seeds
    assert search[0] not in {seed for seed, _ in others}


def test_killed_between_two_trainings_it_repeats_neither(tiny: Path, tmp_path: Path, hands: type[Hands]) -> None:
    document = write_small_run(
        tmp_path, tiny, budget__iterations=1, student__training__epochs=4, evaluation={"seeds": 2, "controls": CONTROLS}
    )
    hands.fails_at, hands.failure = 4, KilledError()
    with pytest.raises(KilledError):
        carry_out(document, hands)
    hands.fails_at = None
    ended = control(carry_out(document, hands))

    assert len(ended.scores) == 2
    assert len(hands.trained) == len(set(hands.trained)) == 5
    assert len(hands.examined) == len(set(hands.examined)) + 1  # the untrained student sits twice, before and after


def test_a_training_that_diverges_ends_the_comparison_and_not_the_run(
    tiny: Path, tmp_path: Path, hands: type[Hands]
) -> None:
    document = write_small_run(
        tmp_path, tiny, budget__iterations=1, student__training__epochs=4, evaluation={"seeds": 1, "controls": CONTROLS}
    )
    hands.fails_at, hands.failure = 2, TrainingError("training t-0 diverged")
    events = carry_out(document, hands)

    assert control(events).skipped == "training t-0 diverged"
    assert events[-1].type == "published"
