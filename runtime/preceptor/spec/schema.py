"""The document's JSON Schema, for editors and for whoever writes documents by program."""

from __future__ import annotations

from typing import Any

from preceptor.spec.document import API_VERSION, KIND, Specialization


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a document; the same for the same types."""
    body = Specialization.model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://{API_VERSION.replace('/', '/schemas/')}/{KIND.lower()}.json",
        **body,
        "title": f"Preceptor {KIND}",
    }
