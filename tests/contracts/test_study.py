"""The study's script: its documents load, and SNIPS made of lines is SNIPS as it is published."""

from __future__ import annotations

import json
from argparse import Namespace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from preceptor.planning.inputs import read_inputs
from preceptor.spec.load import load

ROOT = Path(__file__).parents[2]
LINES: list[dict[str, Any]] = [
    {
        "utterance": f"{words} {number} in {city}",
        "intent": intent,
        "slots": {"condition_description": words, "city": city},
    }
    for intent, words in (("GetWeather", "hail"), ("PlayMusic", "jazz"))
    for number in range(12)
    for city in ("Rome", "Oslo")
]


@pytest.fixture(scope="module")
def study() -> ModuleType:
    found = spec_from_file_location("study", ROOT / "tests" / "benchmarks" / "study.py")
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["quickstart", "snips", "reasoning-gym"])
def test_documents_of_the_study(name: str, study: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "validate.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES), "utf-8")
    wanted = Namespace(out=tmp_path / "out", snips=tmp_path, seeds=3, brief=False)
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(study.derived(name, wanted)), "utf-8")
    document = load(path)
    evaluation = document.spec.spec.evaluation
    controls = evaluation.controls
    assert (evaluation.seeds, controls.one_shot, controls.format, controls.prompted) == (3, True, True, True)
    inputs = read_inputs(document)
    if name == "snips":
        items = {item.prompt: item for split in inputs.splits.values() for item in split.items}
        told = {line["utterance"]: line for line in LINES}
        assert len(items) > 20
        for prompt, item in items.items():
            wished = {"intent": told[prompt]["intent"], "slots": told[prompt]["slots"]}
            assert json.loads(item.reference) == wished


def test_files_as_published_are_taken_as_they_are(study: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "validate_GetWeather.json").write_text("{}")
    assert study.published(tmp_path, tmp_path / "out") == [tmp_path / "validate_GetWeather.json"]


def test_slots_that_are_not_said_in_order_are_an_error(study: ModuleType, tmp_path: Path) -> None:
    broken = LINES[0] | {"slots": {"city": "Rome", "condition_description": "hail"}}
    (tmp_path / "validate.jsonl").write_text(json.dumps(broken), "utf-8")
    with pytest.raises(ValueError, match="'hail' does not follow in 'hail 0 in Rome'"):
        study.published(tmp_path, tmp_path / "out")


def test_the_table_names_what_has_not_ended(study: ModuleType, tmp_path: Path) -> None:
    assert "| snips | not run to its end |" in study.table(tmp_path, ["snips"])
