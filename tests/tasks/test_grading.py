"""Grades keep the items' order and add up by skill."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from preceptor.spec.task import JsonScorer
from preceptor.tasks.grading import SkillAccuracy, by_skill, grade
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import build_scorer


@dataclass
class _Output:
    text: str
    tokens: int = 3
    truncated: bool = False


SCORER = build_scorer(JsonScorer.model_validate({"kind": "json", "fields": {"a": {}, "b": {}}}))
ITEMS = [
    Item(i, {}, f"prompt {i}", '{"a": 1, "b": 2}', skill, f"c{i}")
    for i, skill in (("x", "s2"), ("y", "s1"), ("z", "s2"))
]


def test_grades() -> None:
    outputs = [_Output('{"a": 1, "b": 2}'), _Output('{"a": 1}'), _Output('{"a": 1, "b"', tokens=64, truncated=True)]
    right, half, cut = grade(ITEMS, outputs, SCORER)
    assert (right.item_id, right.value, right.correct, right.extracted) == ("x", 1.0, True, '{"a": 1, "b": 2}')
    assert (half.value, half.correct, half.skill, half.cluster) == (0.5, False, "s1", "cy")
    assert (cut.value, cut.extracted, cut.tokens, cut.truncated) == (0.0, None, 64, True)
    assert len({row.prompt_digest for row in (right, half, cut)}) == 3
    assert by_skill([right, half, cut]) == {"s1": SkillAccuracy(1, 0.5, 0.0), "s2": SkillAccuracy(2, 0.5, 0.5)}


def test_every_item_needs_an_output() -> None:
    with pytest.raises(ValueError, match="1 outputs for 3 items"):
        grade(ITEMS, [_Output("")], SCORER)
