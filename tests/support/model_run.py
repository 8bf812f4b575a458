"""A small run whose rows, and if asked whose recipes, come from a model behind a server."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from support.sensible import fingerprint
from support.small_run import THINGS, write_small_run

KEY = "sk-planted-5e1f00d"
"""The endpoint's key; it may appear nowhere but in a header."""
PLACES = {"warm": ("near a stove", "on the fire", "in the oven"), "cold": ("on ice", "in the snow", "in a freezer")}
PLAN = {
    "skills": [
        {
            "skill": skill,
            "quota": 16,
            "sources": [
                {
                    "kind": "prompt",
                    "template": "Write where a thing is that is {{ skill }}, wish number {{ wish }}.",
                    "variables": {"wish": {"kind": "number", "low": 1, "high": 10**9}},
                }
            ],
        }
        for skill in ("warm", "cold")
    ],
    "validators": [{"kind": "agreement", "solutions": 2, "agree": 1}],
    "retries": 2,
    "prediction": {"warm": 0.5, "cold": 0.5},
    "rationale": "Both skills alike.",
}


def write_model_run(directory: Path, student: Path, url: str, *, llm: bool = False, **changes: object) -> Path:
    """Write a run whose teacher asks the server at ``url``; ``llm`` lets a model there plan, else the plan is fixed."""
    endpoint = {"baseUrl": url, "apiKey": {"env": "PRECEPTOR_TEST_KEY"}, "patience": "20s", "timeout": "2s"}
    sampling = {"maxTokens": 256}
    engineer = {"kind": "llm", "model": "planner", "endpoint": endpoint, "sampling": {"maxTokens": 4096}}
    settings: dict[str, object] = {
        "teacher": {
            "kind": "openai",
            "model": "writer",
            "endpoint": endpoint,
            "concurrency": 8,
            "sampling": sampling,
            "price": {"input": 0.15, "output": 0.6},
        },
        "engineer": engineer if llm else {"kind": "fixed", "recipe": PLAN},
        "budget": {"iterations": 2, "teacherRequests": 4000, "tokens": 20_000_000, "usd": 20},
        "student__training__maxTokens": 256,  # a word has many tokens for the tiny student
        "evaluation__controls__ceiling": False,  # whoever counts requests counts those for rows
    }
    return write_small_run(directory, student, **(settings | changes))


def sound(body: dict[str, Any]) -> str:
    """What a model of good sense answers: rows where rows are asked for, plans where plans are, else warm or cold."""
    prompt = body["messages"][-1]["content"]
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if schema is None:
        return "warm" if any(place in prompt for place in PLACES["warm"]) else "cold"
    if "recipe" in schema["properties"]:
        return _plan(body)
    skill = "warm" if "that is warm" in prompt else "cold"
    at = int(sha256(fingerprint(body).encode()).hexdigest()[:12], 16)
    question = f"the {THINGS[at % len(THINGS)]} {PLACES[skill][at // 64 % 3]}, number {at // 256 % 90 + 10}"
    return json.dumps({"rows": [{"q": question, "answer": skill}]})


def _plan(body: dict[str, Any]) -> str:
    """A plan that differs from proposal to proposal."""
    at = len(json.dumps(body["messages"])) % 1000
    plan = json.loads(json.dumps(PLAN))
    for skill in plan["skills"]:
        skill["sources"][0]["template"] += f" Style {at}."
    return json.dumps({"stop": None, "card": None, "recipe": plan})
