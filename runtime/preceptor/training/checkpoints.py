"""The state of a training that is not finished: written every few steps, read after a crash."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch.distributed

from preceptor.training.job import World

MANIFEST = "preceptor.json"
"""Written last: a checkpoint without it was not finished and is not read."""
TAG = "state"
"""DeepSpeed's folder inside a checkpoint."""


@dataclass(frozen=True)
class State:
    """What the loop itself has to remember; weights and moments are DeepSpeed's."""

    losses: tuple[float, ...] = ()
    """The loss of every step done."""


class Checkpoints(Protocol):
    """Where a training keeps its state. Every rank calls these together."""

    def resume(self, engine: Any, world: World) -> State:
        """Put the newest complete checkpoint into the engine; an empty state when there is none."""

    def save(self, engine: Any, world: World, state: State) -> None:
        """Keep the engine's weights and moments together with the loop's state."""


class NoCheckpoints:
    """Keeps nothing."""

    def resume(self, engine: Any, world: World) -> State:
        """There is nothing to resume from."""
        return State()

    def save(self, engine: Any, world: World, state: State) -> None:
        """Forget it."""


class DirectoryCheckpoints:
    """Keeps the newest checkpoint in a directory that every rank can write, under ``step-000010``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def resume(self, engine: Any, world: World) -> State:
        """See :class:`Checkpoints`."""
        complete = sorted(path.parent for path in self._directory.glob(f"step-*/{MANIFEST}"))
        return read(complete[-1], engine) if complete else State()

    def save(self, engine: Any, world: World, state: State) -> None:
        """See :class:`Checkpoints`; older ones are removed once the new one is complete."""
        directory = self._directory / f"step-{len(state.losses):06d}"
        write(directory, engine)
        torch.distributed.barrier()
        if world.rank == 0:
            finish(directory, state)
            for other in self._directory.glob("step-*"):
                if other != directory:
                    shutil.rmtree(other)


def write(directory: Path, engine: Any) -> None:
    """Write this rank's part; the frozen base model is left out."""
    engine.save_checkpoint(str(directory), tag=TAG, exclude_frozen_parameters=True)


def finish(directory: Path, state: State) -> None:
    """Make a checkpoint real, once every rank has written its part."""
    (directory / MANIFEST).write_text(json.dumps({"losses": state.losses}), encoding="utf-8")


def read(directory: Path, engine: Any) -> State:
    """Load a complete checkpoint into the engine."""
    engine.load_checkpoint(str(directory), tag=TAG, load_module_strict=False)
    return State(losses=tuple(json.loads((directory / MANIFEST).read_text(encoding="utf-8"))["losses"]))
