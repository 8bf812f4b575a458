"""Value samplers: what templates are filled with."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from preceptor.spec.base import ContradictionError, Model


class CategoryValue(Model):
    """One of a list."""

    kind: Literal["category"]
    of: tuple[str | int | float | bool, ...] = Field(min_length=1, examples=[["red", "green"]])
    """What to choose from."""
    weights: tuple[float, ...] | None = None
    """Relative frequency of each; alike when absent."""

    @model_validator(mode="after")
    def _weights_match(self) -> Self:
        if self.weights is None:
            return self
        if len(self.weights) != len(self.of):
            raise ContradictionError(
                f"{len(self.weights)} weights do not fit {len(self.of)} values",
                mend="write one number for each entry of `of`",
                at=("weights",),
            )
        if min(self.weights) < 0 or sum(self.weights) <= 0:
            raise ContradictionError(
                "weights may not be negative, nor all 0", mend="write frequencies such as [3, 1]", at=("weights",)
            )
        return self


class NumberValue(Model):
    """A number, drawn evenly or evenly in its logarithm."""

    kind: Literal["number"]
    low: float = Field(examples=[1])
    """Smallest value."""
    high: float = Field(examples=[100])
    """Largest value."""
    decimals: int = Field(default=0, ge=0, le=10)
    """Digits after the point; 0 gives an integer."""
    distribution: Literal["uniform", "log"] = "uniform"
    """``log`` draws small numbers as often as large ones."""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.low > self.high:
            raise ContradictionError(
                f"`low` ({self.low:g}) is above `high` ({self.high:g})", mend="swap them", at=("low",)
            )
        if self.distribution == "log" and self.low <= 0:
            raise ContradictionError(
                "a logarithmic distribution has no values at or below 0",
                mend="raise `low` above 0, or write `distribution: uniform`",
                at=("low",),
            )
        return self


class DateValue(Model):
    """A calendar day."""

    kind: Literal["date"]
    first: date = Field(examples=["2025-01-01"])
    """Earliest day."""
    last: date = Field(examples=["2025-12-31"])
    """Latest day."""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.first > self.last:
            raise ContradictionError(
                f"`first` ({self.first}) is after `last` ({self.last})", mend="swap them", at=("first",)
            )
        return self


class NameValue(Model):
    """An invented name, by Faker."""

    kind: Literal["name"]
    of: Literal["person", "firstName", "lastName", "company", "city", "street"] = "person"
    """What is named."""
    locale: str = "en_GB"
    """Faker's locale."""


class ExpressionValue(Model):
    """A value computed from others, as a sandboxed Jinja expression."""

    kind: Literal["expression"]
    of: str = Field(min_length=1, examples=["quantity * price"])
    """The expression, as in ``quantity * price`` or ``first ~ " " ~ last``; other values are in scope."""


Value = Annotated[CategoryValue | NumberValue | DateValue | NameValue | ExpressionValue, Field(discriminator="kind")]
