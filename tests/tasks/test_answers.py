"""Every scorer against what models write: the rows of ``answers.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from preceptor.spec.task import Scorer as ScorerConfig
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import build_scorer

GROUPS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "answers.yaml").read_text())
ROWS = [
    pytest.param(group, answer, id=f"{group['scorer']['kind']}-{group['reference'][:20]}-{answer[0][:30]}")
    for group in GROUPS
    for answer in group["answers"]
]


@pytest.mark.parametrize(("group", "answer"), ROWS)
def test_answer(group: dict[str, Any], answer: list[Any]) -> None:
    output, value, *extracted = answer
    scorer = build_scorer(TypeAdapter(ScorerConfig).validate_python(group["scorer"]))
    score = scorer.score(Item("i", group.get("fields", {}), "p", group["reference"], "s", "c"), output)
    assert score.value == pytest.approx(value)
    assert score.correct is (value == 1)
    assert score.extracted == extracted[0] if extracted else score.extracted is not None or value == 0
    assert scorer.readable(group["reference"], group.get("fields", {}))


def test_the_table_covers_every_scorer_and_both_outcomes() -> None:
    assert len(ROWS) >= 150
    kinds = {group["scorer"]["kind"] for group in GROUPS}
    assert kinds == {"exact", "numeric", "choice", "json", "literal", "math", "reasoning-gym"}
    for kind in kinds:
        values = {answer[1] for group in GROUPS if group["scorer"]["kind"] == kind for answer in group["answers"]}
        assert {0, 1} <= values
