"""Formulas that math-verify compares; the rows are in ``answers.yaml``."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from preceptor.confined.process import Confined, Limits
from preceptor.errors import TaskError
from preceptor.spec.task import MathScorer
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Score, build_scorer, mathematics

SCORER = build_scorer(MathScorer(kind="math"))


def score(reference: str, output: str) -> Score:
    return SCORER.score(Item("i", {}, "p", reference, "s", "c"), output)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real process under a tighter limit, so that a bomb is over soon."""
    process = Confined("preceptor.confined.mathematics", Limits(seconds=0.5))
    monkeypatch.setattr(mathematics, "_process", lambda: process)
    yield
    process.close()


BOMBS = {
    "9**9**9**9": True,
    "$9^{9^{9^{9}}}$": True,
    r"\boxed{9^{9^{9^{9}}}}": True,
    "$10000000!$": True,
    r"$\binom{10^9}{5*10^8}$": True,
    r"$(x+y)^{10000}$": True,
    r"\boxed{\frac{1}{0}}": True,
    "$" + "(" * 3_000 + "$": False,
    "{" * 100_000: False,
    r"\boxed{" * 20_000: False,
    "$" * 100_000: False,
    r"\(" * 50_000: False,
    "1" * 100_000: False,
    "word " * 20_000: False,
    "$" + "9" * 15_000 + "$": False,
    "": False,
    "\x00\ud800\u202e": False,
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("bomb", "read"), BOMBS.items(), ids=[bomb[:12].encode("unicode_escape").decode() for bomb in BOMBS]
)
def test_a_bomb_is_a_wrong_answer_within_seconds(bomb: str, read: bool) -> None:
    begun = time.monotonic()
    given = score("1/2", bomb)
    assert time.monotonic() - begun < 15
    assert (given.value, given.correct) == (0.0, False)
    assert (given.extracted is not None) is read
    assert score("1/2", "0.5").correct


def test_answers_are_graded_in_any_thread() -> None:
    given: list[Score] = []
    thread = threading.Thread(target=lambda: given.append(score("$x^2 - 1$", "$(x-1)(x+1)$")))
    thread.start()
    thread.join()
    assert given[0].correct


def test_decimals_are_compared_as_far_as_the_document_says() -> None:
    item = Item("i", {}, "p", "0.3333", "s", "c")
    assert not SCORER.score(item, r"$\frac{1}{3}$").correct
    assert build_scorer(MathScorer(kind="math", decimals=4)).score(item, r"$\frac{1}{3}$").correct


def test_a_reference_without_a_formula_is_the_users_mistake() -> None:
    assert not SCORER.readable("no formula in here", {})
    with pytest.raises(TaskError, match="item i: the reference is no formula"):
        score("no formula in here", "1")


def test_a_missing_package_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mathematics, "find_spec", lambda name: None if name == "math_verify" else find_spec(name))
    mathematics._process.cache_clear()
    with pytest.raises(TaskError, match="needs the package math-verify") as caught:
        score("1", "1")
    assert caught.value.mend == "pip install 'preceptor[math]'"


def test_a_process_that_does_not_start_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mathematics, "_process", lambda: Confined("preceptor.no_such_module", Limits()))
    with pytest.raises(TaskError, match="cannot start the process") as caught:
        score("1", "1")
    assert "preceptor[math]" in caught.value.mend
