"""What every part of the document shares: strict frozen models with camelCase keys, durations, templates."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel


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


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")


def parse_duration(value: Any) -> Any:
    """Seconds from ``90``, ``"90s"``, ``"1h30m"`` (the notation of Kubernetes); other input is left to pydantic."""
    if not isinstance(value, str):
        return value
    if not _DURATION.fullmatch(value):
        raise ValueError("a duration is written like 90s, 15m, 12h, 1h30m or 2d")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", value))


Duration = Annotated[
    float,
    Field(gt=0),
    BeforeValidator(parse_duration),
    PlainSerializer(lambda seconds: f"{seconds:g}s", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?[smhd])+$"}),
]
"""A length of time; seconds in Python, text such as ``12h`` in the document."""

Template = Annotated[str, StringConstraints(min_length=1)]
"""A Jinja template, rendered in a sandbox, in which an undefined variable is an error."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
"""A lower-case label as Kubernetes has it (RFC 1123)."""

Fraction = Annotated[float, Field(ge=0, le=1)]
