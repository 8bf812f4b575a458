"""Whatever a part of the document is replaced by, there is a message and never a crash."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.errors import DocumentError, Problem
from preceptor.spec.load import loads
from support.documents import VALID

JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2.5, 10**25, float("nan"), float("-inf"), "", "x", "12", "a.b", "é", "heuristic", "1h",
    [], [1], [[]], ["x", None], {}, {"x": 1}, {"kind": "fixed"}, {"kind": []}, {"kind": {"a": 1}}, {"": ""},
)  # fmt: skip


def _places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(data, dict | list):
        for key in data if isinstance(data, dict) else range(len(data)):
            yield from _places(data[key], (*path, key))


def _mutated(chance: random.Random) -> Any:
    data: Any = {"root": yaml.safe_load(VALID)}
    for _ in range(chance.randint(1, 3)):
        path = chance.choice([path for path in _places(data) if path])
        part = data
        for key in path[:-1]:
            part = part[key]
        if chance.random() < 0.25 and path != ("root",):
            del part[path[-1]]
        elif chance.random() < 0.2 and isinstance(part, dict):
            part[chance.choice(["kind", "x", "max_tokens", "b c"])] = copy.deepcopy(chance.choice(JUNK))
        else:
            part[path[-1]] = copy.deepcopy(chance.choice(JUNK))
    return data["root"]


@pytest.mark.parametrize("seed", range(5))
def test_a_message_for_every_mutation(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        text = yaml.safe_dump(_mutated(chance), sort_keys=False)
        for problem in _problems(text):
            assert problem.message, text
            assert problem.mend, (problem, text)
            assert "input should" not in problem.message.lower(), problem


def _problems(text: str) -> list[Problem]:
    try:
        loads(text, source="x.yaml", base_dir=Path())
    except DocumentError as error:
        return error.problems
    return []
