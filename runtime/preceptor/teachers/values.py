"""Samplers of values: each draws one value from a seeded generator and the values drawn before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any

from preceptor.spec.values import CategoryValue, DateValue, ExpressionValue, NameValue, NumberValue, Value
from preceptor.teachers.templates import Expression, GeneratorError, Place

Draw = Callable[[Random, Mapping[str, Any]], Any]
"""Draws a value, given the values above it."""


@dataclass(frozen=True)
class Drawer:
    """The sampler of one value."""

    draw: Draw
    """Draws the value."""
    expression: Expression | None = None
    """The expression that it computes, if it reads other values."""


_FAKER_METHODS = {
    "person": "name",
    "firstName": "first_name",
    "lastName": "last_name",
    "company": "company",
    "city": "city",
    "street": "street_name",
}


def compile_values(values: Mapping[str, Value], place: Place) -> dict[str, Drawer]:
    """The samplers of a section's values, in its order. Raises ``GeneratorError``."""
    return {name: drawer(value, place.down("values", name, words=f"value `{name}`")) for name, value in values.items()}


def drawer(value: Value, place: Place) -> Drawer:
    """The sampler that a document's value describes. Raises ``GeneratorError`` when there is nothing to draw."""
    match value:
        case CategoryValue():
            return Drawer(_category(value))
        case NumberValue():
            return Drawer(_number(value, place))
        case DateValue():
            return Drawer(_date(value))
        case NameValue():
            return Drawer(_name(value, place))
        case ExpressionValue():
            expression = Expression(value.of, place)
            return Drawer(lambda _random, scope: expression.evaluate(scope), expression)


def _category(value: CategoryValue) -> Draw:
    of = value.of
    if value.weights is None:
        return lambda random, _scope: random.choice(of)
    cumulative = list(accumulate(value.weights))
    return lambda random, _scope: random.choices(of, cum_weights=cumulative)[0]


def _number(value: NumberValue, place: Place) -> Draw:
    """Draws on the grid of the value's decimals, so that both ends are as likely as any other number."""
    scale = 10**value.decimals
    first, last = math.ceil(value.low * scale - 1e-9), math.floor(value.high * scale + 1e-9)
    if first > last:
        raise GeneratorError(
            f"{place.words}: there is no number with {value.decimals} decimals from {value.low:g} to {value.high:g}",
            path=place.path,
            mend="widen the range or raise `decimals`",
        )

    def finish(step: int) -> int | float:
        return step / scale if value.decimals else step

    if value.distribution == "uniform":
        return lambda random, _scope: finish(random.randint(first, last))
    low, high = math.log(value.low), math.log(value.high)
    return lambda random, _scope: finish(min(last, max(first, round(math.exp(random.uniform(low, high)) * scale))))


def _date(value: DateValue) -> Draw:
    first, last = value.first.toordinal(), value.last.toordinal()
    return lambda random, _scope: date.fromordinal(random.randint(first, last))


def _name(value: NameValue, place: Place) -> Draw:
    """Names by Faker, loaded at the first draw: a document without names does not pay for it."""
    method = _FAKER_METHODS[value.of]

    def draw(random: Random, _scope: Mapping[str, Any]) -> str:
        try:
            faker = _faker(value.locale)
        except AttributeError as error:
            raise GeneratorError(
                f"{place.words}: Faker has no locale `{value.locale}`",
                path=place.path,
                mend="use one of https://faker.readthedocs.io/en/stable/locales.html, as in `en_GB`",
            ) from error
        faker.seed_instance(random.getrandbits(63))
        return str(getattr(faker, method)())

    return draw


@lru_cache(maxsize=32)
def _faker(locale: str) -> Any:
    """Faker's generator for a locale, without the proxy around it (which is several times slower)."""
    from faker import Factory

    return Factory.create(locale)
