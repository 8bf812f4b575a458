r"""Closed forms in ``\boxed{}``: roots, π and e, as SciBench's own references in LaTeX have them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.tasks.scorers.formulas import closed_form
from preceptor.tasks.scorers.numeric import read_number


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        (r"1800\pi", 5654.866776),
        (r"1800 \pi \text{ ft}^3", 5654.866776),
        (r"V = 1800\pi\,\mathrm{ft}^3", 5654.866776),
        (r"\sqrt{493}", 22.203603),
        (r"10\sqrt{93}~\mathrm{ft/s}", 96.436508),
        (r"\frac{2\pi}{15}", 0.418879),
        (r"\dfrac{\pi}{4}", 0.785398),
        (r"\pi/14", 0.224399),
        (r"-\pi", -3.141593),
        (r"1 / \sqrt{2}", 0.707107),
        (r"\frac{1}{\sqrt{2}}", 0.707107),
        (r"\frac{1}{\sqrt{4 \pi}}", 0.282095),
        (r"\frac{8 \pi}{\sqrt{64 \pi^2+1}}", 0.999209),
        (r"1 - \frac{1}{e}", 0.632121),
        (r"1-1 / e", 0.632121),
        (r"e^{-1}", 0.367879),
        (r"2e^{-0.5}", 1.213061),
        (r"3 + 2 \sqrt{2}", 5.828427),
        (r"2\left(1+\sqrt{2}\right)^2", 11.656854),
        ("2π", 6.283185),
        ("√2", 1.414214),
        (r"4\pi \times 10^{-7}", 1.256637e-6),
        (r"\pi \approx 3.14", 3.14),
    ],
)
def test_values(formula: str, value: float) -> None:
    number = read_number(f"so it is \\boxed{{{formula}}}")
    assert number is not None
    assert float(number.value) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1800",
        "2 + 3",
        "-5 e",
        "12 eV",
        r"\pi r^2",
        r"\pi +",
        r"(\pi",
        r"\pi)",
        r"\sqrt{-1}",
        r"\sqrt{}",
        r"\pi/0",
        r"3\frac{1}{2}\pi",
        r"\pi^{999999}",
        r"e^{e^{e^{e^9}}}",
        r"\sqrt{" * 30 + "2" + "}" * 30,
        r"\pi" * 200,
        r"\pi^\pi^\pi^",
        r"\sqrt{2}\x",
        r"1 \pm \sqrt{2}",
    ],
)
def test_what_is_none(text: str) -> None:
    assert closed_form(text) is None


def test_a_charge_is_no_power_of_e() -> None:
    number = read_number(r"\boxed{-5 e}")
    assert number is not None
    assert number.value == -5


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.+-*/^(){}e\\ pisqrtfrac\u03c0\u221a", max_size=60))
def test_nothing_a_student_writes_can_crash_it(text: str) -> None:
    value = closed_form(text)
    assert value is None or math.isfinite(value)
