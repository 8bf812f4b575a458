"""Asking for JSON and finding it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from preceptor.endpoints.messages import Request
from preceptor.endpoints.meter import SCHEMA_TOKENS, bound_tokens
from preceptor.endpoints.structured import (
    IGNORED,
    INSTRUCTION,
    WAYS,
    UnreadableError,
    Way,
    Ways,
    read,
    response_format,
    told,
)

ROW: dict[str, Any] = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "integer"}},
    "required": ["question", "answer"],
    "additionalProperties": False,
}
VALUE = {"question": "How many?", "answer": 3}
TEXT = json.dumps(VALUE)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"  \n{TEXT}\n",
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}\n```",
        f"Here you are:\n```json\n{TEXT}\n```\nAnything else?",
        f"```json\n{{}}\n```\nor rather\n```json\n{TEXT}\n```",
        f"Sure! {TEXT} I hope that helps {{really}}.",
        f"See [1] and {{x}}: {TEXT}",
        f'<think>perhaps {{"question": "no", "answer": 0}}</think>{TEXT}',
        json.dumps(VALUE, indent=2),
    ],
)
def test_json_is_found_in_what_models_wrap_around_it(text: str) -> None:
    assert read(text, ROW) == VALUE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("I would rather not.", "no JSON"),
        (TEXT[:-1], "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"question": "How many?", "answer": NaN}', "no JSON"),
        ('{"question": "How many?", "answer": ' + "9" * 5000 + "}", "no JSON"),
        ('{"question": "\\ud800", "answer": 3}', "no JSON"),
        ('{"question": "How many?"}', "required"),
        ('{"question": "How many?", "answer": "three"}', "type"),
        ('{"question": "How many?", "answer": 3, "more": 1}', "additionalProperties"),
        ("[1, 2]", "type"),
    ],
)
def test_what_is_no_json_or_not_what_was_asked_for_is_unreadable(text: str, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        read(text, ROW)


def test_deep_nesting_is_unreadable_rather_than_a_crash() -> None:
    deep = "[" * 900 + "]" * 900
    recursive = {"$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/list"}}}, "$ref": "#/$defs/list"}
    with pytest.raises(UnreadableError):
        read(deep, recursive | {"maxItems": 0})
    with pytest.raises(UnreadableError, match="nested too deeply"):
        read(deep, recursive)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert read('{"question": "\\ud83d\\ude00", "answer": 3}', ROW)["question"] == "😀"


def test_reading_never_fetches_what_a_schema_refers_to() -> None:
    from referencing.exceptions import Unresolvable

    with pytest.raises(Unresolvable):
        read(TEXT, {"$ref": "http://127.0.0.1:1/schema.json"})


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (ROW, True),
        (ROW | {"required": ["question"]}, False),
        ({key: value for key, value in ROW.items() if key != "additionalProperties"}, False),
        ({**ROW, "properties": {**ROW["properties"], "answer": {"type": "object"}}}, False),
        ({**ROW, "properties": {**ROW["properties"], "answer": {"type": "array", "items": ROW}}}, True),
        ({**ROW, "properties": {**ROW["properties"], "answer": {"enum": [{"type": "object"}]}}}, True),
    ],
)
def test_strictness_is_claimed_only_for_schemas_that_allow_it(schema: dict[str, Any], strict: bool) -> None:
    assert response_format("jsonSchema", schema) == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": strict},
    }


@pytest.mark.parametrize(
    ("way", "form", "says"),
    [
        ("jsonSchema", "json_schema", False),
        ("jsonObject", "json_object", True),
        ("text", None, True),
    ],
)
def test_the_prompt_tells_the_schema_where_nothing_else_does(way: Way, form: str | None, says: bool) -> None:
    messages = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Write a row."})
    turns = told(way, messages, ROW)
    assert (response_format(way, ROW) or {}).get("type") == form
    assert turns[0] == messages[0]
    assert turns[1]["content"].startswith("Write a row.")
    assert (INSTRUCTION in turns[1]["content"]) is says
    assert messages[1]["content"] == "Write a row.", "the request itself stays as it was"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "schema", [{}, ROW, {"type": "object", "description": "é\n" * 2000}], ids=["any", "row", "long"]
)
def test_what_is_added_stays_below_the_bound_on_prompt_tokens(way: Way, schema: dict[str, Any]) -> None:
    plain = Request("tiny", ({"role": "user", "content": "Write a row."},), max_tokens=1)
    allowed = bound_tokens(replace(plain, schema=schema)) - bound_tokens(plain)
    added = sum(len(turn["content"].encode()) for turn in told(way, plain.messages, schema)) - len("Write a row.")
    assert added <= allowed
    assert len(INSTRUCTION.encode()) + 8 <= SCHEMA_TOKENS


def test_ways_are_tried_from_the_strictest_and_remembered_by_model() -> None:
    ways = Ways()
    assert ways.best("a", ROW) == "jsonSchema"
    assert ways.next("a", ROW, "jsonSchema") == "jsonObject"
    assert ways.next("a", ROW, "jsonObject") == "text"
    assert ways.next("a", ROW, "text") is None
    ways.answered("a", ROW, "jsonObject", text=TEXT, good=True)
    assert ways.best("a", ROW) == "jsonObject"
    assert ways.next("a", ROW, "jsonObject") is None, "it was accepted before, so this refusal is about something else"
    assert ways.best("a", {"type": "object"}) == "jsonObject", "what holds for the model holds for its next schema"
    assert ways.next("a", {"type": "object"}, "jsonObject") == "text"
    assert ways.best("b", ROW) == "jsonSchema"


@pytest.mark.parametrize("declared", WAYS)
def test_a_declared_way_is_the_only_one(declared: Way) -> None:
    ways = Ways(declared)
    ways.answered("a", ROW, "text", text=TEXT, good=True)
    assert ways.best("a", ROW) == declared
    assert ways.next("a", ROW, declared) is None


def test_an_endpoint_that_ignores_schemas_is_told_them() -> None:
    ways = Ways()
    for _ in range(IGNORED):
        assert ways.best("a", ROW) == "jsonSchema"
        ways.answered("a", ROW, "jsonSchema", text="Certainly!", good=False)
    assert ways.best("a", ROW) == "jsonObject"
    assert ways.next("a", ROW, "jsonObject") == "text", "it may refuse the next way"


def test_an_endpoint_that_constrains_answers_is_not_mistaken_for_one_that_does_not() -> None:
    ways = Ways()
    for _ in range(2 * IGNORED):
        ways.answered("a", ROW, "jsonSchema", text='{"question": "too short"}', good=False)
    assert ways.best("a", ROW) == "jsonSchema", "it does constrain them, if not by everything the schema says"
    ways.answered("a", ROW, "jsonSchema", text=TEXT, good=True)
    for _ in range(2 * IGNORED):
        ways.answered("a", ROW, "jsonSchema", text="Certainly!", good=False)
    assert ways.best("a", ROW) == "jsonSchema"
