"""The document's JSON Schema, for editors and for whoever writes documents by program."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from preceptor.spec.base import DURATION_PATTERN, render_duration
from preceptor.spec.document import API_VERSION, KIND, Specialization


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a document; the same for the same types."""
    body = json_schema(Specialization)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://{API_VERSION.replace('/', '/schemas/')}/{KIND.lower()}.json",
        **body,
        "title": f"Preceptor {KIND}",
    }


def json_schema(type_: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of what a user writes for ``type_``, defaults in the form in which they are written."""
    written: dict[str, Any] = _written(type_.model_json_schema(by_alias=True, mode="validation"))
    return written


def _written(part: Any) -> Any:
    """Spell the defaults of durations: pydantic gives the seconds that Python code has."""
    if isinstance(part, list):
        return [_written(each) for each in part]
    if not isinstance(part, dict):
        return part
    spelled = {key: _written(value) for key, value in part.items()}
    if part.get("pattern") == DURATION_PATTERN and isinstance(part.get("default"), float):
        spelled["default"] = render_duration(part["default"])
    return spelled
