"""Exact, choice and JSON answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from preceptor.errors import TaskError
from preceptor.spec.task import NumericScorer
from preceptor.spec.task import Scorer as ScorerConfig
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Score, Scorer, build_scorer
from preceptor.tasks.scorers.numbers import in_units_of_ten
from preceptor.tasks.scorers.numeric import read_number, read_truth


def _scorer(**config: Any) -> Scorer:
    return build_scorer(TypeAdapter(ScorerConfig).validate_python(config))


def _score(scorer: Scorer, reference: str, output: str) -> Score:
    return scorer.score(Item("i", {}, "p", reference, "s", "c"), output)


@pytest.mark.parametrize(
    ("output", "sensitive", "correct"),
    [
        ("Paris", False, True),
        ("  paris\n", False, True),
        ("paris", True, False),
        ("Par is", False, False),
        ("Paris.", False, False),
        ("It is Paris", False, False),
        ("", False, False),
    ],
)
def test_exact(output: str, sensitive: bool, correct: bool) -> None:
    score = _score(_scorer(kind="exact", caseSensitive=sensitive), "Paris", output)
    assert score.correct is correct
    assert score.extracted == (output.strip() or None)


def test_exact_folds_space() -> None:
    assert _score(_scorer(kind="exact"), "New York", "new \n york").correct


@pytest.mark.parametrize(
    ("output", "label"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B.", "B"),
        ("**B**", "B"),
        (r"\boxed{B}", "B"),
        (r"A looks good, but \boxed{b}", "B"),
        ("Answer: B", "B"),
        ("The answer is (B).", "B"),
        ("The correct answer is B. A is wrong because of C.", "B"),
        ("answer: **B**\n\nA is wrong", "B"),
        ("B) because A is the first", "B"),
        ("(B) Paris, not London", "B"),
        ("B. Paris\n\nA is not it", "B"),
        ("It must be option B", "B"),
        ("Eat a pear: C", "C"),
        ("The answer is A or B", None),
        ("A or B", None),
        ("A. one B. two C. three D. four", None),
        ("Option E", None),
        ("Because", None),
        ("I'd rather not", None),
        ("", None),
    ],
)
def test_choice(output: str, label: str | None) -> None:
    score = _score(_scorer(kind="choice"), "(B)", output)
    assert score.extracted == label
    assert score.correct is (label == "B")


@pytest.mark.parametrize(
    ("output", "label"),
    [
        ("Not entailed.", "not entailed"),
        ("ENTAILED", "entailed"),
        ("I think it is not entailed", "not entailed"),
        ("entailed, not not entailed", None),
    ],
)
def test_choice_of_words(output: str, label: str | None) -> None:
    scorer = _scorer(kind="choice", choices=["entailed", "not entailed"])
    assert _score(scorer, "entailed", output).extracted == label


FACTS = '{"vendor": "Halvorsen & Pike LLP", "amount": 1200, "date": null, "paid": true, "lines": [1, {"a": 2.0}]}'
FIELDS: dict[str, Any] = {
    "vendor": {"compare": "text"},
    "amount": {"compare": "number", "absoluteTolerance": 0.01},
    "date": {},
    "paid": {},
    "lines": {},
}


@pytest.mark.parametrize(
    ("output", "wrong"),
    [
        (FACTS, ""),
        (f"Sure!\n```json\n{FACTS}\n```\nAnything else?", ""),
        (f"{FACTS} {FACTS[:40]}", ""),
        (f'{FACTS}\n{{"vendor": "another"}}', ""),
        (f'<think>{{"vendor": "draft"}}</think>{FACTS}', ""),
        (f'Given {{braces}} and {{}} and {{"other": 1}}: {FACTS}', ""),
        (FACTS.replace('"date": null, ', ""), ""),
        (FACTS.replace("1200", '"1,200.00"'), ""),
        (FACTS.replace("1200", '"\u00a31200"'), ""),
        (FACTS.replace("1200", "1200.009"), ""),
        (FACTS.replace("1200", "1.2e3"), ""),
        (FACTS.replace("1200", "1200.02"), "amount"),
        (FACTS.replace("1200", '"twelve hundred"'), "amount"),
        (FACTS.replace("1200", "1e999999999"), "amount"),
        (FACTS.replace("1200", "9" * 10_000), "amount"),
        (FACTS.replace("1200", "null"), "amount"),
        (FACTS.replace("1200", "true"), "amount"),
        (FACTS.replace("1200", "[1200]"), "amount"),
        (FACTS.replace("Halvorsen & Pike LLP", "halvorsen &  PIKE, llp."), ""),
        (FACTS.replace("Halvorsen & Pike LLP", "Halvorsen Pike"), "vendor"),
        (FACTS.replace('"Halvorsen & Pike LLP"', "7"), "vendor"),
        (FACTS.replace("null", '"null"'), "date"),
        (FACTS.replace("true", "1"), "paid"),
        (FACTS.replace("true", '"true"'), "paid"),
        (FACTS.replace("2.0", "2"), ""),
        (FACTS.replace("[1,", "[true,"), "lines"),
        (FACTS.replace('"a": 2.0', '"a": 2, "b": 3'), "lines"),
        ("{}", "vendor amount paid lines"),
        ('{"vendor": "Halvorsen & Pike LLP", "vendor": "other"}', "vendor amount paid lines"),
    ],
)
def test_json(output: str, wrong: str) -> None:
    score = _score(_scorer(kind="json", fields=FIELDS), FACTS, output)
    assert {name for name, part in score.parts.items() if part == 0} == set(wrong.split())
    assert score.value == pytest.approx(1 - len(wrong.split()) / 5)
    assert score.correct is not bool(wrong)
    assert score.extracted is not None
    assert score.extracted in output


@pytest.mark.parametrize(
    "output",
    [
        "",
        "no JSON",
        "[1, 2]",
        FACTS[:-1],
        FACTS[:-4],
        '{"vendor": "cut off in a str',
        "{'vendor': 'Python'}",
        '{"amount": NaN}',
        '{"amount": -Infinity}',
        '{"vendor": }',
        '{"a":' * 50_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        "[" * 100_000,
        "{" * 100_000,
        '{"' * 50_000,
    ],
)
def test_json_that_is_none(output: str) -> None:
    scorer = _scorer(kind="json", fields=FIELDS)
    score = _score(scorer, FACTS, output)
    assert (score.value, score.correct, score.extracted) == (0.0, False, None)
    assert set(score.parts) == set(FIELDS)
    assert not scorer.readable(output, {})


def test_json_numbers_as_text_differ_under_exact() -> None:
    reference = '{"amount": 1200}'
    exact, number = (_scorer(kind="json", fields={"amount": {"compare": how}}) for how in ("exact", "number"))
    assert not _score(exact, reference, '{"amount": "1200.00"}').correct
    assert _score(exact, reference, '{"amount": 1200.00}').correct
    assert _score(number, reference, '{"amount": "1200.00"}').correct


@pytest.mark.parametrize(
    ("slots", "credit"),
    [
        ({"city": "Rome", "day": "now"}, 1.0),
        ({"day": "NOW", "city": "rome!"}, 1.0),
        ({"city": "Rome"}, 2 / 3),  # one of one is right, one of two was found
        ({"city": "Rome", "day": "now", "sort": "best"}, 4 / 5),
        ({"city": "Oslo", "day": "now"}, 1 / 2),
        ({"town": "Rome"}, 0.0),
        ({}, 0.0),
        ("Rome", 0.0),
        (None, 0.0),
    ],
)
def test_members_of_an_object_give_part_of_the_credit(slots: object, credit: float) -> None:
    scorer = _scorer(kind="json", fields={"intent": {}, "slots": {"compare": "members"}})
    reference = json.dumps({"intent": "weather", "slots": {"city": "Rome", "day": "now"}})
    score = _score(scorer, reference, json.dumps({"intent": "weather", "slots": slots}))
    assert score.parts["slots"] == pytest.approx(credit)
    assert score.value == pytest.approx((1 + credit) / 2)
    assert score.correct is (credit == 1.0)


def test_an_object_without_members_is_met_by_another() -> None:
    scorer = _scorer(kind="json", fields={"slots": {"compare": "members"}})
    assert _score(scorer, '{"slots": {}}', '{"slots": {}}').correct
    assert not _score(scorer, '{"slots": {}}', '{"slots": {"city": "Rome"}}').value


def test_json_all_or_nothing() -> None:
    scorer = _scorer(kind="json", fields=FIELDS, credit="all")
    almost = _score(scorer, FACTS, FACTS.replace("true", "false"))
    assert (almost.value, almost.correct, almost.parts["vendor"]) == (0.0, False, 1.0)
    assert _score(scorer, FACTS, FACTS).value == 1.0


@pytest.mark.parametrize(("kind", "extra"), [("json", {"fields": {"a": {}}}), ("choice", {})])
def test_a_bad_reference_is_the_users_mistake(kind: str, extra: dict[str, Any]) -> None:
    with pytest.raises(TaskError, match="item i: the reference"):
        _score(_scorer(kind=kind, **extra), "?", "B")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='{}[]":,\\ \n01.eE-+truefalsn`ABCD()', max_size=60))
def test_nothing_a_student_writes_can_crash_a_scorer(output: str) -> None:
    for scorer, reference in (
        (_scorer(kind="json", fields=FIELDS), FACTS),
        (_scorer(kind="choice"), "A"),
        (_scorer(kind="exact"), "A"),
    ):
        score = _score(scorer, reference, output)
        assert 0 <= score.value <= 1
        assert scorer.readable(output, {}) is (score.extracted is not None)


ENDINGS = st.lists(
    st.sampled_from(
        [
            "The total is ",
            "so x ",
            "\\frac ",
            "\\text{",
            "}",
            "1/0 ",
            "10^",
            "{",
            "} ",
            "#### ",
            "= ",
            "5 x ",
            "-",
            ", ",
        ]
    )
    | st.sampled_from(
        [".", "27", "0", "4.5", "1,000", " 12", "3 ", "million ", "\n", "\u2212", "\u00b2", "ten", "_", "$"]
    ),
    max_size=8,
)


@given(ENDINGS.map("".join), st.sampled_from(["so 27", "is 0", "#### 12", "= 7.", ": 3.\n", "", "x 10", "million 3"]))
def test_an_answer_that_ends_in_a_number_is_readable_as_reading_it_says(text: str, ending: str) -> None:
    scorer = build_scorer(NumericScorer(kind="numeric"))
    known = (read_number(text + ending), in_units_of_ten(text + ending), read_truth(text + ending))
    assert scorer.readable(text + ending, {}) is (known != (None, None, None))
