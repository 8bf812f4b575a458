"""Makes the examination of ``../reasoning-gym.yaml``: items.jsonl, by the document's own generators with other seeds.

    python specs/reasoning-gym/make_items.py

Needs the package reasoning-gym in the version that ``constraints.txt`` pins: another may make other questions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preceptor.spec.actors import ProceduralTeacher as Config
from preceptor.spec.actors import ReasoningGymGenerator
from preceptor.spec.load import load
from preceptor.teachers.draft import Draft
from preceptor.teachers.procedural import ProceduralTeacher

HERE = Path(__file__).parent
ITEMS = 45
"""Items of each skill; levels take turns."""
SEED = 20_261_123
"""Rows of a run draw their seeds from digests, so none of them is this one."""
TRIES = 100
"""Seeds to try for a question that was not asked yet."""


def main() -> None:
    """Write the items."""
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records()]
    (HERE / "items.jsonl").write_text("".join(lines), encoding="utf-8")


def records() -> Iterator[dict[str, Any]]:
    """The examination's records, by skill."""
    config = load(HERE.parent / "reasoning-gym.yaml").spec.spec.teacher
    assert isinstance(config, Config)
    teacher = ProceduralTeacher(config)
    for place, (name, generator) in enumerate(sorted(config.generators.items())):
        assert isinstance(generator, ReasoningGymGenerator)
        asked: set[str] = set()
        for number in range(ITEMS):
            level = number % len(generator.levels) + 1
            draft = _new(teacher, name, level, SEED + 100_000 * place + TRIES * number, asked)
            asked.add(draft.fields["question"])
            yield {"id": f"{name}-{number + 1:02}", "skill": draft.skill, "level": level, **draft.fields}


def _new(teacher: ProceduralTeacher, name: str, level: int, seed: int, asked: set[str]) -> Draft:
    for attempt in range(TRIES):
        for draft in teacher.make(name, levels={level: 1.0}, count=1, seed=seed + attempt):
            if draft.fields["question"] not in asked:
                return draft
    raise RuntimeError(f"{name}, level {level}: no further question in {TRIES} attempts")


if __name__ == "__main__":
    main()
