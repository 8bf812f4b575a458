"""What making rows uses up, and what may still be used. Whole numbers throughout, so that a limit is a limit."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import Any, Self

PICODOLLARS = 10**12
"""Picodollars in a dollar. A price of $0.15 for a million tokens is 150,000 of them for a token, exactly."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Used up or set aside."""

    rows: int = 0
    """Rows made, dropped ones included."""
    requests: int = 0
    """Requests that were or may have been carried out: those turned away (429, 503, no connection) do not count."""
    tokens: int = 0
    """Prompt and completion tokens."""
    picodollars: int = 0
    """Money at the declared prices."""

    @property
    def usd(self) -> float:
        """Money in dollars."""
        return self.picodollars / PICODOLLARS

    def __add__(self, other: Amount) -> Amount:
        """Both together."""
        return Amount(
            self.rows + other.rows,
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.picodollars + other.picodollars,
        )

    def __sub__(self, other: Amount) -> Amount:
        """What is left of this one; parts may become negative."""
        return Amount(
            self.rows - other.rows,
            self.requests - other.requests,
            self.tokens - other.tokens,
            self.picodollars - other.picodollars,
        )

    def __mul__(self, times: int) -> Amount:
        """So many of these."""
        return Amount(*(part * times for part in astuple(self)))

    def within(self, other: Amount) -> bool:
        """Whether no part exceeds the other's."""
        return (
            self.rows <= other.rows
            and self.requests <= other.requests
            and self.tokens <= other.tokens
            and self.picodollars <= other.picodollars
        )

    def to_data(self) -> dict[str, int]:
        """JSON data; what is zero is left out."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """The amount that :meth:`to_data` wrote; keys of later releases are ignored."""
        return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be used up; ``None`` is without a limit."""

    rows: int | None = None
    requests: int | None = None
    tokens: int | None = None
    picodollars: int | None = None

    def __sub__(self, amount: Amount) -> Limit:
        """What is left, never below 0."""
        parts = zip(astuple(self), astuple(amount), strict=True)
        return Limit(*(None if most is None else max(0, most - used) for most, used in parts))

    def __and__(self, other: Limit) -> Limit:
        """The tighter of both in every part."""
        parts = zip(astuple(self), astuple(other), strict=True)
        return Limit(*(min((most for most in both if most is not None), default=None) for both in parts))

    def affords(self, amount: Amount) -> bool:
        """Whether the amount fits."""
        return all(most is None or used <= most for most, used in zip(astuple(self), astuple(amount), strict=True))

    def to_data(self) -> dict[str, int]:
        """JSON data; what is without a limit is left out."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """The limit that :meth:`to_data` wrote; keys of later releases are ignored."""
        return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})

    def times(self, amount: Amount) -> int | None:
        """How many of these amounts fit; ``None`` for any number."""
        parts = zip(astuple(self), astuple(amount), strict=True)
        return min((most // used for most, used in parts if most is not None and used > 0), default=None)
