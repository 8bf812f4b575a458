"""Filters for the templates of generators beside the sandbox's own: dates and amounts, the same in every locale.

``none`` passes through all of them, and the sandbox's ``tojson`` makes it ``null``, so that an answer template needs no
condition for a value that a wording leaves out.

============================  =====================================================================
``date("%-d %B %Y")``         3 May 2026; tokens below
``iso``                       2026-05-03
``plus_days(30)``             a later (or earlier) day
``money("1,234.50")``         an amount written as the example is; styles below
``ordinal``                   1st, 2nd, 3rd, 11th
============================  =====================================================================

Date tokens, always in English: ``%Y`` 2026, ``%y`` 26, ``%m`` 05, ``%-m`` 5, ``%B`` May, ``%b`` May (three letters),
``%d`` 03, ``%-d`` 3, ``%o`` 3rd, ``%A`` Sunday, ``%a`` Sun, ``%%``.

An amount's style is the number one thousand two hundred and thirty-four and a half as it should look: ``1,234.50``,
``1.234,50``, ``1 234,50``, ``1'234.50``, ``1234.50`` (always two decimals), ``1234.5``, ``1,234.5`` (as many as
needed), ``1234``, ``1,234`` (none). A style that would change the amount is an error: the answer would be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_TOKENS: Mapping[str, Callable[[date], str]] = {
    "%Y": lambda day: f"{day.year:04d}",
    "%y": lambda day: f"{day.year % 100:02d}",
    "%m": lambda day: f"{day.month:02d}",
    "%-m": lambda day: str(day.month),
    "%B": lambda day: _MONTHS[day.month - 1],
    "%b": lambda day: _MONTHS[day.month - 1][:3],
    "%d": lambda day: f"{day.day:02d}",
    "%-d": lambda day: str(day.day),
    "%o": lambda day: with_suffix(day.day),
    "%A": lambda day: _DAYS[day.weekday()],
    "%a": lambda day: _DAYS[day.weekday()][:3],
    "%%": lambda day: "%",
}
_TOKEN = re.compile(r"%-?.?")
_STYLE = re.compile(r"1([,. '\u00a0\u202f]?)234(?:([.,])(50?))?")


def format_date(value: date | str | None, form: str = "%-d %B %Y") -> str | None:
    """A day (or its ISO text) written with the tokens of this module."""
    if value is None:
        return None
    day = _day(value)

    def token(match: re.Match[str]) -> str:
        known = _TOKENS.get(match.group())
        if known is None:
            raise ValueError(f"unknown date token `{match.group()}`; known are {' '.join(_TOKENS)}")
        return known(day)

    return _TOKEN.sub(token, form)


def iso(value: date | str | None) -> str | None:
    """A day as ``2026-05-03``."""
    return None if value is None else _day(value).isoformat()


def plus_days(value: date | str | None, days: int) -> date | None:
    """The day ``days`` later; earlier when negative."""
    return None if value is None else _day(value) + timedelta(days=days)


def money(value: int | float | None, style: str = "1,234.50") -> str | None:
    """An amount written as the example in ``style``. ``ValueError`` when that would change it."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"`money` needs a number, not {value!r}")
    shape = _style(style)
    amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    decimals = -min(0, int(amount.normalize().as_tuple().exponent))
    if shape.decimals is not None and decimals > shape.decimals:
        raise ValueError(f"{value} does not fit the style `{style}` without losing decimals")
    decimals = decimals if shape.decimals is None else shape.decimals
    text = f"{amount:,.{decimals}f}"
    whole, _, fraction = text.partition(".")
    return whole.replace(",", shape.separator) + (shape.point + fraction if fraction else "")


def ordinal(value: int | None) -> str | None:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    return None if value is None else with_suffix(int(value))


def with_suffix(number: int) -> str:
    """A number with its English ordinal suffix."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "date": format_date,
    "iso": iso,
    "plus_days": plus_days,
    "money": money,
    "ordinal": ordinal,
}
"""The filters by the name templates use."""


class _Style(NamedTuple):
    separator: str
    point: str
    decimals: int | None


@lru_cache(maxsize=64)
def _style(style: str) -> _Style:
    match = _STYLE.fullmatch(style)
    if match is None or (match[1] and match[1] == match[2]):
        raise ValueError(
            f"unknown amount style `{style}`; write 1234.5 as it should look, as in `1,234.50` or `1 234,5`"
        )
    decimals = 0 if match[3] is None else 2 if match[3] == "50" else None
    return _Style(match[1], match[2] or "", decimals)


def _day(value: date | str) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError(f"expected a day, not {value!r}")
    return value
