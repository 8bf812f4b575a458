"""A run that takes seconds: a tiny student made on the spot, two skills, a teacher of a few words."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

THINGS = ("kettle", "stone", "bench", "wheel", "ladder", "bottle", "window", "carpet", "basket", "lantern")
OTHER_THINGS = ("hammer", "pillow", "mirror", "bucket", "violin", "saddle", "barrel", "candle")


def write_small_run(directory: Path, student: Path, **changes: object) -> Path:
    """Write ``run.yaml`` with its items into ``directory`` and return its path.

    ``changes`` replaces keys by their dotted path below ``spec``, written with ``__``: ``budget__iterations=1``.
    """
    items = [
        {"id": f"{skill}-{thing}", "skill": skill, "q": f"the {thing} {place}", "a": skill}
        for skill, place in (("warm", "by our fire"), ("cold", "under deep snow"))
        for thing in OTHER_THINGS
    ]
    (directory / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    thing = {"thing": {"kind": "category", "of": list(THINGS)}}
    document = {
        "apiVersion": "preceptor.dev/v1alpha1",
        "kind": "Specialization",
        "metadata": {"name": "small"},
        "spec": {
            "task": {
                "description": "Say whether a thing is warm or cold.",
                "prompt": "{{ q }}",
                "scorer": {"kind": "exact"},
                "items": {"uri": "items.jsonl", "id": "{{ id }}", "skill": "{{ skill }}", "answer": "{{ a }}"},
                "splits": {"feedback": 0.25, "selection": 0.25, "private": 0.5, "seed": 1},
            },
            "engineer": {"kind": "heuristic"},
            "teacher": {
                "kind": "procedural",
                "values": thing | {"number": {"kind": "number", "low": 1, "high": 99}},
                "generators": {
                    "warm": {
                        "kind": "sampler",
                        "answer": "warm",
                        "forms": [
                            {"input": {"q": "the {{ thing }} near a stove, number {{ number }}"}},
                            {"input": {"q": "{{ number }} {{ thing }} on the fire"}, "difficulty": 2},
                        ],
                    },
                    "cold": {
                        "kind": "sampler",
                        "answer": "cold",
                        "forms": [
                            {"input": {"q": "the {{ thing }} on ice, number {{ number }}"}},
                            {"input": {"q": "{{ number }} {{ thing }} in the snow"}, "difficulty": 2},
                        ],
                    },
                },
            },
            "student": {
                "model": str(student),
                "training": {
                    "method": "full",
                    "epochs": 10,
                    "learningRate": 0.003,
                    "batchSize": 4,
                    "maxTokens": 64,
                    "zeroStage": 0,
                },
                "inference": {"maxNewTokens": 4, "batchSize": 16},
            },
            "dataset": {"size": 32, "minimum": 16},
            "budget": {"iterations": 2},
            "evaluation": {"seeds": 2},
            "storage": {"uri": str(directory / "runs")},
        },
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place: dict[str, object] = document["spec"]  # type: ignore[assignment]
        for parent in parents:
            place = place.setdefault(parent, {})  # type: ignore[assignment]
        place[last] = value
    file = directory / "run.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return file
