"""The arithmetic of time."""

from __future__ import annotations

import pytest

from preceptor.planning.estimate import (
    START_OF_EXAMINATION,
    START_OF_TRAINING,
    Workload,
    estimate,
    parameters,
    tokens,
    training_tokens,
)
from preceptor.planning.view import duration
from preceptor.spec.actors import Inference, Student, Training

WORK = Workload(
    trainings=1,
    rows=280,
    row_tokens=100,
    examinations=1,
    answers=100,
    untrained_answers=0,
    prompt_tokens=70,
    answer_tokens=40,
)


def _student(**training: object) -> Student:
    return Student(model="x", training=Training(epochs=2, **training), inference=Inference(max_new_tokens=64))


def test_it_agrees_with_what_was_measured() -> None:
    """280 rows, two epochs: 131 s of training, and 12 to 29 s for 100 answers, on the machine the rates come from."""
    found = estimate(WORK, _student(), parameters=135_000_000, cores=2)
    assert 100 < found.training < 260
    assert 12 < found.examination < 35
    assert found.total == found.training + found.examination


@pytest.mark.parametrize(("parameters_", "cores"), [(270_000_000, 2), (135_000_000, 1)])
def test_larger_models_and_fewer_cores_take_longer(parameters_: int, cores: int) -> None:
    base = estimate(WORK, _student(), parameters=135_000_000, cores=2)
    slow = estimate(WORK, _student(), parameters=parameters_, cores=cores)
    start = START_OF_TRAINING
    assert slow.training - start == pytest.approx(2 * (base.training - start))
    start = START_OF_EXAMINATION
    assert slow.examination - start == pytest.approx(2 * (base.examination - start))


def test_precision_and_method_matter() -> None:
    times = [
        estimate(WORK, _student(method=method, precision=precision), parameters=135_000_000, cores=2).training
        for method, precision in (("lora", "bf16"), ("full", "bf16"), ("lora", "fp32"), ("full", "fp32"))
    ]
    assert times == sorted(times)


def test_the_untrained_student_rambles() -> None:
    rambling = Workload(**{**WORK.__dict__, "untrained_answers": 100})
    short = estimate(WORK, _student(), parameters=135_000_000, cores=2)
    assert estimate(rambling, _student(), parameters=135_000_000, cores=2).examination > short.examination


def test_rows_that_are_too_long_are_not_trained_on() -> None:
    assert training_tokens(WORK, Training(epochs=2, max_tokens=100)) == 56_000
    assert training_tokens(WORK, Training(epochs=2, max_tokens=99)) == 0


def test_sizes() -> None:
    assert parameters(98_362_432, gguf=True) == pytest.approx(135e6, rel=0.1)
    assert parameters(270_000_000, gguf=False) == 135_000_000
    assert tokens(["x" * 250, "y" * 25]) == 122


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.4, 99, 100, 3600, 7200)] == ["0 s", "99 s", "2 min", "60 min", "2.0 h"]
