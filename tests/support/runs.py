"""Real small runs: two of one kind, a one-shot run on the same items, one on others, and one that stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from preceptor import app
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Tick, TrainingOrder
from preceptor.spec.load import load
from preceptor.training.job import TrainingResult
from support.silent import SilentReporter
from support.small_run import write_small_run


@dataclass(frozen=True)
class Runs:
    """Directories and documents; not to be written to."""

    root: Path

    def document(self, name: str) -> Path:
        return self.root / name / "run.yaml"

    def directory(self, name: str) -> Path:
        return self.root / name / "runs" / name


class KilledError(Exception):
    """Stands for the end of the process."""


class Falls(InProcess):
    """Is gone before it has trained anything."""

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        raise KilledError


def write_runs(root: Path, tiny: Path) -> Runs:
    """Make them all below ``root``."""
    made = Runs(root)
    brief = {"dataset__size": 24, "student__training__epochs": 6}

    def write(name: str, **changes: object) -> Path:
        directory = made.root / name
        directory.mkdir()
        wanted = {"budget__iterations": 1, "evaluation__controls": {"prompted": False}} | brief | changes
        path = write_small_run(directory, tiny, **wanted)
        data = yaml.safe_load(path.read_text("utf-8"))
        data["metadata"]["name"] = name
        path.write_text(yaml.safe_dump(data), "utf-8")
        return path

    def run(path: Path) -> None:
        app.run(load(path), storage=None, reporter=SilentReporter(), workforce=InProcess)

    run(write("warm", evaluation__controls={"prompted": True, "format": True}))
    run(write("warm-2", seed=7))
    run(write("warm-at-once", engineer__strategy="oneShot"))
    run(write("others", task__splits__seed=2))
    with pytest.raises(KilledError):
        app.run(load(write("half")), storage=None, reporter=SilentReporter(), workforce=Falls)
    return made
