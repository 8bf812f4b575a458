"""The JSON Schema says what the types say."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from preceptor.spec.schema import schema
from support.documents import VALID, document, edit

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_a_valid_document_is_valid(validator: Any) -> None:
    assert list(validator.iter_errors(yaml.safe_load(VALID))) == []
    assert list(validator.iter_errors(document().spec.canonical())) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [("size: 40", "siez: 40"), ("size: 40", "size: many"), ("kind: heuristic", "kind: magic"), ("1h", "1 hour")],
)
def test_a_bad_document_is_not(validator: Any, old: str, new: str) -> None:
    assert list(validator.iter_errors(yaml.safe_load(edit(old, new))))


def test_it_is_complete_and_always_the_same() -> None:
    found = schema()
    assert found["$schema"].endswith("2020-12/schema")
    assert found["$id"] == "https://preceptor.dev/schemas/v1alpha1/specialization.json"
    assert found["title"] == "Preceptor Specialization"
    assert json.dumps(found) == json.dumps(schema())
    size = found["$defs"]["Dataset"]["properties"]["size"]
    assert size["description"].startswith("Rows a finished version holds")
