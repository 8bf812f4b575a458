"""The JSON Schema says what the types say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.spec.schema import schema
from support.documents import VALID, document, edit

jsonschema = pytest.importorskip("jsonschema")

SPECS = Path(__file__).parents[2] / "specs"
SHIPPED = sorted(path for path in SPECS.glob("*.yaml") if not path.stem.endswith("-reduced"))


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


def test_the_committed_schema_is_that_of_the_types() -> None:
    committed = (SPECS / "specialization.schema.json").read_text(encoding="utf-8")
    assert json.loads(committed) == schema(), "run: preceptor schema > specs/specialization.schema.json"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_documents_name_the_schema_for_editors_and_satisfy_it(path: Path, validator: Any) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=specialization.schema.json\n")
    # To an editor a day is text, as in JSON.
    body = json.loads(json.dumps(yaml.safe_load(text), default=str))
    assert list(validator.iter_errors(body)) == []
