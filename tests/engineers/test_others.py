from __future__ import annotations

import pytest
from pydantic import ValidationError

from preceptor.engineers import build_engineer
from preceptor.engineers.fixed import FixedEngineer
from preceptor.engineers.heuristic import HeuristicEngineer
from preceptor.engineers.observation import FailedCase, Observation, PastAttempt
from preceptor.engineers.proposal import Stop
from preceptor.spec import actors
from support.payments import recipe

EMPTY = Observation(iteration=1, skills={}, generators={}, size=10, minimum=1, iterations_left=1)


def test_the_fixed_engineer_proposes_its_recipe_once() -> None:
    plan = recipe(letter=10)
    engineer = build_engineer(actors.FixedEngineer(kind="fixed", recipe=plan))
    assert isinstance(engineer, FixedEngineer)
    assert engineer.propose(EMPTY) == plan
    again = engineer.propose(EMPTY.model_copy(update={"past": (PastAttempt(recipe=plan),)}))
    assert isinstance(again, Stop)


def test_the_document_decides_the_engineer() -> None:
    assert isinstance(build_engineer(actors.HeuristicEngineer(kind="heuristic")), HeuristicEngineer)


def test_an_observation_cannot_be_changed_or_flooded() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        EMPTY.size = 11  # type: ignore[misc]
    case = FailedCase(skill="a", prompt="p", reference="r", output="o", value=0.0)
    with pytest.raises(ValidationError, match="at most 60"):
        Observation.model_validate({**EMPTY.model_dump(), "failures": [case] * 61})


def test_an_observation_has_no_room_for_other_splits() -> None:
    names = str(Observation.model_json_schema()["properties"].keys() | Observation.model_json_schema()["$defs"].keys())
    assert "selection" not in names.lower()
    assert "private" not in names.lower()
    seen = Observation.model_validate({**EMPTY.model_dump(), "private": ["item"]})
    assert "private" not in seen.model_dump()
