"""A model that can do everything a run asks for: write, rewrite, solve and rate rows, and plan by a script.

Whatever is asked for in JSON is given in JSON, whether the schema was sent or told. Answers are functions of the body.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from preceptor.endpoints.structured import INSTRUCTION
from support.model_run import KEY
from support.sensible import Body, fingerprint
from support.small_run import THINGS

PLANNER = "planner"
"""The engineer's model; any other writes."""
OPERATIONS = {"Draft": "draft", "Debug": "debug", "Repair": "repair", "Improve": "improve"}
"""An engineer's operation by the word that its question ends with."""
PLACES = {
    "warm": ("by the fire", "near a fire", "on our fire"),
    "cold": ("under the snow", "in deep snow", "on some snow"),
}
"""Where things are in its rows: close to where they are in the examination."""
HARD = "that nobody can tell"
"""In a wish: the rows that come of it have answers which no solver gives."""

Planner = Callable[[str], Any]
"""From the last message to an engineer to what it answers: text as it is, or data."""


def versatile(planner: Planner | None = None) -> Callable[[Body], str]:
    """What a server is to answer by."""

    def answer(body: Body) -> str:
        prompt, _, told = body["messages"][-1]["content"].partition(INSTRUCTION)
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        schema = json.loads(told) if schema is None and told else schema
        if body["model"] == PLANNER:
            assert planner is not None
            said = planner(prompt)
            return said if isinstance(said, str) else json.dumps(said)
        if schema is None:
            return _solved(prompt)
        at = int(sha256(fingerprint(body).encode()).hexdigest()[:12], 16)
        return json.dumps(_rating(at) if "rating" in schema["properties"] else _rows(prompt, schema, at))

    return answer


def operation(prompt: str) -> str:
    """Which operation an engineer is asked for; empty for the message that says what is wrong with an answer."""
    last = prompt.rpartition("# Now\n")[2] if "# Now\n" in prompt else ""
    return next((name for word, name in OPERATIONS.items() if f"{word}: " in last), "")


def planned(*skills: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    """An engineer's whole answer with these skills."""
    recipe: dict[str, Any] = {
        "rationale": "Both skills alike.",
        "method": "",
        "skills": list(skills),
        "validators": [{"kind": "agreement", "solutions": 3, "agree": 2}],
        "retries": 2,
        "carryOver": None,
        "prediction": {skill["skill"]: 0.5 for skill in skills},
    }
    return {"stop": None, "card": None, "recipe": recipe | parts}


def wish(skill: str, words: str = "", *, weight: int = 1) -> dict[str, Any]:
    """A source that asks for rows of a skill."""
    return {
        "kind": "prompt",
        "template": f"Write where a thing is that is {{{{ skill }}}}{words}, wish number {{{{ wish }}}}.",
        "variables": {"wish": {"kind": "number", "low": 1, "high": 10**9}},
        "weight": weight,
    }


def _solved(prompt: str) -> str:
    if HARD in prompt:
        return "lukewarm"
    return "warm" if "fire" in prompt else "cold"


def _rating(at: int) -> dict[str, Any]:
    """One row in eight is rated badly; the reason gives away what no answer may."""
    return {"reason": f"As {KEY} would say.", "rating": 2 if at % 8 == 0 else 5}


def _rows(prompt: str, schema: Mapping[str, Any], at: int) -> dict[str, Any]:
    skill = "warm" if "that is warm" in prompt or "answer: warm" in prompt else "cold"
    tail = f" {HARD}" if HARD in prompt else ""
    listed = schema["properties"]["rows"]
    rows = []
    for place in range(listed["maxItems"]):
        here = at + 977 * place
        thing, where = THINGS[here % len(THINGS)], PLACES[skill][here // 64 % 3]
        rows.append({"q": f"the {thing} {where}{tail}, number {here // 256 % 9000 + 10}", "answer": skill})
    return {"rows": rows}
