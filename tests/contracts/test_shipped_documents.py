"""Every document under specs/: it loads, follows the protocol it names, and grades what its benchmark asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.planning.inputs import read_inputs
from preceptor.spec.actors import LLMEngineer, OpenAITeacher
from preceptor.spec.changes import changed_fields
from preceptor.spec.load import Document, load
from preceptor.storage.remote import dataset_file, web_address
from preceptor.tasks.grading import grade
from preceptor.tasks.items import Item, build_items
from preceptor.tasks.scorers import build_scorer

SPECS = Path(__file__).parents[2] / "specs"
SHIPPED = sorted(path.name for path in SPECS.glob("*.yaml"))
DOMAINS = ("science", "code", "finance")
PROTOCOL = [f"{domain}{suffix}.yaml" for domain in DOMAINS for suffix in ("", "-oneshot")]


class _Output:
    """What an engine gives."""

    tokens = 9
    truncated = False

    def __init__(self, text: str) -> None:
        self.text = text


def _document(name: str) -> Document:
    return load(SPECS / name)


def _cases(domain: str) -> list[dict[str, Any]]:
    text = (Path(__file__).parent / "benchmarks" / f"{domain}.yaml").read_text(encoding="utf-8")
    cases: list[dict[str, Any]] = yaml.safe_load(text)
    return cases


def _items(domain: str) -> list[Item]:
    return build_items(_document(f"{domain}.yaml").spec.spec.task, [case["record"] for case in _cases(domain)], domain)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_document_is_accepted(name: str) -> None:
    assert _document(name).spec.name == name.removesuffix(".yaml")


def test_the_readme_names_every_document() -> None:
    readme = (SPECS / "README.md").read_text(encoding="utf-8")
    assert [name for name in SHIPPED if f"`{name}`" not in readme] == []
    assert set(PROTOCOL) <= set(SHIPPED)


@pytest.mark.parametrize("name", PROTOCOL)
def test_the_papers_protocol(name: str) -> None:
    spec = _document(name).spec.spec
    engineer, teacher, training = spec.engineer, spec.teacher, spec.student.training
    assert isinstance(engineer, LLMEngineer)
    assert isinstance(teacher, OpenAITeacher)
    assert (engineer.model, engineer.strategy == "oneShot") == ("gpt-5.2", "oneshot" in name)
    assert engineer.endpoint.api_key is not None
    assert engineer.endpoint.api_key.env == "OPENAI_API_KEY"
    assert (teacher.model, teacher.concurrency) == ("Qwen3-30B-A3B", 80)
    assert teacher.endpoint.base_url == "http://teacher:8000/v1"
    assert spec.student.model == "meta-llama/Llama-3.1-8B-Instruct"
    assert (training.method, training.rank, training.alpha, training.dropout) == ("lora", 8, 16, 0)
    assert (training.learning_rate, training.schedule, training.warmup_ratio) == (1e-4, "cosine", 0.1)
    assert (training.epochs, training.precision, training.max_tokens) == (3, "bf16", 2048)
    assert (training.batch_size, training.micro_batch_size) == (1 * 8 * 2, 1)
    assert (training.workers, training.gpus_per_worker, training.zero_stage) == (2, 1, 2)
    assert (spec.dataset.size, spec.dataset.minimum) == (2000, 1000)
    assert spec.budget.iterations == (1 if "oneshot" in name else 30)
    assert spec.budget.max_attempts == spec.budget.iterations + 7
    assert (spec.budget.teacher_requests, spec.budget.teacher_requests_per_attempt) == (50_000, 5_000)
    assert spec.budget.wall_clock == 12 * 3600
    splits = spec.task.splits
    assert (splits.feedback, splits.selection, splits.private) == (0.125, 0.125, 0.75)
    assert spec.task.items.cluster is not None


@pytest.mark.parametrize("domain", DOMAINS)
def test_one_shot_differs_in_what_its_name_says(domain: str) -> None:
    iterative, one_shot = (_document(f"{domain}{suffix}.yaml").spec.canonical() for suffix in ("", "-oneshot"))
    assert {change.path: change.new for change in changed_fields(iterative, one_shot)} == {
        "metadata.name": f"{domain}-oneshot",
        "spec.engineer.strategy": "oneShot",
        "spec.budget.iterations": 1,
    }


@pytest.mark.parametrize("domain", DOMAINS)
def test_items_come_from_public_files(domain: str) -> None:
    uris = _document(f"{domain}.yaml").spec.spec.task.items.uri
    for uri in (uris,) if isinstance(uris, str) else uris:
        if uri.startswith("hf://"):
            assert dataset_file(uri, uri)[0].count("/") == 1
        else:
            assert web_address(uri, uri).startswith("https://raw.githubusercontent.com/")


@pytest.mark.parametrize("domain", DOMAINS)
def test_records_become_items(domain: str) -> None:
    cases = _cases(domain)
    for case, item in zip(cases, _items(domain), strict=True):
        assert case["prompt"] in item.prompt
        assert item.skill == case["skill"]
    assert len({item.cluster for item in _items(domain)}) == len(cases)


@pytest.mark.parametrize("domain", DOMAINS)
def test_answers_are_graded(domain: str) -> None:
    scorer = build_scorer(_document(f"{domain}.yaml").spec.spec.task.scorer)
    for case, item in zip(_cases(domain), _items(domain), strict=True):
        for verdict in ("right", "wrong"):
            outputs = [_Output(text) for text in case[verdict]]
            graded = grade([item] * len(outputs), outputs, scorer)
            assert [row.output for row in graded if row.correct is not (verdict == "right")] == []
        assert scorer.score(item, item.reference).correct


@pytest.mark.parametrize("name", PROTOCOL)
def test_inputs_are_sound(name: str, tmp_path: Path) -> None:
    """The whole check that `preceptor validate` makes, over local items instead of public ones."""
    records = [case["record"] for case in _cases(name.removesuffix(".yaml").removesuffix("-oneshot"))]
    keys = {"id", "question_id", "problemid", "code", "context", "problem_text", "question"}
    many = [
        {column: f"{value} {copy}" if column in keys else value for column, value in record.items()}
        for copy in range(8)
        for record in records
    ]
    (tmp_path / "items.json").write_text(json.dumps(many))
    data = yaml.safe_load((SPECS / name).read_text(encoding="utf-8"))
    data["spec"]["task"]["items"]["uri"] = ["items.json"]
    path = tmp_path / name
    path.write_text(yaml.safe_dump(data))
    inputs = read_inputs(load(path), storage=str(tmp_path / "runs"))
    assert {split: len(part.items) for split, part in inputs.splits.items()} == {
        "feedback": 4,
        "selection": 4,
        "private": 24,
    }
