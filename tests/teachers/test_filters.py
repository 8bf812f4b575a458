from __future__ import annotations

import locale
from datetime import date, datetime
from typing import Any

import pytest

from preceptor.teachers.filters import FILTERS, format_date, iso, money, ordinal, plus_days

DAY = date(2026, 5, 3)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%-d %B %Y", "3 May 2026"),
        ("%d.%m.%Y", "03.05.2026"),
        ("%-d.%-m.%y", "3.5.26"),
        ("%B %o, %Y", "May 3rd, 2026"),
        ("%a, %b %-d", "Sun, May 3"),
        ("%A 100%%", "Sunday 100%"),
        ("no token", "no token"),
    ],
)
def test_a_day_is_written_with_tokens(form: str, text: str) -> None:
    assert format_date(DAY, form) == text
    assert format_date("2026-05-03", form) == text


def test_every_month_and_weekday_has_its_english_name_whatever_the_locale() -> None:
    assert locale.setlocale(locale.LC_TIME, "C")
    for month in range(1, 13):
        day = date(2026, month, month + 7)
        assert format_date(day, "%Y-%m-%d %B %b %A %a") == day.strftime("%Y-%m-%d %B %b %A %a")


@pytest.mark.parametrize("form", ["%H", "%-Y", "%", "%-"])
def test_an_unknown_token_is_an_error(form: str) -> None:
    with pytest.raises(ValueError, match="unknown date token"):
        format_date(DAY, form)


@pytest.mark.parametrize("value", [3, datetime(2026, 5, 3, 12), "3 May"])
def test_what_is_no_day_is_an_error(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        format_date(value)


@pytest.mark.parametrize(
    ("style", "amount", "text"),
    [
        ("1,234.50", 1234.5, "1,234.50"),
        ("1,234.50", 1234567, "1,234,567.00"),
        ("1,234.50", 0.1, "0.10"),
        ("1.234,50", 1234.5, "1.234,50"),
        ("1 234,50", 1234567.89, "1 234 567,89"),
        ("1'234.50", 1234.5, "1'234.50"),
        ("1234.50", 1234.5, "1234.50"),
        ("1234,50", 12, "12,00"),
        ("1234.5", 1234.5, "1234.5"),
        ("1234.5", 1200.0, "1200"),
        ("1,234.5", 1234.25, "1,234.25"),
        ("1234", 1234.0, "1234"),
        ("1,234", -4321, "-4,321"),
    ],
)
def test_an_amount_is_written_like_the_example(style: str, amount: float, text: str) -> None:
    assert money(amount, style) == text


@pytest.mark.parametrize(("style", "amount"), [("1234", 0.5), ("1,234.50", 1.005)])
def test_a_style_that_would_change_the_amount_is_an_error(style: str, amount: float) -> None:
    with pytest.raises(ValueError, match="without losing decimals"):
        money(amount, style)


@pytest.mark.parametrize("style", ["", "1.234.50", "$1234.50", "1234.567"])
def test_an_unknown_style_is_an_error(style: str) -> None:
    with pytest.raises(ValueError, match="unknown amount style"):
        money(1, style)


@pytest.mark.parametrize("value", ["12", True])
def test_only_numbers_are_amounts(value: Any) -> None:
    with pytest.raises(ValueError, match="needs a number"):
        money(value)


def test_ordinals() -> None:
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)
    assert [ordinal(number) for number in numbers] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]
    )


def test_days_can_be_counted() -> None:
    assert plus_days(DAY, 30) == date(2026, 6, 2)
    assert plus_days("2026-05-03", -3) == date(2026, 4, 30)
    assert iso(DAY) == "2026-05-03"


def test_none_passes_through_every_filter() -> None:
    arguments = {"plus_days": (1,)}
    assert {name: function(None, *arguments.get(name, ())) for name, function in FILTERS.items()} == dict.fromkeys(
        FILTERS
    )
