"""Students that know something before a run begins, and other tasks to ask them about."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from preceptor.spec.actors import Training
from support.tiny import write_tiny_student


def write_taught_student(directory: Path, answers: Mapping[str, str], *, epochs: int = 30) -> Path:
    """Write a tiny student that gives ``answers`` to questions, and return its directory."""
    from preceptor.training.job import Example, TrainingJob
    from preceptor.training.loop import train

    untaught = write_tiny_student(directory / "untaught")
    training = Training(
        method="full", epochs=epochs, learning_rate=0.003, batch_size=4, max_tokens=64, zero_stage=0, warmup_ratio=0
    )
    rows = [Example([{"role": "user", "content": question}], answer) for question, answer in answers.items()]
    taught = directory / "taught"
    train(TrainingJob(untaught, training, seed=0, rows=rows, output_dir=taught))
    for file in untaught.iterdir():
        if not (taught / file.name).exists():
            shutil.copy(file, taught)
    return taught


def write_other_task(run: Path, name: str, items: Iterable[Mapping[str, Any]], **changes: object) -> Path:
    """Write ``<name>.yaml`` with its items beside a document, a copy of it with another examination; return its path.

    Items have ``id``, ``skill``, ``q`` and ``a``. ``changes`` replaces keys of its task.
    """
    document = yaml.safe_load(run.read_text("utf-8"))
    document["metadata"]["name"] = name
    document["spec"].pop("evaluation")
    task = document["spec"]["task"]
    task["items"]["uri"] = f"{name}.jsonl"
    task |= changes
    (run.parent / f"{name}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    path = run.with_name(f"{name}.yaml")
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return path
