"""Numbers out of ugly answers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.errors import TaskError
from preceptor.spec.task import NumericScorer
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Score, build_scorer
from preceptor.tasks.scorers.numbers import whole_number
from preceptor.tasks.scorers.numeric import read_number

READ = [
    ("42", "42"),
    ("42.", "42"),
    (" The total is 42 apples.", "42"),
    (r"\boxed{42}", "42"),
    (r"first \boxed{1}, no: \boxed{2}", "2"),
    (r"\boxed{42", "42"),
    (r"\boxed{\boxed{7}}", "7"),
    (r"Put it in \boxed{}. It is 7", "7"),
    (r"I checked 3 times: \boxed{x_1 = 5}, and 8 more", "5"),
    (r"\boxed{10\text{ m}^2}", "10"),
    (r"\boxed{10\ \mathrm{m/s}}", "10"),
    (r"\boxed{\$1,200}", "1200"),
    (r"\boxed{1{,}000}", "1000"),
    (r"\boxed{- 5}", "-5"),
    (r"$\boxed{-\frac{3}{4}}$", "-0.75"),
    (r"\frac34", "0.75"),
    (r"2\frac{1}{2}", "2.5"),
    (r"\boxed{\left(3\right)}", "3"),
    ("The answer is 1,234.50.", "1234.5"),
    ("The answer is 2 + 3 = 5. I have 7 more.", "5"),
    ("The answer is 42. I checked it 3 times.", "42"),
    ("The answer is:\n\n42\n\nbecause of 3", "42"),
    ("Answer: **-3**", "-3"),
    ("**Answer:** 3 of 4", "3"),
    ("The answer is approx. 5", "5"),
    ("The answer is unclear. Maybe 6", "6"),
    ("answers are 1 and then the answer is 2", "2"),
    ("so 16 - 3 = 13 eggs\n#### 13", "13"),
    ("2 + 3 = 5 apples", "5"),
    ("\u22125", "-5"),
    ("\u2013 and \u20135", "-5"),
    ("between 10\u201312", "12"),
    ("5-3", "3"),
    ("- 5 apples", "5"),
    ("-5", "-5"),
    ("+65.49", "65.49"),
    (".5", "0.5"),
    ("-.5", "-0.5"),
    ("-$5", "-5"),
    ("$-5", "-5"),
    ("\u00a34,312.75", "4312.75"),
    ("USD 5.00", "5"),
    ("1,00,000", "100000"),
    ("1\u202f000\u202f000", "1000000"),
    ("1'000.5", "1000.5"),
    ("1.2e-3", "0.0012"),
    ("6.02E23", "602000000000000000000000"),
    (r"1.2 \times 10^{-3}", "0.0012"),
    ("1.2 \u00d7 10\u207b\u00b3", "0.0012"),
    ("1.2 x 10^5", "120000"),
    ("1.2*10**5", "120000"),
    (r"3\cdot10^2", "300"),
    ("10^3", "1000"),
    ("10^{-3}", "0.001"),
    ("3/4", "3/4"),
    ("-3/4", "-3/4"),
    ("1 1/2", "3/2"),
    ("12.5%", "12.5"),
    (r"12.5\%", "12.5"),
    ("12.5 percent", "12.5"),
    ("10 m^2", "10"),
    ("10 m\u00b2 and CO2", "10"),
    ("13.2 m s^{-1}", "13.2"),
    ("13.2 m s^-1", "13.2"),
    (r"13.2 \mathrm{~m} \cdot \mathrm{s}^{-1}", "13.2"),
    (r"-4 \times 10 ^ { -6 } m", "-0.000004"),
    (r"-\frac{1}{2}", "-1/2"),
    (r"= -\frac12", "-1/2"),
    (r"x\frac{1}{2}", "1/2"),
    ("x1 is 5", "5"),
    ("\u7b54\u6848\u662f5", "5"),
    ("version 1.2.3", "1.2"),
]

UNREADABLE = [
    "", "   ", "none", "NaN", "Infinity", "-inf", "inf", "\\boxed{\\text{none}}", "1/0", "0/0", "1e999999999",
    "1e-999999999", "1e" + "9" * 10_000, "9" * 5_000, "10^999999", "1.5 x 10^9999", "5^2", "v1.5", "0x1F", "x_1",
    "\\frac{}{}", "\\frac{1}{0}", "\ud800", "\u0663",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ)
def test_read(text: str, expected: str) -> None:
    number = read_number(text)
    assert number is not None
    assert number.value == Fraction(expected)


@pytest.mark.parametrize("text", UNREADABLE)
def test_unreadable(text: str) -> None:
    assert read_number(text) is None


def _score(reference: str, answer: str, relative: float = 0.0, absolute: float = 0.0) -> Score:
    config = NumericScorer(kind="numeric", relative_tolerance=relative, absolute_tolerance=absolute)
    return build_scorer(config).score(Item("i", {}, "p", reference, "s", "c"), answer)


@pytest.mark.parametrize(
    ("reference", "answer", "tolerances", "correct"),
    [
        ("42", "42.000", (), True),
        ("42", "42.001", (), False),
        ("0.3", "3/10", (), True),
        ("0.333", "1/3", (0.002,), True),
        ("100", "100.2", (0.002,), True),
        ("100", "100.21", (0.002,), False),
        ("-100", "-99.8", (0.002,), True),
        ("0", "0.01", (0.5, 0.01), True),
        ("0", "0.011", (0.5, 0.01), False),
        ("12.5", "12.5%", (), True),
        ("0.125", "12.5%", (), True),
        ("12.5%", "12.5", (), True),
        ("12.5%", "0.125", (), True),
        ("12.5%", "0.125%", (), False),
        ("12.5", "0.125", (), False),
        ("5", "-5", (), False),
        ("1e300", "1" + "0" * 300, (), True),
        ("5", "I do not know", (), False),
    ],
)
def test_tolerance(reference: str, answer: str, tolerances: tuple[float, ...], correct: bool) -> None:
    score = _score(reference, answer, *tolerances)
    assert score.correct is correct
    assert score.value == float(correct)


def test_the_answer_is_kept_as_it_was_read() -> None:
    assert _score("1200", r"so \boxed{\$1,200}").extracted == "$1,200"
    assert _score("1200", "dunno").extracted is None


def test_a_reference_without_number_is_the_users_mistake() -> None:
    with pytest.raises(TaskError, match="item i: the reference holds no number"):
        _score("many", "3")


@pytest.mark.parametrize(
    ("text", "whole"),
    [("1200.00", True), ("$1,200", True), ("12 %", True), ("-5", True), ("1E+5", True), ("5 apples", False),
     ("", False), ("5 6", False)],
)  # fmt: skip
def test_whole_numbers(text: str, whole: bool) -> None:
    assert (whole_number(text) is not None) is whole


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.,-+eE/^{}()$%\\ boxedfracanswer:=\n\u2212\u00b2", max_size=60))
def test_nothing_a_student_writes_can_crash_it(text: str) -> None:
    number = read_number(text)
    assert number is None or abs(number.value) < Fraction(10) ** 2000


@settings(max_examples=200, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4))
def test_plain_numbers_are_read_exactly(value: object) -> None:
    number = read_number(rf"so we get \boxed{{{value:,}}}, as 1 said")
    assert number is not None
    assert number.value == Fraction(str(value))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        "\\boxed{",
        "1",
        "1,",
        "1 ",
        "1/",
        "-",
        "1 x 10 ^ ",
        "answer is ",
        "answer*",
        "\\frac{",
        "\\text{",
        "\u2070",
        "{",
        "= ",
    ],
)
def test_long_rambling_is_read_in_time(piece: str) -> None:
    read_number(piece * (60_000 // len(piece)))
