"""The schema of an answer: valid, closed, and only of what endpoints understand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from preceptor.engineers.llm.answer import shown, split, typed
from preceptor.engineers.llm.schema import answer_schema, outline
from preceptor.spec.recipe import Recipe
from support.scripted import pairs, plan, proposal

EVERYTHING: dict[str, Any] = {
    "skills": ("chat", "letter"),
    "sources": ("procedural", "prompt", "solve", "evolve", "pool"),
    "validators": ("agreement", "judge", "length"),
    "generators": ("g1",),
    "cards": ("self-instruct",),
    "rows": (20, 100),
    "carry_over": True,
    "must_use_card": False,
    "may_stop": True,
}
LEAST: dict[str, Any] = EVERYTHING | {
    "sources": ("prompt",),
    "validators": ("length",),
    "cards": (),
    "carry_over": False,
    "may_stop": False,
}
UNDERSTOOD = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "anyOf",
    "description",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "pattern",
}


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and every schema inside it."""
    yield schema
    for inner in (*schema.get("anyOf", ()), *schema.get("properties", {}).values()):
        yield from parts(inner)
    if "items" in schema:
        yield from parts(schema["items"])


@pytest.mark.parametrize("settings", [EVERYTHING, LEAST])
def test_it_is_a_schema_of_closed_objects_in_words_that_all_endpoints_know(settings: dict[str, Any]) -> None:
    schema = answer_schema(**settings)
    Draft202012Validator.check_schema(schema)
    for part in parts(schema):
        assert part.keys() <= UNDERSTOOD
        assert part.keys() & {"type", "enum", "anyOf"}
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert part["required"] == list(part["properties"])
        if part.get("type") == "array":
            assert part["maxItems"] <= 100


def fits(answer: Any, **changes: Any) -> bool:
    return bool(Draft202012Validator(answer_schema(**EVERYTHING | changes)).is_valid(answer))


def test_answers_that_are_recipes_fit_it() -> None:
    assert fits(proposal())
    assert fits(proposal(card="self-instruct", carryOver={"share": 0.5}))
    assert fits(proposal(stop="enough"))
    assert fits(
        proposal(
            skills=[
                {
                    "skill": "chat",
                    "quota": 3,
                    "sources": [
                        {"kind": "procedural", "generator": "g1", "weight": 1, "difficulty": pairs(**{"1": 2})}
                    ],
                }
            ]
        )
    )


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        (proposal(skills=[plan("poems")]), {}),
        (proposal(skills=[plan("chat", quota=101)]), {}),
        (proposal(skills=[plan("chat", quota=0)]), {}),
        (proposal(skills=[plan("chat", quota=19)]), {"skills": ("chat",)}),
        (proposal(validators=[{"kind": "agreement", "solutions": 3, "agree": 4, "temperature": None}]), {}),
        (proposal(prediction=pairs(chat=10)), {}),
        (proposal(card="alchemy"), {}),
        (proposal(), {"must_use_card": True}),
        (proposal(stop="enough"), {"may_stop": False}),
        (proposal(carryOver={"share": 0.5, "version": "v1"}), {}),
        (proposal(carryOver={"share": 0.5}), {"carry_over": False}),
        (
            proposal(skills=[{"skill": "chat", "quota": 3, "sources": [{"kind": "pool", "weight": 1}]}]),
            {"sources": ("prompt",)},
        ),
        (proposal(validators=[{"kind": "judge", "rubric": "r", "threshold": 4, "model": None}]), {}),
    ],
)
def test_what_is_not_possible_does_not_fit_it(answer: Any, changes: dict[str, Any]) -> None:
    assert not fits(answer, **changes)


def test_numbers_that_servers_cannot_bound_are_chosen_from_a_list() -> None:
    properties = [part["properties"] for part in parts(answer_schema(**EVERYTHING)) if "properties" in part]
    assert {schema["type"] for each in properties if (schema := each.get("weight"))} == {"integer"}
    hot = [branch for each in properties for branch in each.get("temperature", {}).get("anyOf", ())]
    assert all("enum" in branch for branch in hot if branch["type"] == "number")
    assert hot


def test_a_recipe_shown_to_the_engineer_has_the_form_of_its_answers() -> None:
    recipe = Recipe.model_validate(
        {
            "skills": [
                {
                    "skill": "chat",
                    "quota": 9,
                    "sources": [
                        {
                            "kind": "prompt",
                            "template": "{{ a }} {{ b }}",
                            "variables": {
                                "a": {"kind": "category", "of": ["x", 1, 2.5]},
                                "b": {"kind": "date", "first": "2026-01-01", "last": "2026-02-01"},
                            },
                        },
                        {"generator": "g1", "difficulty": {1: 0.5, 3: 1}},
                        {"kind": "evolve", "change": "harder"},
                    ],
                }
            ],
            "validators": [{"kind": "agreement"}, {"kind": "judge", "rubric": "r"}, {"kind": "length", "maximum": 9}],
            "carryOver": {"version": "v1", "share": 0.5},
            "prediction": {"chat": 0.2},
        }
    )
    data = json.loads(json.dumps(shown(recipe)))
    answer = {"stop": None, "card": None, "recipe": data}
    assert fits(answer)
    back = split(answer).recipe
    assert back is not None
    assert typed(back, "v1") == recipe


def test_the_outline_names_every_key_once_for_a_reader() -> None:
    text = outline(answer_schema(**EVERYTHING))
    for name in (
        "stop",
        "card",
        "rationale",
        "template",
        "rowsPerRequest",
        "generator",
        "rubric",
        "carryOver",
        "share",
    ):
        assert f"`{name}` (" in text
    assert "kind `evolve`" in text
    assert "kind `evolve`" not in outline(answer_schema(**LEAST))
