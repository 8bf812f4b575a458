"""What a training is given and what it gives back: plain frozen data, importable without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from preceptor.spec.actors import Training

Message = Mapping[str, str]
"""A turn of a conversation: ``{"role": …, "content": …}``."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row: a conversation that ends with a question, and the answer the student should give."""

    messages: Sequence[Message]
    """System message (optional), earlier turns, the user's question."""
    completion: str
    """The answer; only its tokens, and the token that ends the turn, are trained on."""


@dataclass(frozen=True)
class TrainingJob:
    """Everything that decides the outcome of a training, and where the outcome goes."""

    model_dir: Path
    """The base model, a directory that transformers loads (see :func:`preceptor.students.source.resolve`)."""
    training: Training
    """Method and hyper-parameters."""
    seed: int
    """Root of every random choice: the order of the rows, the adapters' initial weights, dropout."""
    rows: Sequence[Example]
    """The training data, in the dataset version's order."""
    output_dir: Path
    """Gets the adapter (peft format) or the full weights as safetensors; written by rank 0 at the end."""
    checkpoint_dir: Path | None = None
    """Where the optimiser's state is kept every ``checkpointEvery`` steps, and where a killed training resumes from."""


@dataclass(frozen=True, slots=True)
class World:
    """The training processes, seen from one of them."""

    rank: int = 0
    """This process, from 0."""
    size: int = 1
    """How many there are."""
    local_rank: int = 0
    """This process among those of its machine; the number of its GPU."""

    @classmethod
    def from_environment(cls) -> World:
        """The world that a launcher such as torchrun describes in environment variables; else one process."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        rank, size, local = (int(os.environ.get(name, default)) for name, default in zip(names, "010", strict=True))
        return cls(rank=rank, size=size, local_rank=local)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training is after an optimiser step."""

    step: int
    """Steps done, from 1."""
    steps: int
    """Steps in all."""
    loss: float
    """Mean cross-entropy over the step's answer tokens, in nats."""
    seconds: float
    """Since the first step began."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training did."""

    steps: int
    """Optimiser steps, those before a resume included."""
    tokens: int
    """Tokens trained on, questions and answers, without padding, over all epochs."""
    seconds: float
    """From the first step of this process to the last, without loading and saving."""
    losses: tuple[float, ...]
    """Mean cross-entropy over the answer tokens of each step, in nats."""
    rows: int
    """Rows trained on in each epoch."""
    dropped_too_long: int
    """Rows left out because they are longer than ``maxTokens``."""
    trainable_parameters: int
    """Weights that were updated."""
    peak_memory: int
    """Largest resident size of rank 0's process, or of its GPU's allocations, in bytes."""

    @property
    def loss_first(self) -> float:
        """Loss of the first step."""
        return self.losses[0]

    @property
    def loss_last(self) -> float:
        """Loss of the last step."""
        return self.losses[-1]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data; :meth:`from_dict` reads it back."""
        return asdict(self) | {"losses": list(self.losses)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrainingResult:
        """Read what :meth:`to_dict` wrote; unknown keys are ignored, as in everything stored."""
        known = {field.name: data[field.name] for field in fields(cls)}
        return cls(**known | {"losses": tuple(data["losses"])})
