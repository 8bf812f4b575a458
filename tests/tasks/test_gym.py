"""reasoning-gym's verifiers: what they score, and that no text is run as code."""

from __future__ import annotations

import inspect
import json
import re
import sys
from typing import Any

import pytest

from preceptor.errors import TaskError
from preceptor.spec.task import ReasoningGymScorer
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Score, build_scorer, gym
from preceptor.tasks.scorers.gym_screen import HARMLESS, SCREENED, screened

reasoning_gym = pytest.importorskip("reasoning_gym")

CODE = [
    "__import__('os').system('touch /tmp/never')",
    "exec(chr(112))",
    "open('x','w')",
    "().__class__",
    "[x for x in [1]]",
    "(lambda: 1)()",
    "x.func(x)",
    "9**9**9",
    "9**(9**9)",
    "((9**60)**60)**60",
    "sqrt(9**99)",
    "factorial(x)",
    "gamma(x)",
    "x**(y**(9**99))",
    "'a' * 10**9",
]


def _entry(dataset: str, index: int = 0) -> dict[str, Any]:
    entry: dict[str, Any] = reasoning_gym.create_dataset(dataset, size=5, seed=7)[index]
    return json.loads(json.dumps(entry))  # as it comes from a file


def _score(entry: dict[str, Any], output: str, threshold: float = 1.0) -> Score:
    scorer = build_scorer(ReasoningGymScorer(kind="reasoning-gym", threshold=threshold))
    return scorer.score(Item("i", entry, entry.get("question", ""), "r", "s", "c"), output)


@pytest.mark.parametrize("dataset", ["chain_sum", "basic_arithmetic", "leg_counting", *sorted(SCREENED)])
def test_right_answers_are_right(dataset: str) -> None:
    for index in range(5):
        entry = _entry(dataset, index)
        answer = entry["answer"]
        score = _score(entry, answer)
        assert (score.value, score.correct, score.extracted) == (1.0, True, answer.strip())


def test_tags_threshold_and_blank_answers() -> None:
    entry = _entry("chain_sum")
    assert _score(entry, f"<answer>0</answer> no, <answer> {entry['answer']} </answer> it is").correct
    partly = _score(entry, f"The sum is {entry['answer']}")
    assert 0 < partly.value < 1
    assert not partly.correct
    assert _score(entry, f"The sum is {entry['answer']}", threshold=0.05).correct
    assert _score(entry, " \n").extracted is None
    assert _score(entry, "x" * 100_000).extracted is None


def test_metadata_may_be_text() -> None:
    entry = _entry("chain_sum")
    assert _score(entry | {"metadata": json.dumps(entry["metadata"])}, entry["answer"]).correct
    assert _score(entry | {"source_dataset": "chain_sum", "metadata": None}, entry["answer"]).correct


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"question": "?", "answer": "1"}, "is no reasoning-gym entry"),
        ({"answer": "1", "metadata": "{"}, "`metadata` is no JSON"),
        ({"answer": "1", "metadata": "[1]"}, "is no reasoning-gym entry"),
        ({"answer": "1", "metadata": {"source_dataset": "nope"}}, "has no dataset `nope`"),
        ({"question": "?", "metadata": {"source_dataset": "chain_sum"}}, "is no reasoning-gym entry"),
    ],
)
def test_records_that_are_no_entries(entry: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TaskError, match=complaint):
        _score(entry, "1")


def test_a_missing_package_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    gym._verifier.cache_clear()
    with pytest.raises(TaskError, match="needs the package"):
        _score({"answer": "1", "metadata": {"source_dataset": "chain_sum"}}, "1")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("dataset", sorted(SCREENED - {"bitwise_arithmetic", "number_sorting"}))
@pytest.mark.parametrize("answer", CODE)
def test_code_never_reaches_a_verifier(dataset: str, answer: str) -> None:
    assert not screened(dataset, answer)
    score = _score(_entry(dataset), answer)
    assert (score.value, score.extracted) == (0.0, answer)


@pytest.mark.parametrize(
    ("dataset", "place"),
    [("bitwise_arithmetic", "problem"), ("simple_integration", "integrand"), ("intermediate_integration", "integrand"),
     ("polynomial_multiplication", "answer"), ("number_sorting", "answer")],
)  # fmt: skip
@pytest.mark.parametrize("text", ["__import__('os').getcwd()", "1 << 10**9", "9**9**9", None])
def test_nor_does_code_in_a_record(dataset: str, place: str, text: str | None) -> None:
    entry = _entry(dataset)
    (entry if place == "answer" else entry["metadata"])[place] = text
    with pytest.raises(TaskError, match="would run text of this record as code"):
        _score(entry, "[1]")


def test_every_verifier_that_evaluates_is_known() -> None:
    from reasoning_gym.factory import DATASETS

    evaluating = {
        name
        for name, (dataset, _) in DATASETS.items()
        if re.search(r"\b(eval|exec|parse_expr|sympify)\(", inspect.getsource(sys.modules[dataset.__module__]))
    }
    assert evaluating == SCREENED | HARMLESS
