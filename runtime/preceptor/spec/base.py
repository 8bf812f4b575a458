"""What every part of the document shares: strict frozen models with camelCase keys, durations, templates."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel


class ContradictionError(ValueError):
    """Values that are fine alone and do not fit together; raised by the validators of these types."""

    def __init__(self, message: str, *, mend: str, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.mend = mend
        """What to write instead."""
        self.at = at
        """The key to point at, as the user spells it, from the part that raises; the part itself when empty."""


class Model(BaseModel):
    """A part of the document: immutable, camelCase in YAML, and an unknown key is an error."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


class Stored(BaseModel):
    """A part of what a run stores: immutable, camelCase in JSON, and keys of later releases are left alone."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION_MEND = "write a number and its unit: 90s, 15m, 12h, 1h30m or 2d"
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
DURATION_PATTERN = r"^(\d+(\.\d+)?[smhd])+$"
"""What a duration looks like, for schemas."""


def parse_duration(text: str) -> float:
    """Return the seconds of text such as ``"90s"`` or ``"1h30m"``, the notation of Kubernetes.

    Raises :class:`ContradictionError` for other text.
    """
    if not _DURATION.fullmatch(text):
        raise ContradictionError(f"`{text}` is not a duration", mend=_DURATION_MEND)
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", text))


def _read_duration(value: Any, info: ValidationInfo) -> Any:
    """Return seconds; a document must name the unit, Python code may give seconds."""
    if isinstance(value, str):
        return parse_duration(value)
    if info.mode == "json" and isinstance(value, int | float):
        raise ContradictionError(f"`{value}` has no unit", mend=_DURATION_MEND)
    return value


def render_duration(seconds: float) -> str:
    """Return text of whole or fractional seconds that :func:`parse_duration` reads."""
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{seconds:f}s"


Duration = Annotated[
    float,
    Field(gt=0),
    BeforeValidator(_read_duration),
    PlainSerializer(render_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
"""A length of time; seconds in Python, text such as ``12h`` in the document."""

Template = Annotated[str, StringConstraints(min_length=1)]
"""A Jinja template, rendered in a sandbox, in which an undefined variable is an error."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
"""A lower-case label as Kubernetes has it (RFC 1123)."""

Fraction = Annotated[float, Field(ge=0, le=1)]
