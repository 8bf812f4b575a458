"""A model that says what a test tells it to, and what there is to say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from preceptor.endpoints.messages import Answer, Correspondent, Failure, Request, Usage
from preceptor.engineers.observation import Observation


def said(value: Any, failure: Failure | None = None) -> Answer:
    """An answer: JSON for data, text as it is."""
    if isinstance(value, str):
        return Answer(value, failure, Usage(10, 5), "scripted")
    return Answer(json.dumps(value), failure, Usage(10, 5), "scripted", value)


class Scripted:
    """Gives its answers in turn; more questions than answers are a mistake."""

    def __init__(self, *answers: Any) -> None:
        self._answers = [answer if isinstance(answer, Answer) else said(answer) for answer in answers]
        self.requests: list[Request] = []

    async def ask(self, request: Request) -> Answer:
        self.requests.append(request)
        return self._answers[len(self.requests) - 1]

    def line(self, observation: Observation) -> AbstractAsyncContextManager[Correspondent]:
        return nullcontext(self)

    @property
    def complaint(self) -> str:
        """What the engineer was told last."""
        return self.requests[-1].messages[-1]["content"]


def proposal(card: str | None = None, stop: str | None = None, **changes: Any) -> dict[str, Any]:
    """An answer with a recipe of 100 rows, 50 for each of two skills, that ``changes`` alter."""
    recipe: dict[str, Any] = {
        "rationale": "Because.",
        "method": "",
        "skills": [plan("chat"), plan("letter")],
        "validators": [],
        "retries": 1,
        "carryOver": None,
        "prediction": pairs(chat=0.1, letter=0.2),
    }
    return {"stop": stop, "card": card, "recipe": None if stop else recipe | changes}


def plan(skill: str, quota: int = 50, **changes: Any) -> dict[str, Any]:
    """A skill's part of a recipe, from one prompt."""
    source = {
        "kind": "prompt",
        "template": "Write a {{ skill }} about {{ topic }}.",
        "variables": pairs(topic={"kind": "category", "of": ["tea", "rain"], "weights": None}),
        "rowsPerRequest": 4,
        "temperature": None,
        "weight": 1.0,
    }
    return {"skill": skill, "quota": quota, "sources": [source | changes]}


def pairs(**values: Any) -> list[dict[str, Any]]:
    """An object with free keys, as answers have it."""
    return [{"key": key, "value": value} for key, value in values.items()]


def quotations(text: str) -> tuple[list[str], str]:
    """The lines of every ``<data>`` block, and the text without them."""
    quoted, outside, inside = [], [], False
    for line in text.splitlines():
        if line.startswith("<data ") and line.endswith(">"):
            assert not inside
            inside = True
        elif line == "</data>":
            assert inside
            inside = False
        else:
            (quoted if inside else outside).append(line)
    assert not inside
    return quoted, "\n".join(outside)


def contents(requests: Sequence[Request]) -> str:
    """All that was said to the model in its longest conversation."""
    return "\n".join(message["content"] for message in requests[-1].messages)
