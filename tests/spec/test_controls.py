"""Comparisons that a document cannot have are refused with path, reason and mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.errors import DocumentError
from preceptor.spec.load import load, loads
from support.model_run import PLAN, write_model_run
from support.small_run import write_small_run

GYM = {"kind": "reasoning-gym", "dataset": "chain_sum"}
SEEDS = {"uri": "seeds.jsonl"}
FIXED = {"kind": "fixed", "recipe": {"skills": [{"skill": "warm", "quota": 20, "sources": [{"generator": "warm"}]}]}}


def problems(path: Path, control: str) -> list[tuple[str, str, str]]:
    data = yaml.safe_load(path.read_text())
    data["spec"]["evaluation"] = {"controls": {control: True}}
    try:
        loads(yaml.safe_dump(data), source="run.yaml", base_dir=path.parent)
    except DocumentError as error:
        return [(problem.path, problem.message, problem.mend) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("control", "changes", "words"),
    [
        ("oneShot", {"engineer": FIXED}, "a fixed engineer makes one version"),
        ("oneShot", {"engineer": {"kind": "heuristic", "strategy": "oneShot"}}, "`strategy: oneShot` makes one"),
        ("heuristic", {}, "would be the same run"),
        ("heuristic", {"engineer": {"kind": "heuristic", "strategy": "oneShot"}}, "would be the same run"),
        ("distillation", {}, "a teacher of kind `procedural` has no model"),
    ],
)
def test_without_a_model(control: str, changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    [(path, message, mend)] = problems(write_small_run(tmp_path, tmp_path, **changes), control)
    assert path == f"spec.evaluation.controls.{control}"
    assert words in message
    assert f"remove `{control}`" in mend


@pytest.mark.parametrize(
    ("control", "changes", "words"),
    [
        ("heuristic", {}, "the teacher declares none"),
        ("distillation", {}, "the task has none"),
        ("oneShot", {"engineer": {"kind": "fixed", "recipe": PLAN}}, "a fixed engineer"),
    ],
)
def test_with_models(control: str, changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = write_model_run(tmp_path, tmp_path, "http://127.0.0.1:9", llm=True, **changes)
    [(where, message, _)] = problems(path, control)
    assert where == f"spec.evaluation.controls.{control}"
    assert words in message


def test_what_fits_is_accepted(tmp_path: Path) -> None:
    assert problems(write_small_run(tmp_path, tmp_path), "oneShot") == []
    path = write_model_run(
        tmp_path, tmp_path, "http://127.0.0.1:9", llm=True, task__seeds=SEEDS, teacher__generators={"sum": GYM}
    )
    assert load(path)
    for control in ("oneShot", "heuristic", "distillation"):
        assert problems(path, control) == []
