"""Numbers as SciBench's references and students' answers have them: each case worked out by hand.

A reference is the record's number and unit, as ``specs/science.yaml`` puts them together; the tolerance is the
benchmark's, 5 %.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.spec.task import NumericScorer
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Score, build_scorer

SCIENCE = build_scorer(NumericScorer(kind="numeric", relative_tolerance=0.05))
FINANCE = build_scorer(NumericScorer(kind="numeric", relative_tolerance=0.002))


def score(reference: str, output: str) -> Score:
    return SCIENCE.score(Item("i", {}, "p", reference, "s", "c"), output)


ANSWERS = [
    # number, unit, output, right
    ("50.7", r"$\mathrm{atm}$ ", r"\boxed{50.7}", True),
    ("50.7", r"$\mathrm{atm}$ ", r"\boxed{50.7 \text{ atm}}", True),
    ("50.7", r"$\mathrm{atm}$ ", r"The pressure is $\boxed{53.2\,\mathrm{atm}}$.", True),  # 50.7 * 1.05 = 53.235
    ("50.7", r"$\mathrm{atm}$ ", r"\boxed{53.3}", False),
    ("+65.49", r"$\mathrm{kJ} \mathrm{mol}^{-1}$", r"\boxed{+65.5 \mathrm{~kJ} \mathrm{~mol}^{-1}}", True),
    ("+65.49", r"$\mathrm{kJ} \mathrm{mol}^{-1}$", r"\boxed{-65.49}", False),
    ("-1368", r"$\mathrm{~kJ} \mathrm{~mol}^{-1}$", r"\boxed{-1.37 \times 10^{3}}", True),
    ("-1368", r"$\mathrm{~kJ} \mathrm{~mol}^{-1}$", r"\boxed{-1,368\ \text{kJ/mol}}", True),
    ("-1368", r"$\mathrm{~kJ} \mathrm{~mol}^{-1}$", "so ΔH = \u22121367.9 kJ mol^{-1}", True),
    ("-1368", r"$\mathrm{~kJ} \mathrm{~mol}^{-1}$", r"\boxed{1368}", False),
    ("0", " ", r"\boxed{0}", True),
    ("0", " ", r"\boxed{0.01}", False),  # relative to nothing, only nothing is close
    ("0.00131", r"$\mathrm{~K}^{-1}$", r"\boxed{1.31 \times 10^{-3} \mathrm{~K}^{-1}}", True),
    ("0.00131", r"$\mathrm{~K}^{-1}$", "it is 1.3 \u00d7 10⁻³ K⁻¹", True),
    ("0.0000226", r" $\mathrm{~m}^3 \mathrm{~mol}^{-1}$", r"\boxed{2.26\times10^{-5}}", True),
    ("0.0000226", r" $\mathrm{~m}^3 \mathrm{~mol}^{-1}$", r"\boxed{2.26 \times 10^{5}}", False),
    ("-233", r"$^{\circ} \mathrm{N}$", r"\boxed{-233^{\circ}\mathrm{N}}", True),
    ("30", r"$\mathrm{lb} \mathrm{in}^{-2}$", "about 30 lb in^{-2}", True),
    ("0.139", r"$\mathrm{nm}$ ", "0.139 nm", True),
    ("5654.86677646", r" $\mathrm{ft}^3$", r"\boxed{5655 \text{ ft}^3}", True),
    ("0.05882352941", r" $\Omega$", r"\boxed{\frac{1}{17} \Omega}", True),
    ("-0.5", " ", r"\boxed{-\frac{1}{2}}", True),
    ("-0.5", " ", r"\boxed{\frac{1}{2}}", False),
    ("-0.5", " ", r"\boxed{-1/2}", True),
    ("0.3333333", " ", r"\boxed{\dfrac{1}{3}}", True),
    ("1.5", " ", "S = 3 / 2", True),
    ("2.3", r" $\%$", r"\boxed{2.3\%}", True),
    ("2.3", r" $\%$", r"\boxed{2.3}", True),
    ("2.3", r" $\%$", r"\boxed{0.023}", True),
    ("2.3", r" $\%$", r"\boxed{0.0023}", False),
    ("7166.67", r" $\$$", r"\boxed{\$7,166.67}", True),
    ("102,965.21", " $", r"\boxed{\$102{,}965.21}", True),
    ("9.832", "$m/s^2$ ", r"\boxed{9.83\ \text{m/s}^2}", True),
    ("36", r"$^\circ$", r"\boxed{36^\circ}", True),
    ("6760000", " ", r"\boxed{26^2 \cdot 10^4 = 6,760,000}", True),
    ("362880", " ", r"\boxed{362{,}880}", True),
    ("0.00024", " ", r"P \approx \boxed{2.4 \times 10^{-4}}", True),
    # The unit holds a power of ten: the question states it, so the bare number is meant, and the whole one no mistake.
    ("3.52", r"$10^{-19} \mathrm{~J}$", r"\boxed{3.52}", True),
    ("3.52", r"$10^{-19} \mathrm{~J}$", r"\boxed{3.52 \times 10^{-19} \mathrm{~J}}", True),
    ("3.52", r"$10^{-19} \mathrm{~J}$", r"\boxed{3.5e-19}", True),
    ("3.52", r"$10^{-19} \mathrm{~J}$", r"\boxed{3.52 \times 10^{-18}}", False),
    ("3.52", r"$10^{-19} \mathrm{~J}$", r"\boxed{10^{-19}}", False),
    ("6.6", r" $10^{-23} \mathrm{~kg} \cdot \mathrm{m} \cdot \mathrm{s}^{-1}$", r"\boxed{6.63 \times 10^{-23}}", True),
    ("7", r" $\mathrm{10^7} \mathrm{~km}$", r"\boxed{7 \times 10^7 \text{ km}}", True),
    ("7", r" $\mathrm{10^7} \mathrm{~km}$", r"\boxed{70,000,000}", True),
    ("1.19", r" $\mathrm{10^{-4}} \mathrm{~cm}^3/\mathrm{s}$", r"\boxed{1.19 \times 10^{-4}}", True),
    ("1.01", r" 10^{-5} \mathrm{~m}", r"\boxed{1.01 \cdot 10^{-5}}", True),
    ("-4.37 ", " $10 ^ {-6}m/s^2$", r"\boxed{-4.37 \times 10 ^ {-6}}", True),
    ("1.70", " $\r\n10^{15} \\text { photon } \\cdot \\mathrm{s}^{-1}\r\n$", r"\boxed{1.7 \times {10}^{15}}", True),
    ("2", " $10^6$ m", r"\boxed{2.0 \times 10^6\ \mathrm{m}}", True),
    ("1.25", r" $10^{-3} \%$", r"\boxed{1.25 \times 10^{-3} \%}", True),
    ("-1.49", r"$10^{-26} \mathrm{~J} $ ", r"\boxed{-1.49\times 10^{-26}}", True),
    ("-1.49", r"$10^{-26} \mathrm{~J} $ ", r"\boxed{1.49}", False),
    ("2.00", r"$10^{10} \text { electrons; }$", r"\boxed{2 \times 10^{10}} electrons", True),
    ("3.9", r" $10^{17}$", r"\boxed{3.9 \times 10^{17}}", True),
    ("8.44", r" $10^{34} \mathrm{~m}^{-3} \mathrm{~s}^{-1}$", "Z = 8.44 \u00d7 10^34 m^-3 s^-1", True),
]


@pytest.mark.parametrize(("number", "unit", "output", "right"), ANSWERS)
def test_answers(number: str, unit: str, output: str, right: bool) -> None:
    reference = f"{number} {unit}".strip()
    assert SCIENCE.readable(reference, {})
    assert score(reference, output).correct is right
    assert score(reference, f"\\boxed{{{number.strip()}}}").correct
    assert score(reference, reference).correct
    assert score(reference, f"\\boxed{{{reference}}}").correct


def test_there_are_enough_cases() -> None:
    assert len(ANSWERS) >= 40


FINANCES = [
    # ground truth as the record's JSON is written out, output, right
    ("1583", r"\boxed{1583}", True),
    ("1583", r"\boxed{\$1,583}", True),
    ("1583", r"\boxed{1586}", True),  # 1583 * 1.002 = 1586.166
    ("1583", r"\boxed{1587}", False),
    ("20916.67", r"The average daily float is \boxed{20,916.67}.", True),
    ("20916.67", r"\boxed{\$20916.67 \text{ dollars}}", True),
    ("0", r"\boxed{0}", True),
    ("0", r"\boxed{0.001}", False),
    ("32.21", r"\boxed{32.21 \text{ million}}", True),
    ("32210000", r"\boxed{\$32.21 \text{ million}}", True),
    ("32.21", r"\boxed{\$32.21 \text{ billion}}", True),  # the question asks for billions, or the student misread it
    ("32210000", r"\boxed{32.21 \text{ billion}}", False),
    ("32210000", r"\boxed{32.21 \text{ thousand}}", False),
    ("12.5", r"\boxed{12.5\%}", True),
    ("12.5", r"\boxed{0.125}", False),
    ("0.125", r"\boxed{12.5\%}", True),
    ("-4.2", "The return is -4.2 percent.", True),
    ("-4.2", r"\boxed{4.2}", False),
    ("true", r"\boxed{True}", True),
    ("true", r"\boxed{\text{Yes}}", True),
    ("true", "The answer is **yes**.", True),
    ("false", r"\boxed{True}", False),
    ("false", "no", True),
    ("true", r"\boxed{1}", False),
    ("true", "I do not know", False),
]


@pytest.mark.parametrize(("reference", "output", "right"), FINANCES)
def test_finances(reference: str, output: str, right: bool) -> None:
    assert FINANCE.readable(reference, {})
    assert FINANCE.score(Item("i", {}, "p", reference, "s", "c"), output).correct is right


@pytest.mark.parametrize(
    ("reference", "output", "right"),
    [
        ("3 million", "3,000,000", True),
        ("3 million", "3", True),
        ("3 million", "3 million", True),
        ("3 million", "3 billion", False),
        ("3 million", "0.003 billion", True),
        ("3 million", "3 thousand", False),
    ],
)
def test_words_for_thousands(reference: str, output: str, right: bool) -> None:
    assert FINANCE.score(Item("i", {}, "p", reference, "s", "c"), output).correct is right


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.,-+eE^{}()$%~/\\ boxedmathrpisqtnlYyu=\n", max_size=60))
def test_nothing_a_student_writes_can_crash_it(output: str) -> None:
    for reference in (r"3.52 $10^{-19} \mathrm{~J}$", "2.3 %", "3 million", "true"):
        for text in (output, f"\\boxed{{{output}}}"):
            assert 0 <= score(reference, text).value <= 1
            SCIENCE.readable(text, {})


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    ["^ ", " ^", "10 ^ {-", "10^", r"\sqrt{", r"\pi ", "1 million ", "1 $~", "1 $ 10^", "% ", "e^", r"\frac{\pi}{"],
)
def test_long_rambling_is_read_in_time(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    for output in (text, f"3.5 {text}", f"\\boxed{{{text[:1900]}}}", f"answer is {text}"):
        SCIENCE.score(Item("i", {}, "p", "1 $10^3$ m", "s", "c"), output)
